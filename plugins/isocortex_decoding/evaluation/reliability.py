"""Noise ceiling of a voxel (or unit) from how well its repeated profiles agree."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_decoding.evaluation.blocks import Floats

_PERMUTED = 2**24
"""How many permuted values are held at a time: 128 MB."""


class Reliability(NamedTuple):
    """``ceiling`` (units,): mean correlation between repetitions, negatives 0, NaN where undefined;
    ``threshold`` (units,): what unreliable units rarely exceed, NaN without permutations."""

    ceiling: Floats
    threshold: Floats


def repetition_reliability(
    profiles: Any, permutations: int = 0, rng: np.random.Generator | None = None, percentile: float = 99.0
) -> Reliability:
    """Mean correlation between the profiles over images of all pairs of repetitions, unit by unit.

    Noise ceiling of the accuracies of encoding and decoding models, as in the Kamitani lab's inter-individual
    analysis: negative means are set to 0; the threshold is a percentile of the same mean when the images of
    every repetition are permuted on their own (the same orders for all units).

    Parameters
    ----------
    profiles : array (repetitions, images, units), at least 2 repetitions and 2 images; also a memory map.
    percentile : of the permutations.
    """
    values = np.asanyarray(profiles)
    if values.ndim != 3 or values.shape[0] < 2 or values.shape[1] < 2 or values.dtype.kind not in "fiu":
        raise DataError(
            "reliability: expected numbers of shape (repetitions, images, units), 2 or more repetitions of 2 "
            f"or more images, got {values.dtype} of shape {values.shape}"
        )
    if permutations and rng is None:
        raise DataError("reliability: permutations need rng")
    repetitions, images, units = values.shape
    orders = _orders(permutations, repetitions, images, rng)
    ceiling, threshold = np.full(units, np.nan), np.full(units, np.nan)
    step = max(1, _PERMUTED // max(repetitions * images, permutations, 1))
    for start in range(0, units, step):
        part = slice(start, start + step)
        z = _unit_profiles(values[:, :, part])
        ceiling[part] = np.maximum(_agreement(z.sum(axis=0), repetitions), 0.0)
        if permutations:
            null = np.stack([_agreement(_permuted_sum(z, order), repetitions) for order in orders])
            threshold[part] = np.percentile(null, percentile, axis=0)
    return Reliability(ceiling, threshold)


def normalised_accuracy(accuracy: npt.ArrayLike, reliability: Reliability) -> Floats:
    """Accuracy divided by the ceiling, for units whose ceiling is above the threshold; NaN for the others."""
    raw = np.asarray(accuracy, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        sure = (reliability.ceiling > 0) & (reliability.ceiling > np.nan_to_num(reliability.threshold))
    return np.divide(raw, reliability.ceiling, out=np.full(raw.shape, np.nan), where=sure)


def _orders(n: int, repetitions: int, images: int, rng: np.random.Generator | None) -> Array:
    """Permutations (n, repetitions, images); the first repetition stays, as only differences count."""
    if not n or rng is None:
        return np.empty((0, repetitions, images), dtype=np.int32)
    identity = np.broadcast_to(np.arange(images, dtype=np.int32), (n, repetitions - 1, images))
    first = np.broadcast_to(np.arange(images, dtype=np.int32), (n, 1, images))
    return np.concatenate([first, rng.permuted(identity, axis=2)], axis=1)


def _unit_profiles(values: Array) -> Floats:
    """Profiles of each repetition with mean 0 and length 1; NaN where constant or not finite."""
    x = np.array(values, dtype=np.float64)
    eps = np.finfo(values.dtype if values.dtype.kind == "f" else np.float64).eps
    with np.errstate(invalid="ignore", over="ignore"):
        level = (4 * float(eps)) ** 2 * np.square(x).sum(axis=1, keepdims=True)
        x -= x.mean(axis=1, keepdims=True)
        square = np.square(x).sum(axis=1, keepdims=True)
        good = np.isfinite(square) & (square > level)
        return x / np.sqrt(np.where(good, square, np.nan))


def _permuted_sum(z: Floats, order: Array) -> Floats:
    total = z[0].copy()
    for repetition in range(1, len(z)):
        total += z[repetition][order[repetition]]
    return total


def _agreement(total: Floats, repetitions: int) -> Floats:
    """Mean of r over pairs: |sum of unit profiles|^2 = repetitions + 2 * (sum of r over pairs)."""
    square = np.einsum("ij,ij->j", total, total)
    return (square - repetitions) / (repetitions * (repetitions - 1))
