"""All scores of one decoded layer: correlations, identification, and what was left out."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from isocortex_decoding.evaluation.blocks import BLOCK, Floats, matrix_of, same_units, unit_statistics
from isocortex_decoding.evaluation.correlations import pattern_by_rows, profile_by_rows, usable_units
from isocortex_decoding.evaluation.identification import Identified, Indices, TieRule, identify_features
from isocortex_decoding.evaluation.nulls import Null, pattern_null, profile_null


class Scoring(NamedTuple):
    """How a layer is scored; ``own`` (samples,) is the row of the true features that belongs to each sample.

    ``permutations`` (p, stimuli), ``by_category`` (likewise, of whole categories) and ``categories``
    (stimuli,) are over the rows of the true features.
    """

    own: Indices
    tie_rule: TieRule = "half"
    permutations: Indices | None = None
    categories: Indices | None = None
    normalise: bool = False
    block: int = BLOCK
    by_category: Indices | None = None


class LayerScores(NamedTuple):
    """``profile`` (units,), ``pattern`` (samples,; NaN without training features) and identification.

    ``by_category`` (permutations,): mean score with whole categories permuted. ``profile_null`` and
    ``pattern_null``: the mean correlations, with the stimuli permuted too (None without permutations).
    ``left_out`` counts the units that take no part in patterns and identification: not finite in some sample,
    or without spread in the training features where these normalise them.
    """

    profile: Floats
    pattern: Floats
    identified: Identified
    left_out: int
    by_category: Floats
    profile_null: Null | None = None
    pattern_null: Null | None = None

    @property
    def without_profile(self) -> int:
        """Units without a profile correlation: constant over samples on either side, or not finite."""
        return int(np.isnan(self.profile).sum())


def score_layer(decoded: Any, true: Any, training: Any, scoring: Scoring) -> LayerScores:
    """Score decoded features (samples, ...units) against true ones (stimuli, ...units); memory maps too.

    Parameters
    ----------
    training : features (n, ...units) whose mean and SD normalise patterns, or None.
    """
    first, second = matrix_of(decoded, "decoded features"), matrix_of(true, "true features")
    same_units(first, second, "evaluation")
    block, own = scoring.block, scoring.own
    profile = profile_by_rows(first, second, own, block)
    mean = norm = None
    pattern = np.full(len(first), np.nan)
    if training is not None:
        rows = matrix_of(training, "training features")
        same_units(first, rows, "evaluation: training features")
        mean, norm = unit_statistics(rows, block)
    finite = usable_units(first, second, None, None, block)
    keep = finite if norm is None else usable_units(first, second, norm, finite, block)
    if norm is not None:
        pattern = pattern_by_rows(first, second, own, mean, norm, keep, block)
    statistics = (mean, norm, keep) if scoring.normalise else (None, None, finite)
    orders = [part for part in (scoring.permutations, scoring.by_category) if part is not None]
    found = identify_features(
        first,
        second,
        own,
        scoring.tie_rule,
        np.concatenate(orders) if orders else None,
        scoring.categories,
        *statistics,
        block=block,
    )
    free = 0 if scoring.permutations is None else len(scoring.permutations)
    identified = found._replace(null=found.null[:free])
    nulls: list[Null | None] = [None, None]
    if scoring.permutations is not None and free:
        nulls[0] = profile_null(first, second, own, scoring.permutations, block)
        if norm is not None:
            nulls[1] = pattern_null(first, second, own, scoring.permutations, mean, norm, keep, block)
    left_out = int(np.count_nonzero(~keep))
    return LayerScores(profile, pattern, identified, left_out, found.null[free:], *nulls)
