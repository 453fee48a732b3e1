"""PNG pictures, through Pillow."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError
from isocortex.formats.arrays import write_bytes


def to_bytes(image: Array) -> npt.NDArray[np.uint8]:
    """Round an image on the scale 0 to 255 to whole grey levels, clipping what lies outside; NaN becomes 0."""
    if image.dtype == np.uint8:
        return np.asarray(image)
    return np.clip(np.rint(np.nan_to_num(image)), 0, 255).astype(np.uint8)


def write_png(path: Path, image: npt.NDArray[np.uint8]) -> None:
    """Write an RGB image (height, width, 3), uint8."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image), "RGB" if image.ndim == 3 else "L").save(buffer, "PNG")
    write_bytes(path, buffer.getvalue())


def read_png(path: Path) -> npt.NDArray[np.uint8]:
    """Read any picture file that Pillow knows as RGB (height, width, 3), uint8."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"), dtype=np.uint8)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DamagedFile(f"{path}: not a readable picture ({error})") from None
