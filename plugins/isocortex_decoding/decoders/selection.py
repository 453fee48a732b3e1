"""Choosing, for every unit, the voxels that it correlates most with."""

from __future__ import annotations

import numpy as np
from numba import njit

_BINS = 1024


@njit(nogil=True, cache=True)
def largest(scores, n, work, out):  # type: ignore[no-untyped-def]
    """Positions of the n largest scores into ``out``, in ascending order; ``work`` is as long as ``scores``.

    Of equal scores the one that comes later is taken, as from a sorted list read backwards (FastL2LiR).
    Scores are not negative nor NaN, and n is at least 1 and at most their number.
    """
    size = scores.shape[0]
    border = _border(scores, n, work)
    above = 0
    for place in range(size):
        above += scores[place] > border
    ties = n - above  # so many of those at the border are taken, from the end
    fill = n - 1
    for place in range(size - 1, -1, -1):
        if scores[place] > border or (scores[place] == border and ties > 0):
            if scores[place] == border:
                ties -= 1
            out[fill] = place
            fill -= 1
            if fill < 0:
                break


@njit(nogil=True, cache=True)
def _border(scores, n, work):  # type: ignore[no-untyped-def]
    """The n-th largest score: counted into bins first, so that only those of one bin are sorted."""
    top = scores[0]
    for score in scores:
        top = max(top, score)
    steps = (_BINS - 1) / top if top > 0 else 0.0
    if not np.isfinite(steps):  # all scores are next to nothing
        steps = 0.0
    counts = np.zeros(_BINS, np.int64)
    for score in scores:
        counts[_bin(score * steps)] += 1
    left, wanted = n, _BINS - 1
    while counts[wanted] < left:
        left -= counts[wanted]
        wanted -= 1
    count = 0
    for score in scores:  # scaling and cutting keep the order, so the bins do
        if _bin(score * steps) == wanted:
            work[count] = score
            count += 1
    return np.partition(work[:count], count - left)[count - left]


@njit(nogil=True, cache=True)
def _bin(scaled):  # type: ignore[no-untyped-def]
    return int(scaled) if scaled < _BINS - 1 else _BINS - 1  # an infinity too has its bin


@njit(nogil=True, cache=True)
def select(products, scale, n, bias, index):  # type: ignore[no-untyped-def]
    """For each unit the n voxels with the largest ``|products| * scale`` into index (units, n + bias).

    ``products`` (units, voxels) are covariances with the voxels, ``scale`` one over each voxel's spread, so
    that the order is that of |Pearson r|. With a bias its column, the last, always follows.
    """
    units, voxels = products.shape
    scores = np.empty(voxels, products.dtype)
    work = np.empty(voxels, products.dtype)
    for unit in range(units):
        for voxel in range(voxels):
            score = abs(products[unit, voxel]) * scale[voxel]
            scores[voxel] = score if score >= 0 else 0.0  # products of huge numbers can be NaN
        largest(scores, n, work, index[unit, :n])
        if bias:
            index[unit, n] = voxels
