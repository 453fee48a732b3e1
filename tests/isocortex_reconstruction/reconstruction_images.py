"""Stimuli, reconstructions of them that are noisy and in another order, by subject, and a small model."""

from __future__ import annotations

import numpy as np

from isocortex.data import Collected, Images
from isocortex_reconstruction.evaluation.resizing import resized


def stimuli(n: int = 8, size: tuple[int, int] = (16, 14), categories: int = 4, seed: int = 0) -> Images:
    """Random blocks of colour, uint8; those of a category have one tint."""
    rng = np.random.default_rng(seed)
    tint = rng.integers(-40, 40, (categories, 1, 1, 3))[np.arange(n) % categories]
    blocks = rng.integers(40, 216, (n, -(-size[0] // 4), -(-size[1] // 4), 3)) + tint
    values = blocks.repeat(4, axis=1).repeat(4, axis=2)[:, : size[0], : size[1]].astype(np.uint8)
    kinds = tuple(f"kind{k % categories}" for k in range(n))
    return Images(values, tuple(f"image{k}" for k in range(n)), kinds)


def noisy(originals: Images, noise: float, seed: int = 0, dtype: type = np.float32) -> Images:
    """Reconstructions in an order of their own, some levels beyond 0 to 255."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(originals))
    values = originals.values[order] + noise * rng.normal(size=originals.values.shape)
    if dtype is np.uint8:
        values = np.clip(np.rint(values), 0, 255)
    return Images(values.astype(dtype), tuple(originals.stimuli[row] for row in order))


def study(originals: Images, noise: dict[str, float], subjects: int = 3) -> Collected[Images]:
    """Several subjects, with noise by ROI."""
    return Collected(
        {
            (f"S{k}", roi): noisy(originals, level, 100 * k + len(roi))
            for k in range(subjects)
            for roi, level in noise.items()
        },
        ("subject", "roi"),
    )


class Pooled:
    """A model of two layers: pixels of a quarter of the size, and their means by channel, squared."""

    layers = ("conv1", "fc2")
    image_size = (4, 3)
    calls: list[int]

    def __init__(self) -> None:
        self.calls = []

    def features(self, images: np.ndarray, layers: list[str]) -> dict[str, np.ndarray]:
        self.calls.append(len(images))
        small = resized(np.asarray(images, np.float32), self.image_size, "bilinear")
        every = {"conv1": small, "fc2": small.reshape(len(small), -1)[:, ::5] ** 2 / 255}
        return {name: every[name] for name in layers}

    def loss_gradient(self, *_: object, **__: object) -> None:
        raise NotImplementedError
