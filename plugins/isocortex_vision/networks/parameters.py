"""From the weights of a file to those of a network: axes, order of units, shapes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DataError, suggestion
from isocortex_vision.networks.architecture import (
    Architecture,
    Conv,
    Dense,
    Stage,
    Unflatten,
    WithWeights,
    kernel_shape,
)
from isocortex_vision.weights.stored import StoredWeights


class Parameters(Mapping[str, tuple[Array, Array]]):
    """Layer -> kernel and bias as TensorFlow wants them (see ``Layout``); each is converted when asked for.

    The first axis of a kernel that reads an image is in the order of the file's channels; a layer without a
    bias gets zeros.
    """

    def __init__(self, architecture: Architecture, stored: StoredWeights) -> None:
        self._stored = stored
        self.in_memory = isinstance(stored.layers, dict)
        stages = list(architecture.stages())
        following = [stage.layer for stage in stages[1:]] + [None]
        self._stages = {
            stage.layer.name: (stage, after if isinstance(after, Unflatten) else None)
            for stage, after in zip(stages, following, strict=True)
            if isinstance(stage.layer, WithWeights)
        }

    def __getitem__(self, name: str) -> tuple[Array, Array]:
        stage, unflatten = self._stages[name]
        kernel, bias = self._stored.layers[name]
        what = f"{self._stored.origin}: layer {name!r}"
        made = _kernel(kernel, stage, unflatten, self._stored.layout, what)
        return made, _bias(bias, made.shape[_out_axis(stage)], unflatten, self._stored.layout, what)

    def __iter__(self) -> Iterator[str]:
        return iter(self._stages)

    def __len__(self) -> int:
        return len(self._stages)


def fitted(architecture: Architecture, stored: StoredWeights) -> Architecture:
    """The part of a network that a file has weights for.

    Files without the last layers (a backbone without its classifier) give a shorter network; a gap before
    layers that are there is an error.
    """
    named = [layer.name for layer in architecture.layers if isinstance(layer, WithWeights)]
    there = [name for name in named if name in stored.layers]
    if not there:
        raise DataError(
            f"{stored.origin}: holds no layer of {architecture.name}; its layers: "
            f"{', '.join(list(stored.layers)[:8]) or 'none'}"
        )
    missing = [name for name in named[: named.index(there[-1])] if name not in stored.layers]
    if missing:
        raise DataError(
            f"{stored.origin}: has no weights for {', '.join(missing)} of {architecture.name}, but for "
            f"{there[-1]} after it; {suggestion(missing[0], stored.layers, 'layers')}"
        )
    if len(there) == len(named):
        return architecture
    first_missing = named[len(there)]
    cut = next(i for i, layer in enumerate(architecture.layers) if layer.name == first_missing)
    return replace(architecture, layers=architecture.layers[:cut])


def _out_axis(stage: Stage) -> int:
    """Axis of a kernel that counts what goes out."""
    return -1 if isinstance(stage.layer, (Conv, Dense)) else 2


def _kernel(kernel: Array, stage: Stage, unflatten: Unflatten | None, layout: str, what: str) -> Array:
    expected = kernel_shape(stage)
    made = _from_caffe(kernel, stage, unflatten) if layout == "caffe" else kernel
    if made is not None and _only_folded(made.shape, expected, stage.shape_in):
        made = made.reshape(expected)
    if made is None or made.shape != expected:
        raise DataError(f"{what}: {_mismatch(kernel, stage, expected)}")
    return np.ascontiguousarray(made)


def _from_caffe(kernel: Array, stage: Stage, unflatten: Unflatten | None) -> Array | None:
    """(out, in, height, width) -> (height, width, in, out); units counted channel first -> channel last.

    None where a fully connected kernel does not fit, be it that it lies in the other order.
    """
    if not isinstance(stage.layer, Dense):
        return kernel.transpose(2, 3, 1, 0) if kernel.ndim == 4 else kernel
    out = stage.layer.units
    inputs = math.prod(stage.shape_in)
    folded = [(inputs,), (inputs, 1, 1), (stage.shape_in[-1], *stage.shape_in[:-1])]
    if kernel.shape[0] != out or kernel.shape[1:] not in folded:
        return None
    rows = kernel.reshape(out, -1)
    if len(stage.shape_in) == 3:
        height, width, channels = stage.shape_in
        rows = rows.reshape(out, channels, height, width).transpose(0, 2, 3, 1).reshape(out, -1)
    if unflatten is not None:
        rows = _channels_last(rows, unflatten)
    return rows.T


def _channels_last(values: Array, unflatten: Unflatten) -> Array:
    """Reorder units (the first axis) from channel, height, width to height, width, channel."""
    height, width, channels = unflatten.shape
    maps = values.reshape(channels, height, width, *values.shape[1:])
    return np.moveaxis(maps, 0, 2).reshape(values.shape)


def _only_folded(have: tuple[int, ...], want: tuple[int, ...], shape_in: tuple[int, ...]) -> bool:
    """Whether a fully connected kernel stands as a convolution over its whole map, or the other way round."""
    if len(have) == 4 and len(want) == 2:
        return have[-1] == want[-1] and have[:3] in (shape_in, (1, 1, want[0]))
    return len(have) == 2 and len(want) == 4 and have == (math.prod(want[:3]), want[3])


def _bias(bias: Array | None, units: int, unflatten: Unflatten | None, layout: str, what: str) -> Array:
    if bias is None:
        return np.zeros(units, dtype=np.float32)
    if bias.size != units:
        raise DataError(f"{what}: its bias has the shape {bias.shape}, expected {units} values")
    made = bias.reshape(units)
    return _channels_last(made, unflatten) if unflatten is not None and layout == "caffe" else made


def _mismatch(kernel: Array, stage: Stage, expected: tuple[int, ...]) -> str:
    text = f"its kernel has the shape {kernel.shape}; the network needs {expected} (in TensorFlow's order)"
    if isinstance(stage.layer, Dense) and len(stage.shape_in) == 3:
        text += (
            f", since it reads a map of {' x '.join(map(str, stage.shape_in))}: at another image size say "
            'head: "none" to leave the fully connected layers out'
        )
    return text
