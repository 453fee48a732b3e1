"""PNG pictures, through Pillow."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError
from isocortex.formats.arrays import write_bytes

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

# Pillow hands some of its other formats to programs outside of Python (PostScript to Ghostscript).
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
# deflate makes at most 1,032 bytes of one, of 8 pixels of one bit each; the other packings make less of it
_PACKING, _BITS = 2**14, 8
"""Pixels of a byte, at most: packed, and as they are."""


def to_bytes(image: Array) -> npt.NDArray[np.uint8]:
    """Round an image on the scale 0 to 255 to whole numbers, clipping what lies outside; NaN becomes 0."""
    if image.dtype == np.uint8:
        return image
    levels: npt.NDArray[np.uint8] = np.clip(np.rint(np.nan_to_num(image)), 0, 255).astype(np.uint8)
    return levels


def write_png(path: Path, image: npt.NDArray[np.uint8]) -> None:
    """Write an RGB image (height, width, 3), uint8."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, "PNG")
    write_bytes(path, buffer.getvalue())


def read_png(path: Path) -> npt.NDArray[np.uint8]:
    """Read a picture file (PNG, JPEG, ...; grey or in colours) as RGB (height, width, 3), uint8.

    Raises ``DataError`` for what RGB on the scale 0 to 255 cannot hold (transparency, more than 8 bits), and
    ``DamagedFile`` for what is no picture or claims to be larger than any stimulus (Pillow's limit).
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
                image.verify()  # the checksums, where the format has some; nothing can be read after it
            with Image.open(path, formats=_FORMATS) as image:
                _check_size(path, image)
                _check_faithful(path, image)
                return np.array(image.convert("RGB"), dtype=np.uint8)
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except Exception as error:  # Pillow's readers have no common error for damage
        raise DamagedFile(f"{path}: not a readable picture ({error})") from None


def _check_size(path: Path, image: ImageFile) -> None:
    """Refuse a picture that announces more than its file can hold, before memory is taken for it."""
    width, height = image.size
    raw = bool(image.tile) and all(tile[0] == "raw" for tile in image.tile)
    if image.format != "WEBP" and width * height > (_BITS if raw else _PACKING) * path.stat().st_size:
        raise DamagedFile(f"{path}: its header announces {width} x {height} pixels, too many for such a file")


def _check_faithful(path: Path, image: ImageFile) -> None:
    if image.mode.startswith(("I", "F")):
        raise DataError(
            f"{path}: more than 8 bits a pixel ({image.mode}); bring it to the scale 0 to 255 first"
        )
    if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema() != (255, 255):
        raise DataError(f"{path}: some of the picture is transparent; lay it over a background first")
