"""Outliers clipped and signals brought to one scale, in each run by that run alone."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_decoding.preprocessing.groups import Groups, as_samples, rows_of

Mode = Literal["percent", "zscore", "divide_mean", "subtract_mean"]
Floats = npt.NDArray[np.float64]


class Clipped(NamedTuple):
    """Samples (samples, voxels), and how many of their values were clipped."""

    values: Array
    n_clipped: int


class Normalised(NamedTuple):
    """Samples (samples, voxels), and how many voxels of how many runs have no scale (set to 0)."""

    values: Array
    n_undefined: int


def reduce_outliers(
    values: Array,
    groups: Groups = None,
    threshold: float | None = 3.0,
    iterations: int = 10,
    minimum: float | None = None,
    maximum: float | None = None,
    across: Literal["samples", "voxels"] = "samples",
) -> Clipped:
    """Clip values beyond mean +- ``threshold`` SD of their voxel in their run, again and again.

    Mean and SD (ddof 0) are taken anew in each iteration, so that a large outlier does not hide others
    [bdpy, ReduceOutlier]. ``minimum`` and ``maximum`` are clipped to afterwards. ``across="voxels"`` takes
    mean and SD of each sample over its voxels instead. A voxel with NaN or infinity in a run stays as it is
    there.
    """
    samples, dtype = as_samples(values, "reduce_outliers")
    if iterations < 1 or (threshold is not None and not threshold > 0):
        raise DataError("reduce_outliers: give at least one iteration and a threshold above 0")
    out = np.empty(samples.shape, dtype=dtype)
    axis = 0 if across == "samples" else 1
    changed = 0
    for _, rows in rows_of(groups, len(samples)):
        run = samples[rows].astype(np.float64)
        clipped = run if threshold is None else _clipped(run.copy(), threshold, iterations, axis)
        if minimum is not None or maximum is not None:
            clipped = np.clip(clipped, minimum, maximum)
        changed += int(np.count_nonzero((clipped != run) & ~np.isnan(run)))
        out[rows] = clipped
    return Clipped(out, changed)


def _clipped(run: Floats, threshold: float, iterations: int, axis: int) -> Floats:
    usable = np.isfinite(run).all(axis=axis)
    part = run[:, usable] if axis == 0 else run[usable]
    for _ in range(iterations):
        mean = part.mean(axis=axis, keepdims=True)
        rounding = 8 * np.finfo(float).eps * np.abs(part).max(axis=axis, keepdims=True, initial=0)
        reach = np.maximum(threshold * part.std(axis=axis, keepdims=True), rounding)
        clipped = np.clip(part, mean - reach, mean + reach)
        if np.array_equal(clipped, part):
            break
        part = clipped
    if axis == 0:
        run[:, usable] = part
    else:
        run[usable] = part
    return run


def normalise(
    values: Array,
    groups: Groups = None,
    mode: Mode = "percent",
    baseline: npt.NDArray[np.bool_] | None = None,
) -> Normalised:
    """Bring each voxel of each run to a scale of that run [bdpy, Normalize].

    Parameters
    ----------
    mode : "percent" 100 (x - m) / m; "zscore" (x - m) / s; "divide_mean" 100 x / m; "subtract_mean" x - m;
        with mean m and SD s (ddof 0) of the voxel over the run.
    baseline : truth values (samples,): m and s are of these samples only (rest, for instance).

    A voxel that is constant where s is needed, or whose mean is 0 (to a millionth of its largest value) where
    m divides, has no scale in that run: it becomes 0 there and is counted. NaN stays NaN in its sample, and
    makes the scale of its voxel in that run NaN. Raises ``DataError`` for a run without baseline samples.
    """
    samples, dtype = as_samples(values, "normalise")
    if mode not in ("percent", "zscore", "divide_mean", "subtract_mean"):
        raise DataError(f"normalise: percent, zscore, divide_mean or subtract_mean, not {mode!r}")
    if baseline is not None and np.shape(baseline) != (len(samples),):
        raise DataError(f"normalise: a baseline of shape {np.shape(baseline)} for {len(samples)} samples")
    out = np.empty(samples.shape, dtype=dtype)
    undefined = 0
    for name, rows in rows_of(groups, len(samples)):
        base = rows if baseline is None else rows[np.asarray(baseline, dtype=bool)[rows]]
        if not len(base):
            raise DataError(f"normalise: run {name!r} has no samples in the baseline")
        run, still = (samples[part].astype(np.float64) for part in (rows, base))
        out[rows], count = _scaled(run, still, mode)
        undefined += count
    return Normalised(out, undefined)


def _scaled(run: Floats, base: Floats, mode: Mode) -> tuple[Floats, int]:
    with np.errstate(invalid="ignore"):
        mean = base.mean(axis=0)
        largest = np.abs(base).max(axis=0)
        if mode == "subtract_mean":
            return run - mean, 0
        divisor = base.std(axis=0) if mode == "zscore" else mean
        least = largest * (8 * np.finfo(float).eps if mode == "zscore" else 1e-6)
        lacking = np.abs(divisor) <= least
        shifted = run if mode == "divide_mean" else run - mean
        factor = 1.0 if mode == "zscore" else 100.0
        scaled = factor * shifted / np.where(lacking, 1, divisor)
    scaled[:, lacking] = np.where(np.isnan(run[:, lacking]), np.nan, 0)
    return scaled, int(np.count_nonzero(lacking))
