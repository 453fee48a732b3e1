"""Voxel-selected ridge against its definition in numpy and against FastL2LiR's published arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isocortex.errors import DataError
from isocortex.testing import check_decoder
from isocortex_decoding.decoders import shared
from isocortex_decoding.decoders.ridge import RidgeSystem
from isocortex_decoding.decoders.selection import largest
from isocortex_decoding.decoders.voxel_ridge import VoxelSelectedRidge


def made(samples=60, voxels=40, units=7, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(samples, voxels)) * rng.uniform(0.5, 3, voxels)
    y = X[:, :5] @ rng.normal(size=(5, units)) + rng.normal(size=(samples, units)) + rng.normal(size=units)
    return X.astype(dtype), y.astype(dtype)


def chosen(X, y, n):
    """The n voxels with the largest |r|; of equal ones the later."""
    x = X - X.mean(axis=0)
    spread = np.linalg.norm(x, axis=0)
    r = np.abs(x.T @ (y - y.mean())) / np.where(spread > 0, spread, np.inf)
    return np.sort(np.argsort(r, kind="stable")[::-1][:n])


def by_definition(X, y, alpha, n, bias):
    """Weights and intercept of one unit, in float64, by solving the normal equations as written."""
    X, y = X.astype(float), y.astype(float)
    pick = np.arange(X.shape[1]) if n is None or n >= X.shape[1] else chosen(X, y, n)
    w = np.zeros(X.shape[1])
    if bias:
        D = np.hstack([X[:, pick], np.ones((len(X), 1))])
        wb = np.linalg.solve(D.T @ D + alpha * np.eye(D.shape[1]), D.T @ y)
        w[pick] = wb[:-1]
        return w, wb[-1]
    x = X[:, pick] - X[:, pick].mean(axis=0)
    w[pick] = np.linalg.solve(x.T @ x + alpha * np.eye(len(pick)), x.T @ (y - y.mean()))
    return w, y.mean() - X.mean(axis=0) @ w


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("intercept", ["unpenalised", "fastl2lir"])
@pytest.mark.parametrize(
    ("samples", "voxels", "n"),
    [(60, 40, 10), (60, 40, 39), (60, 40, None), (60, 40, 99), (20, 40, 30), (20, 40, None), (20, 20, 19)],
)
def test_equals_its_definition(samples, voxels, n, intercept, dtype):
    X, y = made(samples, voxels, dtype=dtype)
    model = VoxelSelectedRidge(3.0, n, intercept).fit(X, y)
    assert model.coef_.shape == (y.shape[1], voxels)
    assert model.coef_.dtype == model.intercept_.dtype == model.predict(X).dtype == dtype
    close = {"rtol": 1e-9, "atol": 1e-11} if dtype == np.float64 else {"rtol": 2e-4, "atol": 2e-5}
    for unit in range(y.shape[1]):
        w, b = by_definition(X, y[:, unit], 3.0, n, intercept == "fastl2lir")
        np.testing.assert_allclose(model.coef_[unit], w, **close)
        np.testing.assert_allclose(model.intercept_[unit], b, **close)
    np.testing.assert_allclose(model.predict(X), X @ model.coef_.T + model.intercept_, **close)


@pytest.mark.parametrize("name", ["basic", "alpha01", "nfeat", "chunk", "wide"])
def test_fastl2lir_published_arrays(real_data: Path, name):
    """To 1e-6 relative. The chunk file's ``w_1d`` is of other data: FastL2LiR does not give it either."""
    data = np.load(real_data / "kamitani" / "fastl2lir_testdata" / f"testdata_{name}.npz")
    alpha, n = (0.1 if name == "alpha01" else 1.0), (20 if name == "nfeat" else None)
    for which in ["2d"] if name == "chunk" else ["1d", "2d"]:
        y, w, b, predicted = (
            data[key + which].reshape(len(data[key + which]), -1, order="F")
            for key in ("y_", "w_", "b_", "yp_")
        )
        model = VoxelSelectedRidge(alpha, n, "fastl2lir").fit(data["x_tr"], y)
        np.testing.assert_allclose(model.coef_.T, w, rtol=1e-6, atol=1e-6 * np.abs(w).max())
        np.testing.assert_allclose(model.intercept_, b[0], rtol=1e-6, atol=1e-6 * np.abs(b).max())
        np.testing.assert_allclose(model.predict(data["x_te"]), predicted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("n", [8, None])
@pytest.mark.parametrize("intercept", ["unpenalised", "fastl2lir"])
@pytest.mark.parametrize("samples", [60, 20])
def test_targets_by_row_equal_repeated_targets(n, intercept, samples):
    X, _ = made(samples, 25)
    rows = np.random.default_rng(1).integers(0, 12, samples)
    rows[:12] = np.arange(12)
    Y = np.random.default_rng(2).normal(size=(12, 70)) + 3
    once = RidgeSystem(X, 2.0, n, intercept, rows).weights(Y)
    repeated = RidgeSystem(X, 2.0, n, intercept).weights(Y[rows])
    np.testing.assert_allclose(once.dense(), repeated.dense(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(once.offset, repeated.offset, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("samples", "n"), [(90, 20), (90, None), (30, 40), (30, None)])
def test_same_bits_for_any_number_of_threads_and_any_cut(samples, n, dtype, monkeypatch):
    X, y = made(samples, 700, 200, dtype)
    system = RidgeSystem(X, 10.0, n)
    whole = system.weights(y)
    for threads in ("1", "3"):
        monkeypatch.setenv("NUMBA_NUM_THREADS", threads)
        other = RidgeSystem(X, 10.0, n)
        np.testing.assert_array_equal(other.weights(y).dense(), whole.dense())
    for width in (64, 128):
        parts = [system.weights(y[:, start : start + width]) for start in range(0, 200, width)]
        np.testing.assert_array_equal(np.concatenate([part.dense() for part in parts]), whole.dense())
        np.testing.assert_array_equal(np.concatenate([part.offset for part in parts]), whole.offset)


def test_the_gram_matrix_too_large_to_keep(monkeypatch):
    X, y = made(60, 40)
    kept = RidgeSystem(X, 3.0, 10).weights(y)
    monkeypatch.setattr(shared, "GRAM_BYTES", 1)
    other = RidgeSystem(X, 3.0, 10)
    assert other.gram is None
    np.testing.assert_allclose(other.weights(y).dense(), kept.dense(), rtol=1e-10, atol=1e-13)


def test_many_voxels_gram_by_tiles():
    X = np.random.default_rng(0).normal(size=(30, 1100))
    np.testing.assert_allclose(shared.gram(X.T), X.T @ X, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize(
    ("scores", "n", "expected"),
    [
        ([1.0, 3.0, 2.0], 2, [1, 2]),
        ([5.0, 5.0, 5.0, 5.0], 2, [2, 3]),
        ([5.0, 7.0, 5.0, 5.0], 3, [1, 2, 3]),
        ([0.0, 0.0, 1.0], 2, [1, 2]),
        ([4.0], 1, [0]),
        ([2.0, 1.0], 2, [0, 1]),
    ],
)
def test_the_largest_and_of_equal_ones_the_later(scores, n, expected):
    out = np.zeros(n, np.int32)
    largest(np.array(scores), n, np.empty(len(scores)), out)
    assert out.tolist() == expected


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", ["normal", "few values", "tiny", "spread", "infinite", "zero"])
def test_the_largest_of_many(kind, dtype):
    rng = np.random.default_rng(0)
    for size in (1, 7, 5000):
        scores = np.abs(rng.normal(size=size))
        scores = {
            "normal": scores,
            "few values": np.round(scores),
            "tiny": scores * 1e-310 if dtype == np.float64 else scores * 1e-42,
            "spread": 10.0 ** rng.uniform(-30, 30, size),
            "infinite": np.where(rng.random(size) < 0.2, np.inf, scores),
            "zero": np.zeros(size),
        }[kind].astype(dtype)
        for n in {1, size // 9 + 1, size // 2 + 1, size}:
            out = np.full(n, -1, np.int32)
            largest(scores, n, np.empty_like(scores), out)
            assert out.tolist() == np.sort(np.argsort(scores, kind="stable")[::-1][:n]).tolist()


def test_tied_voxels_the_later_column():
    X, y = made(50, 6)
    X[:, 4] = X[:, 0]  # |r| of 0 and 4 are equal, and large
    X[:, 5] = -X[:, 0]
    model = VoxelSelectedRidge(1.0, 1).fit(X[:, [0, 4, 5]], X[:, 0] + 0.01 * y[:, 0])
    assert model.selected_.tolist() == [[2]]


def test_constant_voxels_and_units():
    X, y = made(40, 12, 4)
    X[:, 3], X[:, 7] = 0.1, -1e6
    y[:, 2] = 1 / 3
    for n in (5, None, 11):
        model = VoxelSelectedRidge(2.0, n).fit(X, y)
        assert (model.n_dropped_voxels_, model.n_constant_units_) == (2, 1)
        assert not model.coef_[:, [3, 7]].any()
        np.testing.assert_array_equal(model.predict(X[:5])[:, 2], 1 / 3)
        good = np.delete(X, [3, 7], axis=1)
        expected = VoxelSelectedRidge(2.0, n).fit(good, y).predict(good)
        np.testing.assert_allclose(model.predict(X), expected, rtol=1e-9)


def test_all_voxels_constant_predicts_the_mean():
    y = np.arange(10.0).reshape(5, 2)
    model = VoxelSelectedRidge().fit(np.ones((5, 3)), y)
    np.testing.assert_array_equal(model.predict(np.zeros((2, 3))), [y.mean(axis=0)] * 2)


def test_fastl2lir_counts_constant_voxels_as_uncorrelated():
    X, y = made(40, 6, 3)
    X[:, 2] = 4.0
    model = VoxelSelectedRidge(1.0, 5, "fastl2lir").fit(X, y)
    assert model.n_dropped_voxels_ == 0
    assert all(2 not in row for row in model.selected_.tolist())


def test_float32_with_large_offsets():
    X, y = made(80, 30, 5)
    X32, y32 = (X + 1e4).astype(np.float32), (y + 1e3).astype(np.float32)
    model = VoxelSelectedRidge(1.0, 10).fit(X32, y32)
    exact = VoxelSelectedRidge(1.0, 10).fit(X32.astype(float), y32.astype(float))
    np.testing.assert_array_equal(model.selected_, exact.selected_)
    np.testing.assert_allclose(model.predict(X32), exact.predict(X32.astype(float)), rtol=1e-6)
    np.testing.assert_allclose(model.weights_, exact.weights_, rtol=1e-3, atol=1e-4)


def test_layouts_do_not_matter(tmp_path):
    X, y = made(50, 30, 8)
    expected = VoxelSelectedRidge(1.0, 9).fit(X, y)
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", y)
    wide = np.zeros((100, 60))
    wide[::2, ::2] = X
    forms = [
        (np.asfortranarray(X), np.asfortranarray(y)),
        (wide[::2, ::2], np.repeat(y, 2, axis=1)[:, ::2]),
        (np.load(tmp_path / "x.npy", mmap_mode="r"), np.load(tmp_path / "y.npy", mmap_mode="r")),
    ]
    for a, b in forms:
        model = VoxelSelectedRidge(1.0, 9).fit(a, b)
        np.testing.assert_array_equal(model.coef_, expected.coef_)
        np.testing.assert_array_equal(model.predict(a), expected.predict(X))


def test_one_target_and_one_sample_and_no_units():
    X, y = made(50, 30)
    flat, matrix = VoxelSelectedRidge(1.0, 9).fit(X, y[:, 0]), VoxelSelectedRidge(1.0, 9).fit(X, y[:, :1])
    assert flat.predict(X).shape == (50,) and flat.coef_.shape == (30,) and np.ndim(flat.intercept_) == 0
    np.testing.assert_array_equal(flat.predict(X), matrix.predict(X)[:, 0])
    np.testing.assert_array_equal(VoxelSelectedRidge().fit(X[:1], y[:1]).predict(X[:2]), [y[0]] * 2)
    nothing = RidgeSystem(X, 1.0, 9).weights(np.empty((50, 0)))
    assert nothing.dense().shape == (0, 30) and nothing.predict(X).shape == (50, 0)


@pytest.mark.parametrize("n", [5, None, 30])
def test_without_penalty_the_shortest_least_squares(n):
    X, y = made(20, 30, 3)
    X[:, 10:] = X[:, :20]  # singular at any number of voxels
    model = VoxelSelectedRidge(0.0, n).fit(X, y)
    for unit in range(3):
        pick = np.arange(30) if n != 5 else model.selected_[unit]
        x = X[:, pick] - X[:, pick].mean(axis=0)
        w = np.linalg.lstsq(x, y[:, unit] - y[:, unit].mean(), rcond=1e-10)[0]
        np.testing.assert_allclose(model.coef_[unit, pick], w, rtol=1e-6, atol=1e-9)


def test_float32_nearly_singular_is_not_garbage():
    X, y = made(60, 10, 4)
    X = np.hstack([X, X + 1e-6 * np.random.default_rng(3).normal(size=X.shape)]).astype(np.float32)
    for n in (15, None):
        model = VoxelSelectedRidge(1e-6, n).fit(X, y.astype(np.float32))
        assert np.abs(model.coef_).max() < 50
        exact = VoxelSelectedRidge(1e-6, 8).fit(X[:, :10].astype(float), y)
        assert np.corrcoef(model.predict(X)[:, 0], exact.predict(X[:, :10].astype(float))[:, 0])[0, 1] > 0.99


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_is_an_error_as_in_scikit_learn(bad):
    X, y = made()
    for place in (0, 1):
        data = [X.copy(), y.copy()]
        data[place][3, 2] = bad
        with pytest.raises(ValueError, match="contains"):
            VoxelSelectedRidge().fit(*data)
    with pytest.raises(ValueError, match="contains"):
        VoxelSelectedRidge().fit(X, y).predict(np.full_like(X, bad))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"alpha": -1.0}, "alpha"),
        ({"alpha": np.nan}, "alpha"),
        ({"n_voxels": 0}, "n_voxels"),
        ({"intercept": "fastl2lr"}, "fastl2lir"),
    ],
)
def test_settings_that_make_no_sense(settings, said):
    with pytest.raises(DataError, match=said):
        VoxelSelectedRidge(**settings).fit(*made())


@pytest.mark.parametrize(
    "settings", [{}, {"n_voxels": 3}, {"n_voxels": 2, "intercept": "fastl2lir", "alpha": 1.0}]
)
def test_scikit_learn_contract(settings):
    from sklearn.utils.estimator_checks import check_estimator

    results = check_estimator(VoxelSelectedRidge(**settings), on_fail=None, on_skip=None)
    assert len(results) > 40
    assert [r["check_name"] for r in results if r["status"] == "failed"] == []
    check_decoder(VoxelSelectedRidge(**settings))
