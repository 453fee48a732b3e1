"""MAT files of version 7.3: HDF5 with MATLAB's attributes, as MATLAB, hdf5storage and bdpy write them.

MATLAB's axes stand in reverse order in the file. A dataset without ``MATLAB_class`` was written by something
else, and nobody could say what the order of its axes is, so it is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError
from isocortex.formats import hdf5

_CLASSES = {
    "double": "f8", "single": "f4", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2",
    "int32": "i4", "uint32": "u4", "int64": "i8", "uint64": "u8", "logical": "bool",
}  # fmt: skip
_NAMES = {np.dtype(code): name for name, code in _CLASSES.items()}
_DEEPEST = 16
_MOST = 100_000


def names(file: Any) -> list[str]:
    """The variables of a file, without MATLAB's own store for what cells point to."""
    return [name for name in file if not name.startswith("#")]


def shape_of(file: Any, name: str, where: str) -> tuple[str, tuple[int, ...]]:
    """Type and size of a variable, without reading it."""
    found = hdf5.node(file, name, where)
    kind = _class_of(found, where)
    if not hasattr(found, "dtype"):
        return "struct", (1, 1)
    if hdf5.attribute(found, "MATLAB_empty", where):
        return _CLASSES.get(kind, kind), tuple(int(length) for length in _empty_shape(found, where))
    if kind not in _CLASSES:
        return kind, tuple(int(length) for length in reversed(found.shape or ()))
    return "bool" if kind == "logical" else _dtype(found).str[1:], _shape(found, where)


def value(file: Any, name: str, where: str, limit: int) -> Any:
    """Read one variable: numbers, text, a list (cell) or a mapping (structure)."""
    return _value(file, hdf5.node(file, name, where), where, limit, 0, [0])


def _value(file: Any, found: Any, where: str, limit: int, depth: int, count: list[int]) -> Any:
    count[0] += 1
    if depth > _DEEPEST or count[0] > _MOST:
        raise DamagedFile(f"{where}: its cells are nested too deep, or point to one another")
    kind = _class_of(found, where)
    if not hasattr(found, "dtype"):
        if kind not in ("struct", ""):
            raise _refused(kind, where)
        return {
            key: _value(file, hdf5.node(found, key, where), f"{where}.{key}", limit, depth + 1, count)
            for key in found
        }
    if hdf5.attribute(found, "MATLAB_empty", where):
        return _empty(found, kind, where)
    if kind == "cell":
        return _cell(file, found, where, limit, depth, count)
    if kind == "char":
        return _text(found, where, limit)
    if kind not in _CLASSES:
        raise _refused(kind, where)
    return _numbers(found, kind, where, limit)


def _refused(kind: str, where: str) -> DataError:
    return DataError(f"{where}: it is of class {kind!r}; only numbers, text, cells and structures are read")


def _class_of(found: Any, where: str) -> str:
    kind = hdf5.attribute(found, "MATLAB_class", where)
    kind = b"" if kind is None else kind
    kind = kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind)
    if not kind and hasattr(found, "dtype"):
        raise DamagedFile(
            f"{where}: it has no MATLAB_class, so it is not MATLAB's and the order of its axes is not known"
        )
    return kind


def _dtype(found: Any) -> np.dtype[Any]:
    """Give the type of the values; complex numbers are stored as pairs."""
    own: np.dtype[Any] = found.dtype
    if own.names == ("real", "imag"):
        return np.dtype(np.complex64 if own["real"].itemsize == 4 else np.complex128)
    return own


def _shape(found: Any, where: str) -> tuple[int, ...]:
    """MATLAB's size, or that of the array that hdf5storage was given (it keeps vectors of one dimension)."""
    stored = tuple(int(length) for length in reversed(found.shape or ()))
    given = hdf5.attribute(found, "Python.Shape", where)
    if given is None:
        return stored
    shape = tuple(int(length) for length in np.asarray(given).ravel())
    if math.prod(shape) != math.prod(stored) or (len(shape) > 1 and shape != stored):
        raise DamagedFile(f"{where}: Python.Shape announces {shape} where {stored} is stored")
    return shape


def _numbers(found: Any, kind: str, where: str, limit: int) -> Array:
    complex_ = found.dtype.names == ("real", "imag")
    if not complex_:
        hdf5.require_numbers(found, where)
    shape = _shape(found, where)
    hdf5.check_stored(found, where, limit)
    values = np.asarray(found[()])
    if complex_:
        pairs, values = values, np.empty(values.shape, _dtype(found))
        values.real, values.imag = pairs["real"], pairs["imag"]  # a product with 1j would spread infinity
    elif kind == "logical":
        values = values != 0
    return np.asarray(values).T.reshape(shape)


def _empty_shape(found: Any, where: str) -> list[int]:
    """Of something empty, the file holds the size."""
    sizes = hdf5.numbers(found, where, limit=512).ravel()
    if sizes.dtype.kind not in "iu" or not 1 <= sizes.size <= 32 or sizes.min() < 0 or math.prod(sizes):
        raise DamagedFile(f"{where}: it is marked as empty, but its size is not")
    return [int(length) for length in sizes]


def _empty(found: Any, kind: str, where: str) -> Any:
    shape = _empty_shape(found, where)
    if kind == "char":
        return ""
    if kind in ("cell", "struct"):
        return []
    given = hdf5.attribute(found, "Python.Shape", where)
    own = tuple(int(length) for length in np.asarray(shape if given is None else given).ravel())
    return np.zeros(own if 0 in own else shape, _CLASSES.get(kind, "f8"))


def _text(found: Any, where: str, limit: int) -> str | list[str]:
    codes = hdf5.numbers(found, where, limit)
    if codes.dtype.kind not in "iu" or codes.ndim > 2:
        raise DamagedFile(f"{where}: holds {codes.dtype} of shape {codes.shape}, not text")
    wide = {1: "u1", 2: "<u2", 4: "<u4"}.get(codes.dtype.itemsize, "<u4")
    coding = {"u1": "utf-8", "<u2": "utf-16-le", "<u4": "utf-32-le"}[wide]
    rows = np.atleast_2d(codes.T).astype(wide)
    try:
        found_texts = [np.ascontiguousarray(row).tobytes().decode(coding) for row in rows]
    except UnicodeDecodeError:
        raise DamagedFile(f"{where}: its text cannot be decoded") from None
    if len(found_texts) == 1 or rows.shape[1] == 1:  # hdf5storage writes a text as a column of letters
        return "".join(found_texts)
    return found_texts


def _cell(file: Any, found: Any, where: str, limit: int, depth: int, count: list[int]) -> list[Any]:
    import h5py

    if h5py.check_ref_dtype(found.dtype) is not h5py.Reference:
        raise DamagedFile(f"{where}: it is marked as a cell, but holds {found.dtype}")
    hdf5.check_stored(found, where, limit)
    members = []
    for place, reference in enumerate(np.asarray(found[()]).T.ravel(order="F")):
        if not reference:
            raise DamagedFile(f"{where}: member {place + 1} points to nothing")
        members.append(_value(file, file[reference], f"{where}{{{place + 1}}}", limit, depth + 1, count))
    return members


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write numbers, texts, lists and mappings so that MATLAB, hdf5storage and bdpy read them.

    The same content makes the same bytes: the file holds no time stamp.
    """
    import h5py

    with h5py.File(path, "w", userblock_size=512, track_order=False) as file:
        for name, item in content.items():
            _write(file, file, name, item, f"{path}: {name!r}")
    head = b"MATLAB 7.3 MAT-file, Platform: isocortex, HDF5 schema 1.00 ."
    with path.open("r+b") as raw:
        raw.write(head.ljust(116) + bytes(8) + b"\x00\x02IM")


def _write(file: Any, group: Any, name: str, item: Any, where: str) -> Any:
    if isinstance(item, Mapping):
        return _write_structure(file, group, name, item, where)
    if isinstance(item, (list, tuple)):
        return _write_cell(file, group, name, item, where)
    if isinstance(item, str):
        return _write_text(group, name, item)
    return _write_numbers(group, name, np.asarray(item), where)


def _write_numbers(group: Any, name: str, values: Array, where: str) -> Any:
    dtype = values.dtype.newbyteorder("=")
    logical = dtype.kind == "b"
    if dtype not in _NAMES:
        raise DataError(f"{where}: {values.dtype} cannot be written; give numbers, texts, lists or mappings")
    shape = values.shape
    stored = values.reshape((shape[0] if shape else 1, 1)) if values.ndim < 2 else values
    if values.size:
        data = np.ascontiguousarray(stored.T).astype("u1" if logical else dtype)
        made = group.create_dataset(name, data=data)
    else:
        made = group.create_dataset(name, data=np.array(stored.shape, dtype=np.uint64))
        made.attrs["MATLAB_empty"] = np.uint8(1)
    made.attrs["MATLAB_class"] = np.bytes_(_NAMES[dtype])
    if logical:
        made.attrs["MATLAB_int_decode"] = np.int64(1)
    kind = "numpy.ndarray" if shape else f"numpy.{dtype.name}"
    return _as_python(made, kind, "ndarray" if shape else "scalar", dtype.name, shape)


def _as_python(made: Any, kind: str, container: str, dtype: str, shape: tuple[int, ...]) -> Any:
    """Say what the value was in Python, in hdf5storage's words: MATLAB has no vectors and no scalars."""
    made.attrs["Python.Shape"] = np.array(shape, dtype=np.uint64)
    made.attrs["Python.Type"] = np.bytes_(kind)
    made.attrs["Python.numpy.Container"] = np.bytes_(container)
    made.attrs["Python.numpy.UnderlyingType"] = np.bytes_(dtype)
    if not math.prod(shape):
        made.attrs["Python.Empty"] = np.uint8(1)
    return made


def _write_text(group: Any, name: str, text: str) -> Any:
    codes = np.frombuffer(text.encode("utf-16-le"), dtype="<u2").reshape(-1, 1)
    made = group.create_dataset(name, data=codes if text else np.zeros(2, dtype=np.uint64))
    made.attrs["MATLAB_class"] = np.bytes_("char")
    made.attrs["MATLAB_int_decode"] = np.int64(2)
    if not text:
        made.attrs["MATLAB_empty"] = np.uint8(1)
        made.attrs["Python.Empty"] = np.uint8(1)
    made.attrs["Python.Shape"] = np.zeros(0, dtype=np.uint64)
    made.attrs["Python.Type"] = np.bytes_("str")
    made.attrs["Python.numpy.Container"] = np.bytes_("scalar")
    made.attrs["Python.numpy.UnderlyingType"] = np.bytes_(f"str{32 * len(text)}")
    return made


def _write_structure(file: Any, group: Any, name: str, item: Mapping[str, Any], where: str) -> Any:
    import h5py

    made = group.create_group(name)
    made.attrs["MATLAB_class"] = np.bytes_("struct")
    letters = np.empty(len(item), dtype=object)
    for place, key in enumerate(item):
        letters[place] = np.array([letter.encode() for letter in key], dtype="S1")
    made.attrs.create("MATLAB_fields", letters, dtype=h5py.vlen_dtype(np.dtype("S1")))
    made.attrs["Python.Type"] = np.bytes_("dict")
    made.attrs["Python.dict.StoredAs"] = np.bytes_("individually")
    made.attrs["Python.dict.key_str_types"] = np.bytes_("t" * len(item))
    made.attrs.create("Python.Fields", list(item), dtype=h5py.string_dtype())
    for key, member in item.items():
        _write(file, made, key, member, f"{where}.{key}")
    return made


def _write_cell(file: Any, group: Any, name: str, items: Any, where: str) -> Any:
    import h5py

    store = file.require_group("#refs#")
    references = np.empty((len(items), 1), dtype=h5py.ref_dtype)
    for place, item in enumerate(items):
        key = f"{len(store):x}"
        references[place, 0] = _write(file, store, key, item, f"{where}{{{place + 1}}}").ref
    made = group.create_dataset(name, data=references, dtype=h5py.ref_dtype)
    made.attrs["MATLAB_class"] = np.bytes_("cell")
    return _as_python(made, type(items).__name__, "ndarray", "object", (len(items),))
