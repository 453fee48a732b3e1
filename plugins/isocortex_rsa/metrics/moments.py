"""RDM metrics of one pair of patterns from sums over channels, for searchlights that keep running sums.

All take ``(count, sum_a, sum_b, sum_aa, sum_bb, sum_ab)``: the number of channels, the sums of both patterns,
and the sums of their squares and of their product, in float64. Plain arithmetic, so that ``numba.njit``
compiles them. Sums lose digits where a pattern's mean is large against its spread; whoever makes them takes
the mean of each condition (or a rough value of it) away first.
"""

from __future__ import annotations

import math

_EPS = 2.220446049250313e-16
_NAN = math.nan


def correlation_from_moments(
    count: float, sum_a: float, sum_b: float, sum_aa: float, sum_bb: float, sum_ab: float
) -> float:
    """1 - Pearson r; NaN for fewer than two channels or a constant pattern.

    A variance that is no larger than what rounding can leave of ``count`` equal values counts as zero.
    """
    if count < 2:
        return _NAN
    var_a = sum_aa - sum_a * sum_a / count
    var_b = sum_bb - sum_b * sum_b / count
    rounding = 4.0 * _EPS * count
    if not (var_a > rounding * sum_aa and var_b > rounding * sum_bb):
        return _NAN
    r = (sum_ab - sum_a * sum_b / count) / (math.sqrt(var_a) * math.sqrt(var_b))
    return 1.0 - min(max(r, -1.0), 1.0)


def cosine_from_moments(
    count: float, sum_a: float, sum_b: float, sum_aa: float, sum_bb: float, sum_ab: float
) -> float:
    """1 - cosine of the angle; NaN where a pattern is zero everywhere."""
    if not (sum_aa > 0.0 and sum_bb > 0.0):
        return _NAN
    cosine = sum_ab / (math.sqrt(sum_aa) * math.sqrt(sum_bb))
    return 1.0 - min(max(cosine, -1.0), 1.0)


def euclidean_from_moments(
    count: float, sum_a: float, sum_b: float, sum_aa: float, sum_bb: float, sum_ab: float
) -> float:
    """Euclidean distance; NaN without channels."""
    if count < 1:
        return _NAN
    square = sum_aa + sum_bb - 2.0 * sum_ab
    return math.sqrt(square) if square > 0.0 else (0.0 if square <= 0.0 else _NAN)


def sqeuclidean_from_moments(
    count: float, sum_a: float, sum_b: float, sum_aa: float, sum_bb: float, sum_ab: float
) -> float:
    """Squared Euclidean distance per channel; NaN without channels."""
    if count < 1:
        return _NAN
    square = sum_aa + sum_bb - 2.0 * sum_ab
    return square / count if square > 0.0 else (0.0 if square <= 0.0 else _NAN)
