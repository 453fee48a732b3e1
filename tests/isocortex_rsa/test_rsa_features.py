"""RDMs of feature matrices by blocks, against the metrics themselves and numpy."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from isocortex.data import Collected, Features
from isocortex.errors import DataError, LabelMismatch
from isocortex_rsa import correlation, cosine, euclidean, feature_rdm, feature_rdms, sqeuclidean

METRICS = {"correlation": correlation, "cosine": cosine, "euclidean": euclidean, "sqeuclidean": sqeuclidean}


def features(samples: int = 12, units: int = 500, seed: int = 0, offset: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.maximum(rng.standard_normal((samples, units)), 0) * rng.uniform(0.1, 4, units) + offset


@pytest.mark.parametrize("name", sorted(METRICS))
@pytest.mark.parametrize("block", [1, 12 * 7, 12 * 499, 2**23])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 2e-6), (np.float16, 2e-6)]
)
def test_equals_the_metric(name: str, block: int, dtype: type, tolerance: float) -> None:
    x = features().astype(dtype)
    want = METRICS[name](x.astype(np.float64))
    found = feature_rdm(x, name, block=block)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, want, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_many_units_on_a_large_offset(dtype: type) -> None:
    x = features(20, 60_000, offset=100.0).astype(dtype)
    for name in ("correlation", "euclidean"):
        want = METRICS[name](x.astype(np.float64))
        np.testing.assert_allclose(feature_rdm(x, name, block=10**5), want, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_averaged_by_group(name: str) -> None:
    x = features(11).astype(np.float32).reshape(11, 5, 10, 10)
    groups = list("bbaacbcabac")
    means = np.stack([x.astype(np.float64)[np.array(groups) == g].mean(0).ravel() for g in "bac"])
    found = feature_rdm(x, name, groups, block=200)
    np.testing.assert_allclose(found, METRICS[name](means), rtol=1e-5)


@pytest.mark.parametrize("name", sorted(METRICS))
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_bad_sample_spoils_only_its_own_pairs(name: str, bad: float) -> None:
    x = features(6).astype(np.float32)
    good = feature_rdm(x, name)
    x[2, 300] = bad
    own = np.array([2 in pair for pair in zip(*np.triu_indices(6, 1), strict=True)])
    found = feature_rdm(x, name, block=400)
    assert np.isnan(found[own]).all()
    np.testing.assert_allclose(found[~own], good[~own], rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e4])
def test_a_constant_sample_has_no_correlation(dtype: type, value: float) -> None:
    x = features(5, 3000).astype(dtype)
    x[1] = value
    own = np.array([1 in pair for pair in zip(*np.triu_indices(5, 1), strict=True)])
    assert (np.isnan(feature_rdm(x, "correlation", block=700)) == own).all()
    assert (np.isnan(feature_rdm(x, "cosine")) == (own if value == 0 else False)).all()


def test_equal_samples() -> None:
    x = np.repeat(features(3), 2, axis=0)
    for name in METRICS:
        assert feature_rdm(x, name)[0] == pytest.approx(0, abs=1e-6)


def test_memory_stays_bounded_on_a_memory_map(tmp_path: Path) -> None:
    file = tmp_path / "features.npy"
    mapped = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=(60, 40, 50, 100))
    mapped[:] = features(60, 1).reshape(60, 1, 1, 1)
    mapped[:, 3] += np.random.default_rng(0).standard_normal((60, 50, 100))
    mapped.flush()
    opened = np.load(file, mmap_mode="r")
    tracemalloc.start()
    found = feature_rdm(opened, block=2**18)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6e6 < opened.nbytes / 7
    np.testing.assert_allclose(found, correlation(np.asarray(opened, np.float64).reshape(60, -1)), atol=1e-5)


@pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros((3, 0)), np.zeros((0, 3)), np.array([["a"]])])
def test_what_are_no_features(wrong: np.ndarray) -> None:
    with pytest.raises(DataError, match="samples, units"):
        feature_rdm(wrong)


def test_what_is_refused() -> None:
    with pytest.raises(DataError, match="no metric 'cityblock'"):
        feature_rdm(features(), "cityblock")
    with pytest.raises(LabelMismatch, match="2 labels for 12 rows"):
        feature_rdm(features(), groups=["a", "b"])


def network(seed: int = 0) -> Features:
    layers = {
        "conv1": features(6, 90, seed).reshape(6, 3, 5, 6).astype(np.float32),
        "fc8": features(6, 20, seed + 1),
    }
    return Features(layers, tuple(f"i{k}" for k in range(6)), tuple("abbaca"))


def test_step_makes_an_rdm_a_layer() -> None:
    found = feature_rdms(network())
    assert found.names == ("conv1", "fc8") and found.conditions == network().stimuli
    np.testing.assert_allclose(found.values[1], correlation(network().matrix("fc8")), rtol=1e-10)
    only = feature_rdms(network(), "euclidean", "category", ["fc8"])
    assert only.names == ("fc8",) and only.conditions == ("a", "b", "c") and only.metric == "euclidean"
    rows = network().matrix("fc8")
    means = np.stack([rows[[0, 3, 5]].mean(0), rows[[1, 2]].mean(0), rows[4]])
    np.testing.assert_allclose(only.values[0], euclidean(means))


def test_step_with_any_metric_and_along_axes() -> None:
    def taxi(patterns: np.ndarray) -> np.ndarray:
        first, second = np.triu_indices(len(patterns), 1)
        return np.abs(patterns[first] - patterns[second]).sum(1).astype(float)

    for average in ("none", "category"):
        found = feature_rdms(network(), taxi, average)
        assert found.metric == "taxi" and np.isfinite(found.values).all()
    both = Collected({("vgg16",): network(), ("vgg19",): network(5)}, ("model",))
    assert feature_rdms(both).names == ("vgg16: conv1", "vgg16: fc8", "vgg19: conv1", "vgg19: fc8")


def test_step_refuses_and_warns() -> None:
    plain = Features(network().layers, network().stimuli)
    with pytest.raises(DataError, match="no categories"):
        feature_rdms(plain, average="category")
    with pytest.raises(DataError, match="no layer 'fc9'; did you mean 'fc8'"):
        feature_rdms(plain, layers=["fc9"])
    with pytest.raises(DataError, match="needs runs"):
        feature_rdms(plain, "crossnobis")
    flat = Features({"x": np.where(np.arange(6)[:, None] == 2, 1.0, features(6, 9))}, network().stimuli)
    with pytest.warns(UserWarning, match="x: 5 of 15 dissimilarities are undefined"):
        feature_rdms(flat)
