"""Mean profile and pattern correlation when the stimuli of the true features are permuted.

Both means are sums over samples of one entry each of a matrix samples x stimuli, so that a permutation only
picks other entries: sum over units of z(decoded) z(true) for profiles, the correlations for patterns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex_decoding.evaluation.blocks import BLOCK, Floats, Mask, prepared, unit_blocks
from isocortex_decoding.evaluation.correlations import correlation_rows, rounding

Indices = npt.NDArray[np.intp]

_ROWS = 2**22
"""How many entries of the matrix are held at a time: 32 MB."""


class Null(NamedTuple):
    """``observed``: the mean; ``permuted`` (permutations,): with the stimuli permuted."""

    observed: float
    permuted: Floats


def profile_null(decoded: Array, true: Array, own: Indices, orders: Indices, block: int = BLOCK) -> Null:
    """Mean over units of the profile correlation: of (samples, units) with row ``own`` of (stimuli, units).

    ``orders`` (permutations, stimuli): the row that takes the place of each. True features are scaled by
    their SD over stimuli, so with unequal numbers of samples a stimulus it is a mean of nearly correlations.
    Units that are constant on either side, or not finite, take no part.
    """
    x, y = (_moments(matrix, block) for matrix in (decoded, true))
    keep = np.isfinite(x[1]) & np.isfinite(y[1])
    if not keep.any():
        return Null(float("nan"), np.full(len(orders), np.nan))
    found = _means(_products(decoded, true, (x, y), keep, block), own, orders)
    units = int(np.count_nonzero(keep))
    return Null(found.observed / units, found.permuted / units)


def pattern_null(
    decoded: Array,
    true: Array,
    own: Indices,
    orders: Indices,
    mean: Floats | None,
    norm: Floats | None,
    keep: Mask | None = None,
    block: int = BLOCK,
) -> Null:
    """Mean over samples of the pattern correlation; the arguments are those of ``pattern_by_rows``.

    A correlation that is not defined (a constant pattern) counts as 0.
    """
    rows = correlation_rows(decoded, true, mean, norm, keep, block=block)
    return _means(((part, np.nan_to_num(values)) for part, values in rows), own, orders)


def _means(rows: Iterable[tuple[slice, Floats]], own: Indices, orders: Indices) -> Null:
    observed, permuted = 0.0, np.zeros(len(orders))
    for part, values in rows:
        for line, mine in zip(values, own[part], strict=True):
            observed += line[mine]
            permuted += line[orders[:, mine]]
    samples = max(len(own), 1)
    return Null(float(observed) / samples, permuted / samples)


def _moments(matrix: Array, block: int) -> tuple[Floats, Floats]:
    """Mean and SD (n in the denominator) of each unit; the SD is NaN where it is constant or not finite."""
    units = matrix.shape[1]
    mean, deviation = np.zeros(units), np.full(units, np.nan)
    for part in unit_blocks(units, max(len(matrix), 1), block):
        x = np.asarray(matrix[:, part], dtype=np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            spread = x.std(axis=0)
            good = np.isfinite(spread) & (spread > 4 * rounding(matrix) * np.sqrt(np.square(x).mean(axis=0)))
        mean[part] = np.where(good, np.where(good, x, 0.0).mean(axis=0), 0.0)
        deviation[part] = np.where(good, spread, np.nan)
    return mean, deviation


def _products(
    decoded: Array,
    true: Array,
    moments: tuple[tuple[Floats, Floats], tuple[Floats, Floats]],
    keep: Mask,
    block: int,
) -> Iterator[tuple[slice, Floats]]:
    """Sums over units of z(decoded) z(true), (rows, stimuli), some rows at a time."""
    first, second = (prepared(keep, *own) for own in moments)
    step = max(1, _ROWS // max(len(true), 1))
    for start in range(0, len(decoded), step):
        rows = slice(start, min(start + step, len(decoded)))
        total = np.zeros((rows.stop - start, len(true)))
        for part in unit_blocks(decoded.shape[1], len(total) + len(true), block):
            total += first(decoded[rows], part) @ second(true, part).T
        yield rows, total
