"""Freed memory kept for what comes next, instead of handed to the system and taken back page by page.

glibc returns each large array when it is freed. Work that makes gigabytes of them again and again then
spends a third of its time on fresh pages, one thread at a time (VGG19 features in batches of 32).
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_INSIDE = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1}
_OUTSIDE = {_MMAP_MAX: 65536, _MMAP_THRESHOLD: 32 << 20, _TRIM_THRESHOLD: 64 << 20}
"""glibc's defaults, with the thresholds that it would have come to by itself."""

_lock = threading.Lock()
_users = 0


@contextmanager
def kept() -> Iterator[None]:
    """Keep what is freed in this block for the next arrays; give it back to the system at the end.

    Speed only: nothing depends on it. Blocks may be nested, and used from several threads. Where the C
    library is not glibc it does nothing.
    """
    libc = _glibc()
    if libc is None:
        yield
        return
    _enter(libc)
    try:
        yield
    finally:
        _leave(libc)


def _enter(libc: Any) -> None:
    global _users
    with _lock:
        if not _users:
            _set(libc, _INSIDE)
        _users += 1


def _leave(libc: Any) -> None:
    global _users
    with _lock:
        _users -= 1
        if not _users:
            _set(libc, _OUTSIDE)
            libc.malloc_trim(0)


def _set(libc: Any, options: dict[int, int]) -> None:
    for option, value in options.items():
        libc.mallopt(option, value)


@cache
def _glibc() -> Any:
    try:
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version  # noqa: B018  # asks whether it is there
        libc.malloc_trim.argtypes = [ctypes.c_size_t]
    except (OSError, AttributeError, TypeError):
        return None
    return libc
