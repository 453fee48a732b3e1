"""RDMs as pictures, side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from isocortex.data import Collected, Figure, RDMs, Table
from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_rsa._items import items_of, name_of
from isocortex_rsa.figures._drawing import DPI, INK, NORMAL, SMALL, grid_of, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

_MOST_LABELS = 40
"""More conditions than these are not all named, since their names would overlap."""
_LINE = 0.115
"""Inches that a name takes."""
_MOST_PANELS = 60


def rdm_heatmap(
    rdms: RDMs | Collected[RDMs],
    rank: bool = False,
    order: list[str] | None = None,
    scale: Literal["shared", "own"] = "shared",
    columns: int = 4,
    caption: str = "",
) -> Figure:
    """Draw each RDM as a matrix with its conditions; the numbers drawn are in the figure's table.

    Parameters
    ----------
    rdms : of one axis value or of several, all drawn.
    rank : draw ranks within each RDM, from 0 (most alike) to 100 (least), instead of dissimilarities.
    order : the conditions to draw, in this order (default: all, as they come).
    scale : one colour scale for all RDMs, or each its own from its smallest to its largest value.
    columns : how many RDMs a row.
    caption : text below the picture in a report.
    """
    if columns < 1:
        raise DataError(f"rdm_heatmap: columns is {columns}; give 1 or more")
    shown = _together(rdms, order)
    if not 1 <= len(shown) <= _MOST_PANELS:
        raise DataError(
            f"rdm_heatmap: {len(shown)} RDMs are not 1 to {_MOST_PANELS}; average or pick some first"
        )
    if rank:
        shown = replace(shown, values=np.stack([percentiles(row) for row in shown.values]))
    unit = "rank of dissimilarity (%)" if rank else f"dissimilarity ({shown.metric})"
    drawing = _draw(shown, unit, rank, scale, min(columns, len(shown)))
    count = "RDM" if len(shown) == 1 else f"{len(shown)} RDMs"
    text = caption or f"{count} of {shown.n_conditions} conditions: {unit}."
    if shown.n_conditions > _MOST_LABELS and not caption:
        text += " Not every condition is named."
    figure = Figure.from_matplotlib(drawing, text, _numbers(shown, rank), dpi=DPI)
    alt = f"{text} Shown: {', '.join(shown.names)}. Conditions in order: {', '.join(shown.conditions)}."
    return replace(figure, alt=alt)


def percentiles(values: Array) -> Array:
    """Ranks of one RDM's dissimilarities (pairs,) from 0 to 100, ties sharing their mean; NaN stays NaN."""
    from scipy.stats import rankdata

    out = np.full(values.shape, np.nan)
    known = np.isfinite(values)
    count = int(known.sum())
    if count:
        out[known] = 50.0 if count == 1 else 100 * (rankdata(values[known]) - 1) / (count - 1)
    return out


def _together(rdms: RDMs | Collected[RDMs], order: list[str] | None) -> RDMs:
    parts = []
    for axes, item in items_of(rdms):
        name = name_of(axes)
        if name:
            single = len(item) == 1
            item = item.renamed([name if single else f"{name}: {own}" for own in item.names])
        parts.append(item)
    together = RDMs.stack(parts)
    return together if order is None else together.subset(order)


def _draw(rdms: RDMs, unit: str, rank: bool, scale: str, columns: int) -> MatplotlibFigure:
    from matplotlib import colormaps

    n, rows = rdms.n_conditions, -(-len(rdms) // columns)
    side = 0.35 + min(max(0.13 * n, 1.3), 3.2)
    every = 1 if n <= _MOST_LABELS else int(np.ceil(n * _LINE / side))
    margin = 0.055 * max(map(len, rdms.conditions)) + 0.3
    figure = new_figure(columns * side + margin + 0.9, rows * (side + 0.25) + margin)
    panels = grid_of(figure, len(rdms), columns)
    colours = colormaps["viridis"].with_extremes(bad="#d9d9d9")
    low, high = (0.0, 100.0) if rank else _limits(rdms.values)
    for place, (panel, square, name) in enumerate(zip(panels, rdms.square(), rdms.names, strict=True)):
        if not rank and scale == "own":
            low, high = _limits(rdms.values[place])
        np.fill_diagonal(square, np.nan)
        image = panel.imshow(square, cmap=colours, vmin=low, vmax=high, interpolation="nearest")
        panel.set_title(name, fontsize=NORMAL, color=INK, pad=4)
        _tick(panel, rdms.conditions, every, place % columns == 0, place + columns >= len(rdms))
        if scale == "own" and not rank:
            _bar(figure, image, [panel], unit if place % columns == columns - 1 else "")
    if rank or scale == "shared":
        _bar(figure, image, panels, unit)
    return figure


def _limits(values: Array) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if not known.size:
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _tick(panel: Any, conditions: tuple[str, ...], every: int, left: bool, bottom: bool) -> None:
    """Name every ``every``-th condition, at the left and below."""
    places = np.arange(0, len(conditions), every)
    named, unnamed = conditions[::every], [""] * len(places)
    panel.set_yticks(places, named if left else unnamed, fontsize=SMALL, color=INK)
    panel.set_xticks(places, named if bottom else unnamed, fontsize=SMALL, color=INK, rotation=90)
    panel.tick_params(length=0, pad=2)
    panel.spines[:].set_visible(False)


def _bar(figure: MatplotlibFigure, image: Any, panels: list[Any], unit: str) -> None:
    bar = figure.colorbar(image, ax=panels, shrink=0.8, aspect=18, pad=0.02)
    if set(np.unique(image.get_array().compressed())) == {0.0, 1.0}:
        bar.set_ticks([0, 1])
    bar.set_label(unit, fontsize=SMALL, color=INK)
    bar.ax.tick_params(labelsize=SMALL, length=2, color=INK, labelcolor=INK)
    bar.outline.set_visible(False)


def _numbers(rdms: RDMs, rank: bool) -> Table:
    first, second = np.triu_indices(rdms.n_conditions, 1)
    conditions = np.array(rdms.conditions)
    return Table(
        {
            "rdm": np.repeat(np.array(rdms.names), len(first)),
            "first": np.tile(conditions[first], len(rdms)),
            "second": np.tile(conditions[second], len(rdms)),
            "rank" if rank else "dissimilarity": rdms.values.ravel(),
        }
    )
