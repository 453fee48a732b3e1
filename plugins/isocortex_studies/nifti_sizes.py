"""What NIfTI files hold and take in memory, from their headers and, where need be, a map or two."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.pipeline.costs import Unknown

LIBRARIES = 5 * 2**20
"""nibabel (measured)."""


class Header(NamedTuple):
    """Shape (x, y, z[, n]), bytes of a number in the file and as it is read, whether a constant is added."""

    shape: tuple[int, ...]
    stored: int
    dtype: np.dtype[Any]
    shifted: bool

    @property
    def numbers(self) -> int:
        """How many numbers the file holds."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def maps(self) -> int:
        """How many maps (x, y, z) it holds."""
        return self.shape[3] if len(self.shape) > 3 else 1

    @property
    def read(self) -> int:
        """Bytes of all numbers once they are read."""
        return self.numbers * self.dtype.itemsize

    @property
    def reading(self) -> int:
        """Most bytes while they are read: as stored and scaled, with a constant once more before it."""
        scaled = self.dtype.itemsize * (2 if self.shifted else 1) if self.is_scaled else 0
        return self.numbers * (self.stored + scaled)

    @property
    def is_scaled(self) -> bool:
        """Whether numbers are scaled, which makes float64 of them."""
        return self.shifted or self.dtype.itemsize != self.stored

    @property
    def itemsize(self) -> int:
        """Bytes of a number in ``Patterns``: whole numbers become float64."""
        return self.dtype.itemsize if self.dtype.kind == "f" else 8


def header_of(path: Path) -> Header:
    """Read a header; raises ``Unknown`` for what is no NIfTI file."""
    image = _opened(path)
    stored, scaled = image.get_data_dtype(), (image.dataobj.slope, image.dataobj.inter) != (1, 0)
    dtype = np.dtype(np.float64) if scaled else stored.newbyteorder("=")
    return Header(tuple(map(int, image.shape)), stored.itemsize, dtype, bool(image.dataobj.inter))


def first_maps(path: Path, number: int = 1) -> Array:
    """Read the first maps of a file, (x, y, z, number); the rest of it stays unread."""
    image = _opened(path)
    data = np.asanyarray(image.dataobj if len(image.shape) < 4 else image.dataobj[..., :number])
    return data.reshape(*data.shape[:3], -1)


def on_grid(taken: npt.NDArray[np.bool_], path: Path | None) -> npt.NDArray[np.bool_]:
    """Voxels that are also above 0 in the mask of a file, if there is one."""
    if path is None:
        return taken
    inside = first_maps(path)[..., 0] > 0
    if inside.shape != taken.shape:
        raise Unknown(f"the mask {path} lies on another grid")
    return taken & inside


def _opened(path: Path) -> Any:
    import nibabel

    try:
        return nibabel.load(path)
    except Exception as error:  # nibabel and gzip have no common error for damage
        raise Unknown(f"{path} is no NIfTI file that can be read ({error})") from None
