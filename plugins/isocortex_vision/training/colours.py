"""The principal components of pixels' colours, along which objects are tinted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isocortex_vision.training.pools import Pool

Floats = npt.NDArray[np.float64]
_AT_ONCE = 64


def colour_components(pool: Pool) -> Floats:
    """Principal components (3, 3) of a pool's pixels, one a column, each as long as its standard deviation.

    Krizhevsky et al. 2012 add components times a normal number (SD 0.1) times the eigenvalue. An eigenvalue
    is a variance, in squared levels: on the scale 0 to 255 that would drown every picture. Here the standard
    deviation, its root, takes its place, so a tint is about a tenth of how much colours vary.
    """
    count, total, products = 0, np.zeros(3), np.zeros((3, 3))
    for start in range(0, len(pool), _AT_ONCE):
        pixels = pool.take(np.arange(start, min(start + _AT_ONCE, len(pool)))).reshape(-1, 3)
        pixels = pixels.astype(np.float64) - 127.5
        count += len(pixels)
        total += pixels.sum(axis=0)
        products += pixels.T @ pixels
    if count < 2:
        return np.zeros((3, 3))
    mean = total / count
    values, vectors = np.linalg.eigh((products - count * np.outer(mean, mean)) / (count - 1))
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(3)]
    return np.asarray(vectors * np.sign(largest) * np.sqrt(np.maximum(values, 0)))
