"""Metrics that are a mean over channels of products of differences, as one matrix product.

With ``left`` and ``right`` of shape (parts, conditions, channels), the dissimilarity of conditions i and j is
the mean over channels of ``sum_k (left[k, i] - left[k, j]) * (right[k, i] - right[k, j])``. Squared Euclidean
has one part, ``left = right``; Poisson KL one, rates and their logarithms; crossnobis one a run, its mean
patterns and those of the other runs.

Such a metric gives ``channel_factors(patterns, **needs) -> Factors``. A searchlight then needs one running
sum a pair, over the volume ``sum_k (left_i - left_j) * (right_i - right_j)``, whatever the number of runs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from isocortex_rsa.metrics._rows import Floats, Places, pairs_of

_BLOCK = 2**22
"""How many numbers one block of direct differences may hold."""

_CLOSE = 1e-4
"""Pairs whose sum is smaller than this share of what it is the difference of are summed directly."""


class Factors(NamedTuple):
    """``left`` and ``right``, each (parts, conditions, channels), float64; they may be the same array."""

    left: Floats
    right: Floats


def summed(factors: Factors) -> Floats:
    """Sum the products of differences over parts and channels: condensed (pairs,), not yet divided.

    Rows must be finite. The mean over conditions, which no difference has, is taken away first, so that
    the matrix product keeps its digits; pairs too close for that are summed from their differences.
    """
    first, second = pairs_of(factors.left.shape[1])
    total, size = np.zeros(len(first)), np.zeros(len(first))
    same = factors.left is factors.right
    for left, right in zip(*factors, strict=True):
        values, scale = _one_part(left, left if same else right, first, second)
        total += values
        size += scale
    close = np.flatnonzero(np.abs(total) < _CLOSE * size)
    step = max(1, _BLOCK // max(1, factors.left.shape[2]))
    for start in range(0, len(close), step):
        pairs = close[start : start + step]
        total[pairs] = _direct(factors, first[pairs], second[pairs])
    return total


def _one_part(left: Floats, right: Floats, first: Places, second: Places) -> tuple[Floats, Floats]:
    same = left is right
    left = left - left.mean(axis=0) if len(left) else left
    right = left if same else (right - right.mean(axis=0) if len(right) else right)
    own = np.einsum("ij,ij->i", left, right)
    product = left @ right.T
    norms = own if same else np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    values = own[first] + own[second] - product[first, second] - product[second, first]
    return values, norms[first] + norms[second]


def _direct(factors: Factors, first: Places, second: Places) -> Floats:
    total = np.zeros(len(first))
    for left, right in zip(*factors, strict=True):
        total += np.einsum("ij,ij->i", left[first] - left[second], right[first] - right[second])
    return total
