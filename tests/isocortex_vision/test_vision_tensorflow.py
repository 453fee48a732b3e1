"""TensorFlow as it is set up before anything is computed with it."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module

import pytest

ASKED = """
from isocortex_vision._tensorflow import tf
from tensorflow.python.framework import config
print(config.is_op_determinism_enabled())
"""


def test_operations_are_deterministic() -> None:
    import_module("isocortex_vision._tensorflow")
    config = import_module("tensorflow.python.framework.config")
    assert config.is_op_determinism_enabled() is (os.environ["TF_DETERMINISTIC_OPS"] == "1")


@pytest.mark.slow
@pytest.mark.parametrize(("given", "found"), [(None, "True"), ("0", "False")])
def test_a_user_decides_whether_operations_are_deterministic(given: str | None, found: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TF_DETERMINISTIC_OPS"}
    if given is not None:
        environment["TF_DETERMINISTIC_OPS"] = given
    ended = subprocess.run(
        [sys.executable, "-c", ASKED], env=environment, capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == [found]
    assert not ended.stderr
