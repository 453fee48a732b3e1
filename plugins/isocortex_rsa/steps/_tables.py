"""Tables of comparisons: several as one, and the rows that belong to a model in a ROI."""

from __future__ import annotations

import numpy as np

from isocortex.data import Collected, Table
from isocortex.data.base import Array
from isocortex.data.labels import unique
from isocortex.errors import DataError, suggestion

RESULT_COLUMNS = ("rdm", "model", "similarity", "measure")


def one_table(table: Table | Collected[Table], what: str) -> Table:
    """Put tables collected along axes below each other, the axes in columns of their own."""
    if not isinstance(table, Collected):
        return table
    parts = list(table.values())
    if not parts:
        raise DataError(f"{what}: there is no table")
    axes = {axis: [table.values_of(key)[axis] for key in table] for axis in table.axes}
    lengths = [len(part) for part in parts]
    columns: dict[str, Array] = {axis: np.repeat(np.array(values), lengths) for axis, values in axes.items()}
    names = list(parts[0].columns)
    for key, part in table.items():
        if list(part.columns) != names:
            raise DataError(f"{what}: the table of {key} has the columns {list(part.columns)}, not {names}")
    for name in names:
        columns[name] = np.concatenate([part[name] for part in parts])
    return Table(columns)


def subject_column(table: Table, subject: str | None, what: str) -> str:
    """Name of the column that the mean is taken over: as given, else ``subject``, else ``rdm``."""
    name = subject or ("subject" if "subject" in table.columns else "rdm")
    if name not in table.columns:
        raise DataError(f"{what}: no column {name!r}; {suggestion(name, table.columns, 'columns')}")
    return name


def place_columns(table: Table, subject: str) -> list[str]:
    """Columns that say where a comparison was made (roi ...): all but the subject's and the result's."""
    return [name for name in table.columns if name != subject and name not in RESULT_COLUMNS]


def places_of(table: Table, columns: list[str]) -> list[tuple[str, ...]]:
    """The values of these columns in each row, as text."""
    if not columns:
        return [()] * len(table)
    return [tuple(str(cell) for cell in row) for row in zip(*(table[name] for name in columns), strict=True)]


def by_subject(table: Table, rows: Array, subject: str, column: str, what: str) -> dict[str, float]:
    """Subject -> value of some rows; raises where a subject has more than one."""
    subjects = [str(name) for name in table[subject][rows]]
    if len(set(subjects)) < len(subjects):
        twice = next(name for name in subjects if subjects.count(name) > 1)
        raise DataError(
            f"{what}: more than one row for {subject} {twice!r}; name the column that tells them apart "
            f"({', '.join(table.columns)})"
        )
    return dict(zip(subjects, table[column][rows].astype(np.float64).tolist(), strict=True))


def measure_of(table: Table, what: str) -> str:
    """The measure of a table of comparisons or ceilings, which must be one."""
    names = unique([str(name) for name in table["measure"]]) if "measure" in table.columns else ()
    if len(names) > 1:
        raise DataError(f"{what}: the table holds several measures ({', '.join(names)}); take one at a time")
    return names[0] if names else ""
