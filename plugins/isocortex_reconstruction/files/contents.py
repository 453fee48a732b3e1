"""The files of one subject and ROI: written from images, and read into them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from isocortex.data import Images
from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError
from isocortex.formats import arrays, mat, png
from isocortex_reconstruction.files.float_tiff import is_float_tiff, read_float_tiff, write_float_tiff
from isocortex_reconstruction.files.layouts import LATENT, LOSSES, Layout, latent_name, losses_name
from isocortex_reconstruction.finishing.steps import finish_images

_PILLOW = {".jpg": "JPEG", ".tiff": "TIFF", ".png": "PNG"}
_TYPES = ("|u1", "<f4", "<f8")


@dataclass(frozen=True)
class Shape:
    """Type and shape of an array, as they are written down."""

    dtype: str
    shape: tuple[int, ...]

    @classmethod
    def of(cls, values: Array) -> Self:
        """Those of an array."""
        return cls(values.dtype.newbyteorder("<").str, values.shape)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(int(length) for length in self.shape))
        if self.dtype not in _TYPES or min(self.shape) < 0:
            raise ValueError(f"an array of {self.dtype} and shape {self.shape}")

    def check(self, values: Array, path: Path) -> Array:
        """Raise ``DamagedFile`` unless an array is one of these (without the first axis)."""
        if values.dtype != np.dtype(self.dtype) or values.size != np.prod(self.shape[1:], dtype=np.int64):
            raise DamagedFile(
                f"{path}: {values.dtype} of shape {values.shape}, expected {np.dtype(self.dtype)} of "
                f"{self.shape[1:]}"
            )
        return values.reshape(self.shape[1:])

    def stack(self, values: Sequence[Array]) -> Array:
        """Put checked arrays together."""
        return np.stack(values) if values else np.empty(self.shape, self.dtype)


def write_part(
    folder: Path,
    layout: Layout,
    files: Sequence[str],
    images: Images,
    losses: Mapping[str, Array] | None,
    latents: Array | None,
    clipped: float,
) -> None:
    """Write levels, picture, losses and latent of each image; ``files`` are their names without affixes."""
    shown = finish_images(images, "shen2019" if layout.stretched else "clip", clipped)
    for row, (file, stimulus) in enumerate(zip(files, images.stimuli, strict=True)):
        write_picture(folder / layout.picture_name(file), png.to_bytes(shown.values[row]))
        loss = None if losses is None else losses[stimulus][None]
        _write_raw(folder, layout, file, images.values[row], loss)
        if loss is not None and not layout.loss_key:
            mat.write_mat(folder / losses_name(file), {LOSSES: loss})
        if latents is not None:
            mat.write_mat(folder / latent_name(file), {LATENT: latents[row][None]})


def _write_raw(folder: Path, layout: Layout, file: str, image: Array, loss: Array | None) -> None:
    path = folder / layout.raw_name(file)
    if layout.key:
        more = {layout.loss_key: loss} if layout.loss_key and loss is not None else {}
        mat.write_mat(path, {layout.key: np.asarray(image), **more})
    elif image.dtype != np.uint8:  # the picture is exact otherwise
        write_float_tiff(path, np.asarray(image))


def write_picture(path: Path, image: npt.NDArray[np.uint8]) -> None:
    """Write an RGB picture (height, width, 3) as the ending says, with Pillow's settings, as the lab does."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, _PILLOW[path.suffix])
    arrays.write_bytes(path, buffer.getvalue())


def read_part(
    folder: Path, layout: Layout, files: Sequence[str], shape: Shape, losses: bool, latents: Shape | None
) -> tuple[Array, list[Array] | None, Array | None]:
    """Read images (n, height, width, 3), losses and latents of files that a description names."""
    for file in files:
        arrays.inside(folder, file)
    only_picture = not layout.key and shape.dtype == "|u1"
    name = layout.picture_name if only_picture else layout.raw_name
    paths = [folder / name(file) for file in files]
    values = shape.stack([shape.check(read_image(path, layout), path) for path in paths])
    kept = [_losses(folder, layout, file) for file in files] if losses else None
    if latents is None:
        return values, kept, None
    paths = [folder / latent_name(file) for file in files]
    return values, kept, latents.stack([latents.check(mat.read_array(path, LATENT), path) for path in paths])


def _losses(folder: Path, layout: Layout, file: str) -> Array:
    path = folder / (layout.raw_name(file) if layout.loss_key else losses_name(file))
    return np.asarray(mat.read_array(path, layout.loss_key or LOSSES), np.float64).ravel()


def read_image(path: Path, layout: Layout) -> Array:
    """Read one image (height, width, 3) RGB: uint8, float32 or float64; other numbers become float64."""
    if not layout.key:
        return read_float_tiff(path) if is_float_tiff(path) else png.read_png(path)
    try:
        values: Any = mat.read_array(path, layout.key)
    except DamagedFile:
        raise
    except DataError as error:
        raise DataError(f"{error}; this layout keeps images under {layout.key!r}") from None
    if values.dtype.kind not in "fiu" or values.ndim != 3 or values.shape[2] != 3 or 0 in values.shape:
        raise DataError(
            f"{path}: {layout.key} is {values.dtype} of shape {values.shape}, no RGB image (height, width, 3)"
        )
    if values.dtype not in (np.uint8, np.float32, np.float64):
        values = values.astype(np.float64)
    return np.ascontiguousarray(values)
