"""Bootstrap over images and subjects, and reliability over repetitions."""

import numpy as np
import pytest

from isocortex.data import Decoded, Features
from isocortex.errors import DataError
from isocortex_decoding.evaluation.reliability import Reliability, normalised_accuracy, repetition_reliability
from isocortex_decoding.evaluation.resampling import (
    bootstrap_means,
    category_permutations,
    interval,
    label_permutations,
    permutation_p,
)
from isocortex_decoding.steps.evaluate import evaluate_decoding


def test_bootstrap_over_images_is_the_standard_error_of_the_mean() -> None:
    scores = np.random.default_rng(0).uniform(size=(1, 200))
    draws = bootstrap_means(scores, 4000, np.random.default_rng(1), "images")
    assert draws.mean() == pytest.approx(scores.mean(), abs=0.005)
    assert draws.std() == pytest.approx(scores.std() / np.sqrt(200), rel=0.05)
    low, high = interval(draws)
    assert high - low == pytest.approx(2 * 1.96 * draws.std(), rel=0.06)


def test_bootstrap_over_both_is_wider_than_over_either() -> None:
    rng = np.random.default_rng(2)
    scores = 0.5 + rng.normal(0, 0.1, (12, 1)) + rng.normal(0, 0.1, (1, 30)) + rng.normal(0, 0.02, (12, 30))
    spread = {
        over: bootstrap_means(scores, 2000, np.random.default_rng(3), over).std()
        for over in ("images", "subjects", "images and subjects")
    }
    assert spread["images and subjects"] > max(spread["images"], spread["subjects"])
    assert spread["images and subjects"] ** 2 == pytest.approx(
        spread["images"] ** 2 + spread["subjects"] ** 2, rel=0.15
    )


def test_bootstrap_by_hand_with_scores_missing() -> None:
    scores = np.array([[1.0, np.nan, 0.0], [0.0, 1.0, np.nan]])
    draws = bootstrap_means(scores, 300, np.random.default_rng(4), "images and subjects")
    possible = set()
    for a in range(4):
        rows = [a // 2, a % 2]
        for b in range(27):
            picked = scores[np.ix_(rows, [b // 9, b // 3 % 3, b % 3])]
            if not np.isnan(picked).all():
                possible.add(round(float(np.nanmean(picked)), 9))
    assert {round(float(value), 9) for value in draws if not np.isnan(value)} <= possible
    assert np.isnan(bootstrap_means(np.full((1, 2), np.nan), 5, np.random.default_rng(0), "images")).all()
    assert bootstrap_means(scores, 0, np.random.default_rng(0), "images").shape == (0,)
    assert np.isnan(interval(np.empty(0))).all()


def test_bootstrap_of_images_with_unequal_trials_belongs_to_the_mean_over_trials() -> None:
    rng = np.random.default_rng(7)
    trials = np.array([[40, 3, 1, 8, 2], [1, 1, 1, 1, 20]])
    scores = rng.uniform(size=trials.shape)
    shares = trials / trials.sum(axis=1, keepdims=True)
    estimate = float((shares * scores).sum(axis=1).mean())
    still = bootstrap_means(scores[:1], 5, np.random.default_rng(0), "subjects", shares[:1])
    assert still == pytest.approx(np.average(scores[0], weights=trials[0]))
    draws = bootstrap_means(scores, 4000, np.random.default_rng(1), "subjects", shares)
    assert draws.mean() == pytest.approx(estimate, abs=0.01)
    assert abs(scores.mean() - estimate) > 0.02  # the means over images would say something else


def test_the_interval_of_unequal_trials_holds_the_estimate() -> None:
    rng = np.random.default_rng(8)
    names = [f"s{number}" for number in range(12)]
    true = rng.normal(size=(12, 40)).astype(np.float32)
    good = np.repeat(true[:1], 200, axis=0) + rng.normal(0, 0.1, (200, 40))
    values = np.concatenate([good, rng.normal(size=(11, 40))]).astype(np.float32)
    labels = ["s0"] * 200 + names[1:]
    singles = [f"sample{place:06d}-{label}" for place, label in enumerate(labels, start=1)]
    found = evaluate_decoding(
        Decoded({"x": values}, singles, subject="S1", averaged=(1,) * len(singles)),
        Features({"x": true}, names),
        np.random.default_rng(9),
        permutations=0,
        trials="single",
    )
    [row] = found.scores.rows()
    assert row["identification"] > 0.9 and row["low"] <= row["identification"] <= row["high"]


def test_categories_take_the_places_of_others_of_their_size() -> None:
    kinds = np.array([3, 0, 1, 0, 1, 7, 2, 2, 2])  # sizes: 3 and 7 one, 0 and 1 two, 2 three
    orders = category_permutations(kinds, 2000, np.random.default_rng(0))
    assert orders.shape == (2000, 9) and (np.sort(orders, axis=1) == np.arange(9)).all()
    for order in orders:
        took = [set(kinds[order][kinds == kind]) for kind in (0, 1, 2, 3, 7)]
        assert all(len(names) == 1 for names in took)
        assert took[2] == {2} and took[0] | took[1] == {0, 1} and took[3] | took[4] == {3, 7}
    counts = np.unique(orders, axis=0, return_counts=True)[1]
    assert len(counts) == 2 * (2 * 2 * 2) * 6 and 8 <= counts.min() <= counts.max() <= 42  # 20.8 each
    assert category_permutations(kinds, 0, np.random.default_rng(0)).shape == (0, 9)
    assert category_permutations([0, 1, 2], 5, np.random.default_rng(0)).shape == (0, 3)
    assert category_permutations([], 5, np.random.default_rng(0)).shape == (0, 0)
    with pytest.raises(DataError, match="0 or more"):
        category_permutations(kinds, -1, np.random.default_rng(0))


def test_p_counts_the_observed_order_and_values_equal_to_it() -> None:
    assert permutation_p(0.5, np.array([0.1, 0.5, 0.7, 0.2])) == pytest.approx(3 / 5)
    assert permutation_p(0.5, np.array([0.5 - 1e-15])) == 1.0  # equal but for rounding
    assert permutation_p(2.0, np.zeros(9)) == pytest.approx(0.1)
    assert np.isnan(permutation_p(0.5, np.empty(0))) and np.isnan(permutation_p(np.nan, np.zeros(3)))


def test_label_permutations_are_different_and_none_is_the_identity() -> None:
    orders = label_permutations(3, 100, np.random.default_rng(0))
    assert sorted(map(tuple, orders)) == [(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    assert label_permutations(2, 100, np.random.default_rng(0)).tolist() == [[1, 0]]
    assert label_permutations(1, 9, np.random.default_rng(0)).shape == (0, 1)
    assert label_permutations(5, 0, np.random.default_rng(0)).shape == (0, 5)
    with pytest.raises(DataError, match="0 or more"):
        label_permutations(3, -1, np.random.default_rng(0))


def test_bootstrap_is_seeded_and_checks_its_input() -> None:
    scores = np.random.default_rng(5).uniform(size=(3, 8))
    first, second = (bootstrap_means(scores, 50, np.random.default_rng(6), "images") for _ in range(2))
    np.testing.assert_array_equal(first, second)
    with pytest.raises(DataError, match="subjects, images"):
        bootstrap_means(scores[0], 5, np.random.default_rng(0), "images")
    with pytest.raises(DataError, match="0 or more"):
        bootstrap_means(scores, -1, np.random.default_rng(0), "images")


def test_reliability_is_the_mean_off_diagonal_correlation() -> None:
    rng = np.random.default_rng(7)
    signal = rng.normal(size=(1, 10, 6)) * np.array([0, 0.3, 1, 2, 3, 1])
    profiles = (signal + rng.normal(size=(4, 10, 6))).astype(np.float32)
    profiles[1, :, 5] = 0.1
    found = repetition_reliability(profiles)
    for unit in range(5):
        r = np.corrcoef(profiles[:, :, unit].astype(float))
        assert found.ceiling[unit] == pytest.approx(max(r[~np.eye(4, dtype=bool)].mean(), 0.0), rel=1e-6)
    assert np.isnan(found.ceiling[5]) and np.isnan(found.threshold).all()


def test_threshold_is_the_percentile_of_permuted_repetitions() -> None:
    rng = np.random.default_rng(8)
    profiles = rng.normal(size=(3, 8, 50))
    found = repetition_reliability(profiles, 400, np.random.default_rng(9))
    assert np.mean(found.ceiling > found.threshold) < 0.1
    null = []
    for _ in range(400):
        r = np.corrcoef(np.stack([rng.permutation(row) for row in profiles[:, :, 0]]))
        null.append(r[~np.eye(3, dtype=bool)].mean())
    assert found.threshold[0] == pytest.approx(np.percentile(null, 99), abs=0.12)
    strong = profiles + 5 * rng.normal(size=(1, 8, 50))
    again = repetition_reliability(strong, 100, np.random.default_rng(9))
    assert (again.ceiling > again.threshold).all()


def test_normalised_accuracy_only_where_there_is_a_ceiling() -> None:
    ceiling = Reliability(np.array([0.8, 0.1, 0.0, np.nan]), np.array([0.3, 0.3, np.nan, np.nan]))
    found = normalised_accuracy([0.4, 0.4, 0.4, 0.4], ceiling)
    assert found[0] == pytest.approx(0.5) and np.isnan(found[1:]).all()
    without = normalised_accuracy([0.4], Reliability(np.array([0.8]), np.array([np.nan])))
    assert without[0] == pytest.approx(0.5)


@pytest.mark.parametrize("shape", [(1, 5, 3), (3, 1, 3), (3, 5)])
def test_reliability_needs_repetitions_of_images(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="repetitions, images, units"):
        repetition_reliability(np.zeros(shape))


def test_reliability_of_no_units_and_of_two_images() -> None:
    assert repetition_reliability(np.zeros((2, 3, 0)), 5, np.random.default_rng(0)).ceiling.shape == (0,)
    found = repetition_reliability(np.array([[[0.0], [1.0]], [[2.0], [5.0]]]))
    assert found.ceiling.tolist() == [pytest.approx(1.0)]
    with pytest.raises(DataError, match="rng"):
        repetition_reliability(np.zeros((2, 3, 1)), 5)
