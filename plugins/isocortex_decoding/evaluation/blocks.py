"""Reading samples x units block by block, so that millions of units never lie in memory at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array, plain
from isocortex.errors import DataError

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

BLOCK = 2**22
"""How many numbers a block holds: 32 MB of float64."""


class Rows:
    """Some rows of a matrix in some order, read only where a block of units is asked for."""

    def __init__(self, matrix: Array, rows: npt.NDArray[np.intp]) -> None:
        self.matrix, self.rows = matrix, np.asarray(rows, dtype=np.intp)
        self.dtype = matrix.dtype
        self.shape = (len(self.rows), matrix.shape[1])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        """Give ``[rows]`` as rows again, ``[:, units]`` as an array."""
        if isinstance(key, tuple):
            return self.matrix[self.rows[key[0]], key[1]]
        return Rows(self.matrix, self.rows[key])


class Thinned(Rows):
    """Every ``step``-th unit of a matrix, in blocks."""

    def __init__(self, matrix: Array, step: int) -> None:
        self.matrix, self.step = matrix, step
        self.dtype = matrix.dtype
        self.shape = (len(matrix), -(-matrix.shape[1] // step))

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, tuple):
            return Thinned(self.matrix[key], self.step)
        rows, units = key
        start, stop, _ = units.indices(self.shape[1])
        return self.matrix[rows, slice(start * self.step, stop * self.step, self.step)]


def thinned(matrix: Array, units: int) -> Array:
    """Leave out units at even distances until there are at most so many; smaller matrices stay.

    The distance has no factor in common with the number of units: otherwise only some of the channels, the
    last axis of maps, would be met.
    """
    step = -(-matrix.shape[1] // units)
    while step > 1 and math.gcd(step, matrix.shape[1]) > 1:
        step += 1
    return matrix if step <= 1 else cast("Array", Thinned(matrix, step))


def matrix_of(values: Any, what: str) -> Array:
    """View an array (samples, ...units) as samples x units, the units in C order; memory maps stay so."""
    if isinstance(values, Rows):
        return cast("Array", values)
    array = plain(values, what)
    if array.ndim < 2 or array.dtype.kind not in "fiub":
        raise DataError(
            f"{what}: expected numbers of shape (samples, units), got {array.dtype} {array.shape}"
        )
    return array.reshape(array.shape[0], math.prod(array.shape[1:]))


def same_units(first: Array, second: Array, what: str) -> None:
    """Raise unless two matrices have as many units."""
    if first.shape[1] != second.shape[1]:
        raise DataError(f"{what}: {first.shape[1]} units on one side and {second.shape[1]} on the other")


def unit_blocks(units: int, samples: int, block: int = BLOCK) -> Iterator[slice]:
    """Cut the units into slices such that a slice of all samples holds about ``block`` numbers."""
    step = max(1, block // max(samples, 1))
    for start in range(0, units, step):
        yield slice(start, min(start + step, units))


def finite_units(*matrices: Array, block: int = BLOCK) -> Mask:
    """Find the units (units,) that are finite in every sample of every matrix."""
    units = matrices[0].shape[1]
    keep = np.ones(units, dtype=bool)
    for part in unit_blocks(units, max(len(matrix) for matrix in matrices), block):
        for matrix in matrices:
            keep[part] &= np.isfinite(matrix[:, part]).all(axis=0)
    return keep


def unit_statistics(training: Any, block: int = BLOCK) -> tuple[Floats, Floats]:
    """Mean and standard deviation (ddof 1) of each unit over the training samples, (units,) each.

    A unit that holds NaN or infinity has NaN; one that is constant has a standard deviation of exactly 0;
    with a single sample every one is NaN.
    """
    values = matrix_of(training, "training features")
    samples, units = values.shape
    mean, deviation = np.full(units, np.nan), np.full(units, np.nan)
    if not samples:
        return mean, deviation
    for part in unit_blocks(units, samples, block):
        x = np.asarray(values[:, part], dtype=np.float64)
        finite = np.isfinite(x).all(axis=0)
        x = np.where(finite, x, 0.0)
        centre = x.mean(axis=0)
        spread = np.sqrt(np.square(x - centre).sum(axis=0) / (samples - 1)) if samples > 1 else np.nan
        spread = np.where((x == x[0]).all(axis=0) & (samples > 1), 0.0, spread)
        mean[part] = np.where(finite, centre, np.nan)
        deviation[part] = np.where(finite, spread, np.nan)
    return mean, deviation


def prepared(
    keep: Mask | None, mean: Floats | None, norm: Floats | None, dtype: Any = np.float64
) -> Callable[[Array, slice], Array]:
    """Make the function that takes a block of a matrix, without unusable units, as (value - mean) / norm."""

    def take(matrix: Array, part: slice) -> Array:
        values = np.array(matrix[:, part], dtype=dtype)
        if mean is not None:
            with np.errstate(divide="ignore", invalid="ignore"):
                values -= mean[part].astype(dtype)
                values /= np.ones((), dtype) if norm is None else norm[part].astype(dtype)
        if keep is not None and not keep[part].all():
            values = np.ascontiguousarray(values[:, keep[part]])
        return values

    return take


def usable_norms(norm: Floats | None, units: int) -> Mask:
    """Units (units,) that can be divided by their standard deviation: it is finite and above zero."""
    if norm is None:
        return np.ones(units, dtype=bool)
    if norm.shape != (units,):
        raise DataError(f"training statistics of {norm.size} units do not belong to {units} units")
    with np.errstate(invalid="ignore"):
        return np.asarray(np.isfinite(norm) & (norm > 0))
