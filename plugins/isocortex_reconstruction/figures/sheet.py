"""All reconstructions beneath their stimuli, in the stimuli's order: nothing is picked."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from isocortex.choices import require_choice
from isocortex.data import Collected, Figure, Images, Table
from isocortex.data.base import Array
from isocortex.data.labels import positions, same_labels
from isocortex.errors import DataError
from isocortex_reconstruction.evaluation.alignment import places_of
from isocortex_reconstruction.figures.canvas import (
    DPI,
    FAINT,
    Canvas,
    Levels,
    cell_height,
    cell_of,
    require_room,
    short,
)

_WHAT = "reconstruction_sheet"
_GAP, _BLOCK_GAP, _TITLE, _MARGIN = 4, 16, 16, 6
_TOP = "stimulus"
_POINTS = 6.0
_LETTER = 0.66 * _POINTS * DPI / 72
"""Width of a letter in pixels, about."""

Missing = Literal["error", "empty"]


class _Row(NamedTuple):
    """One row of a block: a name, and a picture or None for each stimulus."""

    name: str
    pictures: list[Array | None]
    size: tuple[int, int]


def reconstruction_sheet(
    originals: Images,
    reconstructed: Images | Collected[Images],
    columns: int = 10,
    side: int = 128,
    missing: Missing = "error",
    caption: str = "",
) -> Figure:
    """Show every stimulus with its reconstructions beneath it, in the order of the stimuli.

    The upper row of each block holds the stimuli, each further one the reconstructions of one axis value
    (subject, roi, ...). Levels are shown as they are; those beyond 0 to 255 are cut off and counted. A
    picture wider than ``side`` is shown reduced, by averaging.

    Parameters
    ----------
    originals : all stimuli; a reconstruction of anything else is an error.
    reconstructed : of one axis value (subject, ROI, ...) or of several, labelled by stimulus.
    columns : stimuli in a block; more follow in blocks below.
    side : width of a picture on the page, in pixels.
    missing : what becomes of a stimulus without a reconstruction: an error, or an empty place that says
        so and is counted in the caption.
    caption : text below the sheet in a report; the counts are added in any case.
    """
    require_choice(missing, Missing, "missing")
    if columns < 1 or side < 8:
        raise DataError(f"{_WHAT}: {columns} columns of {side} pixels; give 1 or more, of 8 pixels or more")
    if not len(originals):
        raise DataError(f"{_WHAT}: there are no stimuli to show")
    _require_finite(originals, _WHAT)
    rows = [_Row(_TOP, list(originals.values), originals.values.shape[1:3])]
    places = places_of(reconstructed, _WHAT)
    rows += [_row(place, item, originals, missing) for place, item in places]
    canvas = _drawn(rows, originals.stimuli, min(columns, len(originals)), side)
    table = _table(places, rows[1:], originals.stimuli)
    text = " ".join(filter(None, [caption or _caption(rows, originals), _counts(rows, table, side)]))
    names = ", ".join(originals.stimuli)
    alt = f"{text} Rows: {'; '.join(row.name for row in rows)}. Stimuli in order: {names}."
    return canvas.figure(text, table, alt)


def _row(place: dict[str, str], item: Images, originals: Images, missing: Missing) -> _Row:
    where = ", ".join([_WHAT, *place.values()])
    _require_finite(item, where)
    if missing == "error":
        same_labels(originals.stimuli, item.stimuli, f"{where}: stimuli and reconstructions")
    positions(item.stimuli, originals.stimuli, f"{where}: stimuli of the reconstructions")
    found = dict(zip(item.stimuli, item.values, strict=True))
    name = ", ".join(place.values()) or "reconstruction"
    return _Row(name, [found.get(label) for label in originals.stimuli], item.values.shape[1:3])


def _require_finite(images: Images, where: str) -> None:
    for name, image in zip(images.stimuli, images.values, strict=True):
        if image.dtype.kind == "f" and not np.isfinite(image).all():
            raise DataError(f"{where}: the picture {name!r} holds pixels that are NaN or infinite")


def _drawn(rows: list[_Row], stimuli: tuple[str, ...], columns: int, side: int) -> Canvas:
    heights = [cell_height(row.size, side) for row in rows]
    margin = int(_LETTER * max(min(len(row.name), 24) for row in rows)) + 2 * _MARGIN
    blocks = -(-len(stimuli) // columns)
    block = _TITLE + sum(heights) + _GAP * (len(rows) - 1) + _BLOCK_GAP
    height, width = blocks * block - _BLOCK_GAP + 2 * _MARGIN, margin + columns * (side + _GAP) + _MARGIN
    require_room(height, width, _WHAT)
    canvas = Canvas(height, width)
    for number in range(blocks):
        top = _MARGIN + number * block
        part = slice(number * columns, min((number + 1) * columns, len(stimuli)))
        for column, label in enumerate(stimuli[part]):
            x = margin + column * (side + _GAP) + side / 2
            title = short(label, int(side / _LETTER))
            canvas.write(title, top + _TITLE - 4, x, fontsize=_POINTS, ha="center", va="baseline")
        top += _TITLE
        for row, tall in zip(rows, heights, strict=True):
            name = short(row.name, 24)
            canvas.write(name, top + tall / 2, margin - _MARGIN, fontsize=_POINTS, ha="right", va="center")
            for column, picture in enumerate(row.pictures[part]):
                left = margin + column * (side + _GAP)
                _place(canvas, picture, top, left, tall, side)
            top += tall + _GAP
    return canvas


def _place(canvas: Canvas, picture: Array | None, top: int, left: int, tall: int, side: int) -> None:
    if picture is not None:
        cell = cell_of(picture, side)
        canvas.put(cell, top, left + (side - cell.shape[1]) // 2)
        return
    canvas.put(_nothing(tall, side), top, left)
    style: dict[str, Any] = {"fontsize": _POINTS, "ha": "center", "va": "center", "color": FAINT}
    canvas.write("missing", top + tall / 2, left + side / 2, **style)


def _nothing(height: int, width: int) -> Levels:
    """An empty place: white, with a grey edge."""
    cell: Levels = np.full((height, width, 3), 170, dtype=np.uint8)
    cell[1:-1, 1:-1] = 255
    return cell


def _table(places: list[tuple[dict[str, str], Images]], rows: list[_Row], stimuli: tuple[str, ...]) -> Table:
    """One row a place on the page: what is there, and which share of its levels was cut off."""
    return Table.from_rows(
        [
            {
                **place,
                "stimulus": label,
                "shown": picture is not None,
                "cut_off": float("nan") if picture is None else float(_beyond(picture)),
            }
            for (place, _), row in zip(places, rows, strict=True)
            for label, picture in zip(stimuli, row.pictures, strict=True)
        ]
    )


def _beyond(picture: Array) -> float:
    """Share of levels that are not within 0 to 255 when rounded."""
    return 0.0 if picture.dtype == np.uint8 else float(((picture < -0.5) | (picture > 255.5)).mean())


def _caption(rows: list[_Row], originals: Images) -> str:
    several = f", a row each for {'; '.join(row.name for row in rows[1:])}" if len(rows) > 2 else ""
    return f"All {len(originals)} stimuli (upper rows) in their order, and their reconstructions{several}."


def _counts(rows: list[_Row], table: Table, side: int) -> str:
    shown = table["shown"]
    text = f"{int(shown.sum())} of {len(shown)} reconstructions are shown"
    text += "." if shown.all() else f"; {int((~shown).sum())} are missing (empty places)."
    cut = table["cut_off"][shown]
    if (cut > 0).any():
        text += (
            f" In {int((cut > 0).sum())} of them levels beyond 0 to 255 are cut off "
            f"({100 * cut.mean():.1f} % of all levels)."
        )
    reduced = sorted({f"{row.size[0]} x {row.size[1]}" for row in rows if row.size[1] > side})
    if reduced:
        text += f" Pictures of {' and '.join(reduced)} pixels are shown {side} wide."
    return text
