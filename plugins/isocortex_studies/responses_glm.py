"""Fitting a run's design to its voxels."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_studies.responses_design import Design

Noise = Literal["ar1", "ols"]
Scale = Literal["percent", "none"]
Floats = npt.NDArray[np.float64]
BLOCK = 10_000
"""Voxels that are fitted together: float64 copies of them are held, not of a whole brain."""


class Fit(NamedTuple):
    """Weights and their t-values (targets, voxels), residuals (volumes, voxels), and whether a voxel has
    data.

    Residuals are those after whitening in time, so that volumes are close to independent. A voxel without
    data (not finite, constant, or without a mean to scale by) is NaN in all of them.
    """

    weights: npt.NDArray[np.float32]
    t: npt.NDArray[np.float32]
    residuals: npt.NDArray[np.float32] | None
    usable: npt.NDArray[np.bool_]


def fit_run(
    volumes: Array, design: Design, noise: Noise = "ar1", scale: Scale = "percent", residuals: bool = False
) -> Fit:
    """Fit a design matrix to volumes (volumes, voxels), voxel by voxel.

    Parameters
    ----------
    noise : "ar1": least squares after whitening by each voxel's first-order autocorrelation, estimated from
        the residuals of ordinary least squares and rounded to hundredths (nilearn's ``run_glm``); "ols"
        without.
    scale : "percent": each voxel in percent of its mean over the run; "none" as it is.
    residuals : whether to give them.

    Raises ``DataError`` where no voxel has data.
    """
    n_voxels, n_targets = volumes.shape[1], len(design.targets)
    weights = np.full((n_targets, n_voxels), np.nan, dtype=np.float32)
    t = np.full((n_targets, n_voxels), np.nan, dtype=np.float32)
    left = np.full(volumes.shape, np.nan, dtype=np.float32) if residuals else None
    usable = np.zeros(n_voxels, dtype=bool)
    for start in range(0, n_voxels, BLOCK):
        block = volumes[:, start : start + BLOCK].astype(np.float64)
        good = _with_data(block, scale)
        usable[start : start + BLOCK] = good
        if not good.any():
            continue
        values = block[:, good]
        if scale == "percent":
            values = 100 * (values / values.mean(axis=0) - 1)
        places = start + np.flatnonzero(good)
        weights[:, places], t[:, places], rest = _fit(values, design, noise)
        if left is not None:
            left[:, places] = rest
    if not usable.any():
        why = "; a mean above 0 is needed for scale: percent" if scale == "percent" else ""
        raise DataError(f"no voxel has data that vary over the run{why}")
    return Fit(weights, t, left, usable)


def _with_data(block: Floats, scale: Scale) -> npt.NDArray[np.bool_]:
    good = np.isfinite(block).all(axis=0)
    values = np.where(good, block, 0)
    good &= np.ptp(values, axis=0) > 0
    if scale == "percent":  # a mean that is small beside the values is no baseline
        good &= values.mean(axis=0) > 1e-3 * np.abs(values).max(axis=0)
    return np.asarray(good)


def _fit(values: Floats, design: Design, noise: Noise) -> tuple[Floats, Floats, Floats]:
    from nilearn.glm.first_level import run_glm

    labels, results = run_glm(values, design.matrix, noise_model=noise)
    weights = np.empty((len(design.columns), values.shape[1]))
    t, rest = np.empty_like(weights), np.empty_like(values)
    for label, result in results.items():
        voxels = np.flatnonzero(labels == label)
        weights[:, voxels] = result.theta[design.columns]
        variances = np.diag(result.cov)[design.columns]
        spread = np.sqrt(variances[:, None] * np.asarray(result.dispersion).reshape(1, -1))
        with np.errstate(divide="ignore", invalid="ignore"):
            t[:, voxels] = weights[:, voxels] / spread
        rest[:, voxels] = result.whitened_residuals
    return weights, t, rest
