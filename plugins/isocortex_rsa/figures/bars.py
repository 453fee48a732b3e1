"""How well models fit, as bars with one dot for each subject."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from isocortex.data import Collected, Figure, Table
from isocortex.data.base import Array
from isocortex.data.labels import unique
from isocortex.errors import DataError
from isocortex_rsa.figures._drawing import BAR, CEILING, DOT, DPI, INK, NORMAL, SMALL, grid_of, new_figure
from isocortex_rsa.steps._ceilings import bounds_at, bounds_of
from isocortex_rsa.steps._tables import one_table, subject_column

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure


Band = tuple[float, float]
FEW = 8
"""More bars than these are drawn narrower."""
PAGE = 10.0
"""Inches that several panels are wide at most; in a wider picture letters are too small to be read."""


@dataclass(frozen=True)
class _Bar:
    """Similarities of one model (units,), NaN left out, with how many were."""

    panel: str
    model: str
    values: Array
    undefined: int

    @property
    def mean(self) -> float:
        return float(self.values.mean()) if len(self.values) else float("nan")

    @property
    def error(self) -> float:
        """Standard error of the mean over units (ddof 1); NaN for a single one."""
        count = len(self.values)
        return float(self.values.std(ddof=1) / np.sqrt(count)) if count > 1 else float("nan")


def comparison_bars(
    table: Table | Collected[Table],
    ceilings: Table | Collected[Table] | None = None,
    unit: str | None = None,
    panels: str | None = None,
    order: Literal["table", "similarity"] = "table",
    caption: str = "",
) -> Figure:
    """Draw the mean similarity of each model over subjects, every subject as a dot.

    The error bar is the standard error over subjects (ddof 1), and is left out for a single one. It says
    nothing about conditions: it is no test. The numbers drawn are in the figure's table.

    Parameters
    ----------
    table : from ``compare_rdms``.
    ceilings : the output ``each`` of ``noise_ceilings``, of the same measure: the band from its lower to its
        upper bound is drawn in grey behind the bars. A lower bound that is not above zero is said in the
        caption, and so is a model above the upper bound.
    unit : column of what the mean is taken over (default: ``subject``, or ``rdm`` where there is no such
        column). A model must have one row for each of them (in each panel).
    panels : column to draw one panel for each value of, such as ``roi``.
    order : of the bars, as in the table or from the largest mean to the smallest.
    caption : text below the picture in a report.
    """
    whole = one_table(table, "comparison_bars")
    unit = subject_column(whole, unit, "comparison_bars")
    bars = _bars(whole, unit, panels)
    if order == "similarity":
        bars.sort(key=lambda bar: (-np.nan_to_num(bar.mean, nan=-np.inf), bar.model))
    measure = ", ".join(unique(whole["measure"].tolist())) if "measure" in whole.columns else ""
    bands = {} if ceilings is None else _bands(ceilings, bars, unit, panels, measure)
    text = (caption or _caption(bars, unit, measure)) + _about(bands, bars)
    figure = Figure.from_matplotlib(_draw(bars, measure, bands), text, _numbers(bars, panels, bands), dpi=DPI)
    means = "; ".join(f"{bar.panel} {bar.model} {bar.mean:.3f}".strip() for bar in bars)
    return replace(figure, alt=f"{text} Means: {means}.")


def _bands(
    ceilings: Table | Collected[Table], bars: list[_Bar], unit: str, panels: str | None, measure: str
) -> dict[str, Band]:
    """Panel -> lower and upper bound."""
    found = bounds_of(ceilings, unit, measure, "comparison_bars")
    names = unique([bar.panel for bar in bars])
    places = {name: {panels: name} if panels is not None else {} for name in names}
    return {name: bounds_at(found, place, "comparison_bars").means() for name, place in places.items()}


def _about(bands: dict[str, Band], bars: list[_Bar]) -> str:
    if not bands:
        return ""
    text = " The grey band is the noise ceiling, from its lower to its upper bound."
    weak = [panel or "these RDMs" for panel, (lower, _) in bands.items() if not lower > 0]
    if weak:
        text += f" No reliable variance in {', '.join(weak)}: the lower bound is not above zero."
    over = [f"{bar.panel} {bar.model}".strip() for bar in bars if bar.mean > bands[bar.panel][1]]
    return text + (f" Above the noise ceiling: {', '.join(over)}." if over else "")


def _bars(table: Table, unit: str, panels: str | None) -> list[_Bar]:
    models, units, values = table["model"], table[unit], table["similarity"].astype(np.float64)
    places = table[panels].astype(str) if panels is not None else np.full(len(table), "")
    if not len(table):
        raise DataError("comparison_bars: the table has no rows")
    bars = []
    for panel in unique(places.tolist()):
        for model in unique(models[places == panel].tolist()):
            rows = (models == model) & (places == panel)
            if len(set(units[rows].tolist())) < int(rows.sum()):
                raise DataError(
                    f"comparison_bars: the model {model!r} has more than one row for some {unit}; name the "
                    f"column that tells them apart by panels: or unit: ({', '.join(table.columns)})"
                )
            known = values[rows][~np.isnan(values[rows])]
            bars.append(_Bar(panel, model, known, int(rows.sum()) - len(known)))
    return bars


def _caption(bars: list[_Bar], unit: str, measure: str) -> str:
    most = max(len(bar.values) for bar in bars)
    undefined = sum(bar.undefined for bar in bars)
    of = f" ({measure})" if measure else ""
    one = "RDM" if unit == "rdm" else unit
    if most > 1:
        text = f"Similarity{of} of each model with {'' if one == 'RDM' else 'the RDMs of '}{most} {one}s: "
        text += f"bars show means, whiskers the standard error over {one}s, dots single {one}s."
    else:
        text = f"Similarity{of} of each model with one RDM."
    return text + (f" {undefined} undefined comparisons are left out." if undefined else "")


def _draw(bars: list[_Bar], measure: str, bands: dict[str, Band]) -> MatplotlibFigure:
    names = unique([bar.panel for bar in bars])
    most = max(sum(bar.panel == name for bar in bars) for name in names)
    width = max(1.9, (0.42 if most <= FEW else 0.27) * most + 0.8)
    columns = max(1, min(3, len(names), int(PAGE / width)))
    figure = new_figure(columns * width, 2.6 * -(-len(names) // columns))
    axes = grid_of(figure, len(names), columns, sharey=True)
    for place, (panel, name) in enumerate(zip(axes, names, strict=True)):
        if name in bands and not np.isnan(bands[name]).any():
            panel.axhspan(*bands[name], color=CEILING, linewidth=0, zorder=0)
        _panel(panel, [bar for bar in bars if bar.panel == name], name)
        if place % columns == 0:
            label = f"similarity ({measure})" if measure else "similarity"
            panel.set_ylabel(label, fontsize=NORMAL, color=INK)
    return figure


def _panel(panel: Any, bars: list[_Bar], title: str) -> None:
    panel.axhline(0.0, color=INK, linewidth=0.8, zorder=2)
    for place, bar in enumerate(bars):
        if not len(bar.values):
            continue
        panel.bar(place, bar.mean, width=0.68, color=BAR, zorder=1)
        spread = 0.3 * np.linspace(-1, 1, len(bar.values)) if len(bar.values) > 1 else np.zeros(1)
        panel.scatter(
            place + spread, bar.values, s=9, color=DOT, alpha=0.75, linewidths=0, zorder=3, clip_on=False
        )
        if len(bar.values) > 1:
            panel.errorbar(
                place, bar.mean, yerr=bar.error, color=INK, elinewidth=1.2, capsize=3, capthick=1.2, zorder=4
            )
    longest = max(len(bar.model) for bar in bars)
    turn = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if longest > 6 else {}
    panel.set_xticks(range(len(bars)), [bar.model for bar in bars], fontsize=NORMAL, color=INK, **turn)
    panel.set_xlim(-0.6, len(bars) - 0.4)
    panel.tick_params(axis="y", labelsize=SMALL, length=2, color=INK, labelcolor=INK)
    panel.tick_params(axis="x", length=0)
    panel.spines[["top", "right", "bottom"]].set_visible(False)
    panel.spines["left"].set_color(INK)
    panel.set_title(title, fontsize=NORMAL, color=INK)


def _numbers(bars: list[_Bar], panels: str | None, bands: dict[str, Band]) -> Table:
    rows = [
        {
            **({panels: bar.panel} if panels is not None else {}),
            "model": bar.model,
            "mean": bar.mean,
            "standard_error": bar.error,
            "n": len(bar.values),
            "undefined": bar.undefined,
            **(dict(zip(("lower", "upper"), bands[bar.panel], strict=True)) if bands else {}),
        }
        for bar in bars
    ]
    return Table.from_rows(rows)
