"""Random weights, to test with and to train from."""

from __future__ import annotations

import math

import numpy as np

from isocortex.data.base import Array
from isocortex_vision.networks.architecture import Architecture, Deconv, WithWeights, kernel_shape
from isocortex_vision.weights.stored import Preprocessing, StoredWeights

CAFFE = Preprocessing("BGR", (103.939, 116.779, 123.68))
"""What the published VGG nets were trained on."""


def random_weights(
    architecture: Architecture, seed: int, preprocessing: Preprocessing = CAFFE
) -> StoredWeights:
    """Draw normal kernels of variance 2 / inputs (He et al. 2015); biases are small, none is zero."""
    rng = np.random.default_rng(seed)
    layers: dict[str, tuple[Array, Array | None]] = {}
    for stage in architecture.stages():
        layer = stage.layer
        if not isinstance(layer, WithWeights):
            continue
        shape = kernel_shape(stage)
        inputs, units = math.prod(shape[:-1]), shape[-1]
        if isinstance(layer, Deconv):
            inputs, units = math.prod(shape) // (shape[2] * layer.stride**2), shape[2]
        kernel = rng.standard_normal(shape, dtype=np.float32) * np.float32(math.sqrt(2 / inputs))
        layers[layer.name] = kernel, rng.standard_normal(units, dtype=np.float32) * np.float32(0.1)
    return StoredWeights(layers, "tensorflow", preprocessing, f"random weights of seed {seed}")
