"""Residuals of repeated samples: what differs between samples of one condition is noise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError
from isocortex_rsa.metrics._rows import Floats


class Residuals(NamedTuple):
    """Residuals (samples, channels) and the degrees of freedom that are left in them."""

    values: Floats
    dof: int


def residuals_from_repeats(
    patterns: npt.ArrayLike, conditions: npt.ArrayLike, runs: npt.ArrayLike | None = None
) -> Residuals:
    """Samples minus the mean of their condition: over all of them, or within each run where runs are given.

    Parameters
    ----------
    patterns : array (samples, channels).
    conditions, runs : labels or codes, one a sample.

    Returns
    -------
    Residuals; samples whose condition has no other sample have none and are left out. The degrees of freedom
    are the samples minus the means that were taken away.

    Raises ``DataError`` where no condition has two samples.
    """
    rows = np.asarray(patterns).astype(np.float64)
    names = np.unique(np.asarray(conditions), return_inverse=True)[1]
    if runs is not None:
        sessions = np.unique(np.asarray(runs), return_inverse=True)[1]
        names = np.unique(names + (names.max(initial=0) + 1) * sessions, return_inverse=True)[1]
    if names.shape != (len(rows),):
        raise DataError(f"noise: {names.size} condition labels for {len(rows)} samples")
    counts = np.bincount(names)
    repeated = counts[names] > 1
    if not repeated.any():
        where = " within a run" if runs is not None else ""
        raise DataError(
            f"noise: no condition has two samples{where}, so that nothing says what is noise; give residuals "
            "of the GLM" + (", or take the noise over all runs together" if runs is not None else "")
        )
    sums = np.zeros((len(counts), rows.shape[1]))
    np.add.at(sums, names, rows)
    residuals = rows - (sums / counts[:, None])[names]
    return Residuals(residuals[repeated], int(repeated.sum() - (counts > 1).sum()))
