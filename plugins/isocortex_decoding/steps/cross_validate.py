"""Cross-validation as steps: folds of samples, and features decoded fold by fold."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from isocortex.contracts import Decoder
from isocortex.data import Decoded, Features, Patterns, Table
from isocortex.data.labels import Labels, positions, unique
from isocortex.errors import DataError
from isocortex.pipeline.settings import AxisValues
from isocortex_decoding.crossvalidation.clusters import feature_clusters
from isocortex_decoding.crossvalidation.components import decoder_of
from isocortex_decoding.crossvalidation.decoding import FoldResult, Settings, decode_fold, put_together
from isocortex_decoding.crossvalidation.folds import Folds
from isocortex_decoding.crossvalidation.labels import By, sample_labels, sample_names, stimuli_of
from isocortex_decoding.crossvalidation.leaks import require_no_repetition, shared_labels
from isocortex_decoding.crossvalidation.splits import GivenFold, given_folds, leave_one_out, random_folds
from isocortex_decoding.decoders.scaling import UnitScaling

_WHAT = "cross_validated_decoding"
NO_AXES = AxisValues({})


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
    n_folds: int | None = None,
    exclusive: list[By] | None = None,
    repetitions: Literal["error", "remove", "allow"] = "error",
    clusters: int = 10,
    layer: str | None = None,
) -> Split:
    """Split samples into folds such that nothing leaks from training to test.

    Parameters
    ----------
    patterns : samples to split, with the labels that ``by`` and ``exclusive`` ask for. Without stimulus
        labels the condition is the stimulus.
    features : of the stimuli, for splits by their categories or by clusters of their features.
    by : what is held out together: "run", "stimulus", "condition", "category" or "cluster".
    folds : lists of labels, ``{test: [...], train: [...], name: ...}``; default: each label is left out once.
    n_folds : so many random folds of labels instead (10-fold by stimulus), over which conditions are spread
        evenly.
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
    if folds is not None and n_folds is not None:
        raise DataError("cross_validation_folds: folds are given, so leave out n_folds")
    if n_folds is not None:
        made = random_folds(labels, n_folds, rng, patterns.conditions, by, apart)
    else:
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
    decoder: Decoder = "voxel-selected-ridge",  # type: ignore[assignment]
    scaling: UnitScaling = "unique",
    layers: list[str] | None = None,
    precision: Literal["float32", "float64"] | None = None,
    axes: AxisValues = NO_AXES,
) -> CrossValidated:
    """Decode the features of every stimulus from folds in which it is tested.

    In each fold voxels and units are z-scored by its training data alone, and the test samples of a stimulus
    are averaged before decoding. Features are found by stimulus label.

    Parameters
    ----------
    patterns : samples with stimulus labels (conditions where there are none).
    features : true features of all stimuli of the patterns; may hold more.
    folds : from ``cross_validation_folds`` on the same patterns.
    decoder : any regressor; learnt anew in each fold.
    scaling : "unique" takes means and SDs of units over the training stimuli, each once; "samples" over
        samples, as the study's cross-validation script did.
    layers : which, in this order (default: all).
    precision : what is computed in; by default that of the patterns.

    Returns
    -------
    ``decoded``: the tested stimuli. One that is tested in several folds is the mean of its predictions,
    weighted by samples; ``averaged`` counts all of its samples.
    ``folds``: ``fold``, ``train``, ``test``, ``removed`` (samples), ``test_labels``, ``train_stimuli``,
    ``test_stimuli``, ``shared_stimuli`` (on both sides), ``voxels``, ``dropped_voxels``.
    """
    folds.require_samples(sample_names(patterns))
    stimuli = stimuli_of(patterns)
    names = list(features.layers) if layers is None else layers
    for name in names:
        features.matrix(name)  # an unknown layer is an error before anything is computed
    settings = Settings(decoder_of(decoder), names, scaling, precision)
    results = [decode_fold(patterns, fold, stimuli, features, settings) for fold in folds.folds]
    tested = unique([name for result in results for name in result.tested])
    counts = np.zeros(len(tested), dtype=np.intp)
    for result in results:
        counts[positions(result.tested, tested, "tested stimuli")] += result.counts
    decoded = {name: put_together(results, name, tested, counts) for name in names}
    _say(results, patterns.n_channels)
    _say_shared(folds, stimuli)
    return CrossValidated(
        Decoded(
            decoded,
            tested,
            _categories(features, tested),
            features.model,
            axes.get("subject", ""),
            axes.get("roi", ""),
            tuple(counts.tolist()),
            units=features.units_of(decoded),
        ),
        _table(folds, stimuli, results, patterns.n_channels),
    )


def _categories(features: Features, tested: Labels) -> Labels | None:
    if features.categories is None:
        return None
    rows = positions(tested, features.stimuli, "tested stimuli")
    return tuple(features.categories[row] for row in rows)


def _say(results: list[FoldResult], voxels: int) -> None:
    dropped = voxels - min(result.voxels for result in results)
    if dropped:
        warnings.warn(
            f"{_WHAT}: up to {dropped} of {voxels} voxels are not finite or constant in the training samples "
            "of a fold and were left out there",
            stacklevel=3,
        )
    for counts, fate in (("constant", "predicted as that"), ("not_finite", "predicted as NaN")):
        most = {layer: max(getattr(r, counts)[layer] for r in results) for layer in results[0].predicted}
        layer = max(most, key=lambda name: most[name], default="")
        if layer and most[layer]:
            warnings.warn(
                f"{_WHAT}: up to {most[layer]} units of layer {layer!r} are {counts.replace('_', ' ')} in "
                f"the training stimuli of a fold ({fate})",
                stacklevel=3,
            )


def _say_shared(folds: Folds, stimuli: Labels) -> None:
    shared = shared_labels(folds, stimuli)
    if shared:
        warnings.warn(
            f"{_WHAT}: in {len(shared)} of {len(folds)} folds test stimuli are training stimuli too (the "
            f"first is {next(iter(shared.values()))[0]!r}); what they give says nothing of new ones",
            stacklevel=3,
        )


def _table(folds: Folds, stimuli: Labels, results: list[FoldResult], voxels: int) -> Table:
    shared = shared_labels(folds, stimuli)
    columns = dict(folds.table().columns)
    columns["train_stimuli"] = np.array([result.trained for result in results])
    columns["test_stimuli"] = np.array([len(result.tested) for result in results])
    columns["shared_stimuli"] = np.array([len(shared.get(fold.name, ())) for fold in folds.folds])
    columns["voxels"] = np.array([result.voxels for result in results])
    columns["dropped_voxels"] = np.array([voxels - result.voxels for result in results])
    return Table(columns)
