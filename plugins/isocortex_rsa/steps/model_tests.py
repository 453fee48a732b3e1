"""Models tested over subjects."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from isocortex.data import Collected, Table
from isocortex.data.labels import unique
from isocortex.errors import DataError
from isocortex_rsa.steps import _tables as tables
from isocortex_rsa.steps._ceilings import Bounds, bounds_at, bounds_of
from isocortex_rsa.subject_tests.over_subjects import Correction, Outcome, Test, corrected, one_sample

_WHAT = "model_tests"
_ALTERNATIVES = {"above zero": "greater", "difference": "two-sided", "lower ceiling": "two-sided"}

Scores = Mapping[str, float]


class ModelTests(NamedTuple):
    """``tests``: one row a test; ``summary``: one row a model (in each ROI)."""

    tests: Table
    summary: Table


def model_tests(
    comparisons: Table | Collected[Table],
    ceilings: Table | Collected[Table] | None = None,
    subject: str | None = None,
    test: Test = "t",
    correction: Correction = "fdr_bh",
    alpha: float = 0.05,
) -> ModelTests:
    """Test models over subjects: above zero, against each other, and against the lower noise ceiling.

    Generalises to other subjects, not to other conditions. Each subject gives one value: its similarity
    (one-sided, greater than zero), the difference of two models' (two-sided), and the difference from its own
    part in the lower noise ceiling (two-sided). Subjects are matched by name.

    Parameters
    ----------
    comparisons : from ``compare_rdms``, one row a subject and model (in each ROI). Models of several steps
        have a column ``step``, and each step's are tested alone; ``join_rdms`` makes one set of them.
    ceilings : the output ``each`` of ``noise_ceilings``, of the same measure.
    subject : column with the subjects (default: ``subject``, or ``rdm`` where there is no such column).
    test : "t" or "wilcoxon" (signed ranks).
    correction : for the number of tests of one kind, over all models and ROIs: "fdr_bh", "bonferroni" or
        "none".
    alpha : corrected p below this are ``significant``.

    Returns
    -------
    ``tests``: ROI columns, ``test``, ``model``, ``other``, ``n``, ``mean`` (of the value tested),
    ``statistic``, ``p``, ``p_corrected``, ``significant``.
    ``summary``: ROI columns, ``model``, ``n``, ``mean``, ``standard_error``, ``measure``, and with ceilings
    ``lower``, ``upper``, ``above_ceiling`` (the mean exceeds the upper bound, by luck or mistake; it is not
    clipped) and ``reliable`` (the lower bound is above zero).
    """
    table = tables.one_table(comparisons, _WHAT)
    if not len(table):
        raise DataError(f"{_WHAT}: the table of comparisons has no rows")
    column = tables.subject_column(table, subject, _WHAT)
    places, measure = tables.place_columns(table, column), tables.measure_of(table, _WHAT)
    ends = None if ceilings is None else bounds_of(ceilings, column, measure, _WHAT)
    tests: list[dict[str, Any]] = []
    summary: list[dict[str, Any]] = []
    for place, scores in _scores(table, column, places).items():
        own = dict(zip(places, place, strict=True))
        end = None if ends is None else bounds_at(ends, own, _WHAT)
        tests += [{**own, **row} for row in _tests_of(scores, end, test)]
        for model, values in scores.items():
            summary.append({**own, "model": model, **_summary(values, end), "measure": measure})
    if max(row["n"] for row in tests) < 2:
        raise DataError(f"{_WHAT}: tests over {column}s need at least 2 of them")
    return ModelTests(_with_correction(tests, correction, alpha), Table.from_rows(summary))


def _scores(table: Table, subject: str, places: list[str]) -> dict[tuple[str, ...], dict[str, Scores]]:
    """Place -> model -> subject -> similarity."""
    where, models = tables.places_of(table, places), table["model"]
    found: dict[tuple[str, ...], dict[str, Scores]] = {}
    for place in dict.fromkeys(where):
        here = np.array([own == place for own in where])
        for model in unique([str(name) for name in models[here]]):
            rows = here & (models == model)
            what = f"{_WHAT}: model {model!r}"
            found.setdefault(place, {})[model] = tables.by_subject(table, rows, subject, "similarity", what)
    return found


def _tests_of(scores: Mapping[str, Scores], end: Bounds | None, test: Test) -> list[dict[str, Any]]:
    rows = [_row("above zero", model, "", list(values.values()), test) for model, values in scores.items()]
    for one, other in combinations(scores, 2):
        rows.append(
            _row("difference", one, other, _differences(scores[one], scores[other], one, other), test)
        )
    if end is not None:
        for model, values in scores.items():
            difference = _differences(values, end.lower, model, "the noise ceiling")
            rows.append(_row("lower ceiling", model, "", difference, test))
    return rows


def _row(kind: str, model: str, other: str, values: list[float], test: Test) -> dict[str, Any]:
    found: Outcome = one_sample(values, test, _ALTERNATIVES[kind])
    return {
        "test": kind,
        "model": model,
        "other": other,
        "n": found.n,
        "mean": found.mean,
        "statistic": found.statistic,
        "p": found.p,
    }


def _differences(first: Scores, second: Scores, one: str, other: str) -> list[float]:
    if set(first) != set(second):
        odd = sorted(set(first) ^ set(second))
        raise DataError(f"{_WHAT}: only one of {one!r} and {other!r} has {', '.join(odd)}")
    return [value - second[name] for name, value in first.items()]


def _summary(values: Scores, end: Bounds | None) -> dict[str, Any]:
    known = np.array([value for value in values.values() if not np.isnan(value)])
    mean = float(known.mean()) if known.size else float("nan")
    error = float(known.std(ddof=1) / np.sqrt(known.size)) if known.size > 1 else float("nan")
    row: dict[str, Any] = {"n": int(known.size), "mean": mean, "standard_error": error}
    if end is not None:
        lower, upper = end.means()
        row |= {"lower": lower, "upper": upper, "above_ceiling": mean > upper, "reliable": lower > 0}
    return row


def _with_correction(rows: list[dict[str, Any]], correction: Correction, alpha: float) -> Table:
    kinds = np.array([row["test"] for row in rows])
    p = np.array([row["p"] for row in rows])
    adjusted = np.full(len(rows), np.nan)
    for kind in dict.fromkeys(kinds.tolist()):
        adjusted[kinds == kind] = corrected(p[kinds == kind], correction)
    return Table.from_rows(
        [
            {**row, "p_corrected": float(value), "significant": bool(value < alpha)}
            for row, value in zip(rows, adjusted, strict=True)
        ]
    )
