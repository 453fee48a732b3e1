"""Identification, with ties, NaN, permutations and categories, against loops over all pairs."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import cdist

from isocortex.errors import DataError
from isocortex_decoding.evaluation.baselines import category_only, category_only_of, within_share
from isocortex_decoding.evaluation.identification import (
    CREDIT,
    identify,
    identify_features,
    pairwise_identification,
    zero_shot_identification,
)
from isocortex_decoding.evaluation.resampling import label_permutations, permutation_p


def brute(correlations: np.ndarray, own: list[int], rule: str) -> list[float]:
    scores = []
    for row, mine in zip(correlations, own, strict=True):
        others = [value for column, value in enumerate(row) if column != mine]
        right = sum(row[mine] > value for value in others)
        lost = sum(row[mine] < value for value in others)
        tied = len(others) - right - lost  # NaN compares with nothing
        scores.append((right + CREDIT[rule] * tied) / len(others) if others else np.nan)
    return scores


def bdpys(correlations: np.ndarray) -> list[float]:
    """bdpy's evals.metrics.pairwise_identification: strict <."""
    n = len(correlations)
    return [float(np.sum(row[k] > np.delete(row, k)) / (n - 1)) for k, row in enumerate(correlations)]


def gods(correlations: np.ndarray) -> list[float]:
    """GOD: (candidates - 1 - number of larger correlations) / (candidates - 1)."""
    n = len(correlations)
    return [float((n - 1 - np.sum(row > row[k])) / (n - 1)) for k, row in enumerate(correlations)]


LEVELS = st.sampled_from([-0.5, 0.0, 0.25, 0.5, float("nan")])


@settings(max_examples=100, deadline=None)
@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=LEVELS), st.data())
def test_identification_is_the_comparison_of_all_pairs(r: np.ndarray, data: st.DataObject) -> None:
    own = data.draw(st.lists(st.integers(0, r.shape[1] - 1), min_size=len(r), max_size=len(r)))
    for rule in CREDIT:
        np.testing.assert_allclose(pairwise_identification(r, own, rule), brute(r, own, rule))


@settings(max_examples=50, deadline=None)
@given(hnp.arrays(np.float64, st.integers(2, 6).map(lambda n: (n, n)), elements=LEVELS))
def test_the_two_published_rules(r: np.ndarray) -> None:
    np.testing.assert_allclose(pairwise_identification(r, tie_rule="wrong"), bdpys(r))
    np.testing.assert_allclose(pairwise_identification(r, tie_rule="correct"), gods(r))


def test_a_decoder_that_knows_nothing_is_at_chance_whatever_it_gives() -> None:
    """A constant prediction: all comparisons tied; strict rules would call it the worst or the best."""
    true = np.random.default_rng(0).normal(size=(5, 30))
    for decoded in (np.zeros((5, 30)), np.tile(true.mean(axis=0), (5, 1))):
        found = identify_features(decoded, true)
        assert np.mean(found.scores) == pytest.approx(0.5)
    assert identify_features(np.zeros((5, 30)), true).undefined.all()
    assert identify_features(np.zeros((5, 30)), true).ties.tolist() == [4] * 5
    assert (identify_features(np.zeros((5, 30)), true, tie_rule="wrong").scores == 0).all()
    assert (identify_features(np.zeros((5, 30)), true, tie_rule="correct").scores == 1).all()


def test_candidates_that_differ_by_rounding_are_tied() -> None:
    rng = np.random.default_rng(1)
    true = rng.normal(size=(4, 1001))
    true[3] = true[0] * 3.0 + 0.1  # the same pattern on another scale
    found = identify_features(true + rng.normal(size=true.shape), true, block=97)
    assert found.ties.tolist() == [1, 0, 0, 1] and found.others == 3


@pytest.mark.parametrize("rows", [1, 4, 100])
def test_permutations_are_relabelled_identifications(rows: int) -> None:
    rng = np.random.default_rng(2)
    decoded, true = rng.normal(size=(9, 12)).round(1), rng.normal(size=(6, 12)).round(1)
    true[4], decoded[3] = true[1], 1.0
    own = rng.integers(0, 6, 9)
    orders = label_permutations(6, 40, rng)
    r = 1 - cdist(decoded, true, "correlation")
    r[3] = np.nan
    for rule in CREDIT:
        found = identify_features(decoded, true, own, rule, orders, rows=rows)
        np.testing.assert_allclose(found.scores, brute(r.round(9), own.tolist(), rule))
        want = [np.mean(brute(r.round(9), order[own].tolist(), rule)) for order in orders]
        np.testing.assert_allclose(found.null, want, rtol=1e-12)


def test_shares_by_category_are_counts_of_pairs() -> None:
    rng = np.random.default_rng(3)
    r = rng.integers(0, 4, (7, 7)) / 4
    categories = np.array([0, 0, 1, 1, 1, 2, 0])
    found = identify([(slice(0, 7), r)], np.arange(7), 7, categories=categories)
    right: dict[bool, list[float]] = {True: [], False: []}
    for i, j in permutations(range(7), 2):
        won = 0.5 if r[i, j] == r[i, i] else float(r[i, j] < r[i, i])
        right[bool(categories[i] == categories[j])].append(won)
    assert found.between == pytest.approx(np.mean(right[False])) != found.inside
    assert found.inside == pytest.approx(np.mean(right[True]))
    assert found.within == pytest.approx(1 - len(right[False]) / 42)
    assert found.within == pytest.approx(within_share([str(code) for code in categories]))
    alone = identify([(slice(0, 7), r)], np.arange(7), 7, categories=np.zeros(7, int))
    assert np.isnan(alone.between) and alone.within == 1.0
    assert alone.inside == pytest.approx(alone.scores.mean())
    assert np.isnan(identify([(slice(0, 7), r)], np.arange(7), 7, categories=np.arange(7)).inside)


def test_category_only_is_what_a_decoder_of_the_category_gets() -> None:
    assert category_only(10) == pytest.approx(1 - 1 / 20) and category_only(1) == 0.5
    assert category_only(4, 0.8) == pytest.approx(0.25 * 0.5 + 0.75 * 0.8)
    categories = np.repeat(np.arange(4), 5)
    prototypes = np.random.default_rng(4).normal(size=(4, 300))
    true = prototypes[categories] + 0.1 * np.random.default_rng(5).normal(size=(20, 300))
    found = identify_features(prototypes[categories], true, categories=categories)
    within = within_share([str(code) for code in categories])
    assert found.between == 1.0 and found.within == pytest.approx(within) == pytest.approx(4 / 19)
    assert found.scores.mean() == pytest.approx(category_only_of(within), abs=0.03)
    assert found.inside == pytest.approx(0.5, abs=0.15)
    assert category_only_of(1.0, float("nan")) == 0.5 and np.isnan(within_share(["a"]))
    with pytest.raises(DataError, match="q of 0 to 1"):
        category_only(3, 1.2)


@pytest.mark.parametrize("rule", sorted(CREDIT))
def test_zero_shot_among_training_items(rule: str) -> None:
    rng = np.random.default_rng(6)
    true, training = rng.normal(size=(8, 10)), rng.normal(size=(5, 10))
    decoded = true + 2 * rng.normal(size=true.shape)
    training[1] = true[2]  # tied for sample 2
    training[3] = training[4]
    r = np.hstack(
        [
            np.diag(1 - cdist(decoded, true, "correlation"))[:, None],
            1 - cdist(decoded, training, "correlation"),
        ]
    )
    for k in (1, 2, 5):
        found = zero_shot_identification(decoded, true, training, k, rule, block=13)
        assert found.chance == pytest.approx(k / 6)
        np.testing.assert_allclose(found.pairwise, brute(r.round(9), [0] * 8, rule))
        for hit, row in zip(found.hits, r.round(9), strict=True):
            above, tied = np.sum(row[1:] > row[0]), np.sum(row[1:] == row[0])
            places = range(above, above + tied + 1)  # where the right one can stand among those tied
            ranks = {"wrong": [places[-1]], "correct": [places[0]], "half": list(places)}[rule]
            assert hit == pytest.approx(np.mean([rank < k for rank in ranks]))
    for k in (0, 6):
        with pytest.raises(DataError, match="number of distractors"):
            zero_shot_identification(decoded, true, training, k)


def test_zero_shot_leaves_out_units_that_are_not_finite_anywhere() -> None:
    rng = np.random.default_rng(7)
    true, training = rng.normal(size=(6, 12)), rng.normal(size=(9, 12))
    decoded = true + rng.normal(size=true.shape)
    want = zero_shot_identification(decoded[:, 3:], true[:, 3:], training[:, 3:])
    decoded[0, 0], true[1, 1], training[2, 2] = np.nan, np.inf, np.nan
    found = zero_shot_identification(decoded, true, training)
    np.testing.assert_array_equal(found.pairwise, want.pairwise)
    np.testing.assert_array_equal(found.hits, want.hits)
    assert not found.ties.any()


def test_one_and_two_and_no_candidates() -> None:
    assert np.isnan(pairwise_identification(np.ones((1, 1)))).all()
    assert pairwise_identification(np.empty((0, 0))).shape == (0,)
    assert pairwise_identification(np.array([[1.0, 0.0], [1.0, 0.0]])).tolist() == [1.0, 0.0]
    empty = identify([], np.empty(0, int), 3, permutations=label_permutations(3, 5, np.random.default_rng(0)))
    assert empty.scores.shape == (0,) and np.isnan(empty.null).all() and len(empty.null) == 5
    with pytest.raises(DataError, match="one right candidate"):
        pairwise_identification(np.ones((2, 2)), [0, 2])
    with pytest.raises(DataError, match="tie rules"):
        pairwise_identification(np.ones((2, 2)), tie_rule="strict")
    with pytest.raises(DataError, match="samples, candidates"):
        pairwise_identification(np.ones(3))


def test_p_of_the_permutations() -> None:
    rng = np.random.default_rng(7)
    assert label_permutations(1, 10, rng).shape == (0, 1) and label_permutations(5, 0, rng).shape == (0, 5)
    assert label_permutations(2, 10, rng).tolist() == [[1, 0]]
    assert len(label_permutations(3, 10, rng)) == 5  # all orders but the identity
    null = np.array([0.1, 0.5, 0.5 + 1e-14, 0.9])
    assert permutation_p(0.5, null) == pytest.approx(4 / 5)
    assert permutation_p(2.0, null) == pytest.approx(1 / 5)
    assert np.isnan(permutation_p(0.5, null[:0])) and np.isnan(permutation_p(np.nan, null))


def test_p_is_uniform_where_nothing_was_decoded() -> None:
    rng = np.random.default_rng(8)
    p = []
    for _ in range(200):
        decoded, true = rng.normal(size=(6, 15)), rng.normal(size=(6, 15))
        found = identify_features(decoded, true, permutations=label_permutations(6, 99, rng))
        p.append(permutation_p(float(found.scores.mean()), found.null))
    assert np.mean(np.array(p) <= 0.05) <= 0.09 and np.mean(np.array(p) <= 0.5) == pytest.approx(
        0.5, abs=0.12
    )
