"""RDMs centre by centre, by gathering the voxels: for any metric, and where sums have lost their digits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.handles import MetricHandle
from isocortex_searchlight.geometry import Geometry


def gather(data: Array, geo: Geometry, centre: int) -> Array:
    """Patterns (samples, members) of one searchlight, float64 unless the data are."""
    voxels = members_of(geo, centre)
    return np.ascontiguousarray(data[tuple(voxels.T)].T)


def members_of(geo: Geometry, centre: int) -> npt.NDArray[np.int64]:
    """Voxel indices (n, 3) of the members of one searchlight, in the order of its shape."""
    voxels = geo.centres[centre] + geo.offsets
    inside = np.all((voxels >= 0) & (voxels < geo.members.shape), axis=1)
    voxels = voxels[inside]
    return np.asarray(voxels[geo.members[tuple(voxels.T)]])


def direct(
    metric: MetricHandle,
    data: Array,
    geo: Geometry,
    centres: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    min_voxels: int,
    out: Array,
    needs: dict[str, Any],
) -> None:
    """Fill columns of out (pairs, len(centres)) with the RDMs of some centres, each computed in float64.

    Centres with fewer members than ``min_voxels`` become NaN without the metric being asked.
    """
    for column, centre in enumerate(centres):
        if counts[centre] < min_voxels:
            out[:, column] = np.nan
            continue
        patterns = gather(data, geo, int(centre)).astype(np.float64)
        out[:, column] = metric(patterns, **needs)
