"""How far the units of a sample spread: the scale that decoding loses and that is given back."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError

Floats = npt.NDArray[np.float64]


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
    values = by_position(np.asarray(sample, dtype=np.float64))
    missing = np.isnan(values)
    if not missing.any():
        return float(_deviations(values, ddof).mean()) if len(values) > ddof and values.size else math.nan
    counts = (~missing).sum(axis=0)
    usable = counts > ddof
    if not usable.any():
        return math.nan
    values, counts = values[:, usable], counts[usable]
    filled = np.where(np.isnan(values), 0.0, values)
    centred = np.where(np.isnan(values), 0.0, values - filled.sum(axis=0) / counts)
    found = np.sqrt(np.square(centred).sum(axis=0) / (counts - ddof))
    found[np.nanmax(values, axis=0) == np.nanmin(values, axis=0)] = 0.0
    return float(found.mean())


def by_position(sample: Floats) -> Floats:
    """View a row as (units, 1) and a map as (positions, channels); one position counts as a row."""
    if sample.ndim not in (1, 3):
        raise DataError(f"a sample of shape {sample.shape} is neither (units,) nor (height, width, channels)")
    channels = sample.shape[-1] if sample.ndim == 3 and math.prod(sample.shape[:2]) > 1 else 1
    return sample.reshape(sample.size // channels if channels else 0, channels)


def _deviations(values: Floats, ddof: int) -> Floats:
    """SD of each column; that of a constant one is 0 to the last bit, whatever rounding makes of its mean."""
    found = values.std(axis=0, ddof=ddof)
    found[values.max(axis=0) == values.min(axis=0)] = 0.0
    return np.asarray(found)
