"""A table of results: named columns of equal length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np

from isocortex.data.base import Array, Data, read_only
from isocortex.errors import DataError

_KINDS = {"U": "text", "i": "integer", "u": "integer", "f": "number", "b": "truth"}


@dataclass(frozen=True, eq=False)
class Table(Data):
    """Columns of text, whole numbers, numbers or truth values.

    ``columns`` maps a name to a sequence; all have one length. NaN marks a missing number.
    """

    kind: ClassVar[str] = "table"

    columns: Mapping[str, Array] = field(repr=False)

    def __post_init__(self) -> None:
        checked = {str(name): _column(str(name), values) for name, values in self.columns.items()}
        lengths = {name: len(values) for name, values in checked.items()}
        if len(set(lengths.values())) > 1:
            raise DataError(f"table: the columns differ in length: {lengths}")
        object.__setattr__(self, "columns", MappingProxyType(checked))

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> Self:
        """Make a table from rows that all have the same keys."""
        names = list(columns) if columns is not None else list(rows[0]) if rows else []
        odd = next((row for row in rows if set(row) != set(names)), None)
        if odd is not None:
            raise DataError(f"table: a row has the keys {sorted(odd)}, expected {sorted(names)}")
        return cls({name: np.array([row[name] for row in rows]) for name in names})

    @classmethod
    def stack(cls, parts: Mapping[str, Table], axis: str) -> Table:
        """Put tables with equal columns below each other, the mapping's keys in a new first column."""
        if not parts:
            raise DataError("table: nothing to put together")
        names = list(next(iter(parts.values())).columns)
        for key, part in parts.items():
            if list(part.columns) != names:
                raise DataError(f"table: {key!r} has the columns {list(part.columns)}, expected {names}")
        if axis in names:
            raise DataError(f"table: there already is a column {axis!r}")
        keys = np.concatenate([np.full(len(part), key) for key, part in parts.items()])
        columns = {name: np.concatenate([part.columns[name] for part in parts.values()]) for name in names}
        return Table({axis: keys, **columns})

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, name: str) -> Array:
        if name not in self.columns:
            from isocortex.errors import suggestion

            raise DataError(f"table: no column {name!r}; {suggestion(name, self.columns, 'columns')}")
        return self.columns[name]

    def rows(self) -> list[dict[str, Any]]:
        """Plain Python rows."""
        lists = {name: values.tolist() for name, values in self.columns.items()}
        return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]

    def save(self, folder: Path) -> None:
        """Write ``table.tsv`` and the types of its columns in ``table.json``."""
        from isocortex.formats import arrays, tsv

        tsv.write_tsv(folder / "table.tsv", self)
        types = {name: values.dtype.str for name, values in self.columns.items()}
        arrays.write_json(folder / "table.json", {"columns": types})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        from isocortex.formats import arrays, tsv

        types = arrays.read_json(folder / "table.json")["columns"]
        return cls(tsv.read_columns(folder / "table.tsv", types))

    def summary(self) -> str:
        """Say in one line what is in here."""
        return f"{len(self)} rows: {', '.join(self.columns)}"


def _column(name: str, values: object) -> Array:
    array = np.asarray(values)
    if array.size == 0 and array.ndim == 1 and array.dtype.kind == "f":
        return read_only(array)
    if array.ndim != 1:
        raise DataError(f"table: column {name!r} has shape {array.shape}, expected one dimension")
    if array.dtype.kind not in _KINDS:
        raise DataError(f"table: column {name!r} holds {array.dtype}; give text, numbers or truth values")
    return read_only(array)
