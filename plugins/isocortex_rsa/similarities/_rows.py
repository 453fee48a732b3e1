"""What the measures share: checked RDMs, rows of unit length, ranks."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]


def checked(rdms: npt.ArrayLike) -> Array:
    """Take condensed RDMs (n, pairs); raises ``DataError`` for anything else."""
    values = np.asarray(rdms)
    if values.ndim != 2 or values.dtype.kind not in "fiub":
        raise DataError(
            "a similarity takes condensed RDMs of shape (n, pairs), "
            f"got {values.dtype} of shape {values.shape}"
        )
    return values


def unit(rows: Floats) -> Floats:
    """Scale rows to unit length; a row of zeros, or with NaN in it, becomes NaN throughout."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, norms, out=np.full_like(rows, np.nan), where=norms > 0))


def ranked(rdms: npt.ArrayLike) -> Floats:
    """Ranks within each RDM (n, pairs), 1 for the smallest, ties sharing their mean; NaN where one is NaN.

    In float64 also for float32 RDMs, since scipy gives ranks the type of the values.
    """
    from scipy.stats import rankdata

    values = checked(rdms).astype(np.float64)
    ranks = np.asarray(rankdata(values, axis=1)) if values.size else np.zeros(values.shape)
    ranks[~np.isfinite(values).all(axis=1)] = np.nan
    return ranks


def without_mean(rdms: npt.ArrayLike) -> Floats:
    """RDMs minus their mean over pairs, as float64 (n, pairs); NaN for a constant RDM.

    An RDM is constant when it varies by at most 4 units in the last place of its largest value.
    """
    values = checked(rdms)
    if not values.size:
        return np.zeros(values.shape)
    eps = np.finfo(values.dtype if values.dtype.kind == "f" else np.float64).eps
    rows = values.astype(np.float64)
    constant = np.ptp(rows, axis=1) <= 4 * eps * np.abs(rows).max(axis=1)
    rows -= rows.mean(axis=1, keepdims=True)
    rows[constant] = np.nan
    return rows


def count_conditions(pairs: int, what: str) -> int:
    """How many conditions make so many pairs; raises where no number does."""
    size = (1 + math.isqrt(1 + 8 * pairs)) // 2
    if size * (size - 1) // 2 != pairs:
        raise DataError(f"{what} needs whole RDMs: {pairs} pairs belong to no number of conditions")
    return size
