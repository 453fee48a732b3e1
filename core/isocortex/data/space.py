"""Where the channels of patterns and maps lie: a mask on a grid with an affine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array, plain, read_only
from isocortex.errors import DataError, GridMismatch


@dataclass(frozen=True, eq=False)
class Space:
    """A mask (x, y, z), and the affine (4, 4) that takes voxel indices to millimetres.

    Channel ``k`` of anything in this space is the ``k``-th True voxel of the mask in C order.
    """

    mask: npt.NDArray[np.bool_]
    affine: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        mask = plain(self.mask, "mask")
        if mask.ndim != 3 or 0 in mask.shape:
            raise DataError(f"a mask has three dimensions; this one has shape {mask.shape}")
        if mask.dtype != bool:
            if not np.isin(mask, (0, 1)).all():
                raise DataError("a mask holds only True and False (or 1 and 0); threshold it first")
            mask = mask.astype(bool)
        affine = np.asarray(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise DataError(f"an affine is a finite 4 x 4 matrix; this one has shape {affine.shape}")
        if not np.array_equal(affine[3], (0, 0, 0, 1)):
            raise DataError(f"the last row of an affine is 0 0 0 1; this one ends in {affine[3]}")
        if abs(np.linalg.det(affine[:3, :3])) < 1e-12:
            raise DataError("the affine is singular: its voxels have no volume")
        object.__setattr__(self, "mask", read_only(np.ascontiguousarray(mask)))
        object.__setattr__(self, "affine", read_only(affine))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Grid size in voxels."""
        return (self.mask.shape[0], self.mask.shape[1], self.mask.shape[2])

    @cached_property
    def n_voxels(self) -> int:
        """Number of voxels in the mask."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def voxels(self) -> npt.NDArray[np.intp]:
        """Grid indices of the mask's voxels, (n_voxels, 3), in channel order."""
        return read_only(np.argwhere(self.mask))

    @property
    def voxel_sizes(self) -> npt.NDArray[np.float64]:
        """Edge lengths of a voxel in millimetres, (3,)."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0), dtype=np.float64)

    def same_grid(self, other: Space) -> bool:
        """Whether shape and affine agree (to a thousandth of the smallest voxel edge)."""
        tolerance = 1e-3 * float(self.voxel_sizes.min())
        return self.shape == other.shape and bool(np.allclose(self.affine, other.affine, 0, tolerance))

    def require_same_grid(self, other: Space, what: str = "volumes") -> None:
        """Raise ``GridMismatch`` naming both grids unless they are one."""
        if not self.same_grid(other):
            raise GridMismatch(
                f"{what} lie on different grids: {self.describe()} and {other.describe()}; "
                "resample one of them first"
            )

    def require_same_voxels(self, other: Space, what: str = "volumes") -> None:
        """Raise ``GridMismatch`` unless grids and masks agree."""
        self.require_same_grid(other, what)
        if not np.array_equal(self.mask, other.mask):
            only = (
                int(np.count_nonzero(self.mask & ~other.mask)),
                int(np.count_nonzero(other.mask & ~self.mask)),
            )
            raise GridMismatch(
                f"{what} lie on one grid but in different masks: {only[0]} voxels are only in the first and "
                f"{only[1]} only in the second; use one mask for both, or their intersection"
            )

    def describe(self) -> str:
        """Shape, voxel size and origin in words."""
        size = " x ".join(f"{edge:.7g}" for edge in self.voxel_sizes)
        origin = ", ".join(f"{value:.7g}" for value in self.affine[:3, 3])
        rows = "; ".join(" ".join(f"{value:.7g}" for value in row) for row in self.affine[:3])
        grid = " x ".join(map(str, self.shape))
        return f"{grid} voxels of {size} mm from ({origin}) [affine {rows}]"

    def volume(self, values: Array, fill: float = 0.0) -> Array:
        """Put channel values (n_voxels, ...) back into a volume (x, y, z, ...)."""
        if len(values) != self.n_voxels:
            raise DataError(f"{len(values)} values for a mask of {self.n_voxels} voxels")
        out = np.full(self.shape + values.shape[1:], fill, dtype=values.dtype)
        out[self.mask] = values
        return out

    def channels(self, volume: Array) -> Array:
        """Take the mask's voxels out of a volume (x, y, z, ...), in channel order."""
        if volume.shape[:3] != self.shape:
            raise GridMismatch(
                f"a volume of shape {volume.shape[:3]} does not fit a mask of shape {self.shape}"
            )
        taken: npt.NDArray[Any] = volume[self.mask]
        return taken

    def save(self, folder: Path, name: str = "mask") -> None:
        """Write the mask as ``mask.nii.gz``, its affine in the header and exactly in ``mask.json``."""
        from isocortex.formats import arrays, nifti

        nifti.write_volume(folder / f"{name}.nii.gz", self.mask.astype(np.uint8), self.affine)
        arrays.write_json(folder / f"{name}.json", {"affine": self.affine.tolist()})

    @classmethod
    def load(cls, folder: Path, name: str = "mask") -> Space:
        """Read what ``save`` wrote."""
        from isocortex.formats import arrays, nifti

        volume, _ = nifti.read_volume(folder / f"{name}.nii.gz")
        with arrays.described(folder / f"{name}.json") as info:
            return cls(volume, np.array(info["affine"], dtype=np.float64))
