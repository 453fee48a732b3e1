"""Classifying brain samples fold by fold, with the null of permuted samples."""

from __future__ import annotations

import copy
import warnings
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_decoding.crossvalidation.folds import Folds, Indices
from isocortex_decoding.crossvalidation.scaling import standardised
from isocortex_decoding.evaluation.blocks import Floats, Mask


class Classified(NamedTuple):
    """What a classifier made of the test samples of all folds together.

    ``confusion`` (classes, classes): samples by true (row) and predicted (column) class; ``null``
    (permutations,): accuracy with permuted samples; ``dropped``: the most voxels left out in a fold;
    ``warned``: what the classifier warned of, each text once, with how often.
    """

    confusion: npt.NDArray[np.intp]
    null: Floats
    dropped: int
    warned: dict[str, int]

    @property
    def n(self) -> int:
        """Number of test samples."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Share of test samples that are classified right."""
        return accuracy_of(self.confusion)


class _Side(NamedTuple):
    train: Array
    test: Array
    rows: tuple[Indices, Indices]


def classify(
    values: Array,
    classes: npt.ArrayLike,
    folds: Folds,
    classifier: Any,
    z_score: bool = True,
    orders: npt.ArrayLike | None = None,
) -> Classified:
    """Train a classifier on the training samples of each fold and test it on the others.

    Parameters
    ----------
    values : (samples, voxels). Voxels that are not finite, or constant in training, are left out; with
        ``z_score`` the others are z-scored by the training samples.
    classes : (samples,), codes 0, 1, ...
    classifier : anything with ``fit`` and ``predict``; it is copied, so that it stays as it is.
    orders : (permutations, samples), the row of ``values`` that takes the place of each sample when all is
        done again. Classes and folds stay: folds that hold the classes evenly go on doing so, which
        permuted classes would undo (and classify worse than chance, so that p were too small).
    """
    from threadpoolctl import threadpool_limits

    codes = np.asarray(classes, dtype=np.intp)
    count = int(codes.max(initial=-1)) + 1
    sides, dropped = [], 0
    for fold in folds.folds:
        side, keep = _side(values, fold.train, fold.test, z_score)
        if not keep.any():
            raise DataError(f"fold {fold.name!r}: no voxel is finite and varies over the training samples")
        dropped = max(dropped, int(np.count_nonzero(~keep)))
        sides.append(side)
        if len(np.unique(codes[fold.train])) < 2:
            raise DataError(f"fold {fold.name!r}: all training samples are of one condition")
    warned: dict[str, int] = {}
    null = []
    with threadpool_limits(1, user_api="blas"):  # many small problems; and sums in one order
        confusion = _confusion(sides, codes, count, classifier, warned)
        for order in np.empty((0, len(codes)), np.intp) if orders is None else np.asarray(orders, np.intp):
            moved = np.empty_like(codes)
            moved[order] = codes
            again = [_reordered(values, side, order, z_score) for side in sides]
            null.append(accuracy_of(_confusion(again, moved, count, classifier, {})))
    return Classified(confusion, np.array(null, dtype=np.float64), dropped, warned)


def accuracy_of(confusion: npt.NDArray[np.intp]) -> float:
    """Share on the diagonal; NaN without samples."""
    total = confusion.sum()
    return float(np.trace(confusion) / total) if total else float("nan")


def balanced_accuracy(confusion: npt.NDArray[np.intp]) -> float:
    """Mean over classes of the share of their samples that are classified right."""
    sizes = confusion.sum(axis=1)
    there = sizes > 0
    return float((np.diag(confusion)[there] / sizes[there]).mean()) if there.any() else float("nan")


def rows_permuted_within(groups: npt.ArrayLike, n: int, rng: np.random.Generator) -> Indices:
    """Permute rows among those of each group (run): (n, rows)."""
    within = np.asarray(groups)
    if n < 0:
        raise DataError(f"permutations: give 0 or more, not {n}")
    out = np.broadcast_to(np.arange(len(within), dtype=np.intp), (n, len(within))).copy()
    for group in np.unique(within):
        members = np.flatnonzero(within == group)
        out[:, members] = rng.permuted(out[:, members], axis=1)
    return out


def rows_of_permuted_stimuli(
    stimuli: npt.ArrayLike, runs: npt.ArrayLike, n: int, rng: np.random.Generator
) -> Indices:
    """Permute stimuli, all rows of one together, that were shown equally often in the same runs: (n, rows).

    Samples of a stimulus resemble each other whatever its class; permuted one by one they would make the null
    too narrow. A row takes the place of one of its own run.
    """
    names, within = np.asarray(stimuli), np.asarray(runs).astype(str)
    by_run = np.argsort(within, kind="stable")
    members = [by_run[names[by_run] == name] for name in np.unique(names)]
    shown = ["\0".join(within[own].tolist()) for own in members]
    out = np.empty((n if n > 0 else 0, len(names)), dtype=np.intp)
    for row, order in enumerate(rows_permuted_within(shown, n, rng)):
        for place, taken in enumerate(order):
            out[row, members[place]] = members[taken]
    return out


def without_group_means(values: Array, groups: npt.ArrayLike) -> Floats:
    """Values minus the mean over the samples of their group (run)."""
    within = np.asarray(groups)
    out = np.array(values, dtype=np.float64)
    for group in np.unique(within):
        out[within == group] -= out[within == group].mean(axis=0)
    return out


def _side(values: Array, train: Indices, test: Indices, z_score: bool) -> tuple[_Side, Mask]:
    first, second, keep = standardised(values[train], values[test])
    if not z_score:
        first, second = values[train][:, keep], values[test][:, keep]
    return _Side(first, second, (train, test)), keep


def _reordered(values: Array, side: _Side, order: Indices, z_score: bool) -> _Side:
    """The side of a fold after a permutation; the same one where no row has changed sides."""
    rows = [np.sort(order[own]) for own in side.rows]
    if all(np.array_equal(new, np.sort(old)) for new, old in zip(rows, side.rows, strict=True)):
        return side
    return _side(values, rows[0], rows[1], z_score)[0]


def _confusion(
    sides: list[_Side], codes: Indices, classes: int, classifier: Any, warned: dict[str, int]
) -> npt.NDArray[np.intp]:
    out = np.zeros((classes, classes), dtype=np.intp)
    for side in sides:
        model = _copied(classifier)
        learnt = np.unique(codes[side.rows[0]])
        if not side.train.shape[1]:  # a permutation has left no voxel that varies
            likely = np.bincount(codes[side.rows[0]]).argmax()
            out[:, likely] += np.bincount(codes[side.rows[1]], minlength=classes)
            continue
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(side.train, codes[side.rows[0]])
            predicted = np.asarray(model.predict(side.test))
        for warning in caught:
            text = f"{warning.category.__name__}: {str(warning.message).splitlines()[0]}"
            warned[text] = warned.get(text, 0) + 1
        if predicted.shape != (len(side.test),) or not np.isin(predicted, learnt).all():
            raise DataError(
                f"{type(classifier).__name__} is no classifier: it predicts something else than the classes "
                "that it learnt"
            )
        np.add.at(out, (codes[side.rows[1]], predicted.astype(np.intp)), 1)
    return out


def _copied(classifier: Any) -> Any:
    from sklearn.base import BaseEstimator, clone

    return clone(classifier) if isinstance(classifier, BaseEstimator) else copy.deepcopy(classifier)
