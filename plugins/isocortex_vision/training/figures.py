"""Pictures of a training: its curves, and what is taken for what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from isocortex.data import Figure, Table
from isocortex.data.base import Array
from isocortex.data.labels import unique
from isocortex.errors import DataError

DPI = 150
INK, PALE = "#222222", "#bbbbbb"
_LOOKS = {"training": ("#0072B2", "o", "-"), "validation": ("#D55E00", "^", "--")}
_MOST_WRITTEN = 30


def training_figure(history: Table, caption: str = "") -> Figure:
    """Draw loss and accuracy by epoch, of training and validation.

    Parameters
    ----------
    history : from ``train_network``.
    caption : text below the picture in a report.
    """
    from matplotlib.figure import Figure as MatplotlibFigure

    epochs = history["epoch"]
    if not len(epochs):
        raise DataError("training_figure: the history has no epochs")
    drawing = MatplotlibFigure(figsize=(6.6, 2.6), layout="constrained")
    for axes, what, title in zip(
        drawing.subplots(1, 2), ("loss", "accuracy"), ("Cross-entropy", "Accuracy"), strict=True
    ):
        for name, (colour, shape, line) in _LOOKS.items():
            values = history[f"{name}_{what}"]
            if np.isfinite(values).any():
                axes.plot(
                    epochs, values, color=colour, linestyle=line, marker=shape, label=name, linewidth=1.2,
                    markersize=3, markevery=max(1, len(epochs) // 20),
                )  # fmt: skip
        _plain(axes)
        axes.set_title(title, fontsize=8, color=INK, loc="left")
        axes.set_xlabel("Epoch", fontsize=8)
        axes.set_ylim(0, 1.02 if what == "accuracy" else None)
        axes.xaxis.get_major_locator().set_params(integer=True)
    drawing.axes[1].legend(fontsize=7, frameon=False, loc="lower right")
    text = caption or _summary(history)
    return replace(Figure.from_matplotlib(drawing, text, history, dpi=DPI), alt=text)


def confusion_figure(confusion: Table, caption: str = "") -> Figure:
    """Draw which share of each category's pictures was taken for which class.

    Parameters
    ----------
    confusion : from ``train_network`` or ``classify_images``.
    caption : text below the picture in a report.
    """
    from matplotlib.figure import Figure as MatplotlibFigure

    names = unique([str(name) for name in confusion["category"]])
    if not names:
        raise DataError("confusion_figure: the table has no rows; the images had no categories")
    shares, counts = (_matrix(confusion, names, what) for what in ("share", "count"))
    side = float(np.clip(0.3 * len(names) + 1.2, 3.0, 9.0))
    drawing = MatplotlibFigure(figsize=(side + 0.6, side), layout="constrained")
    axes = drawing.subplots()
    shown = axes.imshow(np.ma.masked_invalid(shares), cmap="Blues", vmin=0, vmax=1)
    places = range(len(names))
    axes.set_xticks(places, names, rotation=90, fontsize=7)
    axes.set_yticks(places, names, fontsize=7)
    axes.set_xlabel("Answer", fontsize=8)
    axes.set_ylabel("Category", fontsize=8)
    axes.spines[:].set_color(PALE)
    axes.tick_params(length=0)
    if len(names) <= _MOST_WRITTEN:
        _write(axes, shares)
    bar = drawing.colorbar(shown, ax=axes, shrink=0.6)
    bar.set_label("Share of the category", fontsize=7)
    bar.ax.tick_params(labelsize=7)
    total = int(counts.sum())
    right = float(np.trace(counts) / max(1, total))
    text = caption or f"Answers to {total} pictures of {len(names)} categories; {right:.1%} are right."
    return replace(Figure.from_matplotlib(drawing, text, confusion, dpi=DPI), alt=text)


def _matrix(confusion: Table, names: tuple[str, ...], what: str) -> Array:
    """A column of the table as (categories, answers); raises where pairs are missing or double."""
    place = {name: k for k, name in enumerate(names)}
    pairs = list(zip(confusion["category"].tolist(), confusion["answer"].tolist(), strict=True))
    if len(set(pairs)) != len(names) ** 2 or len(pairs) != len(names) ** 2:
        raise DataError("confusion_figure: the table needs one row for each pair of category and answer")
    matrix = np.full((len(names), len(names)), np.nan)
    for (category, answer), value in zip(pairs, confusion[what], strict=True):
        if answer not in place:
            raise DataError(f"confusion_figure: the answer {answer!r} is no category of the table")
        matrix[place[category], place[answer]] = value
    return matrix


def _write(axes: Any, shares: Array) -> None:
    """Write the shares in per cent; what rounds to 0 stays empty."""
    for (row, column), share in np.ndenumerate(shares):
        if np.isfinite(share) and share >= 0.005:
            colour = "white" if share > 0.55 else INK
            axes.text(column, row, f"{100 * share:.0f}", fontsize=5, color=colour, ha="center", va="center")


def _plain(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[:].set_color(PALE)
    axes.tick_params(labelsize=7, color=PALE)


def _summary(history: Table) -> str:
    last = {name: float(history[f"{name}_accuracy"][-1]) for name in _LOOKS}
    parts = [f"{value:.1%} ({name})" for name, value in last.items() if np.isfinite(value)]
    return f"Training over {len(history)} epochs; accuracy at its end: {', '.join(parts)}."
