"""What the metrics share: checked rows, and their pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]


def prepare(patterns: npt.ArrayLike) -> tuple[Floats, Truths, np.dtype[Any]]:
    """Copy patterns to float64; which rows are finite; the type of the result.

    A row that is not finite is replaced by the mean of the others, which spoils none of them.
    """
    given = np.asarray(patterns)
    if given.ndim != 2 or given.dtype.kind not in "fiub":
        raise DataError(
            "an RDM metric takes numbers of shape (conditions, channels), "
            f"got {given.dtype} of shape {given.shape}"
        )
    dtype = result_type(given)
    if not given.shape[1]:
        return np.zeros((len(given), 1)), np.zeros(len(given), dtype=bool), dtype
    rows = given.astype(np.float64, order="C")
    usable: Truths = np.asarray(np.isfinite(rows).all(axis=1))
    rows[~usable] = rows[usable].mean(axis=0) if usable.any() else 0.0
    return rows, usable, dtype


def result_type(given: Array) -> np.dtype[Any]:
    """Type of the dissimilarities of patterns: float32 for float32 and smaller, else float64."""
    small = given.dtype.kind == "f" and given.dtype.itemsize <= 4
    return np.dtype(np.float32 if small else np.float64)


def scaled(rows: Floats) -> Floats:
    """Bring each row into [-1, 1] by a power of two, which rounds nothing, so that no square overflows."""
    exponents = np.frexp(np.abs(rows).max(axis=1, initial=0.0))[1]
    return np.asarray(np.ldexp(rows, -exponents[:, None]))


def pairs_of(n: int) -> tuple[Places, Places]:
    """Rows and columns of the strict upper triangle, row by row: the order of condensed dissimilarities."""
    first, second = np.triu_indices(n, 1)
    return first, second


def without(values: Floats, usable: Truths, dtype: np.dtype[Any]) -> Array:
    """Condensed dissimilarities with NaN in the pairs of rows that are not usable, in their final type."""
    first, second = pairs_of(len(usable))
    values[~(usable[first] & usable[second])] = np.nan
    return np.asarray(values.astype(dtype))
