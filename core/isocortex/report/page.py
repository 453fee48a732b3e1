"""One self-contained HTML page a run, made from the results on disk. A lifecycle plugin."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import resources
from pathlib import Path

from isocortex.data.base import Data
from isocortex.data.figure import Figure
from isocortex.data.images import Images
from isocortex.data.maps import StatMaps
from isocortex.data.rdms import RDMs
from isocortex.data.table import Table
from isocortex.formats.arrays import write_bytes
from isocortex.pipeline.events import RunEvent
from isocortex.pipeline.plan import Plan
from isocortex.pipeline.progress import clock
from isocortex.pipeline.store import Store
from isocortex.plugins.markers import hookimpl
from isocortex.report.encoding import json_text
from isocortex.report.figures import show_figures
from isocortex.report.graph import graph_of, steps_of
from isocortex.report.images import show_images
from isocortex.report.maps import show_maps
from isocortex.report.overview import overview_of
from isocortex.report.parts import Block, Context
from isocortex.report.provenance import provenance_of
from isocortex.report.rdms import show_rdms
from isocortex.report.searchlights import add_voxel_rdms
from isocortex.report.selection import select
from isocortex.report.tables import show_tables

FILE = "report.html"
SHOW: tuple[tuple[type[Data], Callable[[Block, Context], None]], ...] = (
    (Figure, show_figures),
    (Table, show_tables),
    (StatMaps, show_maps),
    (RDMs, show_rdms),
    (Images, show_images),
)
"""What puts which type of data on the page; others are only named."""
SCRIPTS = ("page.js", "colours.js", "rdm.js", "slices.js", "viewer.js", "table.js")


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
    store = Store(out)
    results = {
        key: store.find(store.folder(item.step, item.axes)) if key in done else None
        for key, item in plan.instances.items()
    }
    context = Context(plan, results, out)
    path = out / FILE
    new = path.with_suffix(".html.new")
    write_bytes(new, _render(context, failed or {}, skipped).encode("utf-8", "backslashreplace"))
    new.replace(path)
    return path


def _render(context: Context, failed: Mapping[str, str], skipped: Sequence[str]) -> str:
    import jinja2
    from markupsafe import Markup

    blocks = select(context)
    for block in blocks:
        _fill(block, context)
    add_voxel_rdms(blocks, context)
    steps = steps_of(context.plan, context.results, failed)
    scripts = [read_asset(name) for name in SCRIPTS]
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(read_asset),
    )
    return environment.get_template("page.html").render(
        plan=context.plan,
        context=context,
        overview=overview_of(context, blocks, failed, skipped),
        blocks=blocks,
        steps=steps,
        slowest=max((step["seconds"] for step in steps), default=0) or 1,
        total=clock(sum(step["seconds"] for step in steps)),
        graph=graph_of(context.plan, steps),
        places={block.items[0].instance.step: block.id for block in reversed(blocks) if block.items},
        provenance=provenance_of(context.plan, context.results, context.out),
        payloads={key: Markup(json_text(value)) for key, value in context.payloads.items()},
        style=Markup(read_asset("report.css")),
        scripts=[Markup(text) for text in scripts],
        script_hashes=" ".join(f"'sha256-{_digest(text)}'" for text in scripts),
    )


def _fill(block: Block, context: Context) -> None:
    """Read the results of a block; one that cannot be shown must not cost the page."""
    for kind, show in SHOW:
        if issubclass(block.items[0].kind, kind):
            try:
                show(block, context)
            except Exception as error:
                block.problems.append(f"cannot be shown: {type(error).__name__}: {error}")
                block.shape, block.content = "plain", None
            return


def read_asset(name: str) -> str:
    """Text of a template, style or script that pages are made from."""
    return resources.files("isocortex.report").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """What the page's Content-Security-Policy admits: these scripts, and no other."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
