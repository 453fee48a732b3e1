"""What a component's code is: distribution, version, source, and the libraries that it computes with.

The source of a plugin is all of its Python files, the core modules that they import (and what these import),
and any other imported code that no version number stands for. Imports are read from the text, those inside
functions too; nothing is run.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from isocortex.plugins.registry import Entry

CORE = "isocortex"
_DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "PIL": "pillow",
    "yaml": "PyYAML",
    "cv2": "opencv-python",
    "skimage": "scikit-image",
}


@dataclass(frozen=True)
class Fingerprint:
    """The identity of a component's code, as it enters a result's key."""

    component: str
    distribution: str
    version: str
    source: str
    libraries: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """Plain form for keys and records."""
        return dict(vars(self))


def fingerprint(entry: Entry) -> Fingerprint | None:
    """Identify a component, or give None for one that cannot be named: it is never reused then."""
    target = entry.load()
    module = getattr(target, "__module__", None)
    name = getattr(target, "__qualname__", "")
    if module is None or not _resolves(target, module, name):
        return None
    if isinstance(entry.target, str):
        module = entry.target.partition(":")[0]
    top = module.partition(".")[0]
    source = source_of(module if top == CORE else top)  # a package stands for all of its modules
    if source is None:
        return None
    origin = "" if entry.plugin.origin.endswith(".py") else entry.plugin.origin
    return Fingerprint(f"{entry.kind}:{entry.name}", origin, entry.plugin.version, source[0], dict(source[1]))


def _resolves(target: object, module: str, name: str) -> bool:
    """Whether module and qualified name lead back to the very same object."""
    found: Any = sys.modules.get(module)
    if module == "__main__" or found is None:
        return False
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is target


@cache
def source_of(module: str) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    """Digest of the source that a module stands for, and versions of the libraries behind it."""
    closure = _Closure()
    if not closure.add(module):
        return None
    digest = hashlib.sha256()
    for name, content in sorted(closure.files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest(), tuple(sorted(closure.libraries.items()))


def forget() -> None:
    """Read all sources anew (they may have been edited since the last run in this process)."""
    source_of.cache_clear()
    _imports.cache_clear()


class _Closure:
    """Collects source files, following imports."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.libraries: dict[str, str] = {}
        self.seen: set[str] = set()

    def add(self, module: str) -> bool:
        """Take in a module; gives False when it has no source that can be found."""
        top = module.partition(".")[0]
        if top == CORE:
            return self.add_core(module)
        if top in self.seen:
            return True
        self.seen.add(top)
        if top in sys.stdlib_module_names:
            return True
        place = _origin(top)
        version = _version(top)
        if version is not None and (place is None or _installed(place)) and not _is_plugin(top):
            self.libraries[top] = version
            return True
        if place is None:
            return False
        for name, path in _package_files(top, place):
            self.add_file(name, path, top)
        return True

    def add_core(self, module: str) -> bool:
        if module in self.seen:
            return True
        self.seen.add(module)
        path = _origin(module)
        if path is None:
            return False
        self.add_file(module, path, CORE)
        return True

    def add_file(self, name: str, path: Path, top: str) -> None:
        content = path.read_bytes()
        self.files[name] = content
        for imported in _imports(content, name, path.name == "__init__.py"):
            if imported.partition(".")[0] != top or top == CORE:
                self.add(imported)


@cache
def _imports(content: bytes, module: str, is_package: bool) -> tuple[str, ...]:
    """Absolute names of the modules that a source imports; lazy packages are looked through."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return ()
    found: dict[str, None] = {}
    lazy: dict[str, str] = {}
    nodes = list(_run_time(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == CORE:
                    lazy[alias.asname or alias.name] = alias.name
                found[alias.name] = None
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, module, is_package)
            for alias in node.names:
                found[_looked_through(base, alias.name)] = None
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in lazy:
            found[_looked_through(lazy[node.value.id], node.attr)] = None
    return tuple(name for name in found if name)


def _run_time(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under ``if TYPE_CHECKING``, which never run."""
    yield tree
    children = ast.iter_child_nodes(tree)
    if isinstance(tree, ast.If) and "TYPE_CHECKING" in ast.unparse(tree.test):
        children = iter(tree.orelse)
    for child in children:
        yield from _run_time(child)


def _absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    parts = parts[: len(parts) - node.level + is_package]
    return ".".join([*parts, node.module] if node.module else parts)


def _looked_through(base: str, name: str) -> str:
    """Find the module behind ``from base import name`` where base is one of core's packages."""
    if base.partition(".")[0] != CORE:
        return base
    exports: Any = getattr(sys.modules.get(base), "EXPORTS", None)
    if exports and exports.get(name):
        return _looked_through(exports[name], name)
    inner = f"{base}.{name}"
    return inner if _origin(inner) is not None else base


@cache
def _origin(module: str) -> Path | None:
    loaded = sys.modules.get(module)
    origin = getattr(loaded, "__file__", None) if loaded is not None else None
    if origin is None:
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError, AttributeError):
            return None
        origin = spec.origin if spec is not None else None
    return Path(origin) if origin is not None and origin.endswith(".py") else None


@cache
def _version(top: str) -> str | None:
    try:
        return metadata.version(_DISTRIBUTIONS.get(top, top))
    except metadata.PackageNotFoundError:
        owners = _owners().get(top)
        return metadata.version(owners[0]) if owners else None


@cache
def _owners() -> dict[str, list[str]]:
    return dict(metadata.packages_distributions())


def _installed(path: Path) -> bool:
    """Whether a file lies among the installed packages, where its version stands for it."""
    folders = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
    path = path.resolve()
    return any(folder in path.parents for folder in folders) or "site-packages" in path.parts


def _is_plugin(top: str) -> bool:
    return top in _plugin_packages()


@cache
def _plugin_packages() -> frozenset[str]:
    from isocortex.plugins.markers import ENTRY_POINTS

    return frozenset(
        point.value.partition(":")[0].partition(".")[0] for point in metadata.entry_points(group=ENTRY_POINTS)
    )


def _package_files(top: str, place: Path) -> Iterator[tuple[str, Path]]:
    """All Python files of a package by module name, or the one file of a module."""
    if place.name != "__init__.py":
        yield place.stem, place  # where a plugin file lies does not matter
        return
    for path in sorted(place.parent.rglob("*.py")):
        parts = path.relative_to(place.parent).with_suffix("").parts
        yield ".".join((top, *parts)).removesuffix(".__init__"), path
