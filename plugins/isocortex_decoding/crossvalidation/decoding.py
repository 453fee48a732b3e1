"""Decoding fold by fold: everything fitted on training samples, predictions put together by stimulus."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data import Features, Patterns
from isocortex.data.base import Array
from isocortex.data.labels import Labels, codes, positions, unique
from isocortex.formats.scratch import ScratchArray
from isocortex_decoding.crossvalidation.folds import Fold, Indices
from isocortex_decoding.decoders.scaling import UnitScaling
from isocortex_decoding.decoders.streaming import Streamed, UnitStream
from isocortex_decoding.decoders.unit_blocks import Predictions
from isocortex_decoding.evaluation.blocks import BLOCK, unit_blocks

_IN_MEMORY = 2**28
"""Predictions of more bytes go to temporary files."""


class Settings(NamedTuple):
    """How each fold is decoded (see ``UnitStream``)."""

    decoder: Any
    layers: Sequence[str]
    scaling: UnitScaling = "unique"
    dtype: npt.DTypeLike | None = None


class FoldResult(NamedTuple):
    """Predictions of a fold: layer -> (tested stimuli, ...units), with what was used.

    ``tested`` are the stimuli, ``counts`` how many samples of each were averaged; ``trained`` is the number
    of training stimuli, ``voxels`` of voxels used; ``constant`` and ``not_finite`` count units by layer.
    """

    tested: Labels
    counts: Indices
    trained: int
    voxels: int
    predicted: dict[str, Array]
    constant: dict[str, int]
    not_finite: dict[str, int]


def decode_fold(
    patterns: Patterns, fold: Fold, labels: Labels, features: Features, settings: Settings
) -> FoldResult:
    """Learn a fold's training samples and predict the features of its test stimuli.

    ``labels`` are the stimuli of the samples, by which their features are found. The test samples of a
    stimulus are averaged first.
    """
    what = f"fold {fold.name!r}: features of the stimuli"
    trained = unique([labels[row] for row in fold.train])
    tested = unique([labels[row] for row in fold.test])
    places = positions(trained, features.stimuli, what)
    positions(tested, features.stimuli, what)
    rows = positions([labels[row] for row in fold.train], trained, what)
    members = codes([labels[row] for row in fold.test], tested)
    counts = np.bincount(members, minlength=len(tested))
    test = np.zeros((len(tested), patterns.n_channels))
    np.add.at(test, members, patterns.values[fold.test])
    test = (test / counts[:, None]).astype(patterns.values.dtype)
    train = np.asarray(patterns.values[fold.train])
    stream = UnitStream(settings.decoder, train, test, rows, settings.scaling, settings.dtype)
    found = {name: _decoded(stream, features.layers[name], places, name) for name in settings.layers}
    return FoldResult(
        tested,
        counts,
        len(trained),
        len(stream.scale.used),
        {name: part.predicted for name, part in found.items()},
        {name: part.n_constant for name, part in found.items()},
        {name: part.n_nan for name, part in found.items()},
    )


def put_together(results: Sequence[FoldResult], layer: str, tested: Labels, counts: Indices) -> Array:
    """Predictions of one layer (tested, ...units); a stimulus of several folds gets the mean of its own.

    ``counts`` (tested,) are all samples of each stimulus, by which the mean is weighted.
    """
    parts = []
    for result in results:
        rows = positions(result.tested, tested, "tested stimuli")
        parts.append((rows, result.counts / counts[rows], result.predicted[layer]))
    first = parts[0][2]
    shape = (len(tested), *first.shape[1:])
    if _fits(shape, first.dtype):
        with Predictions(None, shape, first.dtype) as into:
            _write(parts, shape, into)
        return into.result()
    with ScratchArray(shape, first.dtype) as scratch:
        with Predictions(scratch.values, shape, first.dtype) as into:
            _write(parts, shape, into)
        return scratch.done()


def _write(parts: list[tuple[Indices, Array, Array]], shape: tuple[int, ...], into: Predictions) -> None:
    units = math.prod(shape[1:])
    for part in unit_blocks(units, shape[0], BLOCK):
        total = np.zeros((shape[0], part.stop - part.start))
        for rows, weight, predicted in parts:
            total[rows] += weight[:, None] * predicted.reshape(len(rows), units)[:, part]
        into.write(total, part.start)


def _decoded(stream: UnitStream, targets: Array, places: Indices, name: str) -> Streamed:
    shape = (len(stream.test), *targets.shape[1:])
    if _fits(shape, stream.dtype):
        return stream.decode(targets, places, name=name)
    with ScratchArray(shape, stream.dtype) as scratch:
        found = stream.decode(targets, places, scratch.values, name=name)
        return found._replace(predicted=scratch.done())


def _fits(shape: tuple[int, ...], dtype: Any) -> bool:
    return math.prod(shape) * np.dtype(dtype).itemsize <= _IN_MEMORY
