"""``.safetensors`` files, mapped: a length of 8 bytes, a header in JSON, then the values.

Source: the format's own description (safetensors, "Format"): each entry has ``dtype``, ``shape`` and
``data_offsets``, counted from behind the header.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DamagedFile
from isocortex.formats.safe_pickle import mapped
from isocortex_vision.weights.layers import Pair, Reader, check_shapes, checked, in_order, origin, slots
from isocortex_vision.weights.stored import Slot, StoredWeights
from isocortex_vision.weights.torch_names import torch_names
from isocortex_vision.weights.wire import Buffer

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_HEADER = 100_000_000  # the format's own bound


class _Tensor(NamedTuple):
    """Where a tensor lies and what it is."""

    type: str
    shape: tuple[int, ...]
    start: int


def open_safetensors(path: Path, order: Sequence[Slot]) -> StoredWeights:
    """Open a ``.safetensors`` file of a PyTorch state dict; arrays are views of the mapped file."""
    buffer, where = mapped(path), origin(path, "safetensors")
    header, start = _header(buffer, where)
    names = torch_names(list(header), order, where)
    readers: dict[str, Reader] = {}
    for name, slot in slots(order).items():
        if name in names:
            kernel, bias = (
                None if key is None else _tensor(header, key, start, len(buffer), where)
                for key in names[name]
            )
            assert kernel is not None
            check_shapes(kernel.shape, None if bias is None else bias.shape, slot, "caffe", where)
            readers[name] = _reader(buffer, kernel, bias, slot, where)
    return StoredWeights(in_order(readers, order, header, where), "caffe", None, where)


def _header(buffer: Buffer, where: str) -> tuple[dict[str, Any], int]:
    """Read the header; give it and the place where the values begin."""
    length = int.from_bytes(buffer[:8], "little")
    if len(buffer) < 8 or length > min(len(buffer) - 8, _HEADER):
        raise DamagedFile(
            f"{where}: its header of {length} bytes is longer than the file ({len(buffer)} bytes)"
        )
    try:
        header = json.loads(bytes(buffer[8 : 8 + length]).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DamagedFile(f"{where}: its header is not JSON ({error})") from None
    if not isinstance(header, dict):
        raise DamagedFile(f"{where}: its header does not name tensors")
    header.pop("__metadata__", None)
    return header, 8 + length


def _tensor(header: Mapping[str, Any], key: str, start: int, size: int, where: str) -> _Tensor:
    """Understand an entry; its offsets must lie in the file and fit its shape."""
    entry = header[key]
    try:
        type_, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        item = int(_TYPES[type_][2])
        sound = isinstance(shape, list) and len(shape) <= 32
        sound = sound and all(type(n) is int and n >= 0 for n in (*shape, begin, end))
        sound = sound and begin + math.prod(shape) * item == end and start + end <= size
    except (TypeError, ValueError, LookupError):
        sound = False
    if not sound:
        raise DamagedFile(
            f"{where}: the entry {key[:80]!r} is damaged or lies outside of the file: {str(entry)[:120]}"
        )
    return _Tensor(type_, tuple(shape), start + begin)


def _reader(buffer: Buffer, kernel: _Tensor, bias: _Tensor | None, slot: Slot, where: str) -> Reader:
    def read() -> Pair:
        return checked(
            _array(buffer, kernel), None if bias is None else _array(buffer, bias), slot, "caffe", where
        )

    return read


def _array(buffer: Buffer, tensor: _Tensor) -> Array:
    values = np.frombuffer(buffer, _TYPES[tensor.type], math.prod(tensor.shape), tensor.start)
    return (widened(values) if tensor.type == "BF16" else values).reshape(tensor.shape)


def widened(values: Array) -> Array:
    """Make float32 of bfloat16, which is its upper half, given as whole numbers of 16 bits."""
    return (values.astype(np.uint32) << 16).view(np.float32)
