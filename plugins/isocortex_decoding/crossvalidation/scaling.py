"""Voxels z-scored by the training samples of a fold."""

from __future__ import annotations

import numpy as np

from isocortex.data.base import Array
from isocortex_decoding.evaluation.blocks import Mask


def standardised(train: Array, test: Array) -> tuple[Array, Array, Mask]:
    """Z-score both by the training samples (ddof 1); say which voxels could be kept."""
    with np.errstate(invalid="ignore", over="ignore"):
        keep = np.isfinite(train).all(axis=0) & np.isfinite(test).all(axis=0)
        keep &= (train != train[:1]).any(axis=0)
        mean = train[:, keep].mean(axis=0, dtype=np.float64)
        deviation = train[:, keep].std(axis=0, ddof=1, dtype=np.float64)
    first, second = ((side[:, keep] - mean) / deviation for side in (train, test))
    return first.astype(train.dtype), second.astype(train.dtype), keep
