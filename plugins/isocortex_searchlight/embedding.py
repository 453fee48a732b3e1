"""RDMs of a block of centres -> columns whose inner products with embedded models are the similarities."""

from __future__ import annotations

from typing import Any

import numpy as np

from isocortex.data.base import Array
from isocortex.handles import SimilarityHandle
from isocortex_searchlight import rank_kernels
from isocortex_searchlight.threads import over

COUNTING = 400
"""Up to so many pairs ranks come by counting, beyond by sorting (measured: they meet near here)."""


def embed_block(measure: SimilarityHandle, values: Array, dtype: np.dtype[Any]) -> Array:
    """Embed RDMs (pairs, centres): (dimensions, centres) of a type; NaN columns where undefined."""
    from isocortex_rsa import Cosine, Pearson, Spearman

    if isinstance(measure.component, Spearman):
        return spearman_block(values, dtype)
    if isinstance(measure.component, Pearson):
        return _unit_block(values, dtype, centre=True)
    if isinstance(measure.component, Cosine):
        return _unit_block(values, dtype, centre=False)
    return np.ascontiguousarray(np.asarray(measure.embed(values.T)).T, dtype=dtype)


def spearman_block(values: Array, dtype: np.dtype[Any]) -> Array:
    """Ranks of unit length; a constant RDM, or one with NaN, becomes NaN."""
    pairs, centres = values.shape
    ranks = np.empty((pairs, centres), dtype=dtype)
    norms = np.empty(centres)

    def count(start: int, stop: int) -> None:
        rank_kernels.rank_by_counting(values, start, stop, ranks, norms)

    def sort(start: int, stop: int) -> None:
        rows = np.ascontiguousarray(values[:, start:stop].T)
        order = np.argsort(rows, axis=1)
        rank_kernels.rank_sorted(rows, order, ranks[:, start:stop], norms[start:stop])

    over(centres, count if pairs <= COUNTING else sort, piece=2048)
    return _scaled(ranks, norms, np.isnan(values).any(axis=0))


def _unit_block(values: Array, dtype: np.dtype[Any], centre: bool) -> Array:
    rows = values.astype(np.float64)
    bad = np.isnan(values).any(axis=0)
    if centre:
        eps = np.finfo(values.dtype).eps
        bad |= np.ptp(values, axis=0) <= 4 * eps * np.abs(values).max(axis=0, initial=0)
        rows -= rows.mean(axis=0)
    return _scaled(rows, np.linalg.norm(rows, axis=0), bad).astype(dtype, copy=False)


def _scaled(columns: Array, norms: Array, bad: Array) -> Array:
    with np.errstate(divide="ignore"):
        factors = np.where(bad | ~(norms > 0), np.nan, 1 / norms)

    def some(start: int, stop: int) -> None:
        rank_kernels.scale_columns(columns[:, start:stop], factors[start:stop])

    over(columns.shape[1], some, piece=8192)
    return columns
