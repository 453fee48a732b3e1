"""Notes what the text of a module was when Python imported it: it may be edited before the first run.

Python itself does not keep that, and a notebook may be hours old. Modules of Python's own and of installed
packages are left out. Those that were imported before isocortex are noted when isocortex is imported.
"""

from __future__ import annotations

import hashlib
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PLACES = ("site-packages", "dist-packages", f"{os.path.dirname(os.__file__)}{os.sep}")  # noqa: PTH120
_noted: dict[str, tuple[str, str]] = {}


def digest_at_import(module: str, path: Path) -> str | None:
    """Digest of the file of a module when it was imported; None where that is not known."""
    file, digest = _noted.get(module, ("", ""))
    return digest if type(path)(file) == path else None


def _note(module: str, file: str | None) -> None:
    if file is None or not file.endswith(".py") or any(place in file for place in _PLACES):
        return
    try:
        with open(file, "rb") as opened:  # noqa: PTH123 - this runs in the middle of any import
            _noted[module] = file, hashlib.sha256(opened.read()).hexdigest()
    except OSError:
        _noted.pop(module, None)


class _Noting:
    """A finder that finds nothing: Python asks it first whenever it imports a module, or reloads one."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Note what would be imported, and leave it to the other finders."""
        installed = path is not None and any(place in str(path) for place in _PLACES)
        if name.partition(".")[0] not in sys.stdlib_module_names and not installed:
            spec = PathFinder.find_spec(name, path)  # type: ignore[arg-type]
            _note(name, spec.origin if spec is not None else None)
        return None


def start() -> None:
    """Note what is imported already, and from now on what will be."""
    for name, module in list(sys.modules.items()):
        _note(name, getattr(module, "__file__", None))
    sys.meta_path.insert(0, _Noting)
