"""Outlines of the kinds of data: from sizes alone, and from results that are on disk."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isocortex.data import Features, Images, Patterns, RDMs, StatMaps
from isocortex.data.base import Data
from isocortex.pipeline.costs import Outline, Unknown, unknown

LABEL = 24
"""Bytes of a label in a file of JSON, about."""


def patterns(
    samples: int,
    channels: int,
    conditions: int | None = None,
    stimuli: int | None = None,
    grid: tuple[int, ...] | None = None,
    box: tuple[int, ...] | None = None,
    plane: int | None = None,
    itemsize: int = 4,
    runs: int | None = None,
) -> Outline:
    """Patterns (samples, channels) of so many different conditions, stimuli and runs.

    Of voxels on a ``grid`` (x, y, z): the ``box`` around the mask, and the most voxels with one x. Where
    these are not known the mask counts as an ellipsoid that fills the grid.
    """
    sizes: dict[str, Any] = {
        "samples": samples,
        "channels": channels,
        "conditions": samples if conditions is None else conditions,
        "itemsize": itemsize,
    }
    sizes |= {} if stimuli is None else {"stimuli": stimuli}
    sizes |= {} if runs is None else {"runs": runs}
    if grid is not None:
        sizes |= {"grid": tuple(grid), "box": tuple(box or grid)}
        sizes["plane"] = plane or min(math.prod(grid[1:]), math.ceil(1.5 * channels / grid[0]))
    files = 0 if grid is None else mask_file(channels, grid)
    return Outline("patterns", sizes, samples * (channels * itemsize + 3 * LABEL) + files)


def within(mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """The voxels of a mask (x, y, z) as ``patterns`` wants them: channels, grid, box, plane."""
    places = np.nonzero(mask)
    if not len(places[0]):
        raise Unknown("no voxel is left in the mask")
    return {
        "channels": len(places[0]),
        "grid": mask.shape,
        "box": tuple(int(np.ptp(axis)) + 1 for axis in places),
        "plane": int(np.bincount(places[0]).max()),
    }


def rdms(number: int, conditions: int, itemsize: int = 8) -> Outline:
    """RDMs of so many conditions."""
    pairs = conditions * (conditions - 1) // 2
    return Outline("RDMs", {"number": number, "conditions": conditions}, number * pairs * itemsize)


def features(samples: int, layers: Mapping[str, tuple[int, ...]], itemsize: int = 4) -> Outline:
    """Features: layer -> shape of one sample's units."""
    units = sum(math.prod(shape) for shape in layers.values())
    sizes = {"samples": samples, "layers": dict(layers), "units": units, "itemsize": itemsize}
    return Outline("features", sizes, samples * (units * itemsize + LABEL))


def images(number: int, height: int, width: int, itemsize: int = 1) -> Outline:
    """Pictures; files of PNG count as if nothing could be compressed, which is the most that they take."""
    pixels = number * height * width * 3
    sizes = {"number": number, "height": height, "width": width, "itemsize": itemsize}
    return Outline("images", sizes, pixels * (1 if itemsize == 1 else 1 + itemsize))


def maps(number: int, voxels: int, itemsize: int = 4, grid: tuple[int, ...] | None = None) -> Outline:
    """Maps over voxels, compressed: noise shrinks by a tenth, what is around it on a ``grid`` to a 180th."""
    sizes = {"number": number, "voxels": voxels, "itemsize": itemsize}
    around, files = (0, 0) if grid is None else (math.prod(grid) - voxels, mask_file(voxels, grid))
    return Outline("maps", sizes, int(number * itemsize * (0.92 * voxels + around / 180)) + files)


def mask_file(voxels: int, grid: tuple[int, ...]) -> int:
    """Bytes of a mask, compressed: little of the grid, most of the surface of what is in it (measured)."""
    return int(math.prod(grid) / 220 + 4.5 * voxels ** (2 / 3)) + 200


def small(what: str = "table") -> Outline:
    """Something of some kilobytes whose sizes nobody needs."""
    return Outline(what, {}, 2**12)


def of_result(folder: Path, kind: type[Data], size: int) -> Outline:
    """The outline of a result that is on disk, of so many bytes; no numbers are read."""
    reader = next((read for known, read in _READERS.items() if issubclass(kind, known)), None)
    if reader is None:
        return Outline(kind.kind, {}, size)
    try:
        found = reader(folder, kind)
    except Exception as error:  # whoever reads it says what is wrong
        return unknown(kind.kind, f"{folder} cannot be read ({error})")
    return Outline(found.what, found.sizes, size)


def _patterns(folder: Path, kind: Any) -> Outline:
    data: Patterns = kind.load(folder)
    stimuli = None if data.stimuli is None else len(set(data.stimuli))
    runs = None if data.runs is None else len(set(data.runs))
    number, channels = data.values.shape
    where: dict[str, Any] = {"channels": channels} if data.space is None else within(data.space.mask)
    named: dict[str, Any] = {"conditions": len(data.condition_names), "stimuli": stimuli, "runs": runs}
    return patterns(number, itemsize=data.values.itemsize, **named, **where)


def _rdms(folder: Path, kind: Any) -> Outline:
    data: RDMs = kind.load(folder)
    return rdms(len(data), data.n_conditions, data.values.itemsize)


def _features(folder: Path, kind: Any) -> Outline:
    data: Features = kind.load(folder)
    itemsize = max((values.itemsize for values in data.layers.values()), default=4)
    shapes = {name: values.shape[1:] for name, values in data.layers.items()}
    return features(data.n_samples, shapes, itemsize)


def _images(folder: Path, kind: Any) -> Outline:
    from isocortex.formats.arrays import read_array, read_json

    about = read_json(folder / "images.json")
    itemsize = 1 if about["exact"] else read_array(folder / "values.npy").itemsize
    number, height, width, _ = about["shape"]
    return images(number, height, width, itemsize)


def _maps(folder: Path, kind: Any) -> Outline:
    from isocortex.data import Space
    from isocortex.formats.arrays import read_json

    space = Space.load(folder)
    return maps(len(read_json(folder / "maps.json")["names"]), space.n_voxels, grid=space.shape)


_READERS: Mapping[type[Data], Any] = {
    Patterns: _patterns,
    RDMs: _rdms,
    Features: _features,
    Images: _images,
    StatMaps: _maps,
}
