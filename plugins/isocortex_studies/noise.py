"""Noise that is smooth in space, as that of fMRI is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isocortex.data import Space

_SIGMA_PER_FWHM = 1 / np.sqrt(8 * np.log(2))


def smooth_noise(
    space: Space, n_samples: int, fwhm: float, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Gaussian noise (n_samples, voxels) of SD 1 in each voxel, smoothed by a Gaussian of ``fwhm`` mm.

    White noise is drawn on the box around the mask, with a margin as wide as the kernel reaches, so that no
    voxel has less noise at the border of the mask and none borrows from the other side of the box.
    """
    if fwhm <= 0:
        return rng.standard_normal((n_samples, space.n_voxels))
    from scipy.ndimage import correlate1d

    low = space.voxels.min(axis=0)
    kernels = [_kernel(fwhm * _SIGMA_PER_FWHM / edge) for edge in space.voxel_sizes]
    margins = np.array([len(kernel) // 2 for kernel in kernels])
    size = space.voxels.max(axis=0) - low + 1 + 2 * margins
    place = tuple((space.voxels - low + margins).T)
    out = np.empty((n_samples, space.n_voxels))
    for sample in out:
        box = rng.standard_normal(tuple(size))
        for axis, kernel in enumerate(kernels):
            box = correlate1d(box, kernel, axis=axis, mode="constant")
        sample[:] = box[place]
    return out


def _kernel(sigma: float) -> npt.NDArray[np.float64]:
    """Gaussian, cut off at 4 sigma, whose squares sum to 1."""
    reach = int(np.ceil(4 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.asarray(weights / np.linalg.norm(weights))
