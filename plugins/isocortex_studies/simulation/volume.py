"""The brain of the simulated study: the mask of the MNI152 template, which nilearn brings with it."""

from __future__ import annotations

import numpy as np

from isocortex.data import Space
from isocortex.errors import DataError


def mni_brain(resolution: int) -> Space:
    """Mask of the MNI152 template's brain, with voxels of ``resolution`` mm (3 mm: 69,765 voxels)."""
    if not 2 <= resolution <= 12:
        raise DataError(f"resolution is {resolution} mm; give 2 to 12")
    from nilearn.datasets import load_mni152_brain_mask

    image = load_mni152_brain_mask(resolution=resolution)
    return Space(np.asarray(image.dataobj) > 0, np.asarray(image.affine, dtype=np.float64))


def millimetres(space: Space) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Where the voxels of a mask lie, (voxels, 3) in mm."""
    return np.asarray(space.voxels @ space.affine[:3, :3].T + space.affine[:3, 3], dtype=np.float64)
