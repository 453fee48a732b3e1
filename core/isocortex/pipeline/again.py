"""The plan of a finished run, made again from its folder alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isocortex.errors import IsocortexError, PipelineError
from isocortex.pipeline.parameters import GivenPath
from isocortex.pipeline.plan import Plan, make_plan


def plan_again(record: Mapping[str, Any]) -> Plan:
    """Plan what a run record is of, with its parameters: the pipeline and the code are those of today.

    A relative path is relative to the folder it was given in, or to the pipeline.
    """
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
