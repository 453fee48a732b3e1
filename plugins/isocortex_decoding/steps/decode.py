"""Decoding the features of a network from patterns, as a step of pipelines."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.contracts import Decoder
from isocortex.data import Decoded, Features, Patterns
from isocortex.data.base import Array
from isocortex.data.labels import Labels, codes, positions, require_unique, same_labels, unique
from isocortex.errors import DataError, LabelMismatch
from isocortex.formats.scratch import ScratchArray
from isocortex.pipeline.costs import costs
from isocortex.pipeline.settings import AxisValues
from isocortex.pipeline.splitting import Part, splits
from isocortex_decoding.crossvalidation.components import decoder_of
from isocortex_decoding.decoders.scaling import UnitScaling
from isocortex_decoding.decoders.streaming import Streamed, UnitStream
from isocortex_decoding.decoders.unit_blocks import blocks
from isocortex_decoding.steps.costs import decoding

NO_AXES = AxisValues({})
MOST_PIECES = 64
"""Pieces that the units are cut into, about, where they are many."""


class _Asked(NamedTuple):
    """What is to be decoded: samples and their labels, layers, and the places of stimuli in the features."""

    train: Array
    rows: npt.NDArray[np.intp]
    values: Array
    stimuli: Labels
    counts: tuple[int, ...]
    layers: list[str]
    places: npt.NDArray[np.intp]


def _pieces(**arguments: Any) -> list[tuple[str, int, int]]:
    """Units of layers: whole blocks of them, many blocks in each where there are many units."""
    asked = _asked(**arguments)
    features: Features = arguments["features"]
    units = {name: math.prod(features.layers[name].shape[1:]) for name in asked.layers}
    found = []
    for name, count in units.items():
        width = next(iter(blocks(count, len(asked.places))), (0, count))[1]
        width = max(1, width) * max(1, -(-sum(units.values()) // (MOST_PIECES * max(1, width))))
        found += [(name, start, min(start + width, count)) for start in range(0, max(1, count), width)]
    return found


def _part(piece: tuple[str, int, int], **arguments: Any) -> Part:
    asked = _asked(**arguments)
    stream = _stream(asked, **arguments)
    name, start, stop = piece
    targets = arguments["features"].matrix(name)[:, start:stop]
    with ScratchArray((len(stream.test), stop - start), stream.dtype) as scratch:
        found = stream.decode(targets, asked.places, scratch.values)
        counts = (found.n_units, found.n_constant, found.n_nan)
        return Part({"predicted": scratch.done()}, {"piece": list(piece), "counts": counts})


def _merge(parts: Sequence[Part], **arguments: Any) -> Decoded:
    asked = _asked(**arguments)
    features: Features = arguments["features"]
    predicted, where = {}, _where(arguments["axes"])
    for name in asked.layers:
        own = [part for part in parts if part.info["piece"][0] == name]
        first = own[0].arrays["predicted"]
        shape = features.layers[name].shape[1:]
        units = math.prod(shape)
        counts = np.sum([part.info["counts"] for part in own], axis=0)
        if counts[0] != units:
            raise ValueError(f"parts of {counts[0]} units of {units} of layer {name!r}")
        with ScratchArray((len(first), *shape), first.dtype) as scratch:
            flat = scratch.values.reshape(len(first), units)
            for part in own:
                flat[:, part.info["piece"][1] : part.info["piece"][2]] = part.arrays["predicted"]
            del flat
            predicted[name] = scratch.done()
        found = Streamed(predicted[name], *(int(count) for count in counts))
        _warn_of_units(f"{where}: {name}", found)
    return _decoded(predicted, asked, features, arguments["axes"])


@costs(decoding, "take fewer voxels (a smaller region) or n_voxels, or fewer layers or units")
@splits(_pieces, _part, _merge)
def decode_features(
    patterns: Patterns,
    test: Patterns,
    features: Features,
    decoder: Decoder = "voxel-selected-ridge",  # type: ignore[assignment]
    average_test: bool = True,
    scaling: UnitScaling = "unique",
    layers: list[str] | None = None,
    exclude_training: list[str] | None = None,
    exclude_test: list[str] | None = None,
    precision: Literal["float32", "float64"] | None = None,
    axes: AxisValues = NO_AXES,
) -> Decoded:
    """Learn to predict features from training patterns, and predict them for test patterns.

    Samples and features are matched by stimulus label. Voxels and units are z-scored by the training data
    alone, and predictions are on the features' scale. Features of test stimuli are not read. Voxels that are
    constant or not finite are dropped, with a warning that says how many.

    Parameters
    ----------
    patterns, test : training and test samples with stimulus labels, of the same voxels.
    features : features of all training stimuli.
    decoder : any regressor; its name in Python too.
    average_test : True averages the test samples of a stimulus; how many is kept with the result. False
        decodes single samples, named ``sample000001-STIMULUS`` by their place among the test samples.
    scaling : "unique" takes means and SDs of units over the training stimuli, each once; "samples" over
        samples, as the study's cross-validation script did.
    layers : which, in this order (default: all).
    exclude_training, exclude_test : stimuli whose samples are left out.
    precision : what is computed in; by default that of the patterns.
    """
    asked = _asked(patterns, test, features, average_test, layers, exclude_training, exclude_test)
    stream = _stream(asked, decoder, scaling, precision, axes)
    where = _where(axes)
    found = {
        name: _layer(stream, features.layers[name], asked.places, f"{where}: {name}") for name in asked.layers
    }
    return _decoded(found, asked, features, axes)


def _where(axes: AxisValues) -> str:
    return ",".join(axes.values()) or "decode_features"


def _asked(
    patterns: Patterns,
    test: Patterns,
    features: Features,
    average_test: bool,
    layers: list[str] | None,
    exclude_training: list[str] | None,
    exclude_test: list[str] | None,
    **_: Any,
) -> _Asked:
    """Match samples, stimuli and layers; raises where they do not fit, before the work, not after."""
    train, fit_labels = _samples(patterns, exclude_training, "training patterns")
    tested, test_labels = _samples(test, exclude_test, "test patterns")
    tested = _same_voxels(patterns, test, tested)
    _warn_of_shared(fit_labels, test_labels)
    names = unique(fit_labels)
    places = positions(names, features.stimuli, "features of the training stimuli")
    chosen = list(features.layers) if layers is None else layers
    require_unique(chosen, "decode_features: layers")
    for name in chosen:
        features.matrix(name)
    values, stimuli, counts = _test_samples(tested, test_labels, average_test)
    return _Asked(train, codes(fit_labels, names), values, stimuli, counts, chosen, places)


def _stream(
    asked: _Asked, decoder: Any, scaling: UnitScaling, precision: str | None, axes: AxisValues, **_: Any
) -> UnitStream:
    stream = UnitStream(decoder_of(decoder), asked.train, asked.values, asked.rows, scaling, precision)
    _warn_of_voxels(stream, _where(axes))
    return stream


def _decoded(found: dict[str, Array], asked: _Asked, features: Features, axes: AxisValues) -> Decoded:
    return Decoded(
        found,
        asked.stimuli,
        model=features.model,
        subject=axes.get("subject", ""),
        roi=axes.get("roi", ""),
        averaged=asked.counts,
        units=features.units_of(found),
    )


def _samples(patterns: Patterns, exclude: list[str] | None, what: str) -> tuple[Array, Labels]:
    """Values and stimulus labels of the samples that take part."""
    if patterns.stimuli is None:
        raise LabelMismatch(f"{what}: the samples carry no stimulus labels, so no features belong to them")
    left_out = exclude or []
    positions(left_out, unique(patterns.stimuli), f"{what}: stimuli to exclude")
    rows = [row for row, label in enumerate(patterns.stimuli) if label not in set(left_out)]
    if not rows:
        raise DataError(f"{what}: there is no sample" + " left" * bool(left_out))
    values = patterns.values if not left_out else patterns.values[rows]
    return values, tuple(patterns.stimuli[row] for row in rows)


def _same_voxels(train: Patterns, test: Patterns, values: Array) -> Array:
    """Test values in the order of the training voxels; raises where the voxels are others."""
    if train.n_channels != test.n_channels:
        raise DataError(
            f"training patterns have {train.n_channels} voxels and test patterns {test.n_channels}; decoders "
            "need the same voxels in both"
        )
    if train.space is not None and test.space is not None:
        train.space.require_same_voxels(test.space, "training and test patterns")
    if train.channels is not None and test.channels is not None and train.channels != test.channels:
        return values[:, same_labels(train.channels, test.channels, "voxels of training and test patterns")]
    return values


def _test_samples(values: Array, labels: Labels, average: bool) -> tuple[Array, Labels, tuple[int, ...]]:
    """Test samples, their names, and how many were averaged for each."""
    if not average:
        names = tuple(f"sample{place:06d}-{label}" for place, label in enumerate(labels, start=1))
        return values, names, (1,) * len(names)
    names = unique(labels)
    index = codes(labels, names)
    counts = np.bincount(index, minlength=len(names))
    total = np.zeros((len(names), values.shape[1]))
    np.add.at(total, index, values)
    return (total / counts[:, None]).astype(values.dtype), names, tuple(int(count) for count in counts)


def _layer(stream: UnitStream, targets: Array, places: npt.NDArray[np.intp], name: str) -> Array:
    """Predictions of a layer, a memory map of a file that is removed when nothing uses it any more."""
    with ScratchArray((len(stream.test), *targets.shape[1:]), stream.dtype) as scratch:
        found = stream.decode(targets, places, scratch.values)
        predicted = scratch.done()
    _warn_of_units(name, found)
    return predicted


def _warn_of_units(name: str, found: Streamed) -> None:
    if found.n_constant or found.n_nan:
        warnings.warn(
            f"{name}: of {found.n_units} units {found.n_constant} are constant over the training stimuli "
            f"(predicted as that) and {found.n_nan} hold NaN or infinity there (predicted as NaN)",
            stacklevel=3,
        )


def _warn_of_voxels(stream: UnitStream, where: str) -> None:
    scale = stream.scale
    if scale.n_nan or scale.n_constant or stream.n_bad_in_test:
        warnings.warn(
            f"{where}: of {scale.total} voxels {scale.n_nan} hold NaN or infinity in training, "
            f"{scale.n_constant} are constant there and {stream.n_bad_in_test} hold NaN or infinity in the "
            "test samples; they are dropped",
            stacklevel=3,
        )


def _warn_of_shared(train: Sequence[str], test: Sequence[str]) -> None:
    both = [label for label in unique(test) if label in set(train)]
    if both:
        warnings.warn(
            f"decode_features: {len(both)} of the test stimuli are training stimuli too (the first is "
            f"{both[0]!r}); what is decoded for them says nothing of new stimuli",
            stacklevel=3,
        )
