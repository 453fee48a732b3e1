"""Noise ceilings read back from the table of what each subject contributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from isocortex.data import Collected, Table
from isocortex.data.labels import unique
from isocortex.errors import DataError
from isocortex_rsa.steps import _tables as tables

_COLUMNS = ("lower", "upper", "measure", "unit")


class Bounds(NamedTuple):
    """Lower and upper bound by subject, at one place (ROI)."""

    place: Mapping[str, str]
    lower: Mapping[str, float]
    upper: Mapping[str, float]

    def means(self) -> tuple[float, float]:
        """Lower and upper bound of the noise ceiling: means over subjects with a value."""
        both = [np.array(list(end.values())) for end in (self.lower, self.upper)]
        lower, upper = (float(end[~np.isnan(end)].mean()) if len(end) else float("nan") for end in both)
        return lower, upper


def bounds_of(ceilings: Table | Collected[Table], subject: str, measure: str, what: str) -> list[Bounds]:
    """Read the table ``each`` of ``noise_ceilings``; raises unless it is of the measure, not squared."""
    table = tables.one_table(ceilings, f"{what}: ceilings")
    lacking = [name for name in (subject, *_COLUMNS) if name not in table.columns]
    if lacking:
        raise DataError(
            f"{what}: the ceilings have no column {lacking[0]!r}; wire the output each of "
            f"noise_ceilings, over {subject}"
        )
    units = unique([str(unit) for unit in table["unit"]])
    own = tables.measure_of(table, what)
    if units != ("r",) or own != measure:
        raise DataError(
            f"{what}: ceilings by {own} (unit {', '.join(units)}) do not belong to comparisons by {measure}"
        )
    columns = [name for name in table.columns if name != subject and name not in _COLUMNS]
    where = tables.places_of(table, columns)
    found = []
    for place in dict.fromkeys(where):
        rows = np.array([other == place for other in where])
        ends = [
            tables.by_subject(table, rows, subject, end, f"{what}: ceilings") for end in ("lower", "upper")
        ]
        found.append(Bounds(dict(zip(columns, place, strict=True)), *ends))
    return found


def bounds_at(ceilings: list[Bounds], place: Mapping[str, str], what: str) -> Bounds:
    """The ceiling that belongs to a place: it agrees with it in all columns that the ceilings have."""
    fitting = [end for end in ceilings if all(place.get(name) == value for name, value in end.place.items())]
    if len(fitting) != 1:
        where = ", ".join(place.values()) or "these comparisons"
        by = f"; the ceilings are by {', '.join(ceilings[0].place)}" if ceilings and ceilings[0].place else ""
        raise DataError(f"{what}: there are {len(fitting)} noise ceilings for {where}, expected one{by}")
    return fitting[0]
