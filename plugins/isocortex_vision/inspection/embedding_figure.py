"""Small multiples of embeddings: one panel a layer, one colour and shape a category."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isocortex.data import Collected, Figure, Table
from isocortex.data.base import Array
from isocortex.data.labels import unique
from isocortex.errors import DataError

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

DPI = 200
SMALL, NORMAL = 7.0, 8.0
INK, PALE = "#222222", "#bbbbbb"

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#F0E442")
"""Told apart by the colour blind as well (Okabe & Ito 2008)."""

SHAPES = ("o", "^", "s", "D", "v", "P")

_MOST_PANELS = 60

_METHODS = {"tsne": "t-SNE", "pca": "Principal components", "mds": "Multidimensional scaling"}

_READING = {
    "tsne": " Neighbours are alike; sizes of clusters and distances between them mean little.",
    "pca": " Percentages: share of the variance that two components show.",
    "mds": " Numbers: stress-1 (0 is a perfect picture of the distances, .2 a poor one).",
}


class _Panel(NamedTuple):
    title: str
    places: Array
    categories: tuple[str, ...] | None


def embedding_figure(table: Table | Collected[Table], columns: int = 5, caption: str = "") -> Figure:
    """Draw each layer's stimuli where ``embed_layers`` placed them, with their categories.

    Up to 8 categories differ in colour, up to 48 in colour and shape; more than that are not told apart, and
    the caption says so. The numbers drawn are in the figure's table.

    Parameters
    ----------
    table : from ``embed_layers``; one for each axis value gives panels for each of them.
    columns : how many panels a row.
    caption : text below the picture in a report.
    """
    if columns < 1:
        raise DataError(f"embedding_figure: columns is {columns}; give 1 or more")
    whole, panels, methods = _read(table)
    if not 1 <= len(panels) <= _MOST_PANELS:
        raise DataError(f"embedding_figure: {len(panels)} panels are not 1 to {_MOST_PANELS}; pick layers")
    names = unique([name for panel in panels for name in panel.categories or ()])
    looks = _looks(names)
    drawing = _draw(panels, looks, min(columns, len(panels)))
    text = caption or _caption(panels, methods, names, looks)
    alt = f"{text} Panels: {', '.join(panel.title for panel in panels)}."
    if looks:
        alt += f" Categories: {', '.join(names)}."
    return replace(Figure.from_matplotlib(drawing, text, whole, dpi=DPI), alt=alt)


def _read(table: Table | Collected[Table]) -> tuple[Table, list[_Panel], tuple[str, ...]]:
    """All as one table, its panels, and the methods."""
    if not isinstance(table, Collected):
        return table, _panels(table, ""), _methods(table)
    parts = {", ".join(table.values_of(key).values()): part for key, part in table.items()}
    panels = [panel for name, part in parts.items() for panel in _panels(part, name)]
    methods = unique([method for part in parts.values() for method in _methods(part)])
    return Table.stack(parts, ", ".join(table.axes)), panels, methods


def _panels(table: Table, where: str) -> list[_Panel]:
    layers, places = table["layer"].astype(str), np.stack([table["x"], table["y"]], axis=1)
    if not np.isfinite(places).all():
        raise DataError("embedding_figure: some places are NaN or infinite")
    found = []
    for layer in unique(layers.tolist()):
        rows = layers == layer
        categories = table["category"][rows] if "category" in table.columns else None
        title = f"{where}: {layer}" if where else layer
        own = None if categories is None else tuple(str(name) for name in categories)
        found.append(_Panel(title + _fit(table, rows), places[rows], own))
    return found


def _fit(table: Table, rows: Array) -> str:
    """What a title adds about how faithful the picture is."""
    if "fit" not in table.columns or "method" not in table.columns:
        return ""
    method, fit = str(table["method"][rows][0]), float(table["fit"][rows][0])
    return {"pca": f" ({fit:.0%})", "mds": f" ({fit:.2f})"}.get(method, "")


def _methods(table: Table) -> tuple[str, ...]:
    return unique([str(name) for name in table["method"]]) if "method" in table.columns else ()


def _looks(names: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """Category -> colour and shape; none where they cannot be told apart."""
    if len(names) > len(COLOURS) * len(SHAPES):
        return {}
    count = len(COLOURS)
    return {name: (COLOURS[k % count], SHAPES[k // count]) for k, name in enumerate(names)}


def _caption(
    panels: list[_Panel], methods: tuple[str, ...], names: tuple[str, ...], looks: dict[str, tuple[str, str]]
) -> str:
    what = " and ".join(_METHODS.get(name, name) for name in methods) or "Places"
    count = len(panels[0].places)
    text = f"{what} of {count} stimuli in each layer." if len(panels) > 1 else f"{what} of {count} stimuli."
    text += _READING.get(methods[0], "") if len(methods) == 1 else ""
    return text + (f" {len(names)} categories are too many to tell apart." if names and not looks else "")


def _draw(panels: list[_Panel], looks: dict[str, tuple[str, str]], columns: int) -> MatplotlibFigure:
    from matplotlib.figure import Figure as MatplotlibFigure

    rows = -(-len(panels) // columns)
    side = min(2.6, max(1.45, 7.2 / columns))
    width = max(columns * side, 2.6)
    per_line = max(1, int(width / (0.055 * max(map(len, looks), default=1) + 0.3)))
    lines = -(-len(looks) // per_line)
    figure = MatplotlibFigure(figsize=(width, rows * (side + 0.2) + 0.16 * lines + 0.1), layout="constrained")
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, panel in zip(grid, panels, strict=False):
        _draw_panel(axes, panel, looks)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    if looks:
        _legend(figure, looks, min(per_line, len(looks)))
    return figure


def _draw_panel(axes: Any, panel: _Panel, looks: dict[str, tuple[str, str]]) -> None:
    size = float(np.clip(2400 / len(panel.places), 4, 16))
    if panel.categories is None or not looks:
        axes.scatter(*panel.places.T, s=size, color=COLOURS[0], linewidths=0, alpha=0.7)
    else:
        for name in unique(panel.categories):
            rows = np.array(panel.categories) == name
            colour, shape = looks[name]
            axes.scatter(*panel.places[rows].T, s=size, **_style(colour, shape))
    axes.set(xlim=(-0.06, 1.06), ylim=(-0.06, 1.06), xticks=[], yticks=[], aspect="equal")
    axes.set_title(panel.title, fontsize=NORMAL, color=INK, pad=3)
    axes.spines[:].set_color(PALE)
    axes.spines[:].set_linewidth(0.6)


def _style(colour: str, shape: str) -> dict[str, Any]:
    """Colour and shape of a point; its thin dark edge keeps yellow in sight on white."""
    return {"c": colour, "marker": shape, "linewidths": 0.25, "edgecolors": INK, "alpha": 0.85}


def _legend(figure: MatplotlibFigure, looks: dict[str, tuple[str, str]], columns: int) -> None:
    """One entry a category, to be read line by line (matplotlib fills column by column)."""
    from matplotlib.lines import Line2D

    names = list(looks)
    order = [entry for column in range(columns) for entry in range(column, len(names), columns)]
    handles = [
        Line2D(
            [], [], linestyle="none", marker=looks[names[k]][1], markersize=4.5, label=names[k],
            markerfacecolor=looks[names[k]][0], markeredgecolor=INK, markeredgewidth=0.3,
        )
        for k in order
    ]  # fmt: skip
    figure.legend(
        handles=handles, loc="outside lower center", ncols=columns, fontsize=SMALL, frameon=False,
        handletextpad=0.1, columnspacing=0.9, borderpad=0.2, labelspacing=0.3,
    )  # fmt: skip
