"""Which voxels of a mask touch, and the connected clusters that some of them form."""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError
from isocortex_rsa.inference._compiled import compiled

Connectivity = Literal[6, 18, 26]
"""Voxels touch by faces (6, AFNI's NN1), also by edges (18, NN2), also by corners (26, NN3)."""

Neighbours = npt.NDArray[np.int32]


def neighbours_of(mask: npt.NDArray[np.bool_], connectivity: int = 26) -> Neighbours:
    """Places of the voxels around each voxel of a mask, (voxels, connectivity); -1 outside the mask.

    Voxels are in the order of ``Space.voxels``.
    """
    if connectivity not in (6, 18, 26):
        raise DataError(f"connectivity {connectivity}: say 6 (faces), 18 (and edges) or 26 (and corners)")
    reach = {6: 1, 18: 2, 26: 3}[connectivity]
    place = np.full(tuple(length + 2 for length in mask.shape), -1, dtype=np.int32)
    inner = place[1:-1, 1:-1, 1:-1]
    inner[mask] = np.arange(np.count_nonzero(mask), dtype=np.int32)
    voxels = np.argwhere(mask) + 1
    shifts = [s for s in itertools.product((-1, 0, 1), repeat=3) if 0 < np.abs(s).sum() <= reach]
    return np.stack([place[tuple((voxels + shift).T)] for shift in shifts], axis=1)


@compiled
def clusters_of(inside: npt.NDArray[np.bool_], neighbours: Neighbours) -> tuple[Neighbours, int]:
    """Number the connected clusters of the voxels that are inside, from 1 in order of their first voxel.

    Gives the cluster of each voxel (0: none) and how many clusters there are.
    """
    labels = np.zeros(inside.size, dtype=np.int32)
    waiting = np.empty(inside.size, dtype=np.int32)
    count = 0
    for seed in range(inside.size):
        if not inside[seed] or labels[seed] != 0:
            continue
        count += 1
        labels[seed] = count
        waiting[0] = seed
        left = 1
        while left > 0:
            left -= 1
            voxel = waiting[left]
            for k in range(neighbours.shape[1]):
                other = neighbours[voxel, k]
                if other >= 0 and inside[other] and labels[other] == 0:
                    labels[other] = count
                    waiting[left] = other
                    left += 1
    return labels, count
