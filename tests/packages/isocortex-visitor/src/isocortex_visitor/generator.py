"""A generator with its derivative."""

import numpy as np


class Squashed:
    """Sums of smooth random pictures, squashed into 0 to 255.

    Parameters
    ----------
    size : height and width of the images.
    latents : number of pictures that are mixed; one latent unit is the weight of one of them.
    """

    def __init__(self, size: int = 8, latents: int = 10) -> None:
        self.size = size
        self.latent_shape = (latents,)
        self.latent_bounds = (np.full(latents, -3.0), np.full(latents, 3.0))
        rng = np.random.default_rng(20190115)
        coarse = rng.normal(size=(latents, 3, 3, 3))
        blow_up = np.array([np.interp(np.linspace(0, 2, size), np.arange(3), one) for one in np.eye(3)])
        self.basis = np.einsum("lxyc,xh,yw->lhwc", coarse, blow_up, blow_up)

    def generate(self, latents):
        """Images (n, size, size, 3) of latents (n, latents)."""
        return 255 * self._squash(latents)

    def pullback(self, latents, image_gradient):
        """Gradient by the latents from the gradient by the images."""
        squashed = self._squash(latents)
        return np.einsum("nhwc,lhwc->nl", 255 * squashed * (1 - squashed) * image_gradient, self.basis)

    def _squash(self, latents):
        return 1 / (1 + np.exp(-np.einsum("nl,lhwc->nhwc", np.asarray(latents), self.basis)))
