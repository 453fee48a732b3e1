"""Distances of images in grey levels, and the statistics of permuted labels that follow from matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_decoding.evaluation.blocks import BLOCK, matrix_of, same_units, unit_blocks

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

REC601 = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in the grey level of ITU-R BT.601, as Pillow's mode "L" has them."""

_MIDDLE = 128


def grey(images: Array) -> Floats:
    """Grey level of RGB images (n, height, width, 3): (n, height, width, 1)."""
    return np.asarray(images @ REC601)[..., None]


def rmse(first: Array, second: Array) -> Floats:
    """Root mean square difference of pairs of images over pixels and channels, in grey levels: (n,)."""
    if first.shape != second.shape:
        raise DataError(f"RMSE: images of the shapes {first.shape} and {second.shape} are no pairs")
    out = np.empty(len(first))
    for row, (x, y) in enumerate(zip(first, second, strict=True)):
        out[row] = math.sqrt(np.square(x.astype(np.float64) - y).mean())
    return out


def spread(images: Array) -> Floats:
    """Standard deviation of each image over pixels and channels (ddof 0); NaN where all are the same: (n,).

    It is the RMSE of the best picture of a single level, so that an RMSE over it says how much is gained.
    """
    values = images.reshape(len(images), -1)
    constant = (values == values[:, :1]).all(axis=1)
    return np.where(constant, np.nan, values.std(axis=1, dtype=np.float64))


def outside(images: Array) -> Floats:
    """Share of the values of each image that lie below 0 or above 255: (n,)."""
    if images.dtype == np.uint8:
        return np.zeros(len(images))
    return np.asarray(((images < 0) | (images > 255)).mean(axis=(1, 2, 3)))


def squared_distances(first: Any, second: Any, block: int = BLOCK) -> tuple[Floats, Floats]:
    """Squared Euclidean distance of every image with every one, (n, m), and the scale of its rounding, (n,).

    Exact for uint8. Distances in row i that differ by less than about 1e-12 times the scale may be the same.
    """
    x, y = matrix_of(first, "images"), matrix_of(second, "images")
    same_units(x, y, "distances of images")
    products = np.zeros((len(x), len(y)))
    own, other = np.zeros(len(x)), np.zeros(len(y))
    for part in unit_blocks(x.shape[1], len(x) + len(y), block):
        a, b = (np.array(values[:, part], dtype=np.float64) - _MIDDLE for values in (x, y))
        products += a @ b.T
        own += np.einsum("ij,ij->i", a, a)
        other += np.einsum("ij,ij->i", b, b)
    squares = np.maximum(own[:, None] + other[None] - 2 * products, 0.0)
    return squares, np.maximum(own + other.max(initial=0.0), 1.0)


def profile_products(first: Any, second: Any, own: Indices, keep: Array, block: int = BLOCK) -> Floats:
    """Products over pixels of standardised profiles, (samples, candidates).

    The mean profile correlation is the sum over samples i of entry (i, own[i]), over the number of pixels; so
    it is for permuted labels too, as long as each candidate has as many samples.
    ``keep`` (units,) are the units with a profile correlation.
    """
    x, y = matrix_of(first, "images"), matrix_of(second, "images")
    out = np.zeros((len(x), len(y)))
    repeats = len(own) / len(y)
    for part in unit_blocks(x.shape[1], len(x) + len(y), block):
        a, b = (np.array(values[:, part][:, keep[part]], dtype=np.float64) for values in (x, y))
        for values in (a, b):
            values -= values.mean(axis=0)
            values /= np.sqrt(np.square(values).sum(axis=0))
        out += a @ b.T
    return np.asarray(out / math.sqrt(repeats))


def null_means(matrix: Floats, own: Indices, permutations: Indices) -> Floats:
    """Mean of entries (i, permutation[own[i]]) that are known, for each permutation: (p,)."""
    null = np.full(len(permutations), np.nan)
    rows = np.arange(len(own))
    for number, order in enumerate(permutations):
        values = matrix[rows, order[own]]
        known = ~np.isnan(values)
        if known.any():
            null[number] = values[known].mean()
    return null
