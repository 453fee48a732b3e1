"""Images that a unit responds to most: steps along the gradient, with a blur that shrinks (Lee et al. 2023).

Any model that has ``loss_gradient`` can be looked into: the loss "inner" is minus an activity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.contracts import Model
from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_vision.inspection.schedules import Stage

Floats = npt.NDArray[np.float32]
NOISE_MEAN, NOISE_SD = 200.0, 8.0
"""Of the noise that images start from."""

_LOW, _HIGH = (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)
_SHIFT = 123.68 - 103.939
_LEE2023_LOW, _LEE2023_HIGH = (_SHIFT, 0.0, -_SHIFT), (255 + _SHIFT, 255.0, 255 - _SHIFT)
"""Bounds in RGB when an image in BGR minus its mean is clipped by the mean in RGB (study A's slip)."""


class Maximised(NamedTuple):
    """Images (n, height, width, 3), activities (n, stages + 1) from the noise on, which images moved (n,)."""

    images: Floats
    activities: npt.NDArray[np.float64]
    moved: npt.NDArray[np.bool_]


def noise(size: tuple[int, int], rng: np.random.Generator) -> Floats:
    """The image that all units start from (height, width, 3)."""
    return rng.normal(NOISE_MEAN, NOISE_SD, (*size, 3)).astype(np.float32)


def maximise(
    model: Model,
    layer: str,
    targets: Floats,
    start: Floats,
    stages: Sequence[Stage],
    lee2023: bool = False,
    callback: Callable[[int, int, Array], None] | None = None,
) -> Maximised:
    """Change an image so that units respond more: ``x += step * g / mean|g|``, clip to 0..255, blur.

    Parameters
    ----------
    targets : (n, ...units): the inner product with the layer is what grows, for each of n images.
    start : (height, width, 3), RGB.
    lee2023 : study A's slips: step and blur at twice the values at the start of a stage
        (``Stage.at``), bounds of red and blue off by 20 levels, images cut to whole numbers between stages.
    callback : is given stage, iteration and activities (n,).
    """
    images = np.repeat(start[None].astype(np.float32), len(targets), axis=0)
    moved = np.zeros(len(targets), dtype=bool)
    activities = []
    for number, stage in enumerate(stages):
        for iteration in range(stage.iterations):
            values, gradient = _uphill(model, layer, targets, images)
            if iteration == 0:
                activities.append(values)
            if callback is not None:
                callback(number, iteration, values)
            sigma, step = stage.at(iteration, lee2023)
            images, change = advance(images, gradient, step, sigma, lee2023)
            moved |= change
        if lee2023:
            images = np.floor(np.clip(images, 0, 255))
    activities.append(_uphill(model, layer, targets, images)[0])
    return Maximised(images, np.stack(activities, axis=1), moved)


def advance(
    images: Floats, gradient: Array, step: float, sigma: float, lee2023: bool = False
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """One iteration; images without any gradient are not changed (but for the blur), which is said (n,)."""
    from scipy.ndimage import gaussian_filter

    size = np.abs(gradient).mean(axis=(1, 2, 3), dtype=np.float64)
    moving = size > 0
    factors = np.divide(step, size, out=np.zeros_like(size), where=moving)
    changed = images + (factors[:, None, None, None] * gradient).astype(np.float32)
    low, high = (_LEE2023_LOW, _LEE2023_HIGH) if lee2023 else (_LOW, _HIGH)
    changed = np.clip(changed, np.float32(low), np.float32(high))
    if sigma > 0:
        changed = gaussian_filter(changed, (0, sigma, sigma, 0))
    return changed, moving


def _uphill(
    model: Model, layer: str, targets: Floats, images: Floats
) -> tuple[npt.NDArray[np.float64], Array]:
    """Activities (n,) and their gradient."""
    found = model.loss_gradient(images, {layer: targets}, {layer: 1.0}, "inner")
    gradient = np.asarray(found.gradient)
    if not np.isfinite(gradient).all():
        raise DataError(f"activation maximisation: the gradient of {layer!r} holds NaN or infinity")
    return -np.asarray(found.losses, dtype=np.float64), -gradient
