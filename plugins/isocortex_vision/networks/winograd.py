"""Convolutions of 3 x 3 with 2.25 times fewer multiplications: Winograd's F(2 x 2, 3 x 3).

Lavin & Gray 2016. Tiles of 4 x 4 pixels, 2 apart, are transformed; a product of matrices for each of the
16 places then does for all tiles and channels what the convolution would, and its results are transformed to
2 x 2 pixels of the output. The transforms only add, as fused element-wise blocks (XLA); they cost memory
traffic, so it pays for deep layers (many channels, few pixels). Rounding errors are those of a plain
convolution, about 2e-6.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from isocortex.data.base import Array
from isocortex_vision._tensorflow import tf
from isocortex_vision.networks.architecture import Conv, Stage

Tensor = Any

_FILTER = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
_MOST_PIXELS, _LEAST_CHANNELS = 56, 128
"""Height and width, and channels that come in, where it pays (measured on processors with AVX-512)."""


def pays(stage: Stage) -> bool:
    """Whether a layer is a convolution that is faster this way."""
    layer = stage.layer
    if not isinstance(layer, Conv) or layer.size != 3 or layer.padding != "SAME":
        return False
    height, width, channels = stage.shape_in
    even = height % 2 == 0 and width % 2 == 0
    return even and max(height, width) <= _MOST_PIXELS and min(channels, layer.filters) >= _LEAST_CHANNELS


def transformed(kernel: Array) -> Array:
    """Transform a kernel (3, 3, in, out) into 16 matrices (16, in, out)."""
    made = np.einsum("ai,ijco,bj->abco", _FILTER, kernel.astype(np.float64), _FILTER, optimize=True)
    return made.reshape(16, *kernel.shape[2:]).astype(kernel.dtype)


def convolved(x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """Convolve (n, height, width, in), sizes even, with a transformed kernel: (n, height, width, out)."""
    height, width = x.shape[1:3]
    _, channels, units = kernel.shape
    tiles = _tiles(height, width, channels)(x)
    return _pixels(height, width, units)(tf.matmul(tiles, kernel), bias)


def _halves(parts: list[Tensor]) -> list[Tensor]:
    """Combine the 4 rows (or columns) of a tile."""
    return [parts[0] - parts[2], parts[1] + parts[2], parts[2] - parts[1], parts[1] - parts[3]]


@cache
def _tiles(height: int, width: int, channels: int) -> Any:
    """Function of (n, height, width, channels) -> transformed tiles (16, n * squares of 2 x 2, channels)."""

    def tiles(x: Tensor) -> Tensor:
        padded = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
        made = []
        for row in _halves([padded[:, i : i + height : 2] for i in range(4)]):
            made += _halves([row[:, :, j : j + width : 2] for j in range(4)])
        return tf.stack([tf.reshape(part, [-1, channels]) for part in made])

    return _fused(tiles, [None, height, width, channels])


@cache
def _pixels(height: int, width: int, units: int) -> Any:
    """Function of products of tiles (16, tiles, units) and bias -> (n, height, width, units)."""

    def pixels(products: Tensor, bias: Tensor) -> Tensor:
        made = tf.reshape(products, [4, 4, -1, height // 2, width // 2, units])
        lines = [made[0] + made[1] + made[2], made[1] - made[2] - made[3]]
        squares = [[line[0] + line[1] + line[2] + bias, line[1] - line[2] - line[3] + bias] for line in lines]
        rows = [tf.stack(pair, axis=3) for pair in squares]
        return tf.reshape(tf.stack(rows, axis=2), [-1, height, width, units])

    return _fused(pixels, [16, None, units], [units])


def _fused(function: Any, *shapes: list[int | None]) -> Any:
    """One fused block of element-wise operations; compiled once for each number of images."""
    signature = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
    return tf.function(function, input_signature=signature, jit_compile=True, autograph=False)
