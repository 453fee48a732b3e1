"""What is described, and on which page: the components of a plugin manager with their addresses."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from isocortex.data.base import Data
from isocortex.describe import Description, describe
from isocortex.errors import IsocortexError
from isocortex.plugins.manager import PluginManager
from isocortex.plugins.registry import KINDS, Entry
from isocortex.reference.docstrings import Docstring
from isocortex.reference.markdown import anchor

TITLES = {
    "model": "Models",
    "generator": "Generators",
    "rdm_metric": "RDM metrics",
    "similarity": "Similarity measures",
    "decoder": "Decoders",
    "reconstructor": "Reconstructors",
    "data_source": "Data sources",
}
"""Kinds with a page of their own -> its title; without the s the word for one."""


@dataclass(frozen=True)
class Item:
    """One heading of a page: a component, or a family of them that differ in nothing but the name."""

    heading: str
    entries: tuple[Entry, ...]
    about: Description | None
    fault: str = ""

    @cached_property
    def docstring(self) -> Docstring:
        """The component's docstring, taken apart."""
        return Docstring.read(self.about.text if self.about else "")


class Site:
    """The components to describe: all installed ones, or those of one distribution."""

    def __init__(self, manager: PluginManager, only: str | None = None) -> None:
        self.manager = manager
        self.only = only

    def entries(self, kind: str) -> list[Entry]:
        """Components of a kind by name."""
        found = self.manager.registry.all(kind)
        return [entry for entry in found if self.only in (None, entry.plugin.origin)]

    @cached_property
    def items(self) -> dict[str, list[Item]]:
        """The headings of each kind."""
        return {kind: list(self._families(kind)) for kind in KINDS if kind != "pipeline"}

    def _families(self, kind: str) -> Iterator[Item]:
        families: dict[tuple[Any, ...], list[tuple[Entry, Description | None, str]]] = {}
        for entry in self.entries(kind):
            about, fault = self._describe(entry)
            prefix, colon, _ = entry.name.partition(":")
            said = (about.text, str(about.settings)) if about else ()
            key = (prefix, *said) if colon else (entry.name, entry.plugin.name, None)
            families.setdefault(key, []).append((entry, about, fault))
        for family in families.values():
            entry, about, fault = family[0]
            several = len(family) > 1
            heading = f"{entry.name.partition(':')[0]}:NAME" if several else entry.name
            yield Item(heading, tuple(item[0] for item in family), about, fault)

    def _describe(self, entry: Entry) -> tuple[Description | None, str]:
        try:
            return describe(self.manager, entry.kind, entry.name), ""
        except IsocortexError as error:
            return None, str(error)

    def plugins(self) -> list[str]:
        """Names of the plugins that have steps."""
        return list(dict.fromkeys(entry.plugin.name for entry in self.entries("step")))

    @cached_property
    def data_types(self) -> list[type[Data]]:
        """The data types that any step takes or gives, by name."""
        found: set[type[Data]] = set()
        for item in self.items["step"]:
            if item.about is None:
                continue
            schema = self.manager.step(item.heading)
            found |= set(schema.outputs.values())
            for taken in schema.inputs.values():
                found |= {*taken.single, *taken.collected}
        return sorted(found - {Data}, key=lambda kind: kind.__name__)

    def address(self, item: Item) -> str:
        """Page and heading of a component."""
        return f"{page_of(item.entries[0])}#{anchor(item.heading)}"

    def data_address(self, kind: type[Data]) -> str:
        """Page and heading of a data type."""
        return f"data-types.md#{anchor(kind.__name__)}"

    @cached_property
    def _links(self) -> dict[str, str]:
        """Names that mean one thing only; a step's name comes before that of another component."""
        found = {kind.__name__: {self.data_address(kind)} for kind in self.data_types}
        for kind, items in self.items.items():
            for item in items:
                for entry in item.entries:
                    places = found.setdefault(entry.name, set())
                    if kind == "step":
                        places.clear()
                    places.add(self.address(item))
        return {name: places.pop() for name, places in found.items() if len(places) == 1}

    def link(self, name: str) -> str | None:
        """Where a name in a code span is described, if it means one thing only."""
        return self._links.get(name)

    def guide(self, page: str) -> str:
        """A page of isocortex's docs: a link in their reference, its name in one that stands elsewhere."""
        return f"[{page}](../{page})" if self.only == "isocortex" else f"{page} in isocortex's docs"

    def foreign(self, item: Item) -> str:
        """Another library's class that a component is, by its full name; empty for a plugin's own."""
        entry = item.entries[0]
        if item.about is None or not isinstance(entry.target, str):
            return ""
        loaded: Any = entry.load()
        module = getattr(loaded, "__module__", None) or ""
        own = {info.module.partition(".")[0] for info in self.manager.infos} | {"isocortex"}
        if not inspect.isclass(loaded) or module.partition(".")[0] in own:
            return ""
        return entry.target.replace(":", ".")


def page_of(entry: Entry) -> str:
    """File in which a component is described."""
    if entry.kind == "step":
        return f"steps-{entry.plugin.name}.md"
    return f"{entry.kind.replace('_', '-')}s.md".replace("similaritys", "similarities")
