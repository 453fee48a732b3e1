"""A network and a generator in numpy, small enough that a reconstruction takes no time."""

from __future__ import annotations

from typing import Any

import numpy as np

from isocortex.contracts import Gradient


class Net:
    """Two layers on images of ``size`` pixels: ``fc1`` is linear in them, ``fc2`` follows a rectifier."""

    layers = ("fc1", "fc2")
    image_mean = (120.0, 110.0, 100.0)

    def __init__(self, size: int = 4, units: int = 40, seed: int = 0) -> None:
        self.image_size = (size, size)
        rng = np.random.default_rng(seed)
        pixels = size * size * 3
        self.first = rng.normal(size=(pixels, units)) / pixels**0.5
        self.second = rng.normal(size=(units, 12)) / units**0.5
        self.calls = 0

    def _run(self, images: Any) -> dict[str, Any]:
        rows = np.asarray(images, dtype=np.float64).reshape(len(images), -1) / 255
        fc1 = rows @ self.first
        return {"fc1": fc1, "fc2": np.maximum(fc1, 0) @ self.second}

    def features(self, images: Any, layers: Any) -> dict[str, Any]:
        found = self._run(images)
        return {name: found[name] for name in layers}

    def loss_gradient(
        self, images: Any, targets: Any, weights: Any, loss: str = "l2", masks: Any = None
    ) -> Gradient:
        assert loss == "l2"
        self.calls += 1
        found, by_layer, slopes = self._run(images), {}, {}
        for name, target in targets.items():
            mask = (masks or {}).get(name, 1.0)
            difference = found[name] - target
            by_layer[name] = weights[name] * (mask * difference**2).sum(axis=1)
            slopes[name] = 2 * weights[name] * mask * difference
        into = slopes.get("fc1", 0.0)
        if "fc2" in slopes:
            into = into + (slopes["fc2"] @ self.second.T) * (found["fc1"] > 0)
        gradient = (into @ self.first.T / 255).reshape(np.shape(images))
        return Gradient(sum(by_layer.values()), by_layer, gradient)


class Mixer:
    """Images that are linear in latents, between bounds."""

    def __init__(self, size: int = 4, latents: int = 6) -> None:
        self.latent_shape = (latents,)
        self.latent_bounds = (np.zeros(latents), np.full(latents, 3.0))
        self.image_size = (size, size)
        self.basis = np.random.default_rng(7).normal(size=(latents, size, size, 3)) * 30

    def generate(self, latents: Any) -> Any:
        return 110 + np.einsum("nl,lhwc->nhwc", latents, self.basis)

    def pullback(self, latents: Any, image_gradient: Any) -> Any:
        return np.einsum("nhwc,lhwc->nl", image_gradient, self.basis)


def pictures(count: int, size: int = 4, seed: int = 1) -> Any:
    """Random pictures well inside of 0 to 255."""
    return np.random.default_rng(seed).uniform(40, 215, (count, size, size, 3))
