"""One-sample tests over subjects, and their correction for the number of tests."""

from __future__ import annotations

import warnings
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError

Floats = npt.NDArray[np.float64]
Test = Literal["t", "wilcoxon"]
Correction = Literal["fdr_bh", "bonferroni", "none"]


class Outcome(NamedTuple):
    """Mean over subjects, the test's statistic and its p, and how many subjects went in."""

    mean: float
    statistic: float
    p: float
    n: int


def one_sample(values: npt.ArrayLike, test: Test = "t", alternative: str = "two-sided") -> Outcome:
    """Test whether one value a subject (subjects,) differs from zero; NaN are left out.

    Parameters
    ----------
    test : "t" (one-sample t, the subjects' values are about normal) or "wilcoxon" (signed ranks, they are
        about symmetric).
    alternative : "two-sided", "greater" or "less".

    Returns
    -------
    Outcome; statistic and p are NaN for fewer than 2 subjects, and where all values are equal (nothing says
    how much they vary).
    """
    from scipy import stats

    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    mean = float(known.mean()) if known.size else float("nan")
    if known.size < 2 or np.ptp(known) <= 4 * np.finfo(np.float64).eps * np.abs(known).max():
        return Outcome(mean, float("nan"), float("nan"), int(known.size))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # scipy: few subjects, or ties, for an exact p
        if test == "t":
            found = stats.ttest_1samp(known, 0.0, alternative=alternative)
        elif test == "wilcoxon":
            found = stats.wilcoxon(known, alternative=alternative)
        else:
            raise DataError(f'test={test!r}: say "t" or "wilcoxon"')
    return Outcome(mean, float(found.statistic), float(found.pvalue), int(known.size))


def corrected(p: npt.ArrayLike, correction: Correction = "fdr_bh") -> Floats:
    """Correct p-values (tests,) for their number; NaN stays and does not count.

    "fdr_bh" controls the false discovery rate (Benjamini & Hochberg 1995), "bonferroni" the family-wise
    error; "none" leaves them as they are.
    """
    from scipy.stats import false_discovery_control

    values = np.asarray(p, dtype=np.float64)
    known = ~np.isnan(values)
    out = values.copy()
    if correction == "fdr_bh" and known.any():
        out[known] = false_discovery_control(values[known])
    elif correction == "bonferroni":
        out[known] = np.minimum(1.0, values[known] * known.sum())
    elif correction not in ("fdr_bh", "none"):
        raise DataError(f'correction={correction!r}: say "fdr_bh", "bonferroni" or "none"')
    return out
