"""rho-a, the rank correlation for models with ties."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isocortex_rsa.similarities._rows import Floats, ranked


class RhoA:
    """rho-a: what Spearman's rho is on average when ties are broken at random (Schütt et al. 2023).

    ``12 sum_k x_k y_k / (n^3 - n)`` over centred ranks of n pairs. Ties gain a model nothing, so it is the
    measure for category codes beside detailed models; a constant RDM orders nothing and has rho-a 0.
    """

    bounds = (-1.0, 1.0)

    def embed(self, rdms: npt.ArrayLike) -> Floats:
        """Centred ranks times ``sqrt(12 / (n^3 - n))`` (n, pairs); NaN for an RDM that holds NaN."""
        ranks = ranked(rdms)
        pairs = ranks.shape[1]
        scale = (12.0 / (pairs**3 - pairs)) ** 0.5 if pairs > 1 else float("nan")
        return np.asarray((ranks - (pairs + 1) / 2) * scale)

    def to_pool(self, rdms: npt.ArrayLike) -> Floats:
        """Ranks (n, pairs), ties sharing their mean."""
        return ranked(rdms)
