"""MAT files of version 5 to 7, read without scipy: each size is checked before memory is taken for it.

Layout: "MAT-File Format" (The MathWorks, 2023). Numbers, text, cells and structures are read; objects,
function handles and sparse matrices are refused, and nothing in a file is ever executed.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from isocortex.data.base import Array

Buffer = memoryview

_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_TEXT = {16: "utf-8", 17: "utf-16", 18: "utf-32"}
_MATRIX, _COMPRESSED = 14, 15
CLASSES = {
    6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8",
}  # fmt: skip
_CELL, _STRUCT, _CHAR = 1, 2, 4
_REFUSED = {3: "an object", 5: "a sparse matrix", 16: "a function handle", 17: "an object"}
_DEEPEST = 16
_PACKING = 1040  # deflate cannot shrink anything by more than a factor of about 1,032


class Damage(Exception):
    """What is wrong with the bytes; the caller adds the path."""


class Unreadable(Exception):
    """A sound variable of a kind that is not read."""


class Variable(NamedTuple):
    """One variable: its name, MATLAB class, size, and how its value is read."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    read: Callable[[], Any]


def variables(content: Buffer, limit: int) -> Iterator[Variable]:
    """Walk over the variables of a file of version 5 to 7; their values are not read yet."""
    if len(content) < 128:
        raise Damage("it ends within its header")
    mark = bytes(content[126:128])
    if mark not in (b"IM", b"MI"):
        raise Damage("its header has no byte order mark")
    order = "<" if mark == b"IM" else ">"
    if content[125 if order == "<" else 124] != 1:
        raise Damage("its header announces a version that is not known")
    place = 128
    while place < len(content):
        kind, data, place = _element(content, place, order, padded=False)
        if kind == _COMPRESSED:
            yield from _packed_variable(data, order, limit)
        elif kind == _MATRIX:
            yield from _variable(data, order, partial(_as_is, data, limit))
        else:
            raise Damage(f"element {kind} stands where a variable is expected")


def _element(content: Buffer, place: int, order: str, padded: bool = True) -> tuple[int, Buffer, int]:
    """Take one data element: its type, its bytes, and where the next one starts."""
    if place + 8 > len(content):
        raise Damage("it ends within an element")
    kind, size = struct.unpack_from(order + "II", content, place)
    if kind >> 16:  # up to four bytes stand in the tag itself
        kind, size = kind & 0xFFFF, kind >> 16
        if size > 4:
            raise Damage(f"a short element announces {size} bytes")
        return kind, content[place + 4 : place + 4 + size], place + 8
    start = place + 8
    if start + size > len(content):
        raise Damage(f"an element announces {size} bytes where {len(content) - start} are left")
    end = start + size + (-size % 8 if padded else 0)
    return kind, content[start : start + size], end


def _packed_variable(data: Buffer, order: str, limit: int) -> Iterator[Variable]:
    head = Buffer(_inflated(data, 8 + 4096, whole=False))
    if len(head) < 8:
        raise Damage("a compressed element holds nothing")
    kind, size = struct.unpack_from(order + "II", head)
    if kind != _MATRIX:
        raise Damage(f"a compressed element of type {kind} stands where a variable is expected")
    if size > len(data) * _PACKING:
        raise Damage(f"{len(data)} bytes cannot hold the {size} bytes that they announce")
    yield from _variable(head[8 : 8 + size], order, partial(_unpacked, data, size, limit))


def _within(size: int, limit: int) -> None:
    if size > limit:
        raise Unreadable(f"its {size / 2**30:.1f} GiB are over the limit of this reader")


def _unpacked(data: Buffer, size: int, limit: int) -> Buffer:
    _within(size, limit)
    content = _inflated(data, 8 + size, whole=True)
    if len(content) != 8 + size:
        raise Damage(f"a compressed element holds {len(content) - 8} of the {size} bytes that it announces")
    return Buffer(content)[8:]


def _inflated(data: Buffer, most: int, whole: bool) -> bytes:
    try:
        stream = zlib.decompressobj()
        content = stream.decompress(data, most)
        if whole and not stream.eof:
            content += stream.decompress(stream.unconsumed_tail, 1)  # the checksum comes after the last byte
            if not stream.eof:
                raise Damage("a compressed element is cut off, or longer than it announces")
    except zlib.error as error:
        raise Damage(f"a compressed element cannot be unpacked: {error}") from None
    return content


class _Head(NamedTuple):
    kind: int
    complex_: bool
    logical: bool
    shape: tuple[int, ...]
    name: str
    end: int


def _head(content: Buffer, order: str) -> _Head:
    """Read flags, size and name, with which every matrix begins."""
    kind, flags, place = _element(content, 0, order)
    if kind != 6 or len(flags) != 8:
        raise Damage("a variable does not begin with its flags")
    word = struct.unpack_from(order + "I", flags)[0]
    kind, sizes, place = _element(content, place, order)
    if kind != 5 or len(sizes) % 4 or not 2 <= len(sizes) // 4 <= 32:
        raise Damage("the size of a variable cannot be read")
    shape = tuple(int(length) for length in np.frombuffer(sizes, order + "i4"))
    if min(shape) < 0:
        raise Damage(f"a variable announces the size {shape}")
    kind, name, place = _element(content, place, order)
    if kind not in (1, 2, 16):
        raise Damage("the name of a variable cannot be read")
    text = bytes(name).rstrip(b"\0").decode("utf-8", "replace")
    return _Head(word & 0xFF, bool(word & 0x800), bool(word & 0x200), shape, text, place)


def _as_is(data: Buffer, limit: int) -> Buffer:
    _within(len(data), limit)
    return data


def _variable(content: Buffer, order: str, whole: Callable[[], Buffer]) -> Iterator[Variable]:
    head = _head(content, order)
    if head.kind in _REFUSED and not head.name:
        return  # MATLAB's own store for objects and functions
    names = {_CELL: "cell", _STRUCT: "struct", _CHAR: "char"}
    dtype = "bool" if head.logical else CLASSES.get(head.kind) or names.get(head.kind, "object")
    dtype = f"c{int(dtype[1:]) * 2}" if head.complex_ and dtype[0] == "f" else dtype
    yield Variable(head.name, dtype, head.shape, lambda: _value(whole(), order, 0))


def _value(content: Buffer, order: str, depth: int) -> Any:
    if not len(content):
        return np.zeros((0, 0))
    if depth > _DEEPEST:
        raise Damage("its cells are nested too deep")
    head = _head(content, order)
    if head.kind in _REFUSED:
        raise Unreadable(f"it is {_REFUSED[head.kind]}; only numbers, text, cells and structures are read")
    if head.kind == _CHAR:
        return _text(content, head, order)
    if head.kind == _CELL:
        return _members(content, head.end, math.prod(head.shape), order, depth)[0]
    if head.kind == _STRUCT:
        return _structure(content, head, order, depth)
    if head.kind not in CLASSES:
        raise Damage(f"a variable of class {head.kind} is not known")
    return _numbers(content, head, order)


def _numbers(content: Buffer, head: _Head, order: str) -> Array:
    values, place = _part(content, head.end, head, order)
    if head.complex_:
        imaginary, _ = _part(content, place, head, order)
        values = values.astype(np.complex64 if values.dtype == np.float32 else np.complex128)
        values.imag = imaginary
    if head.logical:
        values = values != 0
    return values.reshape(head.shape, order="F")


def _part(content: Buffer, place: int, head: _Head, order: str) -> tuple[Array, int]:
    kind, data, place = _element(content, place, order)
    if kind not in _STORED:
        raise Damage(f"data of type {kind} stand where numbers are expected")
    dtype = np.dtype(order + _STORED[kind])
    if len(data) != math.prod(head.shape) * dtype.itemsize:
        raise Damage(f"{len(data)} bytes do not make {dtype} of size {head.shape}")
    return _of_class(np.frombuffer(data, dtype), np.dtype(CLASSES[head.kind])), place


def _of_class(stored: Array, kind: np.dtype[Any]) -> Array:
    """Bring numbers from the type in which they are stored to that of their class."""
    with np.errstate(invalid="ignore", over="ignore"):
        values = stored.astype(kind)
        if kind.kind != "f" and not np.can_cast(stored.dtype, kind) and not (values == stored).all():
            raise Damage(f"numbers of type {stored.dtype} do not fit into the class {kind}")
    return values


def _text(content: Buffer, head: _Head, order: str) -> str | list[str]:
    kind, data, _ = _element(content, head.end, order)
    try:
        if kind in _TEXT:
            end = "" if kind == 16 else "-le" if order == "<" else "-be"
            letters = bytes(data).decode(_TEXT[kind] + end)
        elif kind in (1, 2, 3, 4):
            codes = np.frombuffer(data, order + _STORED[kind])
            letters = codes.astype("<u2").tobytes().decode("utf-16-le")
        else:
            raise Damage(f"data of type {kind} stand where text is expected")
    except (UnicodeDecodeError, ValueError):
        raise Damage("a text cannot be decoded") from None
    return rows_of_text(letters, head.shape)


def rows_of_text(letters: str, shape: tuple[int, ...]) -> str | list[str]:
    """Give the rows of a char matrix that is stored column by column; one row is a plain text."""
    rows = shape[0]
    if rows <= 1 or len(shape) > 2:
        return letters
    if len(letters) != rows * shape[1]:
        raise Damage(f"a text of {len(letters)} letters does not make {rows} rows of {shape[1]}")
    return [letters[row::rows] for row in range(rows)]


def _members(content: Buffer, place: int, count: int, order: str, depth: int) -> tuple[list[Any], int]:
    if count > (len(content) - place) // 8:
        raise Damage(f"{len(content) - place} bytes cannot hold {count} members")
    found = []
    for _ in range(count):
        kind, data, place = _element(content, place, order)
        if kind != _MATRIX:
            raise Damage(f"element {kind} stands where a member is expected")
        found.append(_value(data, order, depth + 1))
    return found, place


def _structure(content: Buffer, head: _Head, order: str, depth: int) -> Any:
    kind, width, place = _element(content, head.end, order)
    if kind != 5 or len(width) != 4 or (length := struct.unpack(order + "i", width)[0]) < 1:
        raise Damage("the field names of a structure cannot be read")
    kind, names, place = _element(content, place, order)
    if kind not in (1, 2, 16) or len(names) % length:
        raise Damage("the field names of a structure cannot be read")
    fields = [
        bytes(names[start : start + length]).split(b"\0")[0].decode("utf-8", "replace")
        for start in range(0, len(names), length)
    ]
    if len(set(fields)) != len(fields):
        raise Damage("two fields of a structure have one name")
    count = math.prod(head.shape) if fields else 0
    values, _ = _members(content, place, count * len(fields), order, depth)
    rows = [
        dict(zip(fields, values[row * len(fields) : (row + 1) * len(fields)], strict=True))
        for row in range(count)
    ]
    return rows[0] if len(rows) == 1 else rows
