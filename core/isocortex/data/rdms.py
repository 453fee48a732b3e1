"""Representational dissimilarity matrices. One without condition labels does not exist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array, Data, frozen, plain
from isocortex.data.labels import (
    Labels,
    as_labels,
    positions,
    require_length,
    require_unique,
    same_labels,
)
from isocortex.errors import DataError, LabelMismatch


@dataclass(frozen=True, eq=False, repr=False)
class RDMs(Data):
    """One or more RDMs over the same conditions.

    Parameters
    ----------
    values : array (n, pairs): the strict upper triangle, row by row (scipy's condensed form); not copied.
        NaN is allowed and stays: comparing says what happens to it.
    conditions : labels of the rows and columns, each once.
    names : one label an RDM (subject, layer, code ...), each once.
    metric : name of the dissimilarity ("correlation", ...).
    """

    kind: ClassVar[str] = "rdms"

    values: Array
    conditions: Labels
    names: Labels
    metric: str

    def __post_init__(self) -> None:
        values = frozen(self.values, 2, "RDMs")
        conditions = as_labels(self.conditions, "RDMs: conditions")
        names = as_labels(self.names, "RDMs: names")
        require_unique(conditions, "RDMs: conditions")
        require_unique(names, "RDMs: names")
        require_length(names, values.shape[0], "RDMs: names")
        pairs = len(conditions) * (len(conditions) - 1) // 2
        if values.shape[1] != pairs:
            raise DataError(
                f"RDMs: {values.shape[1]} pairs do not belong to {len(conditions)} conditions, "
                f"which make {pairs}"
            )
        if np.isinf(values).any():
            raise DataError("RDMs: a dissimilarity is infinite")
        for field, value in (("values", values), ("conditions", conditions), ("names", names)):
            object.__setattr__(self, field, value)

    @classmethod
    def from_square(
        cls,
        matrices: npt.ArrayLike,
        conditions: Sequence[object],
        names: Sequence[object],
        metric: str,
    ) -> Self:
        """Take RDMs from full matrices (n, k, k) or (k, k), which must be symmetric with a zero diagonal."""
        square = np.asarray(plain(matrices, "RDMs"))
        square = frozen(square[None] if square.ndim == 2 else square, 3, "RDMs")
        if square.shape[1] != square.shape[2]:
            raise DataError(f"expected RDMs of shape (n, conditions, conditions), got {square.shape}")
        for matrix in square:
            _check_square(matrix)
        labels = as_labels(conditions, "RDMs: conditions")
        require_length(labels, square.shape[1], "RDMs: conditions")
        rows, columns = np.triu_indices(square.shape[1], 1)
        return cls(square[:, rows, columns], labels, as_labels(names, "RDMs: names"), metric)

    @classmethod
    def stack(cls, parts: Sequence[RDMs]) -> RDMs:
        """Put several sets of RDMs into one, aligned by condition label; the names must stay unique."""
        if not parts:
            raise DataError("RDMs: nothing to put together")
        first = parts[0]
        aligned = [part.align_to(first.conditions, "RDMs to put together") for part in parts]
        metrics = dict.fromkeys(part.metric for part in parts)
        return RDMs(
            np.concatenate([part.values for part in aligned]),
            first.conditions,
            tuple(name for part in aligned for name in part.names),
            " + ".join(metrics),
        )

    def __len__(self) -> int:
        return int(self.values.shape[0])

    @property
    def n_conditions(self) -> int:
        """Number of conditions."""
        return len(self.conditions)

    def square(self) -> Array:
        """Full matrices (n, conditions, conditions), zero on the diagonal."""
        size = self.n_conditions
        out = np.zeros((len(self), size, size), dtype=self.values.dtype)
        rows, columns = np.triu_indices(size, 1)
        out[:, rows, columns] = self.values
        out[:, columns, rows] = self.values
        return out

    def subset(self, conditions: Sequence[str]) -> RDMs:
        """Keep and order conditions by label; raises for one that is not there."""
        require_unique(list(conditions), "RDMs: conditions to keep")
        order = positions(conditions, self.conditions, "RDMs: conditions")
        rows, columns = np.triu_indices(len(order), 1)
        first, second = order[rows], order[columns]
        low, high = np.minimum(first, second), np.maximum(first, second)
        size = self.n_conditions
        place = low * size - low * (low + 1) // 2 + (high - low - 1)
        return replace(self, values=self.values[:, place], conditions=tuple(conditions))

    def align_to(self, conditions: Sequence[str], what: str = "RDMs") -> RDMs:
        """Bring the conditions into the given order; raises naming the labels that either side lacks."""
        if tuple(conditions) == self.conditions:
            return self
        same_labels(conditions, self.conditions, what)
        return self.subset(conditions)

    def pick(self, names: Sequence[str]) -> RDMs:
        """Keep and order RDMs by name."""
        rows = positions(names, self.names, "RDMs: names")
        return replace(self, values=self.values[rows], names=tuple(names))

    def renamed(self, names: Sequence[str]) -> RDMs:
        """Give the RDMs other names, in their present order."""
        return replace(self, names=as_labels(names, "RDMs: names"))

    def mean(self, name: str = "mean") -> RDMs:
        """Average all RDMs into one, in float64: rounding a mean to float32 could tie its values."""
        if not len(self):
            raise DataError("RDMs: there are none to average")
        values = self.values.mean(axis=0, keepdims=True, dtype=np.float64)
        return replace(self, values=values, names=(name,))

    def to_rsatoolbox(self) -> Any:
        """Give an ``rsatoolbox.rdm.RDMs`` with the labels as descriptors (needs rsatoolbox)."""
        from isocortex.formats import rsatoolbox

        return rsatoolbox.from_rdms(self)

    @classmethod
    def from_rsatoolbox(cls, rdms: Any, conditions: str = "conds", names: str = "name") -> RDMs:
        """Take an ``rsatoolbox.rdm.RDMs``; the arguments name the descriptors that hold the labels."""
        from isocortex.formats import rsatoolbox

        return rsatoolbox.to_rdms(rdms, conditions, names)

    def save(self, folder: Path) -> None:
        """Write ``values.npy`` (condensed) and ``rdms.json`` (labels and metric)."""
        from isocortex.formats import arrays

        arrays.write_array(folder / "values.npy", self.values)
        info = {"conditions": self.conditions, "names": self.names, "metric": self.metric}
        arrays.write_json(folder / "rdms.json", info)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        from isocortex.formats import arrays

        with arrays.described(folder / "rdms.json") as info:
            return cls(values=arrays.read_array(folder / "values.npy"), **info)

    def summary(self) -> str:
        """Say in one line what is in here."""
        return f"{len(self)} RDMs of {self.n_conditions} conditions ({self.metric})"


def _check_square(matrix: Array) -> None:
    """Raise unless one matrix (k, k) is finite (or NaN), symmetric and zero on its diagonal."""
    if np.isinf(matrix).any():
        raise DataError("RDMs: a dissimilarity is infinite")
    tolerance = 1e-5 * float(np.nanmax(np.abs(matrix), initial=0.0))
    if not np.allclose(matrix, matrix.T, rtol=0, atol=tolerance, equal_nan=True):
        raise DataError("RDMs: a matrix is not symmetric")
    if np.any(np.abs(np.diagonal(matrix)) > tolerance):
        raise DataError("RDMs: a diagonal is not zero; are these similarities?")


def require_same_conditions(first: RDMs, second: RDMs, what: str) -> RDMs:
    """Give ``second`` in the condition order of ``first``; raises ``LabelMismatch`` where they differ."""
    if first.n_conditions < 3:
        raise LabelMismatch(f"{what}: comparing RDMs needs at least 3 conditions, got {first.n_conditions}")
    return second.align_to(first.conditions, what)
