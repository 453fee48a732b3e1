"""What stands for numpy's own functions when a pickle is read: arrays are views of the bytes, checked first.

The state of an array, a dtype and a scalar is that of their ``__reduce__`` in numpy.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from isocortex.data.base import Array

_CODE = re.compile(r"[<>|=]?(?:b1|bool|[iuf][1248]|f16|c8|c16|[SU][0-9]{1,9}|O|O[48])")


class Failure(Exception):
    """What is wrong with a pickle; its reader adds the name of the file."""


class Standin(NamedTuple):
    """What a global of a pickle stands for: ``call`` makes the object, None where it is only a name."""

    name: str
    call: Callable[..., Any] | None = None


class Pending:
    """An array or dtype of which the state is still to come."""

    def __init__(self, complete: Callable[[tuple[Any, ...]], Any]) -> None:
        self.complete = complete
        self.places: list[int] = []


def _dtype(code: Any, *_: Any) -> Pending:
    """Stand for ``numpy.dtype(code, align, copy)``, whose state gives the byte order."""
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise Failure(f"holds an array of type {str(code)[:80]!r} instead of numbers or text")
    kind = np.dtype("O" if code.lstrip("<>|=")[0] == "O" else code)
    return Pending(lambda state: _ordered(kind, state))


def _ordered(kind: np.dtype[Any], state: tuple[Any, ...]) -> np.dtype[Any]:
    if len(state) < 5 or any(part is not None for part in state[2:5]) or state[1] not in ("<", ">", "|", "="):
        raise Failure("holds an array of records or of another type that is not numbers or text")
    return kind if state[1] == "|" else kind.newbyteorder(state[1])


def _reconstruct(kind: Any, *_: Any) -> Pending:
    """Stand for ``_reconstruct(ndarray, (0,), b"b")``, whose state gives the array."""
    if kind is not _NDARRAY:
        raise Failure("holds a subclass of numpy's array")
    return Pending(_array)


def _array(state: tuple[Any, ...]) -> Array:
    if len(state) == 4:  # as the oldest numpy wrote it
        state = (0, *state)
    if len(state) != 5:
        raise Failure("the state of an array is spoilt")
    _, shape, dtype, fortran, content = state
    return _filled(content, dtype, shape, "F" if fortran else "C")


def _filled(content: Any, dtype: Any, shape: Any, order: Any) -> Array:
    """View the bytes as an array; the shape must say exactly as many."""
    if not isinstance(dtype, np.dtype) or order not in ("C", "F"):
        raise Failure("the state of an array is spoilt")
    if isinstance(shape, int):
        shape = (shape,)
    if type(shape) is not tuple or not all(type(n) is int and n >= 0 for n in shape) or len(shape) > 32:
        raise Failure(f"an array of the shape {str(shape)[:80]}")
    if isinstance(content, str):  # Python 2's bytes
        content = content.encode("latin1")
    count = math.prod(shape)
    if dtype.hasobject:
        return _objects(content, shape, count, order)
    if not isinstance(content, bytes) or len(content) != count * dtype.itemsize:
        held = len(content) if isinstance(content, bytes) else "no"
        raise Failure(f"an array of the shape {str(shape)[:80]} and type {dtype} with {held} bytes")
    if not len(content):
        return np.empty(shape, dtype)
    return np.frombuffer(content, dtype).reshape(shape, order=order)


def _objects(content: Any, shape: tuple[int, ...], count: int, order: Any) -> Array:
    """Make an array of objects; the objects are those of the pickle, so only admitted ones."""
    if type(content) is not list or len(content) != count:
        raise Failure(f"an array of the shape {str(shape)[:80]} with another number of objects")
    array = np.empty(count, dtype=object)
    for place, item in enumerate(content):
        array[place] = item
    return array.reshape(shape, order=order)


def _scalar(dtype: Any, content: Any = None) -> Any:
    if isinstance(dtype, np.dtype) and dtype.hasobject:
        raise Failure("holds an object in the guise of a number")
    return _filled(content, dtype, (), "C")[()]


_NDARRAY = Standin("numpy.ndarray")
_CORES = ("numpy.core", "numpy._core")
ARRAYS = {
    "numpy.ndarray": _NDARRAY,
    "numpy.dtype": Standin("numpy.dtype", _dtype),
    **{
        f"{core}.{name}": Standin(name, call)
        for core in _CORES
        for name, call in (
            ("multiarray._reconstruct", _reconstruct),
            ("multiarray.scalar", _scalar),
            ("numeric._frombuffer", _filled),
        )
    },
}
"""The globals of numpy that are admitted."""
