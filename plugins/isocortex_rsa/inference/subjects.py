"""The maps of all subjects in one array: one grid, the voxels that all have, the models by name."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data import Collected, Space, StatMaps
from isocortex.data.labels import Labels, same_labels
from isocortex.errors import DataError


class Subjects(NamedTuple):
    """Values (subjects, models, voxels) in float64, and what they belong to.

    ``outside`` counts the voxels that some subject's mask has and another's has not.
    """

    values: npt.NDArray[np.float64]
    subjects: Labels
    names: Labels
    space: Space
    statistic: str
    outside: int


def stack_subjects(maps: Collected[StatMaps], what: str, least: int = 2) -> Subjects:
    """Put the maps of several subjects together, aligned by name, over the intersection of their masks.

    Raises ``DataError`` for fewer than ``least`` subjects, other models or another statistic in one of them,
    and ``GridMismatch`` for another grid. Warns where the masks differ.
    """
    if len(maps) < least:
        raise DataError(
            f"{what} compares subjects and needs at least {least}, got {len(maps)}; for a single subject use "
            "permutation_test"
        )
    if len(maps.axes) != 1:
        raise DataError(
            f"{what}: the maps are collected over {' x '.join(maps.axes)}; the subjects must be the only "
            f"axis: add over: [{', '.join(maps.axes[1:])}] to this step, say"
        )
    first_key, first = next(iter(maps.items()))
    for key, item in maps.items():
        first.space.require_same_grid(item.space, f"{what}: the maps of {first_key} and {key}")
        if item.statistic != first.statistic:
            raise DataError(
                f"{what}: the maps of {first_key} hold {first.statistic}, those of {key} {item.statistic}"
            )
    mask = np.logical_and.reduce([item.space.mask for item in maps.values()])
    outside = int(np.count_nonzero(np.logical_or.reduce([item.space.mask for item in maps.values()]) & ~mask))
    if not mask.any():
        raise DataError(f"{what}: no voxel lies in the masks of all {len(maps)} subjects")
    if outside:
        warnings.warn(
            f"{what}: the masks differ; {outside} voxels that not all {len(maps)} subjects have are left "
            f"out, {np.count_nonzero(mask)} remain",
            stacklevel=3,
        )
    values = [_aligned(item, first.names, mask, f"{what}: {key}") for key, item in maps.items()]
    space = Space(mask, first.space.affine)
    return Subjects(np.stack(values), tuple(maps), first.names, space, first.statistic, outside)


def _aligned(
    item: StatMaps, names: Labels, mask: npt.NDArray[np.bool_], what: str
) -> npt.NDArray[np.float64]:
    order = same_labels(names, item.names, f"{what}: names of the maps")
    inside = mask[item.space.mask]
    values: npt.NDArray[np.float64] = item.values[order][:, inside].astype(np.float64)
    if np.isinf(values).any():
        raise DataError(f"{what}: a value is infinite")
    return values
