"""Labels that are on both sides of a split although they must not be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from isocortex.data.labels import Labels, as_labels, require_length, unique
from isocortex.errors import DataError
from isocortex_decoding.crossvalidation.folds import Folds


def shared_labels(folds: Folds, labels: Sequence[Any], what: str = "stimuli") -> dict[str, Labels]:
    """Fold -> the labels that training and test samples share, for those folds that have any."""
    own = as_labels(labels, what)
    require_length(own, len(folds.labels), what)
    found = {}
    for fold in folds.folds:
        train = {own[row] for row in fold.train}
        both = tuple(name for name in unique([own[row] for row in fold.test]) if name in train)
        if both:
            found[fold.name] = both
    return found


def require_no_repetition(folds: Folds, stimuli: Sequence[Any]) -> None:
    """Raise where repetitions of one stimulus are in training and in test, naming them.

    A decoder then meets test stimuli that it has learnt by heart, and its accuracy says nothing about new
    ones.
    """
    found = shared_labels(folds, stimuli)
    if found:
        name, labels = next(iter(found.items()))
        shown = ", ".join(repr(label) for label in labels[:4]) + (", ..." if len(labels) > 4 else "")
        raise DataError(
            f"{len(found)} of {len(folds)} folds have repetitions of one stimulus in training and in test "
            f"({shown} in fold {name!r}); make stimuli exclusive (repetitions: remove), split by stimulus, "
            "or allow it (repetitions: allow) where decoding known stimuli is what you want"
        )
