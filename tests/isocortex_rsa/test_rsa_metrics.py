"""RDM metrics against scipy, brute force and their own forms from sums over channels."""

import math

import numba
import numpy as np
import pytest
from scipy.spatial.distance import pdist

from isocortex.errors import DataError
from isocortex.handles import MetricHandle
from isocortex_rsa import correlation, cosine, euclidean

METRICS = {"correlation": correlation, "cosine": cosine, "euclidean": euclidean}
UNDEFINED = {"correlation": [3.0, 3.0, 3.0, 3.0], "cosine": [0.0, 0.0, 0.0, 0.0]}


@pytest.fixture(params=sorted(METRICS))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def patterns(conditions: int = 7, channels: int = 23, offset: float = 0.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((conditions, channels)) + offset


def moments(a: np.ndarray, b: np.ndarray) -> tuple[float, ...]:
    return float(len(a)), a.sum(), b.sum(), (a * a).sum(), (b * b).sum(), (a * b).sum()


@pytest.mark.parametrize("shape", [(2, 2), (3, 5), (16, 123), (92, 40), (30, 2000)])
def test_equals_scipy(name: str, shape: tuple[int, int]) -> None:
    x = patterns(*shape)
    np.testing.assert_allclose(METRICS[name](x), pdist(x, name), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(
    ("dtype", "out", "tolerance"),
    [
        (np.float64, np.float64, 1e-12),
        (np.float32, np.float32, 1e-6),
        (np.float16, np.float32, 1e-6),
        (np.int16, np.float64, 1e-12),
        (np.uint8, np.float64, 1e-12),
    ],
)
def test_dtypes(name: str, dtype: type, out: type, tolerance: float) -> None:
    x = (20 * np.abs(patterns())).astype(dtype)
    values = METRICS[name](x)
    assert values.dtype == out
    np.testing.assert_allclose(values, pdist(x.astype(np.float64), name), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("layout", ["F", "strided", "read-only"])
def test_memory_layouts_and_input_is_left_alone(name: str, layout: str) -> None:
    x = patterns()
    given = {"F": np.asfortranarray(x), "strided": np.repeat(x, 2, axis=1)[:, ::2], "read-only": x.copy()}[
        layout
    ]
    given.flags.writeable = False
    np.testing.assert_array_equal(METRICS[name](given), METRICS[name](x))
    np.testing.assert_array_equal(given, x)


def test_large_offset_costs_no_more_digits_than_the_data_have() -> None:
    signal = np.round(patterns() * 2**10) / 2**10
    for offset in (0.0, 2.0**20, -(2.0**30)):
        np.testing.assert_allclose(correlation(signal + offset), pdist(signal, "correlation"), rtol=1e-11)
        np.testing.assert_allclose(euclidean(signal + offset), pdist(signal), rtol=1e-11)


def test_float32_is_computed_in_float64() -> None:
    x = (patterns(channels=5000) + 1000).astype(np.float32)
    want = pdist(x.astype(np.float64), "correlation")
    np.testing.assert_allclose(correlation(x), want, rtol=1e-7)


def test_close_patterns_keep_their_euclidean_distance() -> None:
    far = 1e3 * patterns(4, 30)
    x = np.concatenate([far, far + 1e-6 * patterns(4, 30, seed=1)])
    np.testing.assert_allclose(euclidean(x), pdist(x), rtol=1e-9)
    assert euclidean(np.concatenate([far, far]))[3] == 0


def test_close_patterns_in_several_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isocortex_rsa.metrics.additive._BLOCK", 64)
    x = np.concatenate([np.full((1, 30), 1e6), 1e-3 * patterns(9, 30)])
    np.testing.assert_allclose(euclidean(x), pdist(x), rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_squares_neither_overflow_nor_vanish(name: str, scale: float) -> None:
    x = patterns()
    want = METRICS[name](x) * (scale if name == "euclidean" else 1)
    np.testing.assert_allclose(METRICS[name](x * scale), want, rtol=1e-10)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_bad_pattern_spoils_only_its_own_pairs(name: str, bad: float) -> None:
    x = patterns()
    x[2, 5] = bad
    values = METRICS[name](x)
    own = np.array([2 in pair for pair in zip(*np.triu_indices(7, 1), strict=True)])
    assert np.isnan(values[own]).all()
    np.testing.assert_allclose(values[~own], pdist(np.delete(x, 2, axis=0), name), rtol=1e-10)


@pytest.mark.parametrize("name", sorted(UNDEFINED))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_undefined_pattern_is_nan_and_spoils_only_its_own_pairs(name: str, dtype: type) -> None:
    x = patterns(5, 4).astype(dtype)
    x[3] = UNDEFINED[name]
    values = METRICS[name](x)
    own = np.array([3 in pair for pair in zip(*np.triu_indices(5, 1), strict=True)])
    assert np.isnan(values[own]).all()
    want = pdist(np.delete(x, 3, axis=0).astype(np.float64), name)
    np.testing.assert_allclose(values[~own], want, rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_does_not_make_a_constant_pattern_vary(dtype: type) -> None:
    one_third = dtype(1) / dtype(3)
    x = patterns(3, 30).astype(dtype)
    x[1] = one_third
    x[1, ::2] = np.nextafter(one_third, dtype(1))
    assert np.isnan(correlation(x)[[0, 2]]).all()
    assert np.isfinite(correlation(x)[1])


def test_small_variation_on_an_offset_is_no_constant() -> None:
    x = np.round(patterns(4, 50) * 100) * 1e-3 + 1e6
    np.testing.assert_allclose(correlation(x), pdist(x - 1e6, "correlation"), rtol=1e-6)


def test_correlation_stays_within_its_range() -> None:
    for seed in range(50):
        x = patterns(1, 9, seed=seed)
        values = correlation(np.concatenate([x, 3 * x, -x, x + 5]))
        assert (values >= 0).all() and (values <= 2).all()
        np.testing.assert_allclose(values, [0, 2, 0, 2, 0, 2], atol=1e-12)


def test_one_channel() -> None:
    x = np.array([[1.0], [2.0], [-3.0]])
    assert np.isnan(correlation(x)).all()
    np.testing.assert_allclose(cosine(x), [0, 2, 2])
    np.testing.assert_allclose(euclidean(x), [1, 4, 5])


@pytest.mark.parametrize(("shape", "pairs"), [((0, 3), 0), ((1, 3), 0), ((3, 0), 3)])
def test_empty_shapes(name: str, shape: tuple[int, int], pairs: int) -> None:
    values = METRICS[name](np.zeros(shape))
    assert values.shape == (pairs,) and np.isnan(values).all()


@pytest.mark.parametrize(
    "wrong", [np.zeros(3), np.zeros((2, 3, 4)), np.array([["a", "b"]]), np.zeros((2, 2)) * 1j]
)
def test_what_is_no_pattern_array_is_refused(name: str, wrong: np.ndarray) -> None:
    with pytest.raises(DataError, match="conditions, channels"):
        METRICS[name](wrong)


def test_from_moments_compiles_and_equals_the_metric(name: str) -> None:
    compiled = numba.njit(METRICS[name].from_moments)
    x = patterns(6, 31, offset=0.5)
    want = METRICS[name](x)
    for place, (i, j) in enumerate(zip(*np.triu_indices(6, 1), strict=True)):
        assert compiled(*moments(x[i], x[j])) == pytest.approx(want[place], rel=1e-10)
        assert METRICS[name].from_moments(*moments(x[i], x[j])) == pytest.approx(want[place], rel=1e-10)


@pytest.mark.parametrize("name", sorted(UNDEFINED))
def test_from_moments_is_nan_where_the_metric_is(name: str) -> None:
    compiled = numba.njit(METRICS[name].from_moments)
    a, b = np.array(UNDEFINED[name]), np.array([1.0, 2.0, 0.5, 4.0])
    for pair in ((a, b), (b, a), (a, a)):
        assert math.isnan(compiled(*moments(*pair)))


def test_from_moments_of_constants_that_round() -> None:
    compiled = numba.njit(correlation.from_moments)
    other = patterns(1, 500)[0]
    for value in np.random.default_rng(1).uniform(-1e6, 1e6, 300):
        total = squares = 0.0
        for _ in other:
            total += value
            squares += value * value
        sums = (500.0, total, other.sum(), squares, (other**2).sum(), (other * value).sum())
        assert math.isnan(compiled(*sums))


def test_from_moments_without_channels_or_with_nan(name: str) -> None:
    compiled = numba.njit(METRICS[name].from_moments)
    assert math.isnan(compiled(0.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    nan = math.nan
    assert math.isnan(compiled(5.0, nan, 1.0, nan, 1.0, nan))


def test_correlation_from_moments_of_one_channel_is_undefined() -> None:
    assert math.isnan(correlation.from_moments(1.0, 2.0, 3.0, 4.0, 9.0, 6.0))


def test_handle_accepts_them(name: str) -> None:
    assert MetricHandle(name, METRICS[name])(patterns()).shape == (21,)
