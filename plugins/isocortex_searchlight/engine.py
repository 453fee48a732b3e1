"""Searchlight RDMs, from patterns on a grid to one RDM a centre."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from isocortex.choices import require_choice
from isocortex.data import Patterns, Space
from isocortex.data.base import Array, plain
from isocortex.data.labels import as_labels, codes, require_length, require_unique
from isocortex.data.spread import evenly
from isocortex.errors import DataError
from isocortex.handles import MetricHandle
from isocortex.pipeline.isolation import generators_kept
from isocortex_searchlight.adjacency import Neighbourhoods, neighbourhoods
from isocortex_searchlight.direct import direct
from isocortex_searchlight.forms import Form, dtype_for, form_of
from isocortex_searchlight.geometry import Geometry, Policy, geometry, policy_of
from isocortex_searchlight.moments import Sums
from isocortex_searchlight.results import FEW, OK, UNDEFINED, SearchlightRDMs

Unit = Literal["voxels", "mm"]
Edges = Literal["truncate", "drop"]
Members = Literal["mask", "volume", "lee2023"]
Precision = Literal["float32", "float64"]

BLOCK_BYTES = 2**28
"""Largest block of RDMs that is held at a time where results are reduced or written."""


MANY = 0.01
"""Share of centres that lack digits in float32 from which on all are summed in float64 instead."""


@dataclass
class Searchlight:
    """A prepared searchlight: blocks of RDMs can be taken from it, planes of centres at a time.

    data : (x, y, z, samples); ``needs``: what the metric wants besides (condition and run codes).
    """

    data: Array
    geo: Geometry
    policy: Policy
    metric: MetricHandle
    sums: Sums
    form: Form | None
    n_conditions: int
    dropped: dict[str, int]
    conditions: tuple[str, ...] | None
    needs: dict[str, Any] = field(default_factory=dict)
    space: Space | None = None

    @cached_property
    def _double(self) -> Form:
        """The same in float64, for data that float32 sums cannot tell apart."""
        sums = Sums(self.geo, self.data, np.dtype(np.float64))
        form = form_of(self.metric, sums, self.needs)
        assert form is not None
        return form

    @property
    def n_pairs(self) -> int:
        """Pairs of conditions."""
        return self.n_conditions * (self.n_conditions - 1) // 2

    @property
    def centres(self) -> npt.NDArray[np.int64]:
        """Voxel indices of the centres, (n, 3)."""
        return self.geo.centres

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Number of voxels in each searchlight."""
        return self.sums.counts

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of the results."""
        return self.sums.dtype

    def ranges(self, limit: int = BLOCK_BYTES) -> list[tuple[int, int]]:
        """Ranges of planes whose RDMs fit a number of bytes."""
        return self.sums.blocks(self.n_pairs, limit)

    def block(self, planes: tuple[int, int], out: Array | None = None) -> tuple[slice, Array, Array]:
        """RDMs (pairs, centres) of a range of planes, and the status of its centres."""
        start, stop = self.sums.span(planes)
        counts = self.sums.counts
        if self.form is None:
            values = np.empty((self.n_pairs, stop - start), self.sums.dtype) if out is None else out
            closer = np.arange(start, stop)
        else:
            found = self.form.block(planes, out)
            values = found.values
            if values.dtype == np.float32 and np.count_nonzero(found.direct) > MANY * found.direct.size:
                found = self._double.block(planes, None)
                values[:] = found.values
            few = counts[start:stop] < self.policy.min_voxels
            closer = start + np.flatnonzero(found.direct | few)
        if len(closer):
            exact, least = np.empty((self.n_pairs, len(closer))), self.policy.min_voxels
            with generators_kept():  # a metric that draws gives the same whoever has which block
                direct(self.metric, self.data, self.geo, closer, counts, least, exact, self.needs)
            values[:, closer - start] = exact
        status = np.full(stop - start, OK, dtype=np.uint8)
        if len(closer):
            status[closer - start] = np.where(np.isnan(exact).any(axis=0), UNDEFINED, OK)
        status[counts[start:stop] < self.policy.min_voxels] = FEW
        return slice(start, stop), values, status

    def blocks(self, limit: int = BLOCK_BYTES) -> Iterator[tuple[slice, Array, Array]]:
        """Go through all centres."""
        for planes in self.ranges(limit):
            yield self.block(planes)


def prepare(
    data: Array | Patterns,
    mask: npt.ArrayLike | None = None,
    metric: object = "correlation",
    *,
    affine: npt.ArrayLike | None = None,
    conditions: Sequence[object] | None = None,
    preset: str = "default",
    dtype: Literal["float32", "float64"] | None = None,
    centres: int | None = None,
    **settings: object,
) -> Searchlight:
    """Check the input and lay everything out. See ``searchlight_rdms`` for the arguments."""
    from isocortex_rsa._components import metric_handle

    for name, choices in (("unit", Unit), ("edges", Edges), ("members", Members)):
        if settings.get(name) is not None:
            require_choice(settings[name], choices, name)
    if dtype is not None:
        require_choice(dtype, Precision, "dtype")
    handle = metric_handle(metric)
    volume, grid, affine, labels, needs = _volume(data, mask, affine, conditions, handle)
    policy = policy_of(preset, **settings)
    if dtype is None:
        dtype = "float32" if volume.dtype == np.float32 else "float64"
    geo, dropped = geometry(volume, grid, policy, affine)
    if not len(geo.centres):
        raise DataError(
            "no centre is left: the mask is thinner than the searchlight's edges and min_fraction allow"
        )
    if centres is not None:
        geo = _thinned(geo, centres)
    n = int(needs["conditions"].max()) + 1 if "conditions" in needs else volume.shape[3]
    if n < 2:
        raise DataError(f"an RDM needs at least 2 conditions, these data have {n}")
    sums = Sums(geo, volume, dtype_for(handle, np.dtype(dtype)))
    space = Space(grid, np.asarray(affine)) if affine is not None else None
    form = form_of(handle, sums, needs)
    return Searchlight(volume, geo, policy, handle, sums, form, n, dropped, labels, needs, space)


def _thinned(geo: Geometry, limit: int) -> Geometry:
    """The same with fewer centres; which voxels count as members stays."""
    if limit < 1:
        raise DataError(f"centres is {limit}; give 1 or more, or leave it out for every voxel of the mask")
    return replace(geo, centres=geo.centres[evenly(geo.centres, limit)])


def searchlight_rdms(
    data: Array | Patterns,
    mask: npt.ArrayLike | None = None,
    radius: float | None = None,
    metric: object = "correlation",
    *,
    unit: Literal["voxels", "mm"] | None = None,
    affine: npt.ArrayLike | None = None,
    inclusive: bool | None = None,
    min_voxels: int | None = None,
    edges: Literal["truncate", "drop"] | None = None,
    min_fraction: float | None = None,
    members: Literal["mask", "volume", "lee2023"] | None = None,
    preset: str = "default",
    conditions: Sequence[object] | None = None,
    dtype: Literal["float32", "float64"] | None = None,
    adjacency: object = None,
    out: str | Path | None = None,
    centres: int | None = None,
) -> SearchlightRDMs:
    """Compute one RDM for each searchlight.

    Parameters
    ----------
    data : array (x, y, z, conditions), or ``Patterns`` in a space (which then bring mask, affine and labels).
    mask : array (x, y, z); its voxels are the centres.
    radius : 3 voxels by default; see ``geometry.Policy`` for it and for unit, inclusive, min_voxels, edges,
        min_fraction and members, which are None for what the preset says.
    metric : name of an RDM metric, or a metric. Those with ``from_moments`` run on running sums; any other
        Python callable is called centre by centre.
    preset : "default", "lee2023" (study A's notebook) or "rsatoolbox".
    conditions : labels of the conditions, if the result is to carry them.
    dtype : precision of sums and result; by default that of the data (whole numbers: float64).
    adjacency : instead of a sphere, the channels of each neighbourhood of ``Patterns`` (see
        ``adjacency.neighbourhoods``); parcels of an atlas come from ``adjacency.parcels``.
    out : write the RDMs into this ``.npy`` file, a memory map, instead of memory.
    centres : compute at most so many, evenly spread over the mask and the same ones each time, instead of one
        at every voxel; those that are computed are what they would be among all.

    Returns
    -------
    ``SearchlightRDMs``. A centre whose RDM is undefined or that has too few voxels holds NaN and says so in
    its status. No centre's result depends on voxels outside its searchlight.

    Raises ``DataError`` for a mask on another grid, too few conditions, or labels that do not fit.
    """
    if adjacency is not None and isinstance(data, Patterns):
        beside = (
            mask, radius, unit, affine, inclusive, edges, min_fraction, members, conditions, dtype, out,
            centres,
        )  # fmt: skip
        if any(value is not None for value in beside) or preset != "default":
            raise DataError("with an adjacency there is no sphere: give only patterns, metric and min_voxels")
    if adjacency is not None:
        return _of_adjacency(data, adjacency, metric, min_voxels)
    light = prepare(
        data, mask, metric, affine=affine, conditions=conditions, preset=preset, dtype=dtype, radius=radius,
        unit=unit, inclusive=inclusive, min_voxels=min_voxels, edges=edges, min_fraction=min_fraction,
        members=members, centres=centres,
    )  # fmt: skip
    shape = (light.n_pairs, len(light.geo.centres))
    if out is None:
        values = np.empty(shape, dtype=light.sums.dtype)
        ranges = [(0, light.sums.box.shape[0])]
    else:
        values = np.lib.format.open_memmap(
            Path(out), mode="w+", dtype=light.sums.dtype, shape=shape[::-1], fortran_order=True
        ).T
        ranges = light.ranges()
    status = np.empty(shape[1], dtype=np.uint8)
    for planes in ranges:
        where = slice(*light.sums.span(planes))
        whole = where.stop - where.start == shape[1]
        _, block, status[where] = light.block(planes, values if whole and out is None else None)
        if block is not values:
            values[:, where] = block
    about = (light.metric.name, light.conditions, light.dropped, light.space)
    return SearchlightRDMs(light.centres, values.T, light.counts, status, *about)


def _of_adjacency(data: object, adjacency: object, metric: object, min_voxels: int | None) -> SearchlightRDMs:
    light = given(data, adjacency, metric, min_voxels)
    values = np.empty((light.n_pairs, len(light.members)), dtype=light.dtype)
    status = np.empty(len(light.members), dtype=np.uint8)
    for where, block, status[where] in light.blocks():
        values[:, where] = block
    about = (light.metric.name, light.conditions, light.dropped)
    return SearchlightRDMs(light.centres, values.T, light.counts, status, *about)


def given(data: object, adjacency: object, metric: object, min_voxels: int | None) -> Neighbourhoods:
    """Prepare given neighbourhoods instead of a moving shape."""
    from isocortex_rsa._components import metric_handle

    if not isinstance(data, Patterns):
        raise DataError("an adjacency is over the channels of Patterns; give these instead of an array")
    return neighbourhoods(data, adjacency, metric_handle(metric), 2 if min_voxels is None else min_voxels)


def _volume(
    data: Array | Patterns,
    mask: npt.ArrayLike | None,
    affine: npt.ArrayLike | None,
    conditions: Sequence[object] | None,
    metric: MetricHandle,
) -> tuple[Array, npt.NDArray[np.bool_], npt.ArrayLike | None, tuple[str, ...] | None, dict[str, Any]]:
    """Bring the data into a volume, with mask, affine, labels and what else the metric needs."""
    if isinstance(data, Patterns):
        if conditions is not None or affine is not None:
            raise DataError(
                "Patterns bring their own condition labels and affine: leave out those given beside"
            )
        return _from_patterns(data, mask, metric)
    if metric.needs:
        raise DataError(
            f"the metric {metric.name!r} needs {', '.join(sorted(metric.needs))}: give it Patterns"
        )
    volume = plain(data, "searchlight data")
    if volume.ndim != 4 or volume.dtype.kind not in "fiub":
        raise DataError(
            f"expected numbers of shape (x, y, z, conditions), got {volume.dtype} of shape {volume.shape}"
        )
    if volume.dtype not in (np.float32, np.float64):
        volume = volume.astype(np.float64)
    if mask is None:
        raise DataError("a searchlight over an array needs a mask (x, y, z)")
    grid = _mask(mask, volume.shape[:3])
    labels = None
    if conditions is not None:
        labels = as_labels(conditions, "conditions")
        require_unique(labels, "conditions")
        require_length(labels, volume.shape[3], "conditions")
    return volume, grid.astype(bool), affine, labels, {}


def _mask(mask: npt.ArrayLike, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    grid = plain(mask, "the mask")
    if grid.dtype != bool and not np.isin(grid, (0, 1)).all():
        raise DataError("a mask holds only True and False (or 1 and 0); threshold it first")
    if grid.shape != tuple(shape):
        raise DataError(f"the mask has shape {grid.shape}, the data lie on {tuple(shape)}")
    return np.asarray(grid.astype(bool))


def _from_patterns(
    patterns: Patterns, mask: npt.ArrayLike | None, metric: MetricHandle
) -> tuple[Array, npt.NDArray[np.bool_], npt.ArrayLike | None, tuple[str, ...] | None, dict[str, Any]]:
    space = patterns.space
    if space is None:
        raise DataError(
            "these patterns lie in no space: a searchlight needs to know where their channels are"
        )
    names = patterns.condition_names
    values = patterns.values
    needs: dict[str, Any] = {}
    if "runs" in metric.needs:
        if patterns.runs is None:
            raise DataError(
                f"the metric {metric.name!r} compares runs, but these patterns carry no run labels"
            )
        needs = {"conditions": codes(patterns.conditions, names), "runs": codes(patterns.runs)}
    elif len(names) != patterns.n_samples:
        constant = np.all(values == values[:1], axis=0)
        means = patterns.condition_means().values
        values = np.where(constant, means[:1], means)  # rounding must not make a constant voxel vary
    # what lies outside the patterns' mask is unknown, not zero
    volume = np.full((*space.shape, len(values)), np.nan, dtype=values.dtype)
    volume[space.mask] = values.T
    grid = space.mask
    if mask is not None:
        grid = _mask(mask, space.shape) & space.mask
    return volume, grid, space.affine, names, needs
