"""RDMs as weighted sums of several model RDMs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError
from isocortex_rsa.similarities._rows import Floats, checked


class Regression(NamedTuple):
    """A fit of RDMs by models.

    ``coefficients`` (n, models), ``intercepts`` (n,), ``r2`` (n,), ``unique`` (n, models): how much R2 falls
    when a model is left out.
    """

    coefficients: Floats
    intercepts: Floats
    r2: Floats
    unique: Floats


def regress(
    rdms: npt.ArrayLike, models: npt.ArrayLike, nonnegative: bool = False, intercept: bool = True
) -> Regression:
    """Fit each RDM by a weighted sum of model RDMs, by least squares.

    Parameters
    ----------
    rdms : array (n, pairs). models : array (k, pairs) over the same pairs.
    nonnegative : weights of models may not be negative (as of feature sets that add up to a distance).
    intercept : a constant is added to the models; it may be negative in any case. Without it R2 is the share
        of the sum of squares, not of the variance.

    Returns
    -------
    Regression; NaN for an RDM that is constant or holds NaN. R2 is that of the fit, on the data it was
    fitted to: it grows with the number of models.

    Raises ``DataError`` where models are linearly dependent (their weights would mean nothing) or hold NaN.
    """
    y, x = checked(rdms).astype(np.float64), checked(models).astype(np.float64)
    if y.shape[1] != x.shape[1]:
        raise DataError(f"RDMs of {y.shape[1]} pairs and models of {x.shape[1]} do not fit")
    if not len(x) or np.isnan(x).any():
        raise DataError("regression needs at least one model RDM, and none with NaN")
    known = np.asarray(~np.isnan(y).any(axis=1))
    y = np.where(known[:, None], y, 0.0)
    means = (y.mean(axis=1), x.mean(axis=1)) if intercept else (np.zeros(len(y)), np.zeros(len(x)))
    y, x = y - means[0][:, None], x - means[1][:, None]
    _require_independent(x)
    total = np.sum(y**2, axis=1)
    total[~known | (total <= 1e-24 * y.shape[1] * means[0] ** 2)] = np.nan
    weights = _weights(y, x, nonnegative)
    r2 = _r2(y, x, weights, total)
    unique = np.stack([r2 - _r2(y, *_without(y, x, place, nonnegative), total) for place in range(len(x))], 1)
    weights[np.isnan(total)] = np.nan
    return Regression(weights, means[0] - weights @ means[1], r2, unique)


def _weights(y: Floats, x: Floats, nonnegative: bool) -> Floats:
    if not len(x):
        return np.zeros((len(y), 0))
    if not nonnegative:
        return np.asarray(np.linalg.lstsq(x.T, y.T, rcond=None)[0].T)
    from scipy.optimize import nnls

    return np.array([nnls(x.T, row)[0] for row in y]).reshape(len(y), len(x))


def _without(y: Floats, x: Floats, place: int, nonnegative: bool) -> tuple[Floats, Floats]:
    rest = np.delete(x, place, axis=0)
    return rest, _weights(y, rest, nonnegative)


def _r2(y: Floats, x: Floats, weights: Floats, total: Floats) -> Floats:
    return np.asarray(1 - np.sum((y - weights @ x) ** 2, axis=1) / total)


def _require_independent(x: Floats) -> None:
    lengths = np.linalg.norm(x, axis=1)
    if (lengths == 0).any() or np.linalg.matrix_rank(x / np.where(lengths, lengths, 1)[:, None]) < len(x):
        raise DataError(
            f"{len(x)} model RDMs are linearly dependent over {x.shape[1]} pairs (or one is constant), so "
            "that their weights mean nothing; leave one out"
        )
