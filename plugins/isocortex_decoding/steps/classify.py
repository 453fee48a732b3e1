"""Decoding categories from brain samples with any classifier."""

from __future__ import annotations

import warnings
from typing import Any, Literal, NamedTuple

import numpy as np

from isocortex.contracts import Decoder
from isocortex.data import Collected, Patterns, StatMaps, Table
from isocortex.data.base import Array
from isocortex.data.labels import Labels, codes, unique
from isocortex.errors import DataError
from isocortex_decoding.crossvalidation.classification import (
    Classified,
    balanced_accuracy,
    classify,
    rows_of_permuted_stimuli,
    rows_permuted_within,
    without_group_means,
)
from isocortex_decoding.crossvalidation.components import decoder_of
from isocortex_decoding.crossvalidation.folds import Folds
from isocortex_decoding.crossvalidation.leaks import require_no_repetition, shared_labels
from isocortex_decoding.crossvalidation.splits import GivenFold, given_folds, leave_one_out, random_groups
from isocortex_decoding.evaluation.resampling import interval, permutation_p

_WHAT = "classify_categories"
_N_FOLDS = 10


class Classification(NamedTuple):
    """Two tables.

    ``scores``: axes, ``roi``, ``n`` (test samples), ``conditions``, ``folds``, ``voxels``, ``dropped_voxels``
    (most in a fold), ``accuracy``, ``balanced_accuracy`` (mean over conditions), ``chance`` (share of the
    most frequent condition), ``p``, ``p_fdr`` (over the table), ``null_low``, ``null_high`` (95 % of the
    permutations), ``permutations``.
    ``confusion``: axes, ``roi``, ``true``, ``predicted``, ``count``, ``share`` (of the true condition).
    """

    scores: Table
    confusion: Table


def classify_categories(
    patterns: Patterns | Collected[Patterns],
    rng: np.random.Generator,
    rois: StatMaps | None = None,
    classifier: Decoder = "shrinkage-lda",  # type: ignore[assignment]
    by: Literal["run", "stimulus", "stratified"] = "run",
    folds: list[GivenFold] | None = None,
    n_folds: int | None = None,
    z_score: bool = True,
    run_means: Literal["keep", "subtract"] = "keep",
    repetitions: Literal["error", "remove", "allow"] = "error",
    permutations: int = 100,
) -> Classification:
    """Classify the conditions of brain samples, trained on some runs and tested on others.

    Samples that depend on each other (volumes of one block) should be averaged first: permuting them one by
    one makes p too small.

    Parameters
    ----------
    patterns : of one axis value or of several, with condition labels and those that ``by`` asks for; each
        is classified by itself.
    rois : label images; each region is classified on its own. Default: all voxels.
    classifier : any scikit-learn classifier by its registered name.
    by : "run" and "stimulus" leave one out at a time; "stratified" makes ``n_folds`` random folds with all
        conditions in each, for samples that are independent of each other.
    folds : lists of runs or stimuli instead, ``{test: [...], train: [...], name: ...}``; not with
        "stratified".
    n_folds : random folds that "stratified" makes, from 2 to the number of samples (default: 10); with "run"
        and "stimulus" it is an error.
    z_score : scale voxels by the mean and SD of the training samples of each fold.
    run_means : "subtract" takes each run's mean over its samples away before. That uses no labels, but fits
        only runs with the same conditions equally often.
    repetitions : samples of one stimulus on both sides of a fold, as in ``cross_validation_folds``. Where
        they are allowed, p only says that samples of known stimuli are told apart.
    permutations : of the samples within each run (over all where there are none) under labels and folds that
        stay, each followed by the whole cross-validation. Where new stimuli are tested, whole stimuli are
        permuted that were shown equally often in the same runs.
    """
    _require_one_kind_of_folds(by, folds, n_folds)
    model = _seeded(decoder_of(classifier), rng)
    rows: list[dict[str, Any]] = []
    confusion: list[dict[str, Any]] = []
    for axes, item in _items(patterns):
        where = ", ".join([_WHAT, *axes.values()])
        names = _conditions(item, where)
        made = _folds(item, by, folds, _N_FOLDS if n_folds is None else n_folds, repetitions, rng)
        _require_learnt(made, item.conditions, where)
        labels = codes(item.conditions, names)
        orders = _orders(item, made, permutations, rng)
        values = (
            without_group_means(item.values, _runs(item, where)) if run_means == "subtract" else item.values
        )
        for roi, channels in _regions(item, rois, axes).items():
            chosen = values if channels is None else values[:, channels]
            found = classify(chosen, labels, made, model, z_score, orders)
            _say(found, where, roi)
            place = {**axes, "roi": roi}
            rows.append({**place, **_row(found, made, chosen.shape[1])})
            confusion += [{**place, **row} for row in _confusion_rows(found, names)]
    return Classification(_corrected(rows), Table.from_rows(confusion))


def _orders(item: Patterns, made: Folds, n: int, rng: np.random.Generator) -> Array:
    """Permuted rows (n, samples): whole stimuli where no fold trains on those that it tests."""
    runs = item.runs or ("",) * item.n_samples
    if item.stimuli is None or shared_labels(made, item.stimuli):
        return rows_permuted_within(runs, n, rng)
    if len(set(zip(item.stimuli, item.conditions, strict=True))) > len(set(item.stimuli)):
        return rows_permuted_within(runs, n, rng)
    return rows_of_permuted_stimuli(item.stimuli, runs, n, rng)


def _conditions(item: Patterns, where: str) -> Labels:
    names = item.condition_names
    if len(names) < 2:
        raise DataError(f"{where}: {len(names)} condition; classification needs 2 or more")
    return names


def _seeded(classifier: Any, rng: np.random.Generator) -> Any:
    """A copy whose random choices come from the pipeline's seed, where it makes any and has no seed."""
    from sklearn.base import BaseEstimator, clone

    if not isinstance(classifier, BaseEstimator):
        return classifier
    model = clone(classifier)
    if "random_state" in model.get_params() and model.get_params()["random_state"] is None:
        model.set_params(random_state=int(rng.integers(2**31)))
    return model


def _items(patterns: Patterns | Collected[Patterns]) -> list[tuple[dict[str, str], Patterns]]:
    if not isinstance(patterns, Collected):
        return [({}, patterns)]
    if not len(patterns):
        raise DataError(f"{_WHAT}: there are no patterns")
    return [(patterns.values_of(key), item) for key, item in patterns.items()]


def _runs(item: Patterns, where: str) -> Labels:
    if item.runs is None:
        raise DataError(f"{where}: these patterns carry no run labels")
    return item.runs


def _require_one_kind_of_folds(by: str, given: list[GivenFold] | None, n_folds: int | None) -> None:
    """Raise where a setting would be passed over, or taken for something else."""
    if by == "stratified" and given is not None:
        raise DataError(
            f"{_WHAT}: folds are lists of runs or stimuli, and by: stratified draws folds itself; say by: "
            "run or by: stimulus, or leave out folds"
        )
    if by != "stratified" and n_folds is not None:
        raise DataError(
            f"{_WHAT}: by: {by} draws no random folds, so n_folds: {n_folds} has no meaning; leave it out, "
            "or say by: stratified"
        )


def _folds(
    item: Patterns,
    by: str,
    given: list[GivenFold] | None,
    n_folds: int,
    repetitions: str,
    rng: np.random.Generator,
) -> Folds:
    if item.stimuli is None and "stimulus" in (by, {"remove": "stimulus"}.get(repetitions)):
        raise DataError(f"{_WHAT}: these patterns carry no stimulus labels")
    apart = {"repeated stimulus": item.stimuli} if repetitions == "remove" and item.stimuli else None
    if by == "stratified":
        labels: Labels = _stratified(item, n_folds, rng)
    else:
        labels = _runs(item, _WHAT) if by == "run" else item.stimuli or ()
    made = leave_one_out(labels, by, apart) if given is None else given_folds(labels, given, by, apart)
    if repetitions == "error" and item.stimuli is not None:
        require_no_repetition(made, item.stimuli)
    return made


def _stratified(item: Patterns, n_folds: int, rng: np.random.Generator) -> Labels:
    """Number of a random fold for each sample, with every condition spread evenly over the folds."""
    fewest = int(np.bincount(codes(item.conditions)).min())
    if not 2 <= n_folds <= item.n_samples or fewest < 2:
        raise DataError(
            f"{_WHAT}: {n_folds} folds of {item.n_samples} samples, of which a condition has {fewest}; give "
            "2 folds or more, and 2 samples or more of each condition"
        )
    return tuple(str(number + 1) for number in random_groups(item.conditions, n_folds, rng))


def _regions(item: Patterns, rois: StatMaps | None, axes: dict[str, str]) -> dict[str, Array | None]:
    """ROI -> channels that belong to it; all of them under the axis value of the ROI where none are given."""
    if rois is None:
        return {axes.pop("roi", ""): None}
    if "roi" in axes:
        raise DataError(f"{_WHAT}: the patterns are of single ROIs already; leave out rois")
    if item.space is None:
        raise DataError(f"{_WHAT}: these patterns lie in no space: ROIs need to know where their voxels are")
    from isocortex_rsa.inference.rois import regions

    item.space.require_same_grid(rois.space, "patterns and ROIs")
    found: dict[str, Array | None] = {}
    for name, inside in regions(rois).items():
        channels = np.flatnonzero(item.space.channels(rois.space.volume(np.asarray(inside))))
        if not len(channels):
            raise DataError(f"{_WHAT}: no voxel of the patterns lies in the ROI {name!r}")
        found[name] = channels
    return found


def _require_learnt(folds: Folds, conditions: Labels, where: str) -> None:
    """Raise where a fold tests a condition that it has no training samples of."""
    for fold in folds.folds:
        known = {conditions[row] for row in fold.train}
        for row in fold.test:
            if conditions[row] not in known:
                raise DataError(
                    f"{where}: fold {fold.name!r} tests {conditions[row]!r} and has no training samples; "
                    "choose other folds"
                )


def _say(found: Classified, where: str, roi: str) -> None:
    place = f"{where}, {roi}" if roi else where
    for text, times in found.warned.items():
        warnings.warn(f"{place}: the classifier warned in {times} folds: {text}", stacklevel=3)
    if found.dropped:
        warnings.warn(
            f"{place}: up to {found.dropped} voxels are not finite or constant in the training samples of "
            "a fold and were left out there",
            stacklevel=3,
        )


def _row(found: Classified, folds: Folds, voxels: int) -> dict[str, Any]:
    low, high = interval(found.null)
    sizes = found.confusion.sum(axis=1)
    return {
        "n": found.n,
        "conditions": len(sizes),
        "folds": len(folds),
        "voxels": voxels,
        "dropped_voxels": found.dropped,
        "accuracy": found.accuracy,
        "balanced_accuracy": balanced_accuracy(found.confusion),
        "chance": float(sizes.max() / found.n),
        "p": permutation_p(found.accuracy, found.null),
        "null_low": low,
        "null_high": high,
        "permutations": len(found.null),
    }


def _confusion_rows(found: Classified, names: Labels) -> list[dict[str, Any]]:
    sizes = found.confusion.sum(axis=1)
    return [
        {
            "true": true,
            "predicted": predicted,
            "count": int(found.confusion[row, column]),
            "share": float(found.confusion[row, column] / sizes[row]) if sizes[row] else float("nan"),
        }
        for row, true in enumerate(unique(names))
        for column, predicted in enumerate(names)
    ]


def _corrected(rows: list[dict[str, Any]]) -> Table:
    from isocortex_decoding.evaluation.tables import corrected

    return corrected(rows)
