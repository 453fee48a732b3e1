"""What scikit-learn estimators have in common whose units each use their own voxels."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from isocortex_decoding.decoders.weights import Array, Weights


class LinearUnits(MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc,unused-ignore]
    """A regressor with weights of its own for each unit; ``fit`` ends with ``_keep``."""

    selected_: Array | None
    intercept_: Any

    def predict(self, X: Array) -> Array:
        """Predict y for X (samples, voxels), in the dtype of the training data."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        found = self._weights.predict(X)
        return found[:, 0] if self._flat else found

    @property
    def coef_(self) -> Array:
        """Weights (units, voxels), or (voxels,) after a 1-D y."""
        check_is_fitted(self)
        dense = self._weights.dense()
        return dense[0] if self._flat else dense

    def _training(self, X: Array, y: Array) -> tuple[Array, Array, bool]:
        """Voxels, targets (samples, units) in their dtype, and whether y came without an axis of units."""
        X, y = validate_data(self, X, y, dtype=(np.float64, np.float32), multi_output=True, y_numeric=True)
        flat = y.ndim == 1
        return X, np.asarray(y[:, None] if flat else y, dtype=X.dtype), flat

    def _keep(self, weights: Weights, flat: bool, targets: Array) -> None:
        self._weights, self._flat = weights, flat
        self.selected_ = weights.selected
        intercept = weights.intercept()
        self.intercept_ = intercept[0] if flat else intercept
        self.n_constant_units_ = int((targets.max(axis=0) == targets.min(axis=0)).sum())

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_weights")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = False
        return tags
