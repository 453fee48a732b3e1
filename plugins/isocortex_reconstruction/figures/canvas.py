"""A page of pixels that pictures are laid on, one to one, with text beside them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from isocortex.data import Figure, Table
from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex.formats.png import to_bytes

DPI = 150
INK, FAINT = "#222222", "#777777"
MOST = 2**26
"""Pixels of the largest page."""

Levels = npt.NDArray[np.uint8]


class Canvas:
    """A white page of (height, width) pixels; positions are of the upper left corner."""

    def __init__(self, height: int, width: int) -> None:
        self.pixels: Levels = np.full((height, width, 3), 255, dtype=np.uint8)
        self._texts: list[tuple[float, float, str, dict[str, Any]]] = []

    def put(self, picture: Levels, top: int, left: int) -> None:
        """Lay a picture (height, width, 3) on the page."""
        height, width = picture.shape[:2]
        self.pixels[top : top + height, left : left + width] = picture

    def write(self, text: str, y: float, x: float, **style: Any) -> None:
        """Write text at a place, in the style that matplotlib's ``text`` takes."""
        self._texts.append((y, x, text, style))

    def figure(self, caption: str, table: Table, alt: str) -> Figure:
        """Draw the page, each of its pixels as one."""
        from matplotlib.figure import Figure as MatplotlibFigure

        height, width = self.pixels.shape[:2]
        size = (width + 0.01) / DPI, (height + 0.01) / DPI  # its number of pixels is rounded down
        drawing = MatplotlibFigure(figsize=size, dpi=DPI)
        drawing.figimage(self.pixels, 0, 0, origin="upper")
        for y, x, text, style in self._texts:
            drawing.text(x / width, 1 - y / height, text, **{"color": INK, "parse_math": False, **style})
        return replace(Figure.from_matplotlib(drawing, caption, table, dpi=DPI), alt=alt)


def cell_of(image: Array, side: int) -> Levels:
    """Fit a picture into a width of ``side`` pixels: larger ones averaged, smaller ones by whole factors.

    Its levels stay as they are; what lies beyond 0 to 255 is cut off.
    """
    levels = to_bytes(image)
    height, width = levels.shape[:2]
    if width <= side:
        factor = side // width
        return levels.repeat(factor, axis=0).repeat(factor, axis=1)
    from PIL import Image

    size = (side, max(1, round(height * side / width)))
    return np.asarray(Image.fromarray(np.ascontiguousarray(levels)).resize(size, Image.Resampling.BOX))


def cell_height(size: tuple[int, int], side: int) -> int:
    """How high a picture of the size (height, width) becomes in ``cell_of``."""
    height, width = size
    return height * (side // width) if width <= side else max(1, round(height * side / width))


def require_room(height: int, width: int, what: str) -> None:
    """Raise where a page would take more memory than it should."""
    if height * width > MOST:
        raise DataError(
            f"{what}: the page would have {height} x {width} pixels; make the pictures smaller (side), or "
            "show fewer reconstructions at a time"
        )


def short(text: str, letters: int) -> str:
    """Leave out the middle of a long label: ends tell labels apart."""
    if len(text) <= letters:
        return text
    half = (letters - 1) // 2
    return f"{text[: letters - 1 - half]}…{text[len(text) - half :]}"
