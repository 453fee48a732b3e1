"""Ways to bring a reconstructed image to levels that can be shown; each takes one image and its range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from isocortex.data.base import Array

FinishName = Literal["none", "clip", "min-max", "shen2019"]
WHITE = 255.0
GREY = 127.5
CLIPPED = 4.0


def clip(image: Array) -> Array:
    """Cut levels to 0 to 255."""
    return image if image.dtype == np.uint8 else np.clip(image, 0, image.dtype.type(WHITE))


def min_max(image: Array) -> Array:
    """Stretch an image (height, width, 3) so that its darkest level is 0 and its lightest 255.

    All channels have one scale. A constant image becomes mid grey.
    """
    values = np.asarray(image, dtype=np.float64)
    low, high = values.min(), values.max()
    found = (values - low) / (high - low) * WHITE if high > low else np.full(values.shape, GREY)
    kind = np.float32 if image.dtype == np.uint8 else image.dtype
    return np.asarray(np.clip(found, 0, WHITE).astype(kind))


def shen2019(image: Array, clipped: float = CLIPPED) -> Array:
    """Cut the darkest and lightest levels off, stretch the rest to 0 to 255, drop what is behind the point.

    As the lab's ``normalise_img(clip_extreme_value(img, pct))``: percentiles over all channels together, with
    linear interpolation, ``clipped / 2`` % on each side; in the type of the image; rounded down, so that the
    lightest level can come out as 254. Its ``pct`` is 4 in the lab's cookbook, 0.04 in the scripts of 2019.
    A constant image becomes mid grey (128), not black.

    Returns
    -------
    (height, width, 3) uint8.
    """
    values = np.clip(image, np.percentile(image, clipped / 2), np.percentile(image, 100 - clipped / 2))
    values = values - values.min()
    high = values.max()
    if not high > 0:
        return np.full(image.shape, 128, dtype=np.uint8)
    return np.asarray(np.clip(values * (WHITE / high), 0, WHITE).astype(np.uint8))


def is_flat(image: Array, name: str, clipped: float) -> bool:
    """Whether a method that stretches finds a single level to stretch."""
    if name == "shen2019":
        low, high = np.percentile(image, clipped / 2), np.percentile(image, 100 - clipped / 2)
        return bool(low == high)
    return name == "min-max" and bool(image.min() == image.max())


METHODS: dict[str, Callable[[Array, float], Array]] = {
    "none": lambda image, _: image,
    "clip": lambda image, _: clip(image),
    "min-max": lambda image, _: min_max(image),
    "shen2019": shen2019,
}
"""Name -> function of an image (height, width, 3) and the percentage that is clipped."""
