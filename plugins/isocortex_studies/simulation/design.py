"""Time courses of a run and what a GLM makes of them: how trials mix, and how their noise hangs together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError

Floats = npt.NDArray[np.float64]
_HIGH_PASS = 128.0
"""Longest period in seconds that the GLM's drift regressors leave in."""


class Estimates(NamedTuple):
    """Trial estimates are ``mixing @ responses + spread @ white noise``."""

    mixing: Floats
    """(trials, trials): the identity where the GLM's haemodynamic response is the true one."""
    spread: Floats
    """(trials, trials): its product with its transpose is the covariance of the estimates' noise."""


def trial_estimates(
    trials: int, duration: float, soa: float, tr: float, delay: float, autocorrelation: float
) -> Estimates:
    """Work out what least squares (one regressor a trial, as in study A) estimates from one run's volumes.

    The volumes are ``X_true @ responses + noise``; X_true has SPM's response, later by ``delay``; noise is
    autoregressive of order 1 with SD 1. The model has SPM's canonical response, a constant and cosines as
    slow as 128 s. Estimates are linear in the volumes, so that their mixing and their noise's covariance say
    all there is: drawing from them is drawing volumes and fitting them, at a fraction of the cost.

    Parameters
    ----------
    trials : in a run, one every ``soa`` seconds.
    duration, soa, tr, delay : seconds. A response of 1 lets a single trial peak at 1.
    autocorrelation : of the noise from a volume to the next.

    Raises
    ------
    DataError where a time cannot be, or the volumes are too few or far between to tell trials apart.
    """
    if not 0 <= duration < np.inf:
        raise DataError(f"simulated trials: duration is {duration:g} s; give 0 (an impulse) or more")
    for name, seconds in (("soa", soa), ("tr", tr)):
        if not 0 < seconds < np.inf:
            raise DataError(f"simulated trials: {name} is {seconds:g} s; give a time above 0")
    onsets = soa * (1 + np.arange(trials))
    times = tr * np.arange(int(np.ceil((onsets[-1] + soa + 20.0) / tr)))
    model = np.column_stack([regressors(times, onsets, duration, 0.0), _drifts(times)])
    if np.linalg.matrix_rank(model) < model.shape[1]:
        raise DataError(
            f"simulated trials: {len(times)} volumes, one every {tr:g} s, cannot tell {trials} trials apart "
            f"that come every {soa:g} s; give a shorter tr or a longer soa"
        )
    pseudo = np.linalg.pinv(model)[:trials]
    lags = np.abs(np.subtract.outer(np.arange(len(times)), np.arange(len(times))))
    covariance = pseudo @ (autocorrelation**lags) @ pseudo.T
    return Estimates(pseudo @ regressors(times, onsets, duration, delay), np.linalg.cholesky(covariance))


def regressors(times: Floats, onsets: Floats, duration: float, delay: float) -> Floats:
    """SPM's canonical response to a stimulus at each onset, (times, onsets); by itself one peaks at 1."""
    from nilearn.glm.first_level import compute_regressor

    fine = np.arange(0.0, 40.0 + duration, 0.1)
    shape = compute_regressor(np.array([[0.0], [duration], [1.0]]), "spm", fine)[0][:, 0]
    since = np.subtract.outer(times, onsets + delay)
    return np.asarray(np.interp(since, fine, shape / shape.max(), left=0, right=0))


def _drifts(times: Floats) -> Floats:
    """A constant, and cosines down to the high-pass period."""
    from nilearn.glm.first_level import make_first_level_design_matrix

    table = make_first_level_design_matrix(times, drift_model="cosine", high_pass=1 / _HIGH_PASS)
    return np.asarray(table.to_numpy(dtype=np.float64))
