"""A scale that is fitted on training samples alone, and says on which."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_decoding.decoders.scaling import VoxelScale


class TrainingScaler(TransformerMixin, BaseEstimator):
    """Z-score voxels (or units) by mean and SD of the training samples, as a scikit-learn transformer.

    Voxels that hold NaN or infinity in training, or are constant there, have no scale: they are left out of
    what ``transform`` gives, and counted.

    Parameters
    ----------
    ddof : 1 as in the lab's decoders; 0 for scikit-learn's.

    Attributes
    ----------
    mean_, scale_ : (kept,), float64.
    kept_ : truth values (voxels,). ``n_constant_``, ``n_nan_``: how many were left out.
    n_samples_ : training samples. ``fitted_on_``: what they are, in words.
    """

    def __init__(self, ddof: int = 1) -> None:
        self.ddof = ddof

    def fit(self, X: Array, y: Any = None, fitted_on: str = "") -> Self:
        """Fit to training samples X (samples, voxels); ``fitted_on`` says in words what they are."""
        X = validate_data(
            self, X, dtype=[np.float64, np.float32], ensure_all_finite=False, ensure_min_samples=2
        )
        if len(X) <= self.ddof:
            raise DataError(f"TrainingScaler: {len(X)} training samples have no SD with ddof {self.ddof}")
        scale = VoxelScale.fitted(X, self.ddof, "TrainingScaler")
        self.kept_ = np.zeros(scale.total, dtype=bool)
        self.kept_[scale.used] = True
        self.mean_, self.scale_ = scale.mean, scale.sd
        self.n_nan_, self.n_constant_ = scale.n_nan, scale.n_constant
        self.n_samples_ = len(X)
        self.fitted_on_ = fitted_on or f"{len(X)} training samples"
        return self

    def transform(self, X: Array) -> Array:
        """Scale samples (samples, voxels) by the training scale: (samples, kept), float32 if X is."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], ensure_all_finite=False, reset=False)
        return np.asarray(((X[:, self.kept_] - self.mean_) / self.scale_).astype(X.dtype))

    def inverse_transform(self, X: Array) -> Array:
        """Undo the scale of (samples, kept); what was left out is NaN in (samples, voxels)."""
        check_is_fitted(self)
        X = np.asarray(X)
        if X.ndim != 2 or X.shape[1] != len(self.mean_):
            raise DataError(
                f"TrainingScaler: {X.shape} does not hold the {len(self.mean_)} voxels that were kept"
            )
        out = np.full((len(X), len(self.kept_)), np.nan, dtype=X.dtype if X.dtype.kind == "f" else np.float64)
        out[:, self.kept_] = X * self.scale_ + self.mean_
        return out

    def describe(self) -> str:
        """Say on what the scale was fitted, and what was left out."""
        check_is_fitted(self)
        return (
            f"mean and SD (ddof {self.ddof}) of {self.fitted_on_}: {len(self.mean_)} of {len(self.kept_)} "
            f"voxels ({self.n_constant_} constant, {self.n_nan_} with NaN left out)"
        )

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Names of the voxels that are kept."""
        check_is_fitted(self)
        from sklearn.utils.validation import _check_feature_names_in

        return _check_feature_names_in(self, input_features)[self.kept_]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
