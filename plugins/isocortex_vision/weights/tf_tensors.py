"""The tensors of a TensorFlow checkpoint of either format: name -> shape, type and what reads the values."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError
from isocortex.formats.safe_pickle import mapped
from isocortex_vision.weights.crc32c import crc32c, unmasked
from isocortex_vision.weights.sstable import Block, Entry, entries, verify
from isocortex_vision.weights.wire import BYTES, VARINT, Buffer, Field, Spoilt, fields, text

_TYPES = {1: "<f4", 2: "<f8", 14: "bfloat16", 19: "<f2"}
"""DataType of ``types.proto``, as far as weights have them."""


class Tensor(NamedTuple):
    """A tensor of the file."""

    shape: tuple[int, ...]
    read: Callable[[], Array]


def tensors(path: Path) -> dict[str, Tensor]:
    """Find the tensors of the checkpoint of that name; the values are read, and checked, when asked for."""
    index = path.with_name(path.name + ".index")
    file = index if index.is_file() else path
    buffer = mapped(file)
    try:
        return _bundle(path, buffer) if file is index else _slices(path, buffer)
    except Spoilt as error:
        raise DamagedFile(f"{file}: a damaged checkpoint: {error}") from None


# V2


def _bundle(path: Path, buffer: Buffer) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    shards = 1
    for entry in entries(buffer, check=True):
        parts = {item.number: item for item in fields(buffer, entry.start, entry.end)}
        if not entry.key:
            shards = parts[1].value if 1 in parts else 1
            if 2 in parts and parts[2].value != 0:
                raise Spoilt("its values are big-endian, which this reader does not know")
        else:
            found[entry.key.decode("utf-8", "replace")] = _stored(path, buffer, parts, shards)
    return found


def _stored(path: Path, buffer: Buffer, parts: dict[int, Field], shards: int) -> Tensor:
    """Understand a BundleEntryProto: dtype 1, shape 2, shard 3, offset 4, size 5, crc32c 6, slices 7."""
    number = {key: parts[key].value if key in parts else 0 for key in (1, 3, 4, 5)}
    shape = _shape(buffer, parts[2]) if 2 in parts else ()
    crc = int.from_bytes(buffer[parts[6].start : parts[6].end], "little") if 6 in parts else None
    shard = path.with_name(f"{path.name}.data-{number[3]:05d}-of-{shards:05d}")

    def read() -> Array:
        what = f"{path}: a tensor of shape {shape}"
        kind, count = _TYPES.get(number[1]), math.prod(shape)
        if kind is None or 7 in parts:
            raise DamagedFile(
                f"{what}: is cut into slices or of a type ({number[1]}) that weights do not have"
            )
        if number[5] != count * (2 if kind == "bfloat16" else int(kind[2])):
            raise DamagedFile(f"{what}: {number[5]} bytes are announced for it")
        content = _piece(shard, number[4], number[5])
        if crc is not None and crc32c(content) != unmasked(crc):
            raise DamagedFile(f"{shard}: the checksum of a tensor of shape {shape} does not agree")
        return _values(content, kind).reshape(shape)

    return Tensor(shape, read)


def _piece(path: Path, start: int, length: int) -> bytes:
    if not path.is_file():
        raise DataError(f"{path}: there is no such file, and the checkpoint's values are in it")
    size = path.stat().st_size
    if start + length > size:
        raise DamagedFile(f"{path}: cut off: {size} bytes where {start + length} are announced")
    with path.open("rb") as file:
        file.seek(start)
        return file.read(length)


def _values(content: bytes, kind: str) -> Array:
    if kind != "bfloat16":
        return np.frombuffer(content, kind)
    return (np.frombuffer(content, "<u2").astype(np.uint32) << 16).view(np.float32)


def _shape(buffer: Buffer, place: Field) -> tuple[int, ...]:
    """Read a TensorShapeProto: dim 2 with size 1."""
    shape: list[int] = []
    for item in fields(buffer, place.start, place.end):
        if item.number == 2 and item.wire == BYTES:
            sizes = [
                f.value for f in fields(buffer, item.start, item.end) if f.number == 1 and f.wire == VARINT
            ]
            shape.append(sizes[-1] if sizes else 0)
    if len(shape) > 32 or any(n >= 2**48 for n in shape):
        raise Spoilt(f"a tensor of shape {shape[:32]}")
    return tuple(shape)


# V1


def _slices(path: Path, buffer: Buffer) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    shapes: dict[str, tuple[tuple[int, ...], int]] = {}
    for entry in entries(buffer, check=False):
        if not entry.key:
            verify(buffer, entry.block)
            shapes = _meta(buffer, entry)
            continue
        name, whole, value = _slice(buffer, entry)
        if name not in shapes:
            raise Spoilt(f"its list of tensors lacks {name!r}")
        if whole and value is not None:
            shape, kind = shapes[name]
            found[name] = Tensor(shape, _slice_reader(path, buffer, shape, kind, value, entry.block))
    return found


def _meta(buffer: Buffer, entry: Entry) -> dict[str, tuple[tuple[int, ...], int]]:
    """Read SavedTensorSliceMeta: for each tensor its name 1, shape 2 and type 3."""
    found: dict[str, tuple[tuple[int, ...], int]] = {}
    for meta in _inner(buffer, entry.start, entry.end, 1):
        for tensor in _inner(buffer, meta.start, meta.end, 1):
            parts = {item.number: item for item in fields(buffer, tensor.start, tensor.end)}
            if 1 in parts:
                shape = _shape(buffer, parts[2]) if 2 in parts else ()
                found[text(buffer, parts[1])] = (shape, parts[3].value if 3 in parts else 0)
    return found


def _slice(buffer: Buffer, entry: Entry) -> tuple[str, bool, Field | None]:
    """Read a SavedSlice: name 1, slice 2 (whole if its extents are empty), data 3."""
    name, whole, value = "", True, None
    for data in _inner(buffer, entry.start, entry.end, 2):
        for item in fields(buffer, data.start, data.end):
            if item.number == 1:
                name = text(buffer, item)
            elif item.number == 2 and item.wire == BYTES:
                extents = _inner(buffer, item.start, item.end, 1)
                whole = all(extent.start == extent.end for extent in extents)
            elif item.number == 3 and item.wire == BYTES:
                value = item
    return name, whole, value


def _slice_reader(
    path: Path, buffer: Buffer, shape: tuple[int, ...], kind: int, place: Field, block: Block
) -> Callable[[], Array]:
    """Read a TensorProto: tensor_content 4, float_val 5 or double_val 6, packed."""

    def read() -> Array:
        form = {1: "<f4", 2: "<f8"}.get(kind)
        try:
            verify(buffer, block)
            held = [
                item
                for item in fields(buffer, place.start, place.end)
                if item.number in (4, 3 + kind + 1) and item.wire == BYTES
            ]
        except Spoilt as error:
            raise DamagedFile(f"{path}: a damaged checkpoint: {error}") from None
        size = held[0].end - held[0].start if len(held) == 1 else 0
        if form is None or size != math.prod(shape) * int(form[2]):
            raise DamagedFile(f"{path}: a tensor of shape {shape} and type {kind} with {size} bytes")
        return np.frombuffer(buffer, form, math.prod(shape), held[0].start).reshape(shape)

    return read


def _inner(buffer: Buffer, start: int, end: int, number: int) -> list[Field]:
    return [f for f in fields(buffer, start, end) if f.number == number and f.wire == BYTES]
