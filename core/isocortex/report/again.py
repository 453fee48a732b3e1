"""The report of a finished run, written again from its folder alone."""

from __future__ import annotations

from pathlib import Path

from isocortex.errors import IsocortexError
from isocortex.formats.arrays import read_json
from isocortex.pipeline.plan import make_plan
from isocortex.pipeline.record import FILE
from isocortex.report.page import write_page


def report_again(folder: Path) -> Path:
    """Plan the recorded pipeline again with its parameters and write its page; nothing is computed."""
    path = folder / FILE
    if not path.is_file():
        raise IsocortexError(f"{path}: there is no run record; is {folder} the output folder of a run?")
    record = read_json(path)
    steps = record.get("steps", {})
    plan = make_plan(record["pipeline"], record["parameters"])
    failed = {key: step["error"] for key, step in steps.items() if step["status"] == "failed"}
    skipped = [key for key, step in steps.items() if step["status"] == "skipped"]
    return write_page(plan, folder.resolve(), failed, skipped)
