"""RDM metrics: patterns (conditions, channels) -> condensed dissimilarities, by one matrix product.

Each is computed in float64 and given back as float32 for float32 (or float16) patterns, else as float64.
A pattern that holds NaN or infinity, or that the metric is undefined for, makes NaN of its own pairs and of
no others. Each has ``from_moments``, the same from sums over channels (``isocortex_rsa.metrics.moments``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_rsa.metrics.moments import (
    correlation_from_moments,
    cosine_from_moments,
    euclidean_from_moments,
)

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]
Function = TypeVar("Function", bound=Callable[..., Any])

_BLOCK = 2**22
"""How many numbers one block of direct differences may hold."""


def has_moments(from_moments: Callable[..., float]) -> Callable[[Function], Function]:
    """Attach the same metric from sums over channels, for the searchlight."""

    def attach(metric: Function) -> Function:
        metric.from_moments = from_moments  # type: ignore[attr-defined]
        return metric

    return attach


@has_moments(correlation_from_moments)
def correlation(patterns: npt.ArrayLike) -> Array:
    """Correlation distance, 1 - Pearson r over channels, in [0, 2] (Kriegeskorte et al. 2008).

    Parameters
    ----------
    patterns : array (conditions, channels), any unit.

    Returns
    -------
    Condensed dissimilarities (conditions * (conditions - 1) / 2,). NaN for a pattern that is constant over
    channels; it counts as constant when it varies by at most 4 units in the last place of its largest value.
    """
    rows, usable, dtype = _prepare(patterns)
    rows = _scaled(rows)
    largest = np.abs(rows).max(axis=1, initial=0.0)
    usable &= np.ptp(rows, axis=1) > 4 * np.finfo(dtype).eps * largest
    rows -= rows.mean(axis=1, keepdims=True)
    return _one_minus_cosine(rows, usable, dtype)


@has_moments(cosine_from_moments)
def cosine(patterns: npt.ArrayLike) -> Array:
    """Cosine distance, 1 - a·b / (|a| |b|), in [0, 2].

    Parameters
    ----------
    patterns : array (conditions, channels), any unit with a meaningful zero.

    Returns
    -------
    Condensed dissimilarities (pairs,). NaN for a pattern that is zero everywhere.
    """
    rows, usable, dtype = _prepare(patterns)
    return _one_minus_cosine(_scaled(rows), usable & rows.any(axis=1), dtype)


@has_moments(euclidean_from_moments)
def euclidean(patterns: npt.ArrayLike) -> Array:
    """Euclidean distance, in the unit of the patterns; it grows with the number of channels.

    Parameters
    ----------
    patterns : array (conditions, channels).

    Returns
    -------
    Condensed dissimilarities (pairs,). They come from norms and one matrix product after the mean pattern
    is taken away; pairs too close for that to be accurate are computed from their difference instead.
    """
    rows, usable, dtype = _prepare(patterns)
    exponent = int(np.frexp(np.abs(rows).max(initial=0.0))[1])
    rows = np.ldexp(rows, -exponent)
    centred = rows - rows[usable].mean(axis=0) if usable.any() else rows
    first, second = np.triu_indices(len(rows), 1)
    norms = np.einsum("ij,ij->i", centred, centred)
    sums = norms[first] + norms[second]
    squares = sums - 2.0 * (centred @ centred.T)[first, second]
    close = np.flatnonzero(squares < 1e-4 * sums)
    step = max(1, _BLOCK // rows.shape[1])
    for start in range(0, len(close), step):
        pairs = close[start : start + step]
        difference = rows[first[pairs]] - rows[second[pairs]]
        squares[pairs] = np.einsum("ij,ij->i", difference, difference)
    squares[~(usable[first] & usable[second])] = np.nan
    return np.asarray(np.ldexp(np.sqrt(squares), exponent).astype(dtype))


def _prepare(patterns: npt.ArrayLike) -> tuple[Floats, Truths, np.dtype[Any]]:
    """Copy patterns to float64, zero in rows that are not finite; which rows are; the type of the result."""
    given = np.asarray(patterns)
    if given.ndim != 2 or given.dtype.kind not in "fiub":
        raise DataError(
            "an RDM metric takes numbers of shape (conditions, channels), "
            f"got {given.dtype} of shape {given.shape}"
        )
    small = given.dtype.kind == "f" and given.dtype.itemsize <= 4
    dtype: np.dtype[Any] = np.dtype(np.float32 if small else np.float64)
    if not given.shape[1]:
        return np.zeros((len(given), 1)), np.zeros(len(given), dtype=bool), dtype
    rows = given.astype(np.float64, order="C")
    usable: Truths = np.asarray(np.isfinite(rows).all(axis=1))
    rows[~usable] = 0.0
    return rows, usable, dtype


def _scaled(rows: Floats) -> Floats:
    """Bring each row into [-1, 1] by a power of two, which rounds nothing, so that no square overflows."""
    exponents = np.frexp(np.abs(rows).max(axis=1, initial=0.0))[1]
    return np.asarray(np.ldexp(rows, -exponents[:, None]))


def _one_minus_cosine(rows: Floats, usable: Truths, dtype: np.dtype[Any]) -> Array:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    first, second = np.triu_indices(len(rows), 1)
    distances = 1.0 - np.clip((rows @ rows.T)[first, second], -1.0, 1.0)
    distances[~(usable[first] & usable[second])] = np.nan
    return np.asarray(distances.astype(dtype))
