"""From target features to what is minimised: weights of layers, masks, and what cannot be a target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_reconstruction.algorithms.problem import Floats, Goal

Weighting = Literal["inverse-squared-norm", "equal"]


def goal_of(
    targets: Mapping[str, Array],
    weighting: Weighting | Mapping[str, float],
    loss: str,
    channels: Mapping[str, Sequence[int]],
    masks: Mapping[str, Array],
) -> Goal:
    """Check targets (layer -> (n, ...units)) and put together what the model is asked for."""
    if not targets:
        raise DataError("there are no target features")
    arrays = {name: np.asarray(values) for name, values in targets.items()}
    counts = {len(values) for values in arrays.values()}
    if len(counts) != 1 or 0 in counts:
        raise DataError(f"the layers hold different numbers of targets: {sorted(counts)}, or none")
    for name, values in arrays.items():
        _require_finite(name, values)
    weights = layer_weights(arrays, weighting)
    return Goal(arrays, weights, loss, _masks(arrays, channels, masks))


def layer_weights(
    targets: Mapping[str, Array], weighting: Weighting | Mapping[str, float]
) -> dict[str, Floats]:
    """Weights (n,) of each layer; those of one target sum to 1.

    "inverse-squared-norm" (Shen et al. 2019): 1 / sum of the squared target. "equal", or a number a layer.
    """
    count = len(next(iter(targets.values())))
    if isinstance(weighting, Mapping):
        return _given(targets, weighting, count)
    if weighting == "equal":
        return {name: np.full(count, 1 / len(targets)) for name in targets}
    sums = {name: _squares(name, values) for name, values in targets.items()}
    total = np.sum([1 / square for square in sums.values()], axis=0)
    return {name: 1 / square / total for name, square in sums.items()}


def _given(targets: Mapping[str, Array], weighting: Mapping[str, float], count: int) -> dict[str, Floats]:
    if set(weighting) != set(targets):
        odd = ", ".join(sorted(set(weighting) ^ set(targets)))
        raise DataError(f"layer_weights and the target features do not name the same layers: {odd}")
    if not all(0 <= value < np.inf for value in weighting.values()) or not any(weighting.values()):
        raise DataError("layer_weights have to be 0 or more, and one of them above")
    total = sum(weighting.values())
    return {name: np.full(count, weighting[name] / total) for name in targets}


def _squares(name: str, values: Array) -> Floats:
    rows = values.reshape(len(values), -1)
    squares = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
    if not squares.all():
        raise DataError(
            f"target {int(np.argmin(squares)) + 1} is zero in the whole layer {name!r}, so the inverse of "
            "its norm is no weight: leave the layer out, or set layer_weights"
        )
    return squares


def _require_finite(name: str, values: Array) -> None:
    rows = values.reshape(len(values), -1)
    bad = np.flatnonzero([not np.isfinite(row).all() for row in rows])
    if len(bad):
        raise DataError(
            f"target {bad[0] + 1} holds NaN or infinity in layer {name!r}; leave these units out with a mask "
            "after setting them to a number, or fill them (scale_features, nan: train_mean)"
        )


def _masks(
    targets: Mapping[str, Array], channels: Mapping[str, Sequence[int]], masks: Mapping[str, Array]
) -> dict[str, Array]:
    """Factors of units: the given ones, or ones for the chosen channels (the last axis)."""
    for name in (*channels, *masks):
        if name not in targets:
            raise DataError(f"channels or masks name the layer {name!r}, which has no target features")
    if both := set(channels) & set(masks):
        raise DataError(f"give channels or a mask, not both, for {', '.join(sorted(both))}")
    made = {name: np.asarray(mask) for name, mask in masks.items()}
    for name, chosen in channels.items():
        units = targets[name].shape[1:]
        wrong = [number for number in chosen if not 0 <= number < units[-1]]
        if wrong or not len(chosen):
            raise DataError(f"layer {name!r} has channels 0 to {units[-1] - 1}; channels says {list(chosen)}")
        mask = np.zeros(units, dtype=np.float32)
        mask[..., list(chosen)] = 1
        made[name] = mask
    for name, mask in made.items():
        if mask.shape != targets[name].shape[1:] or not np.isfinite(mask).all():
            raise DataError(
                f"the mask of layer {name!r} has the shape {mask.shape}, its features "
                f"{targets[name].shape[1:]} (or it is not finite)"
            )
    return made
