"""MAT files of every version, by content: 4 (``mat4``), 5 to 7 (``mat5``) and 7.3 (``mat73``)."""

from __future__ import annotations

import contextlib
import mmap
import struct
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError, suggestion
from isocortex.formats import hdf5, mat4, mat5, mat73
from isocortex.formats.arrays import sync

_HDF5 = b"\x89HDF\r\n\x1a\n"


def read_mat(path: Path, keys: Collection[str] | None = None, limit: int = hdf5.LIMIT) -> dict[str, Any]:
    """Read the variables of a MAT file, or those of some names; others are not unpacked.

    Numbers become arrays of at least two dimensions in MATLAB's order of axes (of one or none where
    hdf5storage wrote a vector or a scalar), a text a ``str`` (a list of them for a char matrix of several
    rows), a cell a list in column order, a structure a ``dict``. Truth values are bool. Nothing is executed.

    Raises ``DataError`` for a file or variable that is not there, or is larger than ``limit`` bytes, and
    ``DamagedFile`` for anything that is not a whole MAT file.
    """
    with _open(path, limit) as file:
        return {name: file.read(name) for name in (file.names if keys is None else keys)}


def read_array(path: Path, key: str, limit: int = hdf5.LIMIT) -> Array:
    """Read one variable that has to be an array of numbers."""
    with _open(path, limit) as file:
        return file.numbers(key)


def describe(path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Type ("f4", "bool", "char", "cell", "struct" ...) and size of each variable; values are not read."""
    with _open(path, hdf5.LIMIT) as file:
        return {name: file.shape(name) for name in file.names}


def write_mat(path: Path, content: Mapping[str, Any], version: Literal["5", "7.3"] = "5") -> None:
    """Write arrays of numbers, texts, lists and mappings of such; the same content makes the same bytes.

    Version 5 keeps at least two dimensions (a vector becomes a column) and 4 GiB a variable; 7.3 is HDF5 and
    has neither limit. Other things raise ``DataError``.
    """
    for name in content:
        if not name or name.startswith(("#", "_")) or "/" in name or not name.isascii():
            raise DataError(f"{path}: {name!r} cannot be the name of a variable")
    if version == "7.3":
        mat73.write(path, content)
    elif version == "5":
        from isocortex.formats import mat5_writing

        path.write_bytes(mat5_writing.content_of(content, str(path)))
    else:
        raise DataError(f"{path}: MAT files are written in version 5 or 7.3, not {version!r}")
    sync(path)


class _File:
    """An open file: the names of its variables, and what each name holds."""

    def __init__(
        self,
        path: Path,
        shapes: Mapping[str, Callable[[], tuple[str, tuple[int, ...]]]],
        read: Callable[[str], Any],
    ) -> None:
        self.path = path
        self.names = list(shapes)
        self._shapes = shapes
        self._read = read

    def _require(self, name: str) -> None:
        if name not in self._shapes:
            raise DataError(f"{self.path}: no variable {name!r}; {suggestion(name, self.names, 'variables')}")

    def shape(self, name: str) -> tuple[str, tuple[int, ...]]:
        """Type and shape of a variable; raises ``DataError`` where there is none of that name."""
        self._require(name)
        return self._shapes[name]()

    def read(self, name: str) -> Any:
        """Read a variable of any kind."""
        self._require(name)
        return self._read(name)

    def numbers(self, name: str) -> Array:
        """Read a variable of numbers; raises ``DamagedFile`` where it holds something else."""
        value = self.read(name)
        if not isinstance(value, np.ndarray):
            raise DamagedFile(f"{self.path}: variable {name!r} holds a {_word(value)}, not numbers")
        return value


def _word(value: Any) -> str:
    return "text" if isinstance(value, str) else "cell" if isinstance(value, list) else "structure"


@contextlib.contextmanager
def _open(path: Path, limit: int) -> Iterator[_File]:
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    with path.open("rb") as raw:
        head = raw.read(520)
        if head[:8] == _HDF5 or head[512:] == _HDF5:
            with hdf5.opened(path, "a MAT file of version 7.3") as file:
                yield _of_73(path, file, limit)
            return
        if not head:
            raise DamagedFile(f"{path}: an empty file")
        try:  # the map is closed when the last view of it goes
            yield _of_5(path, memoryview(mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ)), limit)
        except mat5.Damage as error:
            raise DamagedFile(f"{path}: not a MAT file that can be read ({error})") from None


def _of_73(path: Path, file: Any, limit: int) -> _File:
    shapes: dict[str, Callable[[], tuple[str, tuple[int, ...]]]] = {
        name: lambda name=name: mat73.shape_of(file, name, f"{path}: {name!r}")  # type: ignore[misc]
        for name in mat73.names(file)
    }
    return _File(path, shapes, lambda name: mat73.value(file, name, f"{path}: {name!r}", limit))


def _of_5(path: Path, content: memoryview, limit: int) -> _File:
    walk = mat4.variables(content) if _is_version_4(content) else mat5.variables(content, limit)
    found: dict[str, mat5.Variable] = {}
    for variable in walk:
        if variable.name in found:
            raise mat5.Damage(f"two variables are called {variable.name!r}")
        found[variable.name] = variable

    def read(name: str) -> Any:
        """Read a variable; one that cannot be read is named with its file."""
        try:
            return found[name].read()
        except mat5.Unreadable as error:
            raise DataError(f"{path}: variable {name!r} cannot be read: {error}") from None

    shapes: dict[str, Callable[[], tuple[str, tuple[int, ...]]]] = {
        name: lambda variable=variable: (variable.dtype, variable.shape)  # type: ignore[misc]
        for name, variable in found.items()
    }
    return _File(path, shapes, read)


def _is_version_4(content: memoryview) -> bool:
    """Version 5 begins with text; the type in the first four bytes of version 4 is a small whole number."""
    if len(content) < 4:
        return False
    little, big = (int(struct.unpack(order + "i", content[:4])[0]) for order in "<>")
    return 0 <= little < 100 or 1000 <= big < 1100
