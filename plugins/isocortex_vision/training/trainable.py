"""A network whose weights change: its passes in training and in use, and one step of Adam."""

from __future__ import annotations

from typing import Any

import numpy as np

from isocortex.data.base import Array
from isocortex_vision._tensorflow import tf
from isocortex_vision.networks.architecture import Architecture, Dropout, WithWeights
from isocortex_vision.networks.graph import preprocess, rectify, reshaping, weighted
from isocortex_vision.training.initial import Weights
from isocortex_vision.weights.stored import Preprocessing

Tensor = Any
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
"""Of Adam (Kingma & Ba 2015), as TensorFlow 1 has them."""


class Trainable:
    """A table of layers with float32 variables; images are RGB, 0 to 255, of any size."""

    def __init__(
        self,
        architecture: Architecture,
        weights: Weights,
        preprocessing: Preprocessing,
        weight_decay: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.architecture = architecture
        self.preprocessing = preprocessing
        self._decay = weight_decay
        self._seed = seed % 2**31
        self.settings = (weight_decay, self._seed)
        self._size = (architecture.shape_in[0], architecture.shape_in[1])
        self.variables = {
            f"{name}/{part}": tf.Variable(value)
            for name, pair in weights.items()
            for part, value in zip(("kernel", "bias"), pair, strict=True)
        }
        self.moments = [
            {key: tf.Variable(tf.zeros_like(value)) for key, value in self.variables.items()}
            for _ in range(2)
        ]
        images, classes = tf.TensorSpec([None, *self._size, 3]), tf.TensorSpec([None], tf.int32)
        number = tf.TensorSpec([])
        self._traced_step = tf.function(
            self._step,
            [images, classes, tf.TensorSpec([], tf.int32), number, number, number],
            autograph=False,
        )
        self._traced_use: dict[tuple[int, ...], Any] = {}

    def learn(self, images: Tensor, classes: Tensor, step: int, rate: float) -> float:
        """Change the weights by one step of Adam; gives the loss before it.

        ``step`` counts from 0; the dropped units depend on it and on the seed alone.
        """
        powers = [np.float32(beta ** (step + 1)) for beta in (BETA1, BETA2)]
        loss = self._traced_step(images, classes, np.int32(step), np.float32(rate), *powers)
        return float(loss)

    def logits(self, images: Tensor) -> Array:
        """Activity of the last layer (n, classes), as the network is used: nothing is dropped."""
        size = tuple(images.shape[1:])
        if size not in self._traced_use:
            specification = [tf.TensorSpec([None, *size])]
            self._traced_use[size] = tf.function(self._use, specification, autograph=False)
        found: Array = self._traced_use[size](tf.constant(images, tf.float32)).numpy()
        return found

    def dropped_logits(self, images: Tensor, step: int) -> Array:
        """The same while units are dropped, as in training."""
        found: Array = self._forward(images, tf.constant(step, tf.int32)).numpy()
        return found

    def weights(self) -> Weights:
        """Layer -> kernel and bias as they are now (copies)."""
        names = [layer.name for layer in self.architecture.layers if isinstance(layer, WithWeights)]
        return {
            name: (self.variables[f"{name}/kernel"].numpy(), self.variables[f"{name}/bias"].numpy())
            for name in names
        }

    def state(self) -> dict[str, Array]:
        """All that a training needs to go on from here."""
        groups = {"weights": self.variables, "adam_m": self.moments[0], "adam_v": self.moments[1]}
        return {f"{kind}/{key}": v.numpy() for kind, group in groups.items() for key, v in group.items()}

    def restore(self, state: dict[str, Array]) -> None:
        """Go back to a ``state``."""
        groups = {"weights": self.variables, "adam_m": self.moments[0], "adam_v": self.moments[1]}
        for kind, group in groups.items():
            for key, variable in group.items():
                variable.assign(state[f"{kind}/{key}"])

    def _use(self, images: Tensor) -> Tensor:
        return self._forward(images, None)

    def _step(
        self, images: Tensor, classes: Tensor, step: Tensor, rate: Tensor, power1: Tensor, power2: Tensor
    ) -> Tensor:
        with tf.GradientTape() as tape:
            logits = self._forward(images, step)
            errors = tf.nn.sparse_softmax_cross_entropy_with_logits(classes, logits)
            loss = tf.reduce_mean(errors)
            if self._decay:
                kernels = [v for key, v in self.variables.items() if key.endswith("/kernel")]
                loss += self._decay * tf.add_n([tf.nn.l2_loss(kernel) for kernel in kernels])
        gradients = tape.gradient(loss, self.variables)
        for key, variable in self.variables.items():
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle, m=self.moments[0][key].handle, v=self.moments[1][key].handle,
                beta1_power=power1, beta2_power=power2, lr=rate, beta1=BETA1, beta2=BETA2, epsilon=EPSILON,
                grad=gradients[key], use_locking=True,
            )  # fmt: skip
        return loss

    def _forward(self, images: Tensor, step: Tensor | None) -> Tensor:
        """Logits; with a step, units are dropped."""
        x = preprocess(images, self.preprocessing, self._size, tf.float32)
        for number, layer in enumerate(self.architecture.layers):
            if isinstance(layer, WithWeights):
                pair = (self.variables[f"{layer.name}/{part}"] for part in ("kernel", "bias"))
                x = weighted(layer, x, *pair)
                x = x if layer.slope is None else rectify(x, layer.slope)
            elif isinstance(layer, Dropout) and step is not None:
                x = self._dropped(x, layer.rate, step * len(self.architecture.layers) + number)
            else:
                x = reshaping(layer, x)
        return x

    def _dropped(self, x: Tensor, rate: float, place: Tensor) -> Tensor:
        """Silence units at random and make the others larger, so that the mean stays."""
        seed = tf.stack([tf.constant(self._seed, tf.int32), place])
        kept = tf.random.stateless_uniform(tf.shape(x), seed) >= rate
        return tf.where(kept, x / (1.0 - rate), tf.zeros_like(x))
