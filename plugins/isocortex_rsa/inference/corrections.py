"""p-values corrected for many voxels and models. A test without a value (NaN) takes no part and stays NaN."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError

Floats = npt.NDArray[np.float64]

TIE = 1e-10
"""Values of a statistic this close (relative to 1 + their size) differ by rounding only: they are tied."""


def holds_p(statistic: str) -> bool:
    """Whether a map of this name holds p-values ("p", "p_fwe"; not "pearson")."""
    return statistic == "p" or statistic.startswith("p_")


def fdr_bh(p: npt.ArrayLike) -> Floats:
    """Adjust for the false discovery rate: Benjamini & Hochberg (1995).

    Valid for independent and for positively dependent tests, as the voxels of a smooth map are. Any shape:
    all finite values are one family.
    """
    return _step_up(p, _no_penalty)


def fdr_by(p: npt.ArrayLike) -> Floats:
    """Adjust for the false discovery rate under any dependence: Benjamini & Yekutieli (2001)."""
    return _step_up(p, _harmonic)


def bonferroni(p: npt.ArrayLike) -> Floats:
    """Adjust for the family-wise error: each p times the number of tests, at most 1."""
    values = _checked(p)
    return np.minimum(values * np.count_nonzero(~np.isnan(values)), 1.0)


def p_of_counts(counts: npt.ArrayLike, permutations: int) -> Floats:
    """Give (1 + counts) / (1 + permutations), the unpermuted data being one of the possible outcomes.

    The permutations leave out the identity and hold none twice, so that the p-value is exact when they are
    all there are, and valid when they are a random part of them (Phipson & Smyth 2010).
    """
    return np.asarray((1.0 + np.asarray(counts, dtype=np.float64)) / (1.0 + permutations))


def reached(observed: npt.ArrayLike) -> Floats:
    """Give what a permuted statistic has to reach to count as no smaller than the observed one.

    Permutations that are equal in truth differ by rounding; without the slack some ties would not count.
    """
    values = np.asarray(observed, dtype=np.float64)
    return np.asarray(values - TIE * (1.0 + np.abs(values)))


def max_statistic(observed: npt.ArrayLike, maxima: npt.ArrayLike) -> Floats:
    """p-values corrected for the family-wise error by the maximum over the family (Nichols & Holmes 2002).

    Parameters
    ----------
    observed : array of any shape, the statistics of one family; larger is more extreme.
    maxima : array (permutations,), the largest statistic of the family in each permutation (no identity).
    """
    values = np.asarray(observed, dtype=np.float64)
    null = np.sort(np.asarray(maxima, dtype=np.float64))
    if null.ndim != 1 or np.isnan(null).any():
        raise DataError(
            "max-statistic correction: expected one maximum for each permutation, none of them NaN"
        )
    counts = null.size - np.searchsorted(null, reached(values), side="left")
    return np.where(np.isnan(values), np.nan, p_of_counts(counts, null.size))


def _no_penalty(tests: int) -> float:
    return 1.0


def _harmonic(tests: int) -> float:
    return float(np.sum(1.0 / np.arange(1, tests + 1)))


def _step_up(p: npt.ArrayLike, penalty: Callable[[int], float]) -> Floats:
    """Adjusted p_(k) = min over j >= k of p_(j) * m / j * penalty(m)."""
    values = _checked(p)
    known = ~np.isnan(values)
    tests = int(np.count_nonzero(known))
    out = np.full(values.shape, np.nan)
    if tests:
        order = np.argsort(values[known], kind="stable")
        scaled = values[known][order] * (tests * penalty(tests)) / np.arange(1, tests + 1)
        adjusted = np.empty(tests)
        adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
        out[known] = adjusted
    return out


def _checked(p: npt.ArrayLike) -> Floats:
    values = np.asarray(p, dtype=np.float64)
    wrong = (values < 0) | (values > 1)
    if wrong.any():
        raise DataError(f"p-values lie between 0 and 1; {np.count_nonzero(wrong)} of {values.size} do not")
    return values
