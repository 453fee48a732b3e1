"""Permutation nulls of profile and pattern correlation, against doing all again for every permutation."""

import numpy as np
import pytest
from decoding_study import decoded_of, features, study

from isocortex_decoding.evaluation import nulls as module
from isocortex_decoding.evaluation.blocks import unit_statistics
from isocortex_decoding.evaluation.correlations import pattern_by_rows, profile_by_rows
from isocortex_decoding.evaluation.nulls import pattern_null, profile_null
from isocortex_decoding.evaluation.resampling import label_permutations, permutation_p
from isocortex_decoding.steps.evaluate import evaluate_decoding


def made(repeats: int, dtype: type = np.float64) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    true = (100 + rng.normal(size=(9, 31)) * rng.uniform(0.1, 9, 31)).astype(dtype)
    own = rng.permutation(np.repeat(np.arange(9), repeats))
    decoded = (true[own] + rng.normal(size=(len(own), 31)) * 9).astype(dtype)
    decoded[:, 3] = 7.3
    true[:, 4] = 0.1
    decoded[2, 5], true[1, 6] = np.nan, np.inf
    return decoded, true, own, label_permutations(9, 25, rng)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("repeats", [1, 3])
def test_profiles_of_permuted_stimuli(repeats: int, dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded, true, own, orders = made(repeats, dtype)
    want = [np.nanmean(profile_by_rows(decoded, true, order[own])) for order in orders]
    monkeypatch.setattr(module, "_ROWS", 40)
    found = profile_null(decoded, true, own, orders, block=60)
    assert found.observed == pytest.approx(np.nanmean(profile_by_rows(decoded, true, own)), rel=1e-5)
    np.testing.assert_allclose(found.permuted, want, rtol=1e-4, atol=1e-6)
    assert np.std(want) > 0.01


def test_patterns_of_permuted_stimuli() -> None:
    decoded, true, own, orders = made(2)
    mean, norm = unit_statistics(np.random.default_rng(1).normal(100, 2, (20, 31)))
    want = [pattern_by_rows(decoded, true, order[own], mean, norm).mean() for order in orders]
    found = pattern_null(decoded, true, own, orders, mean, norm)
    assert found.observed == pytest.approx(pattern_by_rows(decoded, true, own, mean, norm).mean())
    np.testing.assert_allclose(found.permuted, want, rtol=1e-9)


def test_a_constant_pattern_counts_as_nothing() -> None:
    decoded, true, own, orders = made(1)
    mean, norm = unit_statistics(np.random.default_rng(1).normal(100, 2, (20, 31)))
    decoded[4] = mean + 3 * norm
    found = pattern_null(decoded, true, own, orders, mean, norm)
    known = pattern_by_rows(decoded, true, own, mean, norm)
    assert np.isnan(known[4]) and found.observed == pytest.approx(np.nansum(known) / 9)
    assert np.isfinite(found.permuted).all()


def test_nothing_known_is_nan() -> None:
    _, true, own, orders = made(1)
    found = profile_null(np.ones((9, 31)), true, own, orders)
    assert np.isnan(found.observed) and found.permuted.shape == (25,) and np.isnan(found.permuted).all()


def test_p_in_the_tables() -> None:
    true, training = features(), features(30, seed=1, first="train")
    rng = np.random.default_rng
    found = evaluate_decoding(study(true, {"V1": 1.0}), true, rng(0), training, permutations=50)
    for table in (found.scores, found.summary):
        np.testing.assert_allclose(table["p_profile"], 1 / 51)
        np.testing.assert_allclose(table["p_pattern"], 1 / 51)
    noise = decoded_of(true, 30.0, 3)
    found = evaluate_decoding(noise, true, rng(0), training, permutations=50)
    orders = label_permutations(12, 50, rng(0))
    ordered = noise.select(true.stimuli)
    for row in found.scores.rows():
        null = profile_null(ordered.matrix(row["layer"]), true.matrix(row["layer"]), np.arange(12), orders)
        assert row["p_profile"] == permutation_p(null.observed, null.permuted)
    assert len(set(found.scores["p_profile"])) > 1 and len(set(found.scores["p_pattern"])) > 1
    bare = evaluate_decoding(noise, true, rng(0), permutations=50)
    assert np.isnan(bare.scores["p_pattern"]).all() and np.isnan(bare.summary["p_pattern"]).all()
    none = evaluate_decoding(noise, true, rng(0), training, permutations=0)
    assert np.isnan(none.scores["p_profile"]).all() and np.isnan(none.summary["p_pattern"]).all()
