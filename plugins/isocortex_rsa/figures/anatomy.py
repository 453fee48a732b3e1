"""An anatomical image on the grid of maps, to be seen behind them in figures and in the report's viewer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from isocortex.data import Collected, Patterns, Space, StatMaps
from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex.formats import nifti
from isocortex.pipeline.settings import InputFile
from isocortex_rsa._items import items_of

STATISTIC = "anatomy"
"""What maps are whose values are brightness; the report draws such maps behind all others of their grid."""
LEAST = 0.5
"""Share of the mask that must lie within the image: less, and the two are hardly in one space."""


def anatomy(
    like: StatMaps | Patterns | Collected[StatMaps] | Collected[Patterns],
    template: Literal["mni152"] | None = None,
    file: InputFile | None = None,
) -> StatMaps:
    """Bring an anatomical image to the grid of maps or patterns, by trilinear interpolation in millimetres.

    That the image lies in the same millimetres is for the pipeline to say, by naming it: it is never guessed.

    Parameters
    ----------
    like : what it will be seen behind; only the grid and the mask are used.
    template : "mni152", the template without skull that nilearn brings, for data in MNI space.
    file : a NIfTI image instead, such as the subject's own.

    Returns
    -------
    One map of statistic ``anatomy``, brightness from 0 to 1, over all voxels where the image is not dark.
    Raises ``DataError`` where less than half of the mask lies within the image.
    """
    space = _space(like)
    if (template is None) == (file is None):
        raise DataError("anatomy: name a template or a file, and not both")
    volume, affine = _mni152(space) if file is None else _read(file)
    name = template or Path(str(file)).name
    found = resampled(volume, affine, space)
    shown = found > 0.02
    inside = float(shown[space.mask].mean())
    if inside < LEAST:
        raise DataError(
            f"anatomy: only {inside:.0%} of the mask's voxels lie within {name}, so that they are hardly in "
            f"the same millimetres (the mask: {space.describe()})"
        )
    return StatMaps(found[shown][None], (name,), Space(shown, space.affine), STATISTIC)


def resampled(volume: Array, affine: npt.ArrayLike, space: Space) -> npt.NDArray[np.float32]:
    """An image on the grid of a space (x, y, z), from 0 to 1: its 99.5th percentile above zero; 0 outside."""
    from nilearn.image import resample_img

    from isocortex_rsa.figures._drawing import image_of

    resample: Any = resample_img
    made = resample(
        image_of(np.nan_to_num(volume), affine), target_affine=space.affine, target_shape=space.shape,
        interpolation="linear", force_resample=True, copy_header=False,
    )  # fmt: skip
    values = np.asarray(made.get_fdata(dtype=np.float32))
    positive = values[values > 0]
    if not positive.size:
        return np.zeros(space.shape, dtype=np.float32)
    return np.clip(values / np.float32(np.percentile(positive, 99.5)), 0, 1)


def _space(like: Any) -> Space:
    spaces = [item.space for _, item in items_of(like)]
    if not spaces or spaces[0] is None:
        raise DataError("anatomy: these patterns lie in no space; there is no grid to bring an image to")
    for space in spaces[1:]:
        spaces[0].require_same_grid(space, "anatomy: maps")
    found: Space = spaces[0]
    return found


def _mni152(space: Space) -> tuple[Array, Any]:
    from nilearn.datasets import load_mni152_template

    finest = int(np.clip(round(float(space.voxel_sizes.min())), 1, 4))
    template: Any = load_mni152_template(resolution=finest)
    return template.get_fdata(dtype=np.float32), template.affine


def _read(file: Path) -> tuple[Array, Any]:
    volume, affine = nifti.read_volume(file)
    if volume.ndim == 4 and volume.shape[3] == 1:
        volume = volume[..., 0]
    if volume.ndim != 3:
        raise DataError(f"{file}: an anatomical image has three dimensions, not the shape {volume.shape}")
    return volume, affine
