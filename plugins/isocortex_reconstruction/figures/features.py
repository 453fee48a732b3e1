"""How well features of reconstructions fit those of the stimuli, layer by layer."""

from __future__ import annotations

import numpy as np

from isocortex.data import Figure, Table
from isocortex.data.labels import unique
from isocortex.errors import DataError
from isocortex_decoding import decoding_figure
from isocortex_decoding.figures.accuracy import Value

_WHAT = "reconstruction_feature_figure"
_TIES = {"half": "half", "wrong": "as wrong", "correct": "as correct"}
_NAMES = {
    "identification": "Pairwise identification of stimuli from",
    "profile_correlation": "Profile correlation with the stimuli of",
    "pattern_correlation": "Pattern correlation with the stimuli of",
}


def reconstruction_feature_figure(
    summary: Table, scores: Table | None = None, value: Value = "identification", caption: str = ""
) -> Figure:
    """Draw how well features of reconstructions fit those of the stimuli, by layer, a panel for each ROI.

    Parameters
    ----------
    summary : output ``summary`` of ``evaluate_reconstruction_features``. Points are means over subjects; for
        identification with 95 % bootstrap intervals, chance, what the category alone would give, and 95 % of
        the permutations.
    scores : output ``scores``: every subject is then a dot.
    value : what is drawn: "identification" (pairwise), "profile_correlation" (of a unit, over stimuli) or
        "pattern_correlation" (of a stimulus, over units).
    caption : text below the picture in a report.
    """
    for table in (summary, *([] if scores is None else [scores])):
        if "layer" not in table.columns or not len(table):
            raise DataError(
                f"{_WHAT}: wire the outputs summary and scores of evaluate_reconstruction_features"
            )
    if value not in _NAMES:
        raise DataError(f"{_WHAT}: there is no value {value!r}; give one of {', '.join(_NAMES)}")
    return decoding_figure(summary, scores, value, caption or _caption(summary, scores, value))


def _caption(summary: Table, scores: Table | None, value: str) -> str:
    subjects = sorted({int(count) for count in summary["subjects"]})
    count = str(subjects[0]) if len(subjects) == 1 else f"{subjects[0]} to {subjects[-1]}"
    stimuli = sorted({int(number) for number in summary["stimuli"]})
    images = str(stimuli[0]) if len(stimuli) == 1 else f"{stimuli[0]} to {stimuli[-1]}"
    text = f"{_NAMES[value]} the features of their reconstructions, by layer: {images} stimuli, "
    text += "one set of reconstructions." if count == "1" else f"mean of {count} subjects."
    if scores is not None and count != "1":
        text += " Small dots are single subjects."
    if value != "identification":
        return text
    over = " or ".join(unique([str(name) for name in summary["interval_over"]]))
    rules = ", ".join(_TIES.get(rule, rule) for rule in unique([str(rule) for rule in summary["tie_rule"]]))
    text += (
        f" Whiskers: 95 % bootstrap interval over {over}; grey: 95 % of the permutations of stimulus labels;"
    )
    text += f" dashed: chance. Ties count {rules}."
    if not np.isnan(summary["category_only_q"]).all():
        text += " Orange: what reconstructions of the category alone would reach."
    return text
