"""Correlations of decoded with true features, against scipy and the plain formulae."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import cdist

from isocortex.errors import DataError
from isocortex_decoding.evaluation.blocks import finite_units, unit_blocks, unit_statistics
from isocortex_decoding.evaluation.correlations import (
    correlation_matrix,
    correlation_rows,
    pattern_correlation,
    profile_correlation,
)


def made(n: int = 7, shape: tuple[int, ...] = (3, 5), dtype: type = np.float64, seed: int = 0):
    rng = np.random.default_rng(seed)
    true = rng.normal(3, 2, (n, *shape)).astype(dtype)
    return (true + rng.normal(size=true.shape)).astype(dtype), true


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("block", [1, 20, 10**6])
def test_profiles_are_scipys(dtype: type, block: int) -> None:
    decoded, true = made(dtype=dtype)
    found = profile_correlation(decoded, true, block)
    x, y = decoded.reshape(7, -1).astype(float), true.reshape(7, -1).astype(float)
    want = [stats.pearsonr(x[:, k], y[:, k]).statistic for k in range(15)]
    np.testing.assert_allclose(found, want, rtol=1e-12)


def test_profiles_without_a_value_are_nan_and_no_other_is() -> None:
    decoded, true = made(6, (8,))
    decoded[:, 0] = 0.1  # no float equals it, so that its mean is rounded
    true[:, 1] = 1e9
    decoded[2, 2] = np.nan
    true[3, 3] = np.inf
    found = profile_correlation(decoded, true)
    assert np.isnan(found).tolist() == [True] * 4 + [False] * 4
    want = [stats.pearsonr(decoded[:, k], true[:, k]).statistic for k in range(4, 8)]
    np.testing.assert_allclose(found[4:], want, rtol=1e-12)


def test_few_samples() -> None:
    for n in (0, 1):
        decoded, true = made(n, (4,))
        assert np.isnan(profile_correlation(decoded, true)).all()
    decoded, true = made(2, (4,))
    np.testing.assert_allclose(np.abs(profile_correlation(decoded, true)), 1.0)
    assert pattern_correlation(*made(0, (4,))).shape == (0,)
    assert correlation_matrix(*made(0, (4,))).shape == (0, 0)
    assert np.isnan(correlation_matrix(*made(3, (0,)))).all()
    assert np.isnan(pattern_correlation(*made(3, (1,)))).all()  # one unit is constant over units


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("block", [1, 30, 10**6])
def test_patterns_by_training_statistics(dtype: type, block: int) -> None:
    decoded, true = made(dtype=dtype)
    training = made(20, dtype=dtype, seed=1)[1].reshape(20, -1)
    mean, norm = unit_statistics(training, block)
    np.testing.assert_allclose(mean, training.astype(float).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(norm, training.astype(float).std(axis=0, ddof=1), rtol=1e-12)
    x, y = ((v.reshape(7, -1).astype(float) - mean) / norm for v in (decoded, true))
    want = [stats.pearsonr(a, b).statistic for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(pattern_correlation(decoded, true, mean, norm, block=block), want, rtol=1e-11)
    plain = [stats.pearsonr(a.ravel(), b.ravel()).statistic for a, b in zip(decoded, true, strict=True)]
    np.testing.assert_allclose(pattern_correlation(decoded, true, block=block), plain, rtol=1e-5)


def test_a_large_mean_does_not_cancel() -> None:
    decoded, true = made(5, (400,))
    found = correlation_matrix(decoded + 1e6, true - 1e6, block=37)
    np.testing.assert_allclose(found, 1 - cdist(decoded, true, "correlation"), atol=1e-7)


@pytest.mark.parametrize("rows", [1, 3, 100])
@pytest.mark.parametrize("block", [1, 40, 10**6])
def test_matrix_is_scipys_cdist(rows: int, block: int) -> None:
    decoded, _ = made(7)
    true = made(11, seed=3)[1]
    want = 1 - cdist(decoded.reshape(7, -1), true.reshape(11, -1), "correlation")
    parts = list(correlation_rows(decoded, true, rows=rows, block=block))
    assert [part.stop - part.start for part, _ in parts] == [len(values) for _, values in parts]
    np.testing.assert_allclose(np.concatenate([values for _, values in parts]), want, atol=1e-12)


def test_units_that_cannot_be_used_are_left_out() -> None:
    decoded, true = made(6, (9,))
    mean, norm = true.mean(axis=0), true.std(axis=0)
    decoded[1, 2], true[0, 5], norm[7], norm[8] = np.nan, -np.inf, 0.0, np.nan
    good = [0, 1, 3, 4, 6]
    x, y = ((v[:, good] - mean[good]) / norm[good] for v in (decoded, true))
    np.testing.assert_allclose(
        correlation_matrix(decoded, true, mean=mean, norm=norm), 1 - cdist(x, y, "correlation"), atol=1e-12
    )
    want = [stats.pearsonr(a, b).statistic for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(pattern_correlation(decoded, true, mean, norm), want, rtol=1e-12)
    assert finite_units(decoded, true, block=2).tolist() == [k not in (2, 5) for k in range(9)]


def test_a_constant_pattern_has_no_correlation() -> None:
    decoded, true = made(3, (50,))
    decoded[1] = 0.1
    found = correlation_matrix(decoded, true, block=7)
    assert np.isnan(found[1]).all() and np.isfinite(found[[0, 2]]).all()
    assert np.isnan(pattern_correlation(decoded, true, block=7)).tolist() == [False, True, False]


def test_many_products_in_float32_stay_right(monkeypatch: pytest.MonkeyPatch) -> None:
    from isocortex_decoding.evaluation import correlations

    decoded, true = made(9, (3000,), np.float32)
    exact = correlation_matrix(decoded, true)
    np.testing.assert_allclose(exact, 1 - cdist(decoded, true, "correlation"), atol=1e-12)
    monkeypatch.setattr(correlations, "_FLOAT64_WORK", 0)
    assert correlations.product_dtype(decoded, true) is np.float32
    assert correlations.product_dtype(decoded.astype(float), true) is np.float64
    np.testing.assert_allclose(correlation_matrix(decoded + 100, true, block=5000), exact, atol=2e-6)


def test_memory_maps_are_read_as_they_lie(tmp_path: Path) -> None:
    decoded, true = made(5, (4, 6), np.float32)
    np.save(tmp_path / "a.npy", decoded)
    np.save(tmp_path / "b.npy", true)
    a, b = (np.load(tmp_path / name, mmap_mode="r") for name in ("a.npy", "b.npy"))
    np.testing.assert_array_equal(
        correlation_matrix(a, b, block=30), correlation_matrix(decoded, true, block=30)
    )
    np.testing.assert_array_equal(profile_correlation(a, b, 9), profile_correlation(decoded, true, 9))


def test_statistics_of_units_without_any() -> None:
    training = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    training[:, 0] = 0.1
    training[2, 1] = np.nan
    mean, norm = unit_statistics(training)
    assert norm[0] == 0.0 and mean[0] == pytest.approx(np.float32(0.1))
    assert np.isnan(mean[1]) and np.isnan(norm[1]) and norm[2] > 0
    assert np.isnan(unit_statistics(training[:1])[1]).all()
    assert np.isnan(unit_statistics(training[:0])[0]).all()


def test_blocks_cover_all_units_once() -> None:
    for units, samples, block in [(10, 3, 7), (10, 0, 4), (0, 3, 7), (5, 100, 1)]:
        parts = list(unit_blocks(units, samples, block))
        assert [k for part in parts for k in range(units)[part]] == list(range(units))


def test_shapes_that_do_not_fit() -> None:
    decoded, true = made(4)
    for function in (profile_correlation, pattern_correlation):
        with pytest.raises(DataError, match="4 decoded and 3 true"):
            function(decoded, true[:3])
        with pytest.raises(DataError, match="15 units on one side and 12"):
            function(decoded, true.reshape(4, -1)[:, :12])
    with pytest.raises(DataError, match="samples, units"):
        profile_correlation(np.zeros(3), np.zeros(3))
    with pytest.raises(DataError, match="statistics of 3 units"):
        pattern_correlation(decoded, true, np.zeros(3), np.ones(3))
    with pytest.raises(DataError, match="choice of 2 units"):
        pattern_correlation(decoded, true, keep=np.ones(2, bool))
