"""What a guard found: one row of the table of findings."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from isocortex.data import Table

Severity = Literal["ok", "note", "warning"]

COLUMNS = ("guard", "severity", "where", "finding", "count", "value", "limit", "remedy")
NAN = float("nan")


class Finding(NamedTuple):
    """One finding.

    ``where`` says which layer, ROI and subject; ``count`` how many stimuli, images or samples; ``value`` the
    number that decides and ``limit`` what it is held against, NaN where there is none; ``remedy`` what to
    do.
    """

    guard: str
    severity: Severity
    where: str
    finding: str
    count: int = 0
    value: float = NAN
    limit: float = NAN
    remedy: str = ""


def found(
    guard: str, names: Sequence[str], text: str, remedy: str, allowed: bool = False, where: str = ""
) -> Finding:
    """A warning that names what was found (a note where it is allowed), or ok where there is nothing."""
    if not names:
        return Finding(guard, "ok", where, f"no {text}")
    severity: Severity = "note" if allowed else "warning"
    return Finding(guard, severity, where, f"{len(names)} {text}: {some(names)}", len(names), remedy=remedy)


def some(names: Sequence[str], most: int = 6) -> str:
    """The first names, and how many there are where that is more."""
    return ", ".join(names[:most]) + (f", ... ({len(names)} in all)" if len(names) > most else "")


def table_of(findings: Iterable[Finding]) -> Table:
    """Findings as a table."""
    return Table.from_rows([finding._asdict() for finding in findings], COLUMNS)


def warn_of(findings: Iterable[Finding], what: str) -> None:
    """Say each finding of severity warning as a warning, so that it stands in the report."""
    for finding in findings:
        if finding.severity == "warning":
            place = f" ({finding.where})" if finding.where else ""
            warnings.warn(
                f"{what}: {finding.guard}{place}: {finding.finding}; {finding.remedy}", stacklevel=3
            )
