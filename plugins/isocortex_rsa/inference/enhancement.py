"""Statistics that let neighbouring voxels support one another: cluster extent, cluster mass and TFCE."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError
from isocortex_rsa.inference._compiled import compiled
from isocortex_rsa.inference.neighbours import Neighbours, clusters_of

Floats = npt.NDArray[np.float64]
Enhance = Callable[[Floats], Floats]
"""From the t of each voxel to its score; only what lies above 0 counts."""


def cluster_extent(t: Floats, neighbours: Neighbours, threshold: float) -> Floats:
    """Number of voxels of the cluster with t > ``threshold`` that a voxel lies in; 0 outside."""
    labels, count = clusters_of(t > threshold, neighbours)
    sizes = np.bincount(labels, minlength=count + 1).astype(np.float64)
    sizes[0] = 0.0
    return np.asarray(sizes[labels], dtype=np.float64)


def cluster_mass(t: Floats, neighbours: Neighbours, threshold: float) -> Floats:
    """Sum of t - ``threshold`` over the cluster that a voxel lies in (Bullmore et al. 1999); 0 outside."""
    inside = t > threshold
    labels, count = clusters_of(inside, neighbours)
    excess = np.where(inside, t - threshold, 0.0)
    masses = np.bincount(labels, weights=excess, minlength=count + 1)
    masses[0] = 0.0
    return np.asarray(masses[labels], dtype=np.float64)


def tfce(
    t: Floats,
    neighbours: Neighbours,
    extent: float = 0.5,
    height: float = 2.0,
    step: float | None = None,
) -> Floats:
    """Threshold-free cluster enhancement of each voxel (Smith & Nichols 2009); 0 where t is not above 0.

    The score is the integral over heights h from 0 to t of e(h)**extent * h**height, e(h) being the size of
    the cluster above h that the voxel lies in.

    Parameters
    ----------
    t : array (voxels,); NaN takes no part.
    neighbours : from ``neighbours_of``.
    step : None for the integral itself, which this computes in one pass over the voxels from high to low.
        Other programs add up e**extent * h**height * step at h = step, 2 * step, ...; give their step to get
        their numbers.
    """
    if step is not None and not step > 0:
        raise DataError(f"TFCE: the step between heights must be above 0, not {step}")
    above = np.flatnonzero(t > 0)
    order = above[np.argsort(-t[above], kind="stable")].astype(np.int32)
    parents, sizes = _join(order, neighbours)
    levels = _integral(t, height, step)
    return _collect(order, parents, sizes**extent, levels)


def _integral(t: Floats, height: float, step: float | None) -> Floats:
    """Integral of h**height from 0 to t, or the sum that stands for it."""
    level = np.where(t > 0, t, 0.0)
    if step is None:
        return np.asarray(level ** (height + 1) / (height + 1))
    last = np.floor(level / step * (1 + 1e-12)).astype(np.int64)
    heights = step * np.arange(1, int(last.max(initial=0)) + 1)
    return np.asarray(np.concatenate([[0.0], np.cumsum(heights**height) * step])[last])


@compiled
def _join(order: Neighbours, neighbours: Neighbours) -> tuple[Neighbours, Floats]:
    """Let clusters grow and merge from the highest voxel down.

    Each voxel has a parent: the voxel at whose height the cluster that it completes next grew (-1: never).
    Between the two heights that cluster has the size that is given with it.
    """
    n = neighbours.shape[0]
    parents = np.full(n, -1, dtype=np.int32)
    roots = np.full(n, -1, dtype=np.int32)
    sizes = np.ones(n)
    for voxel in order:
        roots[voxel] = voxel
        for k in range(neighbours.shape[1]):
            other = neighbours[voxel, k]
            if other < 0 or roots[other] < 0:
                continue
            top = other
            while roots[top] != top:
                roots[top] = roots[roots[top]]
                top = roots[top]
            if top != voxel:
                roots[top] = voxel
                parents[top] = voxel
                sizes[voxel] += sizes[top]
    return parents, sizes


@compiled
def _collect(order: Neighbours, parents: Neighbours, weights: Floats, levels: Floats) -> Floats:
    """Add up, from the lowest voxel to the highest, what each height adds to the one below it."""
    scores = np.zeros(parents.size)
    for k in range(order.size - 1, -1, -1):
        voxel = order[k]
        below = parents[voxel]
        if below < 0:
            scores[voxel] = weights[voxel] * levels[voxel]
        else:
            scores[voxel] = scores[below] + weights[voxel] * (levels[voxel] - levels[below])
    return scores
