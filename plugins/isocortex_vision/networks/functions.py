"""Traced functions of a network: features of images, and the loss against targets with its gradient.

A function is traced once for a set of layers and a size of images; the number of images may vary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from isocortex.data.base import Array
from isocortex_vision._tensorflow import tf
from isocortex_vision.networks.losses import LOSSES

Tensor = Any
Forward = Callable[..., dict[str, Tensor]]
"""Images (RGB, 0 to 255), wanted layers, whether there are many images -> activities of these layers."""


class Functions:
    """What a model asks of TensorFlow; ``forward`` does not have to resize, everything else is its own."""

    def __init__(self, forward: Forward, dtype: Any) -> None:
        self._forward = forward
        self._dtype = dtype
        self._traced: dict[tuple[Any, ...], Any] = {}

    def features(self, images: Array, layers: Sequence[str], many: bool = False) -> dict[str, Array]:
        """Activities of layers as numpy arrays; those of bfloat16 as float32."""
        traced = self._function("features", images, (tuple(layers), many), self._trace_features)
        found = traced(tf.constant(images))
        return {name: found.pop(name).numpy() for name in list(found)}  # a copy, so one at a time

    def _trace_features(self, images: Array, what: tuple[tuple[str, ...], bool]) -> Any:
        (layers, many), forward, dtype = what, self._forward, self._dtype

        def features(images: Tensor) -> dict[str, Tensor]:
            found = forward(images, layers, many)
            # of their own, so that TensorFlow's optimiser may fuse what they are made by
            return {name: tf.identity(tf.cast(values, dtype)) for name, values in found.items()}

        return tf.function(features, input_signature=[_images(images)], autograph=False)

    def loss_gradient(
        self,
        images: Array,
        targets: Mapping[str, Array],
        weights: Mapping[str, Array],
        loss: str,
        masks: Mapping[str, Array],
    ) -> tuple[Array, dict[str, Array], Array]:
        """Losses (n,), weighted losses by layer, gradient by the images.

        ``weights`` are (n,) for each layer; ``masks`` (1 or n, ...units) for some.
        """
        layers, masked = tuple(targets), tuple(masks)
        traced = self._function("loss", images, (layers, masked, loss), self._trace_loss)
        total, by_layer, gradient = traced(
            tf.constant(images),
            *(
                [tf.constant(np.asarray(values), self._dtype) for values in group.values()]
                for group in (targets, weights, masks)
            ),
        )
        return total.numpy(), {name: values.numpy() for name, values in by_layer.items()}, gradient.numpy()

    def _trace_loss(self, images: Array, what: tuple[tuple[str, ...], tuple[str, ...], str]) -> Any:
        layers, masked, loss = what
        forward, dtype, measure = self._forward, self._dtype, LOSSES[loss]

        def loss_gradient(images: Tensor, targets: Any, weights: Any, masks: Any) -> Any:
            mask_of = dict(zip(masked, masks, strict=True))
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(images)
                features = forward(images, layers)
                by_layer = {
                    name: weight * measure(tf.cast(features[name], dtype), target, mask_of.get(name))
                    for name, target, weight in zip(layers, targets, weights, strict=True)
                }
                total = tf.add_n(list(by_layer.values()))
            return total, by_layer, tape.gradient(total, images)

        return tf.function(loss_gradient, autograph=False, reduce_retracing=True)

    def _function(self, kind: str, images: Array, what: Any, trace: Callable[..., Any]) -> Any:
        key = (kind, what, images.shape[1:], images.dtype.str)
        if key not in self._traced:
            self._traced[key] = trace(images, what)
        return self._traced[key]


def _images(images: Array) -> Any:
    return tf.TensorSpec([None, *images.shape[1:]], images.dtype)
