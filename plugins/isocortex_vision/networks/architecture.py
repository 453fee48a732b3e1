"""A network as a table of layers: what stands in it, in which order, and how each is addressed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from isocortex.errors import DataError, suggestion
from isocortex_vision.weights.stored import Slot

Pooling = Literal["max", "average"]


@dataclass(frozen=True)
class Conv:
    """Convolution (cross-correlation) of stride 1 with its rectifier; ``slope`` None: without one."""

    name: str
    filters: int
    size: int = 3
    padding: Literal["SAME", "VALID"] = "SAME"
    slope: float | None = 0.0


@dataclass(frozen=True)
class Deconv:
    """Transposed convolution, padded so that the output is ``stride`` times as large, with its rectifier."""

    name: str
    filters: int
    size: int
    stride: int
    slope: float | None = 0.0


@dataclass(frozen=True)
class Dense:
    """Fully connected layer with its rectifier; whatever comes in is flattened."""

    name: str
    units: int
    slope: float | None = 0.0


@dataclass(frozen=True)
class Pool:
    """Pooling over 2 x 2 squares; a last odd row or column is left out."""

    name: str
    kind: Pooling = "max"


@dataclass(frozen=True)
class Dropout:
    """Units that are silenced at random in training, and only there."""

    name: str
    rate: float = 0.5


@dataclass(frozen=True)
class Squeeze:
    """Drops the two axes of a 1 x 1 map: (n, 1, 1, units) becomes (n, units)."""

    name: str


@dataclass(frozen=True)
class Unflatten:
    """Makes maps of a row of units: (n, height * width * channels) becomes (n, height, width, channels)."""

    name: str
    shape: tuple[int, int, int]


Layer = Conv | Deconv | Dense | Pool | Dropout | Squeeze | Unflatten
WithWeights = (Conv, Deconv, Dense)
"""Layers that have a kernel and a bias."""


class Stage(NamedTuple):
    """A layer with the shapes (without the samples' axis) of what comes in and what goes out."""

    layer: Layer
    shape_in: tuple[int, ...]
    shape_out: tuple[int, ...]


@dataclass(frozen=True)
class Architecture:
    """Layers in forward order and the shape of one input.

    A layer with weights is addressed by its name before its rectifier and by ``rectified`` after it
    (``conv1_1`` and ``relu1_1``, ``fc6`` and ``relu6``); pooling by its name.
    """

    name: str
    layers: tuple[Layer, ...]
    shape_in: tuple[int, ...]

    @property
    def addresses(self) -> tuple[str, ...]:
        """What can be asked for, in forward order."""
        return tuple(name for layer in self.layers for name in _addresses(layer))

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The layers that take a place in files of weights."""
        return tuple(Slot(layer.name, _KINDS[type(layer)]) for layer in self.layers if type(layer) in _KINDS)

    def stages(self) -> Iterator[Stage]:
        """Go through the layers with the shapes of their inputs and outputs."""
        shape = self.shape_in
        for layer in self.layers:
            out = _shape_out(layer, shape, self.name)
            yield Stage(layer, shape, out)
            shape = out

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Address -> shape of one sample's activity."""
        return {name: stage.shape_out for stage in self.stages() for name in _addresses(stage.layer)}

    def until(self, last: str) -> Architecture:
        """The part of the network up to the layer that has this address."""
        for index, layer in enumerate(self.layers):
            if last in _addresses(layer):
                return replace(self, layers=self.layers[: index + 1])
        raise DataError(f"{self.name}: no layer {last!r}; {suggestion(last, self.addresses, 'layers')}")


_KINDS: dict[type, Literal["conv", "dense", "deconv", "pool"]] = {
    Conv: "conv",
    Deconv: "deconv",
    Dense: "dense",
    Pool: "pool",
}


def rectified(name: str) -> str:
    """Address of a layer after its rectifier: ``conv1_1`` -> ``relu1_1``, ``fc6`` -> ``relu6``."""
    for kind in ("conv", "fc"):
        if name.startswith(kind):
            return f"relu{name.removeprefix(kind)}"
    return f"relu_{name}"


def _addresses(layer: Layer) -> tuple[str, ...]:
    if isinstance(layer, WithWeights):
        return (layer.name,) if layer.slope is None else (layer.name, rectified(layer.name))
    return (layer.name,) if isinstance(layer, Pool) else ()


def kernel_shape(stage: Stage) -> tuple[int, ...]:
    """Shape of a kernel: (height, width, in, out), a transposed one (.., out, in), a dense one (in, out)."""
    layer = stage.layer
    if isinstance(layer, Dense):
        return (math.prod(stage.shape_in), layer.units)
    if isinstance(layer, Conv):
        return (layer.size, layer.size, stage.shape_in[-1], layer.filters)
    if isinstance(layer, Deconv):
        return (layer.size, layer.size, layer.filters, stage.shape_in[-1])
    raise TypeError(f"{type(layer).__name__} has no kernel")


def _shape_out(layer: Layer, shape: tuple[int, ...], network: str) -> tuple[int, ...]:
    if isinstance(layer, Dense):
        return (layer.units,)
    if isinstance(layer, Dropout):
        return shape
    if isinstance(layer, Unflatten):
        return layer.shape
    height, width, channels = shape
    if isinstance(layer, Squeeze):
        if (height, width) != (1, 1):
            raise DataError(
                f"{network}: {layer.name} has to come after a map of 1 x 1, not {height} x {width}"
            )
        return (channels,)
    if isinstance(layer, Deconv):
        return (height * layer.stride, width * layer.stride, layer.filters)
    if isinstance(layer, Pool):
        size = (height // 2, width // 2, channels)
    else:
        less = 0 if layer.padding == "SAME" else layer.size - 1
        size = (height - less, width - less, layer.filters)
    if min(size) < 1:
        raise DataError(
            f"{network}: images are too small; at {layer.name} nothing is left ({height} x {width})"
        )
    return size
