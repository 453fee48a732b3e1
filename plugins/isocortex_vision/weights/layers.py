"""What all readers of weights share: layers that are read when asked for, and their checks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError
from isocortex_vision.weights.stored import Layout, Preprocessing, Slot

Pair = tuple[Array, Array | None]
Reader = Callable[[], Pair]
CAFFE_MEAN = (103.939, 116.779, 123.68)
CAFFE = Preprocessing("BGR", CAFFE_MEAN)
"""VGG as it was trained, in Caffe: BGR minus the mean of its training images (Simonyan & Zisserman 2015)."""
_CONVOLUTION = re.compile(r"(?:^|[./])(?:conv|block)([0-9]+)(?:_conv|_)([0-9]+)(?=[./]|$)")
"""``conv3_4``, or ``block3_conv4`` as Keras calls it, alone or between the parts of a longer name."""


class LazyLayers(Mapping[str, Pair]):
    """Layer name -> (kernel, bias or None); a layer is read and checked each time it is asked for."""

    def __init__(self, readers: Mapping[str, Reader]) -> None:
        self._readers = dict(readers)

    def __getitem__(self, name: str) -> Pair:
        return self._readers[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)


def slots(order: Sequence[Slot]) -> dict[str, Slot]:
    """Give the layers of a network that have weights, by name, in forward order."""
    return {slot.name: slot for slot in order if slot.kind != "pool"}


def numbered(order: Sequence[Slot], *kinds: str) -> list[str]:
    """Give the names of the layers of these kinds, in forward order."""
    return [slot.name for slot in order if slot.kind in kinds]


def in_order(
    readers: Mapping[str, Reader], order: Sequence[Slot], names: Iterable[str], where: str
) -> LazyLayers:
    """Keep the layers that the network has, in its order; none at all is an error with the file's names.

    ``names`` are those that the file itself uses. A file with more convolutions in a block than the network
    has is of another network: VGG19's layers would all fit VGG16, and every feature would look right.
    """
    names = list(names)
    if others := _others(order, names):
        raise DataError(
            f"{where}: holds {', '.join(others)} as well, which this network does not have; the weights are "
            "those of another one"
        )
    kept = {name: readers[name] for name in slots(order) if name in readers}
    if not kept:
        shown = ", ".join(repr(name[:80]) for name in names[:8]) + (", ..." if len(names) > 8 else "")
        asked = ", ".join(list(slots(order))[:4])
        raise DataError(
            f"{where}: none of the network's layers ({asked}, ...) is in the file; it names {shown or 'none'}"
        )
    return LazyLayers(kept)


def _others(order: Sequence[Slot], names: Iterable[str]) -> list[str]:
    """Find the convolutions that a file has in the network's blocks, and the network has not."""
    own = numbered(order, "conv")
    blocks = {match[1] for match in map(_CONVOLUTION.fullmatch, own) if match}
    found = {
        f"conv{block}_{int(number)}"
        for name in names
        for block, number in _CONVOLUTION.findall(name)
        if block in blocks
    }
    return sorted(found - set(own))


def checked(kernel: Array, bias: Array | None, slot: Slot, layout: Layout, where: str) -> Pair:
    """Check what a file gives for a layer; half floats are widened, all get this machine's byte order.

    Raises
    ------
    DamagedFile : not floats, another number of axes than the layer has, a bias of another length.
    """
    check_shapes(kernel.shape, None if bias is None else bias.shape, slot, layout, where)
    what = f"{where}: layer {slot.name!r}"
    return _floats(kernel, what), None if bias is None else _floats(bias, what)


def check_shapes(
    kernel: tuple[int, ...], bias: tuple[int, ...] | None, slot: Slot, layout: Layout, where: str
) -> None:
    """Check the shapes that a file gives for a layer, as far as can be told without the network."""
    what = f"{where}: layer {slot.name!r}"
    axes = (2, 4) if slot.kind == "dense" else (4,)
    if len(kernel) not in axes:
        raise DamagedFile(f"{what}: a kernel of shape {kernel} where a {slot.kind} layer has {axes[0]} axes")
    if 0 in kernel:
        raise DamagedFile(f"{what}: its kernel is empty, shape {kernel}")
    outputs = kernel[_output_axis(slot, layout)]
    if bias is not None and bias != (outputs,):
        raise DamagedFile(
            f"{what}: a bias of shape {bias} where the kernel of shape {kernel} has {outputs} outputs"
        )


def _output_axis(slot: Slot, layout: Layout) -> int:
    if slot.kind == "deconv":
        return 1 if layout == "caffe" else 2
    return 0 if layout == "caffe" else -1


def _floats(array: Array, what: str) -> Array:
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise DamagedFile(f"{what}: holds {array.dtype} where weights are float16, float32 or float64")
    if array.dtype.itemsize == 2:
        return array.astype(np.float32)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def origin(path: Path, form: str) -> str:
    """Name file and format in messages."""
    return f"{path} ({form})"
