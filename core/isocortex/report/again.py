"""The report of a finished run, written again from its folder alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from isocortex.errors import IsocortexError, PipelineError
from isocortex.formats.arrays import described
from isocortex.pipeline.parameters import GivenPath
from isocortex.pipeline.plan import Plan, make_plan
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
        plan = _plan(record)
        done = _done(plan, folder) if record["status"] == "running" else set(steps) - {*failed, *skipped}
    return write_page(plan, folder.resolve(), done, failed, skipped)


def _plan(record: Mapping[str, Any]) -> Plan:
    """Plan as then: a relative path is relative to the folder it was given in, or to the pipeline."""
    file = Path(record["pipeline"])
    if not file.is_absolute():  # a pipeline is code; that of a stranger's folder must not pass for the user's
        raise ValueError(f"the pipeline {str(file)!r} is not an absolute path")
    given = {
        name: GivenPath.mark(value, Path(record["given_in"].get(name, file.parent)))
        for name, value in record["parameters"].items()
    }
    try:
        return make_plan(file, given, disable=record["disabled"])
    except PipelineError as error:
        objects = [plugin["name"] for plugin in record["plugins"] if plugin["source"] == "object"]
        if objects:
            raise IsocortexError(
                f"this run had the plugin object {', '.join(objects)}, which only Python code can give: call "
                "isocortex.run as then; it uses the results again and writes the report"
            ) from error
        raise


def _done(plan: Plan, folder: Path) -> Collection[str]:
    """What is there of a run that was killed before it could say so."""
    return {key for key, fate in fates_of(plan, folder)[0].items() if fate == REUSE}
