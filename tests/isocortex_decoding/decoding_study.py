"""A small simulated decoding study: features, categories, and what subjects' brains decode of them."""

from __future__ import annotations

import numpy as np

from isocortex.data import Collected, Decoded, Features

LAYERS = {"conv1_1": (3, 4, 4), "conv5_1": (40,), "fc6": (25,)}


def features(n: int = 12, categories: int = 4, seed: int = 0, first: str = "test") -> Features:
    """Features of n stimuli; those of a category resemble each other."""
    rng = np.random.default_rng(seed)
    kinds = [f"kind{k % categories}" for k in range(n)]
    layers = {}
    for layer, shape in LAYERS.items():
        common = np.random.default_rng(sum(map(ord, layer))).normal(size=(categories, *shape))
        layers[layer] = (common[np.arange(n) % categories] + rng.normal(size=(n, *shape))).astype(np.float32)
    return Features(layers, tuple(f"{first}{k}" for k in range(n)), tuple(kinds), "net")


def decoded_of(true: Features, noise: float, seed: int, subject: str = "", roi: str = "") -> Decoded:
    """Features with noise, in another order than the true ones."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(true.n_samples)
    layers = {
        name: (values[order] + noise * rng.normal(size=values.shape)).astype(np.float32)
        for name, values in true.layers.items()
    }
    stimuli = tuple(true.stimuli[row] for row in order)
    return Decoded(layers, stimuli, subject=subject, roi=roi, averaged=(24,) * len(stimuli))


def study(true: Features, noise: dict[str, float], subjects: int = 3) -> Collected[Decoded]:
    """Several subjects, with noise by ROI."""
    items = {
        (f"S{k}", roi): decoded_of(true, level, 100 * k + len(roi), f"S{k}", roi)
        for k in range(subjects)
        for roi, level in noise.items()
    }
    return Collected(items, ("subject", "roi"))


def pictures(n: int, size: int = 96, seed: int = 0) -> np.ndarray:
    """Smooth random pictures with edges, uint8."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    noise = gaussian_filter(rng.normal(size=(n, size, size, 3)), (0, 6, 6, 0)) * 900 + 128
    noise += 60 * (gaussian_filter(rng.normal(size=(n, size, size, 1)), (0, 10, 10, 0)) > 0)
    return np.clip(noise, 0, 255).astype(np.uint8)
