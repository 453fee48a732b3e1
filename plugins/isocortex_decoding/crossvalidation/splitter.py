"""The same splits for scikit-learn's own functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from isocortex.errors import DataError
from isocortex_decoding.crossvalidation.folds import Folds, Indices
from isocortex_decoding.crossvalidation.splits import Exclusive, GivenFold, given_folds, leave_one_out


class LabelSplit:
    """A scikit-learn cross-validator: ``cross_val_score(..., cv=LabelSplit(), groups=runs)``.

    Parameters
    ----------
    folds : lists of the labels in ``groups`` (see ``given_folds``); default: leave one label out.
    exclusive : kind of label -> label of each sample; training samples that share one with a test sample are
        removed.
    """

    def __init__(self, folds: Sequence[GivenFold] | None = None, exclusive: Exclusive | None = None) -> None:
        self.folds = folds
        self.exclusive = exclusive

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Indices, Indices]]:
        """Give (train, test) numbers of samples, fold by fold."""
        made = self._made(groups)
        if len(made.labels) != len(X):
            raise DataError(f"LabelSplit: {len(made.labels)} groups for {len(X)} samples")
        return iter(made)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """How many folds there are."""
        return len(self.folds) if self.folds is not None else len(self._made(groups))

    def _made(self, groups: Any) -> Folds:
        if groups is None:
            raise DataError("LabelSplit: give the label of each sample as groups")
        if self.folds is None:
            return leave_one_out(groups, "groups", self.exclusive)
        return given_folds(groups, self.folds, "groups", self.exclusive)
