"""Which stimulus does a decoded pattern belong to? Identification among candidates, ties by a named rule.

A decoded sample is compared with its own true features and with those of the other candidates. A comparison
is right where its own correlation is the larger one. Ties count half ("half", the default: the expected score
when they are broken at random), as wrong ("wrong": the strict < of bdpy) or as right ("correct": that of the
published code of Generic Object Decoding). A comparison with an undefined correlation (NaN: a constant
pattern) is a tie, which is also what both of those programs make of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError, suggestion
from isocortex_decoding.evaluation.blocks import BLOCK, Floats, Mask, matrix_of, same_units
from isocortex_decoding.evaluation.correlations import (
    correlation_rows,
    product_dtype,
    tie_tolerance,
    usable_units,
)

Indices = npt.NDArray[np.intp]
TieRule = Literal["half", "wrong", "correct"]

CREDIT: dict[str, float] = {"half": 0.5, "wrong": 0.0, "correct": 1.0}
"""What a tied comparison counts."""


class Identified(NamedTuple):
    """Identification of samples among candidates.

    ``scores`` (n,): share of the other candidates that lose against the right one, NaN where there are none;
    ``ties`` (n,): how many of them are tied; ``undefined`` (n,): the sample's own correlation is NaN;
    ``own`` (n,): its correlation with the right candidate; ``others``: how many other candidates there are;
    ``null`` (permutations,): mean score with the labels of the candidates permuted;
    ``between``: share of right comparisons with candidates of other categories, NaN without categories;
    ``within``: share of the comparisons that are with candidates of the same category, likewise;
    ``inside``: share of right ones among these, NaN where no category has two candidates.
    """

    scores: Floats
    ties: npt.NDArray[np.intp]
    undefined: Mask
    own: Floats
    others: int
    null: Floats
    between: float = float("nan")
    within: float = float("nan")
    inside: float = float("nan")


def pairwise_identification(
    correlations: npt.ArrayLike, own: npt.ArrayLike | None = None, tie_rule: TieRule = "half"
) -> Floats:
    """Share of the other candidates that each sample's right one beats (chance .5), from correlations.

    Parameters
    ----------
    correlations : array (n, m), of n decoded samples with m candidates.
    own : (n,), the column of each sample's right candidate (default: sample i has column i).

    Returns
    -------
    (n,), NaN where there is no other candidate.
    """
    values = np.asarray(correlations, dtype=np.float64)
    if values.ndim != 2:
        raise DataError(f"identification: expected correlations (samples, candidates), got {values.shape}")
    columns = np.arange(len(values)) if own is None else np.asarray(own, dtype=np.intp)
    return identify([(slice(0, len(values)), values)], columns, values.shape[1], tie_rule).scores


def identify(
    rows: Iterable[tuple[slice, Floats]],
    own: Indices,
    candidates: int,
    tie_rule: TieRule = "half",
    permutations: Indices | None = None,
    categories: Indices | None = None,
    tolerance: float = 1e-10,
) -> Identified:
    """Identify samples from rows of correlations with candidates; only the rows at hand are held.

    Parameters
    ----------
    rows : pairs (slice, correlations), as ``correlation_rows`` yields them.
    own : (n,), the candidate that is right for each sample.
    permutations : (p, candidates), for each permutation the candidate that takes the place of each one.
    categories : (candidates,), category codes.
    tolerance : correlations this close are tied.
    """
    credit = _credit(tie_rule)
    _check_own(own, candidates)
    samples = len(own)
    scores, ties, right = np.full(samples, np.nan), np.zeros(samples, dtype=np.intp), np.full(samples, np.nan)
    orders = np.empty((0, candidates), dtype=np.intp) if permutations is None else permutations
    null, between = np.zeros(len(orders)), np.zeros(4)
    for part, values in rows:
        mine = own[part]
        r = values[np.arange(len(mine)), mine]
        below, above = _counts(values, r, tolerance)
        right[part], ties[part] = r, candidates - 1 - below - above
        scores[part] = below + credit * ties[part]
        if len(orders):
            null += _permuted(values, mine, orders, credit, tolerance)
        if categories is not None:
            between += _by_category(values, r, categories, categories[mine], (credit, tolerance))
    if candidates > 1:
        scores /= candidates - 1
        null /= max(candidates - 1, 1) * max(samples, 1)
    empty = candidates < 2 or not samples
    return Identified(
        np.full(samples, np.nan) if empty else scores,
        ties,
        np.isnan(right),
        right,
        max(candidates - 1, 0),
        np.full(len(orders), np.nan) if empty else null,
        _share(between[0], between[1]),
        _share(between[3], between[1] + between[3]),
        _share(between[2], between[3]),
    )


def identify_features(
    decoded: Any,
    true: Any,
    own: npt.ArrayLike | None = None,
    tie_rule: TieRule = "half",
    permutations: Indices | None = None,
    categories: Indices | None = None,
    mean: Floats | None = None,
    norm: Floats | None = None,
    keep: Mask | None = None,
    rows: int | None = None,
    block: int = BLOCK,
) -> Identified:
    """Identify decoded features (n, units) among true ones (candidates, units), from memory maps too.

    ``mean`` and ``norm`` are training statistics by which both are normalised first; the lab's evaluation
    takes features as they are. ``own``: see ``pairwise_identification``.
    """
    first, second = matrix_of(decoded, "decoded features"), matrix_of(true, "true features")
    same_units(first, second, "identification")
    columns = np.arange(len(first)) if own is None else np.asarray(own, dtype=np.intp)
    tolerance = tie_tolerance(product_dtype(first, second))
    found = correlation_rows(first, second, mean, norm, keep, rows, block)
    return identify(found, columns, len(second), tie_rule, permutations, categories, tolerance)


class ZeroShot(NamedTuple):
    """``hits`` (n,): chance that the right candidate is among the best k, 0 or 1 unless it is tied across k;
    ``pairwise`` (n,): share of the distractors that it beats; ``ties`` (n,); ``chance`` = k / (C + 1)."""

    hits: Floats
    pairwise: Floats
    ties: npt.NDArray[np.intp]
    chance: float


def zero_shot_identification(
    decoded: Any,
    true: Any,
    distractors: Any,
    k: int = 1,
    tie_rule: TieRule = "half",
    mean: Floats | None = None,
    norm: Floats | None = None,
    block: int = BLOCK,
) -> ZeroShot:
    """Identify each sample among its own true features and C distractors, usually the training items.

    With C + 1 candidates, a decoder that only gives training items back stays at or below chance.
    Shirakawa et al. 2025 (``zero_shot_identification``).

    Parameters
    ----------
    decoded, true : (n, ...units), row by row the same stimulus.
    distractors : (C, ...units).
    k : the right one is to be among the k most alike.
    """
    from isocortex_decoding.evaluation.correlations import pattern_correlation

    first, others = matrix_of(decoded, "decoded features"), matrix_of(distractors, "distractors")
    second = matrix_of(true, "true features")
    same_units(first, second, "zero-shot identification")
    same_units(first, others, "zero-shot identification")
    if not 1 <= k <= len(others):
        raise DataError(
            f"zero-shot identification: k is {k}; give 1 to the number of distractors ({len(others)})"
        )
    credit = _credit(tie_rule)
    keep = usable_units(first, second, norm, None, block) & usable_units(first, others, norm, None, block)
    own = pattern_correlation(first, second, mean, norm, keep, block)
    below, above = np.zeros(len(own), dtype=np.intp), np.zeros(len(own), dtype=np.intp)
    tolerance = tie_tolerance(product_dtype(first, others))
    for part, values in correlation_rows(first, others, mean, norm, keep, block=block):
        below[part], above[part] = _counts(values, own[part], tolerance)
    ties = len(others) - below - above
    return ZeroShot(
        _hits(above, ties, k, tie_rule), (below + credit * ties) / len(others), ties, k / (len(others) + 1)
    )


def _hits(above: Indices, ties: Indices, k: int, tie_rule: str) -> Floats:
    """Chance that a candidate with so many above it and so many tied is among the best k."""
    if tie_rule == "half":
        return np.clip((k - above) / (ties + 1.0), 0.0, 1.0)
    behind = above + (ties if tie_rule == "wrong" else 0)
    return np.asarray(behind < k, dtype=np.float64)


def _credit(tie_rule: str) -> float:
    if tie_rule not in CREDIT:
        raise DataError(f"there is no tie rule {tie_rule!r}; {suggestion(tie_rule, CREDIT, 'tie rules')}")
    return CREDIT[tie_rule]


def _check_own(own: Indices, candidates: int) -> None:
    if own.ndim != 1 or (len(own) and (own.min() < 0 or own.max() >= candidates)):
        raise DataError(f"identification: each sample has one right candidate out of 0 to {candidates - 1}")


def _counts(values: Floats, r: Floats, tolerance: float) -> tuple[Indices, Indices]:
    """How many candidates of each row lie below and above a value; NaN is neither."""
    low, high = (r - tolerance)[:, None], (r + tolerance)[:, None]
    with np.errstate(invalid="ignore"):
        return np.count_nonzero(values < low, axis=1), np.count_nonzero(values > high, axis=1)


def _permuted(values: Floats, own: Indices, orders: Indices, credit: float, tolerance: float) -> Floats:
    """Sum over rows of right comparisons, when another candidate is taken for the right one: (p,)."""
    total = np.zeros(len(orders))
    others = values.shape[1] - 1
    ranked = np.sort(values, axis=1)  # NaN come last
    known = values.shape[1] - np.count_nonzero(np.isnan(values), axis=1)
    for row, (mine, line) in enumerate(zip(own, ranked, strict=True)):
        taken = values[row, orders[:, mine]]
        line = line[: known[row]]
        below = np.searchsorted(line, taken - tolerance, side="left")
        above = known[row] - np.searchsorted(line, taken + tolerance, side="right")
        undefined = np.isnan(taken)
        below[undefined] = above[undefined] = 0
        total += below + credit * (others - below - above)
    return total


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def _by_category(
    values: Floats, r: Floats, categories: Indices, mine: Indices, rule: tuple[float, float]
) -> Floats:
    """Right comparisons and all, with other categories and then within the own one: (4,)."""
    credit, tolerance = rule
    with np.errstate(invalid="ignore"):
        below, above = values < (r - tolerance)[:, None], values > (r + tolerance)[:, None]
    other = categories[None] != mine[:, None]
    right = below + credit * ~(below | above)
    inside = right.sum(where=~other) - credit * len(mine)  # the right candidate is tied with itself
    number = np.count_nonzero(other)
    return np.array([right.sum(where=other), number, inside, other.size - number - len(mine)])
