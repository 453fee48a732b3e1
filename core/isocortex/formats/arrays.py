"""``.npy``, ``.npz`` and JSON: arrays with their labels beside them. Never pickle.

Every writer makes sure that the bytes are on the disk before it returns, so that a result that says that it
is complete is complete after a power cut too.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import numpy as np

from isocortex.data.base import Array, read_only
from isocortex.errors import DamagedFile, DataError, suggestion
from isocortex.formats import scratch, written

_ARRAY_KINDS = "fiubcSU"
_DEVICE = re.compile(
    "con|prn|aux|nul|com[0-9]|lpt[0-9]", re.IGNORECASE
)  # no files on Windows, with any suffix


def sync(path: Path) -> None:
    """Force a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file and force it to the disk."""
    written.note(path, content)
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


def read_bytes(path: Path) -> bytes:
    """Read a whole file; one that is not there is a ``DataError``."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except OSError as error:  # a folder, or a name that a description made up
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


def read_json(path: Path) -> Any:
    """Read JSON; a file that is none is a ``DamagedFile``."""
    content = read_bytes(path)
    try:
        return json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DamagedFile(f"{path}: not a JSON file ({error})") from None


@contextmanager
def described(path: Path) -> Iterator[Any]:
    """Read the JSON that describes the files beside it; what the block cannot use raises ``DamagedFile``."""
    content = read_json(path)
    try:
        yield content
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DamagedFile(f"{path}: does not describe the data beside it ({error})") from error


def inside(folder: Path, name: str) -> Path:
    """Give the path of a file that a description names; one outside of the folder is refused."""
    if Path(name).name != name or name in ("", ".."):
        raise DamagedFile(f"{folder}: its description names {name!r}, which is not a file of this folder")
    return folder / name


def write_array(path: Path, array: Array) -> None:
    """Write a ``.npy`` file of numbers or text in C order and force it to the disk."""
    if array.dtype.kind not in _ARRAY_KINDS:
        raise DataError(f"{path}: {array.dtype} cannot be written; give numbers or text")
    if scratch.link(array, path):
        sync(path)
        return
    values = np.asarray(array, order="C")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(values))
    written.note(path, header.getbuffer(), values.data if values.size else b"")
    with path.open("wb") as file:
        file.write(header.getbuffer())
        values.tofile(file)
        file.flush()
        os.fsync(file.fileno())


def read_array(path: Path) -> Array:
    """Open a ``.npy`` file as a read-only memory map; the header must agree with the size of the file."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    with file:
        shape, fortran, dtype = _header(file, str(path))
        start = file.tell()
        size = os.fstat(file.fileno()).st_size
        expected = start + _n_bytes(shape, dtype)
        if size != expected:
            raise DamagedFile(f"{path}: holds {size} bytes where its header announces {expected}")
        order: Literal["F", "C"] = "F" if fortran else "C"
        try:
            if 0 in shape:  # there is nothing to map
                return read_only(np.empty(shape, dtype, order))
            return np.memmap(path, dtype=dtype, mode="r", offset=start, shape=shape, order=order)
        except (ValueError, OverflowError) as error:  # more axes, or longer ones, than numpy knows
            raise DamagedFile(f"{path}: its header announces the shape {shape} ({error})") from None


class Npz:
    """A ``.npz`` file, opened without reading its arrays; each is checked before memory is taken for it.

    Use as a context manager. ``limit`` is the largest array, in bytes, that ``read`` accepts.
    """

    def __init__(self, path: Path, limit: int = 64 * 2**30) -> None:
        self.path = path
        self.limit = limit
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise DataError(f"{path}: there is no such file") from None
        except Exception as error:  # zipfile has no common error for damage
            raise DamagedFile(f"{path}: not a .npz file ({error})") from None
        self._members = {member.filename.removesuffix(".npy"): member for member in self._zip.infolist()}
        self.keys = tuple(self._members)
        if len(self.keys) != len(self._zip.infolist()):
            self._zip.close()
            raise DamagedFile(f"{path}: two of its arrays have one name")

    def __enter__(self) -> Npz:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def form(self, key: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Shape and type of one array, from its header."""
        member, what = self._member(key)
        try:
            with self._zip.open(member) as file:
                shape, _, dtype = _header(file, what)
        except DataError:
            raise
        except Exception as error:  # zipfile, zlib and lzma have no common error for damage
            raise DamagedFile(f"{what}: cannot be read ({error})") from None
        return shape, dtype

    def read(self, key: str) -> Array:
        """Read one array."""
        member, what = self._member(key)
        try:
            with self._zip.open(member) as file:
                self._check_size(file, member, what)
            # opened anew, since going back to the start would switch the checksum off
            with self._zip.open(member) as file:
                return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
        except (DataError, MemoryError):
            raise
        except Exception as error:  # zipfile, zlib, lzma and numpy have no common error for damage
            raise DamagedFile(f"{what}: cannot be read ({error})") from None

    def _member(self, key: str) -> tuple[zipfile.ZipInfo, str]:
        if key not in self.keys:
            raise DataError(f"{self.path}: no array {key!r}; {suggestion(key, self.keys, 'arrays')}")
        return self._members[key], f"{self.path}: array {key!r}"

    def _check_size(self, file: Any, member: zipfile.ZipInfo, what: str) -> None:
        """Refuse a header that announces what the member does not hold, before memory is taken for it."""
        shape, _, dtype = _header(file, what)
        size = file.tell() + _n_bytes(shape, dtype)
        if size != member.file_size:
            raise DamagedFile(f"{what}: {member.file_size} bytes where its header announces {size}")
        packed = min(member.compress_size, self.path.stat().st_size)
        # deflate cannot shrink anything by more than a factor of about 1,032
        if size > packed * (1 if member.compress_type == zipfile.ZIP_STORED else 1040):
            raise DamagedFile(
                f"{what}: {packed} bytes in the file cannot hold the {size} bytes that it announces"
            )
        if size > self.limit:
            raise DataError(f"{what}: its {size / 2**30:.1f} GiB are over the limit of this reader")


def _header(file: Any, what: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, fortran, dtype = read[version](file)
    except Exception as error:  # the header is a Python literal, which can fail in every way there is
        raise DamagedFile(f"{what}: not an array file ({error})") from None
    if dtype.hasobject:
        raise DamagedFile(
            f"{what}: holds Python objects instead of numbers or text; such files can run code when they are "
            "read, so they are refused"
        )
    if dtype.kind not in _ARRAY_KINDS or dtype.itemsize == 0:
        raise DamagedFile(f"{what}: holds {dtype} instead of numbers or text")
    if any(length < 0 for length in shape):
        raise DamagedFile(f"{what}: its header announces the shape {shape}")
    return shape, fortran, dtype


def _n_bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    return math.prod(shape) * dtype.itemsize


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

    name = quote(text, safe=" -_.+,@()")
    if text.startswith("."):
        name = name.replace(".", "%2E")
    if name.strip() != name:
        name = name.replace(" ", "%20")
    if _DEVICE.fullmatch(name.split(".")[0].strip()):
        name = f"%{ord(name[0]):02X}{name[1:]}"
    if len(name) > length:
        name = f"{name[: length - 13]}~{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    return name
