"""A Keras network behind the preparation of its images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from isocortex_vision._tensorflow import tf
from isocortex_vision.networks.graph import preprocess
from isocortex_vision.networks.objective import Goal, compared
from isocortex_vision.weights.stored import Preprocessing


class KerasGraph:
    """RGB images of 0 to 255 and any size in, activities out (a ``Forward``)."""

    def __init__(
        self, network: Any, tensors: Mapping[str, Any], preprocessing: Preprocessing, size: tuple[int, int]
    ) -> None:
        self._network, self._tensors = network, tensors
        self.preprocessing, self.size = preprocessing, size
        self._parts: dict[tuple[str, ...], Any] = {}

    def prepare(self, wanted: Sequence[str], many: bool = False) -> None:
        """Cut out the part of the network that the wanted layers need."""
        key = tuple(wanted)
        if key not in self._parts:
            outputs = [self._tensors[name] for name in key]
            self._parts[key] = tf.keras.Model(self._network.inputs, outputs)

    def __call__(self, images: Any, wanted: Sequence[str], many: bool = False) -> dict[str, Any]:
        """Activities of the wanted layers, in forward order."""
        return self._run(self.prepared(images), wanted)

    def prepared(self, images: Any) -> Any:
        """What the network takes, of RGB images of 0 to 255."""
        return preprocess(images, self.preprocessing, self.size, tf.float32)

    def comparing(self, goals: Mapping[str, Goal], loss: str) -> Any:
        """Function of prepared images that gives losses by layer, and the gradient of their sum."""
        layers = tuple(goals)
        return lambda x: compared(lambda x: self._run(x, layers), x, goals, loss)

    def _run(self, x: Any, wanted: Sequence[str]) -> dict[str, Any]:
        found = self._parts[tuple(wanted)](x, training=False)
        return dict(zip(wanted, found if isinstance(found, (list, tuple)) else [found], strict=True))
