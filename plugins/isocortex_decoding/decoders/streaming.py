"""Decoding very many units: targets come from memory maps and predictions go to files, block by block."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.choices import require_choice
from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex.pipeline.isolation import generators_kept
from isocortex_decoding.decoders.operator import applied, prediction_operator
from isocortex_decoding.decoders.scaling import UnitScale, UnitScaling, VoxelScale
from isocortex_decoding.decoders.stored import ModelWriter
from isocortex_decoding.decoders.unit_blocks import Predictions, blocks, read_units
from isocortex_decoding.decoders.weights import Weights


class Streamed(NamedTuple):
    """What one array of targets came to: predictions (test samples, ...units) and counts.

    ``n_constant`` units are constant over the training stimuli and predicted as that constant; ``n_nan`` are
    not finite there and predicted as NaN.
    """

    predicted: Array
    n_units: int
    n_constant: int
    n_nan: int


class UnitStream:
    """Decodes units from the same voxels, as many arrays of them as one likes.

    Voxels and units are z-scored by training means and SDs (n - 1), and predictions brought back to the scale
    of the units. Voxels that are constant or not finite in training, or not finite in the test samples, are
    not used, and counted. Memory stays flat in the number of units.

    Parameters
    ----------
    decoder : a regressor of scikit-learn's interface. One with ``prepare(X, rows)`` (those of this package)
        shares the work on voxels between all blocks of units; any other is fitted anew for each block, or for
        each unit if it takes one target only. One that draws from the global random generators draws the
        same numbers for each block.
    train, test : voxels (samples, voxels).
    rows : for each training sample the row of the targets that belongs to it.
    scaling : "unique": means and SDs of units count each row of targets once; "samples": as often as it
        repeats (what the study's cross-validation script did).
    dtype : what is computed in; by default float32 for float32 patterns and float64 for others.
    """

    def __init__(
        self,
        decoder: Any,
        train: Array,
        test: Array,
        rows: npt.NDArray[np.intp],
        scaling: UnitScaling = "unique",
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        require_choice(scaling, UnitScaling, "scaling")
        _require_fitting(decoder, train, test, rows)
        self.decoder, self.rows, self.scaling = decoder, np.asarray(rows), scaling
        self.dtype = np.dtype(dtype if dtype is not None else np.result_type(train.dtype, np.float32))
        self.scale = VoxelScale.fitted(train)
        bad = ~np.isfinite(test[:, self.scale.used]).all(axis=0)
        self.n_bad_in_test = int(bad.sum())
        if bad.all():
            raise DataError("decoding: no voxel is finite in all test samples")
        used, mean, sd = (part[~bad] for part in self.scale[:3])
        self.scale = self.scale._replace(used=used, mean=mean, sd=sd)
        self.test = self.scale.apply(test, self.dtype)
        self.repeats = np.bincount(self.rows)
        self._operator: Array | None = None
        self._fitted = self._fitting(self.scale.apply(train, self.dtype))

    def decode(
        self,
        targets: Array,
        labels: npt.NDArray[np.intp] | None = None,
        out: Path | Array | None = None,
        store: Path | None = None,
        name: str = "targets",
        block: int | None = None,
    ) -> Streamed:
        """Fit the units of ``targets`` (labels, ...units) and predict them for the test samples.

        Parameters
        ----------
        labels : the places in ``targets`` of the rows that training samples belong to (default: all, in
            order). No other row of ``targets`` is read.
        out : where predictions go: a new ``.npy`` file, opened as a memory map; an array of their shape and
            ``dtype``; None: a new array in memory.
        store : an empty folder that the models go to (see ``StoredModels``).
        name : what errors call the targets.
        block : most units at a time; does not change the result.
        """
        places = np.arange(len(targets)) if labels is None else np.asarray(labels)
        if len(places) != len(self.repeats):
            raise DataError(f"{name}: {len(places)} rows for samples of {len(self.repeats)} labels")
        shape = (len(self.test), *targets.shape[1:])
        units, n_constant, n_nan = math.prod(shape[1:]), 0, 0
        models = None if store is None else self._models(store, shape[1:], units)
        with Predictions(out, shape, self.dtype) as into:
            for start, stop in blocks(units, len(places), block):
                Y = read_units(targets, places, start, stop)
                scale = UnitScale.fitted(Y, self.repeats if self.scaling == "samples" else None)
                bad = np.isnan(scale.mean)
                n_nan += int(bad.sum())
                n_constant += int(((scale.sd == 0) & ~bad).sum())
                with generators_kept():  # whatever part of the units a worker has, a block draws the same
                    predicted, weights = self._predicted(scale.apply(Y, self.dtype), models is not None)
                into.write(scale.undo(predicted), start)
                if models is not None:
                    models.write(weights, scale, start)
        if models is not None:
            models.finish()
        return Streamed(into.result(), units, n_constant, n_nan)

    def _predicted(self, Y: Array, models: bool) -> tuple[Array, Weights | None]:
        """Predictions of units, with their weights where models are kept."""
        if self._operator is None or models:
            return self._fitted(Y)
        return applied(self._operator, Y), None

    def _models(self, folder: Path, shape: tuple[int, ...], units: int) -> ModelWriter:
        if not hasattr(self.decoder, "prepare"):
            raise DataError(
                f"decoding: models of {type(self.decoder).__name__} cannot be stored; only those of "
                "voxel-selected ridge and sparse linear regression can"
            )
        return ModelWriter(folder, self.scale, shape, units, self.dtype)

    def _fitting(self, X: Array) -> Callable[[Array], tuple[Array, Weights | None]]:
        """A function that fits targets (rows, units) and gives predictions and weights."""
        if hasattr(self.decoder, "prepare"):
            system = self.decoder.prepare(X, self.rows)
            self._operator = prediction_operator(system, len(self.repeats), self.test)

            def linear(Y: Array) -> tuple[Array, Weights | None]:
                weights = system.weights(Y)
                return weights.predict(self.test), weights

            return linear
        at_once = _takes_many(self.decoder)

        def other(Y: Array) -> tuple[Array, Weights | None]:
            repeated = Y[self.rows]
            if at_once:
                found = np.asarray(_fresh(self.decoder).fit(X, repeated).predict(self.test))
                return found.reshape(len(self.test), Y.shape[1]), None
            columns = [_fresh(self.decoder).fit(X, own).predict(self.test) for own in repeated.T]
            return np.stack(columns, axis=1), None

        return other


def _require_fitting(decoder: Any, train: Array, test: Array, rows: Array) -> None:
    from sklearn.base import BaseEstimator, is_classifier

    if isinstance(decoder, BaseEstimator) and is_classifier(decoder):
        raise DataError(f"decoding: {type(decoder).__name__} tells classes apart; features need a regressor")
    if train.ndim != 2 or test.ndim != 2 or train.shape[1] != test.shape[1]:
        raise DataError(
            f"decoding: training samples of shape {train.shape} and test samples of shape {test.shape}; "
            "both must be samples x the same voxels"
        )
    if len(rows) != len(train) or not len(train):
        raise DataError(f"decoding: {len(rows)} labels for {len(train)} training samples")


def _takes_many(decoder: Any) -> bool:
    from sklearn.base import BaseEstimator
    from sklearn.utils import get_tags

    return not isinstance(decoder, BaseEstimator) or bool(get_tags(decoder).target_tags.multi_output)


def _fresh(decoder: Any) -> Any:
    from sklearn.base import BaseEstimator, clone

    return clone(decoder) if isinstance(decoder, BaseEstimator) else copy.deepcopy(decoder)
