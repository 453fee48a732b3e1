"""How far the units of a sample spread: the scale that decoding loses and that is given back."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError

Floats = npt.NDArray[np.float64]
_BLOCK = 2**15
"""Values that are looked at together: few enough to stay in the processor's cache."""


def spread(sample: Array, ddof: int) -> float:
    """SD of a sample: over the units of a row, or the mean over channels of a map's SDs over positions.

    A map with a single position has no SD over positions; its SD is that over its channels, as in icnn's
    ``estimate_cnn_feat_std`` [Shen et al. 2019].

    Parameters
    ----------
    sample : (units,) or (height, width, channels). NaN counts for nothing: neither as a position nor, where
        a channel has ``ddof`` positions or fewer that are not NaN, as a channel.
    ddof : what is taken from the number of positions, 0 or 1.

    Returns
    -------
    The SD in float64, exactly 0 where all that varies is nothing; NaN where there is nothing to take it of.
    """
    values = by_position(np.asarray(sample))
    counts, mean = _means(values)
    usable = counts > ddof
    if not usable.any():
        return math.nan
    total = np.zeros(values.shape[1])
    for part in _centred(values, mean):
        total += np.square(part, out=part).sum(axis=0)
    found = np.sqrt(total / np.maximum(counts - ddof, 1))
    for column in np.flatnonzero(usable & (found <= 1e-6 * np.abs(mean))):
        if _is_constant(values[:, column]):  # rounding of the mean makes its SD not quite 0
            found[column] = 0.0
    return float(found[usable].mean())


def by_position(sample: Array) -> Array:
    """View a row as (units, 1) and a map as (positions, channels); one position counts as a row."""
    if sample.ndim not in (1, 3):
        raise DataError(f"a sample of shape {sample.shape} is neither (units,) nor (height, width, channels)")
    channels = sample.shape[-1] if sample.ndim == 3 and math.prod(sample.shape[:2]) > 1 else 1
    return sample.reshape(sample.size // channels if channels else 0, channels)


def _blocks(values: Array) -> Iterator[Floats]:
    rows = max(1, _BLOCK // max(values.shape[1], 1))
    for start in range(0, len(values), rows):
        yield np.asarray(values[start : start + rows], dtype=np.float64)


def _means(values: Array) -> tuple[npt.NDArray[np.int64], Floats]:
    """How many values of each column are not NaN, and their mean."""
    counts = np.full(values.shape[1], len(values))
    total = sum((part.sum(axis=0) for part in _blocks(values)), start=np.zeros(values.shape[1]))
    if np.isnan(total).any():
        total, counts = np.zeros(values.shape[1]), np.zeros(values.shape[1], dtype=np.int64)
        for part in _blocks(values):
            counts += (~np.isnan(part)).sum(axis=0)
            total += np.nansum(part, axis=0)
    return counts, total / np.maximum(counts, 1)


def _centred(values: Array, mean: Floats) -> Iterator[Floats]:
    """Blocks of a matrix around the mean of each column, NaN as 0."""
    for part in _blocks(values):
        centred = part - mean
        if np.isnan(centred.sum()):
            centred = np.nan_to_num(centred, nan=0.0)
        yield centred


def _is_constant(values: Array) -> bool:
    """Whether a column holds one value, and NaN, only."""
    numbers = values[~np.isnan(values)]
    return bool((numbers == numbers[0]).all())
