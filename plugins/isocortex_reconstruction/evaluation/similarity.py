"""Structural similarity (SSIM) of images: Wang et al. 2004, IEEE Transactions on Image Processing 13(4)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from isocortex.choices import require_choice
from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex.threads import over

Floats = npt.NDArray[np.float64]
Border = Literal["inside", "reflected"]
"""Windows inside of the image only, or one around every pixel, the image mirrored at its border."""

WINDOW, SIGMA, K1, K2 = 11, 1.5, 0.01, 0.03


def ssim(first: Array, second: Array, data_range: float = 255.0, border: Border = "inside") -> Floats:
    """Mean SSIM of pairs of images, each channel on its own and then averaged: (n,).

    (2 mx my + C1)(2 sxy + C2) / ((mx^2 + my^2 + C1)(sx^2 + sy^2 + C2)), with means, variances and covariance
    weighted by a normalised gaussian window of 11 x 11 pixels and sigma 1.5, C = (K data_range)^2, K1 = .01
    and K2 = .03. The paper takes grey images; give those as (n, height, width, 1).

    torchmetrics has the same window and constants, but takes the range of levels from the two sets of images
    unless told, and its present version also counts the mirrored border (``border="reflected"``).
    scikit-image has a uniform window of 7 x 7 and sample covariances unless told; with ``gaussian_weights``,
    ``sigma=1.5`` and ``use_sample_covariance=False`` it is the same.

    Parameters
    ----------
    first, second : arrays (n, height, width, channels).
    data_range : between the darkest and the lightest level that there can be.
    """
    require_choice(border, Border, "border")
    if first.ndim != 4 or first.shape != second.shape:
        raise DataError(f"SSIM: expected two sets of images of one shape, got {first.shape}, {second.shape}")
    least = WINDOW if border == "inside" else WINDOW // 2 + 1
    if min(first.shape[1:3]) < least:
        raise DataError(
            f"SSIM: images of {first.shape[1]} x {first.shape[2]} pixels are too small for its window; it "
            f"needs {least} pixels a side"
        )
    if not data_range > 0:
        raise DataError(f"SSIM: the range of levels is {data_range}; give a number above 0")
    out = np.empty(len(first))

    def work(start: int, stop: int) -> None:
        for row in range(start, stop):
            out[row] = _mean(first[row], second[row], data_range, border)

    over(len(first), work)
    return out


def gaussian() -> Floats:
    """The window along one axis (11,), summing to 1; the product of two is the window of the paper."""
    places = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-(places**2) / (2 * SIGMA**2))
    return np.asarray(weights / weights.sum())


def _mean(first: Array, second: Array, data_range: float, border: Border) -> float:
    """Mean over windows and channels of one pair (height, width, channels)."""
    x, y = np.array(first, dtype=np.float64), np.array(second, dtype=np.float64)
    small = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    mx, my, squares, product = (_smooth(part, border) for part in (x, y, x * x + y * y, x * y))
    means, cross = mx * mx + my * my, mx * my
    upper = (2 * cross + small[0]) * (2 * (product - cross) + small[1])
    lower = (means + small[0]) * (np.maximum(squares - means, 0.0) + small[1])
    return float((upper / lower).mean())


def _smooth(image: Floats, border: Border) -> Floats:
    """Weighted mean of each window of an image (height, width, channels)."""
    from scipy.ndimage import correlate1d

    weights, reach = gaussian(), WINDOW // 2
    cut = slice(reach, -reach) if border == "inside" else slice(None)
    rows = correlate1d(image, weights, axis=0, mode="mirror")[cut]
    return np.asarray(correlate1d(rows, weights, axis=1, mode="mirror")[:, cut])
