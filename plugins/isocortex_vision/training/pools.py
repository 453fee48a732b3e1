"""The pictures of a training, by position: digits and objects apart, each kind of one size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isocortex.data import Images
from isocortex.data.base import Array
from isocortex.data.labels import Labels, require_unique
from isocortex.errors import DataError
from isocortex_vision.networks.resizing import resizing
from isocortex_vision.training.classes import categories_of

Places = npt.NDArray[np.intp]
_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Pool:
    """Pictures of one size that may lie in several arrays, which are not copied.

    Parameters
    ----------
    parts : arrays (n, side, side, 3).
    places : (pictures, 2): part and row of each picture.
    codes : (pictures,): its class, as its place in the order of classes.
    side : height and width of the pictures.
    """

    parts: tuple[Array, ...]
    places: Places
    codes: Places
    side: int

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, positions: Array) -> npt.NDArray[np.float32]:
        """Give pictures (n, side, side, 3) as float32, 0 to 255."""
        wanted = self.places[positions]
        out = np.empty((len(wanted), self.side, self.side, 3), dtype=np.float32)
        for number, part in enumerate(self.parts):
            rows = np.flatnonzero(wanted[:, 0] == number)
            out[rows] = part[wanted[rows, 1]]
        return out


def make_pool(sources: Sequence[Images], names: Labels, classes: Labels, side: int) -> Pool:
    """Gather the pictures of the classes ``names``; pictures of another size are resized to ``side``.

    What is resized is kept as whole numbers again where it came so (8 bits a channel).
    """
    parts, places, codes = [], [np.empty((0, 2), dtype=np.intp)], []
    for images in sources:
        categories = categories_of(images, "training")
        rows = np.array([k for k, name in enumerate(categories) if name in names], dtype=np.intp)
        values = images.values
        if values.shape[1:3] != (side, side):
            values, kept = _resized(values, rows, side), np.arange(len(rows), dtype=np.intp)
        else:
            kept = rows
        places.append(np.stack([np.full_like(rows, len(parts)), kept], axis=1))
        parts.append(values)
        codes += [classes.index(categories[row]) for row in rows]
    return Pool(tuple(parts), np.concatenate(places), np.array(codes, dtype=np.intp), side)


def check_labels(sources: Sequence[Images]) -> None:
    """Raise where two pictures carry one label, or where one holds NaN or infinity."""
    require_unique([label for images in sources for label in images.stimuli], "training: stimuli")
    for images in sources:
        if images.values.dtype.kind == "f":
            for start in range(0, len(images), _AT_ONCE):
                if not np.isfinite(images.values[start : start + _AT_ONCE]).all():
                    raise DataError("training: the images hold NaN or infinity")


def _resized(values: Array, rows: Places, side: int) -> Array:
    to_rows, to_columns = (resizing(have, side).astype(np.float32) for have in values.shape[1:3])
    whole = values.dtype == np.uint8
    out = np.empty((len(rows), side, side, 3), dtype=np.uint8 if whole else np.float32)
    for start in range(0, len(rows), _AT_ONCE):
        some = values[rows[start : start + _AT_ONCE]]
        made = np.einsum("ih,nhwc,jw->nijc", to_rows, some.astype(np.float32), to_columns, optimize=True)
        out[start : start + len(some)] = np.clip(np.rint(made), 0, 255) if whole else made
    return out
