"""What the pictures of this plugin share. Nothing here touches matplotlib's global state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

DPI = 200
SMALL, NORMAL = 7.0, 8.0
"""Text sizes in points, as journals print them."""

INK = "#222222"
BAR = "#9ecae1"
DOT = "#08519c"
CEILING = "#dddddd"


def new_figure(width: float, height: float) -> MatplotlibFigure:
    """Make an empty figure, size in inches, that lays itself out."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def grid_of(figure: MatplotlibFigure, count: int, columns: int, **options: Any) -> list[Any]:
    """Give ``count`` axes in rows of ``columns``; places that are left over stay empty."""
    rows = -(-count // columns)
    grid = figure.subplots(rows, columns, squeeze=False, **options)
    for place in list(grid.flat)[count:]:
        place.set_axis_off()
    return list(grid.flat)[:count]


def image_of(volume: npt.ArrayLike, affine: npt.ArrayLike) -> Any:
    """A NIfTI image in memory, float32, as nilearn wants it."""
    from nibabel import Nifti1Image

    kind: Any = Nifti1Image
    return kind(np.asarray(volume, dtype=np.float32), np.asarray(affine))
