"""The model that fits best at each voxel: the map of the maximally similar layer of Lee et al. 2023."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data import StatMaps, Table
from isocortex.data.labels import same_labels
from isocortex.errors import DataError
from isocortex_rsa.inference.clusters import signed_clusters
from isocortex_rsa.inference.corrections import holds_p
from isocortex_rsa.inference.neighbours import Connectivity, neighbours_of

Floats = npt.NDArray[np.float64]


class BestModel(NamedTuple):
    """Number of the best model at each voxel (NaN: none), its value, and which number is which model."""

    number: StatMaps
    value: StatMaps
    models: Table


def best_model_map(
    maps: StatMaps,
    p: StatMaps | None = None,
    alpha: float = 0.05,
    min_voxels: int = 1,
    connectivity: Connectivity = 18,
) -> BestModel:
    """Find, where any model fits significantly and positively, the one that fits best.

    "Best" is only the largest value: it does not say that it is significantly better than the next one.

    Parameters
    ----------
    alpha : largest p with which a model can be the best.
    connectivity : voxels touch by faces (6), also edges (18), also corners (26).
    maps : t or similarities, one map a model, numbered from 1 in this order. A thresholded map (NaN where
        not significant) needs no ``p``.
    p : p-values of the same models at the same voxels; a model with p > ``alpha`` cannot be the best.
    min_voxels : of the voxels with the same best model, leave out clusters smaller than this (Lee et al.
        2023: 20, touching by faces and edges).

    Returns
    -------
    ``number``, ``value``, and ``models`` with the columns number, model, voxels, share (of all voxels that
    have a best model) and ties (voxels where another model has exactly the same value; the first is taken).
    On maps without NaN this gives the numbers of the notebook of Lee et al. 2023, which sets what is not
    significant to 0 and takes the largest value where one is above 0.
    """
    if holds_p(maps.statistic):
        raise DataError(f"best_model_map: these maps hold {maps.statistic}; give t or similarities as maps")
    values = np.array(maps.values, dtype=np.float64)
    if p is not None:
        maps.space.require_same_voxels(p.space, "best_model_map: maps and p")
        order = same_labels(maps.names, p.names, "best_model_map: names of maps and p")
        values[~(p.values[order] <= alpha)] = np.nan
    number, value, tied = best_of(values)
    if min_voxels > 1:
        neighbours = neighbours_of(maps.space.mask, connectivity)
        for model in range(1, len(maps) + 1):
            own = number == model
            small = own & (signed_clusters(own.astype(np.float64), neighbours, min_voxels) == 0)
            number[small] = value[small] = np.nan
    counts = [int(np.sum(number == model)) for model in range(1, len(maps) + 1)]
    table = {
        "number": np.arange(1, len(maps) + 1),
        "model": np.array(maps.names),
        "voxels": np.array(counts),
        "share": np.array(counts) / max(1, sum(counts)),
        "ties": np.array([int(np.sum(tied & (number == model))) for model in range(1, len(maps) + 1)]),
    }
    return BestModel(
        StatMaps(number[None].astype(np.float32), ("best_model",), maps.space, "model number"),
        StatMaps(value[None], ("best_value",), maps.space, maps.statistic),
        Table(table),
    )


def best_of(values: Floats) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Of (models, voxels): number of the largest value above 0 (from 1), the value, and whether it is tied.

    NaN values never win; a voxel where none is above 0 gets NaN.
    """
    candidates = np.where(values > 0, values, -np.inf)
    value = candidates.max(axis=0)
    none = ~(value > 0)
    number = np.where(none, np.nan, candidates.argmax(axis=0) + 1.0)
    tied = ~none & (np.count_nonzero(candidates == value, axis=0) > 1)
    return number, np.where(none, np.nan, value), tied
