"""How far the features of images are from their targets (Shen et al. 2019; losses of the icnn package)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from isocortex_vision._tensorflow import tf

Loss = Literal["l2", "l1", "inner", "gram"]
Tensor = Any


def l2(features: Tensor, targets: Tensor, mask: Tensor | None) -> Tensor:
    """Sum over units of mask * (feature - target) ** 2, for each image."""
    difference = features - targets
    return _sum(_masked(difference * difference, mask))


def l1(features: Tensor, targets: Tensor, mask: Tensor | None) -> Tensor:
    """Sum over units of mask * |feature - target|, for each image."""
    return _sum(tf.abs(_masked(features - targets, mask)))


def inner(features: Tensor, targets: Tensor, mask: Tensor | None) -> Tensor:
    """Minus the inner product of features and targets, for each image."""
    return -_sum(_masked(features * targets, mask))


def gram(features: Tensor, targets: Tensor, mask: Tensor | None) -> Tensor:
    """Squared difference of the Gram matrices of channels, over 4 * channels ** 2 * positions ** 2.

    For maps (n, height, width, channels) only (Gatys, Ecker & Bethge 2016).
    """
    positions, channels = features.shape[1] * features.shape[2], features.shape[3]
    difference = _gram(_masked(features, mask)) - _gram(_masked(targets, mask))
    return _sum(difference * difference) / (4.0 * channels**2 * positions**2)


LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor | None], Tensor]] = {
    "l2": l2,
    "l1": l1,
    "inner": inner,
    "gram": gram,
}


def _gram(features: Tensor) -> Tensor:
    rows = tf.reshape(features, [tf.shape(features)[0], -1, features.shape[3]])
    return tf.matmul(rows, rows, transpose_a=True)


def _masked(values: Tensor, mask: Tensor | None) -> Tensor:
    return values if mask is None else values * mask


def _sum(values: Tensor) -> Tensor:
    """Sum of each image."""
    return tf.reduce_sum(values, axis=list(range(1, values.shape.rank)))
