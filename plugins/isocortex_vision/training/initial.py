"""The weights that a training starts from: a file's, and drawn ones for the layers that it does not have."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DataError, suggestion
from isocortex_vision.models.weights import PreprocessingName, preprocessing_of, stored_weights
from isocortex_vision.networks.architecture import Architecture, Stage, WithWeights, kernel_shape
from isocortex_vision.networks.parameters import Parameters
from isocortex_vision.networks.random_weights import CAFFE
from isocortex_vision.weights.stored import Preprocessing, StoredWeights

Initialisation = Literal["he", "xavier"]
Weights = dict[str, tuple[Array, Array]]


class Start(NamedTuple):
    """Layer -> kernel and bias (float32), how images are prepared, and where each layer comes from."""

    weights: Weights
    preprocessing: Preprocessing
    origins: Mapping[str, str]


def starting_weights(
    architecture: Architecture,
    weights: Path | None,
    seed: int,
    new_layers: Sequence[str] = (),
    initialisation: Initialisation = "he",
    preprocessing: PreprocessingName = "as_stored",
    mean: tuple[float, float, float] | None = None,
) -> Start:
    """Read the layers that a file has and draw the others; without a file all are drawn.

    Parameters
    ----------
    new_layers : drawn even if the file has them (a classifier of other classes).
    initialisation : "he": normal of variance 2 / inputs (He et al. 2015); "xavier": uniform of variance
        2 / (inputs + outputs) (Glorot & Bengio 2010; what study A's new layers start from). Biases are 0.
    """
    stages = {s.layer.name: s for s in architecture.stages() if isinstance(s.layer, WithWeights)}
    for name in new_layers:
        if name not in stages:
            raise DataError(f"training: new_layers names {name!r}; {suggestion(name, stages, 'layers')}")
    stored = StoredWeights({}, "tensorflow", CAFFE, "no file")
    if weights is not None:
        stored = stored_weights(architecture, weights, seed)
    parameters = Parameters(architecture, stored)
    found: Weights = {}
    origins = {}
    for name, stage in stages.items():
        if name in stored.layers and name not in new_layers:
            kernel, bias = _stored(parameters, name)
            origins[name] = stored.origin
        else:
            kernel, bias = drawn(stage, seed, initialisation)
            origins[name] = initialisation
        found[name] = kernel.astype(np.float32), bias.astype(np.float32)
    return Start(found, preprocessing_of(stored, preprocessing, mean), origins)


def drawn(stage: Stage, seed: int, initialisation: Initialisation) -> tuple[Array, Array]:
    """Draw a layer's kernel from its own stream of random numbers; its bias is 0."""
    shape = kernel_shape(stage)
    inputs, outputs = math.prod(shape[:-1]), math.prod((*shape[:-2], shape[-1]))
    rng = np.random.default_rng([seed, zlib.crc32(stage.layer.name.encode())])
    if initialisation == "he":
        kernel = rng.standard_normal(shape, dtype=np.float32) * np.float32(math.sqrt(2 / inputs))
    else:
        limit = math.sqrt(6 / (inputs + outputs))
        kernel = (rng.random(shape, dtype=np.float32) * 2 - 1) * np.float32(limit)
    return kernel, np.zeros(shape[-1], dtype=np.float32)


def _stored(parameters: Parameters, name: str) -> tuple[Array, Array]:
    try:
        return parameters[name]
    except DataError as error:
        raise DataError(f"{error}; to draw it anew, name it in new_layers") from None
