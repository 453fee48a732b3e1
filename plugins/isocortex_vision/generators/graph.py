"""The generator in TensorFlow, as traced functions of codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isocortex.data.base import Array
from isocortex_vision._tensorflow import tf
from isocortex_vision.networks.architecture import Architecture
from isocortex_vision.networks.graph import NetworkGraph, unprocess
from isocortex_vision.networks.precision import Precision
from isocortex_vision.weights.stored import Preprocessing


class GeneratorFunctions:
    """``generate`` and ``pullback`` on whole batches."""

    def __init__(
        self,
        architecture: Architecture,
        parameters: Mapping[str, tuple[Array, Array]],
        preprocessing: Preprocessing,
        crop: int,
        precision: Precision,
    ) -> None:
        self._network = NetworkGraph(architecture, parameters, precision)
        self._last = architecture.addresses[-1]
        self._network.prepare([self._last])
        self.preprocessing = preprocessing
        self._crop = crop
        self._dtype = tf.float64 if precision == "float64" else tf.float32
        codes = tf.TensorSpec([None, *architecture.shape_in], self._dtype)
        images = tf.TensorSpec([None, crop, crop, 3], self._dtype)
        self._generate = tf.function(self.images, input_signature=[codes], autograph=False)
        self._pullback = tf.function(self._pulled, input_signature=[codes, images], autograph=False)

    def images(self, codes: Any) -> Any:
        """RGB images of 0 to 255 (not clipped), the middle of what the network makes."""
        return unprocess(self.raw(codes), self.preprocessing)

    def raw(self, codes: Any) -> Any:
        """The same before the mean is added, in the order of channels that the network has."""
        made = self._network(codes, [self._last])[self._last]
        before = (made.shape[1] - self._crop) // 2
        middle = made[:, before : before + self._crop, before : before + self._crop]
        return tf.cast(middle, self._dtype)

    def _pulled(self, codes: Any, gradient: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(codes)
            images = self.images(codes)
        return tape.gradient(images, codes, output_gradients=gradient)

    def generate(self, codes: Array) -> Array:
        """Images of codes, as numpy arrays."""
        return self._generate(tf.constant(codes)).numpy()  # type: ignore[no-any-return]

    def pullback(self, codes: Array, gradient: Array) -> Array:
        """Gradient by the codes, as numpy arrays."""
        return self._pullback(tf.constant(codes), tf.constant(gradient)).numpy()  # type: ignore[no-any-return]
