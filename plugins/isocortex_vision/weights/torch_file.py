"""``.pt`` and ``.pth`` files of state dicts, without PyTorch: zip files and the older format.

The pickle inside is followed by ``safe_pickle``; the few functions of PyTorch that a state dict names have
stand-ins, so nothing of the file is run. Formats as ``torch/serialization.py`` writes them: a zip with
``data.pkl``, ``byteorder`` and ``data/<key>`` for each storage; before 1.6 five pickles (magic number,
protocol, system, state dict, keys), then each storage's length and values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from isocortex.errors import DamagedFile, DataError
from isocortex_vision.weights.layers import Pair, Reader, check_shapes, checked, in_order, origin, slots
from isocortex_vision.weights.stored import Slot, StoredWeights
from isocortex_vision.weights.torch_names import torch_names
from isocortex_vision.weights.torch_storages import Storages, Tensor, open_storages

_NESTED = ("state_dict", "model_state_dict", "model", "net", "weights")


def open_torch(path: Path, order: Sequence[Slot]) -> StoredWeights:
    """Open a state dict of PyTorch, which may lie in a checkpoint under ``state_dict`` or the like.

    Nothing is said of preprocessing: torchvision's networks take RGB, scaled; those converted from Caffe BGR
    minus a mean.
    """
    where = origin(path, "PyTorch")
    content, storages = open_storages(path)
    state = _state_dict(content, where)
    names = torch_names(list(state), order, where)
    readers: dict[str, Reader] = {}
    for name, slot in slots(order).items():
        if name in names:
            kernel, bias = (None if key is None else state[key] for key in names[name])
            assert kernel is not None
            check_shapes(kernel.shape, None if bias is None else bias.shape, slot, "caffe", where)
            readers[name] = _reader(storages, kernel, bias, slot, where)
    return StoredWeights(in_order(readers, order, state, where), "caffe", None, where)


def _state_dict(content: Any, where: str) -> Mapping[str, Tensor]:
    """Find the tensors by name, directly or one level down."""
    if not isinstance(content, dict):
        raise DamagedFile(f"{where}: holds a {type(content).__name__} where a state dict belongs")
    for candidate in (content, *(content[key] for key in _NESTED if isinstance(content.get(key), dict))):
        found = {
            key: item for key, item in candidate.items() if isinstance(key, str) and isinstance(item, Tensor)
        }
        if found:
            return found
    raise DataError(f"{where}: no tensors are in it; save the network's state_dict()")


def _reader(storages: Storages, kernel: Tensor, bias: Tensor | None, slot: Slot, where: str) -> Reader:
    def read() -> Pair:
        values = storages.array(kernel), None if bias is None else storages.array(bias)
        return checked(*values, slot, "caffe", where)

    return read
