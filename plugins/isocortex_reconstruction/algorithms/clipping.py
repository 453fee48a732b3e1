"""Pixels that are cut back while an image is made (Yosinski et al. 2015; icnn): images minus the mean."""

from __future__ import annotations

import numpy as np

from isocortex_reconstruction.algorithms.problem import Floats

_PIXELS = (1, 2)


def clip_extreme(images: Floats, percent: float) -> Floats:
    """Clip each image (n, height, width, 3) at half of ``percent`` of its values on either side."""
    low, high = np.percentile(images, [percent / 2, 100 - percent / 2], axis=(1, 2, 3), keepdims=True)
    return np.clip(images, low, high)


def drop_small(images: Floats, measure: Floats, percent: float) -> Floats:
    """Set the ``percent`` of pixels to the mean image whose norm over channels of ``measure`` is smallest.

    ``measure`` is the image itself (small norm), or image times gradient (small contribution).
    """
    norm = np.sqrt((measure**2).sum(axis=3))
    small = norm < np.percentile(norm, percent, axis=_PIXELS, keepdims=True)
    return np.where(small[..., None], 0.0, images)
