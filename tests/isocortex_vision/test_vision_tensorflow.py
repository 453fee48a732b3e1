"""TensorFlow beside the user's own use of it, and in its deterministic mode."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BESIDE = """
from isocortex_vision._tensorflow import tf
print(tf.random.normal((2,)).shape)  # without a seed: an error in the deterministic mode
"""
TWICE = """
import sys
sys.path.insert(0, sys.argv[1])
from test_vision_training import same, trained
from tensorflow.python.framework import config
assert config.is_op_determinism_enabled()
print(same(trained().network, trained().network))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "code", "said"), [(None, BESIDE, "(2,)"), ("1", TWICE, "True")])
def test_the_deterministic_mode_is_the_users_choice(mode: str | None, code: str, said: str) -> None:
    """It is not turned on for what the user does beside us, and where it is on a training goes through it."""
    environment = {name: value for name, value in os.environ.items() if name != "TF_DETERMINISTIC_OPS"}
    environment |= {} if mode is None else {"TF_DETERMINISTIC_OPS": mode}
    command = [sys.executable, "-c", code, str(Path(__file__).parent)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == [said]
