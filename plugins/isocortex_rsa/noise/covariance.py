"""Estimators of the noise covariance between channels, from residuals.

All take residuals (samples, channels) whose mean over samples is taken away here, and ``dof``, the degrees of
freedom that are left in them (a GLM: scans minus regressors). They equal ``rsatoolbox.data.noise``.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError
from isocortex_rsa.metrics._rows import Floats

Method = Literal["diagonal", "full", "ledoit_wolf", "schaefer_strimmer"]

MOST_CHANNELS = 20_000
"""More channels than this would need covariances of more than 3 GB each."""


class Shrunk(NamedTuple):
    """How far an estimate was drawn to its target (0: not at all, 1: it is the target)."""

    shrinkage: float
    samples: int
    dof: int


def noise_covariance(
    residuals: npt.ArrayLike, method: Method = "schaefer_strimmer", dof: int | None = None
) -> Floats:
    """Estimate the noise covariance (channels, channels), float64, in the square of the residuals' unit.

    Parameters
    ----------
    residuals : array (samples, channels).
    method : "diagonal": variances alone (univariate normalisation). "full": the sample covariance, which can
        be inverted only with more degrees of freedom than channels. "ledoit_wolf": shrunk towards a multiple
        of the identity (Ledoit & Wolf 2004). "schaefer_strimmer": shrunk towards its own diagonal (Schäfer &
        Strimmer 2005).
    dof : degrees of freedom (default: samples - 1).
    """
    rows, dof = centred(residuals, dof)
    if rows.shape[1] > MOST_CHANNELS:
        raise DataError(
            f"a covariance of {rows.shape[1]} channels does not fit in memory; take a region of at most "
            f"{MOST_CHANNELS}, or whiten by method diagonal or ledoit_wolf, which never form it"
        )
    if method == "diagonal":
        return np.diag(variances(rows, dof))
    covariance = np.asarray(rows.T @ rows) / dof
    if method == "ledoit_wolf":
        share = ledoit_wolf_shrinkage(rows)
        target = np.trace(covariance) / len(covariance)
        covariance *= 1 - share
        covariance[np.diag_indices_from(covariance)] += share * target
    elif method == "schaefer_strimmer":
        variance = np.diagonal(covariance).copy()
        covariance *= 1 - schaefer_strimmer_shrinkage(rows, dof)
        covariance[np.diag_indices_from(covariance)] = variance
    elif method != "full":
        raise DataError(
            f"noise: there is no method {method!r}; say diagonal, full, ledoit_wolf or schaefer_strimmer"
        )
    return covariance


def centred(residuals: npt.ArrayLike, dof: int | None) -> tuple[Floats, int]:
    """Residuals (samples, channels) as float64 without their mean, and the degrees of freedom."""
    rows = np.asarray(residuals)
    if rows.ndim != 2 or rows.dtype.kind not in "fiub" or not rows.shape[1]:
        raise DataError(f"noise: expected residuals of shape (samples, channels), got {rows.shape}")
    rows = rows.astype(np.float64)
    if not np.isfinite(rows).all():
        bad = int(np.count_nonzero(~np.isfinite(rows).all(axis=0)))
        raise DataError(f"noise: {bad} of {rows.shape[1]} channels of the residuals hold NaN or infinity")
    left = len(rows) - 1 if dof is None else int(dof)
    if not 1 <= left <= len(rows):
        raise DataError(
            f"noise: {left} degrees of freedom in {len(rows)} samples; there must be at least 1, and no more "
            "than samples"
        )
    return rows - rows.mean(axis=0), left


def variances(rows: Floats, dof: int) -> Floats:
    """Variance of each channel (channels,) of centred residuals."""
    return np.asarray(np.einsum("ij,ij->j", rows, rows) / dof)


def ledoit_wolf_shrinkage(rows: Floats) -> float:
    """Optimal share of the scaled identity (Ledoit & Wolf 2004) for centred residuals; 0 to 1.

    ``b2 / d2`` with ``d2 = |S - m I|^2`` and ``b2 = min(d2, sum_t |x_t' x_t - S|^2 / T^2)``, from inner
    products alone, so that no matrix over channels is formed.
    """
    samples, channels = rows.shape
    squares = np.einsum("ij,ij->i", rows, rows)
    norm = _square_of_product(rows) / samples**2
    mean = squares.sum() / samples / channels
    distance = norm - mean**2 * channels
    spread = (np.sum(squares**2) / samples - norm) / samples
    return float(min(spread, distance) / distance) if distance > 1e-14 * norm else 1.0


def schaefer_strimmer_shrinkage(rows: Floats, dof: int) -> float:
    """Optimal share of the diagonal (Schäfer & Strimmer 2005) for centred residuals; 0 to 1.

    ``sum_{i != j} Var(r_ij) / sum_{i != j} r_ij^2``, from inner products alone. A channel without variance
    has no correlation and is passed over.
    """
    samples = len(rows)
    deviation = np.sqrt(variances(rows, dof))
    unit = rows[:, deviation > 0] / deviation[deviation > 0]
    squares = unit**2
    diagonal = np.sum(squares, axis=0)
    off_mean = (_square_of_product(unit) - np.sum(diagonal**2)) / (samples - 1) ** 2
    off_square = (np.sum(squares.sum(axis=1) ** 2) - np.sum(squares**2)) / (samples - 1)
    if off_mean <= 0:
        return 1.0
    return float(np.clip(samples / dof**2 * (off_square - off_mean) / off_mean, 0.0, 1.0))


def _square_of_product(rows: Floats) -> float:
    """Squared Frobenius norm of ``rows.T @ rows``, by the smaller of the two products."""
    product = rows @ rows.T if rows.shape[0] <= rows.shape[1] else rows.T @ rows
    return float(np.sum(product**2))
