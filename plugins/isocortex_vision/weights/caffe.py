"""``.caffemodel`` files without Caffe: mapped, so that opening takes no longer than finding the layers.

Field numbers are those of ``caffe.proto``: NetParameter ``layers`` 2 (V1, or V0 nested in it) and ``layer``
100; V1LayerParameter ``layer`` (V0) 1, ``name`` 4, ``type`` 5, ``blobs`` 6; LayerParameter ``name`` 1,
``type`` 2, ``blobs`` 7; V0LayerParameter ``name`` 1, ``type`` 2, ``blobs`` 50; BlobProto ``num``,
``channels``, ``height``, ``width`` 1-4, ``data`` 5, ``shape`` 7, ``double_data`` 8. Packed floats lie in the
file as they lie in memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DamagedFile
from isocortex.formats.safe_pickle import mapped
from isocortex_vision.weights.layers import (
    CAFFE,
    Pair,
    Reader,
    check_shapes,
    checked,
    in_order,
    origin,
    slots,
)
from isocortex_vision.weights.stored import Slot, StoredWeights
from isocortex_vision.weights.wire import BYTES, VARINT, Buffer, Field, Spoilt, fields, numbers, text

_V1, _V2 = 2, 100
_NUMBERS = {_V1: (4, 5, 6), _V2: (1, 2, 7), 0: (1, 2, 50)}
"""Of name, type and blobs in each version of a layer; 0 is V0."""
_INNER_PRODUCT = ("14", "InnerProduct", "innerproduct")


@dataclass
class _Layer:
    """One layer of the file: where its blobs lie."""

    name: str = ""
    type: str = ""
    blobs: list[Field] = field(default_factory=list)


@dataclass
class _Blob:
    """Shape and places of an array."""

    shape: tuple[int, ...]
    pieces: list[tuple[str, int, int]]


def open_caffe(path: Path, order: Sequence[Slot]) -> StoredWeights:
    """Open a ``.caffemodel``; arrays are views of the mapped file, float32 or float64 as it has them."""
    buffer, where = mapped(path), origin(path, "caffemodel")
    found = _layers(buffer, where)
    readers: dict[str, Reader] = {}
    for name, slot in slots(order).items():
        if name in found:
            readers[name] = _reader(buffer, found[name], slot, where)
    return StoredWeights(in_order(readers, order, found, where), "caffe", CAFFE, where)


def looks_like(path: Path) -> bool:
    """Say whether the file begins as a network's parameters do: its name, or layers."""
    buffer = mapped(path)
    try:
        seen = [found.number for found, _ in zip(fields(buffer, 0, len(buffer)), range(50), strict=False)]
    except Spoilt:
        return buffer[:1] == b"\x0a" or buffer[:1] == b"\x12" or buffer[:2] == b"\xa2\x06"
    return bool({_V1, _V2} & set(seen)) and set(seen) <= {*range(1, 9), _V2}


def _layers(buffer: Buffer, where: str) -> dict[str, _Layer]:
    """Find the layers that have weights; two of one name are refused, since only one can be meant."""
    found: dict[str, _Layer] = {}
    last, layer = "", _Layer()
    try:
        for item in fields(buffer, 0, len(buffer)):
            if item.number not in (_V1, _V2) or item.wire != BYTES:
                continue
            layer = _Layer()
            _fill(layer, buffer, item.start, item.end, item.number)
            if layer.blobs:
                if layer.name in found:
                    raise DamagedFile(f"{where}: two layers with weights are named {layer.name!r}")
                found[layer.name] = layer
            last, layer = layer.name, _Layer()
    except Spoilt as error:
        place = f"layer {layer.name!r}" if layer.name else f"after layer {last!r}" if last else "at its start"
        raise DamagedFile(f"{where}: cut off or spoilt, {place}: {error}") from None
    return found


def _fill(layer: _Layer, buffer: Buffer, start: int, end: int, version: int) -> None:
    name, kind, blobs = _NUMBERS[version]
    for item in fields(buffer, start, end):
        if version == _V1 and item.number == 1 and item.wire == BYTES:
            _fill(layer, buffer, item.start, item.end, 0)
        elif item.number == name:
            layer.name = text(buffer, item)
        elif item.number == kind:
            layer.type = str(item.value) if item.wire == VARINT else text(buffer, item)
        elif item.number == blobs and item.wire == BYTES:
            layer.blobs.append(item)


def _reader(buffer: Buffer, layer: _Layer, slot: Slot, where: str) -> Reader:
    """Check the blobs of a layer and give what reads them."""
    what = f"{where}: layer {slot.name!r}"
    if len(layer.blobs) > 2:
        raise DamagedFile(f"{what}: {len(layer.blobs)} arrays where a kernel and a bias belong")
    try:
        blobs = [_blob(buffer, item) for item in layer.blobs]
    except Spoilt as error:
        raise DamagedFile(f"{what}: {error}") from None
    kernel, *biases = blobs
    dense = slot.kind == "dense" or layer.type in _INNER_PRODUCT
    if dense and len(kernel.shape) == 4 and kernel.shape[:2] == (1, 1):
        kernel.shape = kernel.shape[2:]
    for bias in biases:
        bias.shape = (math.prod(bias.shape),)
    check_shapes(kernel.shape, biases[0].shape if biases else None, slot, "caffe", where)

    def read() -> Pair:
        arrays = [_array(buffer, blob) for blob in blobs]
        return checked(arrays[0], arrays[1] if biases else None, slot, "caffe", where)

    return read


def _blob(buffer: Buffer, place: Field) -> _Blob:
    """Find shape and values of an array; they must agree."""
    old, new = [1, 1, 1, 1], None
    pieces: list[tuple[str, int, int]] = []
    for item in fields(buffer, place.start, place.end):
        if item.number <= 4 and item.wire == VARINT:
            old[item.number - 1] = item.value
        elif item.number == 7 and item.wire == BYTES:
            new = [] if new is None else new
            for dim in fields(buffer, item.start, item.end):
                new.extend(numbers(buffer, dim) if dim.number == 1 else [])
        elif item.number in (5, 8):
            pieces.append(_piece(item))
    shape = old if new is None else new
    kinds = {kind for kind, _, _ in pieces}
    held = sum((end - start) // int(kind[2]) for kind, start, end in pieces)
    if len(kinds) > 1 or len(shape) > 32 or math.prod(shape) != held:
        raise Spoilt(f"an array of shape {tuple(shape)} with {held} values")
    return _Blob(tuple(shape), pieces)


def _piece(item: Field) -> tuple[str, int, int]:
    size = 4 if item.number == 5 else 8
    if item.wire != BYTES:
        raise Spoilt(f"values one by one at byte {item.start}, which Caffe does not write")
    if (item.end - item.start) % size:
        raise Spoilt(f"{item.end - item.start} bytes of values of {size} bytes each")
    return f"<f{size}", item.start, item.end


def _array(buffer: Buffer, blob: _Blob) -> Array:
    parts = [
        np.frombuffer(buffer, kind, (end - start) // int(kind[2]), start) for kind, start, end in blob.pieces
    ]
    if not parts:
        return np.empty(blob.shape, np.float32)
    return (parts[0] if len(parts) == 1 else np.concatenate(parts)).reshape(blob.shape)
