"""One self-contained HTML page a run, made from the results on disk. A lifecycle plugin."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from isocortex.data.base import Data
from isocortex.data.figure import Figure
from isocortex.data.table import Table
from isocortex.formats.arrays import write_bytes
from isocortex.pipeline.events import RunEvent
from isocortex.pipeline.plan import Instance, Plan
from isocortex.pipeline.progress import clock
from isocortex.pipeline.record import versions
from isocortex.pipeline.store import Result, Store
from isocortex.plugins.markers import hookimpl

FILE = "report.html"
ROWS = 200
"""Rows of a table that the page shows; the file has them all."""


@dataclass
class Block:
    """One result on the page."""

    title: str
    text: str
    folder: str
    picture: str = ""
    alt: str = ""
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    more: int = 0


class Report:
    """Writes the page when a run ends."""

    @hookimpl
    def run_finished(self, run: RunEvent) -> None:
        """Write ``report.html`` into the output folder."""
        write_page(run.plan, run.folder, run.finished, run.failed, run.skipped)


def write_page(
    plan: Plan,
    out: Path,
    done: Collection[str],
    failed: Mapping[str, str] | None = None,
    skipped: Sequence[str] = (),
) -> Path:
    """Write the page of a run from what is on disk; everything that comes from data is escaped.

    Only the results of ``done`` are shown: where a step failed, that of an earlier run may still lie.
    """
    import jinja2

    store = Store(out)
    results = {
        key: store.find(store.folder(item.step, item.axes)) if key in done else None
        for key, item in plan.instances.items()
    }
    source = resources.files("isocortex.report").joinpath("page.html").read_text(encoding="utf-8")
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(source)
    html = template.render(
        plan=plan,
        blocks=list(_blocks(plan, results, out)),
        steps=list(_steps(plan, results)),
        failed=failed or {},
        skipped=skipped,
        warnings=[(key, text) for key, result in results.items() if result for text in result.warnings],
        versions=versions(),
        plugins=[info for info in plan.manager.infos if info.status == "loaded"],
    )
    path = out / FILE
    new = path.with_suffix(".html.new")
    write_bytes(new, html.encode("utf-8", "backslashreplace"))
    new.replace(path)
    return path


def _blocks(plan: Plan, results: dict[str, Result | None], out: Path) -> Iterator[Block]:
    wanted = plan.document.report or list(plan.document.steps)
    for reference in wanted:
        step, _, output = reference.partition(".")
        for instance in plan.of_step(step):
            result = results[instance.id]
            for name, kind in instance.schema.outputs.items():
                if result is None or (output and name != output):
                    continue
                if plan.document.report or issubclass(kind, (Figure, Table)):
                    yield _block(instance, name, kind, result, out)


def _block(instance: Instance, name: str, kind: type[Data], result: Result, out: Path) -> Block:
    output = result.outputs[name]
    title = instance.id + (f".{name}" if len(instance.schema.outputs) > 1 else "")
    folder = output.folder.relative_to(out).as_posix()
    block = Block(title, output.summary, folder)
    try:
        _show(block, kind, output.folder)
    except Exception as error:  # one result that cannot be read must not cost the page
        block.text += f" (cannot be shown: {type(error).__name__}: {error})"
    return block


def _show(block: Block, kind: type[Data], folder: Path) -> None:
    if issubclass(kind, Figure):
        figure = kind.load(folder)
        block.picture = base64.b64encode(figure.png).decode()
        block.alt = figure.alt or figure.caption
        _fill(block, figure.table)
    elif issubclass(kind, Table):
        _fill(block, kind.load(folder))


def _fill(block: Block, table: Table | None) -> None:
    if table is None:
        return
    block.columns = list(table.columns)
    rows = table.rows()
    block.rows = [[_cell(value) for value in row.values()] for row in rows[:ROWS]]
    block.more = max(len(rows) - ROWS, 0)


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _steps(plan: Plan, results: dict[str, Result | None]) -> Iterator[dict[str, Any]]:
    for name, part in plan.document.steps.items():
        found = [results[instance.id] for instance in plan.of_step(name)]
        times = [
            seconds for result in found if result is not None and (seconds := result.seconds()) is not None
        ]
        yield {
            "name": name,
            "use": part.use,
            "over": ", ".join(part.over),
            "done": sum(result is not None for result in found),
            "all": len(found),
            "time": clock(sum(times)) if times else "",
        }
