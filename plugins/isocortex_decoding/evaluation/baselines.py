"""What identification would be if only the category had been decoded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isocortex.data.labels import codes
from isocortex.errors import DataError


def category_only(categories: int, q: float = 1.0) -> float:
    """Expected pairwise identification of a method that only knows which of k equal categories it is.

    (1/k) * .5 + (1 - 1/k) * q, with q the share of right comparisons between categories; q = 1 gives
    1 - 1/(2k). Stimuli are drawn from the categories at random (Shirakawa et al. 2025).
    """
    if categories < 1 or not (0.0 <= q <= 1.0 or np.isnan(q)):
        raise DataError(f"the category-only baseline takes 1 or more categories and q of 0 to 1, not {q:g}")
    return 0.5 / categories + (1.0 - 1.0 / categories) * q


def within_share(categories: Sequence[str]) -> float:
    """Share of the ordered pairs of these stimuli that are of one category; NaN for fewer than 2."""
    n = len(categories)
    if n < 2:
        return float("nan")
    counts = np.bincount(codes(categories)).astype(np.float64)
    return float((counts * (counts - 1)).sum() / (n * (n - 1)))


def category_only_of(within: float, q: float = 1.0) -> float:
    """The same for a given set of stimuli, of whose comparisons the share ``within`` is within a category."""
    return within * 0.5 + (1.0 - within) * q if within < 1.0 else 0.5 * within
