"""Anatomical images behind the maps of a viewer: maps of the statistic ``anatomy``, of whichever step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from isocortex.data.base import Array
from isocortex.data.maps import StatMaps
from isocortex.data.space import Space
from isocortex.formats.arrays import read_json
from isocortex.report.encoding import encoded_size, quantise
from isocortex.report.parts import Context, Item

STATISTIC = "anatomy"


def anatomy_of(space: Space, context: Context) -> tuple[str, Array] | None:
    """Key of the image behind maps of a grid, and its first and last voxel (2, 3); None without one.

    It goes onto the page at the first call, in 255 levels, and is shared by all viewers of the grid.
    """
    for number, item in enumerate(_items(context)):
        key = f"anatomy-{number}"
        if key not in context.anatomies:
            context.anatomies[key] = _load(item)
        image = context.anatomies[key]
        if image is None or not image.space.same_grid(space):
            continue
        ends = np.stack([image.space.voxels.min(axis=0), image.space.voxels.max(axis=0)])
        if key not in context.payloads and not _put(key, image, ends, context):
            return None
        return key, ends
    return None


def _items(context: Context) -> Iterator[Item]:
    """Anatomical images of the run, told by their descriptions: maps need not be read for it."""
    for step in context.plan.document.steps:
        for item in context.items(step):
            if is_anatomy(item):
                yield item


def is_anatomy(item: Item) -> bool:
    """Whether a result is an image to be seen behind maps."""
    if not issubclass(item.kind, StatMaps):
        return False
    try:
        return bool(read_json(item.folder / "maps.json")["statistic"] == STATISTIC)
    except Exception:  # said where its own block is, or by the step that reads it
        return False


def _load(item: Item) -> StatMaps | None:
    try:
        found = item.load()
    except Exception:  # maps are shown without it
        return None
    return found if isinstance(found, StatMaps) and found.space.n_voxels else None


def _put(key: str, image: StatMaps, ends: Array, context: Context) -> bool:
    box = tuple(slice(first, last + 1) for first, last in ends.T)
    coded = quantise(image.space.volume(image.values[0].astype(np.float32), np.nan)[box], 8)
    if not context.budget.take(encoded_size(coded.codes.nbytes)):
        return False
    about: dict[str, Any] = {
        "name": image.names[0],
        "start": ends[0].tolist(),
        "shape": list(coded.codes.shape),
    }
    context.payloads[key] = {**about, **coded.plain()}
    return True
