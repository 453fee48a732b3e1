"""MAT files of version 5, written without a time stamp: the same content makes the same bytes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex.formats.mat5 import CLASSES

_STORED = {"i1": 1, "u1": 2, "i2": 3, "u2": 4, "i4": 5, "u4": 6, "f4": 7, "f8": 9, "i8": 12, "u8": 13}
_CLASS = {code: kind for kind, code in CLASSES.items()}
_MOST = 2**32 - 1


def content_of(content: Mapping[str, Any], where: str) -> bytes:
    """Give the bytes of a file with these variables."""
    head = b"MATLAB 5.0 MAT-file, Platform: isocortex".ljust(116) + bytes(8) + b"\x00\x01IM"
    return b"".join([head, *(_matrix(name, item, f"{where}: {name!r}") for name, item in content.items())])


def _element(kind: int, data: bytes, where: str) -> bytes:
    if len(data) > _MOST:
        raise DataError(f"{where}: over 4 GiB, the most a variable has in version 5; write version 7.3")
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def _matrix(name: str, item: Any, where: str) -> bytes:
    if isinstance(item, Mapping):
        parts = [_head(2, (1, 1), name, where), _fields(item, where)]
        parts += [_matrix("", member, f"{where}.{key}") for key, member in item.items()]
    elif isinstance(item, (list, tuple)):
        parts = [_head(1, (1, len(item)), name, where)]
        parts += [_matrix("", member, f"{where}{{{place}}}") for place, member in enumerate(item, 1)]
    elif isinstance(item, str):
        parts = [_head(4, (1, len(item)), name, where), _element(16, item.encode("utf-8"), where)]
    else:
        parts = _numbers(name, np.asarray(item), where)
    return _element(14, b"".join(parts), where)


def _head(kind: int, shape: tuple[int, ...], name: str, where: str) -> bytes:
    flags = _element(6, struct.pack("<II", kind, 0), where)
    if max(shape, default=0) > 2**31 - 1:
        raise DataError(f"{where}: an axis is too long for version 5; write version 7.3")
    sizes = _element(5, np.array(shape, dtype="<i4").tobytes(), where)
    return flags + sizes + _element(1, name.encode("ascii"), where)


def _numbers(name: str, values: Array, where: str) -> list[bytes]:
    logical = values.dtype == bool
    code = "u1" if logical else values.dtype.str[1:]
    if code not in _CLASS:
        raise DataError(f"{where}: {values.dtype} cannot be written; give numbers, texts, lists or mappings")
    values = values.reshape((values.size, 1)) if values.ndim < 2 else values
    kind = _CLASS[code] | (0x200 if logical else 0)
    data = values.astype("<" + code).tobytes(order="F")
    return [_head(kind, values.shape, name, where), _element(_STORED[code], data, where)]


def _fields(item: Mapping[str, Any], where: str) -> bytes:
    names = [key.encode("ascii", "replace") for key in item]
    if any(not key.isascii() or "\0" in key or not 0 < len(key) < 64 for key in item):
        raise DataError(f"{where}: a field of a structure has a name that version 5 cannot hold")
    width = max((len(name) for name in names), default=0) + 1
    table = b"".join(name.ljust(width, b"\0") for name in names)
    return struct.pack("<HHi", 5, 4, width) + _element(1, table, where)
