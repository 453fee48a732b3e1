"""Crossnobis: a Mahalanobis distance that noise does not bias, since it multiplies independent runs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_rsa.metrics._attach import has
from isocortex_rsa.metrics._rows import Floats, Places, prepare, without
from isocortex_rsa.metrics.additive import Factors, summed
from isocortex_rsa.metrics.mahalanobis import checked_precision, weighted


def crossnobis_factors(
    patterns: npt.ArrayLike,
    *,
    conditions: npt.ArrayLike,
    runs: npt.ArrayLike,
    noise_precision: npt.ArrayLike | None = None,
) -> Factors:
    """What crossnobis averages: the mean patterns of each run, and those of all other runs.

    Gives ``left`` and ``right`` of shape (runs, conditions, channels), divided so that their sum over runs is
    the mean over left-out runs. Arguments as in ``crossnobis``; a full precision mixes channels, so that a
    searchlight takes whitened patterns or a diagonal one.
    """
    rows = np.asarray(patterns, dtype=np.float64)
    names, sessions, counts = _design(conditions, runs, len(rows))
    sums = np.zeros((counts.shape[1], counts.shape[0], rows.shape[1]))
    np.add.at(sums, (sessions, names), rows)
    own = counts.T[:, :, None]
    left = sums / own / len(sums)
    right = (sums.sum(axis=0) - sums) / (own.sum(axis=0) - own)
    precision = None if noise_precision is None else checked_precision(noise_precision, rows.shape[1])
    return Factors(left, weighted(right, precision))


@has(needs=frozenset({"runs"}), every_run=True, channel_factors=crossnobis_factors)
def crossnobis(
    patterns: npt.ArrayLike,
    *,
    conditions: npt.ArrayLike,
    runs: npt.ArrayLike,
    noise_precision: npt.ArrayLike | None = None,
) -> Array:
    """Cross-validated squared Mahalanobis distance per channel (Walther et al. 2016).

    Each run is left out in turn: the difference of two mean patterns in it is multiplied with that in all
    other samples, and the products are averaged over runs and channels. With equal numbers of samples this
    is ``1 / (M (M - 1)) sum_{m != n} (a_m - b_m) S^-1 (a_n - b_n)' / P``. Noise that is independent between
    runs adds nothing on average: the mean is zero for equal patterns, so values may be negative, and zero
    is meaningful. They are neither clipped nor square-rooted.

    Parameters
    ----------
    patterns : array (samples, channels); whitened, or with ``noise_precision``, else S is the identity.
    conditions, runs : whole-number codes, one a sample; conditions are 0, 1, ... Each condition must have at
        least one sample in each run; numbers of samples may differ.
    noise_precision : S^-1, (channels, channels), or (channels,) where it is diagonal.

    Returns
    -------
    Condensed dissimilarities (pairs,) of the conditions in the order of their codes. NaN for a condition
    with a sample that is not finite.
    """
    rows, usable, dtype = prepare(patterns)
    precision = None if not np.shape(patterns)[1] else noise_precision
    factors = crossnobis_factors(rows, conditions=conditions, runs=runs, noise_precision=precision)
    good = np.ones(factors.left.shape[1], dtype=bool)
    good[np.asarray(conditions)[~usable]] = False
    return without(summed(factors) / rows.shape[1], good, dtype)


def _design(conditions: npt.ArrayLike, runs: npt.ArrayLike, samples: int) -> tuple[Places, Places, Floats]:
    """Check the labels; give conditions, runs numbered from 0, and samples of each condition in each run."""
    names, sessions = np.asarray(conditions), np.asarray(runs)
    for codes, what in ((names, "conditions"), (sessions, "runs")):
        if codes.shape != (samples,) or codes.dtype.kind not in "iu" or np.min(codes, initial=0) < 0:
            raise DataError(
                f"crossnobis: expected whole-number codes of {what}, one for each of {samples} samples"
            )
    labels, sessions = np.unique(sessions, return_inverse=True)
    if len(labels) < 2:
        raise DataError(f"crossnobis: needs at least 2 runs to multiply, got {len(labels)}")
    counts = np.zeros((int(names.max(initial=-1)) + 1, len(labels)))
    np.add.at(counts, (names, sessions), 1.0)
    lacking = np.argwhere(counts == 0)
    if len(lacking):
        condition, run = lacking[0]
        raise DataError(
            f"crossnobis: condition {condition} (the {condition + 1}. in order) has no sample in run "
            f"{labels[run]}; {len(lacking)} such gaps. Leave out the conditions or runs with gaps"
        )
    return names.astype(np.intp), sessions.astype(np.intp), counts
