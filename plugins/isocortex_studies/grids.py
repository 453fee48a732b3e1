"""Whether NIfTI files lie on one grid, by their headers alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError, GridMismatch


class Grid(NamedTuple):
    """Shape (x, y, z) and affine (4, 4) of a volume, and the file that has it."""

    shape: tuple[int, ...]
    affine: Array
    path: Path


def require_one_grid(volumes: Sequence[Path], seen: dict[str, Grid], mask: Path | None = None) -> None:
    """Raise unless these volumes (and the mask) lie on the grid in ``seen``, or on one that is put there.

    Raises ``GridMismatch`` naming both files, ``DamagedFile`` for what is no NIfTI file.
    """
    for path in [*volumes, *([mask] if mask is not None and mask.exists() else [])]:
        own = grid_of(path)
        first = seen.setdefault("first", own)
        if own.shape != first.shape:
            raise GridMismatch(
                f"{first.path} and {own.path} lie on different grids: shapes {first.shape} and {own.shape}"
            )
        if not np.allclose(own.affine, first.affine, rtol=0, atol=1e-3):
            raise GridMismatch(
                f"{first.path} and {own.path} lie on different grids: their affines differ; resample one to "
                "the other"
            )


def grid_of(path: Path) -> Grid:
    """Read the grid from the header of a NIfTI file; no value is read."""
    import nibabel

    try:
        image: Any = nibabel.load(path)
        shape, affine = tuple(int(length) for length in image.shape[:3]), np.asarray(image.affine, np.float64)
    except DataError:
        raise
    except Exception as error:  # nibabel and gzip have no common error for damage
        raise DamagedFile(f"{path}: not a readable NIfTI file ({error})") from None
    return Grid(shape, affine, path)
