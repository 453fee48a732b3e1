"""TIFF pictures of floating point levels, which Pillow does not write in colours.

Uncompressed, RGB, 32 or 64 bits a channel (TIFF 6.0, Adobe 1992, sections 2 to 7 and 19), as ImageJ, GIMP,
MATLAB and tifffile read them.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError
from isocortex.formats.arrays import read_bytes, write_bytes

_SHORT, _LONG, _RATIO = 3, 4, 5
_SIZES = {_SHORT: ("H", 2), _LONG: ("I", 4)}
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _STRIPS, _SAMPLES, _ROWS, _COUNTS = (
    256, 257, 258, 259, 262, 273, 277, 278, 279,
)  # fmt: skip
_PLANAR, _FORMAT = 284, 339
_FIXED = {_COMPRESSION: (1,), _PHOTOMETRIC: (2,), _SAMPLES: (3,), _PLANAR: (1,), _FORMAT: (3, 3, 3)}
_MOST = 2**32 - 1
Tags = dict[int, tuple[int, ...]]


def write_float_tiff(path: Path, image: Array) -> None:
    """Write an RGB image (height, width, 3), float32 or float64, exactly."""
    if image.dtype not in (np.float32, np.float64) or image.ndim != 3 or image.shape[2] != 3:
        raise DataError(f"{path}: {image.dtype} of shape {image.shape}, not RGB in float32 or float64")
    height, width, _ = image.shape
    data = image.astype(image.dtype.newbyteorder("<")).tobytes()
    bits = 8 * image.dtype.itemsize
    start = 8
    tags = [
        (_WIDTH, _LONG, (width,)), (_HEIGHT, _LONG, (height,)), (_BITS, _SHORT, (bits,) * 3),
        (_COMPRESSION, _SHORT, (1,)), (_PHOTOMETRIC, _SHORT, (2,)), (_STRIPS, _LONG, (start,)),
        (_SAMPLES, _SHORT, (3,)), (_ROWS, _LONG, (height,)), (_COUNTS, _LONG, (len(data),)),
        (282, _RATIO, (72, 1)), (283, _RATIO, (72, 1)), (_PLANAR, _SHORT, (1,)), (296, _SHORT, (2,)),
        (_FORMAT, _SHORT, (3,) * 3),
    ]  # fmt: skip
    where = start + len(data)
    if where > _MOST - 1000:
        raise DataError(f"{path}: over 4 GiB, the most that a TIFF holds")
    write_bytes(path, struct.pack("<2sHI", b"II", 42, where) + data + _directory(tags, where))


def _directory(tags: list[tuple[int, int, tuple[int, ...]]], where: int) -> bytes:
    """The table of tags that stands at ``where``, with the values that do not fit into it behind it."""
    entries, more = b"", b""
    behind = where + 2 + 12 * len(tags) + 4
    for tag, kind, values in tags:
        count = 1 if kind == _RATIO else len(values)
        code = "I" if kind == _RATIO else _SIZES[kind][0]
        packed = struct.pack(f"<{len(values)}{code}", *values)
        if len(packed) > 4:
            place = behind + len(more)
            more += packed + bytes(len(packed) % 2)
            packed = struct.pack("<I", place)
        entries += struct.pack("<HHI", tag, kind, count) + packed.ljust(4, b"\0")
    return struct.pack("<H", len(tags)) + entries + bytes(4) + more


def read_float_tiff(path: Path) -> Array:
    """Read an uncompressed RGB TIFF of floating point levels: (height, width, 3), float32 or float64.

    Raises ``DamagedFile`` for a file that is cut off or not such a TIFF; sizes are checked first.
    """
    content = read_bytes(path)
    try:
        return _image(content, str(path))
    except (struct.error, KeyError, IndexError) as error:
        raise DamagedFile(f"{path}: not a TIFF that can be read ({error})") from None


def is_float_tiff(path: Path) -> bool:
    """Whether a TIFF says that its levels are floating point numbers."""
    try:
        return _tags(read_bytes(path))[1].get(_FORMAT, (1,))[0] == 3
    except (struct.error, KeyError, IndexError):
        return False


def _image(content: bytes, where: str) -> Array:
    order, tags = _tags(content)
    for tag, wanted in _FIXED.items():
        if tags.get(tag, (1,)) != wanted:
            raise DamagedFile(f"{where}: not an uncompressed RGB TIFF of floating point numbers (tag {tag})")
    shape = tags[_HEIGHT][0], tags[_WIDTH][0], 3
    kinds: dict[tuple[int, ...], str] = {(32, 32, 32): "f4", (64, 64, 64): "f8"}
    kind = kinds.get(tags[_BITS])
    if kind is None:
        raise DamagedFile(f"{where}: a TIFF of {tags[_BITS]} bits")
    strips = list(zip(tags[_STRIPS], tags[_COUNTS], strict=False))
    size = math.prod(shape) * int(kind[1])
    if not size or sum(count for _, count in strips) != size or len(tags[_STRIPS]) != len(tags[_COUNTS]):
        raise DamagedFile(f"{where}: its strips do not hold an image of {shape[0]} x {shape[1]} pixels")
    if any(start + count > len(content) for start, count in strips):
        raise DamagedFile(f"{where}: cut off, {len(content)} bytes")
    data = b"".join(content[start : start + count] for start, count in strips)
    return np.frombuffer(data, order + kind).reshape(shape).astype(kind)


def _tags(content: bytes) -> tuple[str, Tags]:
    order = {b"II": "<", b"MM": ">"}[content[:2]]
    magic, where = struct.unpack_from(order + "HI", content, 2)
    if magic != 42:
        raise KeyError("no TIFF of the plain kind")
    (number,) = struct.unpack_from(order + "H", content, where)
    entries = [struct.unpack_from(order + "HHI", content, where + 2 + 12 * k) for k in range(number)]
    found: Tags = {}
    for k, (tag, kind, count) in enumerate(entries):
        if kind in _SIZES and tag in _WANTED:
            found[tag] = _values(content, order, where + 10 + 12 * k, _SIZES[kind], count)
    return order, found


_WANTED: Mapping[int, None] = dict.fromkeys(
    (_WIDTH, _HEIGHT, _BITS, _STRIPS, _SAMPLES, _COUNTS, _COMPRESSION, _PHOTOMETRIC, _PLANAR, _FORMAT)
)


def _values(content: bytes, order: str, place: int, form: tuple[str, int], count: int) -> tuple[int, ...]:
    code, size = form
    if count * size > len(content):
        raise IndexError("a tag announces more than the file holds")
    if count * size > 4:
        (place,) = struct.unpack_from(order + "I", content, place)
    return struct.unpack_from(f"{order}{count}{code}", content, place)
