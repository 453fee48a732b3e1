"""Preprocessing kernels against least squares, loops and bdpy's definitions written out; edges and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.signal
from sklearn.utils.estimator_checks import parametrize_with_checks

from isocortex.errors import DataError
from isocortex_decoding.preprocessing.regression import detrend, regress_out
from isocortex_decoding.preprocessing.scaling import normalise, reduce_outliers
from isocortex_decoding.preprocessing.timing import (
    average_samples,
    blocks_of,
    one_back_repeats,
    shift_samples,
)
from isocortex_decoding.preprocessing.training_scaler import TrainingScaler

RNG = np.random.default_rng(3)
RUNS = np.array(["b"] * 9 + ["a"] * 14 + ["c"] * 6)
X = RNG.standard_normal((29, 5)) * [1, 10, 1e3, 1e-3, 1] + [0, 50, 1e4, 1, -3]
MOTION = RNG.standard_normal((29, 2))


def each_run(function: Any) -> Any:
    out = np.empty_like(X)
    for run in "bac":
        out[run == RUNS] = function(X[run == RUNS], np.flatnonzero(run == RUNS))
    return out


# regressing out


@pytest.mark.parametrize("trend", [True, False])
@pytest.mark.parametrize("remove_dc", [True, False])
@pytest.mark.parametrize("motion", [True, False])
def test_regress_out_is_the_normal_equations_run_by_run(trend: bool, remove_dc: bool, motion: bool) -> None:
    def by_hand(run: Any, rows: Any) -> Any:
        n = len(run)
        parts = [np.ones((n, 1))] + [(np.arange(n) + 1)[:, None] / n] * trend + [MOTION[rows]] * motion
        design = np.hstack(parts)
        left = run - design @ np.linalg.solve(design.T @ design, design.T @ run)
        return left if remove_dc else left + run.mean(axis=0)

    found = regress_out(X, RUNS, MOTION if motion else None, remove_dc, trend)
    assert np.allclose(found, each_run(by_hand), rtol=1e-9, atol=1e-9)


def test_regressors_that_depend_on_one_another_change_nothing() -> None:
    more = np.column_stack(
        [MOTION, MOTION[:, 0] * 2 - 1, np.ones(29), np.zeros(29), np.arange(29) * 1e6, MOTION[:, 1]]
    )
    assert np.allclose(regress_out(X, RUNS, more), regress_out(X, RUNS, MOTION), atol=1e-8)
    assert np.allclose(regress_out(X, None, MOTION * 1e-9), regress_out(X, None, MOTION), atol=1e-8)
    assert regress_out(X, None, MOTION[:, 0]).shape == X.shape


def test_a_large_mean_does_not_cost_the_signal() -> None:
    small = RNG.standard_normal((40, 2))
    found = regress_out(small + 1e9, None, None)
    assert np.allclose(found, regress_out(small, None, None), atol=1e-5)


def test_what_was_regressed_out_is_gone_and_the_rest_is_untouched() -> None:
    signal = regress_out(RNG.standard_normal((29, 1)), RUNS, MOTION)
    noisy = signal + MOTION @ [[3.0], [-2.0]] + 7
    assert np.allclose(regress_out(noisy, RUNS, MOTION), signal)


def test_nan_voxels_stay_in_their_run_and_constant_ones_become_zero() -> None:
    spoilt = X.copy()
    spoilt[2, 1], spoilt[25, 3] = np.nan, np.inf
    spoilt[:, 4] = 0.1
    found = regress_out(spoilt, RUNS, MOTION)
    assert np.isnan(found[:9, 1]).all()
    assert np.isnan(found[23:, 3]).all()
    assert np.isfinite(np.delete(found, [1, 3], axis=1)).all()
    assert np.allclose(found[9:, 1], regress_out(X, RUNS, MOTION)[9:, 1])
    assert np.abs(found[:, 4]).max() < 1e-15


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_float32_stays_and_whole_numbers_become_float64(dtype: Any) -> None:
    values = (RNG.standard_normal((12, 2)) * 100).astype(dtype)
    kind = np.float32 if dtype == np.float32 else np.float64
    exact = regress_out(values.astype(float), None, None)
    for found in (regress_out(values), detrend(values) - values.astype(float).mean(axis=0)):
        assert np.allclose(found, exact, atol=1e-4)
    assert regress_out(values).dtype == detrend(values).dtype == kind
    assert reduce_outliers(values).values.dtype == normalise(values).values.dtype == kind
    assert average_samples(values, [0] * 12).values.dtype == kind


def test_a_run_without_freedom_is_an_error() -> None:
    with pytest.raises(DataError, match="run 'x' has 1 samples for 1 regressors"):
        regress_out(X[:1], ["x"], linear_detrend=False)
    with pytest.raises(DataError, match=r"run 'b' has 4 samples for 4 regressors .* nothing would be left"):
        regress_out(X[:10], ["a"] * 6 + ["b"] * 4, MOTION[:10])
    with pytest.raises(DataError, match="2 samples for 2 regressors"):
        detrend(X[:2])
    assert regress_out(X[:5], None, MOTION[:5]).shape == (5, 5)


def test_regressors_with_nan_or_of_another_length_are_errors() -> None:
    wrong = MOTION.copy()
    wrong[4, 1] = np.nan
    with pytest.raises(DataError, match=r"regressor 2 is not a number in sample 5 \(1 such"):
        regress_out(X, RUNS, wrong)
    with pytest.raises(DataError, match=r"regressors of shape \(28, 2\) for 29 samples"):
        regress_out(X, RUNS, MOTION[1:])


@pytest.mark.parametrize("keep_mean", [True, False])
def test_detrend_is_scipys(keep_mean: bool) -> None:
    found = detrend(X, RUNS, keep_mean)
    expected = each_run(lambda run, _: scipy.signal.detrend(run, axis=0) + run.mean(axis=0) * keep_mean)
    assert np.allclose(found, expected, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("function", [regress_out, detrend])
def test_a_run_in_two_pieces_is_an_error(function: Any) -> None:
    with pytest.raises(DataError, match=r"run '1' do not stand together \(row 1 to 12 hold 8\)"):
        function(X[:12], [1] * 4 + [2] * 4 + [1] * 4)


@pytest.mark.parametrize("function", [regress_out, detrend, reduce_outliers, normalise])
def test_no_table_of_numbers_is_an_error(function: Any) -> None:
    for wrong in (X[:, 0], X[None], np.array([["a"]])):
        with pytest.raises(DataError, match="expected numbers of shape"):
            function(wrong)
    with pytest.raises(DataError, match="group labels of shape"):
        function(X, RUNS[1:])


# outliers


def clipped_by_hand(run: Any, threshold: float, iterations: int) -> Any:
    run = run.copy()
    for _ in range(iterations):
        for column in run.T:
            low, high = (column.mean() + sign * threshold * np.std(column) for sign in (-1, 1))
            column[column < low] = low
            column[column > high] = high
    return run


@pytest.mark.parametrize(("threshold", "iterations"), [(3, 10), (1.5, 10), (1, 1)])
def test_outliers_are_clipped_again_and_again(threshold: float, iterations: int) -> None:
    spiky = X.copy()
    spiky[3, 0], spiky[4, 0], spiky[15, 2] = 80, 20, -1e6
    found = reduce_outliers(spiky, RUNS, threshold, iterations)
    expected = np.vstack([
        clipped_by_hand(spiky[run == RUNS], threshold, iterations) for run in "bac"
    ])  # fmt: skip
    assert np.allclose(found.values, expected, rtol=1e-12)
    assert found.n_clipped == np.count_nonzero(~np.isclose(found.values, spiky, rtol=1e-13, atol=0))


def test_outliers_across_voxels_and_fixed_limits() -> None:
    spiky = RNG.standard_normal((4, 60))
    spiky[2, 5] = 100
    found = reduce_outliers(spiky, None, across="voxels")
    assert np.allclose(found.values, clipped_by_hand(spiky.T, 3, 10).T)
    limited = reduce_outliers(spiky, None, None, minimum=-1, maximum=1)
    assert np.array_equal(limited.values, np.clip(spiky, -1, 1))
    assert limited.n_clipped == np.count_nonzero(np.abs(spiky) > 1)
    for wrong in ({"iterations": 0}, {"threshold": 0}, {"threshold": np.nan}):
        with pytest.raises(DataError, match="at least one iteration"):
            reduce_outliers(spiky, None, **wrong)


def test_constant_and_nan_voxels_are_not_clipped() -> None:
    values = np.full((7, 3), 100.3)
    values[2, 1] = np.nan
    values[:, 2] = [0, 0, 0, 0, 0, 0, np.inf]
    found = reduce_outliers(values, threshold=0.5)
    assert found.n_clipped == 0
    assert np.array_equal(found.values, values, equal_nan=True)
    assert reduce_outliers(values[:1]).n_clipped == 0


# one scale


@pytest.mark.parametrize("mode", ["percent", "zscore", "divide_mean", "subtract_mean"])
@pytest.mark.parametrize("rest", [False, True])
def test_normalise_run_by_run(mode: Any, rest: bool) -> None:
    baseline = np.arange(29) % 3 != 0

    def by_hand(run: Any, rows: Any) -> Any:
        base = run[baseline[rows]] if rest else run
        m, s = base.mean(axis=0), base.std(axis=0)
        return {"percent": 100 * (run - m) / m, "zscore": (run - m) / s, "divide_mean": 100 * run / m,
                "subtract_mean": run - m}[mode]  # fmt: skip

    found = normalise(X, RUNS, mode, baseline if rest else None)
    assert np.allclose(found.values, each_run(by_hand), rtol=1e-10, atol=1e-9)
    assert found.n_undefined == 0


def test_voxels_without_a_scale_become_zero_and_are_counted_nan_stays() -> None:
    values = X.copy()
    values[:9, 0] = 5.1  # constant in one run
    values[:9, 1] -= values[:9, 1].mean()  # a mean that is 0 but for rounding
    values[10, 2] = np.nan
    zscored = normalise(values, RUNS, "zscore")
    assert zscored.n_undefined == 1
    assert (zscored.values[:9, 0] == 0).all()
    assert np.isnan(zscored.values[9:23, 2]).all()
    assert np.isfinite(zscored.values[23:]).all()
    percent = normalise(values, RUNS, "percent")
    assert percent.n_undefined == 1
    assert (percent.values[:9, 1] == 0).all()
    alone = normalise(values[:1], None, "zscore")
    assert (alone.n_undefined, np.count_nonzero(alone.values)) == (5, 0)


def test_normalise_errors() -> None:
    with pytest.raises(DataError, match="run 'c' has no samples in the baseline"):
        normalise(X, RUNS, baseline=RUNS != "c")
    with pytest.raises(DataError, match="a baseline of shape"):
        normalise(X, RUNS, baseline=np.ones(3, dtype=bool))
    with pytest.raises(DataError, match="percent, zscore"):
        normalise(X, RUNS, "psc")  # type: ignore[arg-type]


# time


@pytest.mark.parametrize("shift", [0, 1, 2, 5])
def test_shift_within_runs(shift: int) -> None:
    found = shift_samples(29, shift, RUNS)
    samples, labels = [], []
    for run in "bac":
        rows = np.flatnonzero(run == RUNS)
        samples += list(rows[shift:])
        labels += list(rows[: len(rows) - shift])
    assert found.samples.tolist() == samples
    assert found.labels.tolist() == labels
    assert (RUNS[found.samples] == RUNS[found.labels]).all(), "no label reaches into another run"


def test_shift_errors() -> None:
    with pytest.raises(DataError, match="run 'c' has 6 samples, a shift of 6 leaves none"):
        shift_samples(29, 6, RUNS)
    with pytest.raises(DataError, match="cannot come before"):
        shift_samples(29, -1, RUNS)
    with pytest.raises(DataError, match="do not stand together"):
        shift_samples(4, 1, [1, 2, 1, 2])


def test_blocks() -> None:
    labels = list("AAAABBBBBBBBAACC")
    assert blocks_of(labels).tolist() == [0] * 4 + [1] * 8 + [2] * 2 + [3] * 2
    assert blocks_of(labels[:12], length=4).tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert blocks_of(list("AAAABB"), length=4).tolist() == [0] * 4 + [1] * 2, "the last may be cut off"
    assert blocks_of(list("AAAA"), [1, 1, 2, 2]).tolist() == [0, 0, 1, 1], "a run ends a block"
    assert blocks_of([]).tolist() == []
    assert blocks_of(["n/a", "A", "A"], length=2).tolist() == [0, 1, 1]
    assert blocks_of(["n/a", "n/a", "n/a", "A", "A"], length=2).tolist() == [0, 0, 0, 1, 1]
    with pytest.raises(DataError, match="a length of 0"):
        blocks_of(["A"], length=0)
    with pytest.raises(DataError, match=r"2 samples of 'A' in run 'all samples' \(from its sample 13\)"):
        blocks_of(labels, length=4)


def test_one_back_repeats() -> None:
    def marks(text: str, runs: Any = None, length: int = 1) -> str:
        labels = [{"-": "n/a"}.get(letter, letter) for letter in text]
        found = one_back_repeats(blocks_of(labels, runs, length), labels, runs)
        return "".join("x" if mark else "." for mark in found)

    assert marks("AABCCCA") == ".x..xx."
    assert marks("A-A-B-A") == "..x....", "rest is looked past"
    assert marks("AAAABBBB", length=2) == "..xx..xx"
    assert marks("AAAABB", length=2) == "..xx.."
    assert marks("AA", [1, 2]) == "..", "the first block of a run repeats nothing"
    assert marks("--") == ".."


def test_one_back_repeats_of_numbered_blocks_that_share_a_label_with_their_neighbour() -> None:
    blocks = np.array([7, 7, 8, 8, 9, 9])
    assert one_back_repeats(blocks, list("AAAABB")).tolist() == [False, False, True, True, False, False]


def test_average_samples() -> None:
    groups = ["s2", "s1", "s2", "s3"]
    found = average_samples(X[:4], groups)
    assert np.allclose(found.values, [X[[0, 2]].mean(axis=0), X[1], X[3]])
    assert found.first.tolist() == [0, 1, 3]
    assert found.counts.tolist() == [2, 1, 1]
    with_nan = X[:4].copy()
    with_nan[0, 0] = np.nan
    assert np.isnan(average_samples(with_nan, groups).values).sum() == 1
    with pytest.raises(DataError, match="no samples"):
        average_samples(X[:0], [])


# fitted on training data


ALL_LEFT_OUT = {"check_estimators_pickle": "a NaN in each voxel of the training samples leaves none to scale"}


@parametrize_with_checks([TrainingScaler()], expected_failed_checks=lambda _: ALL_LEFT_OUT)
def test_scikit_learn_checks(estimator: Any, check: Any) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


def test_training_scaler_says_on_what_it_was_fitted_and_what_it_left_out() -> None:
    train = RNG.standard_normal((20, 5)) * 3 + 7
    train[:, 1], train[3, 2] = 0.1, np.nan
    scaler = TrainingScaler().fit(train, fitted_on="20 samples of runs 1 to 4")
    assert (scaler.n_constant_, scaler.n_nan_, scaler.n_samples_) == (1, 1, 20)
    keep = [0, 3, 4]
    test = RNG.standard_normal((4, 5))
    expected = (test[:, keep] - train[:, keep].mean(axis=0)) / train[:, keep].std(axis=0, ddof=1)
    assert np.allclose(scaler.transform(test), expected)
    back = scaler.inverse_transform(scaler.transform(test))
    assert np.allclose(back[:, keep], test[:, keep])
    assert np.isnan(back[:, [1, 2]]).all()
    assert scaler.describe() == (
        "mean and SD (ddof 1) of 20 samples of runs 1 to 4: 3 of 5 voxels (1 constant, 1 with NaN left out)"
    )
    with pytest.raises(DataError, match="does not hold the 3 voxels"):
        scaler.inverse_transform(test)


def test_training_scaler_errors() -> None:
    with pytest.raises(DataError, match="TrainingScaler: none of the 2 voxels can be used"):
        TrainingScaler().fit(np.ones((3, 2)))
    with pytest.raises(ValueError, match="minimum of 2"):
        TrainingScaler().fit(np.ones((1, 2)))
    with pytest.raises(DataError, match="have no SD with ddof 2"):
        TrainingScaler(ddof=2).fit(np.eye(2))


def test_training_statistics_never_see_the_test_samples() -> None:
    train, test = RNG.standard_normal((10, 3)), RNG.standard_normal((5, 3)) + 100
    scaler = TrainingScaler().fit(train)
    before = scaler.mean_.copy()
    scaler.transform(test)
    assert np.array_equal(scaler.mean_, before)
    assert scaler.transform(test).mean() > 50, "the test samples keep their own mean"


def test_regressors_that_are_nearly_one_another_both_count() -> None:
    rng = np.random.default_rng(20)
    first = rng.normal(size=60)
    regressors = np.stack([first, first + 0.01 * rng.normal(size=60), rng.normal(size=60)], axis=1)
    values = rng.normal(size=(60, 7))
    design = np.column_stack([np.ones(60), regressors])
    want = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    found = regress_out(values, None, regressors, linear_detrend=False)
    np.testing.assert_allclose(found, want, atol=1e-9)


@pytest.mark.parametrize("mode", ["percent", "divide_mean"])
def test_a_mean_that_is_nearly_zero_is_no_scale(mode: str) -> None:
    rng = np.random.default_rng(21)
    values = rng.normal(size=(40, 3))
    values -= values.mean(axis=0)
    values += np.array([0.0, 1e-9, 1e-3])
    found = normalise(values, None, mode)
    assert found.n_undefined == 2 and not found.values[:, :2].any() and np.isfinite(found.values).all()
    assert np.abs(found.values[:, 2]).max() > 1e4


@pytest.mark.parametrize("ddof", [0, 1, 2])
def test_training_scaler_with_any_ddof(ddof: int) -> None:
    train = np.random.default_rng(22).normal(3, 2, (9, 4))
    scaler = TrainingScaler(ddof).fit(train)
    np.testing.assert_allclose(scaler.scale_, train.std(axis=0, ddof=ddof))
    np.testing.assert_allclose(scaler.transform(train).std(axis=0, ddof=ddof), 1.0)
