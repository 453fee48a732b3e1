"""What images look like, as a loss of its own: p-norm and total variation (Mahendran & Vedaldi 2015; icnn).

Both are of images minus the mean, (n, height, width, 3), and are divided by the square of half the norm of an
image of random levels. (icnn draws that image anew each time; here its expected norm is taken.)
"""

from __future__ import annotations

import math

import numpy as np

from isocortex_reconstruction.algorithms.problem import Floats

_LEVEL = 255 * 511 / 6
"""Mean square of a whole number from 0 to 255."""


def scale(shape: tuple[int, ...]) -> float:
    """Square of half the norm of a random image of this shape (one image)."""
    return math.prod(shape) * _LEVEL / 4


def p_norm(images: Floats, p: float) -> tuple[Floats, Floats]:
    """Sum of |x| ** p for each image (n,), over ``scale``, and its gradient."""
    size = np.abs(images)
    losses = (size**p).sum(axis=(1, 2, 3))
    gradient = p * size ** (p - 1) * np.sign(images)
    return losses / scale(images.shape[1:]), gradient / scale(images.shape[1:])


def total_variation(images: Floats, beta: float) -> tuple[Floats, Floats]:
    """Sum of (dx ** 2 + dy ** 2) ** (beta / 2) over pixels and channels, over ``scale``, and its gradient.

    Differences are to the next row and column, zero at the last. Where an image is flat (a sum below 1e-5)
    the gradient is that of 1e-5, since the power may have none at zero.
    """
    down, right = np.zeros_like(images), np.zeros_like(images)
    down[:, :-1] = images[:, 1:] - images[:, :-1]
    right[:, :, :-1] = images[:, :, 1:] - images[:, :, :-1]
    variation = np.sqrt(down**2 + right**2) ** beta
    losses = variation.sum(axis=(1, 2, 3))
    factor = beta * np.maximum(variation, 1e-5) ** ((beta - 2) / beta)
    down *= factor
    right *= factor
    gradient = -down - right
    gradient[:, 1:] += down[:, :-1]
    gradient[:, :, 1:] += right[:, :, :-1]
    return losses / scale(images.shape[1:]), gradient / scale(images.shape[1:])
