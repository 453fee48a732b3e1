"""Voxels and units in units of their own spread over the training data."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError
from isocortex_decoding.decoders.shared import moments
from isocortex_decoding.decoders.weights import Array

UnitScaling = Literal["unique", "samples"]


class VoxelScale(NamedTuple):
    """Which voxels are used, and their mean and SD (n - ddof) over the training samples, float64.

    Of ``total`` voxels ``n_nan`` held NaN or infinity in training and ``n_constant`` were constant; neither
    are used.
    """

    used: npt.NDArray[np.intp]
    mean: Array
    sd: Array
    total: int
    n_nan: int
    n_constant: int

    @classmethod
    def fitted(cls, X: Array, ddof: int = 1, what: str = "decoding") -> VoxelScale:
        """Fit to training samples X (samples, voxels), more than ``ddof``; ``what`` begins an error."""
        finite = np.isfinite(X).all(axis=0)
        mean, spread, constant = moments(X[:, finite])
        places = np.flatnonzero(finite)[~constant]
        if not places.size:
            raise DataError(
                f"{what}: none of the {X.shape[1]} voxels can be used ({int((~finite).sum())} hold NaN or "
                f"infinity, {int(constant.sum())} are constant in the {len(X)} training samples)"
            )
        sd = spread[~constant] * np.sqrt(len(X) / (len(X) - ddof))
        counts = X.shape[1], int((~finite).sum()), int(constant.sum())
        return cls(places, mean[~constant], sd, *counts)

    def apply(self, X: Array, dtype: npt.DTypeLike) -> Array:
        """Used voxels of X (samples, voxels) in units of SD from the mean."""
        return np.asarray((X[:, self.used] - self.mean) / self.sd, dtype=dtype)


class UnitScale(NamedTuple):
    """Mean and SD (n - 1) of units, float64. SD 0: a constant unit; mean NaN: one that is not finite."""

    mean: Array
    sd: Array

    @classmethod
    def fitted(cls, Y: Array, repeats: Array | None = None) -> UnitScale:
        """Fit to targets Y (labels, units), each label once, or as often as it repeats."""
        finite = np.isfinite(Y).all(axis=0)
        values = np.where(finite, Y, 0.0).astype(np.float64, copy=False)
        times = np.ones(len(Y)) if repeats is None else repeats
        total = times.sum()
        constant = values.max(axis=0) == values.min(axis=0)
        mean = np.where(constant, values[0], times @ values / total)
        square = times @ (values - mean) ** 2
        sd = np.where(constant, 0.0, np.sqrt(square / max(total - 1, 1)))
        return cls(np.where(finite, mean, np.nan), sd)

    def apply(self, Y: Array, dtype: npt.DTypeLike) -> Array:
        """Units in units of SD from the mean; those without a spread are 0."""
        varies = self.sd > 0
        z = (Y - np.where(varies, self.mean, 0.0)) / np.where(varies, self.sd, 1.0)
        return np.where(varies, z, 0.0).astype(dtype)

    def undo(self, predicted: Array) -> Array:
        """Predictions on the scale of the units; NaN for units that were not finite."""
        return np.asarray(predicted * self.sd + self.mean)
