"""Many labelled pictures side by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from isocortex.data import Collected, Figure, Images, Table
from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex.formats.png import to_bytes

DPI = 150
INK = "#222222"
_MOST = 400


def image_sheet(images: Images | Collected[Images], columns: int = 8, caption: str = "") -> Figure:
    """Show pictures with their labels, in their order; those of several axis values below each other.

    Pixels are shown as they are (no smoothing); levels outside 0 to 255 are clipped. Up to 400 pictures.

    Parameters
    ----------
    images : of one axis value or of several.
    columns : pictures a row.
    caption : text below the sheet in a report.
    """
    from matplotlib.figure import Figure as MatplotlibFigure

    pictures, titles, table = _read(images)
    if columns < 1 or not 1 <= len(pictures) <= _MOST:
        raise DataError(
            f"image_sheet: {len(pictures)} pictures in {columns} columns; give 1 to {_MOST} and a column"
        )
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    side = min(1.6, max(0.8, 8 / columns))
    letters = max(6, int(side * 72 / 3.4))  # that fit over a picture at 6 points
    height = max(picture.shape[0] / picture.shape[1] for picture in pictures) * side
    drawing = MatplotlibFigure(figsize=(columns * side, rows * (height + 0.18)), layout="constrained")
    drawing.get_layout_engine().set(w_pad=0.02, h_pad=0.02)  # type: ignore[union-attr,call-arg]
    grid = list(drawing.subplots(rows, columns, squeeze=False).flat)
    for axes in grid:
        axes.set_axis_off()
    for axes, picture, title in zip(grid, pictures, titles, strict=False):
        axes.imshow(to_bytes(picture), interpolation="nearest")
        axes.set_title(_short(title, letters), fontsize=6, color=INK, pad=2)
    text = caption or f"{len(pictures)} pictures: {_short(titles[0], 40)} to {_short(titles[-1], 40)}."
    figure = Figure.from_matplotlib(drawing, text, table, dpi=DPI)
    return replace(figure, alt=f"{text} In rows of {columns}: {', '.join(titles)}.")


def _read(images: Images | Collected[Images]) -> tuple[list[Array], list[str], Table]:
    """Pictures, their titles, and a table of both labels."""
    if isinstance(images, Images):
        values, names = list(images.values), list(images.stimuli)
        return values, names, Table({"picture": np.array(names, dtype=np.str_)})
    values, titles, names, keys = [], [], [], []
    for key, part in images.items():
        where = ", ".join(images.values_of(key).values())
        values += list(part.values)
        names += part.stimuli
        keys += [where] * len(part)
        titles += [f"{where}: {name}" for name in part.stimuli]
    columns = {", ".join(images.axes): np.array(keys, np.str_), "picture": np.array(names, np.str_)}
    return values, titles, Table(columns)


def _short(text: str, letters: int) -> str:
    """Leave out the middle of a long label: ends tell labels apart."""
    if len(text) <= letters:
        return text
    half = (letters - 1) // 2
    return f"{text[: letters - 1 - half]}…{text[-half:]}"
