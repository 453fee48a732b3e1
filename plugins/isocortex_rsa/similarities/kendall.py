"""Kendall's tau: how many pairs of pairs two RDMs order alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isocortex_rsa.similarities._rows import Floats, checked, ranked

_BLOCK = 2**22
"""How many signs are held at a time; sums of so many signs are exact in float32."""

_SORT_ABOVE = 1500
"""From so many dissimilarities on, sorting (scipy) is faster than comparing each with each."""


class KendallTauA:
    """Kendall's tau-a: concordant minus discordant pairs of dissimilarities, over all of them.

    Ties gain a model nothing, so it is a measure for category codes beside detailed models (Nili et al.
    2014); rho-a orders models nearly alike at a fraction of the cost. A constant RDM has tau-a 0.
    """

    bounds = (-1.0, 1.0)
    max_embedded_pairs = 300
    _ties_count = True

    def embed(self, rdms: npt.ArrayLike) -> Floats:
        """Signs of all differences of dissimilarities, (n, pairs * (pairs - 1) / 2), scaled.

        NaN for an RDM that holds NaN. Meant for up to ``max_embedded_pairs``: the size grows with the
        square of the pairs; ``compare`` is for more.
        """
        values = checked(rdms)
        first, second = np.triu_indices(values.shape[1], 1)
        signs = np.sign(values[:, first].astype(np.float64) - values[:, second])
        signs[np.isnan(values).any(axis=1)] = np.nan
        return np.asarray(signs / self._norms(values)[:, None])

    def compare(self, first: npt.ArrayLike, second: npt.ArrayLike) -> Floats:
        """Compare all RDMs of the first with all of the second: (n_first, n_second)."""
        a, b = checked(first), checked(second)
        counts = _by_sorting(a, b) if a.shape[1] > _SORT_ABOVE else _by_signs(a, b)
        return np.asarray(counts / self._norms(a)[:, None] / self._norms(b)[None])

    def to_pool(self, rdms: npt.ArrayLike) -> Floats:
        """Ranks (n, pairs); their mean is near the best RDM for tau, which is hard to find."""
        return ranked(rdms)

    def _norms(self, values: npt.NDArray[np.generic]) -> Floats:
        """Roots of the number of comparisons that count, for each RDM; NaN where there is none."""
        total = values.shape[1] * (values.shape[1] - 1) / 2
        counts = np.full(len(values), float(total))
        if not self._ties_count:
            counts -= [_tied(row) for row in values]
        counts[counts == 0] = np.nan
        return np.asarray(np.sqrt(counts))


class KendallTauB(KendallTauA):
    """Kendall's tau-b: concordant minus discordant pairs, over those that neither RDM ties.

    A model with many ties is favoured over a detailed one (Nili et al. 2014): take tau-a for such models.
    NaN for a constant RDM.
    """

    _ties_count = False


def _by_signs(a: npt.NDArray[np.generic], b: npt.NDArray[np.generic]) -> Floats:
    """Concordant minus discordant pairs, from products of signs in blocks; whole numbers, so exact."""
    ranks_a, ranks_b = ranked(a), ranked(b)
    pairs = a.shape[1]
    counts = np.zeros((len(a), len(b)))
    step = max(1, _BLOCK // max(1, pairs * max(len(a), len(b))))
    for start in range(0, pairs, step):
        stop = min(start + step, pairs)
        counts += _signs(ranks_a, start, stop) @ _signs(ranks_b, start, stop).T
    return counts


def _signs(ranks: Floats, start: int, stop: int) -> npt.NDArray[np.float32]:
    """Signs of the differences of some dissimilarities with all that come after them."""
    parts = [np.sign(ranks[:, place + 1 :] - ranks[:, place, None]) for place in range(start, stop)]
    return np.concatenate([part.astype(np.float32) for part in parts], axis=1)


def _by_sorting(a: npt.NDArray[np.generic], b: npt.NDArray[np.generic]) -> Floats:
    """Concordant minus discordant pairs from scipy's tau-b, which takes time n log n."""
    from scipy.stats import kendalltau

    total = a.shape[1] * (a.shape[1] - 1) / 2
    norms = [np.sqrt([total - _tied(row) for row in rows]) for rows in (a, b)]
    counts = np.full((len(a), len(b)), np.nan)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            if np.isnan(x).any() or np.isnan(y).any():
                continue
            tau = kendalltau(x, y).statistic if norms[0][i] and norms[1][j] else 0.0
            counts[i, j] = np.rint(tau * norms[0][i] * norms[1][j])
    return counts


def _tied(row: npt.NDArray[np.generic]) -> float:
    """How many pairs of dissimilarities of one RDM are equal."""
    counts = np.unique(row, return_counts=True)[1].astype(np.float64)
    return float(np.sum(counts * (counts - 1) / 2))
