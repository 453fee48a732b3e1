"""Originals in the size of the reconstructions, by a named filter: the measures depend on it."""

from __future__ import annotations

from typing import Literal

import numpy as np

from isocortex.choices import require_choice
from isocortex.data.base import Array

Resampling = Literal["bilinear", "bicubic", "lanczos"]
"""Pillow's filters of these names; its default, and so that of the lab's evaluation script, is bicubic."""


def resized(images: Array, size: tuple[int, int], resampling: Resampling = "bicubic") -> Array:
    """Bring images (n, height, width, 3) to a size (height, width) as Pillow does; the same size is kept.

    uint8 stays uint8, rounded as a resized picture file is; floating point numbers become float32 and may
    overshoot. The whole picture is used: other proportions are stretched.
    """
    require_choice(resampling, Resampling, "resampling")
    if images.shape[1:3] == size:
        return images
    from PIL import Image

    method = Image.Resampling[resampling.upper()]
    whole = images.dtype == np.uint8
    out: Array = np.empty((len(images), *size, 3), np.uint8 if whole else np.float32)
    for image, new in zip(images, out, strict=True):
        for channel in range(3):  # Pillow knows no colours in floating point
            plane = Image.fromarray(np.ascontiguousarray(image[..., channel], dtype=out.dtype))
            new[..., channel] = np.asarray(plane.resize(size[::-1], method))
    return out


def resampling_of(have: tuple[int, int], want: tuple[int, int], resampling: str) -> str:
    """Say what was done to the originals: "none", or the filter and the size that they had."""
    return "none" if have == want else f"{resampling} from {have[0]} x {have[1]}"
