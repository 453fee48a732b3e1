"""Resizing of images as two matrix products: exact in any precision, and easy to differentiate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Resampling = Literal["bilinear", "lanczos"]
"""The filters of Pillow of these names (``lanczos`` was once called ANTIALIAS there)."""


def _triangle(x: Floats) -> Floats:
    return np.maximum(1 - np.abs(x), 0)


def _lanczos(x: Floats) -> Floats:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


_FILTERS: Mapping[str, tuple[Callable[[Floats], Floats], float]] = {
    "bilinear": (_triangle, 1.0),
    "lanczos": (_lanczos, 3.0),
}


def resizing(have: int, want: int, resampling: Resampling = "bilinear") -> Floats:
    """Matrix (want, have) that resizes one axis of an image.

    Each new pixel is a mean of the old ones around its centre, weighted by a filter that is stretched by the
    factor of a reduction (so nothing aliases), cut off at the border, its weights summing to 1.
    """
    function, support = _FILTERS[resampling]
    scale = have / want
    stretch = max(scale, 1.0)
    centres = (np.arange(want) + 0.5) * scale
    places = np.arange(have) + 0.5
    weights = function((places[None] - centres[:, None]) / stretch)
    reach = support * stretch
    # Pillow lets a filter begin and end at whole pixels
    first = np.maximum(np.floor(centres - reach + 0.5), 0)[:, None]
    last = np.minimum(np.floor(centres + reach + 0.5), have)[:, None]
    weights = np.where((places[None] > first) & (places[None] < last), weights, 0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
