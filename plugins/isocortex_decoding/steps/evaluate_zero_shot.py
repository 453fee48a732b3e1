"""Identification of decoded features among the training items."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from isocortex.data import Collected, Decoded, Features, Table
from isocortex.errors import DataError
from isocortex_decoding.evaluation.blocks import Floats, Rows, unit_statistics
from isocortex_decoding.evaluation.identification import TieRule, ZeroShot, zero_shot_identification
from isocortex_decoding.evaluation.matching import Stimuli, layers_of, match, places_of
from isocortex_decoding.evaluation.resampling import bootstrap_means, interval

_WHAT = "zero_shot_identification"


def evaluate_zero_shot(
    decoded: Decoded | Collected[Decoded],
    features: Features,
    training: Features,
    rng: np.random.Generator,
    k: int = 1,
    tie_rule: TieRule = "half",
    bootstraps: int = 1000,
    identify: Literal["raw", "normalised"] = "raw",
    stimuli: Stimuli = "same",
    layers: list[str] | None = None,
) -> Table:
    """Identify each decoded sample among its own true features and those of all C training items.

    A decoder that only gives training items back wins pairwise identification among test stimuli, and fails
    here (Shirakawa et al. 2025). Right is a sample whose true features are among the ``k`` most alike; chance
    is k / (C + 1).

    Parameters
    ----------
    decoded : of one axis value (subject, ROI, ...) or of several, labelled by stimulus.
    features : true features of the decoded stimuli.
    training : features of the training items, which are the distractors; none may be of a stimulus in
        ``features``. With ``identify: normalised`` all features are normalised by their mean and SD.
    k : how many of the most alike count as right, from 1 to C.
    layers : which, in this order (default: all decoded ones). The true and the training features must have
        them, with the same units.
    tie_rule, bootstraps, identify, stimuli : as in ``evaluate_decoding``.

    Returns
    -------
    Table: further axes, ``roi``, ``subject``, ``layer``, ``n``, ``distractors`` (C), ``k``, ``top_k`` (share
    of right samples) with ``low`` and ``high`` (95 % over images), ``chance``, ``pairwise`` (share of the
    training items that the true features beat, chance .5), ``ties``, ``tie_rule``.
    """
    shared = [name for name in training.stimuli if name in set(features.stimuli)]
    if shared:
        raise DataError(
            f"{_WHAT}: {len(shared)} stimuli are in the training features as well, {shared[0]!r} for one; "
            "they are no distractors for themselves"
        )
    rows: list[dict[str, Any]] = []
    for place, item in places_of(decoded, _WHAT):
        where = ", ".join([_WHAT, *filter(None, place.values())])
        matched = match(item, features, stimuli, "averaged", where)
        for layer in layers_of(item, [features, training], layers, where):
            true = Rows(features.matrix(layer), matched.rows[matched.own])
            known = training.matrix(layer)
            statistics = unit_statistics(known) if identify == "normalised" else (None, None)
            found = zero_shot_identification(item.matrix(layer), true, known, k, tie_rule, *statistics)
            row = _row(found, bootstraps, rng)
            counts = {"n": item.n_samples, "distractors": training.n_samples, "k": k}
            rows.append({**place, "layer": layer, **counts, **row, "tie_rule": tie_rule})
    return Table.from_rows(rows)


def _row(found: ZeroShot, bootstraps: int, rng: np.random.Generator) -> dict[str, Any]:
    low, high = interval(bootstrap_means(found.hits[None], bootstraps, rng, "images"))
    return {
        "top_k": _mean(found.hits),
        "low": low,
        "high": high,
        "chance": found.chance,
        "pairwise": _mean(found.pairwise),
        "ties": int(found.ties.sum()),
    }


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")
