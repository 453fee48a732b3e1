"""The top of the page: what was asked, what was found, what was warned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from isocortex.data.figure import Figure
from isocortex.data.images import Images
from isocortex.data.table import Table
from isocortex.formats.arrays import read_json
from isocortex.pipeline.plan import Plan
from isocortex.report.parts import Block, Context, Item
from isocortex.report.tables import MARKS, View

SMALL = (8, 10)
"""Rows and columns of a table that is small enough for the top of the page."""


@dataclass(frozen=True)
class Finding:
    """A row of a table with a ``severity`` column that is not ok."""

    severity: str
    mark: str
    where: str
    text: str
    details: list[tuple[str, str]]


@dataclass
class Said:
    """A warning, and the step instances that gave it."""

    text: str
    keys: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Overview:
    """Everything at the top."""

    preset: str
    changed: list[tuple[str, str, str]]
    defaults: list[tuple[str, str]]
    axes: list[tuple[str, list[str]]]
    found: list[dict[str, Any]]
    table: View | None
    table_of: str
    failed: Mapping[str, str]
    skipped: Sequence[str]
    findings: list[Finding]
    warnings: list[Said]


def overview_of(
    context: Context, blocks: Sequence[Block], failed: Mapping[str, str], skipped: Sequence[str]
) -> Overview:
    """Collect what belongs at the top."""
    plan = context.plan
    preset, changed = asked(plan)
    names = {name for name, _, _ in changed}
    findings = list(_findings(context))
    table, table_of = _small_table(blocks)
    return Overview(
        preset,
        [(name, in_words(value), in_words(default)) for name, value, default in changed],
        [(name, in_words(value)) for name, value in plan.parameters.items() if name not in names],
        [(name, list(axis.labels)) for name, axis in plan.axes.items()],
        list(_found(blocks)),
        table,
        table_of,
        failed,
        skipped,
        [finding for _, finding in findings],
        _warnings(context, findings),
    )


def asked(plan: Plan) -> tuple[str, list[tuple[str, Any, Any]]]:
    """The preset that explains most of what differs from the defaults, and what does: name, value, default.

    The name of the preset is not recorded, and need not be: what it sets is.
    """
    default = plan.document.parameters
    changed = [
        (name, value, default.get(name))
        for name, value in plan.parameters.items()
        if value != default.get(name)
    ]
    names = {name for name, _, _ in changed}
    best, most = "", 0
    for preset, settings in plan.document.presets.items():
        holds = all(plan.parameters.get(name) == value for name, value in settings.items())
        count = len(names & set(settings))
        if holds and count > most:
            best, most = preset, count
    return best, changed


def in_words(value: Any) -> str:
    """A setting as it stands in a pipeline, without quotes and outer brackets."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_inner(part)}" for name, part in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_inner, value)) or "[]"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return str(value)


def _inner(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + in_words(value) + "}"
    return f"[{in_words(value)}]" if isinstance(value, (list, tuple)) else in_words(value)


def _found(blocks: Sequence[Block]) -> Iterator[dict[str, Any]]:
    for block in blocks:
        if block.behind or not block.items:
            continue
        text = block.items[0].summary
        more = len(block.items) - 1
        picture = issubclass(block.items[0].kind, (Figure, Images))
        yield {"id": block.id, "title": block.title, "text": text, "more": more, "picture": picture}


def _small_table(blocks: Sequence[Block]) -> tuple[View | None, str]:
    """The first named table that is small, shown at the top as well."""
    for block in blocks:
        if block.shape == "tables" and len(block.content) == 1:
            view: View = block.content[0]
            if 0 < view.count <= SMALL[0]:
                return view, block.id
    return None, ""


def _findings(context: Context) -> Iterator[tuple[Item, Finding]]:
    """Rows of any table with a ``severity`` column, whichever step made it; serious ones first."""
    found: list[tuple[Item, Finding]] = []
    for step in context.plan.document.steps:
        for item in context.items(step):
            if issubclass(item.kind, Table):
                found += [(item, finding) for finding in _findings_in(item)]
    yield from sorted(found, key=lambda pair: pair[1].severity != "warning")


def _findings_in(item: Item) -> Iterator[Finding]:
    try:
        if "severity" not in read_json(item.folder / "table.json")["columns"]:
            return  # without reading the table, which may be long
        table: Any = item.load()
    except Exception:  # said where its own block is, or by the step that reads it
        return
    for row in table.rows():
        severity = row.pop("severity")
        if severity not in ("warning", "note"):
            continue
        text = row.pop("finding", "")
        details = [
            (name, f"{value:.4g}" if isinstance(value, float) else str(value))
            for name, value in row.items()
            if value != "" and value == value
        ]
        yield Finding(severity, MARKS[severity], item.instance.id, str(text), details)


def _warnings(context: Context, findings: Sequence[tuple[Item, Finding]]) -> list[Said]:
    """Warnings of the steps, each text once; what a finding already says is not said twice."""
    told = {(item.instance.id, finding.text) for item, finding in findings if finding.text}
    said: dict[str, Said] = {}
    for key, result in context.results.items():
        for text in result.warnings if result else ():
            if not any(key == step and finding in text for step, finding in told):
                said.setdefault(text, Said(text)).keys.append(key)
    return list(said.values())
