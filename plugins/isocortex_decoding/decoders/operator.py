"""Predictions that are one matrix times the targets, where all units use the same voxels."""

from __future__ import annotations

from typing import Any

import numpy as np

from isocortex.data.base import Array
from isocortex.threads import one_blas_thread, over

PIECE = 4096
"""Units that are multiplied at a time, whatever the number of threads."""


def prediction_operator(system: Any, n_targets: int, test: Array) -> Array | None:
    """The matrix H (test samples, rows of targets) with predictions H @ targets, or None.

    Without a selection of voxels, predictions of ridge regression are linear in the targets, so that those of
    the unit vectors say all; no unit's weights are needed then, and the work on a unit no longer depends on
    the number of voxels (the dual form; Hastie, Tibshirani & Friedman 2009, section 18.3.5).

    Parameters
    ----------
    system : what ``prepare`` of a decoder gives.
    n_targets : rows of the targets.
    """
    if not getattr(system, "same_voxels", False):
        return None
    return np.asarray(system.weights(np.eye(n_targets, dtype=test.dtype)).predict(test))


def applied(operator: Array, targets: Array) -> Array:
    """Multiply, in pieces of units that do not depend on the number of threads: (test samples, units)."""
    out = np.empty((len(operator), targets.shape[1]), dtype=np.result_type(operator, targets))

    def work(start: int, stop: int) -> None:
        np.matmul(operator, targets[:, start:stop], out=out[:, start:stop])

    with one_blas_thread():
        over(targets.shape[1], work, PIECE)
    return out
