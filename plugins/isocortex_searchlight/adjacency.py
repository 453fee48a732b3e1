"""Neighbourhoods that are no moving shape: parcels of an atlas, patches of a surface, any adjacency."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from isocortex.data import Patterns
from isocortex.data.base import Array
from isocortex.data.labels import codes
from isocortex.errors import DataError
from isocortex.handles import MetricHandle
from isocortex_searchlight.results import FEW, OK, UNDEFINED

Indices = npt.NDArray[np.int64]


@dataclass
class Neighbourhoods:
    """RDMs of given sets of channels, in the form that searchlights have.

    patterns : (samples, channels); members : the channels of each neighbourhood that take part;
    centres : (n, k) what names each neighbourhood.
    """

    patterns: Array
    members: Sequence[Indices]
    centres: Indices
    metric: MetricHandle
    n_conditions: int
    dropped: dict[str, int]
    conditions: tuple[str, ...] | None
    min_voxels: int
    needs: dict[str, Any] = field(default_factory=dict)

    @property
    def n_pairs(self) -> int:
        """Pairs of conditions."""
        return self.n_conditions * (self.n_conditions - 1) // 2

    @property
    def counts(self) -> Indices:
        """Number of channels in each neighbourhood."""
        return np.array([len(member) for member in self.members], dtype=np.int64)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of the results."""
        return np.dtype(np.float32 if self.patterns.dtype == np.float32 else np.float64)

    def blocks(self, limit: int = 2**28) -> Iterator[tuple[slice, Array, Array]]:
        """RDMs (pairs, neighbourhoods) and status, some neighbourhoods at a time."""
        step = max(1, limit // max(1, self.n_pairs * 8))
        for start in range(0, len(self.members), step):
            some = self.members[start : start + step]
            values = np.full((self.n_pairs, len(some)), np.nan, dtype=self.dtype)
            status = np.full(len(some), FEW, dtype=np.uint8)
            for column, member in enumerate(some):
                if len(member) >= self.min_voxels:
                    taken = np.ascontiguousarray(self.patterns[:, member], dtype=np.float64)
                    rdm = self.metric(taken, **self.needs)
                    values[:, column] = rdm
                    status[column] = UNDEFINED if np.isnan(rdm).any() else OK
            yield slice(start, start + len(some)), values, status


def neighbourhoods(
    patterns: Patterns, adjacency: object, metric: MetricHandle, min_voxels: int = 2, centres: object = None
) -> Neighbourhoods:
    """Check an adjacency and take out channels that hold no measurement.

    Parameters
    ----------
    adjacency : a sparse or dense matrix (n, channels), non-zero where a channel belongs, or a list of n lists
        of channel numbers.
    centres : (n, k) coordinates of the neighbourhoods, or their numbers.

    Channels with a value that is not finite, or with one constant value, take no part.
    """
    lists = members_of(adjacency, patterns.n_channels)
    values = patterns.values
    needs: dict[str, Any] = {}
    names = patterns.condition_names
    if "runs" in metric.needs:
        if patterns.runs is None:
            raise DataError(
                f"the metric {metric.name!r} compares runs, but these patterns carry no run labels"
            )
        needs = {"conditions": codes(patterns.conditions, names), "runs": codes(patterns.runs)}
    elif len(names) != patterns.n_samples:
        values = patterns.condition_means().values
    finite = np.isfinite(patterns.values).all(axis=0)
    varying = np.any(patterns.values != patterns.values[:1], axis=0)
    dropped = {"not_finite": int((~finite).sum()), "constant": int((finite & ~varying).sum())}
    good = finite & varying
    kept = [member[good[member]] for member in lists]
    places = np.arange(len(kept))[:, None] if centres is None else np.asarray(centres, dtype=np.int64)
    if len(places) != len(kept):
        raise DataError(f"{len(places)} centres for {len(kept)} neighbourhoods")
    if len(names) < 2:
        raise DataError(f"an RDM needs at least 2 conditions, these patterns have {len(names)}")
    return Neighbourhoods(values, kept, places, metric, len(names), dropped, names, min_voxels, needs)


def members_of(adjacency: object, n_channels: int) -> list[Indices]:
    """Read an adjacency as one array of channel numbers a neighbourhood; raises for one that does not fit."""
    from scipy import sparse

    if sparse.issparse(adjacency):
        matrix = sparse.csr_matrix(adjacency, copy=True)
        matrix.eliminate_zeros()
        lists = np.split(matrix.indices, matrix.indptr[1:-1])
        width = matrix.shape[1]
    elif isinstance(adjacency, np.ndarray) and adjacency.ndim == 2:
        lists = [np.flatnonzero(row) for row in adjacency]
        width = adjacency.shape[1]
    elif isinstance(adjacency, Sequence):
        lists, width = [np.asarray(row) for row in adjacency], n_channels
    else:
        raise DataError(
            "an adjacency is a matrix (neighbourhoods, channels) or a list of lists of channel numbers"
        )
    if width != n_channels:
        raise DataError(f"an adjacency over {width} channels does not fit patterns of {n_channels} channels")
    out = []
    for number, row in enumerate(lists):
        index = np.unique(row.astype(np.int64)) if row.size else np.zeros(0, dtype=np.int64)
        if len(index) < row.size:
            raise DataError(
                f"neighbourhood {number} names a channel twice; is this a matrix? Give it as an array"
            )
        if row.size and (row.dtype.kind not in "iu" or index[0] < 0 or index[-1] >= n_channels):
            raise DataError(f"neighbourhood {number} names a channel outside 0 to {n_channels - 1}")
        out.append(index)
    if not out:
        raise DataError("the adjacency has no neighbourhoods")
    return out


def parcels(patterns: Patterns, labels: npt.ArrayLike) -> tuple[list[Indices], list[int]]:
    """Channels of each parcel of a label image (x, y, z) on the patterns' grid, and its label; 0 is none."""
    if patterns.space is None:
        raise DataError("these patterns lie in no space: parcels need to know where their channels are")
    image = np.asarray(labels)
    if image.shape != patterns.space.shape:
        raise DataError(
            f"the label image has shape {image.shape}, the patterns lie on {patterns.space.shape}"
        )
    if not np.array_equal(image, np.rint(image)):
        raise DataError("a label image holds whole numbers; resample it by nearest neighbour")
    own = patterns.space.channels(image.astype(np.int64))
    names = [int(label) for label in np.unique(own) if label != 0]
    if not names:
        raise DataError("no voxel of the patterns lies in a parcel")
    return [np.flatnonzero(own == name) for name in names], names
