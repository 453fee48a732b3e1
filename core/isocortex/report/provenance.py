"""Where the results come from: command, versions, keys, and the papers that the steps name."""

from __future__ import annotations

import inspect
import json
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
from isocortex.report.papers import Bibliography, Cited

_RECORDED = ("started", "python", "platform", "processors", "workers")


def provenance_of(plan: Plan, results: Mapping[str, Result | None], out: Path) -> dict[str, Any]:
    """Everything that says how to get these results again, and whom to cite."""
    cited, faults = sources(plan)
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
        "sources": cited,
        "faults": faults,
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


def sources(plan: Plan) -> tuple[list[Cited], list[str]]:
    """Papers behind the pipeline, its steps and their components, and what cannot be read of such lists."""
    texts = [("the pipeline", plan.document.description)]
    uses: list[tuple[str, str, Mapping[str, Any]]] = []
    said: list[tuple[str, str]] = []
    for step in plan.document.steps:
        for instance in plan.of_step(step)[:1]:
            for name, target, resolved in _components(instance):
                texts += [(step, text) for text in _documents(target)]
                uses.append((step, name, _settings(resolved)))
                said += [(step, str(reference)) for reference in _own(target)]
    bibliography = Bibliography(plan.manager)
    return bibliography.cited(texts, uses, said), bibliography.faults


def _components(instance: Any) -> Iterator[tuple[str, Any, Any]]:
    """Name, function or class, and settings of a step and of all components in it."""
    yield instance.schema.name, instance.schema.function, instance.resolved
    waiting = list(instance.resolved.components.values())
    while waiting:
        component = waiting.pop()
        try:
            target = component.entry.load()
        except Exception:  # a source that is not named costs no page
            continue
        yield component.entry.name, target, component.resolved
        waiting += component.resolved.components.values()


def _settings(resolved: Any) -> dict[str, Any]:
    """Values of all settings, defaults filled in; of a component its name."""
    found = {name: setting.default for name, setting in resolved.signature.settings.items()}
    names = {name: component.entry.name for name, component in resolved.components.items()}
    return {**found, **resolved.values, **names}


def _own(target: Any) -> tuple[Any, ...]:
    """What a component says itself; anything but a list of references is somebody else's attribute."""
    found = getattr(target, "cites", ())
    return tuple(found) if isinstance(found, (list, tuple)) else ()


def _documents(target: Any) -> Iterator[str]:
    yield inspect.getdoc(target) or ""
    module = sys.modules.get(getattr(target, "__module__", ""))
    yield getattr(module, "__doc__", None) or ""
