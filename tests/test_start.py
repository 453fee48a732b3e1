"""The command line starts without what it does not need."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "tensorflow",
    "numba",
    "nilearn",
    "sklearn",
    "pandas",
    "scipy",
    "matplotlib",
    "numpy",
    "pydantic",
    "nibabel",
)


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["list", "step"], ["plugins"], ["--version"]])
def test_start_imports_nothing_heavy(arguments: list[str]) -> None:
    code = f"""
import sys
from isocortex.cli import main
try:
    main({arguments!r})
except SystemExit as end:
    assert end.code in (0, None), end.code
heavy = sorted(set({HEAVY!r}) & set(sys.modules))
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_python_api_imports_lazily() -> None:
    code = "import sys, isocortex as ic; assert 'numpy' not in sys.modules; ic.RDMs"
    subprocess.run([sys.executable, "-c", code], check=True)
