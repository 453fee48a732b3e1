"""A table of results: named columns of equal length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np

from isocortex.data.base import Array, Data, plain, read_only
from isocortex.data.labels import as_labels, require_unique
from isocortex.errors import DataError, suggestion

_KINDS = {"U": "text", "i": "number", "u": "number", "f": "number", "b": "truth value"}


@dataclass(frozen=True, eq=False, repr=False)
class Table(Data):
    """Columns of text, whole numbers, numbers or truth values.

    ``columns`` maps a name to a sequence; all have one length. NaN marks a missing number. Text takes the
    width of its longest cell, and a column that mixes text, numbers and truth values is refused.
    """

    kind: ClassVar[str] = "table"

    columns: Mapping[str, Array] = field(repr=False)

    def __post_init__(self) -> None:
        names = as_labels(self.columns, "table: columns")
        require_unique(names, "table: columns")
        checked = {
            name: _column(name, values) for name, values in zip(names, self.columns.values(), strict=True)
        }
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
        lists: dict[str, Any] = {name: [row[name] for row in rows] for name in names}
        return cls(lists)

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
        columns = {name: _joined(name, [part.columns[name] for part in parts.values()]) for name in names}
        return Table({axis: keys, **columns})

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, name: str) -> Array:
        if name not in self.columns:
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

        with arrays.described(folder / "table.json") as info:
            return cls(tsv.read_columns(folder / "table.tsv", dict(info["columns"])))

    def summary(self) -> str:
        """Say in one line what is in here."""
        return f"{len(self)} rows: {', '.join(self.columns)}"


def _column(name: str, values: object) -> Array:
    what = f"table: column {name!r}"
    array = np.asarray(plain(values, what))
    if array.ndim != 1:
        raise DataError(f"{what} has shape {array.shape}, expected one dimension")
    # numpy would silently turn the numbers of a mixed list into text, and its truth values into numbers
    if array.dtype.kind not in _KINDS or (array is not values and _is_mixed(values)):
        raise DataError(f"{what} holds {array.dtype}; give only text, only numbers or only truth values")
    if array.dtype.kind == "U":
        return read_only(_natural_width(array, what))
    return read_only(array.astype(np.float64) if array.dtype.itemsize > 8 else array)


def _is_mixed(values: Any) -> bool:
    return (
        len({str if isinstance(value, str) else isinstance(value, (bool, np.bool_)) for value in values}) > 1
    )


def _natural_width(texts: Array, what: str) -> Array:
    cells = texts.tolist()
    as_labels({cell: None for cell in cells if cell}, what)
    return np.array(cells, dtype=np.str_)


def _joined(name: str, parts: Sequence[Array]) -> Array:
    filled = [part for part in parts if len(part)] or list(parts[:1])  # an empty list has no type of its own
    kinds = sorted({_KINDS[part.dtype.kind] for part in filled})
    if len(kinds) > 1:
        raise DataError(f"table: column {name!r} holds {' in one part and '.join(kinds)} in another")
    return np.concatenate(filled)
