"""What the page is made of: results to show, the blocks that show them, and the room there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from isocortex.data.base import Data
from isocortex.pipeline.plan import Instance, Plan
from isocortex.pipeline.store import Result

LIMIT = 36_000_000
"""Characters of data on a page: with everything else it stays under 40 MB."""


class Budget:
    """Room on the page that is still free, in characters."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.left = limit

    def take(self, size: int) -> bool:
        """Take room if there is enough."""
        if size > self.left:
            return False
        self.left -= size
        return True


@dataclass(frozen=True)
class Item:
    """One output of one step instance that is on disk."""

    instance: Instance
    name: str
    kind: type[Data]
    folder: Path
    summary: str

    @property
    def label(self) -> str:
        """Where on its axes it is, for people; empty for a step without axes."""
        return ", ".join(self.instance.axes.values())

    def load(self) -> Data:
        """Read it."""
        return self.kind.load(self.folder)


@dataclass
class Block:
    """One output of a step on the page, of all its instances.

    ``shape`` names what draws ``content`` in ``blocks.html``; ``problems`` say what cannot be shown.
    """

    id: str
    title: str
    items: list[Item]
    behind: str = ""
    shape: str = "plain"
    content: Any = None
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def summaries(self) -> list[tuple[str, str]]:
        """What is in the results, each text once, with the places on the axes that it holds for."""
        labels: dict[str, list[str]] = {}
        for item in self.items:
            labels.setdefault(item.summary, []).append(item.label)
        short = {
            text: names if len(names) < 4 else [names[0], "…", names[-1]] for text, names in labels.items()
        }
        return [(", ".join(filter(None, names)), text) for text, names in short.items()]


@dataclass
class Context:
    """What a block may need besides its own items."""

    plan: Plan
    results: Mapping[str, Result | None]
    out: Path
    budget: Budget = field(default_factory=Budget)
    payloads: dict[str, Any] = field(default_factory=dict)
    """JSON that scripts of the page read, by element id."""
    anatomies: dict[str, Any] = field(default_factory=dict)
    """Anatomical images that were looked at, by key; None for one that cannot be read."""

    def items(self, step: str, output: str = "") -> Iterator[Item]:
        """Results of a step that are there, in axis order; of one output, or of all."""
        for instance in self.plan.of_step(step):
            result = self.results[instance.id]
            for name, kind in instance.schema.outputs.items():
                part = result.outputs.get(name) if result is not None and output in ("", name) else None
                if part is not None:
                    yield Item(instance, name, kind, part.folder, part.summary)

    def inside(self, path: Path) -> str:
        """Path relative to the run folder."""
        return path.relative_to(self.out).as_posix()

    def link(self, path: Path) -> str:
        """Path relative to the page, as a link."""
        return quote(self.inside(path))


def loaded(block: Block, kind: type[Any]) -> Iterator[tuple[Item, Any]]:
    """Read the items of a block; one that cannot be read is noted and must not cost the page."""
    for item in block.items:
        try:
            data = item.load()
        except Exception as error:
            where = f"{item.label}: " if item.label else ""
            block.problems.append(f"{where}cannot be shown: {type(error).__name__}: {error}")
            continue
        if isinstance(data, kind):
            yield item, data
