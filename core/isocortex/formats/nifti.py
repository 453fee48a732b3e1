"""NIfTI volumes, through nibabel."""

from __future__ import annotations

import gzip
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError
from isocortex.formats.arrays import write_bytes

_SUFFIXES = (".nii", ".nii.gz")
_PIECE = 2**20


def write_volume(path: Path, volume: Array, affine: npt.ArrayLike) -> None:
    """Write a volume (x, y, z[, n]) as NIfTI-1, or NIfTI-2 where an axis is too long for it.

    The bytes depend on the volume only (no time stamp). Values are stored as they are, never scaled.
    """
    import nibabel

    if not path.name.endswith(_SUFFIXES):
        raise DataError(f"{path}: a NIfTI file ends in .nii or .nii.gz")
    kind: Any = nibabel.Nifti1Image if max(volume.shape) < 2**15 else nibabel.Nifti2Image
    image: Any = kind(np.asarray(volume), np.asarray(affine, dtype=np.float64), dtype=volume.dtype)
    image.header.set_xyzt_units("mm")
    content = image.to_bytes()
    if path.name.endswith(".gz"):
        buffer = io.BytesIO()
        with gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=buffer, mtime=0) as stream:
            stream.write(content)
        content = buffer.getvalue()
    write_bytes(path, content)


def read_volume(path: Path) -> tuple[Array, npt.NDArray[np.float64]]:
    """Read a NIfTI file: values (x, y, z[, n]) with any scaling applied, and the affine (4, 4).

    Values without scaling keep their type. Raises ``DamagedFile`` for what is no (whole) NIfTI file.
    """
    if not path.name.endswith(_SUFFIXES):
        raise DataError(f"{path}: a NIfTI file ends in .nii or .nii.gz")
    if not path.exists():
        raise DataError(f"{path}: there is no such file")
    try:
        image = _opened(path)
        values = _unpacked(path, image) if path.name.endswith(".gz") else np.asanyarray(image.dataobj)
    except (DamagedFile, MemoryError):
        raise
    except Exception as error:  # nibabel, gzip and zlib have no common error for damage
        raise DamagedFile(f"{path}: not a readable NIfTI file ({error})") from None
    return values, np.asarray(image.affine, dtype=np.float64)


def _opened(path: Path) -> Any:
    """Read the header, and refuse what cannot be a volume of numbers."""
    import nibabel

    image: Any = nibabel.load(path)
    kinds: Any = nibabel.Nifti1Image  # and NIfTI-2, which derives from it
    if not isinstance(image, kinds):
        raise DamagedFile(f"{path}: holds a {type(image).__name__}, not a NIfTI volume")
    dtype = image.get_data_dtype()
    if len(image.shape) < 3 or dtype.kind not in "fiu" or min(image.shape) < 1:
        raise DamagedFile(f"{path}: holds {dtype} of shape {image.shape}; expected a volume of numbers")
    _check_size(path, image.shape, dtype)
    return image


def _unpacked(path: Path, image: Any) -> Array:
    """Read the values of a gzip file to its very end, where the checksum is; nibabel stops before it."""
    with _Unpacking(path, "rb") as stream:
        values: Array = np.asanyarray(type(image).from_stream(stream).dataobj)
        while stream.read(2**20):
            pass
    return values


class _Unpacking(gzip.GzipFile):
    """A gzip file that fills a buffer piece by piece; Python's reads all of it and copies that."""

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as the file goes; gives the number of bytes."""
        view, done = memoryview(buffer).cast("B"), 0
        while piece := self.read(min(_PIECE, len(view) - done)):
            view[done : done + len(piece)] = piece
            done += len(piece)
        return done


def _check_size(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse a header that announces more than the file can hold, before memory is taken for it."""
    announced = math.prod(int(length) for length in shape) * dtype.itemsize
    size = path.stat().st_size
    # deflate cannot shrink anything by more than a factor of about 1,032
    most = size * 1040 if path.name.endswith(".gz") else size
    if announced > most:
        raise DamagedFile(
            f"{path}: its header announces {announced} bytes of values, too many for a file of {size} bytes"
        )
