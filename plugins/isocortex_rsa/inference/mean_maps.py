"""Maps averaged over subjects."""

from __future__ import annotations

import numpy as np

from isocortex.data import Collected, StatMaps
from isocortex.data.labels import same_labels
from isocortex.errors import DataError
from isocortex_rsa.inference.corrections import holds_p


def mean_maps(maps: Collected[StatMaps], fisher_z: bool = True) -> StatMaps:
    """Average maps over subjects; models are aligned by name, voxels have to be the same.

    With few subjects this is the better map to say which of several models fits best: t divides by each
    model's own spread over subjects, which is estimated badly then.

    Parameters
    ----------
    maps : one set of maps (one a model) for each subject, all of one statistic, which cannot be p.
    fisher_z : average correlations as artanh, and give the correlation of that mean; false for measures that
        are no correlations. A correlation of 1 or -1 counts as .999999.

    Returns
    -------
    A map for each model; NaN where a subject has none.
    """
    if not maps:
        raise DataError("mean_maps: there are no maps")
    parts = list(maps.values())
    first = parts[0]
    if holds_p(first.statistic):
        raise DataError(f"mean_maps: these maps hold {first.statistic}; a mean of p-values means nothing")
    total = np.zeros(first.values.shape)
    for part in parts:
        first.space.require_same_voxels(part.space, "mean_maps: subjects' maps")
        if part.statistic != first.statistic:
            raise DataError(f"mean_maps: some maps hold {first.statistic}, others {part.statistic}")
        order = same_labels(first.names, part.names, "mean_maps: names of subjects' maps")
        total += _scale(np.asarray(part.values, dtype=np.float64)[order], fisher_z)
    mean = total / len(parts)
    return StatMaps(np.tanh(mean) if fisher_z else mean, first.names, first.space, first.statistic)


def _scale(values: np.ndarray, fisher_z: bool) -> np.ndarray:
    if not fisher_z:
        return values
    if (np.abs(values) > 1 + 1e-9).any():
        raise DataError("mean_maps: values beyond 1 are no correlations; say fisher_z: false")
    return np.asarray(np.arctanh(np.clip(values, -0.999999, 0.999999)))
