"""Bars of the similarity of layers and brain inside the regions of concept codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np

from isocortex.data import Collected, Figure, Table
from isocortex.data.labels import unique
from isocortex.errors import DataError

INK, BAR, DPI = "#222222", "#9ecae1", 200
COLUMNS = ("region", "model", "mean", "error", "error_is", "subjects", "voxels", "measure")


class CodeBars(NamedTuple):
    """The picture, and a row a bar."""

    figure: Figure
    table: Table


def code_region_bars(
    table: Table | Collected[Table],
    error: Literal["subjects", "lee2023_sd_by_n"] = "subjects",
    caption: str = "",
) -> CodeBars:
    """Average the similarities in the codes' regions over subjects and draw them, a panel a region.

    Parameters
    ----------
    table : from ``code_region_rsa``, of one subject or of several.
    error : "subjects" is the standard error of the mean over subjects (ddof 1), none for a single one. Voxels
        are no independent observations; "lee2023_sd_by_n" nevertheless gives, for a single subject, the SD
        over voxels divided by their number, which the study's notebook 06-2 takes for the standard error.
    caption : text below the picture in a report.
    """
    parts = list(table.values()) if isinstance(table, Collected) else [table]
    if error != "subjects" and len(parts) != 1:
        raise DataError(
            f"code_region_bars: error: {error} is over the voxels of one subject, there are {len(parts)}"
        )
    rows = [row for part in parts for row in part.rows()]
    bars = [_bar(own, error) for own in _grouped(rows)]
    found = Table.from_rows(bars, COLUMNS) if bars else Table({name: np.empty(0) for name in COLUMNS})
    return CodeBars(bars_figure(bars, caption or _caption(bars, error, len(parts)), found), found)


def bars_figure(bars: list[dict[str, Any]], text: str, table: Table) -> Figure:
    """Draw bars (region, model, mean, error), a panel a region; without bars the text is the picture."""
    drawing = _draw(bars) if bars else sentence(text)
    told = "; ".join(f"{bar['region']} {bar['model']} {bar['mean']:.3f}" for bar in bars)
    return replace(Figure.from_matplotlib(drawing, text, table, dpi=DPI), alt=f"{text} {told}".strip())


def sentence(text: str) -> Any:
    """A picture that only says why there is none."""
    from textwrap import fill

    from matplotlib.figure import Figure as MatplotlibFigure

    lines = fill(text, 90)
    drawing = MatplotlibFigure(figsize=(6.6, 0.3 + 0.2 * (lines.count("\n") + 1)))
    drawing.text(0.01, 0.5, lines, fontsize=9, color=INK, va="center")
    return drawing


def _grouped(rows: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["region"], row["model"]), []).append(row)
    return list(found.values())


def _bar(rows: list[dict[str, Any]], error: str) -> dict[str, Any]:
    """One region and model; a subject without a value is left out and not counted."""
    known = [row for row in rows if not np.isnan(row["similarity"])]
    values = np.array([row["similarity"] for row in known])
    spread = float("nan")
    if error == "subjects" and len(known) > 1:
        spread = float(values.std(ddof=1) / np.sqrt(len(values)))
    elif error != "subjects" and known:
        spread = float(known[0]["sd"] / known[0]["voxels"])
    return {
        "region": rows[0]["region"],
        "model": rows[0]["model"],
        "mean": float(values.mean()) if len(values) else float("nan"),
        "error": spread,
        "error_is": error,
        "subjects": len(known),
        "voxels": float(np.mean([row["voxels"] for row in rows])),
        "measure": rows[0]["measure"],
    }


def _caption(bars: list[dict[str, Any]], error: str, subjects: int) -> str:
    if not bars:
        return "No code has a region here, so there is nothing to compare layers in."
    whose = f"{subjects} subjects" if subjects > 1 else "one subject"
    text = (
        f"Similarity ({bars[0]['measure']}) of layers and brain over a code's pairs, in its region; {whose}."
    )
    if error != "subjects":
        return f"{text} Whiskers: SD over voxels by their number (Lee et al. 2023), no standard error."
    return f"{text} Whiskers: standard error over subjects." if subjects > 1 else text


def _draw(bars: list[dict[str, Any]]) -> Any:
    from matplotlib.figure import Figure as MatplotlibFigure

    regions = unique([bar["region"] for bar in bars])
    columns = min(3, len(regions))
    rows = -(-len(regions) // columns)
    drawing = MatplotlibFigure(figsize=(2.6 * columns, 2.1 * rows), layout="constrained")
    grid = drawing.subplots(rows, columns, squeeze=False, sharey=True)
    for place in grid.flat:
        place.set_axis_off()
    for place, region in zip(grid.flat, regions, strict=False):
        _panel(place, region, [bar for bar in bars if bar["region"] == region])
    return drawing


def _panel(place: Any, region: str, bars: list[dict[str, Any]]) -> None:
    place.set_axis_on()
    place.set_title(region, fontsize=8, color=INK, loc="left")
    heights = [bar["mean"] for bar in bars]
    errors = [0.0 if np.isnan(bar["error"]) else bar["error"] for bar in bars]
    place.bar(range(len(bars)), heights, width=0.7, color=BAR)
    place.errorbar(range(len(bars)), heights, yerr=errors, fmt="none", ecolor=INK, elinewidth=1, capsize=2)
    place.axhline(0.0, color=INK, linewidth=0.8)
    place.set_xticks(range(len(bars)), [bar["model"] for bar in bars], fontsize=6, rotation=90)
    place.tick_params(axis="y", labelsize=7)
    place.spines[["top", "right"]].set_visible(False)
