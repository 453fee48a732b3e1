"""One-sample t over subjects, and the form of it that sign flips can be tried on by one matrix product."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError

Floats = npt.NDArray[np.float64]

LARGEST_R = 1.0 - 1e-6
"""Correlations beyond this are taken as this (z = 7.25) before Fisher's transform, which is infinite at 1."""


def fisher_z(r: npt.ArrayLike) -> tuple[Floats, int]:
    """Fisher's z = artanh(r), and how many correlations were so close to 1 or -1 that they were clipped."""
    values = np.asarray(r, dtype=np.float64)
    size = np.abs(values)
    if np.nanmax(size, initial=0.0) > 1 + 1e-6:
        raise DataError(
            f"Fisher z: the largest value is {np.nanmax(size):.6g}, but correlations lie between -1 and 1; "
            "say fisher_z: false for maps of another measure"
        )
    clipped = int(np.count_nonzero(size > LARGEST_R))
    return np.asarray(np.arctanh(np.clip(values, -LARGEST_R, LARGEST_R))), clipped


def one_sample_t(values: npt.ArrayLike) -> Floats:
    """t against 0 over the first axis, (subjects, ...) -> (...); equal to ``scipy.stats.ttest_1samp``.

    NaN where a subject has no value, and where all subjects have the same one, so that t is undefined.
    """
    rows = _subjects(values)
    mean = rows.mean(axis=0)
    deviation = rows - mean
    variance = np.sum(deviation * deviation, axis=0) / (len(rows) - 1)
    same = np.ptp(rows, axis=0) <= 1e-12 * np.abs(mean)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = mean / np.sqrt(variance / len(rows))
    return np.where(same | np.isnan(mean), np.nan, t)


def unit_columns(values: npt.ArrayLike) -> Floats:
    """Scale (subjects, n) so that ``flips @ unit`` is a statistic between -1 and 1 that grows with t.

    It is u = sum / sqrt(S * sum of squares). A flip does not change the sum of squares, so that u of every
    flip is one matrix product; ``t_of_u`` turns it into t. NaN where ``one_sample_t`` is.
    """
    rows = _subjects(values)
    norm = np.sqrt(len(rows) * np.sum(rows * rows, axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = rows / norm
    return np.where(np.isnan(one_sample_t(rows)), np.nan, unit)


def t_of_u(u: npt.ArrayLike, n_subjects: int) -> Floats:
    """t = sqrt(S - 1) * u / sqrt(1 - u**2), for u from ``unit_columns``; finite where rounding gives 1."""
    values = np.asarray(u, dtype=np.float64)
    rest = np.maximum(1.0 - values * values, 1e-15)
    return np.asarray(values * np.sqrt((n_subjects - 1) / rest))


def t_to_p(t: npt.ArrayLike, n_subjects: int, two_sided: bool = False) -> Floats:
    """p of t with S - 1 degrees of freedom: that t is greater than 0, or (two-sided) other than 0."""
    from scipy import stats

    values = np.asarray(t, dtype=np.float64)
    if two_sided:
        return np.asarray(2 * stats.t.sf(np.abs(values), n_subjects - 1))
    return np.asarray(stats.t.sf(values, n_subjects - 1))


def _subjects(values: npt.ArrayLike) -> Floats:
    rows = np.asarray(values, dtype=np.float64)
    if rows.ndim < 1 or len(rows) < 2:
        raise DataError(f"a t-test over subjects needs at least 2 subjects, got values of shape {rows.shape}")
    return rows
