"""Rows of the tables that say how well features were decoded."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from isocortex.data import Table
from isocortex_decoding.evaluation.baselines import category_only_of
from isocortex_decoding.evaluation.blocks import Floats
from isocortex_decoding.evaluation.identification import Identified
from isocortex_decoding.evaluation.matching import Matched
from isocortex_decoding.evaluation.nulls import Null
from isocortex_decoding.evaluation.resampling import bootstrap_means, interval, permutation_p
from isocortex_decoding.evaluation.scoring import LayerScores

_BASELINES = ("category_only", "category_only_q", "q", "q_within")


class Scored(NamedTuple):
    """One layer of one subject and ROI, scored."""

    place: dict[str, str]
    layer: str
    matched: Matched
    scores: LayerScores
    averaged: str

    def by_stimulus(self, values: Floats) -> Floats:
        """Mean of a score over the trials of each stimulus, NaN left out."""
        known = ~np.isnan(values)
        total = np.bincount(self.matched.own[known], values[known], len(self.matched.stimuli))
        size = np.bincount(self.matched.own[known], minlength=len(self.matched.stimuli))
        return np.divide(total, size, out=np.full(len(size), np.nan), where=size > 0)

    def shares(self, values: Floats) -> Floats:
        """Share of each stimulus in the mean of a score over all trials."""
        known = ~np.isnan(values)
        trials = np.bincount(self.matched.own[known], minlength=len(self.matched.stimuli))
        return np.asarray(trials / max(trials.sum(), 1))


def say_what_is_missing(found: Sequence[Scored], what: str) -> None:
    """Warn of units that were left out and of samples without a correlation."""
    left = [(part, part.scores.left_out) for part in found if part.scores.left_out]
    if left:
        part, count = max(left, key=lambda pair: pair[1])
        warnings.warn(
            f"{what}: units that are not finite or have no spread in training were left out in {len(left)} "
            f"of {len(found)} evaluations, most in {part.layer!r}: {count} of {len(part.scores.profile)}",
            stacklevel=4,
        )
    undefined = [(part, int(part.scores.identified.undefined.sum())) for part in found]
    part, count = max(undefined, key=lambda pair: pair[1])
    if count:
        warnings.warn(
            f"{what}: {count} of {len(part.matched.own)} decoded samples of layer {part.layer!r} have no "
            "correlation with their true features (constant over units); all their comparisons count as tied",
            stacklevel=4,
        )


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def score_row(part: Scored, tie_rule: str, bootstraps: int, rng: np.random.Generator) -> dict[str, Any]:
    """One row for a layer, ROI and subject."""
    scores, identified = part.scores, part.scores.identified
    images, shares = part.by_stimulus(identified.scores), part.shares(identified.scores)
    draws = bootstrap_means(images[None], bootstraps, rng, "images", shares[None])
    return {
        **part.place,
        "layer": part.layer,
        "n": len(part.matched.own),
        "stimuli": len(part.matched.stimuli),
        "averaged": part.averaged,
        "units": len(scores.profile),
        "left_out": scores.left_out,
        "without_profile": scores.without_profile,
        "profile_correlation": _mean(scores.profile),
        "p_profile": _p_over([scores.profile_null]),
        "pattern_correlation": _mean(scores.pattern),
        "p_pattern": _p_over([scores.pattern_null]),
        **_accuracy(_mean(identified.scores), draws),
        **_baselines(identified),
        **_null(_mean(identified.scores), identified.null, scores.by_category),
        "tie_rule": tie_rule,
        "ties": int(identified.ties.sum()),
        "undefined": int(identified.undefined.sum()),
    }


def _accuracy(mean: float, draws: Floats) -> dict[str, float]:
    low, high = interval(draws)
    return {"identification": mean, "low": low, "high": high, "chance": 0.5}


def _baselines(found: Identified) -> dict[str, float]:
    return {
        "category_only": category_only_of(found.within),
        "category_only_q": category_only_of(found.within, found.between),
        "q": found.between,
        "q_within": found.inside,
    }


def _p_over(nulls: Sequence[Null | None]) -> float:
    """P of the mean over subjects; those without the value (NaN) are left out, as they are in the mean."""
    known = [null for null in nulls if null is not None and not np.isnan(null.observed)]
    if not known:
        return float("nan")
    return permutation_p(
        float(np.mean([null.observed for null in known])), _over_subjects([null.permuted for null in known])
    )


def _free(part: Scored) -> Floats:
    return part.scores.identified.null


def _kept(part: Scored) -> Floats:
    return part.scores.by_category


def _over_subjects(nulls: list[Floats]) -> Floats:
    size = min(len(null) for null in nulls)
    return np.asarray(np.mean([null[:size] for null in nulls], axis=0))


def _null(mean: float, null: Floats, by_category: Floats) -> dict[str, float]:
    low, high = interval(null)
    return {
        "p": permutation_p(mean, null),
        "null_low": low,
        "null_high": high,
        "p_categories": permutation_p(mean, by_category),
        "permutations": len(null),
    }


def image_rows(part: Scored) -> list[dict[str, Any]]:
    """One row a stimulus."""
    identified = part.scores.identified
    columns = {
        "identification": part.by_stimulus(identified.scores),
        "correlation": part.by_stimulus(identified.own),
        "pattern_correlation": part.by_stimulus(part.scores.pattern),
    }
    return [
        {
            **part.place,
            "layer": part.layer,
            "stimulus": name,
            **{column: float(values[row]) for column, values in columns.items()},
        }
        for row, name in enumerate(part.matched.stimuli)
    ]


def summary_rows(
    found: Sequence[Scored], rows: Sequence[dict[str, Any]], bootstraps: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """One row for each layer and ROI, over its subjects."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for index, part in enumerate(found):
        place = tuple(value for name, value in part.place.items() if name != "subject")
        groups.setdefault((*place, part.layer), []).append(index)
    return [
        _group([found[k] for k in members], [rows[k] for k in members], bootstraps, rng)
        for members in groups.values()
    ]


def _group(
    parts: list[Scored], rows: list[dict[str, Any]], bootstraps: int, rng: np.random.Generator
) -> dict[str, Any]:
    """One row over the subjects of a layer and ROI."""
    names = tuple(dict.fromkeys(name for part in parts for name in part.matched.stimuli))
    place_of = {name: index for index, name in enumerate(names)}
    scores, shares = np.full((len(parts), len(names)), np.nan), np.zeros((len(parts), len(names)))
    for subject, part in enumerate(parts):
        places = [place_of[name] for name in part.matched.stimuli]
        scores[subject, places] = part.by_stimulus(part.scores.identified.scores)
        shares[subject, places] = part.shares(part.scores.identified.scores)
    over: Any = "images and subjects" if len(parts) > 1 else "images"
    mean = _mean(np.array([row["identification"] for row in rows]))
    middle = {
        name: _mean(np.array([row[name] for row in rows]))
        for name in ("profile_correlation", "pattern_correlation", *_BASELINES)
    }
    place = {name: value for name, value in parts[0].place.items() if name != "subject"}
    return {
        **place,
        "layer": parts[0].layer,
        "subjects": len(parts),
        "stimuli": len(names),
        "profile_correlation": middle.pop("profile_correlation"),
        "p_profile": _p_over([part.scores.profile_null for part in parts]),
        "pattern_correlation": middle.pop("pattern_correlation"),
        "p_pattern": _p_over([part.scores.pattern_null for part in parts]),
        **_accuracy(mean, bootstrap_means(scores, bootstraps, rng, over, shares)),
        "interval_over": over,
        **middle,
        **_null(mean, *(_over_subjects([nulls(part) for part in parts]) for nulls in (_free, _kept))),
        "tie_rule": rows[0]["tie_rule"],
    }


def corrected(rows: Sequence[dict[str, Any]]) -> Table:
    """Put rows together, with p adjusted for all of them after p."""
    from isocortex_rsa.inference import fdr_bh

    adjusted = fdr_bh([row["p"] for row in rows])
    out = []
    for row, value in zip(rows, adjusted, strict=True):
        items = list(row.items())
        place = list(row).index("p") + 1
        out.append(dict([*items[:place], ("p_fdr", float(value)), *items[place:]]))
    return Table.from_rows(out)
