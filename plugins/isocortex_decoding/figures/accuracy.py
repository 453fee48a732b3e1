"""Decoding accuracy by layer, with chance, what the category alone would give, and the permutation null."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from isocortex.data import Figure, Table
from isocortex.data.base import Array
from isocortex.data.labels import unique
from isocortex.errors import DataError
from isocortex_rsa.figures._drawing import BAR, CEILING, DOT, DPI, INK, NORMAL, SMALL, grid_of, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

Value = Literal["identification", "profile_correlation", "pattern_correlation"]

CATEGORY = "#d95f02"

_LABELS = {
    "identification": "pairwise identification",
    "profile_correlation": "profile correlation (r)",
    "pattern_correlation": "pattern correlation (r)",
}


def decoding_figure(
    summary: Table, scores: Table | None = None, value: Value = "identification", caption: str = ""
) -> Figure:
    """Draw decoding accuracy by layer, one panel for each ROI; the numbers drawn are in the figure's table.

    Parameters
    ----------
    summary : output ``summary`` of ``evaluate_decoding``. Points are means over subjects. For identification,
        whiskers are the 95 % bootstrap interval, the grey band holds 95 % of the permutations, the dashed
        line is chance, and orange lines are what the category alone would give, with the measured share of
        right comparisons between categories.
    scores : output ``scores``: every subject is then a dot.
    value : what is drawn: "identification" (pairwise), "profile_correlation" (of a unit, over stimuli) or
        "pattern_correlation" (of a stimulus, over units).
    caption : text below the picture in a report.
    """
    places = _places(summary)
    panels = unique(places)
    if not len(summary):
        raise DataError("decoding_figure: the summary has no rows")
    drawing = new_figure(*_size(summary, places, panels))
    axes = grid_of(drawing, len(panels), _columns(len(panels)), sharey=True)
    own = None if scores is None else _places(scores)
    for index, (panel, name) in enumerate(zip(axes, panels, strict=True)):
        rows = np.array([place == name for place in places])
        layers = [str(layer) for layer in summary["layer"][rows]]
        if len(set(layers)) < len(layers):
            raise DataError(f"decoding_figure: more than one row for a layer of {name or 'the summary'}")
        _panel(panel, {key: column[rows] for key, column in summary.columns.items()}, layers, value)
        if scores is not None and own is not None:
            _dots(panel, scores, np.array([place == name for place in own]), layers, value)
        panel.set_title(name, fontsize=NORMAL, color=INK)
        if index % _columns(len(panels)) == 0:
            panel.set_ylabel(_LABELS[value], fontsize=NORMAL, color=INK)
    _legend(drawing, axes[0])
    text = caption or _caption(summary, value, scores is not None)
    figure = Figure.from_matplotlib(drawing, text, summary, dpi=DPI)
    means = "; ".join(
        f"{place} {row['layer']} {row[value]:.3f}".strip()
        for place, row in zip(places, summary.rows(), strict=True)
    )
    return replace(figure, alt=f"{text} Means: {means}.")


def _places(table: Table) -> list[str]:
    """Name of the panel of each row: further axes and the ROI."""
    names = list(table.columns)
    if "layer" not in names:
        raise DataError("decoding_figure: wire the outputs summary and scores of evaluate_decoding")
    columns = [name for name in names[: names.index("layer")] if name != "subject"]
    return [", ".join(str(row[name]) for name in columns if row[name]) for row in table.rows()]


def _columns(panels: int) -> int:
    return 2 if panels == 4 else min(3, panels)


def _size(summary: Table, places: list[str], panels: tuple[str, ...]) -> tuple[float, float]:
    most = max(places.count(name) for name in panels)
    longest = max(len(str(layer)) for layer in summary["layer"])
    columns = _columns(len(panels))
    height = 2.3 + (0.055 * longest if longest > 4 else 0.0)
    width = columns * max(2.0, 0.24 * most + 0.9)
    return width, height * -(-len(panels) // columns) + 0.2 + 0.15 * -(-3 // _legend_columns(width))


def _legend_columns(width: float) -> int:
    """How many of the three entries fit beside each other in a figure of so many inches."""
    return 3 if width > 3.3 else 1


def _panel(panel: Any, rows: dict[str, Array], layers: list[str], value: str) -> None:
    x = np.arange(len(layers))
    identification = value == "identification"
    if identification:
        panel.axhline(0.5, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1, label="chance")
        for place, low, high in zip(x, rows["null_low"], rows["null_high"], strict=True):
            label = "permutations, 95 %" if place == 0 else None
            if not np.isnan(low):
                panel.bar(
                    place,
                    high - low,
                    bottom=low,
                    width=0.9,
                    color=CEILING,
                    linewidth=0,
                    zorder=0,
                    label=label,
                )
        known = ~np.isnan(rows["category_only_q"])
        panel.hlines(
            rows["category_only_q"][known],
            x[known] - 0.38,
            x[known] + 0.38,
            color=CATEGORY,
            linewidth=1.4,
            zorder=2,
            label="category alone" if known.any() else None,
        )
        spread = np.abs(np.stack([rows["low"], rows["high"]]) - rows[value])
        spread = None if np.isnan(spread).all() else spread
        panel.errorbar(
            x, rows[value], yerr=spread, color=DOT, fmt="o", markersize=4, elinewidth=1.1, zorder=4
        )
    else:
        panel.axhline(0.0, color=INK, linewidth=0.8, zorder=1)
        panel.plot(x, rows[value], "o", color=DOT, markersize=4, zorder=4)
    turn = {"rotation": 90} if max(map(len, layers)) > 4 else {}
    panel.set_xticks(x, layers, fontsize=SMALL, color=INK, **turn)
    panel.set_xlim(-0.6, len(layers) - 0.4)
    panel.tick_params(axis="y", labelsize=SMALL, length=2, color=INK, labelcolor=INK)
    panel.tick_params(axis="x", length=0)
    panel.spines[["top", "right"]].set_visible(False)


def _dots(panel: Any, scores: Table, rows: Array, layers: list[str], value: str) -> None:
    """Each subject as a dot beside the mean."""
    names = [str(layer) for layer in scores["layer"]]
    for place, layer in enumerate(layers):
        here = rows & np.array([name == layer for name in names])
        values = scores[value][here]
        if len(values) > 1:
            shift = 0.12 + 0.2 * np.linspace(0, 1, len(values))
            panel.scatter(place + shift, values, s=7, color=BAR, linewidths=0.4, edgecolors=DOT, zorder=3)


def _legend(drawing: MatplotlibFigure, panel: Any) -> None:
    handles, labels = panel.get_legend_handles_labels()
    if handles:
        drawing.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=_legend_columns(drawing.get_figwidth()),
            fontsize=SMALL,
            frameon=False,
            labelcolor=INK,
        )


def _caption(summary: Table, value: str, dots: bool) -> str:
    subjects = sorted({int(count) for count in summary["subjects"]})
    count = str(subjects[0]) if len(subjects) == 1 else f"{subjects[0]} to {subjects[-1]}"
    text = f"{_LABELS[value].capitalize()} of decoded features by layer, mean of {count} subject"
    text += "." if count == "1" else "s."
    text += " Small dots are single subjects." if dots and count != "1" else ""
    if value != "identification":
        return text
    over = " or ".join(unique([str(name) for name in summary["interval_over"]]))
    rules = ", ".join(unique([str(rule) for rule in summary["tie_rule"]]))
    text += (
        f" Whiskers: 95 % bootstrap interval over {over}; grey: 95 % of the permutations of stimulus labels;"
    )
    text += f" dashed: chance. Ties count {_RULES.get(rules, rules)}."
    if not np.isnan(summary["category_only_q"]).all():
        text += " Orange: what a decoder of the category alone would reach."
    return text


_RULES = {"half": "half", "wrong": "as wrong", "correct": "as correct"}
