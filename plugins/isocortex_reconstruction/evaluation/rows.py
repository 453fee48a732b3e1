"""Rows of the tables that say how alike reconstructions and originals are."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from isocortex_decoding.evaluation.baselines import category_only_of
from isocortex_decoding.evaluation.matching import Matched
from isocortex_decoding.evaluation.resampling import bootstrap_means, interval, permutation_p
from isocortex_reconstruction.evaluation.distances import Floats
from isocortex_reconstruction.evaluation.measures import Measured, mean_of


class Compared(NamedTuple):
    """One place (subject, roi, ...), measured; ``made`` says how the images were made comparable."""

    place: dict[str, str]
    matched: Matched
    measures: list[Measured]
    outside: Floats
    made: dict[str, str]

    def by_stimulus(self, values: Floats) -> Floats:
        """Mean of a score over the reconstructions of each stimulus, NaN left out."""
        known = ~np.isnan(values)
        total = np.bincount(self.matched.own[known], values[known], len(self.matched.stimuli))
        size = np.bincount(self.matched.own[known], minlength=len(self.matched.stimuli))
        return np.asarray(np.divide(total, size, out=np.full(len(size), np.nan), where=size > 0))

    def shares(self, values: Floats) -> Floats:
        """How many reconstructions of each stimulus have a score."""
        known = ~np.isnan(values)
        return np.bincount(self.matched.own[known], minlength=len(self.matched.stimuli)).astype(np.float64)


def say_what_is_undefined(found: Sequence[Compared], what: str) -> None:
    """Warn of images without a correlation (of a single level) and of SSIM on images that are too small."""
    for part in found:
        where = ", ".join([what, *part.place.values()])
        by_name = {measured.name: measured for measured in part.measures}
        count = by_name["identification_correlation"].undefined
        if count:
            warnings.warn(
                f"{where}: {count} of {len(part.matched.own)} reconstructions have no correlation with their "
                "originals (one of the two is of a single level); their comparisons count as tied",
                stacklevel=4,
            )
        if by_name["ssim"].undefined:
            warnings.warn(
                f"{where}: the images are smaller than the window of SSIM, which is NaN", stacklevel=4
            )


def score_rows(
    part: Compared, tie_rule: str, bootstraps: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """One row a measure, of one place."""
    rows = []
    for measured in part.measures:
        draws = np.empty(0)
        if measured.by_sample:
            scores, shares = part.by_stimulus(measured.values), part.shares(measured.values)
            draws = bootstrap_means(scores[None], bootstraps, rng, "images", shares[None])
        rows.append(
            {
                **part.place,
                "measure": measured.name,
                "n": len(part.matched.own),
                "stimuli": len(part.matched.stimuli),
                **_value(measured.mean, draws),
                **_chance(measured),
                **_null(measured, measured.mean, measured.null),
                **_ties(measured, tie_rule),
                "undefined": measured.undefined,
                "how": measured.how,
                **part.made,
                "outside": mean_of(part.outside),
            }
        )
    return rows


def summary_rows(
    found: Sequence[Compared], tie_rule: str, bootstraps: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """One row a measure, over the subjects of each ROI (and of each value of further axes)."""
    groups: dict[tuple[str, ...], list[Compared]] = {}
    for part in found:
        groups.setdefault(tuple(_without_subject(part.place).values()), []).append(part)
    return [
        _group(parts, [part.measures[place] for part in parts], tie_rule, bootstraps, rng)
        for parts in groups.values()
        for place in range(len(parts[0].measures))
    ]


def image_rows(part: Compared) -> list[dict[str, Any]]:
    """One row a stimulus."""
    columns = {
        measured.name: part.by_stimulus(measured.values) for measured in part.measures if measured.by_sample
    }
    columns["outside"] = part.by_stimulus(part.outside)
    counts = np.bincount(part.matched.own, minlength=len(part.matched.stimuli))
    return [
        {
            **part.place,
            "stimulus": name,
            "n": int(counts[row]),
            **{column: float(values[row]) for column, values in columns.items()},
        }
        for row, name in enumerate(part.matched.stimuli)
    ]


def _group(
    parts: list[Compared],
    measures: list[Measured],
    tie_rule: str,
    bootstraps: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    over: Any = "images and subjects" if len(parts) > 1 else "images"
    mean = mean_of(np.array([measured.mean for measured in measures]))
    draws = np.empty(0)
    if measures[0].by_sample:
        scores = np.stack([part.by_stimulus(m.values) for part, m in zip(parts, measures, strict=True)])
        shares = np.stack([part.shares(m.values) for part, m in zip(parts, measures, strict=True)])
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1.0)  # every subject counts the same
        draws = bootstrap_means(scores, bootstraps, rng, over, shares)
    chances = [_chance(measured) for measured in measures]
    middle = {name: mean_of(np.array([row[name] for row in chances])) for name in chances[0]}
    return {
        **_without_subject(parts[0].place),
        "measure": measures[0].name,
        "subjects": len(parts),
        "stimuli": len(parts[0].matched.stimuli),  # every part holds the same ones
        **_value(mean, draws),
        "interval_over": over if measures[0].by_sample else "",
        **middle,
        **_null(measures[0], mean, np.mean([measured.null for measured in measures], axis=0)),
        "tie_rule": tie_rule if measures[0].identified is not None else "",
    }


def _without_subject(place: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in place.items() if name != "subject"}


def _value(mean: float, draws: Floats) -> dict[str, float]:
    low, high = interval(draws)
    return {"value": mean, "low": low, "high": high}


def _chance(measured: Measured) -> dict[str, float]:
    found = measured.identified
    if found is None:
        return dict.fromkeys(("chance", "category_only", "category_only_q", "q", "q_within"), float("nan"))
    return {
        "chance": 0.5,
        "category_only": category_only_of(found.within),
        "category_only_q": category_only_of(found.within, found.between),
        "q": found.between,
        "q_within": found.inside,
    }


def _null(measured: Measured, mean: float, null: Floats) -> dict[str, float]:
    """Where less is better, the permutations that lie as low count."""
    known = null[~np.isnan(null)]
    low, high = interval(known)
    sign = 1.0 if measured.larger else -1.0
    return {
        "p": permutation_p(sign * mean, sign * known),
        "null_mean": mean_of(known),
        "null_low": low,
        "null_high": high,
        "permutations": len(known),
    }


def _ties(measured: Measured, tie_rule: str) -> dict[str, Any]:
    found = measured.identified
    return {
        "tie_rule": "" if found is None else tie_rule,
        "ties": 0 if found is None else int(found.ties.sum()),
    }
