"""Steps that bring in stimuli."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from isocortex.contracts import DataSource
from isocortex.data import Images
from isocortex.loading import load_one
from isocortex.pipeline import outlines
from isocortex.pipeline.costs import Cost, costs, loading
from isocortex.pipeline.settings import AxisValues, InputFolder, Load
from isocortex_vision.images.folder import Fit, picture_files, read_images
from isocortex_vision.networks.resizing import Resampling


@costs(loading("images"))
def load_images(
    source: Annotated[DataSource, Load("images")], axes: AxisValues, rng: np.random.Generator
) -> Images:
    """Load the stimuli of one instance from a data source.

    Parameters
    ----------
    source : gives kind ``images``; its settings stand beside those of this step.
    """
    return load_one(source, "images", Images, axes, rng)


def _cost(folder: Path, size: tuple[int, int]) -> Cost:
    """All pictures in memory."""
    made = outlines.images(len(picture_files(folder)), *size)
    return Cost(made.disk or 0, {"result": made})


@costs(_cost, "give a smaller size")
def images_from_folder(
    folder: InputFolder,
    size: tuple[int, int] = (224, 224),
    fit: Fit = "crop",
    resampling: Resampling = "bilinear",
    categories: Literal["folder", "none"] = "none",
) -> Images:
    """Read all pictures in a folder (and its folders), each named by its path without the ending.

    Parameters
    ----------
    folder : with the pictures (PNG, JPEG, BMP, GIF, TIFF, WebP or PPM); names that begin with a dot are left
        out.
    size : height and width.
    fit : "crop": the middle, resized so that the shorter side fits; "stretch": all of it, whatever its
        proportions; "exact": a picture of another size is an error.
    resampling : Pillow's "bilinear" or "lanczos".
    categories : "folder": a picture's category is the folder that it lies in.
    """
    return read_images(folder, size, fit, resampling, categories)
