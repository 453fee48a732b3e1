"""TensorFlow as it is set up before anything is computed with it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ASKED = """
from isocortex_vision._tensorflow import tf
from tensorflow.python.framework import config
print(config.is_op_determinism_enabled())
"""


@pytest.mark.parametrize(("given", "found"), [(None, "True"), ("0", "False")])
def test_operations_are_deterministic_unless_the_user_says_otherwise(given: str | None, found: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TF_DETERMINISTIC_OPS"}
    if given is not None:
        environment["TF_DETERMINISTIC_OPS"] = given
    ended = subprocess.run(
        [sys.executable, "-c", ASKED], env=environment, capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == [found]
    assert not ended.stderr
