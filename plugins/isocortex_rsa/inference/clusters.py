"""Clusters of a thresholded map: where they are, how large, and as regions for other analyses."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data import Space, StatMaps, Table
from isocortex.errors import DataError
from isocortex_rsa.inference.neighbours import Connectivity, Neighbours, clusters_of, neighbours_of

Numbers = npt.NDArray[np.int32]

LABELS = "cluster number"
"""Statistic of maps that number the clusters of another map; says that a region came from data."""

COLUMNS = (
    "map", "cluster", "sign", "voxels", "volume_mm3", "peak", "peak_x_mm", "peak_y_mm", "peak_z_mm",
    "centre_x_mm", "centre_y_mm", "centre_z_mm",
)  # fmt: skip


class Clusters(NamedTuple):
    """Maps of cluster numbers (0: none), and one row a cluster."""

    labels: StatMaps
    table: Table


def find_clusters(
    maps: StatMaps, min_voxels: int = 1, threshold: float = 0.0, connectivity: Connectivity = 26
) -> Clusters:
    """Find the connected clusters of voxels above a threshold, and of those below its negative.

    Positive and negative voxels never share a cluster. A cluster found here has no p-value of its own.

    Parameters
    ----------
    connectivity : voxels touch by faces (6), also edges (18), also corners (26).
    maps : as a rule a ``thresholded`` map, NaN where nothing is significant.
    min_voxels : smaller clusters are left out.
    threshold : how far from 0 a value has to be, beyond what the map leaves out already.

    Returns
    -------
    ``labels`` (in each map the clusters are numbered from the largest to the smallest) and ``table`` with
    size, volume, peak and centre of mass (of the voxels, unweighted) in millimetres.
    """
    if threshold < 0:
        raise DataError(f"find_clusters: threshold {threshold} is below 0; it counts on both sides of 0")
    neighbours = neighbours_of(maps.space.mask, connectivity)
    labels = np.zeros(maps.values.shape, dtype=np.float32)
    rows: list[dict[str, Any]] = []
    for row, name in enumerate(maps.names):
        values = np.nan_to_num(np.asarray(maps.values[row], dtype=np.float64))
        numbers = signed_clusters(values, neighbours, min_voxels, threshold)
        labels[row] = numbers
        rows += [
            {"map": name, "cluster": k, **_described(maps.space, values, numbers == k)}
            for k in range(1, int(numbers.max(initial=0)) + 1)
        ]
    return Clusters(StatMaps(labels, maps.names, maps.space, LABELS), Table.from_rows(rows, COLUMNS))


def signed_clusters(
    values: npt.NDArray[np.float64], neighbours: Neighbours, min_voxels: int = 1, threshold: float = 0.0
) -> Numbers:
    """Number clusters of values > threshold and of values < -threshold, largest first (0: none)."""
    positive, n_positive = clusters_of(values > threshold, neighbours)
    negative, n_negative = clusters_of(values < -threshold, neighbours)
    labels = np.where(negative > 0, negative + n_positive, positive)
    sizes = np.bincount(labels, minlength=n_positive + n_negative + 1)
    sizes[0] = 0
    order = np.argsort(-sizes, kind="stable")
    kept = order[sizes[order] >= max(1, min_voxels)]
    number = np.zeros(sizes.size, dtype=np.int32)
    number[kept] = np.arange(1, kept.size + 1)
    return np.asarray(number[labels], dtype=np.int32)


def _described(
    space: Space, values: npt.NDArray[np.float64], inside: npt.NDArray[np.bool_]
) -> dict[str, Any]:
    places = np.flatnonzero(inside)
    peak = int(places[np.argmax(np.abs(values[places]))])
    corners = np.stack([space.voxels[peak], space.voxels[places].mean(axis=0)])
    peak_mm, centre_mm = corners @ space.affine[:3, :3].T + space.affine[:3, 3]
    volume = places.size * abs(float(np.linalg.det(space.affine[:3, :3])))
    return {
        "sign": "positive" if values[peak] > 0 else "negative",
        "voxels": int(places.size),
        "volume_mm3": volume,
        "peak": float(values[peak]),
        **dict(zip(("peak_x_mm", "peak_y_mm", "peak_z_mm"), peak_mm.tolist(), strict=True)),
        **dict(zip(("centre_x_mm", "centre_y_mm", "centre_z_mm"), centre_mm.tolist(), strict=True)),
    }
