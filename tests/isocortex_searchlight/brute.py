"""A searchlight by definition: loops over centres and offsets, in float64, and nothing clever."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def ball(
    radius: float, inclusive: bool = True, edges: np.ndarray | None = None
) -> list[tuple[int, int, int]]:
    """Offsets within a radius; ``edges`` (3, 3) takes voxel steps to millimetres."""
    edges = np.eye(3) if edges is None else edges
    reach = range(-12, 13)
    out = []
    for dx in reach:
        for dy in reach:
            for dz in reach:
                distance = np.linalg.norm(edges @ [dx, dy, dz])
                if distance < radius - 1e-6 or (inclusive and distance < radius + 1e-6):
                    out.append((dx, dy, dz))
    return out


def rdms(
    data: np.ndarray,
    members: np.ndarray,
    centres: np.ndarray,
    offsets: list[tuple[int, int, int]],
    metric: Callable[[np.ndarray], np.ndarray],
    min_voxels: int = 2,
) -> tuple[np.ndarray, np.ndarray]:
    """RDMs (centres, pairs), NaN where there are too few voxels, and the counts."""
    n = data.shape[3]
    values, counts = [], []
    for centre in centres:
        columns = []
        for offset in offsets:
            voxel = tuple(int(a + b) for a, b in zip(centre, offset, strict=True))
            inside = all(0 <= a < b for a, b in zip(voxel, members.shape, strict=True))
            if inside and members[voxel]:
                columns.append(data[voxel].astype(np.float64))
        counts.append(len(columns))
        if len(columns) < min_voxels:
            values.append(np.full(n * (n - 1) // 2, np.nan))
        else:
            with np.errstate(all="ignore"):
                values.append(metric(np.array(columns).T))
    return np.array(values), np.array(counts)


def one_minus_r(patterns: np.ndarray) -> np.ndarray:
    """1 - Pearson r, pair by pair; NaN for a constant pattern."""
    n = len(patterns)
    out = []
    for i in range(n):
        for j in range(i + 1, n):
            a, b = patterns[i] - patterns[i].mean(), patterns[j] - patterns[j].mean()
            constant = np.ptp(patterns[i]) == 0 or np.ptp(patterns[j]) == 0
            out.append(np.nan if constant else 1 - (a @ b) / np.sqrt((a @ a) * (b @ b)))
    return np.array(out)


def one_minus_cosine(patterns: np.ndarray) -> np.ndarray:
    """1 - cosine; NaN for a pattern of zeros."""
    n = len(patterns)
    norms = np.linalg.norm(patterns, axis=1)
    cosines = patterns @ patterns.T / np.outer(norms, norms)
    return 1 - cosines[np.triu_indices(n, 1)]


def euclidean(patterns: np.ndarray) -> np.ndarray:
    """Euclidean distance, pair by pair."""
    n = len(patterns)
    return np.array([np.linalg.norm(patterns[i] - patterns[j]) for i in range(n) for j in range(i + 1, n)])
