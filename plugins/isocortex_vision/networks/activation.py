"""All that happens to single units between two layers with weights, as fused blocks (XLA), both ways.

Forward: losses against targets, rectifier, pooling. Backward: the same derived. A sum over an axis is slow in
XLA on a CPU, so sums go over 16 slices, element by element, and TensorFlow adds up what is left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache, reduce
from operator import add
from typing import Any, NamedTuple

from isocortex_vision._tensorflow import tf
from isocortex_vision.networks import winograd
from isocortex_vision.networks.architecture import Pooling

Tensor = Any
_SLICES = 16


class Kind(NamedTuple):
    """What a block does; blocks of one kind are compiled once for each shape."""

    slope: float | None
    """Of the rectifier below zero; None: there is no rectifier."""
    pool: Pooling | None
    """Pooling over 2 x 2 that follows."""
    loss: str
    places: tuple[bool, ...]
    """For each goal, whether it is after the rectifier."""
    dtype: Any
    """Of what goes on forward."""
    padded: bool
    """Whether that has zeros around it, for ``winograd``."""
    padded_back: bool
    """Whether the gradient by what came in has."""


class Aim(NamedTuple):
    """Target, weight (n, 1, ...) and mask or None, on the device."""

    target: Tensor
    weight: Tensor
    mask: Tensor


def value(loss: str, features: Tensor, aim: Aim) -> Tensor:
    """Each unit's share of a loss of ``networks.losses`` ("gram" has none)."""
    if loss == "inner":
        return -_masked(features * aim.target, aim.mask)
    difference = features - aim.target
    if loss == "l2":
        return _masked(difference * difference, aim.mask)
    return tf.abs(_masked(difference, aim.mask))


def slope(loss: str, features: Tensor, aim: Aim) -> Tensor:
    """Derivative of ``value`` by the features, times the weight."""
    if loss == "inner":
        return -aim.weight * _masked(aim.target, aim.mask)
    difference = features - aim.target
    if loss == "l2":
        return 2 * aim.weight * _masked(difference, aim.mask)
    return aim.weight * _masked(tf.sign(_masked(difference, aim.mask)), aim.mask)


def _masked(values: Tensor, mask: Tensor | None) -> Tensor:
    return values if mask is None else values * mask


def sums(kind: Kind, y: Tensor, aims: Sequence[Aim]) -> list[Tensor]:
    """Weighted loss (n,) of each goal."""
    count = aims[0].target.shape[0]
    return [
        tf.reduce_sum(part, axis=1) * tf.reshape(aim.weight, [count])
        for part, aim in zip(_sums(kind)(y, aims), aims, strict=True)
    ]


@cache
def _sums(kind: Kind) -> Any:
    def parts(y: Tensor, aims: Sequence[Aim]) -> list[Tensor]:
        made = []
        for after, aim in zip(kind.places, aims, strict=True):
            wide = tf.cast(y, aim.target.dtype)
            each = value(kind.loss, _rectified(wide, kind.slope) if after else wide, aim)
            size = math.prod(y.shape[1:])
            slices = _SLICES if size % _SLICES == 0 else 1
            each = tf.reshape(each, [y.shape[0], slices, size // slices])
            made.append(reduce(add, tf.unstack(each, axis=1)))
        return made

    return _fused(parts)


@cache
def onward(kind: Kind) -> Any:
    """Function of what came in -> what goes on: rectified, pooled, with zeros around."""

    def forward(y: Tensor) -> Tensor:
        made = [_rectified(part, kind.slope) for part in _quarters(y, kind.pool)]
        if kind.pool == "max":
            made = [reduce(tf.maximum, made)]
        elif kind.pool == "average":
            made = [reduce(add, made) / 4]
        out = tf.cast(made[0], kind.dtype)
        return winograd.padded(out) if kind.padded else out

    return _fused(forward)


@cache
def back(kind: Kind) -> Any:
    """Function of what came in, the gradient by what went on (or None) and aims -> gradient by the former."""

    def backward(y: Tensor, over: Tensor, aims: Sequence[Aim]) -> Tensor:
        wide = aims[0].target.dtype if aims else tf.float64 if y.dtype == tf.float64 else tf.float32
        parts = [tf.cast(part, wide) for part in _quarters(y, kind.pool)]
        if over is None:
            gradients = [tf.zeros_like(part) for part in parts]
        else:
            gradients = _unpooled(kind, parts, tf.cast(over, wide))
        quartered = [_aims_of_quarters(aim, kind.pool) for aim in aims]
        made = []
        for index, (part, gradient) in enumerate(zip(parts, gradients, strict=True)):
            here = list(zip(kind.places, (quarters[index] for quarters in quartered), strict=True))
            behind = [slope(kind.loss, _rectified(part, kind.slope), aim) for after, aim in here if after]
            gradient = reduce(add, behind, gradient)
            if kind.slope is not None:
                gradient = tf.where(part > 0, gradient, kind.slope * gradient)
            before = [slope(kind.loss, part, aim) for after, aim in here if not after]
            made.append(tf.cast(reduce(add, before, gradient), y.dtype))
        whole = _whole(made)
        return winograd.padded(whole) if kind.padded_back else whole

    return _fused(backward)


def _rectified(values: Tensor, slope: float | None) -> Tensor:
    if slope is None:
        return values
    if slope == 0:
        return tf.maximum(values, 0)
    return tf.where(values > 0, values, tf.constant(slope, values.dtype) * values)


def _quarters(x: Tensor, pool: Pooling | None) -> list[Tensor]:
    """The four pixels of each square of 2 x 2 (sizes even); all in one without pooling."""
    if pool is None:
        return [x]
    count, height, width, channels = x.shape
    squares = tf.reshape(x, [count, height // 2, 2, width // 2, 2, channels])
    return [squares[:, :, row, :, column] for row in (0, 1) for column in (0, 1)]


def _whole(quarters: list[Tensor]) -> Tensor:
    if len(quarters) == 1:
        return quarters[0]
    rows = [tf.stack(quarters[:2], axis=3), tf.stack(quarters[2:], axis=3)]
    count, height, width, channels = quarters[0].shape
    return tf.reshape(tf.stack(rows, axis=2), [count, 2 * height, 2 * width, channels])


def _aims_of_quarters(aim: Aim, pool: Pooling | None) -> list[Aim]:
    targets = _quarters(aim.target, pool)
    masks = [None] * len(targets) if aim.mask is None else _quarters(aim.mask, pool)
    return [Aim(target, aim.weight, mask) for target, mask in zip(targets, masks, strict=True)]


def _unpooled(kind: Kind, parts: list[Tensor], over: Tensor) -> list[Tensor]:
    """Gradient by each rectified pixel of a square; the first of equal largest ones has it all."""
    if kind.pool is None:
        return [over]
    if kind.pool == "average":
        return [over / 4] * 4
    values = [_rectified(part, kind.slope) for part in parts]
    largest, free = reduce(tf.maximum, values), tf.ones_like(over, tf.bool)
    made = []
    for each in values:
        hit = tf.equal(each, largest)
        made.append(tf.where(free & hit, over, tf.zeros_like(over)))
        free = free & ~hit
    return made


def _fused(function: Any) -> Any:
    return tf.function(function, jit_compile=True, autograph=False)
