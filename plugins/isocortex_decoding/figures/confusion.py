"""Confusion matrices of category decoders."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from isocortex.data import Figure, Table
from isocortex.data.labels import unique
from isocortex.errors import DataError
from isocortex_rsa.figures._drawing import DPI, INK, NORMAL, SMALL, grid_of, new_figure

_MOST_NUMBERS = 12
_MOST_PANELS = 30


def confusion_figure(confusion: Table, average: str = "subject", caption: str = "") -> Figure:
    """Draw confusion matrices: which share of the samples of a condition is called what.

    Parameters
    ----------
    confusion : output ``confusion`` of ``classify_categories``.
    average : axis (subject) whose matrices are averaged, where there is such a column; the others and the ROI
        make a panel each.
    caption : text below the picture in a report.
    """
    lacking = [name for name in ("true", "predicted", "share") if name not in confusion.columns]
    if lacking or not len(confusion):
        raise DataError("confusion_figure: wire the output confusion of classify_categories")
    names = list(confusion.columns)
    places = [name for name in names[: names.index("true")] if name != average]
    keys = [", ".join(str(row[name]) for name in places if row[name]) for row in confusion.rows()]
    panels = unique(keys)
    if len(panels) > _MOST_PANELS:
        raise DataError(
            f"confusion_figure: {len(panels)} matrices are more than {_MOST_PANELS}; pick some first"
        )
    conditions = unique([str(name) for name in confusion["true"]])
    matrices = [_matrix(confusion, np.array([key == panel for key in keys]), conditions) for panel in panels]
    side = max(1.6, 0.24 * len(conditions) + 0.5)
    margin = 0.06 * max(map(len, conditions))
    columns = min(3, len(panels))
    drawing = new_figure(
        columns * (side + margin) + 0.8, -(-len(panels) // columns) * (side + margin + 0.2) + 0.3
    )
    axes = grid_of(drawing, len(panels), columns)
    image: Any = None
    for panel, matrix, name in zip(axes, matrices, panels, strict=True):
        image = _panel(panel, matrix, conditions, name)
    bar = drawing.colorbar(image, ax=axes, shrink=0.8, aspect=18, pad=0.02)
    bar.set_label("share of the true condition", fontsize=SMALL, color=INK)
    bar.ax.tick_params(labelsize=SMALL, length=2, color=INK, labelcolor=INK)
    bar.outline.set_visible(False)
    text = caption or _caption(confusion, average, len(conditions))
    right = "; ".join(
        f"{name} {np.nanmean(np.diag(matrix)):.3f}".strip()
        for name, matrix in zip(panels, matrices, strict=True)
    )
    figure = Figure.from_matplotlib(drawing, text, confusion, dpi=DPI)
    return replace(figure, alt=f"{text} Mean share on the diagonal: {right}.")


def _matrix(confusion: Table, rows: Any, conditions: tuple[str, ...]) -> Any:
    """Shares (true, predicted), averaged over the rows that are of the same cell."""
    place = {name: number for number, name in enumerate(conditions)}
    total, count = np.zeros((2, len(conditions), len(conditions)))
    for true, predicted, share in zip(
        confusion["true"][rows], confusion["predicted"][rows], confusion["share"][rows], strict=True
    ):
        if not np.isnan(share):
            total[place[str(true)], place[str(predicted)]] += share
            count[place[str(true)], place[str(predicted)]] += 1
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _panel(panel: Any, matrix: Any, conditions: tuple[str, ...], title: str) -> Any:
    from matplotlib import colormaps

    colours = colormaps["Blues"].with_extremes(bad="#d9d9d9")
    image = panel.imshow(matrix, cmap=colours, vmin=0.0, vmax=1.0, interpolation="nearest")
    places = np.arange(len(conditions))
    panel.set_xticks(places, conditions, fontsize=SMALL, color=INK, rotation=90)
    panel.set_yticks(places, conditions, fontsize=SMALL, color=INK)
    panel.set_xlabel("predicted", fontsize=SMALL, color=INK)
    panel.set_ylabel("true", fontsize=SMALL, color=INK)
    panel.tick_params(length=0, pad=2)
    panel.spines[:].set_visible(False)
    panel.set_title(title, fontsize=NORMAL, color=INK)
    if len(conditions) <= _MOST_NUMBERS:
        for row, column in np.argwhere(~np.isnan(matrix)):
            share = matrix[row, column]
            colour = "white" if share > 0.55 else INK
            if round(100 * share):
                panel.text(
                    column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=5, color=colour
                )
    return image


def _caption(confusion: Table, average: str, conditions: int) -> str:
    text = f"Confusion matrix of {conditions} conditions: share (numbers: %) of the samples of each true "
    text += "condition that are classified as each condition"
    count = len(unique([str(name) for name in confusion[average]])) if average in confusion.columns else 1
    text += f", mean over {count} {average}s" if count > 1 else ""
    return text + "."
