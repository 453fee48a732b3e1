"""Makes a new plugin package out of the one in ``my-plugin`` beside this file, which works as it stands."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from importlib import metadata
from pathlib import Path

from isocortex.errors import IsocortexError
from isocortex.plugins.markers import ENTRY_POINTS

_MODEL = Path(__file__).with_name("my-plugin")
_FILES = ("*.*", "src/my_plugin/*.*", "tests/*.*")
"""What is copied: the same patterns as in ``package-data``."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def make_plugin(name: str, into: Path) -> Path:
    """Make the folder ``into/name`` with a plugin package that passes its own tests once it is installed.

    Parameters
    ----------
    name : of the distribution and the plugin: small letters, digits and single hyphens. The Python module
        has underscores instead.
    into : folder to make it in; made when it is not there.

    Raises ``IsocortexError`` for a name that is none or is taken, and for a folder that exists.
    """
    _require_form(name)
    folder = into / name
    if folder.exists():
        raise IsocortexError(f"{folder} exists already; choose another name or folder")
    _require_free(name)
    try:
        for file in (file for pattern in _FILES for file in sorted(_MODEL.glob(pattern)) if file.is_file()):
            target = folder / _renamed(str(file.relative_to(_MODEL)), name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_renamed(file.read_text(encoding="utf-8"), name), encoding="utf-8")
    except OSError as error:
        raise IsocortexError(f"{folder} cannot be made: {error.strerror}") from None
    return folder


def _require_form(name: str) -> None:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        near = "-".join(re.findall("[a-z0-9]+", name.lower()))
        hint = f", such as {near!r}" if _NAME.fullmatch(near) and near != name else ""
        raise IsocortexError(
            f"{name!r} cannot name a plugin: use small letters, digits and hyphens, a letter first{hint}"
        )


def _require_free(name: str) -> None:
    module = name.replace("-", "_")
    if module in sys.stdlib_module_names or importlib.util.find_spec(module) is not None:
        raise IsocortexError(f"there already is a Python module {module!r}; choose another name")
    owner = next((point.dist for point in metadata.entry_points(group=ENTRY_POINTS, name=name)), None)
    if owner is not None:
        raise IsocortexError(f"{owner.name} already has a plugin {name!r}; choose another name")


def _renamed(text: str, name: str) -> str:
    return text.replace("my-plugin", name).replace("my_plugin", name.replace("-", "_"))
