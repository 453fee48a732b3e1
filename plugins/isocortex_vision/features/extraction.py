"""Features of many images: one pass for all layers, batch by batch, into one file a layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from isocortex.contracts import Model
from isocortex.data import Features, Images
from isocortex.data.base import Array
from isocortex.data.units import Units, drawn
from isocortex.errors import DataError, PluginError
from isocortex.formats.scratch import ScratchArray, release
from isocortex.layer_names import select_layers
from isocortex.memory import kept
from isocortex.pipeline.isolation import generators_kept

MEMORY = 2**29
"""Bytes of features that a batch may have: so all of VGG19 stays below 3 GB, itself included."""
PIECE, MOST_PIECES = 64, 32
"""Images in a piece of the work, at least, and most pieces."""


@dataclass(frozen=True)
class Choice:
    """Which units of each layer are kept: ``units`` of them at most, drawn by ``seed``; means over a grid."""

    units: int | None = None
    grid: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("units", "grid"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise DataError(f"{name} is {value}; give 1 or more, or leave it out for all units")
        if self.seed < 0:
            raise DataError(f"units_seed is {self.seed}; it must be 0 or more")

    def of(self, layer: str, shape: tuple[int, ...]) -> Units:
        """Units of a layer: the same for all images."""
        return drawn(shape, layer, self.units, self.grid, self.seed)


ALL = Choice()


def features_of(
    images: Images,
    model: Model,
    layers: str | Sequence[str],
    batch: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    choice: Choice = ALL,
) -> Features:
    """Run a model over images; memory holds one batch, the rest is on disk (see ``formats.scratch``).

    Parameters
    ----------
    layers : names, patterns and short names (see ``layer_names``); the result is in forward order.
    batch : images at once; default the model's own ``batch_size`` (16 without one), fewer where
        their features take more than 512 MiB.
    progress : called with the number of images that are done, and of all.
    choice : which units of a layer are kept.

    Returns
    -------
    Features (images, ...units) float32 or float64, with the images' stimuli and categories, and which units
    they are where these are not all.
    """
    wanted = select_layers(model, layers)
    count = len(images)
    if not count:
        raise DataError("there are no images to take features of")
    size = batch_size(model, wanted, batch)
    if size < 1:
        raise DataError(f"batch is {size}; give one image or more")
    with ExitStack() as stack:
        stack.enter_context(kept())
        files: dict[str, ScratchArray] = {}
        units: dict[str, Units] = {}
        for start in range(0, count, size):
            part = images.values[start : start + size]
            with generators_kept():  # a model that draws gives the same whoever has which batch
                found = model.features(part, wanted)
            for name in wanted:
                values = _checked(found, name, len(part))
                if name not in files:
                    units[name] = choice.of(name, values.shape[1:])
                    shape = (count, *units[name].shape)
                    files[name] = stack.enter_context(ScratchArray(shape, _wide(values)))
                files[name].values[start : start + len(part)] = units[name].of(values)
                release(files[name].values)
            del found, values  # before the next batch is made
            release(images.values)
            if progress is not None:
                progress(start + len(part), count)
        done = {name: file.done() for name, file in files.items()}
    return Features(done, images.stimuli, images.categories, _title(model), units=units)


def image_pieces(count: int, batch: int) -> list[tuple[int, int]]:
    """Cut images into pieces of whole batches: 64 images or more, and not more than 32 pieces."""
    wanted = max(PIECE, -(-count // MOST_PIECES))
    size = -(-wanted // batch) * batch
    return [(start, min(start + size, count)) for start in range(0, count, size)]


def joined(
    parts: Sequence[Mapping[str, Array]], images: Images, model: Model, units: Mapping[str, Units]
) -> Features:
    """Put features of consecutive images together, one layer after the other, through files."""
    done = {}
    for name, first in parts[0].items():
        with ScratchArray((len(images), *first.shape[1:]), first.dtype) as file:
            start = 0
            for part in parts:
                file.values[start : start + len(part[name])] = part[name]
                start += len(part[name])
                release(file.values)
            if start != len(images):
                raise ValueError(f"parts of {start} images for {len(images)}")
            done[name] = file.done()
    return Features(done, images.stimuli, images.categories, _title(model), units=units)


def _title(model: Model) -> str:
    return str(getattr(model, "name", type(model).__name__))


def batch_size(model: Model, layers: str | Sequence[str], batch: int | None) -> int:
    """Images at once: as asked for, else the model's own, fewer where their features are too large."""
    return batch or _batch(model, select_layers(model, layers))


def _batch(model: Model, layers: Sequence[str]) -> int:
    size = int(getattr(model, "batch_size", 16))
    shapes: Mapping[str, tuple[int, ...]] | None = getattr(model, "layer_shapes", None)
    if shapes is None:
        return size
    each = 4 * sum(math.prod(shapes[name]) for name in layers)
    return max(1, min(size, MEMORY // max(each, 1)))


def _checked(found: Mapping[str, Array], name: str, count: int) -> Array:
    if name not in found:
        raise PluginError(f"the model was asked for the layer {name!r} and gave {', '.join(found) or 'none'}")
    values = np.asarray(found[name])
    if values.shape[:1] != (count,) or values.ndim < 2:
        raise PluginError(f"the model gave layer {name!r} of {count} images in the shape {values.shape}")
    return values


def _wide(values: Array) -> np.dtype[np.floating]:
    return np.dtype(np.float64 if values.dtype == np.float64 else np.float32)
