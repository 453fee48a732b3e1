"""The page of pipelines: parameters with what the YAML's comments say of them, presets, axes and steps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from isocortex.pipeline.document import Document, read_document, resource, validate
from isocortex.plugins.registry import Entry
from isocortex.reference.markdown import anchor, inline, page, prose, table, value
from isocortex.reference.site import Site

_PARAMETER = re.compile(r"""\s+(\w+):(?:'[^']*'|"[^"]*"|[^'"])*?(?:\s#\s*(.*))?$""")
"""``  name: value  # comment``; a # within quotes begins none."""


def pipeline_pages(site: Site) -> dict[str, str]:
    """The page ``pipelines.md``, when there are pipelines."""
    entries = site.entries("pipeline")
    if not entries:
        return {}
    guide = site.guide("pipelines.md")
    title = f"# Pipelines\n\n`isocortex run NAME`; what stands in a pipeline: {guide}."
    listing = table(("name", ""), ((f"[`{e.name}`](#{anchor(e.name)})", inline(e.summary)) for e in entries))
    return {"pipelines.md": page(title, listing, *(_section(site, entry) for entry in entries))}


def _section(site: Site, entry: Entry) -> str:
    path = resource(str(entry.target), f"the pipeline {entry.name!r}")
    document = validate(read_document(path)).document
    if document is None:
        return page(f"## {entry.name}", "Cannot be described: its YAML is not sound (`isocortex check`).")
    said = comments(path.read_text(encoding="utf-8"))
    parameters = (
        (f"`{name}`", value(default), inline(said.get(name, "")))
        for name, default in document.parameters.items()
    )
    presets = (
        (f"`{name}`", ", ".join(f"`{key}`: {value(item)}" for key, item in values.items()))
        for name, values in document.presets.items()
    )
    return page(
        f"## {entry.name}",
        prose(document.description),
        table(("parameter", "default", "meaning"), parameters),
        table(("preset", "what it sets"), presets),
        table(("step", "use", "from", "over"), _steps(site, document)),
        f"Plugin `{entry.plugin.name}`.",
    )


def _steps(site: Site, document: Document) -> list[tuple[str, str, str, str]]:
    rows = []
    for name, step in document.steps.items():
        address = site.link(step.use)
        use = f"[`{step.use}`]({address})" if address else f"`{step.use}`"
        rows.append((f"`{name}`", use, _wiring(step.from_), ", ".join(step.over)))
    return rows


def _wiring(wired: str | Mapping[str, Any]) -> str:
    if isinstance(wired, str):
        return f"`{wired}`"
    parts = {name: one if isinstance(one, str) else ", ".join(one) for name, one in wired.items()}
    return ", ".join(f"{name}: `{one}`" for name, one in parts.items())


def comments(text: str) -> dict[str, str]:
    """What the comments behind the parameters (and on the lines below them) say."""
    found: dict[str, str] = {}
    inside, last = False, ""
    for line in text.splitlines():
        if re.match(r"\S", line):
            inside = line.startswith("parameters:")
        elif inside and (entry := _PARAMETER.match(line)):
            last = entry[1]
            found[last] = entry[2] or ""
        elif inside and last and (more := re.match(r"\s+#\s*(.*)$", line)):
            found[last] = f"{found[last]} {more[1]}".strip()
    return found
