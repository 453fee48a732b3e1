"""``.npy``, ``.npz`` and JSON: arrays with their labels beside them. Never pickle.

Every writer makes sure that the bytes are on the disk before it returns, so that a result that says that it
is complete is complete after a power cut too.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError, suggestion

_ARRAY_KINDS = "fiubcSU"


def sync(path: Path) -> None:
    """Force a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file and force it to the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_json(path: Path, content: Any) -> None:
    """Write JSON that is the same byte for byte for the same content."""
    text = json.dumps(content, ensure_ascii=False, indent=1, default=_plain)
    write_bytes(path, (text + "\n").encode("utf-8"))


def _plain(value: Any) -> Any:
    if isinstance(value, (np.integer, np.floating, np.bool_)):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def read_json(path: Path) -> Any:
    """Read JSON; a file that is none is a ``DamagedFile``."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DamagedFile(f"{path}: not a JSON file ({error})") from None


def write_array(path: Path, array: Array) -> None:
    """Write a ``.npy`` file in C order and force it to the disk."""
    with path.open("wb") as file:
        np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())


def read_array(path: Path) -> Array:
    """Open a ``.npy`` file as a read-only memory map; the header must agree with the size of the file."""
    with path.open("rb") as file:
        shape, fortran, dtype = _header(file, str(path))
        start = file.tell()
    expected = start + _n_bytes(shape, dtype)
    size = path.stat().st_size
    if size != expected:
        raise DamagedFile(f"{path}: holds {size} bytes where its header announces {expected}; it is truncated")
    if 0 in shape or shape == ():
        with path.open("rb") as file:
            return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
    return np.memmap(path, dtype=dtype, mode="r", offset=start, shape=shape, order="F" if fortran else "C")


class Npz:
    """A ``.npz`` file, opened without reading its arrays; each is checked before memory is taken for it.

    Use as a context manager. ``limit`` is the largest array, in bytes, that ``read`` accepts.
    """

    def __init__(self, path: Path, limit: int = 64 * 2**30) -> None:
        self.path = path
        self.limit = limit
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise DamagedFile(f"{path}: not a .npz file ({error})") from None
        self.keys = tuple(name.removesuffix(".npy") for name in self._zip.namelist())

    def __enter__(self) -> Npz:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def read(self, key: str) -> Array:
        """Read one array."""
        if key not in self.keys:
            raise DataError(f"{self.path}: no array {key!r}; {suggestion(key, self.keys, 'arrays')}")
        member = self._zip.getinfo(next(name for name in self._zip.namelist() if name.removesuffix(".npy") == key))
        what = f"{self.path}: array {key!r}"
        try:
            with self._zip.open(member) as file:
                shape, _, dtype = _header(file, what)
                size = file.tell() + _n_bytes(shape, dtype)
                if size != member.file_size:
                    raise DamagedFile(f"{what}: {member.file_size} bytes where its header announces {size}")
                if size > self.limit:
                    raise DataError(f"{what}: its {size / 2**30:.1f} GiB are over the limit of this reader")
                file.seek(0)
                return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
        except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
            raise DamagedFile(f"{what}: cannot be read ({error})") from None


def _header(file: Any, what: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, fortran, dtype = read[version](file)
    except (ValueError, KeyError, EOFError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise DamagedFile(f"{what}: not an array file ({error})") from None
    if dtype.kind not in _ARRAY_KINDS:
        raise DamagedFile(
            f"{what}: holds {dtype} instead of numbers or text; such files can run code when they are read, "
            "so they are refused"
        )
    if any(length < 0 for length in shape):
        raise DamagedFile(f"{what}: its header announces the shape {shape}")
    return shape, fortran, dtype


def _n_bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    count = 1
    for length in shape:
        count *= int(length)
    return count * dtype.itemsize


def file_names(labels: Iterable[str]) -> dict[str, str]:
    """Give each label a file name of its own that is safe on every file system."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for label in labels:
        base = safe_name(label)
        name, count = base, 1
        while name.lower() in taken:
            count += 1
            name = f"{base}~{count}"
        taken.add(name.lower())
        names[label] = name
    return names


def safe_name(text: str, length: int = 100) -> str:
    """Percent-encode what could leave the folder or upset a file system; long text ends in a digest."""
    import hashlib

    name = quote(text, safe=" -_+,@()").replace(".", "%2E") if text.startswith(".") else quote(text, " -_.+,@()")
    name = name.strip() if name.strip() == name else name.replace(" ", "%20")
    if len(name) > length:
        name = f"{name[: length - 13]}~{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    return name
