"""RDMs of a block of centres -> columns whose inner products with embedded models are the similarities."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from isocortex.data.base import Array
from isocortex.handles import SimilarityHandle
from isocortex.threads import over
from isocortex_searchlight import rank_kernels

COUNTING = 400
"""Up to so many pairs ranks come by counting, beyond by sorting (measured: they meet near here)."""

SORTING = 2**21
"""Numbers that a thread sorts, or a measure embeds, at a time, about: 105 centres at 19,900 pairs."""

CACHED = 2**17
"""Numbers that a thread works on in float64 at a time."""


def piece_of(pairs: int) -> int:
    """Centres whose RDMs are ranked or embedded together; each by itself, so that no bit depends on it."""
    return max(1, min(2048, SORTING // max(pairs, 1)))


def linear_piece(pairs: int) -> int:
    """Centres whose means and norms a thread takes at a time."""
    return max(16, CACHED // max(pairs, 1))


class Embedded(NamedTuple):
    """Embedded RDMs, (dimensions, centres), and what their inner products are still to be multiplied by.

    ``factors`` (centres,) is NaN where a centre is undefined; the columns are only scaled when more than
    one product is made of them (``unit``).
    """

    columns: Array
    factors: Array

    def unit(self) -> Array:
        """The columns with their factors, in place; NaN where undefined."""

        def some(start: int, stop: int) -> None:
            rank_kernels.scale_columns(self.columns[:, start:stop], self.factors[start:stop])

        over(self.columns.shape[1], some, piece=8192)
        return self.columns


def has_kernel(measure: SimilarityHandle) -> bool:
    """Whether a measure has a kernel here, which takes little besides what it gives."""
    from isocortex_rsa import Cosine, Pearson, Spearman

    return type(measure.component) in (Spearman, Pearson, Cosine)  # a subclass may embed in another way


def embed_block(measure: SimilarityHandle, values: Array, dtype: np.dtype[Any], dimensions: int) -> Embedded:
    """Embed RDMs (pairs, centres) in a type; an embedded RDM has so many ``dimensions``."""
    from isocortex_rsa import Cosine, Pearson, Spearman

    kind = type(measure.component)
    if kind is Spearman:
        return spearman_block(values, dtype)
    if kind is Pearson:
        return _linear_block(values, dtype, centre=True)
    if kind is Cosine:
        return _linear_block(values, dtype, centre=False)
    centres = values.shape[1]
    columns = np.empty((dimensions, centres), dtype=dtype)
    step = piece_of(max(dimensions, len(values)))
    for start in range(0, centres, step):
        some = slice(start, start + step)
        columns[:, some] = np.asarray(measure.embed(values[:, some].T)).T
    return Embedded(columns, np.ones(centres, dtype=dtype))


def spearman_block(values: Array, dtype: np.dtype[Any]) -> Embedded:
    """Centred ranks; a constant RDM, or one with NaN, is undefined."""
    pairs, centres = values.shape
    ranks = np.empty((pairs, centres), dtype=dtype)
    norms = np.empty(centres)

    def count(start: int, stop: int) -> None:
        rank_kernels.rank_by_counting(values, start, stop, ranks, norms)

    def sort(start: int, stop: int) -> None:
        rows = np.ascontiguousarray(values[:, start:stop].T)
        order = np.argsort(rows, axis=1)
        rank_kernels.rank_sorted(rows, order, ranks[:, start:stop], norms[start:stop])

    if pairs <= COUNTING:
        over(centres, count, piece=2048)
    else:
        over(centres, sort, piece=piece_of(pairs))
    return Embedded(ranks, _factors(norms, np.asarray(np.isnan(values).any(axis=0)), dtype))


def _linear_block(values: Array, dtype: np.dtype[Any], centre: bool) -> Embedded:
    """RDMs, perhaps without their mean; worked out in float64, so many at a time as fit the cache."""
    pairs, centres = values.shape
    columns, factors = np.empty((pairs, centres), dtype=dtype), np.empty(centres, dtype=dtype)
    eps = np.finfo(values.dtype).eps

    def some(start: int, stop: int) -> None:
        own = values[:, start:stop]
        rows = own.astype(np.float64)
        bad = np.asarray(np.isnan(own).any(axis=0))
        if centre:
            bad |= np.ptp(own, axis=0) <= 4 * eps * np.abs(own).max(axis=0, initial=0)
            rows -= rows.mean(axis=0)
        columns[:, start:stop] = rows
        factors[start:stop] = _factors(np.linalg.norm(rows, axis=0), bad, dtype)

    over(centres, some, piece=linear_piece(pairs))
    return Embedded(columns, factors)


def _factors(norms: Array, bad: Array, dtype: np.dtype[Any]) -> Array:
    with np.errstate(divide="ignore"):
        return np.where(bad | ~(norms > 0), np.nan, 1 / norms).astype(dtype)
