"""Convolutions of 3 x 3 with 4 times fewer multiplications: Winograd's F(4 x 4, 3 x 3).

Lavin & Gray 2016. Tiles of 6 x 6 pixels, 4 apart, are transformed; a product of matrices for each of the
36 places then does for all tiles and channels what the convolution would, and its results are transformed to
4 x 4 pixels of the output. The transforms are fused element-wise blocks (XLA); they cost memory traffic, so
it pays where there are many channels.

The points are 0, infinity, and square roots of 2 and 1/2 with both signs. With them rounding errors are small
(1.5e-6 of the values' norm; a plain convolution's are 2e-7, those of the usual 0, 1, -1, 2, -2 twice as
large), and the inverse of each point is a point, so that one transformed kernel also serves the gradient: the
convolution with the kernel flipped and transposed.
"""

from __future__ import annotations

import math
from functools import cache, reduce
from operator import add
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex_vision._tensorflow import tf
from isocortex_vision.networks.tiling import TILE, applies, pays

Tensor = Any
Matrix = npt.NDArray[np.float64]
_POINTS = (0.0, math.sqrt(2), -math.sqrt(2), math.sqrt(0.5), -math.sqrt(0.5))
_INVERSE = (5, 3, 4, 1, 2, 0)
"""Where each point's inverse stands; infinity is the last."""

__all__ = ["applies", "convolved", "convolved_in_pieces", "padded", "pays", "transformed"]

_PIECE = 2 << 20
"""Bytes of transformed tiles that are worked on at a time, if the kernel has not more."""


class _Transforms(NamedTuple):
    """Matrices of a kernel (6, 3), an input tile (6, 6), and an output tile (4, 6)."""

    kernel: Matrix
    tile: Matrix
    pixels: Matrix


@cache
def _transforms(flipped: bool = False) -> _Transforms:
    """Toom-Cook's matrices; ``flipped``: for the flipped kernel, with the transform of the unflipped one."""
    points = np.array(_POINTS)
    others = [np.delete(points, i) for i in range(5)]
    size = np.array([np.prod(p - rest) for p, rest in zip(points, others, strict=True)] + [1.0])
    kernel = np.vstack([np.vander(points, 3, increasing=True), [0, 0, 1]]) / size[:, None]
    tile = np.vstack([*(np.append(np.poly(rest)[::-1], 0) for rest in others), np.poly(points)[::-1]])
    pixels = np.vstack([np.vander(points, TILE, increasing=True), [0, 0, 0, 1]]).T
    if flipped:
        # at a point p the flipped kernel is p**2 times the kernel at 1 / p
        order = list(_INVERSE)
        factor = np.array([1.0, *(points[1:] ** 2), 1.0]) * size[order] / size
        return _Transforms(kernel, (tile * factor[:, None])[order], pixels[:, order])
    return _Transforms(kernel, tile, pixels)


def transformed(kernel: Array) -> Array:
    """Transform a kernel (3, 3, in, out) into 36 matrices (36, in, out)."""
    matrix = _transforms().kernel
    made = np.einsum("ai,ijco,bj->baco", matrix, kernel.astype(np.float64), matrix, optimize=True)
    return made.reshape(36, *kernel.shape[2:]).astype(kernel.dtype)


def convolved(x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """Convolve (n, height, width, in) with a transformed kernel: (n, height, width, out)."""
    made = _block(padded(x), kernel, bias, flipped=False)
    return made[:, : x.shape[1], : x.shape[2]]


def padded(x: Tensor) -> Tensor:
    """Put zeros around maps, one on each side, and more at the end up to a whole number of tiles."""
    below, right = (-side % TILE for side in x.shape[1:3])
    return tf.pad(x, [[0, 0], [1, 1 + below], [1, 1 + right], [0, 0]])


def convolved_in_pieces(
    x: Tensor, size: tuple[int, int], kernel: Tensor, bias: Tensor | None, flipped: bool = False
) -> Tensor:
    """Convolve ``padded`` maps of this size, their number known, in pieces that stay in the cache.

    ``flipped`` convolves with the flipped kernel of exchanged channels: what carries a gradient by the output
    back to the input.
    """
    count, height, width, channels = x.shape
    rows = height - 2
    of_row = 9 * (width - 2) * channels * x.dtype.size // 4
    enough = max(_PIECE, math.prod(kernel.shape) * x.dtype.size)
    if rows * of_row <= enough:
        together = min(count, max(1, enough // (rows * of_row)))
        pieces = [x[i : i + together] for i in range(0, count, together)]
    else:
        step = _even(rows // TILE, max(1, enough // (of_row * TILE))) * TILE
        pieces = [
            x[i : i + 1, start : min(start + step, rows) + 2]
            for i in range(count)
            for start in range(0, rows, step)
        ]
    made = [_block(piece, kernel, bias, flipped) for piece in pieces]
    whole = made[0] if len(made) == 1 else tf.concat([tf.reshape(part, [-1]) for part in made], 0)
    return tf.reshape(whole, [count, rows, width - 2, -1])[:, : size[0], : size[1]]


def _even(whole: int, most: int) -> int:
    """Size of pieces: equal ones, which are compiled once, unless they would be less than half the most."""
    divisors = [size for size in range(1, most + 1) if whole % size == 0]
    return divisors[-1] if 2 * divisors[-1] >= most else most


def _block(x: Tensor, kernel: Tensor, bias: Tensor | None, flipped: bool) -> Tensor:
    """Convolve maps that have zeros, or their neighbours, around them."""
    rows, columns, dtype = x.shape[1] - 2, x.shape[2] - 2, x.dtype
    tiles = _tiles(rows, columns, x.shape[3], dtype, flipped)(x)
    products = tf.matmul(tiles, kernel, transpose_b=flipped)
    units = kernel.shape[1 if flipped else 2]
    bias = tf.zeros([units], dtype) if bias is None else bias
    return _pixels(rows, columns, units, dtype, flipped)(products, bias)


def _combined(matrix: Matrix, parts: list[Tensor]) -> list[Tensor]:
    """One linear combination of the parts for each row."""
    made = []
    for row in matrix:
        terms = [
            part * tf.constant(value, part.dtype) for value, part in zip(row, parts, strict=True) if value
        ]
        made.append(reduce(add, terms))
    return made


@cache
def _tiles(rows: int, columns: int, channels: int, dtype: Any, flipped: bool) -> Any:
    """Function of (n, rows + 2, columns + 2, channels) -> transformed tiles (36, n * tiles, channels)."""
    matrix = _transforms(flipped).tile

    def tiles(x: Tensor) -> Tensor:
        # stacks are memory that both passes go through in order; all at once is much slower
        lines = tf.stack(_combined(matrix, [x[:, i : i + rows - 3 : 4] for i in range(6)]))
        made = tf.stack(_combined(matrix, [lines[:, :, :, j : j + columns - 3 : 4] for j in range(6)]))
        return tf.reshape(made, [36, -1, channels])

    return _fused(tiles, dtype, [None, rows + 2, columns + 2, channels])


@cache
def _pixels(rows: int, columns: int, units: int, dtype: Any, flipped: bool) -> Any:
    """Function of products of tiles (36, tiles, units) and bias -> (n, rows, columns, units)."""
    matrix = _transforms(flipped).pixels

    def pixels(products: Tensor, bias: Tensor) -> Tensor:
        made = tf.reshape(products, [6, 6, -1, rows // 4, columns // 4, units])
        lines = tf.stack(_combined(matrix, tf.unstack(made)), axis=4)
        lines = tf.reshape(lines, [6, -1, rows // 4, columns, units])
        squares = [part + bias for part in _combined(matrix, tf.unstack(lines))]
        return tf.reshape(tf.stack(squares, axis=2), [-1, rows, columns, units])

    return _fused(pixels, dtype, [36, None, units], [units])


def _fused(function: Any, dtype: Any, *shapes: list[int | None]) -> Any:
    """One fused block of element-wise operations; compiled once for each number of images."""
    signature = [tf.TensorSpec(shape, dtype) for shape in shapes]
    return tf.function(function, input_signature=signature, jit_compile=True, autograph=False)
