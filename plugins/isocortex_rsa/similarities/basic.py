"""Measures of how alike RDMs are. All are inner products after a transform of each RDM by itself.

``embed(a) @ embed(b).T`` therefore compares every RDM of a with every one of b, and each permutation of
condition labels costs one matrix product (see ``isocortex.contracts.Embedding``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError

Floats = npt.NDArray[np.float64]


class Spearman:
    """Spearman's rho: Pearson's r of the ranks, where ties share the mean of their ranks.

    Ranks trust no more than the order of the dissimilarities. A model RDM with many ties (a category code)
    is favoured over a detailed one (Nili et al. 2014): compare such models with rho-a instead.
    """

    def embed(self, rdms: npt.ArrayLike) -> Floats:
        """Centred ranks of unit length (n, pairs); NaN for a constant RDM or one that holds NaN."""
        from scipy.stats import rankdata

        # in float64 also for float32 RDMs, since scipy gives ranks the type of the values
        values = _checked(rdms).astype(np.float64)
        ranks = rankdata(values, axis=1) if values.size else np.zeros(values.shape)
        ranks[~np.isfinite(values).all(axis=1)] = np.nan
        return _unit(ranks - (values.shape[1] + 1) / 2)


class Pearson:
    """Pearson's r: trusts the dissimilarities up to a common offset and scale."""

    def embed(self, rdms: npt.ArrayLike) -> Floats:
        """Centred RDMs of unit length (n, pairs); NaN for a constant RDM or one that holds NaN.

        An RDM is constant when it varies by at most 4 units in the last place of its largest value.
        """
        values = _checked(rdms)
        if not values.size:
            return np.zeros(values.shape)
        eps = np.finfo(values.dtype if values.dtype.kind == "f" else np.float64).eps
        rows = values.astype(np.float64)
        constant = np.ptp(rows, axis=1) <= 4 * eps * np.abs(rows).max(axis=1)
        rows -= rows.mean(axis=1, keepdims=True)
        rows[constant] = np.nan
        return _unit(rows)


class Cosine:
    """Cosine of the angle: for dissimilarities with a meaningful zero (Euclidean, crossnobis)."""

    def embed(self, rdms: npt.ArrayLike) -> Floats:
        """RDMs of unit length (n, pairs); NaN for one that is zero everywhere or holds NaN."""
        return _unit(_checked(rdms).astype(np.float64))


def _checked(rdms: npt.ArrayLike) -> Array:
    values = np.asarray(rdms)
    if values.ndim != 2 or values.dtype.kind not in "fiub":
        raise DataError(
            "a similarity takes condensed RDMs of shape (n, pairs), "
            f"got {values.dtype} of shape {values.shape}"
        )
    return values


def _unit(rows: Floats) -> Floats:
    """Scale rows to unit length; a row of zeros, or with NaN in it, becomes NaN throughout."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, norms, out=np.full_like(rows, np.nan), where=norms > 0))
