"""Losses and their gradient for many calls with the same targets, as one traced function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from isocortex.contracts import Gradient
from isocortex.data.base import Array
from isocortex_vision._tensorflow import tf
from isocortex_vision.networks.losses import LOSSES
from isocortex_vision.weights.stored import Preprocessing

Tensor = Any
Comparing = Callable[[Any], tuple[dict[str, Any], Any]]


class Goal(NamedTuple):
    """What a layer should show: target (n, ...units), weight (n,), mask (1 or n, ...units) or None."""

    target: Any
    weight: Any
    mask: Any = None


class Network(Protocol):
    """A network that compares its layers with goals (``ImageGraph``, ``KerasGraph``)."""

    preprocessing: Preprocessing
    size: tuple[int, int]

    def prepared(self, images: Tensor) -> Tensor:
        """What the network takes, of RGB images of 0 to 255."""
        ...

    def comparing(self, goals: Mapping[str, Goal], loss: str) -> Comparing:
        """Function of prepared images: weighted losses (n,) by layer, and the gradient of their sum."""
        ...


class Source(Protocol):
    """A generator in TensorFlow (``GeneratorFunctions``)."""

    preprocessing: Preprocessing

    def images(self, codes: Tensor) -> Tensor:
        """RGB images of 0 to 255, not clipped."""
        ...

    def raw(self, codes: Tensor) -> Tensor:
        """The same as a network with the preprocessing takes them."""
        ...


class Objective:
    """States (images, or codes of a generator) -> ``Gradient``; traced once for a shape of the states.

    ``checked`` is given what it is called with, and gives it back in the type that is computed with. Targets,
    weights and masks are on the device from the beginning.
    """

    def __init__(
        self,
        network: Network,
        source: Source | None,
        goals: Mapping[str, Goal],
        loss: str,
        checked: Callable[[Array], Array],
        dtype: Any,
    ) -> None:
        self._network, self._source, self._checked = network, source, checked
        self._dtype = tf.as_dtype(dtype)
        uploaded = {name: Goal(*(self._uploaded(part) for part in goal)) for name, goal in goals.items()}
        self._comparing = network.comparing(uploaded, loss)
        self._traced: dict[tuple[Any, ...], Any] = {}

    def __call__(self, states: Array) -> Gradient:
        """Losses (n,), weighted losses by layer, gradient by the states (in their own floating type)."""
        given, inputs = np.asarray(states).dtype, self._checked(states)
        key = inputs.shape, inputs.dtype.str
        if key not in self._traced:
            signature = [tf.TensorSpec(inputs.shape, inputs.dtype)]
            self._traced[key] = tf.function(self._run, input_signature=signature, autograph=False)
        total, by_layer, gradient = self._traced[key](tf.constant(inputs))
        slope = gradient.numpy()
        return Gradient(
            total.numpy(),
            {name: values.numpy() for name, values in by_layer.items()},
            slope.astype(given, copy=False) if given.kind == "f" else slope,
        )

    def _run(self, states: Tensor) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(states)
            x = self._inputs(states)
        by_layer, over = self._comparing(x)
        gradient = tape.gradient(x, states, output_gradients=over)
        return tf.add_n(list(by_layer.values())), by_layer, gradient

    def _inputs(self, states: Tensor) -> Tensor:
        network, source = self._network, self._source
        if source is None:
            return network.prepared(states)
        raw = source.raw(states)
        if source.preprocessing == network.preprocessing and tuple(raw.shape[1:3]) == network.size:
            return tf.cast(raw, self._dtype)  # to add the mean and take it away again would only round
        return network.prepared(source.images(states))

    def _uploaded(self, values: Any) -> Any:
        return None if values is None else tf.constant(np.asarray(values), self._dtype)


def compared(
    features: Callable[[Tensor], Mapping[str, Tensor]], x: Tensor, goals: Mapping[str, Goal], loss: str
) -> tuple[dict[str, Tensor], Tensor]:
    """Weighted losses (n,) by layer, and the gradient of their sum by what the features are made of."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        found = features(x)
        by_layer = {
            name: goal.weight * LOSSES[loss](tf.cast(found[name], goal.target.dtype), goal.target, goal.mask)
            for name, goal in goals.items()
        }
        total = tf.add_n(list(by_layer.values()))
    return by_layer, tape.gradient(total, x)
