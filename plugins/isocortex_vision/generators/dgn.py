"""The deep generator network of Dosovitskiy & Brox 2016: codes of a CNN's fc7 in, images out."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex.pipeline.settings import InputFile
from isocortex_vision.generators.act_range import latent_range
from isocortex_vision.models.weights import stored_weights
from isocortex_vision.networks.dgn import dgn
from isocortex_vision.networks.parameters import Parameters, fitted
from isocortex_vision.networks.precision import Precision, in_precision
from isocortex_vision.weights.stored import Preprocessing

SIDE = 256
"""Height and width of what the network makes, before the crop."""


class DGN:
    """Generator for fc7 codes: 3 fully connected and 9 transposed convolution layers, slope 0.3 below zero.

    Its output is an image in BGR minus the mean; ``generate`` adds the mean and gives RGB, not clipped. With
    the mean of the model that looks at it nothing is added or taken on the way (Shen et al. 2019).

    Parameters
    ----------
    weights : a ``.caffemodel`` (fc7 of release_deepsim_v0), or any other format; without it random ones.
    latent_bounds : an ``act_range`` text file of as many numbers as a code has units (study B:
        ``act_range/3x/fc7.txt``), the upper bounds; the lower ones are 0. Without it there are none.
    mean : what is added, in RGB; default the channel means of ilsvrc_2012_mean.npy (study B).
    crop : height and width of the middle part that is kept (224); None keeps all 256.
    latent, width : units of a code, and factor on the numbers of filters and units, for small machines.
    precision : "float32", "bfloat16" or "float64".
    seed : of random weights.
    """

    def __init__(
        self,
        weights: InputFile | None = None,
        latent_bounds: InputFile | None = None,
        mean: tuple[float, float, float] = (122.679, 116.669, 104.007),
        crop: int | None = 224,
        latent: int = 4096,
        width: float = 1.0,
        precision: Precision = "float32",
        seed: int = 0,
    ) -> None:
        if crop is not None and not 1 <= crop <= SIDE:
            raise DataError(f"dgn: crop is {crop}; it can be from 1 to {SIDE} pixels")
        table = dgn(width, latent)
        stored = stored_weights(table, weights, seed)
        self.architecture = fitted(table, stored)
        if self.architecture != table:
            last = self.architecture.layers[-1].name
            raise DataError(f"{stored.origin}: has no weights for the layers of the generator after {last}")
        self.parameters = Parameters(table, stored)
        self.latent_shape = (latent,)
        self.latent_bounds = None if latent_bounds is None else latent_range(latent_bounds, latent)
        self.mean = mean
        self.precision = precision
        self._crop = SIDE if crop is None else crop

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the images."""
        return self._crop, self._crop

    def generate(self, latents: Array) -> Array:
        """Make RGB images (n, height, width, 3), 0 to 255 but not clipped, from codes (n, latent)."""
        return np.asarray(self._functions.generate(self.codes(latents)))

    def pullback(self, latents: Array, image_gradient: Array) -> Array:
        """Carry a gradient over the images (n, height, width, 3) back to the codes (n, latent)."""
        codes, gradient = self.codes(latents), np.asarray(image_gradient, dtype=self._dtype)
        expected = (len(codes), *self.image_size, 3)
        if gradient.shape != expected:
            raise DataError(f"dgn: the gradient has the shape {gradient.shape}, the images {expected}")
        return np.asarray(self._functions.pullback(codes, gradient))

    @property
    def _dtype(self) -> Any:
        return np.float64 if self.precision == "float64" else np.float32

    def codes(self, latents: Array) -> Array:
        """Check codes, (n, latent); they are of the type that is computed with."""
        codes = np.asarray(latents, dtype=self._dtype)
        if codes.ndim != 2 or codes.shape[1:] != self.latent_shape:
            raise DataError(f"dgn: expected codes of shape (n, {self.latent_shape[0]}), got {codes.shape}")
        if not np.isfinite(codes).all():
            raise DataError("dgn: codes hold NaN or infinity")
        return codes

    def with_precision(self, precision: Precision) -> DGN:
        """Give this generator, with the same weights, in another precision."""
        return in_precision(self, precision)

    def tensorflow_source(self) -> Any:
        """The graph, for a model that joins it with its own (``TensorFlowModel.objective``)."""
        return self._functions

    @cached_property
    def _functions(self) -> Any:
        from isocortex_vision.generators.graph import GeneratorFunctions

        return GeneratorFunctions(
            self.architecture,
            self.parameters,
            Preprocessing("BGR", self.mean[::-1]),
            self._crop,
            self.precision,
        )
