"""Where layers and codes are planted: balls around given places, on both sides of the brain."""

from __future__ import annotations

import numpy as np

from isocortex.data import Space, StatMaps
from isocortex.data.labels import require_unique
from isocortex.errors import DataError
from isocortex_studies.simulation.volume import millimetres, mni_brain

Place = list[float]


def planted_regions(
    places: dict[str, Place], resolution: int = 4, radius: float = 13.0, gap: float = 12.0
) -> StatMaps:
    """Mark where each model (a layer or a concept code) is planted in the brain of the MNI152 template.

    Parameters
    ----------
    places : of each model, x, y and z in mm; it is planted around there and around the mirror image (-x).
    resolution : edge of a voxel in mm.
    radius : of the balls, in mm.
    gap : the least distance between voxels of two models, in mm: at least the searchlight's radius, so
        that no searchlight around a voxel of one model holds a voxel of another.

    Returns
    -------
    A map of 0 and 1 for each model.
    """
    space = mni_brain(resolution)
    require_unique(tuple(places), "planted_regions: places")
    values = np.stack([_region(space, name, place, radius) for name, place in places.items()])
    _require_gap(space, values > 0, tuple(places), gap)
    return StatMaps(values.astype(np.float32), tuple(places), space, "planted")


def _region(space: Space, name: str, place: Place, radius: float) -> np.ndarray:
    if len(place) != 3:
        raise DataError(f"planted_regions: {name} is at {place}; give x, y and z in mm")
    mirrored = [-place[0], *place[1:]]
    where = millimetres(space)
    inside = [((where - np.asarray(centre)) ** 2).sum(axis=1) <= radius**2 for centre in (place, mirrored)]
    if not all(ball.any() for ball in inside):
        raise DataError(f"planted_regions: no voxel of the brain within {radius} mm of {name} at {place}")
    return inside[0] | inside[1]


def _require_gap(space: Space, regions: np.ndarray, names: tuple[str, ...], gap: float) -> None:
    from scipy.spatial import cKDTree

    where = millimetres(space)
    trees = [cKDTree(where[region]) for region in regions]
    for second in range(len(names)):
        for first in range(second):
            nearest = trees[first].query(where[regions[second]])[0].min()
            if nearest <= gap:
                raise DataError(
                    f"planted_regions: {names[first]} and {names[second]} come within {nearest:.1f} mm of "
                    f"each other; move them apart by more than {gap} mm, or make radius smaller"
                )
