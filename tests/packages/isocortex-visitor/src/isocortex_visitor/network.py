"""A model with a gradient written by hand. A PyTorch or JAX network is wrapped in the same way."""

from typing import Literal

import numpy as np
from isocortex.contracts import Gradient
from isocortex.errors import DataError, suggestion


class TwoLayers:
    """Two fully connected layers of random weights on an image of ``size`` x ``size`` pixels.

    Layer names state the side of the ReLU: ``fc1`` is before it, ``relu1`` after.

    Parameters
    ----------
    size : height and width that the network works at; images of other sizes are resized.
    units : number of units of the two layers.
    """

    layers = ("fc1", "relu1", "fc2", "relu2")

    def __init__(self, size: int = 8, units: tuple[int, int] = (24, 12)) -> None:
        self.image_size = (size, size)
        rng = np.random.default_rng(20230401)  # the weights are part of the model: always the same
        shapes = ((size * size * 3, units[0]), units)
        self.weights = [rng.normal(scale=(2 / rows) ** 0.5, size=(rows, columns)) for rows, columns in shapes]

    def features(self, images, layers):
        """Activity of the named layers, each (n, units)."""
        self._require(layers)
        activity = self._forward(images)
        return {layer: activity[layer] for layer in layers}

    def loss_gradient(self, images, targets, weights, loss: Literal["l2"], masks=None):
        """Weighted squared difference from the targets, summed over units, and its gradient by the images."""
        if loss != "l2":
            raise DataError(f"two-layers knows the loss 'l2', not {loss!r}")
        self._require(targets)
        images = np.asarray(images)
        activity = self._forward(images)
        by_layer, slope = {}, dict.fromkeys(self.layers, 0.0)
        for layer, target in targets.items():
            mask = 1.0 if masks is None else masks.get(layer, 1.0)
            difference = (activity[layer] - target) * mask
            by_layer[layer] = weights[layer] * (difference**2).sum(axis=1)
            slope[layer] = 2 * weights[layer] * difference * mask
        gradient = self._backward(activity, slope, images.shape).astype(images.dtype)
        return Gradient(sum(by_layer.values()), by_layer, gradient)

    def _forward(self, images):
        rows, columns = self._resizing(np.shape(images))
        small = np.einsum("ih,nhwc,jw->nijc", rows, np.asarray(images, dtype=float), columns)
        fc1 = (small.reshape(len(small), -1) / 127.5 - 1) @ self.weights[0]
        fc2 = np.maximum(fc1, 0) @ self.weights[1]
        return {"fc1": fc1, "relu1": np.maximum(fc1, 0), "fc2": fc2, "relu2": np.maximum(fc2, 0)}

    def _backward(self, activity, slope, shape):
        """Chain rule from the last layer to the first; ``slope`` is the loss by each layer's activity."""
        into_fc2 = slope["fc2"] + slope["relu2"] * (activity["fc2"] > 0)
        into_relu1 = slope["relu1"] + into_fc2 @ self.weights[1].T
        into_fc1 = slope["fc1"] + into_relu1 * (activity["fc1"] > 0)
        small = (into_fc1 @ self.weights[0].T / 127.5).reshape(-1, *self.image_size, 3)
        rows, columns = self._resizing(shape)
        return np.einsum("ih,nijc,jw->nhwc", rows, small, columns)

    def _resizing(self, shape):
        return [_interpolation(have, want) for have, want in zip(shape[1:3], self.image_size, strict=True)]

    def _require(self, layers):
        for layer in layers:
            if layer not in self.layers:
                raise DataError(f"two-layers has no layer {layer!r}; {suggestion(layer, self.layers)}")


def _interpolation(have, want):
    """Matrix (want, have) that interpolates linearly between the centres of pixels."""
    places = (np.arange(want) + 0.5) * have / want - 0.5
    return np.array([np.interp(places, np.arange(have), pixel) for pixel in np.eye(have)]).T
