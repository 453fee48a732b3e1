"""Decoding one fold: everything fitted on its training samples, units in blocks."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from isocortex.data import Patterns
from isocortex.data.base import Array
from isocortex.data.labels import Labels, codes, positions, unique
from isocortex.errors import DataError
from isocortex_decoding.crossvalidation.folds import Fold, Indices
from isocortex_decoding.evaluation.blocks import BLOCK, Floats, Mask, unit_blocks

_IN_MEMORY = 2**28
"""Predictions of more bytes go to a temporary file."""


class FoldData(NamedTuple):
    """Brain side of a fold, z-scored by its training samples.

    ``train`` (samples, voxels); ``rows`` (samples,) the row of ``trained`` that each belongs to; ``trained``
    and ``tested`` the rows of the features that are learnt and predicted; ``test`` (tested, voxels) the means
    of the test samples of each stimulus; ``counts`` (tested,) of how many; ``dropped`` voxels take no part.
    """

    train: Array
    rows: Indices
    trained: Indices
    test: Array
    tested: Indices
    counts: Indices
    dropped: int


def fold_data(patterns: Patterns, fold: Fold, labels: Labels, stimuli: Labels) -> FoldData:
    """Take a fold's samples, find their features by label, and z-score the voxels by training (ddof 1).

    ``labels`` are the stimuli of the samples, ``stimuli`` those of the features. Voxels that are not finite,
    or constant in training, are left out.
    """
    what = f"fold {fold.name!r}: features of the stimuli"
    trained = unique([labels[row] for row in fold.train])
    tested = unique([labels[row] for row in fold.test])
    rows = positions([labels[row] for row in fold.train], trained, what)
    members = codes([labels[row] for row in fold.test], tested)
    counts = np.bincount(members, minlength=len(tested))
    train = np.asarray(patterns.values[fold.train])
    test = np.zeros((len(tested), patterns.n_channels))
    np.add.at(test, members, patterns.values[fold.test])
    test /= counts[:, None]
    train, test, keep = standardised(train, test)
    if not keep.any():
        raise DataError(f"fold {fold.name!r}: no voxel is finite and varies over the training samples")
    return FoldData(
        train,
        rows,
        positions(trained, stimuli, what),
        test,
        positions(tested, stimuli, what),
        counts,
        int(np.count_nonzero(~keep)),
    )


def standardised(train: Array, test: Array) -> tuple[Array, Array, Mask]:
    """Z-score both by the training samples (ddof 1); say which voxels could be kept."""
    with np.errstate(invalid="ignore", over="ignore"):
        keep = np.isfinite(train).all(axis=0) & np.isfinite(test).all(axis=0)
        keep &= (train != train[:1]).any(axis=0)
        mean = train[:, keep].mean(axis=0, dtype=np.float64)
        deviation = train[:, keep].std(axis=0, ddof=1, dtype=np.float64)
    first, second = ((side[:, keep] - mean) / deviation for side in (train, test))
    return first.astype(train.dtype), second.astype(train.dtype), keep


def predict_units(
    decoder: Any, data: FoldData, features: Array, block: int = BLOCK
) -> Iterator[tuple[slice, Array]]:
    """Learn and predict a layer (stimuli, units) block by block: yields (units, predictions (tested, units)).

    Units are z-scored by the different training stimuli (ddof 1), and predictions scaled back. A unit that is
    constant in training is predicted as that constant; one that is not finite there is predicted as NaN.
    """
    learn = _learner(decoder, data)
    for part in unit_blocks(features.shape[1], max(len(data.rows), 1), block):
        y = np.array(features[data.trained, part], dtype=np.float64)
        finite = np.isfinite(y).all(axis=0)
        mean = np.where(finite, np.where(finite, y, 0.0).mean(axis=0), np.nan)
        varies = finite & (y != y[:1]).any(axis=0)
        out = np.repeat(mean[None], len(data.tested), axis=0)
        if varies.any():
            deviation = y[:, varies].std(axis=0, ddof=1)
            z = ((y[:, varies] - mean[varies]) / deviation).astype(data.train.dtype)
            out[:, varies] += np.asarray(learn(z), dtype=np.float64) * deviation
        yield part, out.astype(features.dtype)


def empty_predictions(stimuli: int, shape: tuple[int, ...], dtype: Any) -> Array:
    """An array of zeros for predictions, in a temporary file where it is large."""
    size = stimuli * int(np.prod(shape)) * np.dtype(dtype).itemsize
    if size <= _IN_MEMORY:
        return np.zeros((stimuli, *shape), dtype=dtype)
    import tempfile

    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype=dtype, mode="w+", shape=(stimuli, *shape))


def _learner(decoder: Any, data: FoldData) -> Any:
    """Function that learns z-scored targets (trained, units) and predicts (tested, units)."""
    if hasattr(decoder, "prepare"):  # a decoder that shares the voxels' side between blocks of units
        system = decoder.prepare(data.train, data.rows)
        return lambda targets: system.weights(targets).predict(data.test)

    def learn(targets: Floats) -> Array:
        model = _fresh(decoder)
        predicted = np.asarray(model.fit(data.train, targets[data.rows]).predict(data.test))
        return predicted.reshape(len(data.test), targets.shape[1])

    return learn


def _fresh(decoder: Any) -> Any:
    """An untrained copy that predicts several units; scikit-learn's single-output ones are repeated."""
    from sklearn.base import BaseEstimator, clone, is_classifier

    if not isinstance(decoder, BaseEstimator):
        return copy.deepcopy(decoder)
    if is_classifier(decoder):
        raise DataError(f"{type(decoder).__name__} is a classifier; features are decoded by a regressor")
    from sklearn.multioutput import MultiOutputRegressor
    from sklearn.utils import get_tags

    model = clone(decoder)
    return model if get_tags(model).target_tags.multi_output else MultiOutputRegressor(model)
