"""Neighbourhood shapes: which voxels around a centre belong to its searchlight."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError

Offsets = npt.NDArray[np.int64]


def sphere(
    radius: float,
    unit: Literal["voxels", "mm"] = "voxels",
    affine: npt.ArrayLike | None = None,
    inclusive: bool = True,
) -> Offsets:
    """Offsets (n, 3) of the voxels whose centres lie within a radius, in C order; the centre is one of them.

    Parameters
    ----------
    radius : in voxels (along each axis alike, whatever their size) or in millimetres.
    unit : with "mm" the distance is taken through ``affine`` (4, 4), oblique and anisotropic grids included.
    inclusive : whether a voxel at exactly the radius belongs (Lee et al. 2023: yes, 123 voxels at radius 3;
        rsatoolbox: no, 93). A thousandth of a voxel is granted to rounding.

    Raises ``DataError`` for a radius that is not positive or an affine that is missing.
    """
    if not np.isfinite(radius) or radius <= 0:
        raise DataError(f"the searchlight radius is {radius}; it must be positive")
    if unit == "mm" and affine is None:
        raise DataError("a searchlight radius in millimetres needs the affine of the volume")
    axes = np.asarray(affine, dtype=np.float64)[:3, :3] if unit == "mm" else np.eye(3)
    if not np.isfinite(axes).all() or abs(np.linalg.det(axes)) < 1e-12:
        raise DataError("the affine is singular: its voxels have no volume")
    # a voxel index can reach as far as the radius over the distance between neighbouring planes
    reach = np.floor(radius * np.linalg.norm(np.linalg.inv(axes), axis=1) + 1e-6).astype(np.int64)
    if np.any(reach > 60):
        raise DataError(f"a radius of {radius} {unit} reaches over {reach.max()} voxels; is the unit right?")
    steps = [np.arange(-int(length), int(length) + 1) for length in reach]
    offsets = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
    distance = np.linalg.norm(offsets @ axes.T, axis=1)
    slack = 1e-3 * float(np.linalg.norm(axes, axis=0).min())
    inside = distance <= radius + slack if inclusive else distance < radius - slack
    if not inside.any():
        raise DataError(f"no voxel lies within a radius of {radius} {unit}")
    return np.asarray(offsets[inside], dtype=np.int64)


def columns(offsets: Offsets) -> npt.NDArray[np.int64]:
    """Cut a shape into runs along the last axis: rows of (dx, dy, first dz, length), sorted by length."""
    order = np.lexsort((offsets[:, 2], offsets[:, 1], offsets[:, 0]))
    rows = offsets[order]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = np.any(rows[1:, :2] != rows[:-1, :2], axis=1) | (rows[1:, 2] != rows[:-1, 2] + 1)
    first = np.flatnonzero(new)
    length = np.diff(np.append(first, len(rows)))
    runs = np.column_stack([rows[first], length])
    return np.asarray(runs[np.argsort(length, kind="stable")], dtype=np.int64)
