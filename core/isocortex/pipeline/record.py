"""The run record ``run.json``: what ran, with what, how long, and what was said. A lifecycle plugin."""

from __future__ import annotations

import json
import os
import platform
import socket
import time
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from typing import Any

from isocortex.formats.arrays import write_bytes
from isocortex.pipeline.events import RunEvent, StepEvent
from isocortex.pipeline.parameters import GivenPath
from isocortex.plugins.markers import hookimpl

FILE = "run.json"
PACKAGES = (
    "isocortex",
    "numpy",
    "scipy",
    "numba",
    "tensorflow",
    "scikit-learn",
    "nibabel",
    "nilearn",
    "pydantic",
    "pluggy",
)


class RunRecord:
    """Collects what happens in a run and writes it beside the results at its start and end."""

    def __init__(self) -> None:
        self.steps: dict[str, dict[str, Any]] = {}
        self.began = 0.0

    @hookimpl
    def run_started(self, run: RunEvent) -> None:
        """Write the record of a run that is under way."""
        self._run, self.began = run, time.time()
        self._write("running")

    @hookimpl
    def step_finished(self, step: StepEvent) -> None:
        """Note a finished or reused instance."""
        status = "reused" if step.reused else "done"
        self.steps[step.id] = {
            "status": status,
            "seconds": step.seconds,
            "warnings": list(step.warnings),
            "folder": step.folder.relative_to(self._run.folder).as_posix(),
        }

    @hookimpl
    def step_failed(self, step: StepEvent, error: BaseException) -> None:
        """Note a failed instance with its traceback."""
        details = getattr(error, "details", "")
        self.steps[step.id] = {"status": "failed", "error": self._run.failed[step.id], "traceback": details}

    @hookimpl(trylast=True)
    def run_finished(self, run: RunEvent) -> None:
        """Write the whole record."""
        for key in run.skipped:
            self.steps[key] = {"status": "skipped"}
        whole = len(self.steps) == len(run.instances)
        self._write("failed" if run.failed else "done" if whole else "interrupted")

    def _write(self, status: str) -> None:
        content = {
            "status": status,
            **_about(self._run),
            "started": _clock(self.began),
            "updated": _clock(time.time()),
        }
        content |= {"versions": versions(), "plugins": _plugins(self._run), "steps": self.steps}
        path = self._run.folder / FILE
        new = path.with_suffix(".json.new")
        text = json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n"
        write_bytes(new, text.encode("utf-8", "backslashreplace"))  # file names may hold any byte
        new.replace(path)


def _about(run: RunEvent) -> dict[str, Any]:
    return {
        "name": run.name,
        "pipeline": str(run.file.resolve()),
        "seed": run.seed,
        "parameters": dict(run.parameters),
        "given_in": {name: base for name, value in run.parameters.items() if (base := _base(value))},
        "disabled": sorted(run.plan.manager.disabled),
        "workers": run.workers,
        "scheduler": run.scheduler,
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
    }


def _base(value: Any) -> str | None:
    """Folder that relative paths in a parameter are relative to, if it was given for this run."""
    if isinstance(value, GivenPath):
        return str(value.base)
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return next((base for part in parts if (base := _base(part))), None)


@cache
def versions() -> dict[str, str]:
    """Versions of the packages that results can depend on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _plugins(run: RunEvent) -> list[Mapping[str, str]]:
    return [
        {"name": info.name, "source": info.source, "status": info.status, "error": info.error}
        for info in run.plan.manager.infos
    ]


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(seconds))
