"""HDF5 files of others: nothing outside of the file is read, and no size is believed unchecked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError

LIMIT = 64 * 2**30
"""Largest array, in bytes, that is read from a file unless the caller says otherwise."""

# deflate, the strongest filter in use, cannot shrink anything by more than a factor of about 1,032
PACKING = 1040


@contextmanager
def opened(path: Path, what: str = "an HDF5 file") -> Iterator[Any]:
    """Open an HDF5 file for reading; whatever h5py raises on it is one ``DamagedFile``."""
    import h5py

    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    with reading(path, what), h5py.File(path, "r") as file:
        yield file


@contextmanager
def reading(path: Path, what: str = "an HDF5 file") -> Iterator[None]:
    """Turn whatever h5py raises in a block that only reads into one ``DamagedFile``."""
    try:
        yield
    except (DataError, MemoryError):
        raise
    except Exception as error:  # h5py has no common error for damage
        raise DamagedFile(f"{path}: not {what} that can be read ({error})") from None


def has(group: Any, name: str) -> bool:
    """Whether a group has a member of that name; where a link leads is not looked at."""
    import h5py

    for part in filter(None, name.split("/")):
        link = group.get(part, getlink=True) if isinstance(group, h5py.Group) else None
        if not isinstance(link, h5py.HardLink):
            return link is not None
        group = group[part]
    return True


def node(group: Any, name: str, where: str) -> Any:
    """Take a member of a group, by hard links only: others lead out of the file, some by a detour."""
    import h5py

    for part in filter(None, name.split("/")):
        link = group.get(part, getlink=True)
        if link is not None and not isinstance(link, h5py.HardLink):
            raise DamagedFile(f"{where}: {name!r} is a link, maybe to another file, which is not followed")
        group = group[part]
    return group


def check_stored(dataset: Any, where: str, limit: int = LIMIT) -> None:
    """Raise unless the values of a dataset lie in this file and fit into ``limit`` bytes."""
    if dataset.is_virtual or dataset.external:
        raise DamagedFile(f"{where}: its values lie in other files, which are not read")
    announced = math.prod(int(length) for length in dataset.shape or ()) * dataset.dtype.itemsize
    if announced > limit:
        raise DataError(f"{where}: its {announced / 2**30:.1f} GiB are over the limit of this reader")
    stored = int(dataset.id.get_storage_size())
    packed = dataset.id.get_create_plist().get_nfilters() > 0
    if announced > stored * (PACKING if packed else 1):
        raise DamagedFile(
            f"{where}: {stored} bytes in the file cannot hold the {announced} bytes that it announces"
        )


def numbers(dataset: Any, where: str, limit: int = LIMIT) -> Array:
    """Read a whole dataset of numbers."""
    require_numbers(dataset, where)
    check_stored(dataset, where, limit)
    return np.asarray(dataset[()])


def require_numbers(dataset: Any, where: str) -> None:
    """Raise unless this is a dataset of numbers (complex ones included)."""
    if not hasattr(dataset, "dtype") or dataset.shape is None:
        raise DamagedFile(f"{where}: there are no values here")
    if dataset.dtype.kind not in "fiubc":
        raise DamagedFile(f"{where}: holds {dataset.dtype}, not numbers")


def texts(dataset: Any, where: str) -> list[str]:
    """Read a dataset of texts, (n,) or (n, 1) or one alone, of fixed or variable length, as UTF-8."""
    if not hasattr(dataset, "dtype") or dataset.shape is None or not _is_text(dataset.dtype):
        raise DamagedFile(f"{where}: holds no texts")
    check_stored(dataset, where)
    if dataset.dtype.kind == "O":
        _check_heaps(dataset, where)
    found = np.asarray(dataset[()]).ravel().tolist()
    if not all(isinstance(text, (bytes, str)) for text in found):
        raise DamagedFile(f"{where}: holds no texts")
    try:
        return [text.decode("utf-8") if isinstance(text, bytes) else text for text in found]
    except UnicodeDecodeError:
        raise DamagedFile(f"{where}: its texts are not UTF-8") from None


def attribute(item: Any, name: str, where: str) -> Any:
    """Read an attribute of numbers or text, None if there is none; of another type it is refused."""
    if name not in item.attrs:
        return None
    kind = item.attrs.get_id(name).dtype
    if kind.kind not in "fiub" and not _is_text(kind):
        raise DamagedFile(f"{where}: its attribute {name!r} holds {kind}, not numbers or text")
    return item.attrs[name]


def _is_text(kind: np.dtype[Any]) -> bool:
    """Whether a type is text: on lists of variable length of something else HDF5's library may crash."""
    import h5py

    return h5py.check_string_dtype(kind) is not None


def _check_heaps(dataset: Any, where: str) -> None:
    """Refuse texts of variable length whose heap is not sound: HDF5 takes what it announces, or never ends.

    Each text is a length, the address of its heap, and a number there [HDF5 File Format 3.0, IV.B "Global
    Heap"]. A dataset in chunks is not looked into.
    """
    start = dataset.id.get_offset()
    if start is None or not dataset.size:
        return
    base = dataset.file.userblock_size
    with Path(dataset.file.filename).open("rb") as raw:
        raw.seek(start)
        entries = np.frombuffer(raw.read(16 * dataset.size), [("n", "<u4"), ("at", "<u8"), ("i", "<u4")])
        used = entries[entries["n"] > 0]
        for address in np.unique(used["at"]).tolist():
            sizes = _heap_objects(raw, base + address, where)
            own = used[used["at"] == address]
            if any(sizes.get(place, -1) < length for length, _, place in own.tolist()):
                raise DamagedFile(f"{where}: its texts do not lie in the file")


def _heap_objects(raw: BinaryIO, address: int, where: str) -> dict[int, int]:
    """Walk through a global heap: number -> size of each of its objects."""
    end = raw.seek(0, 2)
    raw.seek(min(address, end))
    head = raw.read(16)
    size = int.from_bytes(head[8:], "little")
    if head[:4] != b"GCOL" or size > end - address:
        raise DamagedFile(f"{where}: its texts do not lie in the file")
    content = head + raw.read(size - 16)
    sizes: dict[int, int] = {}
    place = 16
    while place + 16 <= size:
        number, length = int.from_bytes(content[place : place + 2], "little"), content[place + 8 : place + 16]
        sizes[number] = int.from_bytes(length, "little")
        # number 0 is free space, whose size counts its head
        step = 16 + sizes[number] + -sizes[number] % 8 if number else sizes[number]
        if step < 16 or place + step > size:
            raise DamagedFile(f"{where}: the heap of its texts is not sound")
        place += step
    sizes.pop(0, None)
    return sizes
