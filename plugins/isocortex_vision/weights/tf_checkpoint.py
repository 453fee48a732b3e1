"""TensorFlow checkpoints without importing TensorFlow; a damaged one is one clear error.

Both formats: V2 (``.index``, a table of BundleEntryProto, and ``.data-00000-of-00001``, the values) and the
single file of TensorFlow before 0.12 (V1, a table of SavedTensorSlices). Field numbers are those of
``tensor_bundle.proto``, ``saved_tensor_slice.proto``, ``tensor.proto`` and ``tensor_shape.proto``. Checksums
are compared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from isocortex.errors import DataError
from isocortex_vision.weights.layers import CAFFE, CAFFE_MEAN, Pair, Reader, checked, in_order, origin, slots
from isocortex_vision.weights.stored import Preprocessing, Slot, StoredWeights
from isocortex_vision.weights.tf_tensors import Tensor, tensors

SLIM = Preprocessing("RGB", (CAFFE_MEAN[2], CAFFE_MEAN[1], CAFFE_MEAN[0]))
"""Slim's published VGG (``vgg_16.ckpt``): the same mean, but its first layer takes RGB."""

_SHARD = re.compile(r"\.(?:index|meta|data-[0-9]{5}-of-[0-9]{5})$")
_OBJECT = re.compile(
    r"(.*?)(layer_with_weights-|_operations/|layers/)([0-9]{1,6})/(_?kernel|bias)/\.ATTRIBUTES/VARIABLE_VALUE"
)
_KERNELS, _BIASES = ("weights", "kernel"), ("biases", "bias")


def open_checkpoint(path: Path, order: Sequence[Slot]) -> StoredWeights:
    """Open a checkpoint by its name, with or without ``.index``.

    Names are ``conv1/conv1_1/weights`` (study A: BGR minus the mean) and ``vgg_16/conv1/conv1_1/weights``
    (slim's published networks: RGB minus the mean); counters and an optimiser's slots are left out. A kernel
    of fc6 may be that of a convolution, (7, 7, in, out): it is given as it is. Checkpoints of objects
    (TensorFlow 2) number their layers, and are taken in that order if there are as many as the network has.
    """
    path = path.with_name(_SHARD.sub("", path.name))
    where = origin(path, "TensorFlow checkpoint")
    stored = tensors(path)
    pairs = _by_name(stored, order, where) or _by_number(stored, order, where)
    readers: dict[str, Reader] = {}
    for name, slot in slots(order).items():
        if name in pairs and pairs[name][0] is not None:
            readers[name] = _reader(stored, pairs[name], slot, where)
    slim = any(kernel.split("/")[0] in ("vgg_16", "vgg_19") for kernel, _ in pairs.values() if kernel)
    layers = in_order(readers, order, stored, where)
    return StoredWeights(layers, "tensorflow", SLIM if slim else CAFFE, where)


Names = tuple[str | None, str | None]


def _by_name(stored: Mapping[str, Tensor], order: Sequence[Slot], where: str) -> dict[str, Names]:
    """Find kernel and bias of each layer by the last two parts of their names."""
    known = slots(order)
    found: dict[str, Names] = {}
    for name in stored:
        scope, _, last = name.rpartition("/")
        layer = scope.rpartition("/")[2]
        if layer not in known or last not in _KERNELS + _BIASES:
            continue
        kernel, bias = found.get(layer, (None, None))
        if (kernel if last in _KERNELS else bias) is not None:
            raise DataError(
                f"{where}: holds layer {layer!r} twice ({kernel if last in _KERNELS else bias}, {name})"
            )
        found[layer] = (name, bias) if last in _KERNELS else (kernel, name)
    for layer, (kernel, bias) in found.items():
        if kernel and bias and kernel.rpartition("/")[0] != bias.rpartition("/")[0]:
            raise DataError(
                f"{where}: kernel and bias of layer {layer!r} are of two networks ({kernel}, {bias})"
            )
    return found


def _by_number(stored: Mapping[str, Tensor], order: Sequence[Slot], where: str) -> dict[str, Names]:
    """Take the layers of an object checkpoint in their order, if there are as many as the network has."""
    found: dict[str, dict[int, dict[str, str]]] = {}
    for name in stored:
        match = _OBJECT.fullmatch(name)
        if match:
            layer = found.setdefault(match[1] + match[2], {}).setdefault(int(match[3]), {})
            layer[match[4].lstrip("_")] = name
    wanted = list(slots(order))
    for layers in found.values():
        pairs = [(parts.get("kernel"), parts.get("bias")) for _, parts in sorted(layers.items())]
        named = dict(zip(wanted, pairs, strict=False))
        if len(pairs) == len(wanted) and all(kernel for kernel, _ in pairs):
            _check_kinds(stored, named, order, where)
            return named
    if found:
        counts = " or ".join(str(len(layers)) for layers in found.values())
        raise DataError(
            f"{where}: it numbers its layers instead of naming them, and has {counts} where the network has "
            f"{len(wanted)}, so which is which cannot be told"
        )
    return {}


def _check_kinds(
    stored: Mapping[str, Tensor], named: Mapping[str, Names], order: Sequence[Slot], where: str
) -> None:
    """Counting alone takes VGG19's sixteen convolutions for VGG16's thirteen and its head."""
    for name, slot in slots(order).items():
        kernel = named[name][0]
        axes = 2 if slot.kind == "dense" else 4
        if kernel is not None and len(stored[kernel].shape) != axes:
            raise DataError(
                f"{where}: it numbers its layers instead of naming them, and {kernel!r}, in the place of "
                f"{name!r}, has the shape {stored[kernel].shape}; the weights are those of another network"
            )


def _reader(stored: Mapping[str, Tensor], names: Names, slot: Slot, where: str) -> Reader:
    def read() -> Pair:
        kernel, bias = (None if name is None else stored[name].read() for name in names)
        assert kernel is not None
        return checked(kernel, bias, slot, "tensorflow", where)

    return read
