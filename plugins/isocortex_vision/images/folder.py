"""Pictures in a folder as labelled images of one size."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from isocortex.data import Images
from isocortex.errors import DataError
from isocortex.formats.png import read_png
from isocortex_vision.networks.resizing import Resampling

Fit = Literal["crop", "stretch", "exact"]
"""How a picture comes to the size: its middle, resized so that the shorter side fits; all of it, whatever its
proportions; only if it has the size already."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm")


def picture_files(folder: Path) -> dict[str, Path]:
    """Find the pictures of a folder and its folders: label (path without ending, with /) -> file, sorted."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.suffix.lower() not in SUFFIXES or any(part.startswith(".") for part in inside.parts):
            continue
        label = inside.with_suffix("").as_posix()
        if label in found:
            raise DataError(f"{folder}: {found[label].name} and {path.name} would both be called {label!r}")
        found[label] = path
    if not found:
        raise DataError(f"{folder}: holds no pictures ({', '.join(SUFFIXES)})")
    return found


def read_images(
    folder: Path,
    size: tuple[int, int],
    fit: Fit = "crop",
    resampling: Resampling = "bilinear",
    categories: Literal["folder", "none"] = "none",
) -> Images:
    """Read all pictures of a folder, each named by its path without the ending.

    Parameters
    ----------
    size : height and width.
    categories : "folder": a picture's category is the folder that it lies in.
    """
    if min(size) < 1:
        raise DataError(f"{folder}: the size {size[0]} x {size[1]} holds no pixels")
    files = picture_files(folder)
    if categories == "folder":
        outside = [label for label in files if "/" not in label]
        if outside:
            raise DataError(f"{folder}: {outside[0]!r} lies in no category's folder")
    values = np.empty((len(files), *size, 3), dtype=np.uint8)
    for row, path in enumerate(files.values()):
        values[row] = fitted(read_png(path), size, fit, resampling, path)
    groups = [Path(label).parent.as_posix() for label in files] if categories == "folder" else None
    return Images(values, tuple(files), None if groups is None else tuple(groups))


def fitted(
    picture: npt.NDArray[np.uint8], size: tuple[int, int], fit: Fit, resampling: Resampling, path: Path
) -> npt.NDArray[np.uint8]:
    """Bring a picture (height, width, 3) to a size, with Pillow."""
    if picture.shape[:2] == size:
        return picture
    if fit == "exact":
        have = f"{picture.shape[0]} x {picture.shape[1]}"
        raise DataError(f"{path}: is {have} pixels, not {size[0]} x {size[1]}; say fit: crop or stretch")
    from PIL import Image

    height, width = picture.shape[:2]
    box = (0.0, 0.0, float(width), float(height))
    if fit == "crop":
        scale = min(height / size[0], width / size[1])
        left, top = (width - size[1] * scale) / 2, (height - size[0] * scale) / 2
        box = (left, top, left + size[1] * scale, top + size[0] * scale)
    method = {"bilinear": Image.Resampling.BILINEAR, "lanczos": Image.Resampling.LANCZOS}[resampling]
    return np.asarray(Image.fromarray(picture).resize(size[::-1], method, box=box))
