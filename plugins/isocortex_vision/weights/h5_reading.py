"""HDF5 files of strangers: hard links only, nothing outside of the file, sizes checked beforehand."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError
from isocortex.formats.safe_pickle import mapped

_DEPTH, _MOST = 12, 20_000
_NUMBERS = re.compile(r"[<>|][fiu][1248]")


class Node(NamedTuple):
    """A data set of the file: its numbers lie at ``offset``, as they lie in memory."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    offset: int


def array(path: Path, node: Node) -> Array:
    """View a data set in the mapped file, without HDF5's library."""
    buffer, what = mapped(path), f"{path}: array {node.name!r}"
    if not _NUMBERS.fullmatch(node.dtype):
        raise DamagedFile(f"{what}: holds {node.dtype} instead of numbers")
    count, dtype = math.prod(node.shape), np.dtype(node.dtype)
    if node.offset < 0 or node.offset + count * dtype.itemsize > len(buffer):
        raise DamagedFile(
            f"{what}: cut off: {len(buffer)} bytes cannot hold {count} numbers at {node.offset}"
        )
    return np.frombuffer(buffer, dtype, count, node.offset).reshape(node.shape)


class H5:
    """An open HDF5 file; use as a context manager. Whatever is wrong with it is one ``DamagedFile``."""

    def __init__(self, path: Path) -> None:
        import h5py

        self.path, self._h5py = path, h5py
        if not path.is_file():
            raise DataError(f"{path}: there is no such file")
        try:
            self._file = h5py.File(path, "r")
        except Exception as error:  # h5py raises whatever HDF5 meets
            raise DamagedFile(f"{path}: not a sound HDF5 file ({error})") from None

    def __enter__(self) -> H5:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def has(self, name: str) -> bool:
        """Say whether the file has something of that name at its top."""
        return name in self._keys(self._file, "")

    def datasets(self) -> Iterator[Node]:
        """Walk all data sets; groups that contain one another or too many of them are refused."""
        seen = 0
        stack: list[tuple[str, int]] = [("", 0)]
        while stack:
            name, depth = stack.pop()
            seen += 1
            if depth > _DEPTH or seen > _MOST:
                raise DamagedFile(f"{self.path}: its groups are nested without end")
            item = self._item(name)
            if isinstance(item, self._h5py.Dataset):
                yield self._node(name, item)
            elif isinstance(item, self._h5py.Group):
                stack += [(f"{name}/{key}".strip("/"), depth + 1) for key in self._keys(item, name)][::-1]

    def node(self, name: str) -> Node:
        """Give the data set of that name."""
        item = self._item(name)
        if not isinstance(item, self._h5py.Dataset):
            raise DamagedFile(f"{self.path}: {name!r} is no array")
        return self._node(name, item)

    def texts(self, group: str, name: str) -> list[str] | None:
        """Read an attribute that lists names, or its parts ``name0``, ``name1``, ...; None if absent."""
        item = self._item(group)
        if self._has(item, name):
            return self._texts(item, name)
        found: list[str] = []
        count = 0
        while self._has(item, f"{name}{count}"):
            found += self._texts(item, f"{name}{count}")
            count += 1
        return found if count else None

    def text(self, group: str, name: str) -> str | None:
        """Read an attribute that is one text; None if it is absent or something else."""
        item = self._item(group)
        found = self._texts(item, name) if self._has(item, name) else []
        return found[0] if len(found) == 1 else None

    def _item(self, name: str) -> Any:
        """Follow hard links only: others may lead out of the file."""
        item: Any = self._file
        for part in filter(None, name.split("/")):
            try:
                link = item.get(part, getlink=True) if isinstance(item, self._h5py.Group) else None
                hard = isinstance(link, self._h5py.HardLink)
                item = item[part] if hard else None
            except Exception as error:  # h5py raises whatever HDF5 meets
                raise DamagedFile(f"{self.path}: {name!r} cannot be read ({error})") from None
            if item is None:
                why = "it leads elsewhere" if link is not None else "there is none"
                raise DamagedFile(f"{self.path}: {name!r} cannot be read ({why})")
        return item

    def _keys(self, item: Any, name: str) -> list[str]:
        try:
            return [key for key in item if isinstance(item.get(key, getlink=True), self._h5py.HardLink)]
        except Exception as error:  # h5py raises whatever HDF5 meets
            raise DamagedFile(f"{self.path}: group {name!r} cannot be read ({error})") from None

    def _node(self, name: str, item: Any) -> Node:
        """Find out where the numbers lie: in this file, in one piece."""
        what = f"{self.path}: array {name!r}"
        try:
            shape = tuple(int(n) for n in item.shape or ())
            if item.is_virtual or item.external:
                raise DamagedFile(f"{what}: lies in another file, so it is refused")
            if item.dtype.kind not in "fiu":  # no weights, whatever it is
                return Node(name, shape, item.dtype.str, -1)
            offset = item.id.get_offset()
            stored, size = item.id.get_storage_size(), math.prod(shape) * item.dtype.itemsize
            dtype = item.dtype.str
        except DamagedFile:
            raise
        except Exception as error:  # h5py raises whatever HDF5 meets
            raise DamagedFile(f"{what}: cannot be read ({error})") from None
        if offset is None and size:
            raise DamagedFile(
                f"{what}: is compressed or in pieces; write it anew with h5repack -l CONTI -f NONE"
            )
        if stored != size:
            raise DamagedFile(f"{what}: {stored} bytes where {size} are announced")
        return Node(name, shape, dtype, offset or 0)

    def _has(self, item: Any, name: str) -> bool:
        try:
            return name in item.attrs
        except Exception as error:  # h5py raises whatever HDF5 meets
            raise DamagedFile(f"{self.path}: an attribute cannot be read ({error})") from None

    def _texts(self, item: Any, name: str) -> list[str]:
        try:
            attribute = item.attrs.get_id(name)
            count = math.prod(attribute.shape or ())
            if count > _MOST or count * attribute.dtype.itemsize > self.path.stat().st_size:
                raise DamagedFile(f"{self.path}: its attribute {name!r} is too long")
            values = np.atleast_1d(np.asarray(item.attrs[name], dtype=object)).ravel()
            return [v.decode("utf-8") if isinstance(v, bytes) else str(v) for v in values]
        except DamagedFile:
            raise
        except Exception as error:  # h5py raises whatever HDF5 meets
            raise DamagedFile(f"{self.path}: its attribute {name!r} cannot be read ({error})") from None
