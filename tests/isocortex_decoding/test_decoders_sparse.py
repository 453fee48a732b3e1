"""Sparse linear regression against SLiR's algorithm written out in numpy."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from isocortex.errors import DataError
from isocortex.testing import check_decoder
from isocortex_decoding.decoders import shared
from isocortex_decoding.decoders.sparse_regression import SparseLinearRegression


def slir(
    X, y, n_iter=200, mode=1, threshold=1e-10, patience=100, converged=1e-10, minval=1e-15, inv=np.linalg.inv
):
    """SLiR's algorithm: weights (D + 1), relevances, noise variance, iterations.

    SLiR inverts by ``pinv``, whose singular values lose their digits where relevances span 15 decades, as
    they do without pruning.
    """
    X = np.hstack([X, np.ones((len(X), 1))]).T
    D, N = X.shape
    left = np.arange(D)
    A = np.full(D, max(1 / np.mean(np.mean(X**2, axis=1)), minval))
    SY0, YX = np.mean(y**2), X @ y
    for used in range(n_iter):
        if len(X) <= N:
            K = X @ X.T
            M = inv(K + np.diag(1 / A))
            W, G = YX @ M, np.diag(K @ M).copy()
        else:
            C = inv((X.T * A) @ X + np.eye(N))
            XC = X @ C
            W = YX * A - ((YX * A) @ XC) @ (X.T * A)
            G = A * np.sum(X * XC, axis=1)
        SY = (np.sum(y**2) - np.sum(W * YX)) / N
        ratio = SY / SY0
        if ratio < minval:
            SY = max((np.sum((y - W @ X) ** 2) + np.sum(W**2 / A)) / N, minval)
        before, A = A, np.sqrt(A * (W**2 / SY) / np.maximum(G, minval))
        if mode == 0:
            A = np.maximum(A, minval)
            continue
        ratio = A / A.max() if mode == 1 else W**2 / np.max(W**2)
        stay = ratio > threshold
        A, W, X, YX, left = A[stay], W[stay], X[stay], YX[stay], left[stay]
        if not len(left):
            raise RuntimeError("All dimensions are pruned.")
        if used > patience and stay.all() and np.max(np.abs(A - before)) < converged:
            break
    weights, relevance = np.zeros(D), np.zeros(D)
    weights[left], relevance[left] = W, A
    return weights, relevance, SY, used + 1


def made(samples, voxels, noise=0.5, units=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(samples, voxels))
    w = np.zeros((voxels, units))
    w[: min(8, voxels)] = rng.normal(size=(min(8, voxels), units))
    return X, X @ w + noise * rng.normal(size=(samples, units)) + 0.3


def same(model, X, y, rtol=1e-6, **settings):
    for unit in range(y.shape[1]):
        w, a, noise, used = slir(X, y[:, unit], **settings)
        scale = np.abs(w).max()
        np.testing.assert_allclose(model.coef_[unit], w[:-1], rtol=0, atol=rtol * scale)
        np.testing.assert_allclose(model.intercept_[unit], w[-1], rtol=0, atol=rtol * scale)
        np.testing.assert_allclose(model.relevance_[unit], a, rtol=0, atol=rtol * a.max())
        np.testing.assert_allclose(model.noise_[unit], noise, rtol=rtol)
        assert ((model.relevance_[unit] != 0) == (a != 0)).all()
        assert model.iterations_[unit] == used


@pytest.mark.parametrize("mode", [0, 1, 2])
@pytest.mark.parametrize(
    ("samples", "voxels"), [pytest.param(200, 30, marks=pytest.mark.slow), (150, 60), (60, 59)]
)
def test_equals_slir(samples, voxels, mode):
    X, y = made(samples, voxels)
    model = SparseLinearRegression(prune_mode=mode).fit(X, y)
    same(model, X, y, mode=mode)
    if mode and samples == 200:
        same(model, X, y, mode=mode, inv=np.linalg.pinv)


@pytest.mark.parametrize("mode", [0, 1, 2])
@pytest.mark.parametrize(("samples", "voxels", "n_iter"), [(60, 100, 12), (40, 300, 8), (50, 50, 15)])
def test_equals_slir_with_more_voxels_than_samples(samples, voxels, mode, n_iter):
    """The dual form, through the change to the primal one where pruning leaves fewer voxels than samples.

    Later the fit becomes perfect, the noise variance 0, and both are rounding.
    """
    X, y = made(samples, voxels, noise=1.0)
    same(SparseLinearRegression(n_iter, prune_mode=mode).fit(X, y), X, y, n_iter=n_iter, mode=mode)


def test_equals_slir_through_the_change_of_form():
    X, y = made(60, 100, noise=1.0)
    model = SparseLinearRegression(200, prune_threshold=1e-4).fit(X, y)
    assert ((model.relevance_ != 0).sum(axis=1) < 60).all()
    same(model, X, y, threshold=1e-4)


def test_equals_slir_where_the_noise_vanishes():
    X, y = made(100, 10, noise=0.0)
    model = SparseLinearRegression(30).fit(X, y)
    for unit in range(3):
        w, _, _, _ = slir(X, y[:, unit], n_iter=30)
        np.testing.assert_allclose(model.coef_[unit], w[:-1], atol=1e-6)


def test_converges_and_stops():
    X, y = made(400, 10)
    model = SparseLinearRegression(2000).fit(X, y)
    assert (model.iterations_ < 2000).all() and (model.iterations_ > 101).all()
    assert model.n_iter_ == model.iterations_.max()
    same(model, X, y, n_iter=2000)


def test_voxels_are_selected_first():
    X, y = made(80, 60)
    model = SparseLinearRegression(n_voxels=12).fit(X, y)
    for unit in range(3):
        r = np.abs([np.corrcoef(x, y[:, unit])[0, 1] for x in X.T])
        pick = np.sort(np.argsort(r)[-12:])
        assert model.selected_[unit].tolist() == pick.tolist()
        w, a, _, _ = slir(X[:, pick], y[:, unit])
        np.testing.assert_allclose(model.coef_[unit, pick], w[:-1], atol=1e-6)
        np.testing.assert_allclose(model.relevance_[unit], a, atol=1e-6 * a.max())


def test_with_and_without_the_shared_gram_matrix(monkeypatch):
    X, y = made(80, 60)
    kept = SparseLinearRegression(n_voxels=12).fit(X, y)
    monkeypatch.setattr(shared, "GRAM_BYTES", 1)
    other = SparseLinearRegression(n_voxels=12).fit(X, y)
    np.testing.assert_allclose(other.coef_, kept.coef_, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("samples", "voxels", "n"), [(80, 60, 12), (40, 60, None)])
def test_same_bits_for_any_number_of_threads_and_any_cut(samples, voxels, n, monkeypatch):
    X, y = made(samples, voxels, units=130)
    system = SparseLinearRegression(15, n).prepare(X)
    whole = system.weights(y).dense()
    for threads in ("1", "3"):
        monkeypatch.setenv("NUMBA_NUM_THREADS", threads)
        np.testing.assert_array_equal(SparseLinearRegression(15, n).fit(X, y).coef_, whole)
    parts = [system.weights(y[:, start : start + 64]).dense() for start in (0, 64, 128)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_targets_by_row_equal_repeated_targets():
    X, _ = made(80, 20)
    rows = np.repeat(np.arange(20), 4)
    Y = np.random.default_rng(1).normal(size=(20, 5))
    once, repeated = (
        SparseLinearRegression(50).prepare(X, r).weights(t) for r, t in ((rows, Y), (None, Y[rows]))
    )
    np.testing.assert_allclose(once.dense(), repeated.dense(), rtol=1e-7, atol=1e-10)


def test_a_unit_all_of_whose_voxels_are_pruned():
    for seed in range(50):  # SLiR itself gives up on some
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(100, 2)), rng.normal(size=100)
        y -= y.mean()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                slir(X, y)
            except RuntimeError:
                break
    else:
        pytest.fail("no such data")
    with pytest.raises(DataError, match="all voxels of 1 units are pruned"):
        SparseLinearRegression(all_pruned="error").fit(X, y)
    with pytest.warns(UserWarning, match="all voxels of 1 units are pruned"):
        model = SparseLinearRegression().fit(X, np.stack([y, 3 * X[:, 0]], axis=1))
    expected = np.stack([np.full(100, y.mean()), 3 * X[:, 0]], axis=1)
    np.testing.assert_allclose(model.predict(X), expected, atol=1e-12)


def test_constant_units_are_not_fitted():
    X, y = made(50, 10)
    y[:, 1], y[:, 2] = 2.5, 0.0
    model = SparseLinearRegression(20).fit(X, y)
    assert model.n_constant_units_ == 2
    np.testing.assert_array_equal(model.predict(X)[:, 1:], np.tile([2.5, 0.0], (50, 1)))


def test_constant_voxels_are_pruned_or_share_the_intercept():
    X, y = made(80, 10)
    X[:, 3] = 0.0
    model = SparseLinearRegression(50).fit(X, y)
    assert not model.coef_[:, 3].any() and np.isfinite(model.coef_).all()


def test_float32_is_fitted_in_float64():
    X, y = made(80, 10)
    model = SparseLinearRegression(50).fit(X.astype(np.float32), y.astype(np.float32))
    assert model.predict(X).dtype == model.coef_.dtype == np.float32
    np.testing.assert_allclose(model.coef_, SparseLinearRegression(50).fit(X, y).coef_, atol=1e-5)


def test_one_target():
    X, y = made(80, 10)
    flat = SparseLinearRegression(50).fit(X, y[:, 0])
    assert flat.predict(X).shape == (80,) and flat.coef_.shape == (10,) and flat.relevance_.shape == (11,)


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"n_iter": 0}, "n_iter"), ({"prune_mode": 3}, "prune_mode"), ({"all_pruned": "zero"}, "all_pruned")],
)
def test_settings_that_make_no_sense(settings, said):
    with pytest.raises(DataError, match=said):
        SparseLinearRegression(**settings).fit(*made(20, 4))


@pytest.mark.filterwarnings("ignore:sparse linear regression")
@pytest.mark.parametrize("settings", [{}, {"n_voxels": 3}])
def test_scikit_learn_contract(settings):
    from sklearn.utils.estimator_checks import check_estimator

    results = check_estimator(SparseLinearRegression(**settings), on_fail=None, on_skip=None)
    assert len(results) > 40
    assert [r["check_name"] for r in results if r["status"] == "failed"] == []
    check_decoder(SparseLinearRegression(**settings))
