"""A mask of a brain's proportions: an ellipsoid on the grid of Lee et al. 2023 (3 mm, 64 x 76 x 64)."""

from __future__ import annotations

import numpy as np

from isocortex.data import Space
from isocortex.errors import DataError

SHAPE = (64, 76, 64)
AFFINE = ((3.0, 0.0, 0.0, -94.5), (0.0, 3.0, 0.0, -130.5), (0.0, 0.0, 3.0, -76.5), (0.0, 0.0, 0.0, 1.0))
"""Voxel indices to millimetres: x to the right, y to the front, z up."""

_CENTRE = (0.0, -18.0, 12.0)
_HALF_AXES = (68.0, 88.0, 62.0)
"""In mm, about those of an adult brain in MNI space."""

MOST_VOXELS = 57_000


def brain(n_voxels: int) -> Space:
    """Make the smallest such ellipsoid that holds exactly ``n_voxels`` voxels of 27 cubic millimetres.

    Full size is about 57,000 voxels. Of voxels equally far out, those of lower index come first.
    """
    if not 1 <= n_voxels <= MOST_VOXELS:
        raise DataError(f"a simulated brain has 1 to {MOST_VOXELS} voxels, not {n_voxels}")
    affine = np.array(AFFINE)
    indices = np.indices(SHAPE).reshape(3, -1).T
    millimetres = indices @ affine[:3, :3].T + affine[:3, 3]
    far = (((millimetres - _CENTRE) / _HALF_AXES) ** 2).sum(axis=1)
    mask = np.zeros(len(far), dtype=bool)
    mask[np.argsort(far, kind="stable")[:n_voxels]] = True
    return Space(mask.reshape(SHAPE), affine)
