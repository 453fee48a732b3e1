"""Pictures with labels: stimuli, reconstructions, preferred images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from isocortex.data.base import Array, Data, plain, read_only
from isocortex.data.labels import Labels, as_labels, positions, require_length, require_unique
from isocortex.errors import DamagedFile, DataError

HELD = 2**28
"""Bytes of pictures that are held in memory when they are read; more lie in a file until they are used."""


@dataclass(frozen=True, eq=False, repr=False)
class Images(Data):
    """RGB pictures of one size.

    Parameters
    ----------
    values : array (n, height, width, 3): uint8, or float32 / float64 on the scale 0 to 255; not copied.
    stimuli : one label an image, each once.
    categories : the category of each image, if there are any.
    """

    kind: ClassVar[str] = "images"

    values: Array
    stimuli: Labels
    categories: Labels | None = None

    def __post_init__(self) -> None:
        values = plain(self.values, "images")
        if values.ndim != 4 or values.shape[3] != 3:
            raise DataError(f"images: expected (n, height, width, 3) in RGB, got shape {values.shape}")
        if 0 in values.shape[1:]:
            raise DataError(f"images: pictures of {values.shape[1]} x {values.shape[2]} pixels hold nothing")
        if values.dtype not in (np.uint8, np.float32, np.float64):
            raise DataError(
                f"images: values are {values.dtype}; give uint8, or float32 on the scale 0 to 255"
            )
        stimuli = as_labels(self.stimuli, "images: stimuli")
        require_unique(stimuli, "images: stimuli")
        require_length(stimuli, values.shape[0], "images: stimuli")
        if self.categories is not None:
            categories = as_labels(self.categories, "images: categories")
            require_length(categories, len(stimuli), "images: categories")
            object.__setattr__(self, "categories", categories)
        object.__setattr__(self, "values", read_only(values))
        object.__setattr__(self, "stimuli", stimuli)

    def __len__(self) -> int:
        return len(self.stimuli)

    def select(self, stimuli: Sequence[str]) -> Images:
        """Keep and order images by label."""
        rows = positions(stimuli, self.stimuli, "images: stimuli")
        categories = None if self.categories is None else tuple(self.categories[row] for row in rows)
        return replace(self, values=self.values[rows], stimuli=tuple(stimuli), categories=categories)

    def save(self, folder: Path) -> None:
        """Write one PNG an image and ``images.json``; float images also exactly, as ``values.npy``."""
        from isocortex.formats import arrays, png

        files = arrays.file_names(self.stimuli)
        exact = self.values.dtype == np.uint8
        for stimulus, image in zip(self.stimuli, self.values, strict=True):
            png.write_png(folder / f"{files[stimulus]}.png", png.to_bytes(image))
        if not exact:
            arrays.write_array(folder / "values.npy", self.values)
        info = {"files": [files[name] for name in self.stimuli], "stimuli": self.stimuli}
        shape = list(self.values.shape)
        arrays.write_json(
            folder / "images.json", {**info, "categories": self.categories, "exact": exact, "shape": shape}
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        from isocortex.formats import arrays

        with arrays.described(folder / "images.json") as info:
            files, exact, shape = info.pop("files"), info.pop("exact"), info.pop("shape")
            if not exact:
                values = arrays.read_array(folder / "values.npy")
            elif files:
                values = _stacked(folder, files)
            else:
                values = np.empty((0, *shape[1:]), dtype=np.uint8)
            if list(values.shape) != shape:
                raise DamagedFile(f"{folder}: the pictures have the shape {values.shape}, expected {shape}")
            return cls(values=values, **info)

    def summary(self) -> str:
        """Say in one line what is in here."""
        return f"{len(self)} images of {self.values.shape[1]} x {self.values.shape[2]} pixels"


def _stacked(folder: Path, files: Sequence[str]) -> Array:
    """Pictures of one size, read one by one into one array; that of many lies on the disk."""
    from isocortex.formats import arrays, png, scratch

    first = png.read_png(arrays.inside(folder, f"{files[0]}.png"))
    shape = (len(files), *first.shape)
    if first.nbytes * len(files) <= HELD:
        return _filled(np.empty(shape, first.dtype), folder, files)
    with scratch.ScratchArray(shape, first.dtype) as file:
        _filled(file.values, folder, files)
        return file.done()


def _filled(values: Array, folder: Path, files: Sequence[str]) -> Array:
    from isocortex.formats import arrays, png, scratch

    for row, file in enumerate(files):
        picture = png.read_png(arrays.inside(folder, f"{file}.png"))
        if picture.shape != values.shape[1:] or picture.dtype != values.dtype:
            raise ValueError(f"{file}.png is not of the size of the others")
        values[row] = picture
        if row % 256 == 0:
            scratch.release(values)
    return values
