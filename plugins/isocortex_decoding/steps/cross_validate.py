"""Cross-validation as steps: folds of samples, and features decoded fold by fold."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from isocortex.contracts import Decoder
from isocortex.data import Decoded, Features, Patterns, Table
from isocortex.data.base import Array
from isocortex.data.labels import Labels, unique
from isocortex.pipeline.settings import AxisValues
from isocortex_decoding.crossvalidation.clusters import feature_clusters
from isocortex_decoding.crossvalidation.decoding import FoldData, empty_predictions, fold_data, predict_units
from isocortex_decoding.crossvalidation.folds import Folds
from isocortex_decoding.crossvalidation.labels import By, sample_labels, sample_names, stimuli_of
from isocortex_decoding.crossvalidation.leaks import require_no_repetition, shared_labels
from isocortex_decoding.crossvalidation.splits import GivenFold, given_folds, leave_one_out

_WHAT = "cross_validated_decoding"


class Split(NamedTuple):
    """``folds``: for ``cross_validated_decoding``; ``table``: a row each."""

    folds: Folds
    table: Table


def cross_validation_folds(
    patterns: Patterns,
    rng: np.random.Generator,
    features: Features | None = None,
    by: By = "run",
    folds: list[GivenFold] | None = None,
    exclusive: list[By] | None = None,
    repetitions: Literal["error", "remove", "allow"] = "error",
    clusters: int = 10,
    layer: str | None = None,
) -> Split:
    """Split samples into folds such that nothing leaks from training to test.

    Parameters
    ----------
    features : of the stimuli, for splits by their categories or by clusters of their features.
    by : what is held out together: "run", "stimulus", "condition", "category" or "cluster".
    folds : lists of labels, ``{test: [...], train: [...], name: ...}``; default: each label is left out once.
    exclusive : further kinds of label that must not be on both sides: training samples that share one with
        the test samples are removed and counted.
    repetitions : samples of one stimulus on both sides are an error, are removed from training, or allowed.
    clusters, layer : "cluster" groups the stimuli into so many by k-means on the principal components of this
        layer (default: the last), with the seed of the pipeline.

    Returns
    -------
    ``folds``, and ``table``: ``fold``, ``train``, ``test``, ``removed`` (samples), ``test_labels``.
    """
    kinds = list(dict.fromkeys(exclusive or []))
    names = _clusters(features, clusters, layer, rng) if "cluster" in (by, *kinds) else None
    apart = {kind: sample_labels(patterns, kind, features, names) for kind in kinds}
    if repetitions == "remove":
        apart["repeated stimulus"] = stimuli_of(patterns)
    labels = sample_labels(patterns, by, features, names)
    made = leave_one_out(labels, by, apart) if folds is None else given_folds(labels, folds, by, apart)
    if repetitions == "error" and patterns.stimuli is not None:
        require_no_repetition(made, patterns.stimuli)
    made = replace(made, samples=sample_names(patterns))
    return Split(made, made.table())


def _clusters(
    features: Features | None, n: int, layer: str | None, rng: np.random.Generator
) -> Labels | None:
    if features is None:
        return None
    name = list(features.layers)[-1] if layer is None else layer
    return tuple(f"cluster {number + 1}" for number in feature_clusters(features.matrix(name), n, rng))


class CrossValidated(NamedTuple):
    """``decoded``: each stimulus decoded by decoders that did not learn it; ``folds``: a row a fold."""

    decoded: Decoded
    folds: Table


def cross_validated_decoding(
    patterns: Patterns,
    features: Features,
    folds: Folds,
    decoder: Decoder,
    axes: AxisValues,
    layers: list[str] | None = None,
) -> CrossValidated:
    """Decode the features of every stimulus from folds in which it is tested.

    In each fold voxels are z-scored by its training samples, units by its training stimuli (SD with ddof 1),
    and the test samples of a stimulus are averaged before decoding. Features are found by stimulus label.

    Parameters
    ----------
    features : true features of all stimuli of the patterns; may hold more.
    folds : from ``cross_validation_folds`` on the same patterns.
    decoder : any regressor; learnt anew in each fold.

    Returns
    -------
    ``decoded``: the tested stimuli. One that is tested in several folds is the mean of its predictions,
    weighted by samples; ``averaged`` counts all of its samples.
    ``folds``: ``fold``, ``train``, ``test``, ``removed`` (samples), ``test_labels``, ``train_stimuli``,
    ``test_stimuli``, ``shared_stimuli`` (on both sides), ``voxels``, ``dropped_voxels``.
    """
    stimuli = stimuli_of(patterns)
    names = list(features.layers) if layers is None else layers
    for name in names:
        features.matrix(name)  # an unknown layer is an error before anything is computed
    folds.require_samples(sample_names(patterns))
    data = [fold_data(patterns, fold, stimuli, features.stimuli) for fold in folds.folds]
    tested = unique([features.stimuli[row] for part in data for row in part.tested])
    place = {features.stimuli.index(name): number for number, name in enumerate(tested)}
    counts = np.zeros(len(tested), dtype=np.intp)
    for part in data:
        counts[[place[row] for row in part.tested]] += part.counts
    decoded = {name: _layer(features, name, data, place, counts, decoder) for name in names}
    categories = features.categories
    kinds = None if categories is None else tuple(categories[row] for row in place)
    table = _table(folds, stimuli, data, patterns.n_channels)
    dropped = int(table["dropped_voxels"].max())
    if dropped:
        warnings.warn(
            f"{_WHAT}: up to {dropped} of {patterns.n_channels} voxels are not finite or constant in the "
            "training samples of a fold and were left out there",
            stacklevel=2,
        )
    subject, roi = axes.get("subject", ""), axes.get("roi", "")
    averaged = tuple(counts.tolist())
    return CrossValidated(Decoded(decoded, tested, kinds, features.model, subject, roi, averaged), table)


def _layer(
    features: Features,
    name: str,
    data: list[FoldData],
    place: dict[int, int],
    counts: np.ndarray,
    decoder: Decoder,
) -> Array:
    """Predictions of one layer (tested stimuli, ...units)."""
    values = features.layers[name]
    out = empty_predictions(len(counts), values.shape[1:], values.dtype)
    flat = out.reshape(len(counts), -1)
    for part in data:
        rows = np.array([place[row] for row in part.tested], dtype=np.intp)
        weight = (part.counts / counts[rows])[:, None].astype(values.dtype)
        for units, predicted in predict_units(decoder, part, features.matrix(name)):
            flat[rows, units] += predicted * weight
    return out


def _table(folds: Folds, stimuli: Labels, data: list[FoldData], voxels: int) -> Table:
    shared = shared_labels(folds, stimuli)
    columns = dict(folds.table().columns)
    columns["train_stimuli"] = np.array([len(part.trained) for part in data])
    columns["test_stimuli"] = np.array([len(part.tested) for part in data])
    columns["shared_stimuli"] = np.array([len(shared.get(fold.name, ())) for fold in folds.folds])
    columns["voxels"] = np.array([voxels - part.dropped for part in data])
    columns["dropped_voxels"] = np.array([part.dropped for part in data])
    return Table(columns)
