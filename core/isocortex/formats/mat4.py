"""MAT files of version 4: matrices of numbers and text."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from isocortex.data.base import Array
from isocortex.formats.mat5 import Buffer, Damage, Unreadable, Variable, rows_of_text

_TYPES = ("f8", "f4", "i4", "i2", "u2", "u1")


def variables(content: Buffer) -> Iterator[Variable]:
    """Walk over the variables of a file of version 4."""
    place = 0
    while place < len(content):
        if place + 20 > len(content):
            raise Damage("it ends within the header of a variable")
        order = "<" if 0 <= struct.unpack_from("<i", content, place)[0] < 100 else ">"
        kind, rows, columns, complex_, length = struct.unpack_from(order + "5i", content, place)
        kind = kind - 1000 if order == ">" else kind
        precision, sort = divmod(kind, 10)
        if not (0 <= precision < 6 and 0 <= sort < 3) or min(rows, columns) < 0 or not 0 < length < 4096:
            raise Damage("the header of a variable cannot be read")
        dtype = np.dtype(order + _TYPES[precision])
        start = place + 20 + length
        size = rows * columns * dtype.itemsize
        place = start + size * (2 if complex_ else 1)
        if place > len(content):
            raise Damage(f"a variable announces {size} bytes where {max(len(content) - start, 0)} are left")
        name = bytes(content[start - length : start]).split(b"\0")[0].decode("latin-1")
        read = _reader(content, start, dtype, (rows, columns), bool(complex_), sort)
        yield Variable(name, ("f8", "char", "sparse")[sort], (rows, columns), read)


def _reader(
    content: Buffer, start: int, dtype: np.dtype[Any], shape: tuple[int, int], complex_: bool, sort: int
) -> Callable[[], Any]:
    def part(place: int) -> Array:
        """Numbers of the matrix from a place in the file on, not copied."""
        return np.frombuffer(content, dtype, math.prod(shape), place)

    def read() -> Any:
        """Read the matrix as numbers or rows of text."""
        values = part(start)
        if sort == 2:
            raise Unreadable("it is a sparse matrix; only numbers and text are read")
        if sort == 1:
            codes = np.nan_to_num(values).astype("u1").tobytes()
            return rows_of_text(codes.decode("latin-1"), shape)
        if complex_:
            both = values.astype(np.complex128)
            both.imag = part(start + values.nbytes)  # a product with 1j would spread infinity
            return both.reshape(shape, order="F")
        return values.astype(np.float64).reshape(shape, order="F")

    return read
