"""The report of a finished run, written again from its folder alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from isocortex.errors import IsocortexError
from isocortex.formats.arrays import described
from isocortex.pipeline.again import plan_again
from isocortex.pipeline.plan import Plan
from isocortex.pipeline.preview import REUSE, fates_of
from isocortex.pipeline.record import FILE
from isocortex.report.page import write_page


def report_again(folder: Path) -> Path:
    """Plan the recorded pipeline again with its parameters and write its page; nothing is computed."""
    path = folder / FILE
    if not path.is_file():
        raise IsocortexError(f"{path}: there is no run record; is {folder} the output folder of a run?")
    with described(path) as record:
        steps: Mapping[str, Any] = record["steps"]
        failed = {key: step["error"] for key, step in steps.items() if step["status"] == "failed"}
        skipped = [key for key, step in steps.items() if step["status"] == "skipped"]
        plan = plan_again(record)
        done = _done(plan, folder) if record["status"] == "running" else set(steps) - {*failed, *skipped}
    return write_page(plan, folder.resolve(), done, failed, skipped)


def _done(plan: Plan, folder: Path) -> Collection[str]:
    """What is there of a run that was killed before it could say so."""
    return {key for key, fate in fates_of(plan, folder)[0].items() if fate == REUSE}
