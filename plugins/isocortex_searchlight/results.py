"""What a searchlight gives: values by centre, with status and voxel count of every one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from isocortex.data import Data, RDMs, Space, StatMaps
from isocortex.data.base import Array
from isocortex.errors import DataError

OK, FEW, UNDEFINED = 0, 1, 2
STATUS = {
    OK: "ok",
    FEW: "too few voxels",
    UNDEFINED: "undefined (a constant pattern, or none that the metric takes)",
}


@dataclass(frozen=True, eq=False, repr=False)
class SearchlightRDMs(Data):
    """One RDM a centre.

    centres : (n, 3) voxel indices.
    values : (n, pairs) condensed RDMs, NaN where undefined; a transposed view, pairs lie together in memory.
    counts : (n,) number of voxels in each searchlight.
    status : (n,) codes of ``STATUS``.
    dropped : how many voxels of the mask take no part, by reason.
    space : the mask and affine that the centres lie in, if they are known.
    """

    kind: ClassVar[str] = "searchlight_rdms"

    centres: npt.NDArray[np.int64]
    values: Array = field(repr=False)
    counts: npt.NDArray[np.int64]
    status: npt.NDArray[np.uint8]
    metric: str
    conditions: tuple[str, ...] | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)
    space: Space | None = None

    def rdms(self, rows: npt.ArrayLike) -> RDMs:
        """Labelled RDMs of some centres, by number; each is named by its voxel, ``12,40,33``."""
        if self.conditions is None:
            raise DataError(
                "these searchlight RDMs carry no condition labels: make them with conditions=[...]"
            )
        rows = np.atleast_1d(np.asarray(rows, dtype=np.intp))
        names = tuple(",".join(str(index) for index in self.centres[row]) for row in rows)
        return RDMs(np.ascontiguousarray(self.values[rows]), self.conditions, names, self.metric)

    def save(self, folder: Path) -> None:
        """Write ``values.npy`` (pairs, n), ``centres.npy``, ``counts.npy``, ``status.npy``, a description."""
        from isocortex.formats import arrays

        arrays.write_array(folder / "values.npy", self.values.T)
        for name in ("centres", "counts", "status"):
            arrays.write_array(folder / f"{name}.npy", getattr(self, name))
        if self.space is not None:
            self.space.save(folder)
        info = {"metric": self.metric, "conditions": self.conditions, "dropped": dict(self.dropped)}
        info["space"] = self.space is not None
        arrays.write_json(folder / "searchlight.json", info)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote; the RDMs are a memory map."""
        from isocortex.formats import arrays

        info = arrays.read_json(folder / "searchlight.json")
        conditions = None if info["conditions"] is None else tuple(info["conditions"])
        parts = {name: arrays.read_array(folder / f"{name}.npy") for name in ("centres", "counts", "status")}
        values = arrays.read_array(folder / "values.npy").T
        space = Space.load(folder) if info["space"] else None
        about = {"metric": info["metric"], "dropped": info["dropped"], "space": space}
        return cls(values=values, conditions=conditions, **about, **parts)

    def summary(self) -> str:
        """Say in one line what is in here."""
        return f"{len(self.centres)} searchlight RDMs ({self.metric}); {status_text(self.status)}"


def status_text(status: npt.NDArray[np.uint8]) -> str:
    """How many centres have which status, in words."""
    counts = np.bincount(status, minlength=len(STATUS))
    return ", ".join(f"{count} {STATUS[code]}" for code, count in enumerate(counts) if count)


@dataclass(frozen=True, eq=False, repr=False)
class SearchlightRSA:
    """Similarity of the RDM at each centre with each model.

    similarity : (models, n), NaN where undefined.
    p, p_fdr, p_fwe : (models, n) or None without permutations; over condition labels; uncorrected,
        Benjamini-Hochberg within each model, and by the maximum over all centres and models.
    other fields : see ``SearchlightRDMs``.
    """

    centres: npt.NDArray[np.int64]
    similarity: Array = field(repr=False)
    names: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    status: npt.NDArray[np.uint8]
    measure: str
    dropped: Mapping[str, int] = field(default_factory=dict)
    p: Array | None = field(default=None, repr=False)
    p_fdr: Array | None = field(default=None, repr=False)
    p_fwe: Array | None = field(default=None, repr=False)
    permutations: int = 0

    def __repr__(self) -> str:
        return f"<SearchlightRSA: {len(self.names)} models ({self.measure}); {status_text(self.status)}>"

    def maps(self, space: Space, what: str = "similarity") -> StatMaps:
        """One of the results as maps over the voxels of a space; NaN where there is no centre."""
        if self.centres.shape[1] != 3:
            raise DataError(
                "these are results of given neighbourhoods, not of voxels: there is no map of them"
            )
        values = getattr(self, what)
        if values is None:
            raise DataError(f"there is no {what}: run the searchlight with permutations")
        volume = np.full((len(self.names), *space.shape), np.nan, dtype=values.dtype)
        volume[(slice(None), *self.centres.T)] = values
        statistic = self.measure if what == "similarity" else what
        return StatMaps(volume[:, space.mask], self.names, space, statistic)
