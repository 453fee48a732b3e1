"""``act_range`` files: how active each unit of CaffeNet is at most (Nguyen et al. 2016; study B)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError
from isocortex.formats.arrays import read_bytes

_LONGEST = 2**24
"""Bytes of a file at most; the longest published one has 130,000."""


def read_act_range(path: Path, shape: Sequence[int] | None = None) -> Array:
    """Read the upper bound of each unit of a layer, from one line of numbers with spaces between them.

    The files hold the mean and some standard deviations of each unit's activity, rounded: one number a unit,
    or one a channel. ``shape`` is what they are brought into (C order), ``(384, 13, 13)``.
    """
    path = Path(path)
    if path.is_file() and path.stat().st_size > _LONGEST:
        raise DamagedFile(f"{path}: far too large for a line of numbers")
    try:
        values = np.array([float(word) for word in read_bytes(path).split()])
    except ValueError as error:
        raise DamagedFile(f"{path}: not a line of numbers ({error})") from None
    if not len(values) or not np.isfinite(values).all():
        raise DamagedFile(f"{path}: holds no numbers, or one that is not finite")
    if shape is None:
        return values
    if math.prod(shape) != len(values):
        raise DataError(f"{path}: {len(values)} numbers do not make a layer of shape {tuple(shape)}")
    return values.reshape(tuple(shape))


def latent_range(path: Path, units: int) -> tuple[Array, Array]:
    """Read the bounds of codes of so many units: 0, and the file's numbers."""
    upper = read_act_range(path)
    if len(upper) != units:
        raise DataError(f"{path}: holds {len(upper)} numbers; the generator has {units} latent units")
    if (upper < 0).any():
        raise DamagedFile(f"{path}: upper bounds have to be not below zero")
    return np.zeros(units), upper
