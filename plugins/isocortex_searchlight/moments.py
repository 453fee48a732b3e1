"""Searchlight RDMs by running sums: the metrics that are made of sums over the voxels of a sphere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.threads import over
from isocortex_searchlight import kernels
from isocortex_searchlight.geometry import Box, Geometry, box

CLOSE = {np.dtype(np.float32): 0.05, np.dtype(np.float64): 1e-4}
"""A centre where a pattern's variance is below this share of its mean square is computed again, directly in
float64: there the sums have lost too many digits."""


@dataclass
class Sums:
    """The padded box with the data in it, and the sums of one condition at every centre.

    data : (x, y, z, conditions); it is centred by each condition's median, which any constant would do for.
    dtype : float32 or float64, of all sums.
    """

    geo: Geometry
    data: Array
    dtype: np.dtype[Any]

    @cached_property
    def box(self) -> Box:
        """Layout."""
        return box(self.geo)

    @property
    def n_conditions(self) -> int:
        """Number of conditions."""
        return int(self.data.shape[3])

    @cached_property
    def centre(self) -> npt.NDArray[np.float64]:
        """A typical value of each condition, (conditions,); the median, since an outlier cannot move it."""
        voxels = np.flatnonzero(self.geo.members)
        if not len(voxels):
            return np.zeros(self.n_conditions)
        some = np.unravel_index(voxels[:: max(1, len(voxels) // 4096)], self.geo.shape)
        return np.asarray(np.median(self.data[some].astype(np.float64), axis=0))

    def padded(self, centre: npt.NDArray[np.float64] | None) -> Array:
        """The data in the box, (conditions + 1, 1, x, y, z), the last being the members.

        ``centre`` (conditions,) is taken away; without one, each voxel's mean over conditions is.
        """
        lay = self.box
        out = np.zeros((self.n_conditions + 1, *lay.shape), dtype=self.dtype)
        before = np.array([a for a, _ in lay.pad], dtype=np.int64)
        low = np.array(lay.low, dtype=np.int64)
        shift = np.zeros(self.n_conditions) if centre is None else centre

        def load(x0: int, x1: int) -> None:
            kernels.load_box(self.data, self.geo.members, shift, centre is None, low, before, x0, x1, out)

        over(self.geo.shape[0], load, piece=8)
        return out[:, None]

    def empty(self, parts: int, conditions: int) -> Array:
        """The box without anything in it: (conditions, parts, x, y, z)."""
        return np.zeros((conditions, parts, *self.box.shape), dtype=self.dtype)

    def scatter(self, rows: Array, voxels: tuple[npt.NDArray[np.int64], ...], box: Array) -> None:
        """Put values (parts, conditions, voxels) of some voxels into the box."""
        lay = self.box
        place = tuple(index - low + pad[0] for index, low, pad in zip(voxels, lay.low, lay.pad, strict=True))
        for part, conditions in enumerate(rows):
            for condition, values in enumerate(conditions):
                box[condition, part][place] = values

    def blocks(self, n_pairs: int, limit: int) -> list[tuple[int, int]]:
        """Cut the planes into ranges whose results stay below a number of bytes; at least one plane each."""
        lay = self.box
        per_plane = np.diff(lay.dense[lay.row_start]) * n_pairs * self.dtype.itemsize
        planes = np.flatnonzero(per_plane)
        ranges: list[tuple[int, int]] = []
        start, used = None, 0
        for x in planes:
            if start is not None and used + per_plane[x] > limit:
                ranges.append((int(start), int(x)))
                start, used = None, 0
            start = x if start is None else start
            used += int(per_plane[x])
        if start is not None:
            ranges.append((int(start), int(planes[-1]) + 1))
        return ranges

    def span(self, planes: tuple[int, int]) -> tuple[int, int]:
        """First and last (exclusive) number of the centres in a range of planes."""
        lay = self.box
        return int(lay.dense[lay.row_start[planes[0]]]), int(lay.dense[lay.row_start[planes[1]]])

    def run(
        self,
        left: Array,
        first: npt.NDArray[np.int64],
        second: npt.NDArray[np.int64],
        planes: tuple[int, int] | None = None,
        right: Array | None = None,
        difference: bool = False,
        finish: Callable[..., None] | None = None,
        terms: tuple[Array, ...] = (),
        out: Array | None = None,
    ) -> Array:
        """Sum over all spheres, for pairs of rows: (pairs, centres of the planes). See the kernels.

        ``finish`` turns the sums into distances, with ``terms``, while they are in the cache.
        """
        lay = self.box
        planes = planes or (0, lay.shape[0])
        start, stop = self.span(planes)
        if out is None:
            out = np.empty((len(first), stop - start), dtype=self.dtype)
        right = left if right is None else right
        runs, snap = _in_eights(lay.runs), self.dtype.type(16 * np.finfo(self.dtype).eps)

        def some(a: int, b: int) -> None:
            kernels.sphere_sums(
                left, right, first[a:b], second[a:b], difference, planes[0], planes[1],
                lay.pad[0][0], lay.pad[0][1], lay.pad[2][0], runs, lay.levels,
                lay.row_start, lay.rows, lay.first_z, lay.last_z, lay.dense, lay.inside, start,
                out[a:b],
            )  # fmt: skip
            if finish is not None:
                finish(out[a:b], first[a:b], second[a:b], *terms, snap)

        over(len(first), some, piece=4)
        return out

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """Number of members in each searchlight, (centres,)."""
        nobody = Sums(self.geo, self.data[..., :0], np.dtype(np.float32))
        nobody.__dict__["box"] = self.box  # laid out once
        only = np.zeros(1, dtype=np.int64)
        return np.asarray(np.rint(nobody.run(nobody.padded(np.zeros(0)), only, only)[0]).astype(np.int64))


def _in_eights(runs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Fill up to a multiple of eight runs with ones that point at zeros."""
    filler = np.zeros((-len(runs) % 8, 4), dtype=np.int64)
    filler[:, 3] = -1
    return np.concatenate([runs, filler])


def pairs_of(n_conditions: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Both conditions of each pair, in the order of condensed RDMs."""
    first, second = np.triu_indices(n_conditions, 1)
    return first.astype(np.int64), second.astype(np.int64)
