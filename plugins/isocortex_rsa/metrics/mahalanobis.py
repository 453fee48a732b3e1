"""Mahalanobis distance: squared Euclidean in units of the noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_rsa.metrics._attach import has
from isocortex_rsa.metrics._rows import Floats, prepare, without
from isocortex_rsa.metrics.additive import Factors, summed


@has(needs=frozenset({"noise_precision"}))
def mahalanobis(patterns: npt.ArrayLike, *, noise_precision: npt.ArrayLike) -> Array:
    """Squared Mahalanobis distance per channel, (a - b) S^-1 (a - b)' / P (Walther et al. 2016).

    Squared and divided by the number of channels P, as in rsatoolbox; no root is taken. It equals
    ``sqeuclidean`` of whitened patterns. Noise in the patterns adds to it: see ``crossnobis``.

    Parameters
    ----------
    patterns : array (conditions, channels).
    noise_precision : S^-1, the inverse of the noise covariance: (channels, channels), or (channels,) where
        it is diagonal; see ``isocortex_rsa.noise_precision``.

    Returns
    -------
    Condensed dissimilarities (pairs,), without unit where S is in the unit of the patterns.
    """
    rows, usable, dtype = prepare(patterns)
    precision = checked_precision(noise_precision, np.shape(patterns)[1])
    squares = np.maximum(summed(Factors(rows[None], weighted(rows, precision)[None])), 0.0)
    return without(squares / rows.shape[1], usable, dtype)


def checked_precision(noise_precision: npt.ArrayLike, channels: int) -> Floats:
    """Check a noise precision: (channels, channels) and symmetric, or (channels,); finite, not negative."""
    precision = np.asarray(noise_precision, dtype=np.float64)
    if precision.shape not in ((channels, channels), (channels,)):
        raise DataError(
            f"noise_precision has shape {precision.shape}; {channels} channels ask for "
            f"({channels}, {channels}), or ({channels},) where it is diagonal"
        )
    diagonal = precision if precision.ndim == 1 else np.diagonal(precision)
    if not np.isfinite(precision).all() or (diagonal < 0).any():
        raise DataError("noise_precision holds NaN, infinity or a negative precision")
    if precision.ndim == 2:
        tolerance = 1e-6 * float(np.abs(precision).max(initial=0.0))
        if not np.allclose(precision, precision.T, rtol=0, atol=tolerance):
            raise DataError("noise_precision is not symmetric")
    return precision


def weighted(rows: Floats, precision: Floats | None) -> Floats:
    """Multiply patterns (..., channels) by the noise precision; None leaves them as they are."""
    if precision is None or not precision.size:
        return rows
    return rows * precision if precision.ndim == 1 else np.asarray(rows @ precision)
