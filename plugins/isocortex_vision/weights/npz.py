"""``.npz`` files of weights: ours, and those with PyTorch's names.

Ours: ``<layer>/kernel`` and ``<layer>/bias`` in the layout of TensorFlow; ``preprocessing``, JSON as text.
Others: ``<layer>.weight`` and ``<layer>.bias`` in the layout of PyTorch and Caffe, without preprocessing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError
from isocortex.formats.arrays import Npz, sync
from isocortex_vision.weights.layers import Pair, Reader, checked, in_order, origin, slots
from isocortex_vision.weights.stored import Layout, Preprocessing, Slot, StoredWeights
from isocortex_vision.weights.torch_names import torch_names

_PREPROCESSING = "preprocessing"


def open_npz(path: Path, order: Sequence[Slot]) -> StoredWeights:
    """Open a ``.npz``; each array is read when its layer is asked for."""
    where = origin(path, "npz")
    with Npz(path) as file:
        keys = file.keys
        preprocessing = _preprocessing(file, where) if _PREPROCESSING in keys else None
    ours = {key.rpartition("/")[0] for key in keys if key.endswith("/kernel")}
    names: dict[str, tuple[str, str | None]]
    if ours:
        names = {n: (f"{n}/kernel", f"{n}/bias" if f"{n}/bias" in keys else None) for n in ours}
    else:
        names = torch_names(keys, order, where)
    layout: Layout = "tensorflow" if ours else "caffe"
    readers: dict[str, Reader] = {}
    for name, slot in slots(order).items():
        if name in names:
            readers[name] = _reader(path, names[name], slot, layout, where)
    return StoredWeights(in_order(readers, order, keys, where), layout, preprocessing, where)


def save_weights(
    path: Path, layers: Mapping[str, tuple[Array, Array | None]], preprocessing: Preprocessing
) -> None:
    """Write a network's weights as ``.npz``, which ``open_weights`` reads back; never a half-written file.

    Parameters
    ----------
    path : the file, ending in ``.npz``; what is there is replaced.
    layers : layer -> (kernel, bias or None) in the layout "tensorflow".
    preprocessing : what the network takes.
    """
    if path.suffix != ".npz":
        raise DataError(f"{path}: weights are written as .npz; end the name with that")
    arrays: dict[str, Any] = {_PREPROCESSING: np.array(json.dumps(preprocessing._asdict()))}
    for name, (kernel, bias) in layers.items():
        arrays[f"{name}/kernel"] = np.asarray(kernel)
        if bias is not None:
            arrays[f"{name}/bias"] = np.asarray(bias)
    if any(array.dtype.kind != "f" for key, array in arrays.items() if key != _PREPROCESSING):
        raise DataError(f"{path}: weights are floats, and something else was given")
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            np.savez(file, **arrays)
        sync(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _reader(path: Path, names: tuple[str, str | None], slot: Slot, layout: Layout, where: str) -> Reader:
    def read() -> Pair:
        kernel, bias = names
        with Npz(path) as file:
            return checked(file.read(kernel), None if bias is None else file.read(bias), slot, layout, where)

    return read


def _preprocessing(file: Npz, where: str) -> Preprocessing:
    """Understand the text that says what the network takes."""
    text = file.read(_PREPROCESSING)
    try:
        found = json.loads(str(text.item()))
        channels, mean, scale = found["channels"], found["mean"], found["scale"]
        numbers = [float(number) for number in (*mean, *scale)]
        if channels not in ("RGB", "BGR") or len(mean) != 3 or len(scale) != 3:
            raise ValueError(f"channels {channels!r}, mean {mean}, scale {scale}")
        if not np.isfinite(numbers).all() or 0 in numbers[3:]:
            raise ValueError(f"mean {mean}, scale {scale}")
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise DamagedFile(f"{where}: its entry {_PREPROCESSING!r} cannot be understood ({error})") from None
    mean, scale = tuple(numbers[:3]), tuple(numbers[3:])
    return Preprocessing(channels, mean, scale)
