"""Blocks of units of arrays that are larger than memory: read from memory maps, written to ``.npy`` files."""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError
from isocortex_decoding.decoders.weights import UNITS, Array

_BLOCK_BYTES = 64 * 2**20
"""What the targets of a block may take in float64."""
_ROWS = 32
"""Rows that are read from a memory map at a time: each brings up to 2 MiB around what is wanted (Linux)."""


def blocks(units: int, rows: int, most: int | None = None) -> Iterator[tuple[int, int]]:
    """Cut units into blocks of a multiple of ``UNITS``, so that results do not depend on the cut.

    ``most`` is how many units a block may have (rounded to a multiple); by default as many as 64 MiB hold.
    """
    wanted = _BLOCK_BYTES // (8 * max(rows, 1)) if most is None else most
    width = max(UNITS, min(wanted, 8192) // UNITS * UNITS)
    for start in range(0, units, width):
        yield start, min(units, start + width)


def read_units(values: Array, rows: npt.NDArray[np.intp], start: int, stop: int) -> Array:
    """Rows of ``values`` (rows, ...units), the units from start to stop of their C order: a copy.

    No other rows are read, and the pages of a memory map that were read are given back.
    """
    found = np.empty((len(rows), stop - start), values.dtype)
    step = len(rows) if mapping(values) is None else _ROWS
    for first in range(0, len(rows), max(step, 1)):
        part = slice(first, first + step)
        found[part] = _units_of(values, rows[part], start, stop)
        release(values)
    return found


def _units_of(values: Array, rows: npt.NDArray[np.intp], start: int, stop: int) -> Array:
    shape = values.shape[1:]
    if values.flags.c_contiguous or values.ndim == 2:
        return np.asarray(values.reshape(len(values), math.prod(shape))[rows, start:stop])
    places = np.unravel_index(np.arange(start, stop), shape)
    return np.asarray(values[(rows[:, None], *(place[None] for place in places))])


def release(values: Array) -> None:
    """Give the pages of a memory map back, so that what was read does not count as memory in use."""
    mapped = mapping(values)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def mapping(values: Any) -> mmap.mmap | None:
    """The memory map beneath an array, if that is where its numbers are and they cannot be changed."""
    writeable = False
    while isinstance(values, np.ndarray):
        if isinstance(values, np.memmap):
            writeable = values.mode not in ("r", "r+", "w+")  # "c" keeps changes in memory alone
        values = values.base
    return values if isinstance(values, mmap.mmap) and not writeable else None


class UnitWriter:
    """Writes a ``.npy`` file of shape (rows, ...units) in blocks of units, by plain writes.

    Not through a memory map, whose pages would count as memory in use. ``rows`` other than the first length
    takes the file as so many rows: 1 for (units, numbers of each), where blocks of units follow one another.
    With ``start`` the file is there already, and its numbers begin at that byte.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        dtype: npt.DTypeLike,
        rows: int | None = None,
        start: int | None = None,
    ) -> None:
        self.dtype = np.dtype(dtype)
        self._rows = shape[0] if rows is None else rows
        self._length = math.prod(shape) // max(self._rows, 1)
        self._file = path.open("wb" if start is None else "r+b")
        self._start = self._begun(shape) if start is None else start

    def _begun(self, shape: tuple[int, ...]) -> int:
        """Write the header and make room; gives where the numbers begin."""
        header = {"descr": self.dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)
        start = self._file.tell()
        self._file.truncate(start + math.prod(shape) * self.dtype.itemsize)
        return start

    def write(self, values: Array, start: int) -> None:
        """Write the numbers (rows, width) that begin at ``start`` in each row."""
        ordered = np.ascontiguousarray(values, dtype=self.dtype)
        for row, numbers in enumerate(ordered):
            self._file.seek(self._start + (row * self._length + start) * self.dtype.itemsize)
            self._file.write(numbers.tobytes())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Predictions:
    """Where predictions of shape (samples, ...units) go, block by block.

    ``into``: a new ``.npy`` file; an array of that shape and type to fill, as that of a ``ScratchArray``; or
    None for an array in memory. A context manager; after it ``result`` gives what was written. A new file
    that an error left unfinished is removed.
    """

    def __init__(self, into: Path | Array | None, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self._path = into if isinstance(into, Path) else None
        self._writer: UnitWriter | None = None
        if isinstance(into, Path):
            self._writer = UnitWriter(into, shape, dtype)
            return
        self._held = np.empty(shape, dtype) if into is None else into
        if self._held.shape != shape or self._held.dtype != dtype:
            raise DataError(
                f"predictions of {shape} {np.dtype(dtype)} do not go into {self._held.shape} "
                f"{self._held.dtype}"
            )
        if isinstance(into, np.memmap):  # by plain writes, as above
            self._writer = UnitWriter(Path(str(into.filename)), shape, dtype, start=into.offset)
        else:
            self._flat = self._held.reshape(shape[0], math.prod(shape[1:]))

    def write(self, values: Array, start: int) -> None:
        """Write the units (samples, width) that begin at ``start``."""
        if self._writer is None:
            self._flat[:, start : start + values.shape[1]] = values
        else:
            self._writer.write(values, start)

    def result(self) -> Array:
        """All predictions, read-only."""
        from isocortex.data.base import read_only
        from isocortex.formats.arrays import read_array

        return read_only(self._held) if self._path is None else read_array(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._path is not None and kind is not None:
            self._path.unlink(missing_ok=True)
