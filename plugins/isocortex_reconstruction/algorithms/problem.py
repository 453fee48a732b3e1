"""What is minimised: pixels or latents in, losses and their gradient out, whatever the model is made with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from isocortex.contracts import Generator, Gradient, Model
from isocortex.data.base import Array
from isocortex.errors import DataError, PluginError

Floats = npt.NDArray[np.float64]
Evaluate = Callable[[Floats], Gradient]
"""States (n, ...) -> losses (n,), losses by layer, gradient as the states."""

WHITE = 255.0


class Goal(NamedTuple):
    """Target features, their weights (n,) by layer, the loss and masks (see ``Model.loss_gradient``)."""

    targets: Mapping[str, Array]
    weights: Mapping[str, Floats]
    loss: str
    masks: Mapping[str, Array]


class Problem(Protocol):
    """A space to search in: the shape of a state, its bounds, and what a state is worth."""

    shape: tuple[int, ...]
    low: Floats | None
    high: Floats | None

    def evaluate(self, states: Floats) -> Gradient:
        """Losses and gradient of states (n, *shape)."""
        ...

    def images(self, states: Floats) -> Array:
        """Images (n, height, width, 3) of states, RGB of 0 to 255, not clipped."""
        ...


class Pixels:
    """States are images minus the mean image: what decays or blurs goes to the mean, as in the original.

    ``mean`` is the mean level of the channels (RGB). Bounds are black and white.
    """

    def __init__(self, model: Model, goal: Goal, mean: tuple[float, float, float]) -> None:
        self.shape = (*model.image_size, 3)
        self.mean = np.asarray(mean, dtype=np.float64)
        self.low: Floats | None = np.broadcast_to(-self.mean, self.shape)
        self.high: Floats | None = np.broadcast_to(WHITE - self.mean, self.shape)
        self._objective = fused(model, None, goal) or chained(model, None, goal)

    def images(self, states: Floats) -> Array:
        """Add the mean."""
        return states + self.mean

    def evaluate(self, states: Floats) -> Gradient:
        """Losses and gradient by the pixels."""
        return self._objective(self.images(states))


class Latents:
    """States are latents of a generator, within its bounds."""

    def __init__(self, model: Model, generator: Generator, goal: Goal) -> None:
        self.shape = tuple(generator.latent_shape)
        self.low = self.high = None
        if generator.latent_bounds is not None:
            self.low, self.high = (
                np.broadcast_to(np.asarray(bound, dtype=np.float64), self.shape)
                for bound in generator.latent_bounds
            )
        self._generator = generator
        self._objective = fused(model, generator, goal) or chained(model, generator, goal)

    def images(self, states: Floats) -> Array:
        """Generate."""
        return np.asarray(self._generator.generate(states))

    def evaluate(self, states: Floats) -> Gradient:
        """Losses and gradient by the latents."""
        return self._objective(states)


def fused(model: Model, generator: Generator | None, goal: Goal) -> Evaluate | None:
    """One callable for the whole way, where the model offers it and knows the generator."""
    make: Any = getattr(model, "objective", None)
    if make is None:
        return None
    return make(generator, goal.targets, goal.weights, goal.loss, dict(goal.masks) or None)


def chained(model: Model, generator: Generator | None, goal: Goal) -> Evaluate:
    """Generate, differentiate the model, pull the gradient back: what each contract offers by itself."""
    of_images = fused(model, None, goal) or _one_by_one(model, goal)
    if generator is None:
        return of_images
    made = generator

    def objective(states: Floats) -> Gradient:
        found = of_images(np.asarray(made.generate(states)))
        return found._replace(gradient=np.asarray(made.pullback(states, found.gradient)))

    return objective


def _one_by_one(model: Model, goal: Goal) -> Evaluate:
    """Ask for each image by itself: the contract knows one weight a layer, and images differ in theirs."""

    def objective(images: Array) -> Gradient:
        found = []
        for row in range(len(images)):
            targets = {name: values[row : row + 1] for name, values in goal.targets.items()}
            weights = {name: float(values[row]) for name, values in goal.weights.items()}
            masks = dict(goal.masks) or None
            found.append(model.loss_gradient(images[row : row + 1], targets, weights, goal.loss, masks))
        by_layer = {
            name: np.concatenate([np.reshape(part.by_layer[name], 1) for part in found])
            for name in goal.targets
        }
        return Gradient(
            np.concatenate([np.reshape(part.losses, 1) for part in found]),
            by_layer,
            np.concatenate([np.asarray(part.gradient) for part in found]),
        )

    return objective


def require_generated(generator: Generator, model: Model, resize: bool) -> None:
    """Raise when images of a generator do not have the size that the model looks at."""
    size = tuple(getattr(generator, "image_size", ())) or None
    if size is None:
        made = np.asarray(generator.generate(np.zeros((1, *generator.latent_shape))))
        if made.ndim != 4 or made.shape[0] != 1 or made.shape[3] != 3:
            raise PluginError(f"the generator gave images of shape {made.shape} for one latent")
        size = made.shape[1:3]
    wanted = tuple(model.image_size)
    if size != wanted and not resize:
        raise DataError(
            f"the generator makes images of {size[0]} x {size[1]} pixels and the model looks at "
            f"{wanted[0]} x {wanted[1]}; crop them (crop: {wanted[0]}), or say resize_generated: true"
        )
