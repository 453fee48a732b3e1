"""Identification of stimuli from the pixels of their reconstructions, by ROI."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from isocortex.data import Figure, Table
from isocortex.data.labels import unique
from isocortex.errors import DataError
from isocortex_decoding import decoding_figure

_WHAT = "reconstruction_identification_figure"
_PANELS = {
    "identification_correlation": "by pixel correlation",
    "identification_euclidean": "by Euclidean distance",
}
_TIES = {"half": "half", "wrong": "as wrong", "correct": "as correct"}


def reconstruction_identification_figure(
    summary: Table, scores: Table | None = None, caption: str = ""
) -> Figure:
    """Draw how often stimuli are identified from the pixels of their reconstructions, by ROI and measure.

    Parameters
    ----------
    summary : output ``summary`` of ``evaluate_reconstructions``: means over subjects, with 95 % bootstrap
        intervals, chance, what the category alone would give, and 95 % of the permutations.
    scores : output ``scores``: every subject is then a dot.
    caption : text below the picture in a report.
    """
    drawn = _arranged(summary)
    dots = None if scores is None else _arranged(scores)
    figure = decoding_figure(drawn, dots, "identification", caption or _caption(drawn, dots is not None))
    kept = np.isin(summary["measure"], list(_PANELS))
    return replace(figure, table=Table({name: values[kept] for name, values in summary.columns.items()}))


def _arranged(table: Table) -> Table:
    """Rows of identification as ``decoding_figure`` takes them: a panel a measure, ROIs instead of layers."""
    if "measure" not in table.columns:
        raise DataError(f"{_WHAT}: wire the outputs summary and scores of evaluate_reconstructions")
    names = list(table.columns)
    axes = [name for name in names[: names.index("measure")] if name != "subject"]
    rows = [
        {
            "panel": _PANELS[row["measure"]],
            "layer": ", ".join(str(row[axis]) for axis in axes) or "all",
            "identification": row["value"],
            **{name: row[name] for name in names[names.index("measure") + 1 :] if name != "value"},
        }
        for row in table.rows()
        if row["measure"] in _PANELS
    ]
    if not rows:
        raise DataError(f"{_WHAT}: the table has no rows of identification")
    return Table.from_rows(rows)


def _caption(drawn: Table, dots: bool) -> str:
    subjects = max(int(count) for count in drawn["subjects"])
    stimuli = max(int(count) for count in drawn["stimuli"])
    text = f"Pairwise identification of {stimuli} stimuli from the pixels of their reconstructions, "
    text += "one set of reconstructions." if subjects == 1 else f"mean of {subjects} subjects."
    if dots and subjects > 1:
        text += " Small dots are single subjects."
    over = " or ".join(unique([str(name) for name in drawn["interval_over"]]))
    rules = ", ".join(_TIES.get(rule, rule) for rule in unique([str(rule) for rule in drawn["tie_rule"]]))
    text += (
        f" Whiskers: 95 % bootstrap interval over {over}; grey: 95 % of the permutations of stimulus labels;"
    )
    text += f" dashed: chance. Ties count {rules}."
    if not np.isnan(drawn["category_only_q"]).all():
        text += " Orange: what reconstructions of the category alone would reach."
    return text
