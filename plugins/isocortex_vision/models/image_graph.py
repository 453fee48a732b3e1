"""A network behind the preparation of its images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from isocortex.data.base import Array
from isocortex_vision._tensorflow import tf
from isocortex_vision.networks.architecture import Architecture
from isocortex_vision.networks.chain import Chain
from isocortex_vision.networks.graph import NetworkGraph, preprocess
from isocortex_vision.networks.objective import Goal
from isocortex_vision.networks.precision import Precision
from isocortex_vision.networks.resizing import Resampling
from isocortex_vision.weights.stored import Preprocessing


class ImageGraph:
    """RGB images of 0 to 255 and any size in, activities out (a ``Forward``)."""

    def __init__(
        self,
        architecture: Architecture,
        parameters: Mapping[str, tuple[Array, Array]],
        preprocessing: Preprocessing,
        size: tuple[int, int],
        precision: Precision,
        resampling: Resampling = "bilinear",
    ) -> None:
        self.network = NetworkGraph(architecture, parameters, precision)
        self.preprocessing = preprocessing
        self.size = size
        self._resampling = resampling
        self._dtype = tf.float64 if precision == "float64" else tf.float32

    def prepare(self, wanted: Sequence[str], many: bool = False) -> None:
        """Read the weights that the wanted layers need."""
        self.network.prepare(wanted, many)

    def __call__(self, images: Any, wanted: Sequence[str], many: bool = False) -> dict[str, Any]:
        """Activities of the wanted layers, in forward order."""
        return self.network(self.prepared(images), wanted, many)

    def prepared(self, images: Any) -> Any:
        """What the network takes, of RGB images of 0 to 255."""
        return preprocess(images, self.preprocessing, self.size, self._dtype, self._resampling)

    def comparing(self, goals: Mapping[str, Goal], loss: str) -> Chain:
        """Function of prepared images that gives losses by layer, and the gradient of their sum."""
        return Chain(self.network, goals, loss)
