"""Arrays on disk while they are made: larger than memory, and moved into a result instead of copied.

An array that is made here is a ``.npy`` file in a folder of its own, opened as a memory map, and is gone when
nothing uses it any more. ``arrays.write_array`` gives such a file a second name (a hard link) where it can.
Within a step of a pipeline the files lie beside the results; elsewhere where ``TMPDIR`` says.
"""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array, read_only

_place: ContextVar[Path | None] = ContextVar("scratch", default=None)
_files: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
"""Path -> shape and type of the whole array, of the scratch files that are complete."""


@contextmanager
def scratch_in(folder: Path) -> Iterator[None]:
    """Let the scratch files of this context lie in ``folder``, which is removed afterwards."""
    token = _place.set(folder)
    try:
        yield
    finally:
        _place.reset(token)
        shutil.rmtree(folder, ignore_errors=True)


def release(values: Any) -> None:
    """Let go of the pages of an array on disk, written or read, so that they are no memory in use.

    What is in them stays: they are the file's (the system writes them when it likes). Nothing is done to
    arrays in memory.
    """
    while isinstance(values, np.ndarray):
        if isinstance(values, np.memmap) and values.mode == "c":
            return  # what was changed is in these pages alone
        values = values.base
    if isinstance(values, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        values.madvise(mmap.MADV_DONTNEED)


class ScratchArray:
    """A new array on disk: fill ``values``, then take ``done()``.

    A context manager; what is not done when the block ends is removed.
    """

    def __init__(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        place = _place.get()
        if place is not None:
            place.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix=f"isocortex-{os.getpid()}-", dir=place))
        self._path = self._folder / "values.npy"
        self._empty = 0 in shape
        self.values: Any = (
            np.empty(shape, dtype)
            if self._empty  # there is nothing to map
            else np.lib.format.open_memmap(self._path, mode="w+", dtype=np.dtype(dtype), shape=shape)
        )

    def done(self) -> Array:
        """Complete the file; give the array as a read-only memory map."""
        values, self.values = self.values, None
        if self._empty:
            shutil.rmtree(self._folder, ignore_errors=True)
            return read_only(values)
        values.flush()
        release(values)
        shape, dtype = values.shape, values.dtype
        mapped = np.memmap(self._path, dtype, "r", values.offset, shape, "C")
        del values
        _files[str(self._path)] = shape, dtype
        # the map goes last: views of the array keep it alive
        weakref.finalize(mapped._mmap, _remove, self._path)  # type: ignore[attr-defined]
        return mapped

    def __enter__(self) -> ScratchArray:
        return self

    def __exit__(self, *_: object) -> None:
        if self.values is not None:
            self.values = None
            shutil.rmtree(self._folder, ignore_errors=True)


def _remove(path: Path) -> None:
    _files.pop(str(path), None)
    shutil.rmtree(path.parent, ignore_errors=True)


def link(array: Array, path: Path) -> bool:
    """Give a whole scratch array a name at ``path`` too; False where it is none, or on another disk."""
    owner: Any = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    file = str(getattr(owner, "filename", None) or "")
    if file not in _files or _files[file] != (array.shape, array.dtype):
        return False
    if not array.flags.c_contiguous or array.ctypes.data != owner.ctypes.data:
        return False
    try:
        os.link(file, path)
    except OSError:  # another disk, or a file system without hard links
        return False
    return True
