"""Classification fold by fold and the discriminants, against scikit-learn."""

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.metrics import balanced_accuracy_score, confusion_matrix
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from isocortex import testing
from isocortex.errors import DataError
from isocortex_decoding.crossvalidation.classification import (
    accuracy_of,
    balanced_accuracy,
    classify,
    rows_of_permuted_stimuli,
    rows_permuted_within,
    without_group_means,
)
from isocortex_decoding.crossvalidation.lda import ShrinkageLDA, ledoit_wolf_weight
from isocortex_decoding.crossvalidation.scaling import standardised
from isocortex_decoding.crossvalidation.splits import given_folds, leave_one_out


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([ShrinkageLDA()])
def test_discriminants_are_a_scikit_learn_classifier(estimator: object, check) -> None:
    check(estimator)


def test_discriminants_keep_the_contract() -> None:
    testing.check_decoder(ShrinkageLDA())


def made(n: int = 48, voxels: int = 30, classes: int = 4, seed: int = 0):
    rng = np.random.default_rng(seed)
    y = np.tile(np.arange(classes), n // classes)
    runs = np.repeat(np.arange(6), n // 6)
    means = rng.normal(size=(classes, voxels))
    return 1000.0 + means[y] * 0.7 + rng.normal(size=(n, voxels)), y, runs


@pytest.mark.parametrize("voxels", [5, 48, 200])
def test_discriminants_are_those_of_the_shrunk_pooled_covariance(voxels: int) -> None:
    x, y, _ = made(voxels=voxels)
    x = x[:-3]  # classes of different size
    y = y[:-3]
    model = ShrinkageLDA().fit(x, y)
    means = np.stack([x[y == k].mean(0) for k in range(4)])
    residuals = x - means[y]
    weight = ledoit_wolf_shrinkage(residuals, assume_centered=True)
    assert model.shrinkage_ == pytest.approx(weight)
    assert ledoit_wolf_weight(residuals)[0] == pytest.approx(weight)
    covariance = residuals.T @ residuals / len(x)
    shrunk = (1 - weight) * covariance + weight * np.trace(covariance) / voxels * np.eye(voxels)
    w = np.linalg.solve(shrunk, (means - x.mean(0)).T).T
    prior = np.log(np.bincount(y) / len(y))
    want = (x - x.mean(0)) @ w.T - 0.5 * np.einsum("ij,ij->i", means - x.mean(0), w) + prior
    np.testing.assert_allclose(model.decision_function(x), want, rtol=1e-6, atol=1e-6)
    fixed = LinearDiscriminantAnalysis(solver="lsqr", covariance_estimator=_Fixed(shrunk)).fit(x, y)
    assert np.array_equal(model.predict(x), fixed.predict(x))


class _Fixed:
    def __init__(self, covariance: np.ndarray) -> None:
        self.covariance_ = covariance

    def fit(self, X: np.ndarray) -> "_Fixed":
        return self


def test_discriminants_of_odd_data() -> None:
    x = np.array([[0.0, 1.0, 5.0], [0.0, 3.0, 5.0]])
    two = ShrinkageLDA().fit(x, ["b", "a"])  # one sample a class: the nearest mean
    assert two.predict(x).tolist() == ["b", "a"] and two.decision_function(x).shape == (2,)
    with pytest.raises(ValueError, match="one class"):
        ShrinkageLDA().fit(x, [1, 1])
    equal = np.repeat(x, 4, axis=0)  # voxels that depend on each other, no spread within classes
    assert ShrinkageLDA().fit(equal, [0] * 4 + [1] * 4).predict(equal).tolist() == [0] * 4 + [1] * 4


@pytest.mark.parametrize("z_score", [True, False])
@pytest.mark.parametrize("model", [RidgeClassifier(), LogisticRegression(max_iter=2000), ShrinkageLDA()])
def test_classification_is_scikit_learns(model: object, z_score: bool) -> None:
    x, y, runs = made()
    x = (x - 1000) * np.linspace(1, 2, 30)
    found = classify(x, y, leave_one_out(runs, "run"), model, z_score)
    chain = make_pipeline(_ddof1(), model) if z_score else model
    want = cross_val_predict(chain, x, y, groups=runs, cv=LeaveOneGroupOut())
    np.testing.assert_array_equal(found.confusion, confusion_matrix(y, want))
    assert found.accuracy == pytest.approx(np.mean(want == y)) and found.n == 48
    assert balanced_accuracy(found.confusion) == pytest.approx(balanced_accuracy_score(y, want))
    assert found.dropped == 0 and found.warned == {} and len(found.null) == 0


class _ddof1(StandardScaler):
    def fit(self, X: np.ndarray, y: object = None, sample_weight: object = None) -> "_ddof1":
        super().fit(X)
        self.scale_ = X.std(axis=0, ddof=1)
        return self


def test_nothing_of_the_test_samples_reaches_training() -> None:
    x, y, runs = made()
    seen: list[np.ndarray] = []

    class Spy(ShrinkageLDA):
        def fit(self, X: np.ndarray, y: np.ndarray) -> "Spy":
            seen.append(X)
            return super().fit(X, y)

    classify(x, y, leave_one_out(runs, "run"), Spy())
    changed = x.copy()
    changed[runs == 0] *= -50
    classify(changed, y, leave_one_out(runs, "run"), Spy())
    np.testing.assert_array_equal(seen[0], seen[6])  # fold 1 tests run 0


def test_both_sides_are_scaled_by_training_samples() -> None:
    x, _, _ = made()
    x[:, 4] = 7.0
    x[40, 5], x[2, 6] = np.nan, np.inf
    first, second, keep = standardised(x[:30], x[30:])
    left = np.array([k for k in range(30) if k not in (4, 5, 6)])
    assert np.array_equal(np.flatnonzero(keep), left)
    mean, deviation = x[:30, left].mean(0), x[:30, left].std(0, ddof=1)
    np.testing.assert_allclose(first, (x[:30, left] - mean) / deviation, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(second, (x[30:, left] - mean) / deviation, rtol=1e-9, atol=1e-9)
    assert standardised(x[:30].astype(np.float32), x[30:].astype(np.float32))[1].dtype == np.float32


def test_unusable_voxels_are_left_out_and_counted() -> None:
    x, y, runs = made()
    folds = leave_one_out(runs, "run")
    want = classify(x[:, 3:], y, folds, ShrinkageLDA())
    x[:, 0], x[3, 1], x[40, 2] = 5.0, np.nan, np.inf
    found = classify(x, y, folds, ShrinkageLDA())
    np.testing.assert_array_equal(found.confusion, want.confusion)
    assert found.dropped == 3
    with pytest.raises(DataError, match="fold '0': no voxel"):
        classify(np.ones_like(x), y, folds, ShrinkageLDA())


def test_rows_are_permuted_within_runs() -> None:
    _, _, runs = made()
    orders = rows_permuted_within(runs, 50, np.random.default_rng(0))
    assert orders.shape == (50, 48) and len(np.unique(orders, axis=0)) == 50
    assert (runs[orders] == runs).all() and (np.sort(orders, axis=1) == np.arange(48)).all()
    assert rows_permuted_within(runs, 0, np.random.default_rng(0)).shape == (0, 48)
    with pytest.raises(DataError, match="0 or more"):
        rows_permuted_within(runs, -1, np.random.default_rng(0))


@pytest.mark.parametrize("within", ["runs", "all"])
@pytest.mark.parametrize("z_score", [True, False])
def test_the_null_is_the_accuracy_with_permuted_samples(within: str, z_score: bool) -> None:
    x, y, runs = made()
    folds = leave_one_out(runs, "run")
    groups = runs if within == "runs" else np.zeros(48)
    orders = rows_permuted_within(groups, 12, np.random.default_rng(1))
    found = classify(x, y, folds, ShrinkageLDA(), z_score, orders)
    want = [classify(x[order], y, folds, ShrinkageLDA(), z_score).accuracy for order in orders]
    np.testing.assert_allclose(found.null, want)
    assert len(set(want)) > 3 and found.accuracy > max(want)


def test_voxels_that_vary_no_more_after_a_permutation() -> None:
    x = np.zeros((6, 1))
    x[[0, 3]] = 1.0
    y = np.array([0, 1, 1, 0, 1, 1])
    folds = given_folds(["a"] * 3 + ["b"] * 3, [{"test": ["b"]}])
    found = classify(x, y, folds, ShrinkageLDA(), orders=[[1, 2, 4, 0, 3, 5]])
    assert found.null.tolist() == [pytest.approx(2 / 3)]  # what most training samples are


def test_p_is_right_where_there_is_nothing() -> None:
    rng = np.random.default_rng(2)
    _, y, runs = made(24)
    folds = leave_one_out(runs, "run")
    small = []
    for _ in range(40):
        found = classify(
            rng.normal(size=(24, 8)), y, folds, ShrinkageLDA(), orders=rows_permuted_within(runs, 9, rng)
        )
        small.append((1 + np.sum(found.null >= found.accuracy)) / 10 <= 0.1)
    assert np.mean(small) <= 0.25


def test_folds_that_hold_classes_evenly_stay_even_under_permutations() -> None:
    # permuted classes would make a class rare in training where it is frequent in test: accuracy .18
    rng = np.random.default_rng(3)
    stimuli = np.arange(16)
    folds = given_folds((stimuli // 4).tolist(), [{"test": [str(fold)]} for fold in range(4)])
    nulls, accuracies = [], []
    for _ in range(12):
        x = rng.normal(size=(16, 20))
        orders = rows_of_permuted_stimuli(stimuli, np.zeros(16, int), 20, rng)
        found = classify(x, stimuli % 4, folds, ShrinkageLDA(), orders=orders)
        nulls.append(found.null.mean())
        accuracies.append(found.accuracy)
    assert np.mean(nulls) == pytest.approx(0.25, abs=0.02)  # standard error .006
    assert np.mean(accuracies) == pytest.approx(0.25, abs=0.09)


def test_a_regressor_is_no_classifier_and_warnings_are_counted() -> None:
    x, y, runs = made()
    folds = leave_one_out(runs, "run")
    with pytest.raises(DataError, match="LinearRegression is no classifier"):
        classify(x, y, folds, LinearRegression())
    found = classify(x, y, folds, LogisticRegression(max_iter=1))
    assert list(found.warned.values()) == [6] and "ConvergenceWarning" in next(iter(found.warned))


def test_run_means_and_empty_tables() -> None:
    x, _, runs = made()
    centred = without_group_means(x.astype(np.float32), runs)
    for run in range(6):
        np.testing.assert_allclose(centred[runs == run].mean(0), 0, atol=1e-4)
    assert np.isnan(accuracy_of(np.zeros((2, 2), int))) and np.isnan(balanced_accuracy(np.zeros((2, 2), int)))
    assert balanced_accuracy(np.array([[3, 1], [0, 0]])) == 0.75


def test_repetitions_of_a_stimulus_are_permuted_together() -> None:
    rng = np.random.default_rng(0)
    place = rng.permutation(15)
    stimuli = np.tile(["a", "b", "c", "d", "e"], 3)[place]
    runs = np.array(["1"] * 5 + ["2"] * 5 + ["3"] * 5)
    runs[4::5] = "4"  # e is shown in another run than the others
    runs = runs[place]
    orders = rows_of_permuted_stimuli(stimuli, runs, 200, rng)
    for order in orders:
        assert np.array_equal(np.sort(order), np.arange(15)) and (runs[order] == runs).all()
        took = {name: set(stimuli[order][stimuli == name]) for name in "abcde"}
        assert all(len(names) == 1 for names in took.values()) and took["e"] == {"e"}
    assert len(np.unique(orders, axis=0)) == 24
    assert rows_of_permuted_stimuli(stimuli, runs, 0, rng).shape == (0, 15)
    with pytest.raises(DataError, match="0 or more"):
        rows_of_permuted_stimuli(stimuli, runs, -1, rng)
