"""How the loss of each reconstruction went down, in all and layer by layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data import Collected, Figure, Table
from isocortex.data.labels import unique
from isocortex.errors import DataError

Floats = npt.NDArray[np.float64]

DPI = 150
INK, PALE = "#222222", "#bbbbbb"
SINGLE, MIDDLE = "#9ecae1", "#08519c"
_NUMBERS = ("stimulus", "iteration", "loss")
_MOST = 24
_MOST_NAMED = 24


class Curves(NamedTuple):
    """Losses of one set of reconstructions; an image that stopped keeps its last loss.

    ``iterations`` (t,), ``total`` (images, t), ``layers`` name -> (images, t), and how many ``stopped``
    before the last iteration.
    """

    name: str
    stimuli: tuple[str, ...]
    iterations: npt.NDArray[np.int64]
    total: Floats
    layers: dict[str, Floats]
    stopped: int

    def shares(self) -> dict[str, float]:
        """Mean share of each layer in the last loss of all layers; NaN where losses are negative."""
        last = (
            np.stack([values[:, -1] for values in self.layers.values()]) if self.layers else np.empty((0, 1))
        )
        whole = last.sum(axis=0)
        usable = np.isfinite(whole) & (whole > 0) & (last >= 0).all(axis=0)
        if not usable.any():
            return dict.fromkeys(self.layers, float("nan"))
        means = (last[:, usable] / whole[usable]).mean(axis=1)
        return dict(zip(self.layers, means.tolist(), strict=True))


def loss_curves(losses: Table | Collected[Table], caption: str = "") -> Figure:
    """Draw the loss of every image and its median (left), and the median weighted loss of each layer (right).

    The figure's table holds what is drawn: medians and extremes over images by iteration, of the whole loss
    and of each layer, and the layer's mean share in the last loss.

    Parameters
    ----------
    losses : columns ``stimulus``, ``iteration``, ``loss`` and a weighted loss a layer; one row for each image
        and iteration. Of several axis values each is a row of panels, up to 24.
    caption : text below the picture in a report.
    """
    parts = _parts(losses)
    if not 1 <= len(parts) <= _MOST:
        raise DataError(f"loss_curves: {len(parts)} sets of losses; give 1 to {_MOST}")
    curves = [curves_of(table, name) for name, table in parts]
    drawing = _drawn(curves)
    table = Table.from_rows([row for part in curves for row in _rows(part)])
    text = caption or _caption(curves)
    ends = "; ".join(
        f"{part.name} median {middle[0]:.3g} to {middle[-1]:.3g}".strip()
        for part, middle in ((part, _middle(part.total)) for part in curves)
    )
    return replace(Figure.from_matplotlib(drawing, text, table, dpi=DPI), alt=f"{text} Loss: {ends}.")


def curves_of(losses: Table, name: str = "") -> Curves:
    """Arrange a table of losses by image and iteration; an image that stopped keeps its last loss."""
    where = f"loss_curves{', ' * bool(name)}{name}"
    lacking = [column for column in _NUMBERS if column not in losses.columns]
    if lacking or not len(losses):
        raise DataError(
            f"{where}: the table has " + (f"no column {lacking[0]!r}" if lacking else "no rows")
            + "; wire the losses of a reconstruction"
        )  # fmt: skip
    odd = [
        column for column in losses.columns if column != "stimulus" and losses[column].dtype.kind not in "fiu"
    ]
    if odd:
        raise DataError(f"{where}: the column {odd[0]!r} does not hold numbers")
    stimuli = unique([str(label) for label in losses["stimulus"]])
    iterations, columns = np.unique(np.asarray(losses["iteration"]), return_inverse=True)
    place = {label: row for row, label in enumerate(stimuli)}
    rows = np.array([place[str(label)] for label in losses["stimulus"]])
    cells = rows * len(iterations) + columns
    if len(np.unique(cells)) < len(cells):
        raise DataError(f"{where}: an image has two rows for one iteration")
    filled = np.zeros((len(stimuli), len(iterations)), dtype=bool)
    filled.flat[cells] = True
    last = np.maximum.accumulate(np.where(filled, np.arange(len(iterations)), -1), axis=1)

    def arranged(column: str) -> Floats:
        values = np.full(filled.shape, np.nan)
        values.flat[cells] = losses[column]
        kept = np.take_along_axis(values, np.maximum(last, 0), axis=1)
        return np.where(last >= 0, kept, np.nan)

    layers = {column: arranged(column) for column in losses.columns if column not in _NUMBERS}
    stopped = int(np.count_nonzero(~filled[:, -1]))
    return Curves(name, stimuli, iterations.astype(np.int64), arranged("loss"), layers, stopped)


def _parts(losses: Table | Collected[Table]) -> list[tuple[str, Table]]:
    if isinstance(losses, Table):
        return [("", losses)]
    return [(", ".join(losses.values_of(key).values()), table) for key, table in losses.items()]


def _middle(values: Floats) -> Floats:
    """Median over images (rows) of what is known; NaN where nothing is."""
    out = np.full(values.shape[1], np.nan)
    some = ~np.isnan(values).all(axis=0)
    out[some] = np.nanmedian(values[:, some], axis=0)
    return out


def _drawn(curves: list[Curves]) -> Any:
    from matplotlib.figure import Figure as MatplotlibFigure

    drawing = MatplotlibFigure(figsize=(7.0, 2.5 * len(curves) + 0.1), layout="constrained")
    grid = drawing.subplots(len(curves), 2, squeeze=False)
    for (left, right), part in zip(grid, curves, strict=True):
        _totals(left, part)
        _by_layer(right, part)
        left.set_title(part.name, fontsize=8, color=INK, loc="left")
        for axes in (left, right):
            axes.spines[["top", "right"]].set_visible(False)
            axes.spines[:].set_color(PALE)
            axes.tick_params(labelsize=7, color=PALE, which="both")
            axes.set_xlabel("Iteration", fontsize=8, color=INK)
    return drawing


def _totals(axes: Any, part: Curves) -> None:
    marker = {"marker": "o", "markersize": 3} if len(part.iterations) == 1 else {}
    axes.plot(part.iterations, part.total.T, color=SINGLE, linewidth=0.5, alpha=0.8, **marker)
    axes.plot(part.iterations, _middle(part.total), color=MIDDLE, linewidth=2.0, **marker)
    _scale(axes, [part.total])
    axes.set_ylabel("Loss", fontsize=8, color=INK)


def _by_layer(axes: Any, part: Curves) -> None:
    from matplotlib import colormaps

    colours = colormaps["viridis"](np.linspace(0.0, 0.92, max(len(part.layers), 1)))
    marker = {"marker": "o", "markersize": 3} if len(part.iterations) == 1 else {}
    middles = {name: _middle(values) for name, values in part.layers.items()}
    for number, (name, values) in enumerate(middles.items()):
        line = ("-", "--", ":")[number % 3]  # neighbours differ in more than their colour
        axes.plot(
            part.iterations,
            values,
            color=colours[number],
            linewidth=1.0,
            linestyle=line,
            label=name,
            **marker,
        )
    _scale(axes, list(middles.values()))
    axes.set_ylabel("Weighted loss by layer", fontsize=8, color=INK)
    if 0 < len(middles) <= _MOST_NAMED:
        axes.legend(
            fontsize=5.5, frameon=False, labelcolor=INK, loc="center left", bbox_to_anchor=(1.0, 0.5),
            ncols=1, handlelength=1.8, labelspacing=0.25, borderaxespad=0.3,
        )  # fmt: skip


def _scale(axes: Any, values: list[Floats]) -> None:
    """A logarithmic axis where all is positive; zeros and negative losses could not be seen on it."""
    known = np.concatenate([part[np.isfinite(part)] for part in values]) if values else np.empty(0)
    if known.size and (known > 0).all():
        axes.set_yscale("log")


def _rows(part: Curves) -> list[dict[str, Any]]:
    """Rows of the table behind: each iteration, of the whole loss ("all") and of each layer."""
    shares = {"all": float("nan"), **part.shares()}
    found = []
    for name, values in {"all": part.total, **part.layers}.items():
        for column, iteration in enumerate(part.iterations):
            known = values[~np.isnan(values[:, column]), column]
            low, high = (float(known.min()), float(known.max())) if len(known) else (float("nan"),) * 2
            found.append(
                {
                    "set": part.name,
                    "layer": name,
                    "iteration": int(iteration),
                    "images": len(known),
                    "median": float(np.median(known)) if len(known) else float("nan"),
                    "lowest": low,
                    "highest": high,
                    "last_share": shares[name],
                }
            )
    return found


def _caption(curves: list[Curves]) -> str:
    images = sorted({len(part.stimuli) for part in curves})
    count = str(images[0]) if len(images) == 1 else f"{images[0]} to {images[-1]}"
    several = f", {len(curves)} sets" if len(curves) > 1 else ""
    text = f"Loss of the reconstruction of {count} image{'' if count == '1' else 's'}{several}: "
    text += "each (thin) and their median (thick); right: median weighted loss of each layer."
    stopped = sum(part.stopped for part in curves)
    if stopped:
        text += f" {stopped} that stopped before the last iteration keep their last loss."
    odd = sum(int((~np.isfinite(part.total)).any(axis=1).sum()) for part in curves)
    if odd:
        text += f" {odd} have a loss that is not finite somewhere."
    shares = [part.shares() for part in curves]
    means = {name: float(np.mean([part.get(name, np.nan) for part in shares])) for name in shares[0]}
    known = sorted((name for name in means if not np.isnan(means[name])), key=lambda name: -means[name])[:3]
    if known:
        text += " Largest shares at the end: " + ", ".join(f"{n} {100 * means[n]:.0f} %" for n in known) + "."
    return text
