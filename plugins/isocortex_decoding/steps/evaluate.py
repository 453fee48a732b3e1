"""How well features were decoded, as tables by layer, ROI and subject."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from isocortex.data import Collected, Decoded, Features, Table
from isocortex.data.labels import codes
from isocortex.errors import DataError
from isocortex_decoding.evaluation import tables
from isocortex_decoding.evaluation.blocks import Rows
from isocortex_decoding.evaluation.identification import Indices, TieRule
from isocortex_decoding.evaluation.matching import Matched, Stimuli, Trials, layers_of, match, places_of
from isocortex_decoding.evaluation.resampling import category_permutations, label_permutations
from isocortex_decoding.evaluation.scoring import Scoring, score_layer
from isocortex_decoding.evaluation.tables import Scored

_WHAT = "evaluate_decoding"


class Evaluation(NamedTuple):
    """Three tables.

    ``scores``: further axes, ``roi``, ``subject``, ``layer``, ``n`` (samples), ``stimuli`` (candidates),
    ``averaged`` (repetitions a sample, "" unknown), ``units``, ``left_out`` and ``without_profile`` (units),
    ``profile_correlation`` (mean over units), ``pattern_correlation`` (mean over samples), each followed by
    its ``p_profile`` and ``p_pattern`` (stimuli permuted),
    ``identification`` with its interval ``low`` and ``high``, ``chance``, ``category_only`` (what it were if
    only the category were known and ``q`` were 1), ``category_only_q`` (with the measured ``q``), ``q``
    and ``q_within`` (shares of right comparisons between categories and within one; a decoder of categories
    alone leaves the latter at .5), ``p``, ``p_fdr`` (Benjamini-Hochberg over the table),
    ``null_low``, ``null_high`` (95 % of the permutations), ``p_categories`` (whole categories permuted,
    where they have as many stimuli, and stimuli within them; NaN where categories do not repeat),
    ``permutations``, ``tie_rule``, ``ties``, ``undefined`` (samples without a correlation: all their
    comparisons are tied).
    ``summary``: the same over subjects, for each ROI and layer; ``interval_over`` says what was resampled.
    ``images``: ``identification``, ``correlation`` (with the own true features) and ``pattern_correlation``
    of each stimulus.
    """

    scores: Table
    summary: Table
    images: Table


def evaluate_decoding(
    decoded: Decoded | Collected[Decoded],
    features: Features,
    rng: np.random.Generator,
    training: Features | None = None,
    tie_rule: TieRule = "half",
    permutations: int = 1000,
    bootstraps: int = 1000,
    identify: Literal["raw", "normalised"] = "raw",
    stimuli: Stimuli = "same",
    trials: Trials = "averaged",
    layers: list[str] | None = None,
) -> Evaluation:
    """Compare decoded features with the true ones: correlations and pairwise identification.

    Samples are aligned by stimulus label; a label that one side lacks is an error that names it. Units that
    are not finite take no part and are counted. Layers are read block by block.

    Parameters
    ----------
    decoded : of one axis value (subject, ROI, ...) or of several, labelled by stimulus.
    features : true features of the decoded stimuli; their categories give the category-only baseline.
    training : features of the training stimuli, whose mean and SD normalise the units for the pattern
        correlation; without them that is NaN. A unit without spread there is left out.
    tie_rule : what a tied comparison counts: "half", "wrong" (bdpy) or "correct" (Generic Object Decoding).
    permutations : of the stimulus labels, for the nulls; pairs of stimuli share members, so no binomial test
        holds. They are the same for all subjects, so that what subjects share stays shared.
        ``p`` takes any two stimuli as exchangeable. Where both sides cluster by category, the few categories
        may agree by chance: then ``p`` is too small for any claim about new categories, and ``p_categories``
        holds.
    bootstraps : for 95 % intervals: over images in ``scores``, over images and subjects in ``summary``.
    identify : features as they are ("raw", as in the lab's evaluation), or normalised by ``training``.
    stimuli : "same": both sides hold the same stimuli; "decoded": the true features may hold more, which are
        no candidates.
    trials : "single" where samples are labelled ``sample000001-STIMULUS``.
    layers : which, in this order (default: all decoded ones). The true and the training features must have
        them, with the same units.
    """
    if identify == "normalised" and training is None:
        raise DataError(f"{_WHAT}: identify: normalised needs training features to normalise by")
    found: list[Scored] = []
    nulls: dict[tuple[str, ...], tuple[Indices, Indices | None]] = {}
    for place, item in places_of(decoded, _WHAT):
        where = ", ".join([_WHAT, *filter(None, place.values())])
        matched = match(item, features, stimuli, trials, where)
        kinds = _categories(features, matched)
        if matched.stimuli not in nulls:
            nulls[matched.stimuli] = _orders(len(matched.stimuli), kinds, permutations, rng)
        free, kept = nulls[matched.stimuli]
        scoring = Scoring(matched.own, tie_rule, free, kinds, identify == "normalised", by_category=kept)
        for layer in layers_of(item, [features] if training is None else [features, training], layers, where):
            true = Rows(features.matrix(layer), matched.rows)
            known = None if training is None else training.matrix(layer)
            scores = score_layer(item.matrix(layer), true, known, scoring)
            found.append(Scored(place, layer, matched, scores, _averaged(item)))
    tables.say_what_is_missing(found, _WHAT)
    rows = [tables.score_row(part, tie_rule, bootstraps, rng) for part in found]
    return Evaluation(
        tables.corrected(rows),
        tables.corrected(tables.summary_rows(found, rows, bootstraps, rng)),
        Table.from_rows([row for part in found for row in tables.image_rows(part)]),
    )


def _categories(features: Features, matched: Matched) -> Indices | None:
    if features.categories is None:
        return None
    return codes([features.categories[row] for row in matched.rows])


def _orders(
    stimuli: int, kinds: Indices | None, permutations: int, rng: np.random.Generator
) -> tuple[Indices, Indices | None]:
    """Permutations of single stimuli, and of whole categories where there are any."""
    free = label_permutations(stimuli, permutations, rng)
    return free, None if kinds is None else category_permutations(kinds, permutations, rng)


def _averaged(decoded: Decoded) -> str:
    if not decoded.averaged:
        return ""
    low, high = min(decoded.averaged), max(decoded.averaged)
    return str(low) if low == high else f"{low} to {high}"
