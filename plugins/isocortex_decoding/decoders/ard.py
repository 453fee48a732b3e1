"""Sparse linear regression (automatic relevance determination) of many units."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from isocortex.choices import require_choice
from isocortex.errors import DataError
from isocortex.threads import one_blas_thread, over
from isocortex_decoding.decoders.shared import SharedVoxels
from isocortex_decoding.decoders.weights import UNITS, Array, Weights

AllPruned = Literal["error", "mean"]


@dataclass(frozen=True)
class ArdSettings:
    """Settings of the iteration, by default those of SLiR; see ``SparseLinearRegression``."""

    n_iter: int = 200
    prune_mode: Literal[0, 1, 2] = 1
    prune_threshold: float = 1e-10
    converge_min_iter: int = 100
    converge_threshold: float = 1e-10
    minval: float = 1e-15
    all_pruned: AllPruned = "mean"

    def __post_init__(self) -> None:
        require_choice(self.prune_mode, Literal[0, 1, 2], "prune_mode")
        require_choice(self.all_pruned, AllPruned, "all_pruned")
        if self.n_iter < 1:
            raise DataError(f"sparse linear regression: n_iter={self.n_iter}; it must be at least 1")


class ArdFit(NamedTuple):
    """Weights of units; relevances as their values, iterations used and noise variance (units,)."""

    weights: Weights
    relevance: Array
    iterations: Array
    noise: Array
    pruned: Array


class ArdSystem:
    """The voxels' side of sparse linear regression; ``fit`` then fits units.

    X (samples, voxels) and targets are taken as they come, with a column of ones appended; z-score them. All
    is computed in float64. ``n_voxels`` and ``rows`` as in ``RidgeSystem``.
    """

    def __init__(
        self, X: Array, n_voxels: int | None, settings: ArdSettings, rows: Array | None = None
    ) -> None:
        self.settings, self.dtype = settings, X.dtype
        self.voxels = SharedVoxels(X.astype(np.float64, copy=False), n_voxels, bias=True, rows=rows)
        self.n_dropped = 0
        worth = self.voxels.n_columns <= len(X) and self.voxels.n_selected is not None
        found = self.voxels.gram() if worth else None
        self.gram = np.empty((0, 0)) if found is None else found

    def weights(self, Y: Array) -> Weights:
        """Weights of units from their targets Y (rows, units)."""
        return self.fit(Y).weights

    def fit(self, Y: Array) -> ArdFit:
        """Fit units to their targets Y (rows, units), finite. A unit that is constant is that constant."""
        voxels, units = self.voxels, Y.shape[1]
        n = voxels.n_columns
        values, relevance = np.zeros((units, n)), np.zeros((units, n))
        index = None if voxels.n_selected is None else np.zeros((units, n - 1), np.int32)
        ended, iterations, noise = np.zeros(units, np.int64), np.zeros(units, np.int64), np.zeros(units)

        with one_blas_thread():
            for start in range(0, units, UNITS):
                part = slice(start, min(units, start + UNITS))
                found = self._block(Y[:, part], values[part], relevance[part])
                ended[part], iterations[part], noise[part], own = found
                if index is not None:
                    index[part] = own[:, :-1]
        constant = Y.max(axis=0) == Y.min(axis=0)
        values[constant], relevance[constant] = 0.0, 0.0
        offset = np.where(constant, Y[0], values[:, -1])
        pruned = self._check(ended, constant)
        if pruned.any():
            offset[pruned] = (voxels.repeats @ Y[:, pruned]) / voxels.repeats.sum()
        own_index, spread = voxels.over_all(index, values[:, :-1].astype(self.dtype))
        weights = Weights(own_index, spread.astype(self.dtype), np.zeros(voxels.n_all), offset)
        return ArdFit(weights, relevance, iterations, noise, pruned)

    def _block(self, Y: Array, values: Array, relevance: Array) -> tuple[Array, Array, Array, Array]:
        from isocortex_decoding.decoders import _ard_kernels as kernels
        from isocortex_decoding.decoders._lapack import LETTERS, routines

        voxels, settings = self.voxels, self.settings
        block = voxels.block(Y.astype(np.float64, copy=False))
        units = Y.shape[1]
        every = np.broadcast_to(np.arange(voxels.n_columns, dtype=np.int32), (units, voxels.n_columns))
        index = every if block.selected is None else block.selected
        y = voxels.by_sample(block.y[:units])
        ended, used, noise = np.zeros(units, np.int64), np.zeros(units, np.int64), np.zeros(units)
        whole = np.array([settings.n_iter, settings.prune_mode, settings.converge_min_iter])
        limits = np.array([settings.minval, settings.prune_threshold, settings.converge_threshold])
        addresses = routines(np.float64)

        def one(unit: int, _: int) -> None:
            own = np.ascontiguousarray(index[unit])
            given = y[unit], block.right[unit, own], whole, limits, values[unit], relevance[unit]
            if given[0].any():
                found = kernels.fit(addresses, LETTERS, voxels.design, self.gram, own, *given)
                ended[unit], used[unit], noise[unit] = found

        over(units, one, 1)
        return ended, used, noise, index

    def _check(self, ended: Array, constant: Array) -> Array:
        """Which units have no input left; raises or warns as the settings say."""
        from isocortex_decoding.decoders._ard_kernels import FAILED, PRUNED

        failed = np.flatnonzero((ended == FAILED) & ~constant)
        if failed.size:
            raise DataError(
                f"sparse linear regression: the equations of {failed.size} units are singular (the first is "
                f"unit {failed[0]}); z-score voxels and units first"
            )
        pruned = (ended == PRUNED) & ~constant
        if pruned.any():
            count, first = int(pruned.sum()), int(np.flatnonzero(pruned)[0])
            what = f"all voxels of {count} units are pruned (the first is unit {first})"
            if self.settings.all_pruned == "error":
                raise DataError(
                    f"sparse linear regression: {what}; choose another prune_mode, or "
                    'all_pruned="mean" to predict their mean'
                )
            warnings.warn(f"sparse linear regression: {what}; their mean is predicted", stacklevel=4)
        return np.asarray(pruned)
