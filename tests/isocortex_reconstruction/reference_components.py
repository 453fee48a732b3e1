"""The reference's network and generator as isocortex's components, and its images as isocortex's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import reference_inversion as ri
from reference import VGG16, Weights, vgg_weights

from isocortex.contracts import Gradient

MEAN = (121.0, 114.5, 105.25)
"""RGB; not study B's, which is taken where a model does not say its own."""
SIDE = 32
LAYERS = ("conv1_1", "conv2_2", "conv3_3", "conv5_3", "fc6", "fc8")
MAPS = LAYERS[:4]


def doubled(weights: Weights) -> Weights:
    return {
        name: (kernel.astype(np.float64), bias.astype(np.float64)) for name, (kernel, bias) in weights.items()
    }


def small_network(slope: float = 0.0, average: bool = False) -> ri.Network:
    return ri.Network(VGG16, doubled(vgg_weights(VGG16, SIDE, 1 / 16, 12)), slope, average)


def rgb(image: Any) -> Any:
    """(3, h, w), BGR minus the mean -> (h, w, 3), RGB."""
    return image.transpose(1, 2, 0)[..., ::-1] + np.array(MEAN)


def bgr(image: Any) -> Any:
    return (image - np.array(MEAN))[..., ::-1].transpose(2, 0, 1)


def last(values: Any) -> Any:
    """Channels last."""
    return np.moveaxis(values, 0, -1) if np.ndim(values) == 3 else values


def first(values: Any) -> Any:
    return np.moveaxis(values, -1, 0) if np.ndim(values) == 3 else values


def batch(targets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Targets of several images as isocortex takes them: layer -> (n, ...units), channels last."""
    return {name: np.stack([last(target[name]) for target in targets]) for name in targets[0]}


class NumpyModel:
    """A model that is the reference's network; ``seen`` are the images that were evaluated."""

    image_mean = MEAN
    precision = "float64"

    def __init__(self, network: ri.Network, side: int = SIDE) -> None:
        self.network, self.image_size = network, (side, side)
        self.layers = tuple(network.forward(np.zeros((1, 3, side, side))))
        self.seen: list[Any] = []

    def features(self, images: Any, layers: Sequence[str]) -> dict[str, Any]:
        return batch([self.network.layers_of(bgr(image), layers) for image in images])

    def loss_gradient(
        self, images: Any, targets: Any, weights: Any, loss: str, masks: Any = None
    ) -> Gradient:
        self.seen.append(np.array(images))
        count = len(images)
        parts, gradients = [], []
        for row, image in enumerate(images):
            aim = {name: first(target[row]) for name, target in targets.items()}
            factors = {name: float(np.broadcast_to(weights[name], count)[row]) for name in aim}
            shades = {name: first(_of(mask, targets[name], row)) for name, mask in (masks or {}).items()}
            objective = ri.Objective(self.network, aim, loss, factors, shades)
            _, by_layer, gradient = objective(bgr(np.asarray(image, dtype=np.float64)))
            parts.append(by_layer)
            gradients.append(gradient.transpose(1, 2, 0)[..., ::-1])
        by_layer = {name: np.array([part[name] for part in parts]) for name in targets}
        return Gradient(np.sum(list(by_layer.values()), axis=0), by_layer, np.stack(gradients))


def _of(mask: Any, target: Any, row: int) -> Any:
    return mask if np.shape(mask) == target.shape[1:] else np.broadcast_to(mask, target.shape)[row]


class NumpyGenerator:
    """A generator that is one of the reference's."""

    image_size = (SIDE, SIDE)

    def __init__(self, generator: Any, latent: int, upper: Any = None) -> None:
        self.generator, self.latent_shape = generator, (latent,)
        self.latent_bounds = None if upper is None else (np.zeros(latent), np.broadcast_to(upper, latent))

    def generate(self, latents: Any) -> Any:
        return np.stack([rgb(self.generator.forward(np.asarray(code))) for code in latents])

    def pullback(self, latents: Any, image_gradient: Any) -> Any:
        return np.stack(
            [
                self.generator.pulled_back(np.asarray(code), over[..., ::-1].transpose(2, 0, 1))
                for code, over in zip(latents, image_gradient, strict=True)
            ]
        )
