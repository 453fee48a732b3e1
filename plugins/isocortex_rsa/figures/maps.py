"""Pictures of maps of the brain, through nilearn: orthogonal slices, axial slices, glass brain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from isocortex.data import Figure, Space, StatMaps, Table
from isocortex.data.base import Array
from isocortex.data.labels import same_labels
from isocortex.errors import DataError
from isocortex_rsa.figures._drawing import DPI, INK, NORMAL, SMALL, image_of
from isocortex_rsa.figures.anatomy import STATISTIC as ANATOMY

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

View = Literal["slices", "axial", "glass"]
Background = Literal["mask", "mni152"]
CUTS = 7
"""Axial slices in a row."""
WIDTH = 6.6
HEIGHTS = {"slices": 1.75, "axial": 1.1, "glass": 1.6}
"""Inches of one row."""
BRAIN = "#e4e4e4"
MOST_PLANES = 300
APART = 0.06
"""Room at each side of a slice, as a share of its width."""
COLUMNS = 5
"""Entries in a line of the legend."""


@dataclass(frozen=True)
class _Row:
    """One map to draw: values (voxels,), 0 where nothing is shown."""

    name: str
    values: Array


@dataclass(frozen=True)
class _Look:
    """How all rows are drawn: one scale, so that their colours can be compared.

    ``label`` stands at the colour bar; without one there is no bar. Slices go through what ``cut_by``
    (voxels,) shows, else through what is drawn.
    """

    view: View
    background: Background
    colours: Any
    low: float
    high: float
    label: str
    anatomy: StatMaps | None = None
    cut_by: Array | None = None


def map_figure(
    maps: StatMaps,
    p: StatMaps | None = None,
    alpha: float = 0.05,
    view: View = "slices",
    background: Background = "mask",
    limit: float | None = None,
    caption: str = "",
    anatomy: StatMaps | None = None,
) -> Figure:
    """Draw maps of the brain, one row each, all on one colour scale.

    Parameters
    ----------
    alpha : voxels with a larger ``p`` are not drawn.
    maps : NaN voxels are not drawn, so that a ``thresholded`` map shows what is significant.
    p : p-values of the same maps; voxels with p > ``alpha`` are not drawn.
    view : "slices" through the largest value, "axial" for seven slices from bottom to top of what is shown,
        "glass" for the projection through the whole brain (of maps in MNI space: it draws that outline).
    background : "mask" fills the mask, "mni152" draws the template, for maps in MNI space.
    limit : value at the ends of the colour scale (default: the largest).
    caption : text below the picture in a report.
    anatomy : from the step ``anatomy``, of the same grid: drawn behind the maps, instead of ``background``.
    """
    values = _shown(maps, p, alpha)
    largest = float(np.abs(values).max(initial=0.0))
    if limit is not None and not limit > 0:
        raise DataError(f"map_figure: limit {limit} must be above 0")
    end = limit or largest or 1.0
    signed = bool((values < 0).any())
    look = _Look(
        view, background, "RdBu_r" if signed else "YlOrRd", -end if signed else 0.0, end, maps.statistic,
        _checked(anatomy, maps.space, "map_figure"),
    )  # fmt: skip
    rows = [_Row(name, row) for name, row in zip(maps.names, values, strict=True)]
    figure = _draw(rows, maps.space, look)
    numbers = Table.from_rows([_numbers(row, maps.space) for row in rows])
    text = caption or _caption(maps, p, alpha, view)
    found = "; ".join(f"{row['map']}: {row['voxels']} voxels" for row in numbers.rows())
    return replace(
        Figure.from_matplotlib(figure, text, numbers, dpi=DPI), alt=f"{text} Voxels shown: {found}."
    )


def best_model_figure(
    number: StatMaps,
    models: Table,
    view: Literal["slices", "axial"] = "axial",
    background: Background = "mask",
    caption: str = "",
    anatomy: StatMaps | None = None,
    slices_of: StatMaps | None = None,
) -> Figure:
    """Draw which model fits best where, each model in a colour of its own (blue: early, red: late).

    Parameters
    ----------
    number, models : from ``best_model_map``.
    view : "axial" for seven slices, "slices" for three through the middle of what is shown. There is no glass
        brain: a projection would show the model of the highest number.
    background, anatomy : as in ``map_figure``.
    slices_of : a map of the same voxels, as ``number``: this picture has the slices that a picture of that
        map has, so that the two can be compared.
    """
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    if len(number) != 1 or number.statistic != "model number":
        raise DataError("best_model_figure: give number and models as best_model_map returns them")
    names, counts = models["model"].tolist(), models["voxels"].tolist()
    values = np.nan_to_num(np.asarray(number.values[0], dtype=np.float64))
    if values.max(initial=0) > len(names):
        raise DataError(
            f"best_model_figure: number {values.max():g} occurs, but models names only {len(names)}"
        )
    colours = colormaps["RdYlBu_r"](np.linspace(0, 1, max(2, len(names))))[: len(names)]
    behind = _checked(anatomy, number.space, "best_model_figure")
    cut_by = None if slices_of is None else _cut_by(slices_of, number.space)
    look = _Look(view, background, ListedColormap(colours), 0.5, len(names) + 0.5, "", behind, cut_by)
    lines = -(-len(names) // COLUMNS)
    figure = _draw([_Row("", values)], number.space, look, below=0.17 * lines + 0.15)
    _legend(figure, [f"{name} ({count})" for name, count in zip(names, counts, strict=True)], colours)
    text = caption or "The model that fits best at each voxel, where any fits (number of voxels)."
    told = "; ".join(f"{name} {count}" for name, count in zip(names, counts, strict=True))
    return replace(Figure.from_matplotlib(figure, text, models, dpi=DPI), alt=f"{text} {told}.")


def _shown(maps: StatMaps, p: StatMaps | None, alpha: float) -> npt.NDArray[np.float64]:
    values = np.nan_to_num(np.asarray(maps.values, dtype=np.float64))
    if p is None:
        return values
    maps.space.require_same_voxels(p.space, "map_figure: maps and p")
    order = same_labels(maps.names, p.names, "map_figure: names of maps and p")
    return np.where(p.values[order] <= alpha, values, 0.0)


def _checked(anatomy: StatMaps | None, space: Space, what: str) -> StatMaps | None:
    if anatomy is not None:
        anatomy.space.require_same_grid(space, f"{what}: anatomy and maps")
        if anatomy.statistic != ANATOMY or len(anatomy) != 1:
            raise DataError(f"{what}: wire anatomy to the step anatomy; this is {anatomy.summary()}")
    return anatomy


def _cut_by(other: StatMaps, space: Space) -> npt.NDArray[np.float64]:
    other.space.require_same_voxels(space, "best_model_figure: slices_of and number")
    if len(other) != 1:
        raise DataError(f"best_model_figure: slices_of holds {len(other)} maps; give one")
    return np.nan_to_num(np.asarray(other.values[0], dtype=np.float64))


def _draw(rows: Sequence[_Row], space: Space, look: _Look, below: float = 0.1) -> MatplotlibFigure:
    """One row of slices a map; ``below`` inches are kept free at the bottom."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as MatplotlibFigure

    height = HEIGHTS[look.view]
    title = 0.25 if any(row.name or not row.values.any() for row in rows) else 0.1
    total = (height + title) * len(rows) + below
    figure = MatplotlibFigure(figsize=(WIDTH, total))
    FigureCanvasAgg(figure)
    for place, row in enumerate(rows):
        bottom = (total - (place + 1) * (height + title)) / total
        axes = figure.add_axes((0.01, bottom, 0.88 if look.label else 0.98, height / total))
        _draw_row(figure, axes, row, space, look)
        text = row.name if row.values.any() else f"{row.name}: no voxel to show".removeprefix(": ")
        figure.text(0.01, bottom + (height + 0.06) / total, text, fontsize=NORMAL, color=INK, va="bottom")
    if look.label:
        _colour_bar(figure, look, total)
    return figure


def _draw_row(figure: MatplotlibFigure, axes: Any, row: _Row, space: Space, look: _Look) -> None:
    from nilearn import plotting

    volume = image_of(space.volume(row.values), space.affine) if row.values.any() else None
    place: dict[str, Any] = {"figure": figure, "axes": axes, "black_bg": False, "colorbar": False}
    scale = {"cmap": look.colours, "vmin": look.low, "vmax": look.high, "threshold": 1e-6 * look.high}
    if look.view == "glass":
        shown = plotting.plot_glass_brain(volume, plot_abs=False, display_mode="lyrz", **place, **scale)
    else:
        image, colours = _background(space, look)
        mode = "ortho" if look.view == "slices" else "z"
        shown = plotting.plot_img(
            image, cut_coords=_cuts(row, space, look), display_mode=mode, draw_cross=False, threshold=0.5,
            cmap=colours, resampling_interpolation="nearest", **place,
        )  # fmt: skip
        if volume is not None:
            shown.add_overlay(volume, resampling_interpolation="nearest", **scale)
    for part in shown.axes.values():
        for text in part.ax.texts:
            text.set_fontsize(SMALL)
        if look.view != "glass":  # room between brains that fill their boxes
            left, right = part.ax.get_xlim()
            part.ax.set_xlim(left - APART * (right - left), right + APART * (right - left))


def _background(space: Space, look: _Look) -> tuple[Any, Any]:
    """Image behind the slices, and its colours."""
    from matplotlib.colors import ListedColormap

    if look.anatomy is not None:
        brightness = look.anatomy.space.volume(look.anatomy.values[0])
        return image_of(100 * brightness, space.affine), "gray"
    if look.background == "mni152":
        from nilearn.datasets import load_mni152_template

        template: Any = load_mni152_template(resolution=2)
        return image_of(100 * template.get_fdata(), template.affine), "gray"
    return image_of(space.mask, space.affine), ListedColormap([BRAIN])


def _colour_bar(figure: MatplotlibFigure, look: _Look, total: float) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    height = min(1.3, 0.8 * total)
    axes = figure.add_axes((0.915, 0.5 - height / total / 2, 0.015, height / total))
    bar = figure.colorbar(ScalarMappable(Normalize(look.low, look.high), look.colours), cax=axes)
    bar.ax.tick_params(labelsize=SMALL, colors=INK, width=0.5, length=2)
    bar.outline.set_linewidth(0.5)
    bar.ax.set_title(look.label, fontsize=NORMAL, color=INK, pad=4)


def _cuts(row: _Row, space: Space, look: _Look) -> Any:
    """Where to cut, in millimetres: through the largest value, or evenly through what is shown."""
    values = row.values if look.cut_by is None else look.cut_by
    places = space.voxels[values != 0] if values.any() else space.voxels
    if look.view == "axial":
        return _planes(_height(places, space), _height(space.voxels, space))
    middle = np.median(places, axis=0)
    if look.label and row.values.any():
        middle = space.voxels[np.abs(row.values).argmax()]
    return tuple((space.affine[:3, :3] @ middle + space.affine[:3, 3]).tolist())


def _height(places: Array, space: Space) -> Array:
    """Millimetres upwards of voxels (n, 3)."""
    return np.asarray(places @ space.affine[2, :3] + space.affine[2, 3])


def _planes(shown: Array, there: Array) -> list[float]:
    """Heights to cut at: planes of voxels, evenly from bottom to top of what is shown, and around it."""
    bottom, top = np.quantile(shown, [0.05, 0.95])
    planes = np.unique(there.round(2))
    if len(planes) > MOST_PLANES:  # an oblique grid has no planes of one height
        return [float(height) for height in np.unique(np.linspace(bottom, top, CUTS).round(1))]
    first, last = (int(np.abs(planes - end).argmin()) for end in (bottom, top))
    lacking = max(0, CUTS - (last - first + 1))
    first, last = first - (lacking + 1) // 2, last + lacking // 2
    first, last = max(0, first - max(0, last - len(planes) + 1)), min(len(planes) - 1, last - min(0, first))
    return [float(planes[at]) for at in np.unique(np.linspace(first, last, CUTS).round().astype(int))]


def _legend(figure: MatplotlibFigure, texts: Sequence[str], colours: Array) -> None:
    """One entry a model, to be read line by line (matplotlib fills column by column)."""
    from matplotlib.patches import Patch

    columns = min(COLUMNS, len(texts))
    order = [entry for column in range(columns) for entry in range(column, len(texts), columns)]
    handles: Any = [Patch(facecolor=colours[k], edgecolor=INK, linewidth=0.4, label=texts[k]) for k in order]
    figure.legend(
        handles=handles, loc="lower center", ncols=columns, fontsize=SMALL, frameon=False,
        handlelength=1.0, columnspacing=1.2, handletextpad=0.4,
    )  # fmt: skip


def _numbers(row: _Row, space: Space) -> dict[str, Any]:
    """What a row shows: how many voxels, the peak and where it is."""
    peak = int(np.abs(row.values).argmax())
    place = space.affine[:3, :3] @ space.voxels[peak] + space.affine[:3, 3]
    shown = int(np.count_nonzero(row.values))
    where = place.tolist() if shown else [float("nan")] * 3
    return {
        "map": row.name,
        "voxels": shown,
        "peak": float(row.values[peak]) if shown else float("nan"),
        **dict(zip(("x_mm", "y_mm", "z_mm"), where, strict=True)),
    }


def _caption(maps: StatMaps, p: StatMaps | None, alpha: float, view: View) -> str:
    kinds = {
        "slices": "in slices through the largest value",
        "axial": "in axial slices",
        "glass": "projected through the brain",
    }
    text = f"Maps of {maps.statistic}, {kinds[view]}"
    return text + (f", where {p.statistic} is at most {alpha:g}." if p is not None else ".")
