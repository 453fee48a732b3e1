"""Tab-separated tables (the form that BIDS uses: a header line, ``n/a`` for a missing number)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError
from isocortex.formats.arrays import write_bytes

if TYPE_CHECKING:
    from isocortex.data.table import Table

_TRUTH = {"true": True, "false": False}


def write_tsv(path: Path, table: Table) -> None:
    """Write a table; numbers are written so that they are read back exactly."""
    rows = zip(*(_texts(values) for values in table.columns.values()), strict=True)
    lines = [_line(table.columns), *(_line(row) for row in rows)]
    write_bytes(path, "".join(lines).encode("utf-8"))


def _line(cells: Iterable[str]) -> str:
    # csv.writer leaves a carriage return unquoted, where its own reader then ends the row
    line = "\t".join(_quoted(cell) for cell in cells)
    return (line or '""') + "\n"


def _quoted(cell: str) -> str:
    if len(cell) >= csv.field_size_limit():
        raise DataError(f"a cell of {len(cell)} characters is too long for a table")
    if cell.startswith("\ufeff") or any(mark in cell for mark in '\t\r\n"'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def _texts(values: Array) -> list[str]:
    if values.dtype.kind == "b":
        return ["true" if value else "false" for value in values]
    if values.dtype.kind == "f":
        return [_number(value) for value in values]
    return [str(value) for value in values.tolist()]


def _number(value: np.floating[Any]) -> str:
    """Write the shortest text that is this number and no other of its type."""
    if np.isnan(value):
        return "n/a"
    size = abs(float(value))
    write = np.format_float_positional if size == 0 or 1e-4 <= size < 1e16 else np.format_float_scientific
    return write(value, trim="-")


def read_text(path: Path) -> dict[str, list[str]]:
    """Read a table as text: column name -> cells. Any tab-separated file with a header line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter="\t", strict=True)
            lines = [(reader.line_num, line) for line in reader if line]
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DamagedFile(f"{path}: not a tab-separated text file ({error})") from None
    if not lines:
        raise DamagedFile(f"{path}: empty, not even a header line")
    header = lines[0][1]
    if len(set(header)) != len(header):
        raise DamagedFile(f"{path}: two columns have one name in the header {header}")
    for number, line in lines:
        if len(line) != len(header):
            raise DamagedFile(
                f"{path}: line {number} has {len(line)} cells where the header has {len(header)}"
            )
    return {name: [line[place] for _, line in lines[1:]] for place, name in enumerate(header)}


def read_columns(path: Path, types: Mapping[str, str]) -> dict[str, Array]:
    """Read a table whose column types are known (numpy type strings)."""
    cells = read_text(path) if types else {}
    if list(cells) != list(types):
        raise DamagedFile(f"{path}: has the columns {list(cells)}, expected {list(types)}")
    try:
        return {name: _parse(texts, np.dtype(types[name])) for name, texts in cells.items()}
    except (ValueError, KeyError, TypeError, OverflowError, SyntaxError) as error:
        raise DamagedFile(f"{path}: a cell is not of its column's type ({error})") from None


def _parse(texts: list[str], dtype: np.dtype[np.generic]) -> Array:
    if dtype.kind == "b":
        return np.array([_TRUTH[text] for text in texts], dtype=bool)
    if dtype.kind == "f":
        return np.array([float("nan") if text == "n/a" else float(text) for text in texts], dtype=dtype)
    if dtype.kind in "iu":
        return np.array([int(text) for text in texts], dtype=dtype)
    cells = np.array(texts, dtype=np.str_)
    if dtype.kind != "U" or dtype.itemsize != cells.dtype.itemsize:
        raise ValueError(f"{cells.dtype} where {dtype} is expected")
    return cells
