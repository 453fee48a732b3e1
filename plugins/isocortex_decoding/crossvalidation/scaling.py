"""Voxels z-scored by the training samples of a fold."""

from __future__ import annotations

import numpy as np

from isocortex.data.base import Array
from isocortex_decoding.decoders.shared import moments
from isocortex_decoding.evaluation.blocks import Mask


def standardised(train: Array, test: Array) -> tuple[Array, Array, Mask]:
    """Z-score both by the training samples (ddof 1); say which voxels could be kept.

    Left out are those that are not finite in either, or constant (to rounding) in training.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        keep = np.isfinite(train).all(axis=0) & np.isfinite(test).all(axis=0)
        mean, spread, constant = moments(train[:, keep])
    keep[keep] = ~constant
    deviation = spread[~constant] * np.sqrt(len(train) / max(len(train) - 1, 1))
    first, second = ((side[:, keep] - mean[~constant]) / deviation for side in (train, test))
    return first.astype(train.dtype), second.astype(train.dtype), keep
