"""Patterns in units of the noise: b S^(-1/2), and the precision S^-1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_rsa.metrics._rows import Floats, result_type
from isocortex_rsa.noise.covariance import (
    Method,
    centred,
    ledoit_wolf_shrinkage,
    noise_covariance,
    variances,
)


def noise_precision(
    residuals: npt.ArrayLike, method: Method = "schaefer_strimmer", dof: int | None = None
) -> Floats:
    """Inverse of ``noise_covariance``, (channels, channels), for ``mahalanobis`` and ``crossnobis``."""
    vectors, values = _decomposed(residuals, method, dof)
    return np.asarray((vectors / values) @ vectors.T)


def whiten(
    patterns: npt.ArrayLike,
    residuals: npt.ArrayLike,
    method: Method = "schaefer_strimmer",
    dof: int | None = None,
) -> Array:
    """Multiply patterns by the inverse square root of the noise covariance, b S^(-1/2) (Walther et al. 2016).

    The symmetric root keeps each channel as close to itself as whitening can, so that channels still stand
    for their voxels. Squared Euclidean distances of the result are Mahalanobis distances.

    Parameters
    ----------
    patterns : array (samples, channels).
    residuals : array (samples, channels) of the same channels; see ``noise_covariance`` for the others.

    Returns
    -------
    Array as ``patterns``, in units of noise standard deviations. "diagonal" and "ledoit_wolf" never form a
    matrix over channels and work for a whole brain.

    Raises ``DataError`` where the covariance cannot be inverted: a channel without noise, or "full" with
    no more degrees of freedom than channels.
    """
    given = np.asarray(patterns)
    if given.ndim != 2 or given.shape[1] != np.shape(residuals)[-1]:
        raise DataError(
            f"whitening: patterns of shape {given.shape} and residuals of shape {np.shape(residuals)} "
            "do not have the same channels"
        )
    rows = given.astype(np.float64)
    if method == "diagonal":
        noise, dof = centred(residuals, dof)
        return np.asarray((rows / np.sqrt(_positive(variances(noise, dof)))).astype(result_type(given)))
    if method == "ledoit_wolf":
        return np.asarray(_low_rank(rows, residuals, dof).astype(result_type(given)))
    vectors, values = _decomposed(residuals, method, dof)
    return np.asarray((((rows @ vectors) / np.sqrt(values)) @ vectors.T).astype(result_type(given)))


def _low_rank(rows: Floats, residuals: npt.ArrayLike, dof: int | None) -> Floats:
    """Whiten by S = share m I + (1 - share) X'X / dof through the singular vectors of the residuals X."""
    noise, dof = centred(residuals, dof)
    share = ledoit_wolf_shrinkage(noise)
    mean = float(np.sum(noise**2)) / noise.shape[1] / dof
    floor = share * mean
    _, singular, vectors = np.linalg.svd(noise, full_matrices=False)
    along = floor + (1 - share) * singular**2 / dof
    if floor <= 0 and len(singular) < noise.shape[1]:
        _positive(np.zeros(1))
    _positive(along, mean)
    inside = rows @ vectors.T
    outside = 1 / np.sqrt(floor) if floor > 0 else 0.0
    return np.asarray(rows * outside + (inside * (1 / np.sqrt(along) - outside)) @ vectors)


def _decomposed(residuals: npt.ArrayLike, method: Method, dof: int | None) -> tuple[Floats, Floats]:
    """Eigenvectors (channels, channels) and eigenvalues (channels,) of the noise covariance, all above 0."""
    noise, dof = centred(residuals, dof)
    if method == "full" and dof < noise.shape[1]:
        raise DataError(
            f"noise: the full covariance of {noise.shape[1]} channels cannot be inverted with {dof} degrees "
            "of freedom; take ledoit_wolf or schaefer_strimmer, or fewer channels"
        )
    covariance = noise_covariance(noise, method, dof)
    _positive(np.diagonal(covariance))
    values, vectors = np.linalg.eigh(covariance)
    return vectors, _positive(values, float(values[-1]))


def _positive(values: Floats, largest: float = 0.0) -> Floats:
    low = values <= len(values) * np.finfo(np.float64).eps * largest
    if low.any():
        raise DataError(
            f"noise: {int(low.sum())} of {len(values)} channels (or directions among them) have no noise at "
            "all, so that nothing can be divided by it; leave out channels that are constant, or take "
            "ledoit_wolf"
        )
    return values
