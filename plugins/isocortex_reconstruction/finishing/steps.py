"""What is done to images before they are looked at, as a step of pipelines."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np

from isocortex.choices import require_choice
from isocortex.data import Images
from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_reconstruction.finishing.methods import CLIPPED, METHODS, FinishName, is_flat


def finish_images(images: Images, method: FinishName = "shen2019", clipped: float = CLIPPED) -> Images:
    """Bring reconstructed images to levels of 0 to 255 for looking at, each image by itself.

    Measures that compare levels (RMSE, SSIM, pixel correlation) depend on it: "clip" leaves levels as they
    were reconstructed, "min-max" and "shen2019" stretch every image to full contrast.

    Parameters
    ----------
    images : as they were reconstructed, on the scale 0 to 255, not clipped.
    method : "shen2019": cut ``clipped`` / 2 % of the levels off on each side, stretch the rest to 0 to 255,
        whole levels (rounded down), as the authors' pictures. "min-max": stretch only. "clip": cut at 0 and
        255. "none": leave images as they are.
    clipped : percentage of levels that "shen2019" cuts off, both sides together: 4 as in the lab's later
        scripts, 0.04 as in those of 2019.

    Raises ``DataError`` for an image that holds NaN or infinity. A constant image, which cannot be stretched,
    becomes mid grey with a warning.
    """
    require_choice(method, FinishName, "method")
    if not 0 <= clipped < 100:
        raise DataError(f"finish_images: clipped={clipped:g}: give a percentage from 0 to below 100")
    flat = []
    found = []
    for stimulus, image in zip(images.stimuli, images.values, strict=True):
        _require_finite(image, stimulus)
        if is_flat(image, method, clipped):
            flat.append(stimulus)
        found.append(METHODS[method](image, clipped))
    if flat:
        warnings.warn(
            f"finish_images: {len(flat)} of {len(images)} images have a single level"
            + " but for what is clipped" * (method == "shen2019")
            + f" (the first is {flat[0]!r}); they become mid grey",
            stacklevel=2,
        )
    return replace(images, values=np.stack(found) if found else _none_of(images.values, method))


def _require_finite(image: Array, stimulus: str) -> None:
    bad = int((~np.isfinite(image)).sum())
    if bad:
        raise DataError(f"finish_images: {bad} levels of the image {stimulus!r} are NaN or infinite")


def _none_of(values: Array, method: str) -> Array:
    """No images, of the type that the method gives."""
    return METHODS[method](np.zeros(values.shape[1:], values.dtype), 0.0)[None][:0]
