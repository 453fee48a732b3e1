"""Choosing, for every unit, the voxels that it correlates most with."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def largest(scores, n, work, out):  # type: ignore[no-untyped-def]
    """Positions of the n largest scores into ``out``, in ascending order; ``work`` is as long as ``scores``.

    Of equal scores the one that comes later is taken, as from a sorted list read backwards (FastL2LiR).
    Scores hold no NaN, and n is at least 1 and at most their number.
    """
    size = scores.shape[0]
    work[:] = scores
    border = np.partition(work, size - n)[size - n]
    above = 0
    for place in range(size):
        if scores[place] > border:
            above += 1
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
            scores[voxel] = abs(products[unit, voxel]) * scale[voxel]
        largest(scores, n, work, index[unit, :n])
        if bias:
            index[unit, n] = voxels
