"""What a component's code is: distribution, version, source, and the libraries that it computes with.

The source of a plugin is all of its Python files and compiled modules, the core modules that they import (and
what these import), and any other imported code that no version number stands for.
"""

from __future__ import annotations

import hashlib
import sys
import sysconfig
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from isocortex._noting import digest_at_import
from isocortex.pipeline import imports
from isocortex.pipeline.digests import Stamp, stamp
from isocortex.pipeline.imports import CORE, SUFFIXES, origin, unit_of
from isocortex.plugins.inline import PREFIX
from isocortex.plugins.registry import Entry

_DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "PIL": "pillow",
    "yaml": "PyYAML",
    "cv2": "opencv-python",
    "skimage": "scikit-image",
}
_HANDLED = {"rdm_metric": "isocortex.handles", "similarity": "isocortex.handles"}
"""Module of core that stands between a component of a kind and the step that uses it."""


@dataclass(frozen=True)
class Source:
    """The source behind a module: its digest, versions of the libraries, and where its files lie."""

    digest: str
    libraries: dict[str, str]
    files: dict[Path, Stamp]


@dataclass(frozen=True)
class Fingerprint:
    """The identity of a component's code, as it enters a key; ``files`` are those that may change."""

    component: str
    distribution: str
    version: str
    source: str
    libraries: dict[str, str]
    files: dict[Path, Stamp] = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """Plain form for keys and records."""
        return {name: value for name, value in vars(self).items() if name != "files"}


def fingerprint(entry: Entry) -> Fingerprint | None:
    """Identify a component, or give None for one that cannot be named: it is never reused then."""
    target = entry.load()
    module = getattr(target, "__module__", None)
    name = getattr(target, "__qualname__", "")
    if module is None or not _resolves(target, module, name):
        return None
    if isinstance(entry.target, str):
        module = entry.target.partition(":")[0]
    source = source_of(module, _HANDLED.get(entry.kind))
    if source is None:
        return None
    distribution = "" if entry.plugin.origin.endswith(".py") else entry.plugin.origin
    return Fingerprint(
        f"{entry.kind}:{entry.name}",
        distribution,
        entry.plugin.version,
        source.digest,
        source.libraries,
        source.files,
    )


def _resolves(target: object, module: str, name: str) -> bool:
    """Whether module and qualified name lead back to the very same object."""
    found: Any = sys.modules.get(module)
    if module == "__main__" or found is None:
        return False
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is target


@cache
def source_of(*modules: str | None) -> Source | None:
    """Give the source that modules stand for; None when it cannot be found, or is not what was imported."""
    closure = _Closure()
    if not all(closure.add(module) for module in modules if module is not None):
        return None
    if closure.outdated:
        files = ", ".join(str(path) for path in closure.outdated)
        warnings.warn(
            f"{files}: changed after Python had imported it, so what is computed now follows the old text "
            "and will not be reused; start Python anew",
            stacklevel=2,
        )
        return None
    digest = hashlib.sha256()
    for name, content in sorted(closure.files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return Source(digest.hexdigest(), dict(sorted(closure.libraries.items())), closure.stamps)


def forget() -> None:
    """Read all sources anew (they may have been edited since the last run in this process)."""
    source_of.cache_clear()
    imports.forget()


_imported: dict[str, tuple[object, str]] = {}
"""Module -> its import (the spec, which a reload replaces) and the digest of its source then."""


class _Closure:
    """Collects source files, following imports."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.stamps: dict[Path, Stamp] = {}
        self.libraries: dict[str, str] = {}
        self.outdated: list[Path] = []
        self.seen: set[str] = set()

    def add(self, module: str) -> bool:
        """Take in a module; gives False when it has no source that can be found."""
        top = module.partition(".")[0]
        unit = module if top == CORE else unit_of(module)
        place = origin(unit) if unit is not None else None
        if unit in self.seen or _is_standard(top, place):
            return True
        if unit is not None:
            self.seen.add(unit)
        if top != CORE and not _is_plugin(top) and (place is None or _installed(place)):
            version = _version(top)
            if version is not None:
                self.libraries[top] = version
                return True
        if unit is None or place is None:
            return False
        for name, path in [(unit, place)] if top == CORE else _package_files(unit, place):
            self.add_file(name, path, unit)
        return True

    def add_file(self, name: str, path: Path, unit: str) -> None:
        """Take in a file of a unit, and what it imports."""
        watched = stamp(path)
        content = self.content(name, path)
        self.files[_plain(name)] = content
        if not _installed(path):
            self.stamps[path] = watched
        if path.suffix != ".py":
            return
        for imported in imports.imports(content, name, path.name == "__init__.py"):
            if unit_of(unit) == CORE or not f"{imported}.".startswith(f"{unit}."):
                self.add(imported)

    def content(self, name: str, path: Path) -> bytes:
        """Read a source; one that differs from what this process imported is noted."""
        module = sys.modules.get(name)
        source: bytes | None = getattr(module, "__isocortex_source__", None)
        if source is not None:
            return source
        content = path.read_bytes()
        if module is not None:
            digest, spec = hashlib.sha256(content).hexdigest(), getattr(module, "__spec__", None) or module
            known = _imported.get(name)
            if known is None or known[0] is not spec:
                known = _imported[name] = (spec, digest_at_import(name, path) or digest)
            if known[1] != digest:
                self.outdated.append(path)
        return content


def _plain(module: str) -> str:
    """Name of a module; where a plugin file lies does not matter."""
    return module.removeprefix(PREFIX).rpartition("_")[0] if module.startswith(PREFIX) else module


@cache
def _is_standard(top: str, place: Path | None) -> bool:
    """Whether a module is Python's own; a local file may have the same name."""
    if top not in sys.stdlib_module_names:
        return False
    return place is None or (_within(place, ("stdlib", "platstdlib")) and not _installed(place))


@cache
def _version(top: str) -> str | None:
    try:
        return metadata.version(_DISTRIBUTIONS.get(top, top))
    except metadata.PackageNotFoundError:
        owners = _owners().get(top, ())
        return ", ".join(sorted(f"{name} {metadata.version(name)}" for name in set(owners))) or None


@cache
def _owners() -> dict[str, list[str]]:
    return dict(metadata.packages_distributions())


@cache
def _installed(path: Path) -> bool:
    """Whether a file lies among the installed packages, where its version stands for it."""
    path = path.resolve()
    return bool({"site-packages", "dist-packages"} & set(path.parts)) or _within(path, ("purelib", "platlib"))


def _within(path: Path, schemes: tuple[str, ...]) -> bool:
    return any(Path(sysconfig.get_path(name)).resolve() in path.resolve().parents for name in schemes)


def _is_plugin(top: str) -> bool:
    return top in _plugin_packages()


@cache
def _plugin_packages() -> frozenset[str]:
    from isocortex.plugins.markers import ENTRY_POINTS

    return frozenset(
        point.value.partition(":")[0].partition(".")[0] for point in metadata.entry_points(group=ENTRY_POINTS)
    )


def _package_files(unit: str, place: Path) -> Iterator[tuple[str, Path]]:
    """All source files of a package by module name, or the one file of a module."""
    if place.name != "__init__.py":
        yield unit, place
        return
    for path in sorted(place.parent.rglob("*")):
        if path.name.endswith(SUFFIXES) and path.is_file():
            parts = path.relative_to(place.parent).with_suffix("").parts
            yield ".".join((unit, *parts)).removesuffix(".__init__"), path
