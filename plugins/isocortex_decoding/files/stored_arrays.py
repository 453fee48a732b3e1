"""One array in a MAT file, dense or in bdpy's sparse form."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError
from isocortex.formats import mat
from isocortex.formats.hdf5 import LIMIT

SPARSE = "__bdpy_sparse_arrray"
"""Three r: so bdpy spells it, in the files too."""


def read_stored(path: Path, key: str, limit: int = LIMIT) -> Array:
    """Read the array under ``key``, of whole or floating point numbers; the sparse form is filled in."""
    found = mat.read_mat(path, [key], limit)[key]
    if isinstance(found, Mapping) and SPARSE in found:
        return _filled(found, f"{path}: variable {key!r}", limit)
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "fiub":
        raise DamagedFile(f"{path}: variable {key!r} holds no array of numbers")
    return found


def write_stored(path: Path, key: str, array: Array, sparse: bool = False) -> None:
    """Write one array as MAT 7.3, as bdpy's ``save_array`` does; ``sparse`` keeps only what is not 0."""
    content: Any = array
    if sparse:
        where = tuple(np.asarray(index, dtype=np.int64) for index in np.nonzero(array))
        content = {
            SPARSE: np.bool_(True),
            "index": where,
            "value": array[where],
            "shape": tuple(np.int64(length) for length in array.shape),
            "background": np.int64(0),
        }
    mat.write_mat(path, {key: content}, "7.3")


def _filled(found: Mapping[str, Any], where: str, limit: int) -> Array:
    lacking = [name for name in ("index", "value", "shape", "background") if name not in found]
    if lacking:
        raise DamagedFile(f"{where}: its sparse form has no {lacking[0]}")
    shape = tuple(int(length) for length in _whole(found["shape"], f"{where}: shape").ravel())
    values = _numbers(found["value"], f"{where}: value").ravel()
    background = _numbers(found["background"], f"{where}: background").ravel()
    index = found["index"]
    index = index if isinstance(index, list) else [index] if len(shape) == 1 else list(index)
    if len(background) != 1 or len(index) != len(shape) or not shape or min(shape) < 0:
        raise DamagedFile(f"{where}: its sparse form of shape {shape} has {len(index)} lists of places")
    places = [_whole(place, f"{where}: index").ravel() for place in index]
    for axis, (place, length) in enumerate(zip(places, shape, strict=True)):
        if len(place) != len(values) or (len(place) and not 0 <= place.min() <= place.max() < length):
            raise DamagedFile(f"{where}: the places along axis {axis} do not fit {len(values)} values")
    if math.prod(shape) * values.itemsize > limit:
        raise DataError(f"{where}: filled in, it is over the limit of this reader")
    dense = np.full(shape, background[0], dtype=values.dtype)
    dense[tuple(places)] = values
    return dense


def _numbers(value: Any, where: str) -> Array:
    array = np.asarray(value) if not isinstance(value, (str, Mapping)) else np.empty(0, dtype=object)
    if array.dtype.kind not in "fiub":
        raise DamagedFile(f"{where}: holds no numbers")
    return array


def _whole(value: Any, where: str) -> npt.NDArray[np.int64]:
    if isinstance(value, list):  # a cell of single numbers
        parts = [_numbers(part, where).ravel() for part in value]
        array = np.concatenate(parts) if parts else np.empty(0)
    else:
        array = _numbers(value, where)
    if array.size and (not np.isfinite(array).all() or (array != np.rint(array)).any()):
        raise DamagedFile(f"{where}: holds numbers that are not whole")
    return array.astype(np.int64)
