"""Where the results come from: command, versions, keys, and the papers that the steps name."""

from __future__ import annotations

import inspect
import json
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from isocortex.pipeline.plan import Plan
from isocortex.pipeline.record import FILE, versions
from isocortex.pipeline.store import Result
from isocortex.pipeline.yaml_text import parse_scalar
from isocortex.report.overview import asked

_NAME = r"[A-Z\u00c0-\u00dd][\w\u00c0-\u017f'-]+"
_AUTHORS = rf"{_NAME}(?:,? {_NAME}(?=,? (?:{_NAME},? )*&))*(?:,? (?:& {_NAME}|and {_NAME}|et al\.))?"
_SOURCE = re.compile(rf"({_AUTHORS}),? \(?((?:19|20)\d\d)\b")
_NO_AUTHOR = {"In", "Since", "From", "After", "Before", "Of", "The", "Until", "By", "Nov", "Version"}
_RECORDED = ("started", "python", "platform", "processors", "workers")


def provenance_of(plan: Plan, results: Mapping[str, Result | None], out: Path) -> dict[str, Any]:
    """Everything that says how to get these results again, and whom to cite."""
    return {
        "command": command(plan),
        "versions": versions(),
        "plugins": [info for info in plan.manager.infos if info.status == "loaded"],
        "recorded": _recorded(out),
        "keys": [
            {
                "id": key,
                "plugin": plan.instances[key].schema.entry.plugin.source,
                "key": result.key or "not kept: a part without source",
            }
            for key, result in results.items()
            if result is not None
        ],
        "sources": sources(plan),
    }


def command(plan: Plan) -> str:
    """The command that gives this run, from its parameters."""
    preset, changed = asked(plan)
    parts = ["isocortex", "run", _name(plan)]
    settings = plan.document.presets.get(preset, {})
    if preset:
        parts += ["--preset", preset]
    for name, value, _ in changed:
        if name not in settings:
            parts += ["--set", f"{name}={_written(value)}"]
    for name in sorted(plan.manager.disabled - set(plan.document.disable)):
        parts += ["--disable", name]
    return " ".join(shlex.quote(part) for part in parts)


def _written(value: Any) -> str:
    """A value as the command line reads it; a text that would be read as something else is quoted."""
    plain = isinstance(value, str) and parse_scalar(value) == value
    return str(value) if plain else json.dumps(value, default=str)


def _name(plan: Plan) -> str:
    """How the pipeline is called: the name that a plugin registered it under, or its file."""
    for name in plan.manager.names("pipeline"):
        target = str(plan.manager.find("pipeline", name).target)
        if name == plan.name and target.endswith(f":{plan.file.name}"):
            return name
    return plan.file.name


def _recorded(out: Path) -> dict[str, str]:
    """What the run record says of the machine; nothing that differs between two looks at one run."""
    try:
        record = json.loads((out / FILE).read_bytes())
        return {name: str(record[name]) for name in _RECORDED if name in record}
    except (OSError, ValueError, TypeError):
        return {}


def sources(plan: Plan) -> list[tuple[str, list[str]]]:
    """Papers named in the description and in the docstrings of the steps' functions and components."""
    found: dict[str, list[str]] = {}
    texts = [("the pipeline", plan.document.description)]
    for step in plan.document.steps:
        for instance in plan.of_step(step)[:1]:
            texts += [(step, text) for text in _docstrings(instance)]
    for where, text in texts:
        for source in named_in(text):
            places = found.setdefault(source, [])
            if where not in places:
                places.append(where)
    return sorted(found.items())


def named_in(text: str) -> Iterator[str]:
    """Sources of the form ``Author & Author 2019`` in a text."""
    for match in _SOURCE.finditer(" ".join(text.split())):
        authors, year = match.groups()
        if authors.split(" ")[0].strip(",") not in _NO_AUTHOR:
            yield f"{authors} {year}"


def _docstrings(instance: Any) -> Iterator[str]:
    yield from _documents(instance.schema.function)
    waiting = list(instance.resolved.components.values())
    while waiting:
        component = waiting.pop()
        try:
            target = component.entry.load()
        except Exception:  # a source that is not named costs no page
            continue
        yield from _documents(target)
        waiting += component.resolved.components.values()


def _documents(target: Any) -> Iterator[str]:
    yield inspect.getdoc(target) or ""
    module = sys.modules.get(getattr(target, "__module__", ""))
    yield getattr(module, "__doc__", None) or ""
