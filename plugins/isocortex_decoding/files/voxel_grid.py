"""The grid that the voxel coordinates of a BData file lie on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from isocortex.data import Space

Floats = npt.NDArray[np.float64]
_MOST_VOXELS = 2**28
_FARTHEST = 1e6
"""Millimetres: coordinates beyond it are damage, and would overflow."""


def voxel_space(
    keys: Sequence[str], values: Floats, mask: npt.NDArray[np.bool_], voxels: npt.NDArray[np.bool_]
) -> tuple[Space, npt.NDArray[np.intp]] | tuple[None, None]:
    """Give the space of selected columns and the order that brings them into it, or neither.

    ``voxel_i, j, k`` with ``voxel_x, y, z`` give the affine by least squares; coordinates alone are taken for
    a grid if they lie on one that is parallel to the axes, whose origin is then the smallest coordinates. All
    voxels of the file count for the grid, so that its ROIs share it; its size is the least that holds them.

    Parameters
    ----------
    keys, values : the metadata (keys, columns).
    mask, voxels : the selected columns, and those that are voxels, (columns,).
    """
    millimetres = _coordinates(keys, values, "xyz")
    if millimetres is None:
        return None, None
    here = voxels & np.isfinite(millimetres).all(axis=0)
    if not here.any() or not (here[mask]).all():
        return None, None
    if np.abs(millimetres[:, here]).max() > _FARTHEST:
        return None, None
    numbers = _coordinates(keys, values, "ijk")
    found = (
        _lattice(millimetres[:, here].T)
        if numbers is None
        else _fitted(numbers[:, here].T, millimetres[:, here].T)
    )
    if found is None:
        return None, None
    index = np.zeros((len(mask), 3), dtype=np.int64)
    index[here] = found[0]
    return _space(index[here], index[mask], found[1])


def _coordinates(keys: Sequence[str], values: Floats, axes: str) -> Floats | None:
    names = [f"voxel_{axis}" for axis in axes]
    if not all(name in keys for name in names):
        return None
    return values[[keys.index(name) for name in names]]


def _fitted(numbers: Floats, millimetres: Floats) -> tuple[npt.NDArray[np.int64], Floats] | None:
    """Find the affine between voxel numbers and millimetres, both (voxels, 3), if there is exactly one."""
    if not np.isfinite(numbers).all() or (numbers != np.rint(numbers)).any() or numbers.min() < 0:
        return None
    if numbers.max() > _MOST_VOXELS:
        return None
    design = np.column_stack([numbers, np.ones(len(numbers))])
    solution, _, rank, _ = np.linalg.lstsq(design, millimetres, rcond=None)
    if rank < 4:
        return None
    affine = np.eye(4)
    affine[:3] = solution.T
    edge = float(np.linalg.norm(affine[:3, :3], axis=0).min())
    if edge <= 0 or np.abs(design @ solution - millimetres).max() > 1e-3 * edge:
        return None
    return numbers.astype(np.int64), affine


def _lattice(millimetres: Floats) -> tuple[npt.NDArray[np.int64], Floats] | None:
    """Find the steps of a grid that is parallel to the axes, from coordinates (voxels, 3)."""
    affine = np.eye(4)
    index = np.empty(millimetres.shape, dtype=np.int64)
    for axis, places in enumerate(millimetres.T):
        steps = np.diff(np.unique(np.round(places, 4)))
        if not len(steps) or steps.min() <= 1e-3 or np.median(steps) > 1.01 * steps.min():
            return None  # on a grid, most neighbouring coordinates are one step apart
        step, origin = float(steps.min()), float(places.min())
        exact = (places - origin) / step
        index[:, axis] = np.rint(exact)
        if np.abs(exact - index[:, axis]).max() > 0.01:
            return None
        affine[axis, axis], affine[axis, 3] = step, origin
    return index, affine


def _space(
    everywhere: npt.NDArray[np.int64], index: npt.NDArray[np.int64], affine: Floats
) -> tuple[Space, npt.NDArray[np.intp]] | tuple[None, None]:
    shape = tuple(int(length) for length in everywhere.max(axis=0) + 1)
    if float(np.prod(shape, dtype=float)) > _MOST_VOXELS:
        return None, None
    flat = np.ravel_multi_index(tuple(index.T), shape)
    if len(np.unique(flat)) != len(flat):  # two columns in one voxel
        return None, None
    grid = np.zeros(shape, dtype=bool)
    grid.ravel()[flat] = True
    return Space(grid, affine), np.argsort(flat)
