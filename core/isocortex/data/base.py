"""What every kind of labelled data can do: be written to a folder and read back, the same to the last bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError

Array = npt.NDArray[Any]


class Data:
    """Base of the data types; a plugin's own data type derives from it.

    ``save`` writes readable files into an empty folder and ``load`` reads them back. Both must be exact:
    what is loaded equals what was saved, dtype included.
    """

    kind: ClassVar[str] = "data"

    def save(self, folder: Path) -> None:
        """Write everything into ``folder``, which exists and is empty."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it is saved")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        raise NotImplementedError(f"{cls.__name__} does not say how it is loaded")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.summary()}>"

    def summary(self) -> str:
        """Say in one line what is in here, for lists and the report."""
        return self.kind


def frozen(values: object, ndim: int, what: str) -> Array:
    """View an array as read-only after checking its number of dimensions; whole numbers become float64.

    The values are not copied: whoever hands them over does not change them afterwards.
    """
    array = plain(values, what)
    if array.dtype.kind not in "fiub":
        raise DataError(f"{what}: values of type {array.dtype} are not numbers")
    if array.ndim != ndim:
        raise DataError(f"{what}: expected an array of {ndim} dimensions, got shape {array.shape}")
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    elif array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float32 if array.dtype.itemsize <= 4 else np.float64)
    return read_only(array)


def plain(values: object, what: str) -> Array:
    """Take an array (memory maps stay memory maps) without whatever a subclass of numpy's adds to it.

    A masked array is refused: it would be saved without its mask, and what it hides would come back.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise DataError(f"{what}: this is a masked array; fill what is masked, with NaN for instance")
    try:
        return values if isinstance(values, np.memmap) else np.asarray(values)
    except ValueError as error:  # rows of different lengths, for instance
        raise DataError(f"{what}: this makes no array ({error})") from None


def read_only(array: Array) -> Array:
    """View an array without the right to write."""
    view = array.view()
    view.flags.writeable = False
    return view
