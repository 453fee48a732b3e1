"""Correlation and cosine distance: the angle between patterns, with or without their means."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex_rsa.metrics._attach import has
from isocortex_rsa.metrics._rows import Floats, Truths, pairs_of, prepare, scaled, without
from isocortex_rsa.metrics.moments import correlation_from_moments, cosine_from_moments


@has(from_moments=correlation_from_moments)
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
    rows, usable, dtype = prepare(patterns)
    rows = scaled(rows)
    largest = np.abs(rows).max(axis=1, initial=0.0)
    usable &= np.ptp(rows, axis=1) > 4 * np.finfo(dtype).eps * largest
    rows -= rows.mean(axis=1, keepdims=True)
    return _one_minus_cosine(rows, usable, dtype)


@has(from_moments=cosine_from_moments)
def cosine(patterns: npt.ArrayLike) -> Array:
    """Cosine distance, 1 - a·b / (|a| |b|), in [0, 2].

    Parameters
    ----------
    patterns : array (conditions, channels), any unit with a meaningful zero.

    Returns
    -------
    Condensed dissimilarities (pairs,). NaN for a pattern that is zero everywhere.
    """
    rows, usable, dtype = prepare(patterns)
    return _one_minus_cosine(scaled(rows), usable & rows.any(axis=1), dtype)


def _one_minus_cosine(rows: Floats, usable: Truths, dtype: np.dtype[Any]) -> Array:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    distances = 1.0 - np.clip((rows @ rows.T)[pairs_of(len(rows))], -1.0, 1.0)
    # what rounding leaves of 0 and 2 would be ranked as if it were measured
    distances[distances < 16 * np.finfo(np.float64).eps] = 0.0
    distances[distances > 2.0 - 16 * np.finfo(np.float64).eps] = 2.0
    return without(distances, usable, dtype)
