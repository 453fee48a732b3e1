"""Taking trends and nuisance regressors out of each run, by ordinary least squares."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_decoding.preprocessing.groups import Groups, as_samples, rows_of

Floats = npt.NDArray[np.float64]


def regress_out(
    values: Array,
    groups: Groups = None,
    regressors: Array | None = None,
    remove_dc: bool = True,
    linear_detrend: bool = True,
) -> Array:
    """Subtract from each run its fit by ``[1, t / n, regressors]`` [bdpy, preproc/preprocessor.py].

    Parameters
    ----------
    values : (samples, voxels), in order of time within each run. float32 stays so, else float64 comes out.
    groups : the run of each sample; None for one run. Runs may differ in length.
    regressors : (samples, k), of motion for example. Those that depend on one another, or are constant in a
        run, do no harm: the fit is the same, and its rank is what counts.
    remove_dc : False puts the run's mean back, which percent signal change needs.
    linear_detrend : whether ``t / n`` is in.

    A voxel with NaN or infinity in a run becomes NaN in all of that run. Raises ``DataError`` for a run that
    is not longer than its regressors' rank (nothing but zeros would be left), and for NaN among the
    regressors.
    """
    samples, dtype = as_samples(values, "regress_out")
    given = _checked(regressors, len(samples))
    out = np.empty(samples.shape, dtype=dtype)
    for name, rows in rows_of(groups, len(samples), in_time=True):
        basis = _basis(given[rows], linear_detrend)
        if basis.shape[1] + 1 >= len(rows):
            raise DataError(
                f"regress_out: run {name!r} has {len(rows)} samples for {basis.shape[1] + 1} regressors (the "
                "constant included); nothing would be left"
            )
        out[rows] = _residuals(samples[rows].astype(np.float64), basis, remove_dc)
    return out


def detrend(values: Array, groups: Groups = None, keep_mean: bool = True) -> Array:
    """Subtract the straight line that fits each run best; its mean is kept unless ``keep_mean`` is False.

    Shapes, NaN and errors as in ``regress_out`` (a run of two samples is its own line) [bdpy, Detrender].
    """
    return regress_out(values, groups, None, remove_dc=not keep_mean, linear_detrend=True)


def _checked(regressors: Array | None, n_samples: int) -> Floats:
    if regressors is None:
        return np.empty((n_samples, 0))
    given = np.asarray(regressors, dtype=np.float64)
    given = given[:, None] if given.ndim == 1 else given
    if given.ndim != 2 or len(given) != n_samples:
        raise DataError(f"regress_out: regressors of shape {given.shape} for {n_samples} samples")
    bad = np.argwhere(~np.isfinite(given))
    if len(bad):
        raise DataError(
            f"regress_out: regressor {bad[0, 1] + 1} is not a number in sample {bad[0, 0] + 1} ({len(bad)} "
            "such values); fill them in or leave the regressor out"
        )
    return given


def _basis(regressors: Floats, linear_detrend: bool) -> Floats:
    """Give orthonormal columns that span what the regressors and the trend add to the constant."""
    n = len(regressors)
    parts = [np.arange(1, n + 1)[:, None] / n] * linear_detrend + [regressors]
    design = np.concatenate(parts, axis=1)
    centred: Floats = design - design.mean(axis=0)
    size = np.linalg.norm(centred, axis=0)
    rounding = 1e-12 * np.sqrt(n) * np.abs(design).max(axis=0, initial=0)
    centred = np.asarray(centred[:, size > rounding] / size[size > rounding])
    if not centred.shape[1]:
        return centred
    left, spread, _ = np.linalg.svd(centred, full_matrices=False)
    return np.asarray(left[:, spread > 1e-10 * spread[0]])


def _residuals(run: Floats, basis: Floats, remove_dc: bool) -> Floats:
    finite = np.isfinite(run).all(axis=0)
    mean = run[:, finite].mean(axis=0)
    centred = run[:, finite] - mean
    left = centred - basis @ (basis.T @ centred)
    out = np.full(run.shape, np.nan)
    out[:, finite] = left if remove_dc else left + mean
    return out
