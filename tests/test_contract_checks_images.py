"""The checks for plugin authors, for what makes and reads images: models, generators, reconstructors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from isocortex import testing
from isocortex.contracts import Gradient, Reconstruction

# --- models


class Linear:
    """Two layers, both linear; what a wrong one does differently is a method of its own."""

    layers: tuple[str, ...] = ("first", "second")
    image_size = (3, 3)
    slope = 1.0

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        self.matrices = {"first": rng.normal(size=(27, 5)), "second": rng.normal(size=(27, 4))}

    def features(self, images: Any, layers: Any) -> Any:
        flat = np.asarray(images).reshape(len(images), -1).astype(float)
        return {layer: flat @ self.matrices[layer] for layer in layers}

    def loss_gradient(
        self, images: Any, targets: Any, weights: Any, loss: str, masks: Any = None
    ) -> Gradient:
        found = self.features(images, list(targets))
        over = {layer: found[layer] - target for layer, target in targets.items()}
        by_layer = {layer: weights[layer] * (value**2).sum(axis=1) for layer, value in over.items()}
        flat = sum(2 * weights[layer] * value @ self.matrices[layer].T for layer, value in over.items())
        gradient = self.slope * np.reshape(flat, images.shape)
        return Gradient(np.sum(list(by_layer.values()), axis=0), by_layer, gradient)


class ByPosition(Linear):
    def features(self, images: Any, layers: Any) -> Any:
        return dict(zip(layers, super().features(images, self.layers).values(), strict=False))


class NormalisesBatch(Linear):
    def features(self, images: Any, layers: Any) -> Any:
        return super().features(images - images.mean(axis=0), layers)


class WrongGradient(Linear):
    slope = 0.5


class NoGradient(Linear):
    slope = 0.0


class IgnoresWeights(Linear):
    def loss_gradient(self, images: Any, targets: Any, weights: Any, *rest: Any, **more: Any) -> Gradient:
        return super().loss_gradient(images, targets, dict.fromkeys(targets, 1.0), *rest, **more)


class OneLoss(Linear):
    def loss_gradient(self, *given: Any, **more: Any) -> Gradient:
        found = super().loss_gradient(*given, **more)
        return found._replace(losses=found.losses.sum())


class FlatGradient(Linear):
    def loss_gradient(self, *given: Any, **more: Any) -> Gradient:
        found = super().loss_gradient(*given, **more)
        return found._replace(gradient=found.gradient.reshape(len(found.gradient), -1))


class ForgetsLayers(Linear):
    def loss_gradient(self, *given: Any, **more: Any) -> Gradient:
        return super().loss_gradient(*given, **more)._replace(by_layer={})


class Twice(Linear):
    layers = ("first", "first")


class NoSize:
    layers = ("first",)
    features = loss_gradient = print


def test_good_models() -> None:
    testing.check_model(Linear())
    testing.check_model(Linear(), np.random.default_rng(2).uniform(0, 255, (1, 3, 3, 3)))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (ByPosition, "depends on the order asked for"),
        (NormalisesBatch, "depends on the other images"),
        (WrongGradient, "the loss changes by"),
        (NoGradient, "gradient is zero"),
        (IgnoresWeights, "losses must be proportional to the weights"),
        (OneLoss, "one loss an image"),
        (FlatGradient, "shape of the images"),
        (ForgetsLayers, "name the target layers"),
        (Twice, "each once"),
        (NoSize, "no 'image_size'"),
    ],
)
def test_wrong_models(model: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        testing.check_model(model())


# --- generators


class Sine:
    latent_shape = (4,)
    latent_bounds: Any = (-np.ones(4), np.ones(4))

    def __init__(self) -> None:
        self.basis = np.random.default_rng(0).normal(size=(4, 2, 5, 3))

    def generate(self, latents: Any) -> Any:
        return np.sin(np.tensordot(latents, self.basis, 1))

    def pullback(self, latents: Any, image_gradient: Any) -> Any:
        slope = np.cos(np.tensordot(latents, self.basis, 1)) * image_gradient
        return np.tensordot(slope, self.basis, ((1, 2, 3), (1, 2, 3)))


class NoChainRule(Sine):
    def pullback(self, latents: Any, image_gradient: Any) -> Any:
        return np.tensordot(image_gradient, self.basis, ((1, 2, 3), (1, 2, 3)))


class Grey(Sine):
    def generate(self, latents: Any) -> Any:
        return super().generate(latents)[..., :1]


class Summed(Sine):
    def pullback(self, *given: Any) -> Any:
        return super().pullback(*given).sum(axis=0)


class UpsideDown(Sine):
    latent_bounds = (np.ones(4), -np.ones(4))


class Unbounded(Sine):
    latent_bounds = None


def test_good_generators() -> None:
    testing.check_generator(Sine())
    testing.check_generator(Unbounded())


@pytest.mark.parametrize(
    ("generator", "message"),
    [
        (NoChainRule(), "pullback says"),
        (Grey(), "expected .*, 3"),
        (Summed(), "pullback gave shape"),
        (UpsideDown(), "lower bound"),
        (Sine, "not the class"),
    ],
)
def test_wrong_generators(generator: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        testing.check_generator(generator)


# --- reconstructors


class Walk:
    iterations, calls = 3, 3

    def start(self, rng: Any, shape: Any) -> Any:
        return rng.uniform(0, 255, shape)

    def reconstruct(
        self, targets: Any, model: Any, generator: Any = None, *, rng: Any, callback: Any = None
    ) -> Reconstruction:
        images = self.start(rng, (len(next(iter(targets.values()))), *model.image_size, 3))
        losses = np.ones((len(images), self.iterations))
        for iteration in range(self.calls):
            callback(iteration, losses[:, iteration], lambda: images)
        return Reconstruction(images, losses, None)


class Unseeded(Walk):
    def start(self, rng: Any, shape: Any) -> Any:
        return np.random.default_rng().uniform(0, 255, shape)


class Mute(Walk):
    calls = 0


class OneImage(Walk):
    def start(self, rng: Any, shape: Any) -> Any:
        return super().start(rng, shape)[0]


def test_a_good_reconstructor() -> None:
    testing.check_reconstructor(Walk(), Linear())
    testing.check_reconstructor(Walk(), Linear(), Sine())


@pytest.mark.parametrize(
    ("reconstructor", "message"),
    [
        (Unseeded(), "one seed gave two results"),
        (Mute(), "0 callbacks for 3 iterations"),
        (OneImage(), "images of shape"),
        (object(), "no 'reconstruct'"),
    ],
)
def test_wrong_reconstructors(reconstructor: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        testing.check_reconstructor(reconstructor, Linear())
