"""Patterns in units of their noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from isocortex.data import Patterns
from isocortex.data.base import Array
from isocortex.data.labels import codes, unique
from isocortex.errors import DataError
from isocortex_rsa.noise.covariance import Method
from isocortex_rsa.noise.residuals import residuals_from_repeats
from isocortex_rsa.noise.whitening import whiten
from isocortex_rsa.steps._channels import drop_channels, finite_channels, keep_channels


def whiten_patterns(
    patterns: Patterns,
    residuals: Patterns | None = None,
    method: Method = "schaefer_strimmer",
    by_run: bool = False,
    dof: int | None = None,
) -> Patterns:
    """Divide patterns by their noise, b S^(-1/2): noise normalisation (Walther et al. 2016).

    The metric ``sqeuclidean`` of the result is Mahalanobis' distance, ``crossnobis`` the crossnobis distance.
    Channels with NaN, and channels without any noise, are dropped, with a warning that says how many.

    Parameters
    ----------
    patterns : samples with condition labels, and with run labels for ``by_run``.
    residuals : of a GLM, scans x the same channels (their condition labels are not used). Without them the
        noise is what differs between samples of one condition.
    method : "diagonal" divides each channel by its standard deviation, "full" by the whole covariance;
        "ledoit_wolf" and "schaefer_strimmer" shrink that towards the identity or towards its diagonal.
    by_run : estimate the noise in each run and whiten that run by it. Without it, one estimate is made from
        the residuals, or from the repeats of each condition over all runs (where a change from run to run
        counts as noise).
    dof : degrees of freedom of the residuals (of each run, with by_run): scans minus regressors. Without it
        samples minus 1; from repeats it is known.
    """
    if residuals is None and dof is not None:
        raise DataError("whiten_patterns: dof belongs to residuals; from repeats it is counted")
    if residuals is not None:
        _same_channels(patterns, residuals)
        patterns = keep_channels(
            patterns, finite_channels(residuals), "whiten_patterns: dropped", "with NaN in the residuals"
        )
        residuals = keep_channels(residuals, finite_channels(residuals))
    finite = finite_channels(patterns)
    patterns = drop_channels(patterns, "whiten_patterns")
    if residuals is not None:
        residuals = keep_channels(residuals, finite)
    noise, left = _noise(patterns, residuals, None, dof)
    rounding = 4 * np.finfo(patterns.values.dtype).eps
    noisy = np.ptp(noise, axis=0) > rounding * np.abs((residuals or patterns).values).max(axis=0)
    patterns = keep_channels(patterns, noisy, "whiten_patterns: dropped", "without noise")
    if not by_run:
        return replace(patterns, values=whiten(patterns.values, noise[:, noisy], method, left))
    residuals = None if residuals is None else keep_channels(residuals, noisy)
    return _each_run(patterns, residuals, method, dof)


def _each_run(patterns: Patterns, residuals: Patterns | None, method: Method, dof: int | None) -> Patterns:
    if patterns.runs is None or (residuals is not None and residuals.runs is None):
        raise DataError("whiten_patterns: by_run asks for run labels, of patterns and of residuals")
    runs = np.array(patterns.runs)
    values = np.empty(patterns.values.shape, dtype=patterns.values.dtype)
    for run in unique(patterns.runs):
        noise, left = _noise(patterns, residuals, run, dof)
        values[runs == run] = whiten(patterns.values[runs == run], noise, method, left)
    return replace(patterns, values=values)


def _noise(
    patterns: Patterns, residuals: Patterns | None, run: str | None, dof: int | None
) -> tuple[Array, int | None]:
    source = patterns if residuals is None else residuals
    if run is not None:
        source = source.take(np.array(source.runs) == run)
    if not source.n_samples:
        raise DataError("whiten_patterns: there are no residuals" + (f" of run {run!r}" if run else ""))
    if residuals is not None:
        return source.values, dof
    return residuals_from_repeats(source.values, codes(source.conditions))


def _same_channels(patterns: Patterns, residuals: Patterns) -> None:
    if patterns.n_channels != residuals.n_channels or patterns.channels != residuals.channels:
        raise DataError(
            f"whiten_patterns: patterns of {patterns.n_channels} channels and residuals of "
            f"{residuals.n_channels} do not have the same channels"
        )
    if patterns.space is not None and residuals.space is not None:
        patterns.space.require_same_voxels(residuals.space, "patterns and residuals")
