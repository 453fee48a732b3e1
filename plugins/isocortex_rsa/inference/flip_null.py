"""The null of a group map: what sign flips make of every voxel and model, in blocks of bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from isocortex.threads import processors
from isocortex_rsa.inference._compiled import compiled_without_nan
from isocortex_rsa.inference.corrections import reached
from isocortex_rsa.inference.enhancement import Enhance
from isocortex_rsa.inference.onesample import t_of_u

Floats = npt.NDArray[np.float64]
Item = TypeVar("Item")
Result = TypeVar("Result")

VOXELS, FLIPS = 512, 256
"""Voxels and flips of one block (1 MB, which stays in a core's cache)."""


class FlipNull(NamedTuple):
    """Of each voxel, how many flips reach the observed value; of each flip, the largest value of the map."""

    counts: Floats
    maxima: Floats


def flip_null(unit: Floats, flips: Floats, two_sided: bool, workers: int | None = None) -> FlipNull:
    """Try all flips on a map: counts (voxels,), maxima (flips,) of u, which grows with t.

    Parameters
    ----------
    unit : array (subjects, voxels) from ``unit_columns``; a voxel of NaN counts nothing.
    flips : array (flips, subjects) of -1 and 1, without the identity.
    workers : threads (default: one for each core). The result does not depend on it.
    """
    known = np.flatnonzero(~np.isnan(unit).any(axis=0))
    places = [known[start : start + VOXELS] for start in range(0, len(known), VOXELS)]
    counts = np.zeros(unit.shape[1])
    maxima = np.full(len(flips), -np.inf)

    def block(voxels: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.intp], Floats, Floats]:
        return voxels, *_block(np.ascontiguousarray(unit[:, voxels]), flips, two_sided)

    for voxels, found, largest in in_threads(block, places, workers):
        counts[voxels] = found
        np.maximum(maxima, largest, out=maxima)
    return FlipNull(counts, maxima)


def _block(unit: Floats, flips: Floats, two_sided: bool) -> tuple[Floats, Floats]:
    observed = unit.sum(axis=0)
    needed = reached(np.abs(observed) if two_sided else observed)
    counts = np.zeros(unit.shape[1])
    maxima = np.empty(len(flips))
    for start in range(0, len(flips), FLIPS):
        u = flips[start : start + FLIPS] @ unit
        _tally(u, needed, two_sided, counts, maxima[start : start + FLIPS])
    return counts, maxima


@compiled_without_nan
def _tally(u: Floats, needed: Floats, two_sided: bool, counts: Floats, maxima: Floats) -> None:
    """Count what reaches ``needed`` in each column, and find the largest of each row, in one pass."""
    for row in range(u.shape[0]):
        values = np.abs(u[row]) if two_sided else u[row]
        largest = -np.inf
        for column in range(values.size):
            value = values[column]
            counts[column] += 1.0 if value >= needed[column] else 0.0
            largest = value if value > largest else largest
        maxima[row] = largest


def enhanced_maxima(
    unit: Floats, flips: Floats, enhance: Enhance, two_sided: bool, workers: int | None = None
) -> Floats:
    """Largest enhanced score (TFCE, cluster mass ...) of each flipped map, (flips,)."""
    known = ~np.isnan(unit).any(axis=0)
    columns = np.ascontiguousarray(unit[:, known])
    n_subjects = len(unit)
    size = max(1, min(FLIPS, 4_000_000 // max(1, columns.shape[1])))

    def block(signs: Floats) -> Floats:
        t = np.full((len(signs), unit.shape[1]), np.nan)
        t[:, known] = t_of_u(signs @ columns, n_subjects)
        return np.array([two_tailed(enhance, row, two_sided).max(initial=0.0) for row in t])

    blocks = [flips[start : start + size] for start in range(0, len(flips), size)]
    return np.concatenate(list(in_threads(block, blocks, workers)))


def two_tailed(enhance: Enhance, t: Floats, two_sided: bool) -> Floats:
    """Enhance positive t and, where two-sided, negative t by itself; the scores are not negative."""
    scores = enhance(t)
    return np.maximum(scores, enhance(-t)) if two_sided else scores


def in_threads(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int | None = None
) -> Iterable[Result]:
    """Call a function of each block in threads, results in order; BLAS has one thread inside a block."""
    with _libraries().limit(limits=1, user_api="blas"), ThreadPoolExecutor(workers or processors()) as pool:
        yield from pool.map(function, items)


@cache
def _libraries() -> Any:
    """The libraries with threads of their own that are loaded (looking for them takes milliseconds)."""
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped,unused-ignore]

    return ThreadpoolController()
