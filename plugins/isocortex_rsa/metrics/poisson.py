"""Dissimilarity of spike counts, or of anything else that varies as a Poisson count does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_rsa.metrics._attach import has
from isocortex_rsa.metrics._rows import prepare, without
from isocortex_rsa.metrics.additive import Factors, summed


def poisson_factors(patterns: npt.ArrayLike, prior: float = 1.0, weight: float = 0.1) -> Factors:
    """What ``poisson_kl`` averages: rates with the prior and their logarithms, (1, conditions, channels)."""
    if not (prior > 0 and weight > 0):
        raise DataError(f"poisson_kl: prior {prior} and weight {weight} must be above 0")
    rates = (np.asarray(patterns, dtype=np.float64) + prior * weight) / (1 + weight)
    with np.errstate(invalid="ignore", divide="ignore"):
        logarithms = np.where(rates > 0, np.log(rates), np.nan)
    return Factors(rates[None], logarithms[None])


@has(channel_factors=poisson_factors)
def poisson_kl(patterns: npt.ArrayLike, prior: float = 1.0, weight: float = 0.1) -> Array:
    """Symmetrised Kullback-Leibler divergence between Poisson rates, per channel.

    ``sum (a - b) (log a - log b) / P`` with rates ``(counts + prior * weight) / (1 + weight)``
    (Schütt et al. 2023; rsatoolbox's "poisson").

    Parameters
    ----------
    patterns : array (conditions, channels) of mean counts or rates, not negative.
    prior : the rate that all rates are drawn towards.
    weight : weight of the prior, in numbers of observations.

    Returns
    -------
    Condensed dissimilarities (pairs,). NaN for a pattern with a rate that is negative even with the prior.
    """
    rows, usable, dtype = prepare(patterns)
    left, right = poisson_factors(rows, prior, weight)
    usable = usable & np.isfinite(right[0]).all(axis=1)
    right = np.where(usable[None, :, None], right, 0.0)
    return without(np.maximum(summed(Factors(left, right)), 0.0) / rows.shape[1], usable, dtype)
