"""Statistical maps: one value a voxel, in a space, for one or more models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from isocortex.data.base import Array, Data, frozen
from isocortex.data.labels import Labels, as_labels, positions, require_length, require_unique
from isocortex.data.space import Space
from isocortex.errors import DataError, GridMismatch


@dataclass(frozen=True, eq=False, repr=False)
class StatMaps(Data):
    """Named maps over the voxels of a space.

    Parameters
    ----------
    values : array (n, voxels), float32 or float64; not copied. NaN marks a voxel without a value.
    names : one label a map (layer, code ...), each once.
    space : where the voxels lie.
    statistic : what the values are ("spearman", "t", "p_fwe", ...).
    """

    kind: ClassVar[str] = "maps"

    values: Array
    names: Labels
    space: Space
    statistic: str

    def __post_init__(self) -> None:
        values = frozen(self.values, 2, "maps")
        names = as_labels(self.names, "maps: names")
        require_unique(names, "maps: names")
        require_length(names, values.shape[0], "maps: names")
        if not names:
            raise DataError("maps: there is none; give at least one")
        if values.shape[1] != self.space.n_voxels:
            raise GridMismatch(
                f"maps of {values.shape[1]} voxels do not fit a mask of {self.space.n_voxels} voxels"
            )
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "names", names)

    def __len__(self) -> int:
        return int(self.values.shape[0])

    def volume(self, name: str, fill: float = np.nan) -> Array:
        """One map as a volume (x, y, z), ``fill`` outside the mask."""
        row = positions([name], self.names, "maps: names")[0]
        return self.space.volume(self.values[row], fill)

    def pick(self, names: Sequence[str]) -> StatMaps:
        """Keep and order maps by name."""
        rows = positions(names, self.names, "maps: names")
        return replace(self, values=self.values[rows], names=tuple(names))

    def save(self, folder: Path) -> None:
        """Write ``maps.nii.gz`` (NaN outside the mask), ``maps.json``, ``mask.nii.gz`` and ``mask.json``."""
        from isocortex.formats import arrays, nifti

        volume = self.space.volume(np.ascontiguousarray(self.values.T), np.nan)
        nifti.write_volume(folder / "maps.nii.gz", volume, self.space.affine)
        self.space.save(folder)
        arrays.write_json(folder / "maps.json", {"names": self.names, "statistic": self.statistic})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        from isocortex.formats import arrays, nifti

        space = Space.load(folder)
        volume, _ = nifti.read_volume(folder / "maps.nii.gz")
        if volume.ndim != 4:
            raise DataError(f"{folder / 'maps.nii.gz'}: expected (x, y, z, maps), got shape {volume.shape}")
        values = np.ascontiguousarray(space.channels(volume).T)
        with arrays.described(folder / "maps.json") as info:
            return cls(values=values, space=space, **info)

    def summary(self) -> str:
        """Say in one line what is in here."""
        return f"{len(self)} maps of {self.statistic} over {self.space.n_voxels} voxels"
