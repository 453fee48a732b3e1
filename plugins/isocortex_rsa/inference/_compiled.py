"""Compilation of the loops that numpy has no words for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile with numba, cached on disk; other Python threads go on meanwhile."""
    return cast(Function, numba.njit(nogil=True, cache=True, error_model="numpy")(function))


def compiled_without_nan(function: Function) -> Function:
    """Compile a loop that never compares NaN, so that it can take several values at a time."""
    free = {"nnan", "nsz", "reassoc"}
    return cast(Function, numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=free)(function))
