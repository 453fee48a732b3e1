"""Which modules a source imports: read from its text, those inside functions too; nothing is run."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

CORE = "isocortex"
SUFFIXES = (".py", *EXTENSION_SUFFIXES)
"""Endings of the files that modules are made of."""


@cache
def origin(module: str) -> Path | None:
    """Find the file of a module, loaded or not; None for a namespace package and for what is built in."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        spec = _spec(module)
        file = spec.origin if spec is not None else None
    return Path(file) if file is not None and file.endswith(SUFFIXES) else None


@cache
def unit_of(module: str) -> str | None:
    """Give the package that a module belongs to, or the module itself where it belongs to none.

    A package stands for all of its modules. A namespace package (a folder without ``__init__.py``) is none:
    its modules may come from anywhere.
    """
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        name = ".".join(parts[:end])
        if origin(name) is not None:
            return name
        if not _is_namespace(name):
            return None
    return None


@cache
def imports(content: bytes, module: str, is_package: bool) -> tuple[str, ...]:
    """Absolute names of what a source may import; core's lazy packages are looked through."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return ()
    reader = _Reader(module, is_package)
    nodes = list(_run_time(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            reader.plain(node)
        elif isinstance(node, ast.ImportFrom):
            reader.names(node)
    for node in nodes:
        if isinstance(node, ast.Attribute):
            reader.attribute(node)
    return tuple(name for name in reader.found if name)


def forget() -> None:
    """Look for modules anew; what a text imports stays what it is."""
    origin.cache_clear()
    unit_of.cache_clear()


class _Reader:
    """Collects imported names; ``bound`` says which names of the source stand for modules of core."""

    def __init__(self, module: str, is_package: bool) -> None:
        self.module, self.is_package = module, is_package
        self.found: dict[str, None] = {}
        self.bound: dict[str, str] = {}

    def plain(self, node: ast.Import) -> None:
        """Note the modules of ``import a.b as c``."""
        for alias in node.names:
            self.found[alias.name] = None
            if alias.name.partition(".")[0] == CORE:
                self.bound[alias.asname or CORE] = alias.name if alias.asname else CORE

    def names(self, node: ast.ImportFrom) -> None:
        """Note the modules of ``from a import b``, and what the names stand for in core."""
        base = self._absolute(node)
        self.found[base] = None
        names = {alias.name: alias.asname or alias.name for alias in node.names}
        if base.partition(".")[0] != CORE:
            self.found.update((f"{base}.{name}", None) for name in names)
            return
        if "*" in names:
            names = {name: name for name in _exports(base)}
        for name, local in names.items():
            self.bound[local] = _looked_through(base, name)
            self.found[self.bound[local]] = None

    def attribute(self, node: ast.Attribute) -> None:
        """Follow ``ic.data.RDMs`` to the module that it is found in."""
        chain: list[str] = []
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            chain.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name) and inner.id in self.bound:
            place = self.bound[inner.id]
            for name in reversed(chain):
                place = _looked_through(place, name)
            self.found[place] = None

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.module.split(".")
        parts = parts[: len(parts) - node.level + self.is_package]
        return ".".join([*parts, node.module] if node.module else parts)


def _run_time(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under ``if TYPE_CHECKING``, which never run."""
    yield tree
    children = ast.iter_child_nodes(tree)
    if isinstance(tree, ast.If) and ast.unparse(tree.test).split(".")[-1] == "TYPE_CHECKING":
        children = iter(tree.orelse)
    for child in children:
        yield from _run_time(child)


def _looked_through(base: str, name: str) -> str:
    """Find the module of core behind ``from base import name``."""
    behind = _exports(base).get(name)
    if behind:
        return _looked_through(behind, name)
    inner = f"{base}.{name}"
    return inner if origin(inner) is not None else base


def _exports(module: str) -> Mapping[str, str]:
    """Names that a package of core imports when they are asked for; such a package does nothing else."""
    place = origin(module)
    lazy = place is not None and place.name == "__init__.py"
    return getattr(importlib.import_module(module), "EXPORTS", {}) if lazy else {}


def _is_namespace(module: str) -> bool:
    spec = _spec(module)
    return spec is not None and spec.origin is None and spec.submodule_search_locations is not None


def _spec(module: str) -> importlib.machinery.ModuleSpec | None:
    try:
        return importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        return None
