"""The threshold of Lee et al. 2023, against a brute-force form of their procedure with the same draws."""

import numpy as np
import pytest
from scipy import ndimage, stats

from isocortex.data import Collected, Space, StatMaps
from isocortex.errors import DataError
from isocortex_rsa.inference import lee2023
from isocortex_rsa.inference.lee2023 import (
    distinct_voxels,
    drawn_t,
    half_percentile,
    lee2023_threshold,
    null_blocks,
    pooled_null,
)  # fmt: skip

RNG = np.random.default_rng
SHAPE = (6, 5, 7)
SPACE = Space(np.ones(SHAPE, dtype=bool), np.eye(4))


def brute_pool(z: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """All t-values as float16, one scipy t-test at a time: (draws, models)."""
    n_subjects, n_models, n_voxels = z.shape
    pool = []
    for size, own in null_blocks(n_voxels * draws, rng):
        for voxels in distinct_voxels(n_voxels, n_subjects, size, own):
            taken = np.array([z[k, :, voxel] for k, voxel in enumerate(voxels)])
            pool.append(stats.ttest_1samp(taken, 0.0).statistic)
    return np.array(pool).reshape(-1, n_models).astype(np.float16)


def test_pool_and_percentiles_equal_brute_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lee2023, "BLOCK", 100)
    z = 0.1 + RNG(0).normal(size=(5, 2, 30))
    counts = pooled_null(z, 10, RNG(7))
    pool = brute_pool(z, 10, RNG(7))
    assert counts.sum(axis=1).tolist() == [300, 300]
    for own, column in zip(counts, pool.T, strict=True):
        want = np.bincount(column.view(np.uint16), minlength=2**16)
        np.testing.assert_array_equal(own, want)
        for percent in (0.0, 2.5, 31.7, 50.0, 97.5, 100.0):
            assert half_percentile(own, percent) == np.percentile(column.astype(np.float64), percent)


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_percentile_of_counted_halves(size: int) -> None:
    values = np.r_[RNG(size).normal(size=size), [0.0, -0.0, np.inf][: size // 400]].astype(np.float16)
    counts = np.bincount(values.view(np.uint16), minlength=2**16)
    for percent in np.linspace(0, 99, 34):
        want = np.percentile(values.astype(np.float64), percent)
        assert half_percentile(counts, percent) == pytest.approx(want, rel=1e-14, abs=1e-300)
    assert np.isnan(half_percentile(np.zeros(2**16, dtype=np.int64), 50))


@pytest.mark.parametrize(("n_voxels", "n_subjects"), [(15, 15), (16, 15), (500, 3)])
def test_draws_take_different_voxels_each_equally_often(n_voxels: int, n_subjects: int) -> None:
    n = 5000
    found = distinct_voxels(n_voxels, n_subjects, n, RNG(0))
    assert found.dtype == np.int32 and found.shape == (n, n_subjects)
    assert found.min() >= 0 and found.max() < n_voxels
    assert all(len(set(row)) == n_subjects for row in found.tolist())
    for column in (0, n_subjects - 1):
        counts = np.bincount(found[:, column], minlength=n_voxels)
        assert np.abs(counts - n / n_voxels).max() < 5 * np.sqrt(n / n_voxels) + 3


def test_t_of_draws_with_equal_values() -> None:
    z = np.zeros((3, 4, 1))
    z[:, 1] = 2.0
    t = drawn_t(z, np.array([[0, 2, 3], [1, 1, 1]], dtype=np.int32))
    assert np.isnan(t[0, 0]) and np.isinf(t[1, 0])


def subjects(n: int = 6, models: int = 2) -> tuple[Collected[StatMaps], np.ndarray]:
    rng = RNG(3)
    z = 0.1 * rng.normal(size=(n, models, SPACE.n_voxels))
    volume = np.zeros(SHAPE)
    volume[:3, :3, :3] = 0.4
    volume[4:, 3:, 4:] = -0.4
    z[:, 0] += volume[SPACE.mask]
    r = np.tanh(z)
    r[2, 0, 11] = 0.0
    items = {(f"S{k}",): StatMaps(own, ("a", "b"), SPACE, "spearman") for k, own in enumerate(r)}
    return Collected(items, ("subject",)), r


def test_step_equals_the_procedure_written_out() -> None:
    maps, r = subjects()
    with pytest.warns(UserWarning, match="neither the family-wise"):
        found = lee2023_threshold(maps, RNG(5), draws=5, min_voxels=20)
    rng = RNG(5)
    z = np.arctanh(r)
    patterns = np.unique((r != 0).all(axis=0), axis=0)
    assert len(patterns) == 2  # the draws are made for each set of voxels in turn
    for pattern in patterns:
        model = 1 if pattern.all() else 0
        kept = z[:, [model]][:, :, pattern]
        pool = brute_pool(kept, 5, rng).astype(np.float64)
        low, high = np.percentile(pool, [2.5, 97.5])
        t = np.where(pattern, stats.ttest_1samp(z[:, model], 0.0).statistic, np.nan)
        np.testing.assert_allclose(found.t.values[model], t, rtol=1e-9)
        row = found.summary.rows()[model]
        assert (row["low"], row["high"]) == (low, high) and row["draws"] == len(pool)
        volume = np.where((t < low) | (t > high), t, 0.0).reshape(SHAPE)
        want = np.full(SHAPE, np.nan)
        for side in (volume > 0, volume < 0):
            labels, count = ndimage.label(side, ndimage.generate_binary_structure(3, 2))
            for k in range(1, count + 1):
                if np.sum(labels == k) >= 20:
                    want[labels == k] = volume[labels == k]
        np.testing.assert_allclose(found.thresholded.values[model], want[SPACE.mask], rtol=1e-9)
        assert row["in_clusters"] == np.sum(~np.isnan(want))
    assert found.summary["in_clusters"][0] > 20 and found.p_fwe.statistic == "p_fwe"
    assert list(found.summary["voxels"]) == [209, 210]


def test_the_null_is_not_around_zero_where_the_whole_brain_agrees() -> None:
    """The trap: a brain that agrees everywhere has nothing above its own mean, although t is large."""
    z = 0.5 + 0.1 * RNG(0).normal(size=(8, 1, SPACE.n_voxels))
    items = {(f"S{k}",): StatMaps(np.tanh(own), ("a",), SPACE, "spearman") for k, own in enumerate(z)}
    with pytest.warns(UserWarning, match="report group_test"):
        found = lee2023_threshold(Collected(items, ("subject",)), RNG(0), draws=20, min_voxels=1)
    row = found.summary.rows()[0]
    assert row["null_median"] > 8 and row["beyond_thresholds"] < 0.15 * 210
    assert row["sound_fwe"] == row["sound_fdr"] == 210


def test_odd_input() -> None:
    maps, r = subjects()
    with pytest.warns(UserWarning, match="lee2023"), pytest.raises(DataError, match="percent 0"):
        lee2023_threshold(maps, RNG(0), percent=0)
    with pytest.raises(DataError, match="5 voxels are too few to give 6 subjects"):
        pooled_null(r[:, :, :5], 1, RNG(0))
    empty = np.zeros((3, 1, 4))
    assert pooled_null(empty, 5, RNG(0)).sum() == 20  # all NaN: no t anywhere
    assert np.isnan(half_percentile(pooled_null(empty, 5, RNG(0))[0], 2.5))
