"""Ridge regression on the voxels that each unit correlates most with, as a scikit-learn estimator."""

from __future__ import annotations

from typing import Self

from isocortex_decoding.decoders.linear import LinearUnits
from isocortex_decoding.decoders.ridge import Intercept, RidgeSystem
from isocortex_decoding.decoders.weights import Array


class VoxelSelectedRidge(LinearUnits):
    """Predicts each unit from the ``n_voxels`` voxels with the largest |Pearson r| on the training data.

    Minimises ||y - X w - b||^2 + alpha ||w||^2 for each unit on its own voxels (Shen et al. 2019; FastL2LiR).
    The result does not depend on the number of processors, and float32 data are worked on in float32.

    Parameters
    ----------
    alpha : weight of the penalty, 0 or larger. 0 is least squares, the shortest of all solutions.
    n_voxels : how many voxels a unit gets; None, or as many as there are: all of them. Of equally correlated
        voxels at the border the one in the later column is taken.
    intercept : "unpenalised" centres voxels and units, so that the penalty falls on weights alone.
        "fastl2lir" repeats FastL2LiR: X and y are used as they come (z-score them first), and a column of
        ones is penalised like a voxel, which pulls the intercept to 0; that is why it is not the default.

    Attributes
    ----------
    selected_ : (units, n_voxels) columns of X that each unit uses, ascending; None where it uses all.
    weights_ : (units, n_voxels) weights on those, or (units, voxels).
    coef_ : (units, voxels) the weights with their zeros, (voxels,) after a 1-D y; made when it is asked for.
    intercept_ : (units,) or a number.
    n_dropped_voxels_ : voxels that are constant in training, which get no weight ("fastl2lir" keeps them as
        FastL2LiR does: their correlation counts as 0).
    n_constant_units_ : units that are constant in training; they are predicted as that constant.

    Raises ``ValueError`` for NaN or infinity in X or y, as scikit-learn does; the steps of pipelines drop
    such voxels and report how many.
    """

    def __init__(
        self, alpha: float = 100.0, n_voxels: int | None = 500, intercept: Intercept = "unpenalised"
    ) -> None:
        self.alpha = alpha
        self.n_voxels = n_voxels
        self.intercept = intercept

    def fit(self, X: Array, y: Array) -> Self:
        """Learn weights from X (samples, voxels) and y (samples,) or (samples, units)."""
        X, targets, flat = self._training(X, y)
        system = self.prepare(X)
        weights = system.weights(targets)
        self._keep(weights, flat, targets)
        self.weights_ = weights.values
        self.n_dropped_voxels_ = system.n_dropped
        return self

    def prepare(self, X: Array, rows: Array | None = None) -> RidgeSystem:
        """What all units share; its ``weights`` then solves for as many units at a time as one likes."""
        return RidgeSystem(X, self.alpha, self.n_voxels, self.intercept, rows)
