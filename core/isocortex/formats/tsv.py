"""Tab-separated tables (the form that BIDS uses: a header line, ``n/a`` for a missing number)."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError
from isocortex.formats.arrays import write_bytes

if TYPE_CHECKING:
    from isocortex.data.table import Table

_TRUTH = {"true": True, "false": False}


def write_tsv(path: Path, table: Table) -> None:
    """Write a table; numbers are written so that they are read back exactly."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter="\t", lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(zip(*(_texts(values) for values in table.columns.values()), strict=True))
    write_bytes(path, buffer.getvalue().encode("utf-8"))


def _texts(values: Array) -> list[str]:
    if values.dtype.kind == "b":
        return ["true" if value else "false" for value in values]
    if values.dtype.kind == "f":
        return ["n/a" if np.isnan(value) else np.format_float_scientific(value, trim="-") if _odd(value) else
                np.format_float_positional(value, trim="-") for value in values]  # fmt: skip
    return [str(value) for value in values.tolist()]


def _odd(value: float) -> bool:
    return value != 0 and not 1e-4 <= abs(value) < 1e16


def read_text(path: Path) -> dict[str, list[str]]:
    """Read a table as text: column name -> cells. Any tab-separated file with a header line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.reader(file, delimiter="\t"))
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DamagedFile(f"{path}: not a tab-separated text file ({error})") from None
    lines = [line for line in lines if line]
    if not lines:
        raise DamagedFile(f"{path}: empty, not even a header line")
    header = lines[0]
    if len(set(header)) != len(header):
        raise DamagedFile(f"{path}: two columns have one name in the header {header}")
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(header):
            raise DamagedFile(f"{path}: row {number} has {len(line)} cells where the header has {len(header)}")
    return {name: [line[place] for line in lines[1:]] for place, name in enumerate(header)}


def read_columns(path: Path, types: Mapping[str, str]) -> dict[str, Array]:
    """Read a table whose column types are known (numpy type strings)."""
    cells = read_text(path)
    if list(cells) != list(types):
        raise DamagedFile(f"{path}: has the columns {list(cells)}, expected {list(types)}")
    try:
        return {name: _parse(texts, np.dtype(types[name])) for name, texts in cells.items()}
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise DamagedFile(f"{path}: a cell is not of its column's type ({error})") from None


def _parse(texts: list[str], dtype: np.dtype[np.generic]) -> Array:
    if dtype.kind == "b":
        return np.array([_TRUTH[text] for text in texts], dtype=bool)
    if dtype.kind == "f":
        return np.array([float("nan") if text == "n/a" else float(text) for text in texts], dtype=dtype)
    if dtype.kind in "iu":
        return np.array([int(text) for text in texts], dtype=dtype)
    return np.array(texts, dtype=dtype)
