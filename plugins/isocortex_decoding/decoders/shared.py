"""What all units share of the voxels: means, spreads, the design, and the products with targets."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from isocortex.errors import DataError
from isocortex.threads import one_blas_thread, over
from isocortex_decoding.decoders.weights import UNITS, Array

GRAM_BYTES = 6 * 2**30
"""A Gram matrix of all voxels that is larger is not kept; units then multiply their own voxels."""

_TILE = 512


class Block(NamedTuple):
    """Up to ``UNITS`` units: targets and products padded with zeros to ``UNITS`` rows.

    ``y`` (UNITS, rows) what is fitted, ``offset`` (units,) float64 the means, ``right`` (UNITS, columns)
    the products of y with the design, ``selected`` (units, n) the columns that each unit uses, or None.
    """

    y: Array
    offset: Array
    right: Array
    selected: Array | None


class SharedVoxels:
    """The voxels' side of a linear regression of many units.

    Parameters
    ----------
    X : (samples, voxels), float32 or float64, finite.
    n_voxels : how many voxels a unit gets; None, or as many as there are: all, without selection.
    bias : True appends a column of ones and takes X and targets as they come; voxels with a variance below
        1e-8 count as uncorrelated. False centres both and leaves out constant voxels.
    rows : for each sample the row of the targets that belongs to it, where samples repeat stimuli
        (default: its own).

    Attributes
    ----------
    kept : columns of X that the design holds; ``n_dropped`` are constant to the precision of their dtype.
    design : (columns, samples), the voxels kept (centred unless ``bias``) and the ones.
    """

    def __init__(self, X: Array, n_voxels: int | None, bias: bool, rows: Array | None = None) -> None:
        if n_voxels is not None and n_voxels < 1:
            raise DataError(f"n_voxels={n_voxels}; it must be at least 1, or None for all voxels")
        X = np.ascontiguousarray(X)  # one layout, one order of sums
        self.bias, self.dtype, self.n_all = bias, X.dtype, X.shape[1]
        self.mean, spread, constant = moments(X)
        self.n_dropped = 0 if bias else int(constant.sum())
        self.kept = np.flatnonzero(~constant | bias).astype(np.int32)
        few = n_voxels is not None and n_voxels < len(self.kept)
        self.n_selected = int(n_voxels) if few and n_voxels is not None else None
        self.scale = _scale(spread[self.kept], bias).astype(self.dtype)
        centred = (X[:, self.kept] - self.mean[self.kept]).astype(self.dtype)
        self.rows = rows
        self.n_rows = len(X) if rows is None else int(np.max(rows, initial=-1)) + 1
        self.repeats = np.bincount(np.arange(len(X)) if rows is None else rows, minlength=self.n_rows)
        self.crossed = centred if rows is None else _summed(centred, rows, self.n_rows)
        design = np.hstack([X, np.ones((len(X), 1), self.dtype)]) if bias else centred
        self.design = np.ascontiguousarray(design.T)

    @property
    def n_columns(self) -> int:
        """How many columns a unit uses, the ones included."""
        return (len(self.kept) if self.n_selected is None else self.n_selected) + self.bias

    def gram(self) -> Array | None:
        """Products of all columns with one another, or None where they would take too much memory."""
        fits = len(self.design) ** 2 * self.dtype.itemsize <= GRAM_BYTES
        return gram(self.design, mirrored=False) if fits else None

    def block(self, Y: Array) -> Block:
        """Products of up to ``UNITS`` units Y (rows, units) with the voxels, and which voxels they choose."""
        units = Y.shape[1]
        y = np.zeros((UNITS, self.n_rows), self.dtype)
        if self.bias:
            y[:units] = Y.T
            products = y @ self.crossed
            right = np.empty((UNITS, len(self.design)), self.dtype)
            total = y.astype(np.float64) @ self.repeats
            np.outer(total.astype(self.dtype), self.mean.astype(self.dtype), out=right[:, :-1])
            right[:, :-1] += products
            right[:, -1] = total
            return Block(y, np.zeros(units), right, self._chosen(products[:units]))
        padded = np.zeros((self.n_rows, UNITS))
        padded[:, :units] = Y
        offset, constant = target_means(padded, self.repeats)
        padded -= offset
        y[:] = padded.T
        y[constant] = 0
        products = y @ self.crossed
        return Block(y, offset[:units], products, self._chosen(products[:units]))

    def _chosen(self, products: Array) -> Array | None:
        if self.n_selected is None:
            return None
        from isocortex_decoding.decoders.selection import select

        index = np.empty((len(products), self.n_columns), np.int32)
        select(products, self.scale, self.n_selected, self.bias, index)
        return index

    def by_sample(self, y: Array) -> Array:
        """Targets (units, rows) as (units, samples)."""
        return y if self.rows is None else np.ascontiguousarray(y[:, self.rows])

    def over_all(self, index: Array | None, values: Array) -> tuple[Array | None, Array]:
        """Columns of X instead of columns of the design; without selection, weights on all columns of X."""
        if index is not None:
            return self.kept[index], values
        if len(self.kept) == self.n_all:
            return None, values
        out = np.zeros((len(values), self.n_all), self.dtype)
        out[:, self.kept] = values
        return None, out


def gram(rows: Array, mirrored: bool = True) -> Array:
    """``rows @ rows.T`` by tiles, the same to the last bit on any number of processors.

    Without ``mirrored`` only the triangle [i, j], j >= i, holds numbers.
    """
    size = len(rows)
    out = np.empty((size, size), rows.dtype)
    starts = range(0, size, _TILE)
    tiles = [(first, second) for first in starts for second in starts if second >= first]

    def tile(start: int, stop: int) -> None:
        for first, second in tiles[start:stop]:
            a, b = slice(first, first + _TILE), slice(second, second + _TILE)
            out[a, b] = rows[a] @ rows[b].T
            if mirrored and first != second:
                out[b, a] = out[a, b].T

    with one_blas_thread():
        over(len(tiles), tile, 1)
    return out


def moments(X: Array) -> tuple[Array, Array, Array]:
    """Means and spreads (n in the denominator) by column in float64, and which columns are constant."""
    mean = X.mean(axis=0, dtype=np.float64)
    spread = X.std(axis=0, dtype=np.float64)
    floor = 4 * np.finfo(X.dtype).eps * np.abs(X).max(axis=0, initial=0.0)
    return mean, spread, (X.max(axis=0) == X.min(axis=0)) | (spread <= floor)


def target_means(Y: Array, repeats: Array) -> tuple[Array, Array]:
    """Means of units over samples (rows count as often as they repeat), and which units are constant."""
    constant = Y.max(axis=0) == Y.min(axis=0)
    mean = (repeats @ Y) / repeats.sum()
    return np.where(constant, Y[0], mean), constant


def _scale(spread: Array, bias: bool) -> Array:
    """One over each voxel's spread; 0 for voxels that count as uncorrelated with everything."""
    good = spread**2 >= 1e-8 if bias else spread > 0
    out = np.zeros(len(spread))
    np.divide(1.0, spread, out=out, where=good)
    return out


def _summed(values: Array, rows: Array, n_rows: int) -> Array:
    """Samples summed by the row of the targets that they belong to."""
    out: Any = np.zeros((n_rows, values.shape[1]))
    np.add.at(out, rows, values)
    return np.asarray(out.astype(values.dtype))
