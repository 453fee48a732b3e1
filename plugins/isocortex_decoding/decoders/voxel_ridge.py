"""Ridge regression on the voxels that each unit correlates most with, as a scikit-learn estimator."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from isocortex_decoding.decoders.ridge import Intercept, RidgeSystem
from isocortex_decoding.decoders.weights import Array, Weights


class VoxelSelectedRidge(MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc,unused-ignore]
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
        X, y = validate_data(self, X, y, dtype=(np.float64, np.float32), multi_output=True, y_numeric=True)
        targets = np.asarray(y[:, None] if y.ndim == 1 else y, dtype=X.dtype)
        system = self.prepare(X)
        self._set(system.weights(targets), y.ndim == 1)
        self.n_dropped_voxels_ = system.n_dropped
        self.n_constant_units_ = (
            int((targets.max(axis=0) == targets.min(axis=0)).sum()) if len(targets) else 0
        )
        return self

    def prepare(self, X: Array, rows: Array | None = None) -> RidgeSystem:
        """What all units share; its ``weights`` then solves for as many units at a time as one likes."""
        return RidgeSystem(X, self.alpha, self.n_voxels, self.intercept, rows)

    def predict(self, X: Array) -> Array:
        """Predict y for X (samples, voxels), in the dtype of the training data."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        found = self._weights.predict(X)
        return found[:, 0] if self._flat else found

    def _set(self, weights: Weights, flat: bool) -> None:
        self._weights, self._flat = weights, flat
        self.selected_, self.weights_ = weights.selected, weights.values
        intercept = weights.intercept()
        self.intercept_ = intercept[0] if flat else intercept

    @property
    def coef_(self) -> Array:
        """Weights (units, voxels), or (voxels,) after a 1-D y."""
        check_is_fitted(self)
        dense = self._weights.dense()
        return dense[0] if self._flat else dense

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_weights")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = False
        return tags
