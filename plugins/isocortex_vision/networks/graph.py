"""A network in TensorFlow: images in, the activity of the layers that are asked for out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from isocortex.data.base import Array
from isocortex_vision._tensorflow import tf
from isocortex_vision.networks import winograd
from isocortex_vision.networks.architecture import (
    Architecture,
    Conv,
    Deconv,
    Dense,
    Dropout,
    Layer,
    Pool,
    Squeeze,
    Stage,
    Unflatten,
    WithWeights,
    rectified,
)
from isocortex_vision.networks.precision import Precision, dtype_of
from isocortex_vision.networks.resizing import Resampling, resizing
from isocortex_vision.weights.stored import Preprocessing

Tensor = Any
_MINIMAL = ("float32",)
"""Precisions with ``winograd``; float64, to compare with, is computed as it is written down."""


class NetworkGraph:
    """A table of layers with weights.

    In bfloat16 the first layer with weights stays float32: it reads the image, whose small differences an
    optimiser needs, and it costs next to nothing.

    Parameters
    ----------
    architecture : the layers.
    parameters : layer -> kernel and bias in TensorFlow's order; read when a layer is first run.
    precision : of the computation.
    """

    def __init__(
        self,
        architecture: Architecture,
        parameters: Mapping[str, tuple[Array, Array]],
        precision: Precision = "float32",
    ) -> None:
        self.architecture = architecture
        self._parameters = parameters
        self._tensors: dict[str, tuple[Tensor, Tensor]] = {}
        self._dtype = dtype_of(precision)
        self._transformed: dict[str, Tensor] = {}
        # a GPU's own library chooses by itself
        self._minimal = precision in _MINIMAL and not tf.config.list_physical_devices("GPU")
        self._first = next(layer.name for layer in architecture.layers if isinstance(layer, WithWeights))

    def prepare(self, wanted: Collection[str], many: bool = False) -> None:
        """Read the weights that the wanted layers need, outside of any traced function."""
        for stage in self.architecture.until(self._deepest(wanted)).stages():
            if isinstance(stage.layer, WithWeights):
                self.tensors(stage.layer.name)
            if many and self._minimal and winograd.pays(stage):
                self._transform(stage.layer.name)

    def tensors(self, name: str) -> tuple[Tensor, Tensor]:
        """Kernel and bias of a layer."""
        if name not in self._tensors:
            dtype = self.dtype_at(name)
            self._tensors[name] = tuple(  # type: ignore[assignment]
                _held(np.asarray(values), dtype) for values in self._parameters[name]
            )
        return self._tensors[name]

    def minimal(self, stage: Stage) -> Tensor | None:
        """Kernel for ``winograd`` where that is faster for a number of images that stays the same."""
        return self._transform(stage.layer.name) if self._minimal and winograd.applies(stage) else None

    def _transform(self, name: str) -> Tensor:
        if name not in self._transformed:
            kernel = np.asarray(self._parameters[name][0], self._dtype.as_numpy_dtype)
            self._transformed[name] = _held(winograd.transformed(kernel), self._dtype)
        return self._transformed[name]

    def __call__(self, inputs: Tensor, wanted: Collection[str], many: bool = False) -> dict[str, Tensor]:
        """Run as deep as the deepest of the wanted addresses; give them in forward order.

        ``many`` says that it is worth while to compile for this number of images (see ``winograd``).
        """
        found: dict[str, Tensor] = {}
        x = inputs
        for layer in self.architecture.until(self._deepest(wanted)).layers:
            before, x = self._apply(layer, x, many)
            for name, values in ((layer.name, before), (rectified(layer.name), x)):
                if name in wanted and name not in found:
                    found[name] = values
        return found

    def _deepest(self, wanted: Collection[str]) -> str:
        return next(name for name in reversed(self.architecture.addresses) if name in wanted)

    def dtype_at(self, name: str) -> Any:
        """Type that a layer computes with."""
        narrow = self._dtype == tf.bfloat16 and name == self._first
        return tf.float32 if narrow else self._dtype

    def _apply(self, layer: Layer, x: Tensor, many: bool) -> tuple[Tensor, Tensor]:
        """One layer, before and after its rectifier."""
        if not isinstance(layer, WithWeights):
            y = reshaping(layer, x)
            return y, y
        kernel, bias = self._tensors[layer.name]
        if many and layer.name in self._transformed:
            y = winograd.convolved(x, self._transformed[layer.name], bias)
        else:
            y = weighted(layer, tf.cast(x, kernel.dtype), kernel, bias)
        return y, y if layer.slope is None else rectify(y, layer.slope)


def _held(values: Array, dtype: Any) -> Tensor:
    """Values as a tensor that holds them once: a constant made of an array keeps a copy of that besides."""
    return tf.identity(tf.constant(values, dtype=dtype))


def weighted(layer: Layer, x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """Convolve, convolve transposed, or multiply, and add the bias."""
    if isinstance(layer, Dense):
        if x.shape.rank > 2:
            x = tf.reshape(x, [-1, int(np.prod(x.shape[1:]))])
        return tf.nn.bias_add(tf.matmul(x, kernel), bias)
    if isinstance(layer, Conv):
        return tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, layer.padding), bias)
    assert isinstance(layer, Deconv)
    height, width = (side * layer.stride for side in x.shape[1:3])
    shape = tf.stack([tf.shape(x)[0], height, width, layer.filters])
    return tf.nn.bias_add(tf.nn.conv2d_transpose(x, kernel, shape, layer.stride, "SAME"), bias)


def rectify(x: Tensor, slope: float) -> Tensor:
    """Rectify; ``slope`` times what lies below zero is let through."""
    if slope == 0:
        return tf.nn.relu(x)
    if x.dtype == tf.float64:  # TensorFlow's own keeps the slope in float32
        return tf.where(x > 0, x, slope * x)
    return tf.nn.leaky_relu(x, slope)


def reshaping(layer: Layer, x: Tensor) -> Tensor:
    """Apply a layer without weights, as it is when a network is used (dropout does nothing then)."""
    if isinstance(layer, Pool):
        pool = tf.nn.max_pool2d if layer.kind == "max" else tf.nn.avg_pool2d
        return pool(x, 2, 2, "VALID")
    if isinstance(layer, Squeeze):
        return tf.squeeze(x, [1, 2])
    if isinstance(layer, Unflatten):
        return tf.reshape(x, [-1, *layer.shape])
    assert isinstance(layer, Dropout)
    return x


def preprocess(
    images: Tensor,
    preprocessing: Preprocessing,
    size: tuple[int, int],
    dtype: Any,
    resampling: Resampling = "bilinear",
) -> Tensor:
    """RGB images of 0 to 255 -> what the network was trained on: size, order of channels, mean, scale."""
    x = tf.cast(images, dtype)
    if tuple(x.shape[1:3]) != size:
        rows, columns = (
            tf.constant(resizing(have, want, resampling), dtype)
            for have, want in zip(x.shape[1:3], size, strict=True)
        )
        x = tf.einsum("ih,nhwc,jw->nijc", rows, x, columns)
    if preprocessing.channels == "BGR":
        x = tf.reverse(x, [-1])
    x = x - tf.constant(preprocessing.mean, dtype)
    if preprocessing.scale != (1.0, 1.0, 1.0):
        x = x / tf.constant(preprocessing.scale, dtype)
    return x


def unprocess(x: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Undo ``preprocess`` but for the size: back to RGB of 0 to 255 (not clipped)."""
    x = x * tf.constant(preprocessing.scale, x.dtype) + tf.constant(preprocessing.mean, x.dtype)
    return tf.reverse(x, [-1]) if preprocessing.channels == "BGR" else x
