"""The group threshold of Lee et al. 2023, to repeat their study; it controls no error rate."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data import Collected, StatMaps, Table
from isocortex.errors import DataError
from isocortex_rsa.inference._compiled import compiled
from isocortex_rsa.inference.clusters import signed_clusters
from isocortex_rsa.inference.flip_null import in_threads
from isocortex_rsa.inference.flips import sign_flips
from isocortex_rsa.inference.group import Plan, Tested, over_subjects, to_z
from isocortex_rsa.inference.neighbours import Connectivity, Neighbours, neighbours_of
from isocortex_rsa.inference.onesample import one_sample_t
from isocortex_rsa.inference.subjects import stack_subjects

Floats = npt.NDArray[np.float64]
Draws = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int64]

BLOCK = 16_384
"""Draws of one block; part of what is computed, since each block has random numbers of its own."""


class Lee2023(NamedTuple):
    """t, t where the study's rule lets it stand, the sound FWE p-values beside it, and the numbers."""

    t: StatMaps
    thresholded: StatMaps
    p_fwe: StatMaps
    summary: Table


class Limits(NamedTuple):
    """Percentiles of each model's null, (models,): the lower threshold, the upper one, and the median."""

    low: Floats
    high: Floats
    null_median: Floats


def lee2023_threshold(
    maps: Collected[StatMaps],
    rng: np.random.Generator,
    draws: int = 5000,
    percent: float = 5.0,
    min_voxels: int = 20,
    connectivity: Connectivity = 18,
    drop_zeros: bool = True,
    permutations: int = 10_000,
) -> Lee2023:
    """Threshold a group map as Lee, Jung, Lustig & Lee (2023) do. This is no correction: see ``group_test``.

    The study compares the t of each voxel with t-values of subjects taken at random, different voxels, all
    pooled. That null has the mean of the whole brain and not 0, and a voxel is tested as if it were the only
    one: it controls neither the family-wise error nor the false discovery rate, and asks whether a voxel is
    "more than typical", not "more than 0". ``summary`` and ``p_fwe`` therefore give what sign flips with a
    max-statistic find in the same data.

    Parameters
    ----------
    maps : correlations, one set of maps for each subject.
    draws : for each voxel (the study: 5000 for layers, 10000 for codes). One draw takes as many different
        random voxels as there are subjects, and one voxel from each subject.
    percent : both tails together; the thresholds are the 2.5th and the 97.5th percentile by default.
    min_voxels, connectivity : clusters that stay; the study: 20 voxels that touch by faces and edges. For
        the layers it looks for clusters in the map of the best layer instead: say 1 here and 20 in
        ``best_model_map``.
    drop_zeros : leave out voxels that are exactly 0 in some subject, which mark missing data in the study.
    permutations : sign flips for the sound result.

    Returns
    -------
    Both tails stay in ``thresholded``: a cluster holds t of one sign only (AFNI's ``-bisided``).
    """
    warnings.warn(
        "lee2023_threshold repeats the threshold of Lee et al. 2023, which controls neither the family-wise "
        "error nor the false discovery rate; report group_test instead (its result is in summary and p_fwe)",
        stacklevel=2,
    )
    if not 0 < percent < 100:
        raise DataError(f"lee2023_threshold: percent {percent} must lie between 0 and 100")
    stacked = stack_subjects(maps, "lee2023_threshold")
    values = to_z(stacked, "lee2023_threshold")
    if drop_zeros:
        values = np.where((values == 0).any(axis=0), np.nan, values)
    t = one_sample_t(values)
    nulls = _nulls(values, ~np.isnan(t), draws, rng)
    limits = Limits(*(_percentiles(nulls, q) for q in (percent / 2, 100 - percent / 2, 50.0)))
    beyond = (t < limits.low[:, None]) | (t > limits.high[:, None])
    shown = _in_clusters(
        np.where(beyond, t, 0.0), neighbours_of(stacked.space.mask, connectivity), min_voxels
    )
    sound = over_subjects(values, Plan(sign_flips(len(values), permutations, rng), two_sided=True))
    counts = {"draws": nulls.sum(axis=1), **_counts(t, beyond, shown), **_sound_counts(sound, percent / 100)}
    return Lee2023(
        StatMaps(t, stacked.names, stacked.space, "t"),
        StatMaps(shown, stacked.names, stacked.space, "t"),
        StatMaps(sound.p_fwe, stacked.names, stacked.space, "p_fwe"),
        Table({"model": np.array(stacked.names), **limits._asdict(), **counts}),
    )


def _percentiles(nulls: Counts, percent: float) -> Floats:
    return np.array([half_percentile(null, percent) for null in nulls])


def _in_clusters(t: Floats, neighbours: Neighbours, min_voxels: int) -> Floats:
    """Keep t (models, voxels) in clusters of one sign that are large enough, NaN elsewhere."""
    kept = np.stack([signed_clusters(row, neighbours, min_voxels) > 0 for row in t])
    return np.where(kept, t, np.nan)


def _counts(t: Floats, beyond: npt.NDArray[np.bool_], shown: Floats) -> dict[str, npt.NDArray[np.intp]]:
    """Voxels of each model: with a t, beyond a threshold, and in a cluster, also by sign."""
    found = {"voxels": ~np.isnan(t), "beyond_thresholds": beyond, "in_clusters": ~np.isnan(shown)}
    found |= {"positive": shown > 0, "negative": shown < 0}
    return {name: np.count_nonzero(where, axis=1) for name, where in found.items()}


def _sound_counts(sound: Tested, alpha: float) -> dict[str, npt.NDArray[np.intp]]:
    """Voxels of each model that sign flips find."""
    parts = {"sound_fwe": sound.p_fwe, "sound_fdr": sound.p_fdr}
    return {name: np.count_nonzero(p <= alpha, axis=1) for name, p in parts.items()}


def pooled_null(values: Floats, draws: int, rng: np.random.Generator) -> Counts:
    """Count the float16 t-values of ``voxels * draws`` draws, (models, 65536) by their bits.

    Parameters
    ----------
    values : array (subjects, models, voxels) without NaN.

    The study keeps all t-values as float16. Counting them by value holds the same in half a megabyte a
    model, and gives the same percentiles to the last bit.
    """
    n_subjects, n_models, n_voxels = values.shape
    if n_voxels < n_subjects:
        raise DataError(
            f"lee2023_threshold: {n_voxels} voxels are too few to give {n_subjects} subjects one each"
        )
    by_voxel = np.ascontiguousarray(np.moveaxis(values, 1, 2))
    counts = np.zeros((n_models, 2**16), dtype=np.int64)

    def block(drawn: tuple[int, np.random.Generator]) -> Counts:
        t = drawn_t(by_voxel, distinct_voxels(n_voxels, n_subjects, *drawn))
        return np.stack([np.bincount(bits, minlength=2**16) for bits in _half(t).T])

    for found in in_threads(block, list(null_blocks(n_voxels * draws, rng))):
        counts += found
    return counts


def null_blocks(total: int, rng: np.random.Generator) -> Iterator[tuple[int, np.random.Generator]]:
    """Split the draws into blocks, each with random numbers of its own: (draws, generator)."""
    sizes = [min(BLOCK, total - start) for start in range(0, total, BLOCK)]
    yield from zip(sizes, rng.spawn(len(sizes)), strict=True)


def distinct_voxels(n_voxels: int, n_subjects: int, n: int, rng: np.random.Generator) -> Draws:
    """Draw n times as many different voxels as there are subjects, (n, subjects), all choices alike."""
    if n_voxels < n_subjects**2:
        every = np.arange(n_voxels, dtype=np.int32)
        size = max(1, 4_000_000 // n_voxels)
        parts = [np.broadcast_to(every, (min(size, n - start), n_voxels)) for start in range(0, n, size)]
        return np.concatenate([rng.permuted(part, axis=1)[:, :n_subjects] for part in parts])
    # so few of so many voxels seldom meet: draw freely, and again where they do
    found = rng.integers(0, n_voxels, (n, n_subjects), dtype=np.int32)
    while (twice := _repeats(found)).any():
        found[twice] = rng.integers(0, n_voxels, (int(twice.sum()), n_subjects), dtype=np.int32)
    return found


@compiled
def _repeats(draws: Draws) -> npt.NDArray[np.bool_]:
    """Which rows hold a voxel twice."""
    out = np.zeros(draws.shape[0], dtype=np.bool_)
    for row in range(draws.shape[0]):
        for a in range(draws.shape[1]):
            for b in range(a):
                if draws[row, a] == draws[row, b]:
                    out[row] = True
    return out


@compiled
def drawn_t(by_voxel: Floats, draws: Draws) -> Floats:
    """One-sample t of each draw, (draws, models): voxel ``draws[i, k]`` of subject k."""
    n_subjects, _, n_models = by_voxel.shape
    out = np.empty((draws.shape[0], n_models))
    taken = np.empty((n_subjects, n_models))
    for row in range(draws.shape[0]):
        mean, spread = out[row], np.zeros(n_models)
        for m in range(n_models):
            mean[m] = 0.0
        for k in range(n_subjects):
            voxel = draws[row, k]
            for m in range(n_models):
                taken[k, m] = by_voxel[k, voxel, m]
                mean[m] += taken[k, m] / n_subjects
        for k in range(n_subjects):
            for m in range(n_models):
                spread[m] += (taken[k, m] - mean[m]) ** 2
        for m in range(n_models):
            mean[m] /= np.sqrt(spread[m] / (n_subjects * (n_subjects - 1.0)))
    return out


def half_percentile(counts: Counts, percent: float) -> float:
    """Percentile of float16 values counted by their bits; equal to ``numpy.percentile`` over all of them."""
    values = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float64)
    known = np.flatnonzero((counts > 0) & ~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    ends = np.cumsum(counts[order])
    if not ends.size:
        return float("nan")
    place = percent / 100 * (int(ends[-1]) - 1)
    below, above = np.searchsorted(ends, [np.floor(place), np.ceil(place)], side="right")
    low, high = values[order[below]], values[order[above]]
    return float(low if low == high else low + (high - low) * (place - np.floor(place)))


def _half(t: Floats) -> npt.NDArray[np.uint16]:
    """Bits of the t-values as float16, in which the study keeps them."""
    with np.errstate(over="ignore"):
        return t.astype(np.float16).view(np.uint16)


def _nulls(values: Floats, known: npt.NDArray[np.bool_], draws: int, rng: np.random.Generator) -> Counts:
    """Pooled null of each model over its own voxels; models with the same voxels share the draws."""
    counts = np.zeros((len(known), 2**16), dtype=np.int64)
    patterns, which = np.unique(known, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        if pattern.any():
            models = np.flatnonzero(which.ravel() == number)
            counts[models] = pooled_null(values[:, models][:, :, pattern], draws, rng)
    return counts
