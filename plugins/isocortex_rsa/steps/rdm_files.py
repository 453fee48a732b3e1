"""RDMs from a user's own array file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Literal

import numpy as np

from isocortex.data import RDMs
from isocortex.data.base import Array
from isocortex.data.labels import Labels, as_labels, require_length, require_unique
from isocortex.errors import DamagedFile, DataError, suggestion
from isocortex.formats.arrays import Npz, read_array
from isocortex.pipeline.settings import InputFile


def load_rdms(
    file: InputFile,
    conditions: InputFile | list[str],
    array: str | None = None,
    column: str | None = None,
    names: list[str] | str | None = None,
    dims: list[str] | None = None,
    average: list[str] | None = None,
    metric: str = "unknown",
    form: Literal["auto", "square", "condensed"] = "auto",
) -> RDMs:
    """Read RDMs from a ``.npz`` or ``.npy`` file; the condition labels come with them or from a table.

    Parameters
    ----------
    file : holds an array (..., conditions, conditions) or (..., pairs) with any leading dimensions.
    conditions : labels in the order of the rows: a list, or a tab-separated file with a header.
    array : name of the array in a ``.npz`` file; may be left out where there is only one.
    column : column of the table with the labels; may be left out where there is only one.
    names : names of the RDMs: a list, or the name of an array in the ``.npz`` file. Without it they are
        numbered (``subject1,session2``), or called as the array is where there is only one.
    dims : what the leading dimensions are, ``[subject, session]``.
    average : those of ``dims`` to average over.
    metric : name of the dissimilarity in the file.
    form : "square" or "condensed" (strict upper triangle, row by row); "auto" decides by the number of
        conditions and raises where both fit (3 conditions).
    """
    file = Path(file)
    values, array = _read(file, array)
    labels = _conditions(conditions, column)
    where = f"{file}: array {array!r}"
    square = _is_square(values, len(labels), form, where)
    values, kept = _averaged(values, values.ndim - (2 if square else 1), dims, average, where)
    shape = values.shape[: -2 if square else -1]
    flat = values.reshape(-1, *values.shape[len(shape) :])
    rows = _names(names, shape, kept, file, array)
    if square:
        return RDMs.from_square(flat, labels, rows, metric)
    return RDMs(flat, labels, rows, metric)


def read_column(path: Path, column: str | None) -> Labels:
    """Read the labels in one column of a tab-separated file with a header line.

    Other columns are not looked at, so they may share a name. A file of one column needs no ``column``.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            header, *lines = [line for line in csv.reader(handle, delimiter="\t") if line] or [[]]
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DamagedFile(f"{path}: not a tab-separated text file ({error})") from None
    if not header:
        raise DamagedFile(f"{path}: empty, not even a header line")
    if column is None and len(header) == 1:
        column = header[0]
    if column is None:
        raise DataError(f"{path}: say which column holds the condition labels: {', '.join(header)}")
    if header.count(column) != 1:
        found = "two columns are" if column in header else "no column is"
        hint = "" if column in header else f"; {suggestion(column, header, 'columns')}"
        raise DataError(f"{path}: {found} called {column!r}{hint}")
    short = next((number for number, line in enumerate(lines, 2) if len(line) != len(header)), None)
    if short is not None:
        raise DamagedFile(f"{path}: row {short} has not as many cells as the header")
    return as_labels([line[header.index(column)] for line in lines], f"{path}: column {column!r}")


def _read(file: Path, array: str | None) -> tuple[Array, str]:
    if not file.is_file():
        raise DataError(f"{file}: there is no such file")
    if file.suffix == ".npy":
        if array is not None:
            raise DataError(f"{file}: a .npy file holds one array without a name; leave out array: {array}")
        return read_array(file), file.stem
    if file.suffix != ".npz":
        raise DataError(f"{file}: RDMs are read from .npz and .npy files")
    with Npz(file) as archive:
        if array is None and len(archive.keys) != 1:
            raise DataError(f"{file}: say which array holds the RDMs: {', '.join(archive.keys)}")
        array = archive.keys[0] if array is None else array
        values = archive.read(array)
    if values.dtype.kind not in "fiub":
        raise DataError(f"{file}: array {array!r} holds {values.dtype}, not dissimilarities")
    return values, array


def _conditions(conditions: Path | list[str], column: str | None) -> Labels:
    if isinstance(conditions, (Path, str)):
        labels = read_column(Path(conditions), column)
        what = f"{conditions}: " + (f"column {column!r}" if column else "the only column")
    else:
        if column is not None:
            raise DataError(f"column: {column} belongs to a table, but conditions is a list")
        labels, what = as_labels(conditions, "conditions"), "conditions"
    require_unique(labels, what)
    return labels


def _is_square(values: Array, size: int, form: str, where: str) -> bool:
    pairs = size * (size - 1) // 2
    square = values.ndim >= 2 and values.shape[-2:] == (size, size)
    condensed = values.ndim >= 1 and values.shape[-1] == pairs
    if form != "auto":
        square, condensed = square and form == "square", condensed and form == "condensed"
    if square and condensed:
        raise DataError(f"{where}: shape {values.shape} can be either form; say form: square or condensed")
    if not square and not condensed:
        raise DataError(
            f"{where}: shape {values.shape} does not end in ({size}, {size}) or ({pairs},), "
            f"which {size} condition labels ask for"
        )
    return square


def _averaged(
    values: Array, leading: int, dims: list[str] | None, average: list[str] | None, where: str
) -> tuple[Array, list[str] | None]:
    """Average over the named leading dimensions; give what is left with the names of its dimensions."""
    if dims is None:
        if average:
            raise DataError(f"{where}: to average, name the {leading} leading dimensions by dims:")
        return values, None
    require_unique(dims, "dims")
    if len(dims) != leading:
        raise DataError(f"{where}: dims names {len(dims)} dimensions; before the RDMs there are {leading}")
    unknown = [dim for dim in average or () if dim not in dims]
    if unknown:
        hint = suggestion(unknown[0], dims, "dimensions")
        raise DataError(f"{where}: no dimension {unknown[0]!r} to average over; {hint}")
    if not average:
        return values, dims
    axes = tuple(dims.index(dim) for dim in average)
    # stays float64: rounding means back to float32 would make ties that the data do not have
    return values.mean(axis=axes, dtype=np.float64), [dim for dim in dims if dim not in average]


def _names(
    names: list[str] | str | None, shape: tuple[int, ...], dims: list[str] | None, file: Path, array: str
) -> Labels:
    count = int(np.prod(shape, dtype=int))
    if isinstance(names, str):
        if file.suffix != ".npz":
            raise DataError(f"{file}: a .npy file holds no array {names!r}; give the names as a list")
        with Npz(file) as archive:
            found = archive.read(names)
        if found.shape != shape:
            raise DataError(f"{file}: {names!r} of shape {found.shape} does not name RDMs of shape {shape}")
        return as_labels(found.ravel().tolist(), f"{file}: {names!r}")
    if names is not None:
        require_length(names, count, "names")
        return as_labels(names, "names")
    if count == 1:
        return (array,)
    titles = dims or [""] * len(shape)
    return tuple(
        ",".join(f"{title}{place + 1}" for title, place in zip(titles, index, strict=True))
        for index in np.ndindex(*shape)
    )
