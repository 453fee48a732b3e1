"""Pearson's r, Spearman's rho and the cosine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isocortex_rsa.similarities._rows import Floats, checked, ranked, unit, without_mean


class Spearman:
    """Spearman's rho: Pearson's r of the ranks, where ties share the mean of their ranks.

    Ranks trust no more than the order of the dissimilarities. A model RDM with many ties (a category code)
    is favoured over a detailed one (Nili et al. 2014): compare such models with rho-a instead.
    """

    bounds = (-1.0, 1.0)

    def embed(self, rdms: npt.ArrayLike) -> Floats:
        """Centred ranks of unit length (n, pairs); NaN for a constant RDM or one that holds NaN."""
        ranks = ranked(rdms)
        return unit(ranks - (ranks.shape[1] + 1) / 2)

    def to_pool(self, rdms: npt.ArrayLike) -> Floats:
        """Ranks (n, pairs), ties sharing their mean."""
        return ranked(rdms)


class Pearson:
    """Pearson's r: trusts the dissimilarities up to a common offset and scale."""

    bounds = (-1.0, 1.0)

    def embed(self, rdms: npt.ArrayLike) -> Floats:
        """Centred RDMs of unit length (n, pairs); NaN for a constant RDM or one that holds NaN.

        An RDM is constant when it varies by at most 4 units in the last place of its largest value.
        """
        return unit(without_mean(rdms))

    def to_pool(self, rdms: npt.ArrayLike) -> Floats:
        """Z-scores (n, pairs), up to scale: their mean has the largest mean r with the RDMs."""
        return unit(without_mean(rdms))


class Cosine:
    """Cosine of the angle: for dissimilarities with a meaningful zero (Euclidean, crossnobis)."""

    bounds = (-1.0, 1.0)

    def embed(self, rdms: npt.ArrayLike) -> Floats:
        """RDMs of unit length (n, pairs); NaN for one that is zero everywhere or holds NaN."""
        return unit(checked(rdms).astype(np.float64))

    def to_pool(self, rdms: npt.ArrayLike) -> Floats:
        """RDMs of unit length (n, pairs): their mean has the largest mean cosine with the RDMs."""
        return self.embed(rdms)
