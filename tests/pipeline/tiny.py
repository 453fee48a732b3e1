"""Pipelines of a few lines for tests of the engine: a plugin file and a YAML beside each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HEAD = """
import os
import sys
import warnings
from pathlib import Path

import numpy as np

import isocortex as ic


def _log(text):
    if "ISOCORTEX_TEST_LOG" in os.environ:
        with open(os.environ["ISOCORTEX_TEST_LOG"], "a") as file:
            file.write(f"{text}\\n")


@ic.hookimpl
def register_steps(register):
    for name, item in list(globals().items()):
        if getattr(item, "__module__", "") == __name__ and name not in ("register_steps",) and name[0] != "_":
            register(name, item)

"""


def write_tiny(folder: Path, steps: str, pipeline: str) -> Path:
    """Write ``steps`` (functions, each a step) and the rest of a pipeline; gives the pipeline's path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "steps.py").write_text(HEAD + steps)
    (folder / "tiny.yaml").write_text(f"name: tiny\nplugins: [steps.py]\n{pipeline}")
    return folder / "tiny.yaml"


def run_record(out: Path) -> dict[str, Any]:
    """The run record."""
    return json.loads((out / "run.json").read_text())  # type: ignore[no-any-return]


def statuses(out: Path) -> dict[str, str]:
    """Status of every instance in the run record."""
    return {key: step["status"] for key, step in run_record(out)["steps"].items()}


def leftovers(out: Path) -> list[str]:
    """What lies half-written in an output folder."""
    return [path.name for path in (out / ".isocortex").glob("new-*")]
