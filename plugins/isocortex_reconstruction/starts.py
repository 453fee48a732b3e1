"""Where a search begins."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex.pipeline.settings import InputFile
from isocortex_reconstruction.algorithms.problem import Floats, Latents, Pixels

Start = Literal["mean", "zero", "noise"] | InputFile
"""The mean image, a latent of zeros, random ones, or a ``.npy`` (or picture) file."""


def starting_state(
    space: Pixels | Latents, start: Literal["mean", "zero", "noise"] | Path, rng: np.random.Generator
) -> Floats:
    """One state, from which all images of a run start.

    Noise is uniform over 0 to 255 for pixels (icnn), and normal with a standard deviation of 1 for latents,
    one draw for all images (the cookbook's; there without a seed).
    """
    pixels = isinstance(space, Pixels)
    if start in ("mean", "zero"):
        if (start == "mean") is not pixels:
            raise DataError(
                f"start is {start!r}; pixels start at 'mean' or 'noise', latents at 'zero' or 'noise'"
            )
        return np.zeros(space.shape)
    if start == "noise":
        if isinstance(space, Pixels):
            return rng.uniform(0, 255, space.shape) - space.mean
        return rng.normal(size=space.shape)
    return _read(Path(start), space)


def _read(path: Path, space: Pixels | Latents) -> Floats:
    values: Array
    if path.suffix == ".npy":
        from isocortex.formats.arrays import read_array

        values = np.asarray(read_array(path), dtype=np.float64)
    else:
        from isocortex.formats.png import read_png

        values = read_png(path).astype(np.float64)
    if values.shape != space.shape or not np.isfinite(values).all():
        raise DataError(f"{path}: the start has the shape {values.shape}, needed is {space.shape} (finite)")
    return values - space.mean if isinstance(space, Pixels) else values
