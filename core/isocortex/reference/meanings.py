"""What each setting means: from the docstring, a base class's, or that of the component it refers to."""

from __future__ import annotations

import inspect
import re
from typing import Any

from isocortex.reference.docstrings import Docstring
from isocortex.reference.site import Item, Site

FREE = "(any name)"
"""How ``describe`` calls settings of free name."""


def meanings(site: Site, item: Item) -> dict[str, str]:
    """Meaning of each setting and input, as far as anything says it."""
    found = _own(item)
    if item.about is None:
        return found
    named = {setting["name"] for setting in item.about.settings} | set(item.about.inputs)
    if FREE in named:
        free = [name for name in found if name not in named]
        found |= {FREE: found[free[0]]} if len(free) == 1 else {}
    for other in _referred(site, item, set()):
        for name, meaning in _own(other).items():
            if name in named:
                found.setdefault(name, meaning)
    return found


def gaps(site: Site) -> list[str]:
    """Settings and inputs whose meaning no docstring says, for those who write it: ``step NAME: setting``."""
    found = []
    for kind, items in site.items.items():
        for item in items:
            if item.about is None or site.foreign(item):
                continue
            said = meanings(site, item)
            names = [*item.about.inputs, *(setting["name"] for setting in item.about.settings)]
            found += [f"{kind} {item.heading}: {name}" for name in names if not said.get(name)]
    return found


def _own(item: Item) -> dict[str, str]:
    """Parameters of the component's docstring, then of what it is derived from."""
    found = dict(item.docstring.parameters)
    target: Any = item.entries[0].load() if item.about is not None and item.entries else None
    for base in _own_bases(target) if inspect.isclass(target) else ():
        for name, meaning in Docstring.read(inspect.getdoc(base) or "").parameters.items():
            found.setdefault(name, meaning)
    return found


def _own_bases(kind: type) -> list[type]:
    """Base classes from the same package; what other libraries write is theirs."""
    root = kind.__module__.partition(".")[0]
    return [base for base in kind.__mro__[1:] if base.__module__.partition(".")[0] == root]


def _referred(site: Site, item: Item, seen: set[str]) -> list[Item]:
    """Components of the same kind that the docstring names, and those that theirs name, nearest first."""
    if item.about is None or item.heading in seen:
        return []
    seen.add(item.heading)
    known = {other.heading: other for other in site.items[item.entries[0].kind]}
    names = re.findall(r"``(\S+?)``", item.about.text)
    direct = [known[name] for name in dict.fromkeys(names) if name in known and name not in seen]
    return direct + [further for other in direct for further in _referred(site, other, seen)]
