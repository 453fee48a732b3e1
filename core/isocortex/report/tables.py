"""Tables: the first rows as text, with numbers that sort as numbers, and the whole file to download."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isocortex.data.table import Table
from isocortex.errors import DataError
from isocortex.report.encoding import base64_text, encoded_size
from isocortex.report.parts import Block, Context, loaded

ROWS = 200
"""Rows of a table that the page shows; the file has them all."""
EMBED = 1_000_000
"""Characters of a table file that is put into the page; a larger one is linked in the run folder."""
MARKS = {"warning": "\u26a0 warning", "note": "\u2139 note", "ok": "\u2713 ok"}
"""How severities are written: sign and word, for those who see no colours."""


@dataclass(frozen=True)
class Cell:
    """One cell: its text, the number that it sorts by, and how serious it is."""

    text: str
    number: str = ""
    severity: str = ""


@dataclass(frozen=True)
class View:
    """A table on the page."""

    label: str
    columns: list[str]
    numeric: list[bool]
    rows: list[list[Cell]]
    more: int
    files: list[tuple[str, str, str]]
    """Files with all rows: what it is, its link, the name to save it under (empty: it lies in the folder)."""

    @property
    def count(self) -> int:
        """Number of rows in all."""
        return len(self.rows) + self.more


def show_tables(block: Block, context: Context) -> None:
    """Put a table on the page; those of several instances with one set of columns become one."""
    parts = list(loaded(block, Table))
    block.shape, block.content = "tables", []
    files = {item.label: data_file(item.folder, block.title, item.label, context) for item, _ in parts}
    axis = ", ".join(parts[0][0].instance.axes) if parts else ""
    if len(parts) > 1:
        try:
            whole = Table.stack({item.label: table for item, table in parts}, axis)
        except DataError:  # different columns, or one that is called like the axis
            pass
        else:
            block.content = [view_of(whole, list(files.values()))]
            return
    block.content = [view_of(table, [files[item.label]], item.label) for item, table in parts]


def view_of(table: Table, files: list[tuple[str, str, str]], label: str = "") -> View:
    """What the page shows of a table."""
    numeric = [values.dtype.kind in "iuf" for values in table.columns.values()]
    columns = [values[:ROWS].tolist() for values in table.columns.values()]
    serious = [name == "severity" for name in table.columns]
    rows = [
        [_cell(value, is_severity) for value, is_severity in zip(row, serious, strict=True)]
        for row in zip(*columns, strict=True)
    ]
    return View(label, list(table.columns), numeric, rows, len(table) - len(rows), files)


def data_file(folder: Path, title: str, label: str, context: Context) -> tuple[str, str, str]:
    """A link to ``table.tsv``: in the page where it is small, so that the page can be sent on alone."""
    path = folder / "table.tsv"
    name = "-".join(part for part in (title, label, "table.tsv") if part).replace("/", "-")
    try:
        size = encoded_size(path.stat().st_size)
        if size <= EMBED and context.budget.take(size):
            link = "data:text/tab-separated-values;charset=utf-8;base64," + base64_text(path.read_bytes())
            return label, link, name
    except OSError:
        pass
    return label, context.link(path), ""


def _cell(value: Any, is_severity: bool) -> Cell:
    if is_severity and value in MARKS:
        return Cell(MARKS[value], severity=value)
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    if isinstance(value, float):
        return Cell("n/a" if value != value else f"{value:.4g}", repr(value))
    return Cell(str(value), str(value) if isinstance(value, int) else "")
