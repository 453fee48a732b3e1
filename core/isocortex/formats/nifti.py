"""NIfTI volumes, through nibabel."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError
from isocortex.formats.arrays import write_bytes

_SUFFIXES = (".nii", ".nii.gz")


def write_volume(path: Path, volume: Array, affine: npt.ArrayLike) -> None:
    """Write a volume (x, y, z[, n]) as NIfTI-1, or NIfTI-2 where an axis is too long for it.

    The bytes depend on the volume only (no time stamp). Values are stored as they are, never scaled.
    """
    import nibabel

    if not path.name.endswith(_SUFFIXES):
        raise DataError(f"{path}: a NIfTI file ends in .nii or .nii.gz")
    kind = nibabel.Nifti1Image if max(volume.shape) < 2**15 else nibabel.Nifti2Image
    image = kind(np.asarray(volume), np.asarray(affine, dtype=np.float64), dtype=volume.dtype)
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
    import nibabel

    if not path.exists():
        raise DataError(f"{path}: there is no such file")
    try:
        image = nibabel.load(path)
        _check_size(path, image)
        values = np.asanyarray(image.dataobj)
    except DamagedFile:
        raise
    except (nibabel.filebasedimages.ImageFileError, OSError, EOFError, ValueError, zlib.error, KeyError) as error:
        raise DamagedFile(f"{path}: not a readable NIfTI file ({error})") from None
    if values.ndim < 3 or values.dtype.kind not in "fiub":
        raise DamagedFile(f"{path}: holds {values.dtype} of shape {values.shape}; expected a volume of numbers")
    return values, np.asarray(image.affine, dtype=np.float64)


def _check_size(path: Path, image: object) -> None:
    """Refuse a header that announces more than the file can hold, before memory is taken for it."""
    shape = tuple(getattr(image, "shape", ()))
    dtype = getattr(image, "get_data_dtype", lambda: np.dtype(np.uint8))()
    announced = int(np.prod([int(length) for length in shape], dtype=object)) * dtype.itemsize
    size = path.stat().st_size
    # deflate cannot shrink anything by more than a factor of about 1,032
    most = size * 1040 if path.name.endswith(".gz") else size
    if announced > most:
        raise DamagedFile(
            f"{path}: its header announces {announced} bytes of values, which a file of {size} bytes cannot hold"
        )
