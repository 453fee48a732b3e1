"""A reconstructor: from target features to images, through a generator where there is one."""

import numpy as np
from isocortex.contracts import Reconstruction


class Descent:
    """Gradient descent with steps of a fixed length, each image by itself.

    Parameters
    ----------
    iterations : number of steps.
    length : root mean square change of a pixel (or latent unit) in the first step; it shrinks to zero.
    """

    def __init__(self, iterations: int = 30, length: float = 8.0) -> None:
        self.iterations = iterations
        self.length = length

    def reconstruct(self, targets, model, generator=None, *, rng, callback=None):
        """Find images whose features come close to the targets (layer -> (n, ...units))."""
        weights = {layer: 1 / np.square(values).sum().clip(1e-9) for layer, values in targets.items()}
        state = self._start(len(next(iter(targets.values()))), model, generator, rng)
        low, high = (0.0, 255.0) if generator is None else generator.latent_bounds or (-np.inf, np.inf)
        scale = 1.0 if generator is None else 1 / 64
        losses = []
        for iteration in range(self.iterations):
            found = model.loss_gradient(_images(state, generator), targets, weights, "l2")
            slope = found.gradient if generator is None else generator.pullback(state, found.gradient)
            length = scale * self.length * (1 - iteration / self.iterations)
            state = np.clip(state - length * _normalised(slope), low, high)
            losses.append(found.losses)
            if callback is not None:
                callback(iteration, found.losses, lambda now=state: _images(now, generator))
        latents = None if generator is None else state
        return Reconstruction(_images(state, generator), np.stack(losses, axis=1), latents)

    def _start(self, count, model, generator, rng):
        if generator is None:
            return rng.uniform(96, 160, (count, *model.image_size, 3))
        return rng.normal(scale=0.1, size=(count, *generator.latent_shape))


def _images(state, generator):
    return state if generator is None else generator.generate(state)


def _normalised(slope):
    """Each image's gradient at a root mean square of 1; a gradient of zero stays zero."""
    axes = tuple(range(1, slope.ndim))
    size = np.sqrt(np.square(slope).mean(axis=axes, keepdims=True))
    return np.divide(slope, size, out=np.zeros_like(slope), where=size > 0)
