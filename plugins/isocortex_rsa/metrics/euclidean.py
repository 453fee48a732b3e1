"""Euclidean distance, and its square as a mean over channels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex_rsa.metrics._attach import has
from isocortex_rsa.metrics._rows import Floats, prepare, without
from isocortex_rsa.metrics.additive import Factors, summed
from isocortex_rsa.metrics.moments import euclidean_from_moments, sqeuclidean_from_moments


@has(from_moments=euclidean_from_moments)
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
    rows, usable, dtype = prepare(patterns)
    rows, exponent = _within_one(rows)
    squares = summed(squared_factors(rows))
    return without(np.ldexp(np.sqrt(np.maximum(squares, 0.0)), exponent), usable, dtype)


def squared_factors(patterns: npt.ArrayLike) -> Factors:
    """What the squared Euclidean distance averages: the patterns (1, conditions, channels), twice."""
    rows = np.asarray(patterns, dtype=np.float64)[None]
    return Factors(rows, rows)


@has(from_moments=sqeuclidean_from_moments, channel_factors=squared_factors)
def sqeuclidean(patterns: npt.ArrayLike) -> Array:
    """Squared Euclidean distance per channel, |a - b|^2 / P (Walther et al. 2016).

    The division by the number of channels P makes regions of different size comparable, and is what
    rsatoolbox's "euclidean" does. Noise in the patterns adds to it: see ``crossnobis``.

    Parameters
    ----------
    patterns : array (conditions, channels).

    Returns
    -------
    Condensed dissimilarities (pairs,), in the square of the unit of the patterns.
    """
    rows, usable, dtype = prepare(patterns)
    rows, exponent = _within_one(rows)
    squares = np.maximum(summed(squared_factors(rows)), 0.0) / rows.shape[1]
    return without(np.ldexp(squares, 2 * exponent), usable, dtype)


def _within_one(rows: Floats) -> tuple[Floats, int]:
    """Bring all rows into [-1, 1] by one power of two, so that no square overflows."""
    exponent = int(np.frexp(np.abs(rows).max(initial=0.0))[1])
    return np.asarray(np.ldexp(rows, -exponent)), exponent
