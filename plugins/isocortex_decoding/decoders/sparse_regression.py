"""Sparse linear regression as a scikit-learn estimator."""

from __future__ import annotations

from typing import Literal, Self

from isocortex_decoding.decoders.ard import AllPruned, ArdSettings, ArdSystem
from isocortex_decoding.decoders.linear import LinearUnits
from isocortex_decoding.decoders.weights import Array


class SparseLinearRegression(LinearUnits):
    """Linear regression with automatic relevance determination, each unit by itself (SLiR).

    What Horikawa & Kamitani (2017) and Shen et al. (2019) decode with: every voxel has a relevance that is
    learnt, and voxels whose relevance vanishes are pruned. X and y are used as they come, with a column of
    ones for the intercept; z-score them first. Computed in float64, over all processors.

    Parameters
    ----------
    n_iter : most iterations: 200 in the studies' code, 2,000 in the paper.
    n_voxels : None, all voxels; or so many with the largest |Pearson r| on the training data (the studies:
        500).
    prune_mode : 1 prunes by relevance, 2 by squared weight, relative to the largest; 0 does not prune (nor
        stop early).
    prune_threshold : what is pruned.
    converge_min_iter, converge_threshold : after so many iterations, stop when nothing was pruned and no
        relevance changed by more.
    minval : smallest noise variance and gain.
    all_pruned : a unit that all voxels are pruned from is predicted as its "mean", with a warning (the
        study's scripts predict 0 there, the mean of a z-scored unit), or is an "error" (SLiR itself).

    Attributes
    ----------
    coef_ : (units, voxels) or (voxels,). intercept_ : (units,) or a number.
    selected_ : (units, n_voxels) columns that each unit started with; None: all.
    relevance_ : (units, n + 1), or (n + 1,), on those and the ones (the last), 0 where pruned.
    noise_ : noise variances. n_iter_ : most iterations that a unit took. iterations_ : of each unit.
    n_constant_units_ : constant units, which are not fitted but predicted as that constant.
    """

    def __init__(
        self,
        n_iter: int = 200,
        n_voxels: int | None = None,
        prune_mode: Literal[0, 1, 2] = 1,
        prune_threshold: float = 1e-10,
        converge_min_iter: int = 100,
        converge_threshold: float = 1e-10,
        minval: float = 1e-15,
        all_pruned: AllPruned = "mean",
    ) -> None:
        self.n_iter = n_iter
        self.n_voxels = n_voxels
        self.prune_mode = prune_mode
        self.prune_threshold = prune_threshold
        self.converge_min_iter = converge_min_iter
        self.converge_threshold = converge_threshold
        self.minval = minval
        self.all_pruned = all_pruned

    def fit(self, X: Array, y: Array) -> Self:
        """Learn weights from X (samples, voxels) and y (samples,) or (samples, units), both finite."""
        X, targets, flat = self._training(X, y)
        found = self.prepare(X).fit(targets)
        self._keep(found.weights, flat, targets)
        self.relevance_ = found.relevance[0] if flat else found.relevance
        self.noise_ = found.noise[0] if flat else found.noise
        self.iterations_ = found.iterations
        self.n_iter_ = int(found.iterations.max(initial=0)) or 1
        return self

    def prepare(self, X: Array, rows: Array | None = None) -> ArdSystem:
        """What all units share; its ``weights`` then fits as many units at a time as one likes."""
        settings = ArdSettings(
            self.n_iter,
            self.prune_mode,
            self.prune_threshold,
            self.converge_min_iter,
            self.converge_threshold,
            self.minval,
            self.all_pruned,
        )
        return ArdSystem(X, self.n_voxels, settings, rows)
