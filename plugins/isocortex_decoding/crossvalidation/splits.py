"""Making folds from labels: leave one out, given ones, and labels that must not straddle both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired

import numpy as np
from typing_extensions import TypedDict

from isocortex.data.labels import as_labels, codes, require_length, unique
from isocortex.errors import DataError, LabelMismatch, suggestion
from isocortex_decoding.crossvalidation.folds import Fold, Folds, Indices

Exclusive = Mapping[str, Sequence[Any]]
"""Kind of label (category, cluster ...) -> the label of each sample."""


class GivenFold(TypedDict):
    """A fold written down: labels that are tested, those that train (default: all others), and a name."""

    test: list[str]
    train: NotRequired[list[str]]
    name: NotRequired[str]


GivenFold.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]
"""Where settings are checked, a misspelt key is an error and not passed over."""


def leave_one_out(labels: Sequence[Any], by: str = "label", exclusive: Exclusive | None = None) -> Folds:
    """One fold for each different label: its samples are tested, all others train.

    Parameters
    ----------
    labels : of each sample (its run, category, cluster ...), at least 2 different ones.
    exclusive : training samples that share one of these labels with a test sample are removed and counted.
    """
    own = as_labels(labels, f"folds by {by}")
    names = unique(own)
    if len(names) < 2:
        raise DataError(f"folds by {by}: leaving one out needs 2 or more different labels, got {len(names)}")
    return given_folds(own, [{"name": name, "test": [name]} for name in names], by, exclusive)


def random_folds(
    labels: Sequence[Any],
    n_folds: int,
    rng: np.random.Generator,
    kinds: Sequence[Any],
    by: str = "label",
    exclusive: Exclusive | None = None,
) -> Folds:
    """Test the labels in ``n_folds`` random groups, over which their kinds are spread evenly.

    Parameters
    ----------
    labels : of each sample (its stimulus, run ...); those of one label stay together.
    n_folds : 2 up to the number of different labels.
    kinds : of each sample (its condition); a label's kind is that of all its samples.
    exclusive : as in ``leave_one_out``.
    """
    own = as_labels(labels, f"folds by {by}")
    names = unique(own)
    if not 2 <= n_folds <= len(names):
        raise DataError(f"folds by {by}: n_folds is {n_folds}; give 2 to {len(names)}, the number of labels")
    of_label: dict[str, set[str]] = {name: set() for name in names}
    for name, kind in zip(own, as_labels(kinds, "kinds of samples"), strict=True):
        of_label[name].add(kind)
    groups = random_groups([repr(sorted(of_label[name])) for name in names], n_folds, rng)
    folds: list[GivenFold] = [
        {
            "name": f"fold {k + 1}",
            "test": [name for name, group in zip(names, groups, strict=True) if group == k],
        }
        for k in range(n_folds)
    ]
    return given_folds(own, folds, by, exclusive)


def random_groups(kinds: Sequence[Any], n: int, rng: np.random.Generator) -> Indices:
    """Number of a random group (0 to n - 1) for each item.

    Groups differ by one item at most, and so do their shares of each kind.
    """
    own = codes(as_labels(kinds, "kinds"))
    shuffled = rng.permutation(own.max(initial=-1) + 1)[own]  # kinds of one item each fall at random too
    order = np.lexsort((rng.permutation(len(own)), shuffled))
    groups = np.empty(len(own), dtype=np.intp)
    groups[order] = np.arange(len(own)) % n
    return groups


def given_folds(
    labels: Sequence[Any],
    folds: Sequence[GivenFold],
    by: str = "label",
    exclusive: Exclusive | None = None,
) -> Folds:
    """Folds by lists of labels: ``{test: [...], train: [...], name: ...}``; without train, all others train.

    Raises ``LabelMismatch`` for a label that no sample has, or that is on both sides of a fold.
    """
    own = as_labels(labels, f"folds by {by}")
    keep_apart = {name: _coded(values, len(own), name) for name, values in (exclusive or {}).items()}
    made = []
    for number, fold in enumerate(folds, 1):
        name = fold.get("name", f"fold {number}")
        what = f"fold {name!r} by {by}"
        test, train = fold["test"], fold.get("train")
        _require_known([*test, *(train or [])], own, what)
        both = sorted(set(test) & set(train or []))
        if both:
            raise LabelMismatch(f"{what}: {both[0]!r} is in training and in test")
        tested = np.isin(own, list(test)) if len(own) else np.zeros(0, dtype=bool)
        others = ~tested if train is None else np.isin(own, list(train))
        removed = others & _shares(keep_apart, tested)
        if (others & ~removed).sum() == 0:
            raise DataError(
                f"{what}: no sample is left for training; all share {' or '.join(keep_apart) or 'nothing'} "
                "with the test samples"
                if removed.any()
                else f"{what}: no sample is left for training"
            )
        rows = np.flatnonzero(others & ~removed), np.flatnonzero(tested)
        made.append(Fold(name, *rows, int(removed.sum())))
    return Folds(own, tuple(made), by)


def _coded(values: Sequence[Any], samples: int, name: str) -> Indices:
    labels = as_labels(values, f"exclusive labels {name!r}")
    require_length(labels, samples, f"exclusive labels {name!r}")
    return codes(labels)


def _shares(keep_apart: Mapping[str, Indices], tested: Any) -> Any:
    """Samples (n,) that have an exclusive label of a test sample."""
    shares = np.zeros(len(tested), dtype=bool)
    for kinds in keep_apart.values():
        shares |= np.isin(kinds, kinds[tested])
    return shares


def _require_known(names: Sequence[str], labels: Sequence[str], what: str) -> None:
    known = set(labels)
    for name in names:
        if name not in known:
            raise LabelMismatch(
                f"{what}: no sample has the label {name!r}; {suggestion(name, known, 'labels')}"
            )
