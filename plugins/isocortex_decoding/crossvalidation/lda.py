"""Linear discriminant analysis with shrinkage, fast also for many more voxels than samples."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from isocortex.data.base import Array
from isocortex_decoding.evaluation.blocks import Floats


class ShrinkageLDA(ClassifierMixin, BaseEstimator):  # type: ignore[misc,unused-ignore]
    """Linear discriminants with one covariance, of the samples around their class means.

    The covariance is shrunk towards a multiple of the identity by the weight of Ledoit & Wolf (2004), so
    there is nothing to tune. With more voxels than samples all is solved among samples: time grows with
    samples^2 x voxels. Voxels should be on one scale (z-scored), as the identity treats them alike.

    Attributes
    ----------
    classes_ : (classes,).
    coef_, intercept_ : (classes, voxels) and (classes,); the class of the largest discriminant is predicted.
    shrinkage_ : 0 to 1.
    """

    def fit(self, X: Array, y: Array) -> Self:
        """Learn from X (samples, voxels) and classes y (samples,), at least two different ones."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, index = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"all samples are of one class, {self.classes_[0]!r}; give 2 or more")
        counts = np.bincount(index)
        centre = X.mean(axis=0)
        means = np.zeros((len(counts), X.shape[1]))
        np.add.at(means, index, X - centre)
        means /= counts[:, None]
        self.shrinkage_, weights = _discriminants(X - centre - means[index], means)
        self.coef_ = weights
        offsets = np.log(counts / counts.sum()) - 0.5 * np.einsum("ij,ij->i", means, weights)
        self.intercept_ = offsets - weights @ centre
        return self

    def decision_function(self, X: Array) -> Floats:
        """Discriminants (samples, classes); for two classes the difference of the second and the first."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        scores = X @ self.coef_.T + self.intercept_
        return np.asarray(scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores)

    def predict(self, X: Array) -> Array:
        """Class of each sample."""
        scores = self.decision_function(X)
        best = (scores > 0).astype(np.intp) if scores.ndim == 1 else scores.argmax(axis=1)
        return np.asarray(self.classes_[best])


def ledoit_wolf_weight(residuals: Floats, gram: Floats | None = None) -> tuple[float, float]:
    """Shrinkage weight and mean variance of centred rows (samples, voxels), from their Gram matrix."""
    samples, voxels = residuals.shape
    square = np.einsum("ij,ij->i", residuals, residuals)
    mean = float(square.sum() / (samples * voxels))
    products: Any = gram if gram is not None else residuals.T @ residuals
    size = float(np.square(products).sum()) / samples**2
    delta = size - voxels * mean**2
    beta = (float(np.square(square).sum()) / samples - size) / samples
    if delta <= 1e-15 * size:
        return 1.0, mean
    return float(min(max(beta / delta, 0.0), 1.0)), mean


def _discriminants(residuals: Floats, means: Floats) -> tuple[float, Floats]:
    """Shrinkage weight, and means (classes, voxels) times the inverse of the shrunk covariance."""
    samples, voxels = residuals.shape
    among_samples = voxels > samples
    products = residuals @ residuals.T if among_samples else residuals.T @ residuals
    weight, variance = ledoit_wolf_weight(residuals, products if among_samples else None)
    if variance <= 0:  # every sample is its class's mean
        return 1.0, means
    weight = max(weight, 1e-8)  # keeps the covariance invertible where voxels depend on each other
    ridge, scale = weight * variance, (1.0 - weight) / samples
    if weight >= 1.0:
        return weight, means / ridge
    if not among_samples:
        covariance = scale * products
        covariance[np.diag_indices(voxels)] += ridge
        return weight, np.linalg.solve(covariance, means.T).T
    products[np.diag_indices(samples)] += ridge / scale
    return weight, (means - np.linalg.solve(products, residuals @ means.T).T @ residuals) / ridge
