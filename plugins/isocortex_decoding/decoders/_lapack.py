"""BLAS and LAPACK of scipy from inside numba, without the interpreter's lock.

numba cannot call scipy's functions, but scipy publishes their addresses (``scipy.linalg.cython_lapack``). An
address differs from process to process, so it is passed as a number at run time: what numba has compiled can
then be kept on disk.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic

LETTERS = np.frombuffer(b"LNTR", dtype=np.uint8).copy()
"""What routines are told by a letter: Lower or Left, No (transposed, unit diagonal), Transposed, Right."""

_POTRF, _TRSV, _SYRK, _TRTRI, _TRSM, _TRMM = range(6)
_ROUTINES = {
    "potrf": "lapack",
    "trsv": "blas",
    "syrk": "blas",
    "trtri": "lapack",
    "trsm": "blas",
    "trmm": "blas",
}
_PANEL = 32


def routines(dtype: npt.DTypeLike) -> npt.NDArray[np.int64]:
    """Addresses of the routines for float32 or float64, to be passed to the functions below."""
    letter = {"float32": "s", "float64": "d"}[np.dtype(dtype).name]
    return np.array(
        [
            get_cython_function_address(f"scipy.linalg.cython_{where}", letter + name)
            for name, where in _ROUTINES.items()
        ],
        dtype=np.int64,
    )


@intrinsic  # type: ignore[misc,unused-ignore]
def _call(typingctx: Any, address: Any, arguments: Any) -> Any:
    """Call a Fortran routine at an address with a tuple of addresses."""
    signature = types.void(types.int64, arguments)
    count = len(arguments)

    def codegen(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        place, packed = given
        pointer = ir.IntType(8).as_pointer()
        function = ir.FunctionType(ir.VoidType(), [pointer] * count)
        target = builder.inttoptr(place, function.as_pointer())
        values = [builder.inttoptr(value, pointer) for value in cgutils.unpack_tuple(builder, packed, count)]
        builder.call(target, values)
        return context.get_dummy_value()

    return signature, codegen


@njit(nogil=True, cache=True)
def cholesky(addresses, letters, numbers, matrix, n):  # type: ignore[no-untyped-def]
    """Factor the upper left n x n of a C-order matrix in place; gives 0, or where it is not positive.

    Read and written are ``matrix[j, i]`` with i >= j (LAPACK's lower triangle, by column). ``numbers`` is an
    int32 array of 4 that the routines read their sizes from; every thread has its own.
    """
    numbers[0], numbers[1], numbers[2] = n, matrix.shape[1], 0
    at = numbers.ctypes.data
    _call(addresses[_POTRF], (letters.ctypes.data, at, matrix.ctypes.data, at + 4, at + 8))
    return numbers[2]


@njit(nogil=True, cache=True)
def solve(addresses, letters, numbers, factor, n, right):  # type: ignore[no-untyped-def]
    """Solve with the factor of ``cholesky``; ``right`` (n,) becomes the solution."""
    numbers[0], numbers[1], numbers[2] = n, factor.shape[1], 1
    size, lower, plain = numbers.ctypes.data, letters.ctypes.data, letters.ctypes.data + 1
    for which in (plain, plain + 1):  # first the factor, then its transpose
        _call(
            addresses[_TRSV],
            (lower, which, plain, size, factor.ctypes.data, size + 4, right.ctypes.data, size + 8),
        )


@njit(nogil=True, cache=True)
def solve_factor(addresses, letters, numbers, factors, factor, n, rows, count):  # type: ignore[no-untyped-def]
    """Solve with the factor alone: L z = rows[d, :n] for the first ``count`` rows, in place."""
    numbers[0], numbers[1], numbers[2], numbers[3] = n, factor.shape[1], count, rows.shape[1]
    at, lower, plain = numbers.ctypes.data, letters.ctypes.data, letters.ctypes.data + 1
    one = factors.ctypes.data
    held, into = factor.ctypes.data, rows.ctypes.data
    _call(
        addresses[_TRSM],
        (lower, lower, plain, plain, at, at + 8, one, held, at + 4, into, at + 12),
    )


@njit(nogil=True, cache=True)
def multiply_factor(addresses, letters, numbers, factors, factor, n, rows, count):  # type: ignore[no-untyped-def]
    """Multiply the factor (or its inverse) with the first ``count`` rows: L rows[d, :n], in place."""
    numbers[0], numbers[1], numbers[2], numbers[3] = n, factor.shape[1], count, rows.shape[1]
    at, lower, plain = numbers.ctypes.data, letters.ctypes.data, letters.ctypes.data + 1
    one, held, into = factors.ctypes.data, factor.ctypes.data, rows.ctypes.data
    _call(
        addresses[_TRMM],
        (lower, lower, plain, plain, at, at + 8, one, held, at + 4, into, at + 12),
    )


@njit(nogil=True, cache=True)
def invert_factor(addresses, letters, numbers, factors, factor, n):  # type: ignore[no-untyped-def]
    """Turn the factor of ``cholesky`` into its own inverse, the same triangle. ``factors`` is [1, 0, -1].

    By panels of columns from the last to the first, which takes half the time of LAPACK's trtri alone.
    """
    size, stride = factors.itemsize, factor.shape[1]
    at, lower, one = numbers.ctypes.data, letters.ctypes.data, factors.ctypes.data
    plain, right, minus = lower + 1, lower + 3, one + 2 * size
    numbers[1] = stride
    start = (n - 1) // _PANEL * _PANEL
    while start >= 0:
        width = min(_PANEL, n - start)
        below = n - start - width
        numbers[0], numbers[2], numbers[3] = width, below, 0
        corner = factor.ctypes.data + size * (start * stride + start)
        panel = corner + size * width
        if below > 0:
            done = panel + size * width * stride
            _call(
                addresses[_TRMM],
                (lower, lower, plain, plain, at + 8, at, one, done, at + 4, panel, at + 4),
            )
            _call(
                addresses[_TRSM],
                (right, lower, plain, plain, at + 8, at, minus, corner, at + 4, panel, at + 4),
            )
        _call(addresses[_TRTRI], (lower, plain, at, corner, at + 4, at + 12))
        start -= _PANEL


@njit(nogil=True, cache=True)
def gram_of_rows(addresses, letters, numbers, factors, rows, n, k, out):  # type: ignore[no-untyped-def]
    """Triangle of ``rows[:n, :k] @ rows[:n, :k].T`` into out[j, i], i >= j. ``factors`` is [1, 0, -1]."""
    numbers[0], numbers[1], numbers[2], numbers[3] = n, k, rows.shape[1], out.shape[1]
    at, one = numbers.ctypes.data, factors.ctypes.data
    zero = one + factors.itemsize
    lower, transposed = letters.ctypes.data, letters.ctypes.data + 2
    _call(
        addresses[_SYRK],
        (lower, transposed, at, at + 4, one, rows.ctypes.data, at + 8, zero, out.ctypes.data, at + 12),
    )


@njit(nogil=True, cache=True)
def gram_of_columns(addresses, letters, numbers, factors, rows, n, k, out):  # type: ignore[no-untyped-def]
    """Triangle of ``rows[:k, :n].T @ rows[:k, :n]`` into out[j, i], i >= j."""
    numbers[0], numbers[1], numbers[2], numbers[3] = n, k, rows.shape[1], out.shape[1]
    at, one = numbers.ctypes.data, factors.ctypes.data
    zero = one + factors.itemsize
    lower, plain = letters.ctypes.data, letters.ctypes.data + 1
    _call(
        addresses[_SYRK],
        (lower, plain, at, at + 4, one, rows.ctypes.data, at + 8, zero, out.ctypes.data, at + 12),
    )
