"""Whitened cosine and correlation: dissimilarities that share a condition are known not to be independent.

With V the covariance of the dissimilarities of noisy patterns, the inner product of RDMs x and y is
``x' V^-1 y`` (Diedrichsen et al. 2021). V is never formed: an RDM is a linear image of its centred second
moment matrix, G = -1/2 H D H, and in G the same inner product is that of W Gx W and W Gy W, where W is the
inverse root of the covariance of the pattern estimates. Without that covariance this is linear in pairs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_rsa.similarities._rows import Floats, checked, count_conditions, unit, without_mean


class WhitenedCosine:
    """Cosine of RDMs whitened by the covariance of their entries (rsatoolbox's "cosine_cov").

    For unbiased dissimilarities with a meaningful zero (crossnobis). Without ``sigma_k`` it equals linear
    centred kernel alignment (CKA) of the patterns' kernels.

    Parameters
    ----------
    sigma_k : covariance of the pattern estimates, (conditions, conditions), or variances (conditions,), in
        the order of the conditions of the RDMs (of the first, where labelled RDMs are compared). None:
        all conditions are known equally well and independently.
    """

    bounds = (-1.0, 1.0)
    whole_rdms = True

    def __init__(self, sigma_k: Array | list[list[float]] | list[float] | None = None) -> None:
        self.sigma_k = None if sigma_k is None else _covariance(sigma_k)

    def embed(self, rdms: npt.ArrayLike) -> Floats:
        """Whitened RDMs of unit length (n, pairs + conditions); NaN for one that is zero or holds NaN."""
        return unit(self._whitened(checked(rdms).astype(np.float64)))

    def to_pool(self, rdms: npt.ArrayLike) -> Floats:
        """RDMs of unit length, not whitened (n, pairs), as in rsatoolbox's noise ceiling."""
        return unit(checked(rdms).astype(np.float64))

    def _whitened(self, rows: Floats) -> Floats:
        size = count_conditions(rows.shape[1], "a whitened similarity")
        if self.sigma_k is None:
            return _second_moments(rows, size)
        if len(self.sigma_k) != size:
            raise DataError(f"sigma_k is of {len(self.sigma_k)} conditions, the RDMs are of {size}")
        root = _inverse_root(self.sigma_k)
        square = np.zeros((len(rows), size, size))
        first, second = np.triu_indices(size, 1)
        square[:, first, second] = square[:, second, first] = -0.5 * rows
        inner = root @ square @ root.T
        return _stretched(inner)


class WhitenedPearson(WhitenedCosine):
    """Correlation of RDMs whitened by the covariance of their entries (rsatoolbox's "corr_cov").

    As ``WhitenedCosine`` after the mean over pairs is taken away from each RDM, for dissimilarities whose
    zero means nothing. The plain mean is taken away, before whitening, as in rsatoolbox.
    """

    def embed(self, rdms: npt.ArrayLike) -> Floats:
        """Whitened RDMs of unit length (n, pairs + conditions); NaN for one that is constant or holds NaN."""
        return unit(self._whitened(without_mean(rdms)))

    def to_pool(self, rdms: npt.ArrayLike) -> Floats:
        """Z-scores, not whitened and up to scale (n, pairs), as in rsatoolbox's noise ceiling."""
        return unit(without_mean(rdms))


def _second_moments(rows: Floats, size: int) -> Floats:
    """Centred second moments of RDMs, off-diagonal entries times root 2, then the diagonal."""
    first, second = np.triu_indices(size, 1)
    sums = np.zeros((len(rows), size))
    start = 0
    for place in range(size - 1):
        stop = start + size - 1 - place
        sums[:, place] += rows[:, start:stop].sum(axis=1)
        sums[:, place + 1 :] += rows[:, start:stop]
        start = stop
    means = sums / size
    grand = means.mean(axis=1, keepdims=True)
    off = -0.5 * (rows - means[:, first] - means[:, second] + grand)
    return np.concatenate([np.sqrt(2) * off, means - 0.5 * grand], axis=1)


def _stretched(square: npt.NDArray[np.float64]) -> Floats:
    """Symmetric matrices (n, k, k) as rows with the same inner products."""
    first, second = np.triu_indices(square.shape[1], 1)
    diagonal = np.einsum("nii->ni", square)
    return np.concatenate([np.sqrt(2) * square[:, first, second], diagonal], axis=1)


def _inverse_root(sigma_k: Floats) -> Floats:
    """Inverse root of sigma_k among the contrasts of conditions, (conditions - 1, conditions)."""
    size = len(sigma_k)
    basis = np.linalg.svd(np.eye(size) - 1.0 / size)[0][:, : size - 1]
    values, vectors = np.linalg.eigh(basis.T @ sigma_k @ basis)
    if size < 2 or values[0] <= size * np.finfo(np.float64).eps * values[-1]:
        raise DataError("sigma_k is singular: some difference of conditions has no noise")
    return np.asarray((vectors / np.sqrt(values)) @ vectors.T @ basis.T)


def _covariance(sigma_k: npt.ArrayLike) -> Floats:
    values = np.asarray(sigma_k, dtype=np.float64)
    values = np.diag(values) if values.ndim == 1 else values
    square = values.ndim == 2 and values.shape[0] == values.shape[1]
    if not square or not np.isfinite(values).all() or not np.allclose(values, values.T):
        raise DataError(
            "sigma_k must be finite: (conditions,), or (conditions, conditions) and symmetric; "
            f"got shape {values.shape}"
        )
    return values
