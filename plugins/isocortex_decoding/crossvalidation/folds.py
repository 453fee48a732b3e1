"""Folds: which samples train and which are tested, for samples with labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from isocortex.data import Table
from isocortex.data.base import Data
from isocortex.data.labels import Labels, as_labels, require_unique, unique
from isocortex.errors import DataError, LabelMismatch

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Fold:
    """One split: its name, the numbers of the samples that train and that are tested.

    ``removed`` says how many samples were taken out of training because they share an exclusive label with
    the test samples.
    """

    name: str
    train: Indices
    test: Indices
    removed: int = 0


@dataclass(frozen=True, eq=False, repr=False)
class Folds(Data):
    """Splits of the same samples; ``labels`` are what the samples were split by, one each.

    ``samples`` says which samples they are (run, stimulus and condition of each), so that folds are not taken
    for those of others. Iterating gives (train, test), as scikit-learn's ``cv`` wants them. A sample that is
    in neither takes no part in a fold; one in both is an error, and so is an empty side.
    """

    kind: ClassVar[str] = "folds"

    labels: Labels
    folds: tuple[Fold, ...] = field(repr=False)
    by: str = "label"
    samples: Labels | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", as_labels(self.labels, "folds: labels"))
        require_unique([fold.name for fold in self.folds], "folds")
        checked = tuple(self._checked(fold) for fold in self.folds)
        if not checked:
            raise DataError("folds: there is no fold")
        object.__setattr__(self, "folds", checked)

    def _checked(self, fold: Fold) -> Fold:
        what = f"fold {fold.name!r}"
        train, test = (np.asarray(side, dtype=np.intp) for side in (fold.train, fold.test))
        for side, rows in (("training", train), ("test", test)):
            if rows.ndim != 1 or not len(rows):
                raise DataError(f"{what}: no sample is left for {side}")
            if rows.min() < 0 or rows.max() >= len(self.labels) or len(np.unique(rows)) < len(rows):
                raise DataError(
                    f"{what}: {side} samples must be different numbers of 0 to {len(self.labels) - 1}"
                )
        both = np.intersect1d(train, test)
        if len(both):
            raise DataError(
                f"{what}: {len(both)} samples are in training and in test, number {both[0]} for one"
            )
        return Fold(fold.name, train, test, int(fold.removed))

    def __iter__(self) -> Iterator[tuple[Indices, Indices]]:
        return iter([(fold.train, fold.test) for fold in self.folds])

    def __len__(self) -> int:
        return len(self.folds)

    def require_samples(self, samples: Labels) -> None:
        """Raise unless the folds were made for these samples in this order."""
        known = self.labels if self.samples is None else self.samples
        if len(known) != len(samples):
            raise LabelMismatch(f"these folds are of {len(known)} samples, not of {len(samples)}")
        if self.samples is not None and self.samples != tuple(samples):
            row = next(k for k, (own, other) in enumerate(zip(known, samples, strict=True)) if own != other)
            raise LabelMismatch(
                f"these folds were made for other samples: sample {row + 1} was {known[row]!r} and is "
                f"{samples[row]!r}; make them from the same patterns"
            )

    def table(self) -> Table:
        """One row a fold: ``fold``, ``train``, ``test``, ``removed`` (samples), ``test_labels``."""
        return Table.from_rows(
            [
                {
                    "fold": fold.name,
                    "train": len(fold.train),
                    "test": len(fold.test),
                    "removed": fold.removed,
                    "test_labels": ", ".join(unique([self.labels[row] for row in fold.test])),
                }
                for fold in self.folds
            ]
        )

    def save(self, folder: Path) -> None:
        """Write ``folds.json``."""
        from isocortex.formats import arrays

        folds: list[dict[str, Any]] = [
            {"name": f.name, "train": f.train.tolist(), "test": f.test.tolist(), "removed": f.removed}
            for f in self.folds
        ]
        info = {"by": self.by, "labels": self.labels, "samples": self.samples, "folds": folds}
        arrays.write_json(folder / "folds.json", info)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        from isocortex.formats import arrays

        with arrays.described(folder / "folds.json") as info:
            folds = tuple(Fold(**fold) for fold in info.pop("folds"))
            samples = info.pop("samples")
            return cls(folds=folds, samples=None if samples is None else tuple(samples), **info)

    def summary(self) -> str:
        """Say in one line what is in here."""
        return f"{len(self)} folds of {len(self.labels)} samples by {self.by}"
