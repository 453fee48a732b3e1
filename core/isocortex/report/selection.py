"""Which results are on the page, in which order: what ``report:`` names, and what lies behind its figures."""

from __future__ import annotations

from collections.abc import Iterator

from isocortex.data.figure import Figure
from isocortex.data.maps import StatMaps
from isocortex.data.rdms import RDMs
from isocortex.data.table import Table
from isocortex.report.anatomy import is_anatomy
from isocortex.report.parts import Block, Context, Item


def select(context: Context) -> list[Block]:
    """Give empty blocks, one for each output of a step; by default all figures and tables.

    The maps and RDMs that a figure was drawn from follow it, once each: a picture is there to be looked into.
    """
    blocks: dict[tuple[str, str], Block] = {}
    named = set(_named(context))
    for step, output in _named(context):
        for name, items in _by_output(context, step, output):
            _add(blocks, step, name, items)
            if issubclass(items[0].kind, Figure):
                for source, field in _behind(items):
                    found = list(context.items(source, field))
                    asked = (source, field) in named or (source, "") in named
                    if not asked and not any(map(is_anatomy, found)):
                        _add(blocks, source, field, found, behind=step)
    return list(blocks.values())


def _named(context: Context) -> Iterator[tuple[str, str]]:
    for reference in context.plan.document.report:
        step, _, output = reference.partition(".")
        yield step, output
    if not context.plan.document.report:
        for step in context.plan.document.steps:
            for instance in context.plan.of_step(step)[:1]:
                for name, kind in instance.schema.outputs.items():
                    if issubclass(kind, (Figure, Table)):
                        yield step, name


def _by_output(context: Context, step: str, output: str) -> Iterator[tuple[str, list[Item]]]:
    found: dict[str, list[Item]] = {}
    for item in context.items(step, output):
        found.setdefault(item.name, []).append(item)
    yield from found.items()


def _behind(items: list[Item]) -> Iterator[tuple[str, str]]:
    for item in items:
        for _, feeds in item.instance.feeds.values():
            for feed in feeds:
                if issubclass(feed.type, (StatMaps, RDMs)):
                    yield feed.producer, feed.output


def _add(
    blocks: dict[tuple[str, str], Block], step: str, name: str, items: list[Item], behind: str = ""
) -> None:
    if not items or (step, name) in blocks:
        return
    several = len(items[0].instance.schema.outputs) > 1
    title = f"{step}.{name}" if several else step
    blocks[step, name] = Block(f"block-{len(blocks) + 1}", title, items, behind)
