"""A Keras network behind the preparation of its images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from isocortex_vision._tensorflow import tf
from isocortex_vision.networks.graph import preprocess
from isocortex_vision.weights.stored import Preprocessing


class KerasGraph:
    """RGB images of 0 to 255 and any size in, activities out (a ``Forward``)."""

    def __init__(
        self, network: Any, tensors: Mapping[str, Any], preprocessing: Preprocessing, size: tuple[int, int]
    ) -> None:
        self._network, self._tensors = network, tensors
        self._preprocessing, self._size = preprocessing, size
        self._parts: dict[tuple[str, ...], Any] = {}

    def prepare(self, wanted: Sequence[str], many: bool = False) -> None:
        """Cut out the part of the network that the wanted layers need."""
        key = tuple(wanted)
        if key not in self._parts:
            outputs = [self._tensors[name] for name in key]
            self._parts[key] = tf.keras.Model(self._network.inputs, outputs)

    def __call__(self, images: Any, wanted: Sequence[str], many: bool = False) -> dict[str, Any]:
        """Activities of the wanted layers, in forward order."""
        x = preprocess(images, self._preprocessing, self._size, tf.float32)
        found = self._parts[tuple(wanted)](x, training=False)
        return dict(zip(wanted, found if isinstance(found, (list, tuple)) else [found], strict=True))
