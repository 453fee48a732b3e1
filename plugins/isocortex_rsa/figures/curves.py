"""How well the layers of a network fit, as curves over the layers, with the noise ceiling behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from isocortex.data import Collected, Figure, Table
from isocortex.data.labels import unique
from isocortex.errors import DataError, suggestion
from isocortex_rsa.figures._drawing import CEILING, DPI, INK, NORMAL, SMALL, grid_of, new_figure
from isocortex_rsa.steps._ceilings import bounds_at, bounds_of
from isocortex_rsa.steps._tables import measure_of, one_table, subject_column

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

Floats = npt.NDArray[np.float64]
Band = tuple[float, float]

WHAT = "layer_curves"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe & Ito 2008: told apart by people with colour-blindness; markers and dashes differ as well."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
PAGE = 7.4
"""Inches that a picture is wide at most: what is wider is shown smaller, and its letters cannot be read."""
MOST_ROWS = 60
"""Panels that one picture can hold."""


@dataclass(frozen=True)
class _Curve:
    """One line of one panel: similarities (units, layers), NaN where undefined or not compared."""

    panel: str
    name: str
    layers: tuple[str, ...]
    values: Floats

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Units with a value at each layer."""
        return np.asarray((~np.isnan(self.values)).sum(axis=0), dtype=np.int64)

    @property
    def mean(self) -> Floats:
        """Over units, (layers,); NaN where no unit has a value."""
        total = np.nansum(self.values, axis=0)
        return np.where(self.counts > 0, total / np.maximum(self.counts, 1), np.nan)

    @property
    def error(self) -> Floats:
        """Standard error of the mean over units (ddof 1), (layers,); NaN for fewer than two."""
        squares = np.nansum((self.values - self.mean) ** 2, axis=0)
        n = self.counts
        return np.where(n > 1, np.sqrt(squares / np.maximum(n - 1, 1) / np.maximum(n, 1)), np.nan)


def layer_curves(
    table: Table | Collected[Table],
    ceilings: Table | Collected[Table] | None = None,
    panels: str | None = None,
    lines: str | None = None,
    unit: str | None = None,
    layers: list[str] | None = None,
    caption: str = "",
) -> Figure:
    """Draw the mean similarity over subjects against the layer, in network order; subjects are thin lines.

    The band around a mean is the standard error over subjects (ddof 1); there is none for a single one. It
    says nothing about conditions: it is no test. The numbers drawn are in the figure's table.

    Parameters
    ----------
    table : from ``compare_rdms``, models being layers in forward order (as ``feature_rdms`` gives them).
    ceilings : the output ``each`` of ``noise_ceilings``, of the same measure: the grey band of each panel
        reaches from its lower to its upper bound (Nili et al. 2014).
    panels : column to draw one panel for each value of, such as ``roi``.
    lines : column to draw one line for each value of, such as a set of models (trained, untrained).
    unit : column of what the mean is taken over (default: ``subject``, or ``rdm`` without such a column).
    layers : models to draw, in this order (default: all, as they come).
    caption : text below the picture in a report.
    """
    whole = one_table(table, WHAT)
    measure = measure_of(whole, WHAT)
    unit = subject_column(whole, unit, WHAT)
    curves = _curves(whole, unit, panels, lines, layers)
    bands = {} if ceilings is None else _bands(ceilings, curves, unit, panels, measure)
    text = (caption or _caption(curves, unit, measure)) + _about(bands)
    figure = Figure.from_matplotlib(
        _draw(curves, measure, bands), text, _numbers(curves, panels, lines, bands), dpi=DPI
    )
    return replace(figure, alt=f"{text} {_told(curves)}")


def _curves(
    table: Table, unit: str, panels: str | None, lines: str | None, layers: Sequence[str] | None
) -> list[_Curve]:
    if not len(table):
        raise DataError(f"{WHAT}: the table has no rows")
    places = _column(table, panels)
    names = _column(table, lines)
    if len(set(places)) > MOST_ROWS:
        raise DataError(f"{WHAT}: {panels} has {len(set(places))} values; {MOST_ROWS} panels are the most")
    found = []
    for place in unique(places):
        for name in unique([own for own, there in zip(names, places, strict=True) if there == place]):
            rows = np.array([(p, n) == (place, name) for p, n in zip(places, names, strict=True)])
            found.append(_curve(table, rows, unit, place, name, layers))
    return found


def _column(table: Table, name: str | None) -> list[str]:
    if name is None:
        return [""] * len(table)
    if name not in table.columns:
        raise DataError(f"{WHAT}: no column {name!r}; {suggestion(name, table.columns, 'columns')}")
    return [str(value) for value in table[name]]


def _curve(
    table: Table, rows: npt.NDArray[np.bool_], unit: str, place: str, name: str, layers: Sequence[str] | None
) -> _Curve:
    units, models = [str(one) for one in table[unit][rows]], [str(one) for one in table["model"][rows]]
    shown = unique(models) if layers is None else tuple(layers)
    where = " of " + ", ".join(filter(None, (place, name))) if place or name else ""
    for layer in shown:
        if layer not in models:
            raise DataError(f"{WHAT}: no model {layer!r}{where}; {suggestion(layer, models, 'models')}")
    members = unique(units)
    values = np.full((len(members), len(shown)), np.nan)
    seen: set[tuple[str, str]] = set()
    for one, layer, value in zip(units, models, table["similarity"][rows].tolist(), strict=True):
        if (one, layer) in seen:
            raise DataError(
                f"{WHAT}: the model {layer!r}{where} has more than one row for {unit} {one!r}; name the "
                f"column that tells them apart by panels:, lines: or unit: ({', '.join(table.columns)})"
            )
        seen.add((one, layer))
        if layer in shown:
            values[members.index(one), shown.index(layer)] = value
    return _Curve(place, name, tuple(shown), values)


def _bands(
    ceilings: Table | Collected[Table], curves: list[_Curve], unit: str, panels: str | None, measure: str
) -> dict[str, Band]:
    """Panel -> lower and upper bound."""
    found = bounds_of(ceilings, unit, measure, WHAT)
    places = {name: {panels: name} if panels is not None else {} for name in _panels(curves)}
    return {name: bounds_at(found, place, WHAT).means() for name, place in places.items()}


def _panels(curves: list[_Curve]) -> tuple[str, ...]:
    return unique([curve.panel for curve in curves])


def _caption(curves: list[_Curve], unit: str, measure: str) -> str:
    most = max(len(curve.values) for curve in curves)
    of = f" ({measure})" if measure else ""
    one = "RDM" if unit == "rdm" else unit
    if most == 1:
        return f"Similarity{of} of each layer with one RDM."
    text = f"Similarity{of} of each layer with {'' if one == 'RDM' else 'the RDMs of '}{most} {one}s: thick "
    text += f"lines are means, bands around them the standard error over {one}s, thin lines single {one}s."
    undefined = sum(int(np.isnan(curve.values).sum()) for curve in curves)
    return text + (f" {undefined} undefined comparisons are left out." if undefined else "")


def _about(bands: dict[str, Band]) -> str:
    if not bands:
        return ""
    text = " The grey band is the noise ceiling, from its lower to its upper bound."
    weak = [panel or "these RDMs" for panel, (lower, _) in bands.items() if not lower > 0]
    if weak:
        text += f" No reliable variance in {', '.join(weak)}: the lower bound is not above zero."
    return text


def _told(curves: list[_Curve]) -> str:
    """The curves in words."""
    parts = []
    for curve in curves:
        means = ", ".join(f"{layer} {mean:.3f}" for layer, mean in zip(curve.layers, curve.mean, strict=True))
        name = ", ".join(filter(None, (curve.panel, curve.name)))
        parts.append(f"{name}: {means}" if name else f"Means: {means}")
    return "; ".join(parts) + "."


def _draw(curves: list[_Curve], measure: str, bands: dict[str, Band]) -> MatplotlibFigure:
    names, lines = _panels(curves), unique([curve.name for curve in curves])
    most = max(len(curve.layers) for curve in curves)
    width = min(PAGE, max(2.1, 0.17 * most + 0.8))
    columns = min(len(names), int(PAGE / width))
    figure = new_figure(columns * width, 2.5 * -(-len(names) // columns))
    axes = grid_of(figure, len(names), columns, sharey=True)
    for place, (axis, name) in enumerate(zip(axes, names, strict=True)):
        if name in bands and not np.isnan(bands[name]).any():
            axis.axhspan(*bands[name], color=CEILING, linewidth=0, zorder=0, label="noise ceiling")
        own = [curve for curve in curves if curve.panel == name]
        for curve in own:
            _line(axis, curve, lines.index(curve.name))
        _dress(axis, own, name)
        if place % columns == 0:
            label = f"similarity ({measure})" if measure else "similarity"
            axis.set_ylabel(label, fontsize=NORMAL, color=INK)
    if len(lines) > 1:
        axes[0].legend(fontsize=SMALL, frameon=False, loc="best")
    return figure


def _line(axis: Any, curve: _Curve, number: int) -> None:
    colour = COLOURS[number % len(COLOURS)]
    places = np.arange(len(curve.layers))
    if len(curve.values) > 1:
        axis.plot(places, curve.values.T, color=colour, linewidth=0.5, alpha=0.35, zorder=2)
        low, high = curve.mean - curve.error, curve.mean + curve.error
        axis.fill_between(places, low, high, color=colour, alpha=0.25, linewidth=0, zorder=3)
    axis.plot(
        places, curve.mean, color=colour, linewidth=1.6, linestyle=DASHES[number % len(DASHES)],
        marker=MARKERS[number % len(MARKERS)], markersize=3.5, label=curve.name, zorder=4,
    )  # fmt: skip


def _dress(axis: Any, curves: list[_Curve], title: str) -> None:
    layers = max((curve.layers for curve in curves), key=len)
    if any(curve.layers != layers[: len(curve.layers)] for curve in curves):
        raise DataError(
            f"{WHAT}: the lines of {title or 'this table'} have different models; draw them as panels, or "
            "name by layers: those that all of them have"
        )
    axis.axhline(0.0, color=INK, linewidth=0.6, zorder=1)
    axis.set_xticks(range(len(layers)), layers, fontsize=SMALL, color=INK, rotation=90)
    axis.set_xlim(-0.5, len(layers) - 0.5)
    axis.tick_params(axis="y", labelsize=SMALL, length=2, color=INK, labelcolor=INK)
    axis.tick_params(axis="x", length=2, color=INK)
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(INK)
    axis.set_title(title, fontsize=NORMAL, color=INK)


def _numbers(curves: list[_Curve], panels: str | None, lines: str | None, bands: dict[str, Band]) -> Table:
    rows = []
    for curve in curves:
        place = {name: own for name, own in ((panels, curve.panel), (lines, curve.name)) if name is not None}
        ends = dict(zip(("lower", "upper"), bands[curve.panel], strict=True)) if bands else {}
        found = zip(curve.layers, curve.mean, curve.error, curve.counts, strict=True)
        for number, (layer, mean, error, count) in enumerate(found, start=1):
            about = {"layer": number, "model": layer, "mean": float(mean), "standard_error": float(error)}
            undefined = len(curve.values) - int(count)
            rows.append({**place, **about, "n": int(count), "undefined": undefined, **ends})
    return Table.from_rows(rows)
