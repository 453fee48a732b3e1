"""RDMs of standardised features and their principal components, against scikit-learn."""

import itertools
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from sklearn.utils.extmath import svd_flip

from isocortex.data import Collected, Features
from isocortex.errors import DataError
from isocortex_rsa import correlation, cosine, euclidean, feature_rdms, sqeuclidean
from isocortex_rsa.metrics.feature_components import component_rdm, feature_components
from isocortex_rsa.metrics.scaled_features import averaged, scaled_feature_rdm, scaled_features

METRICS = {"correlation": correlation, "cosine": cosine, "euclidean": euclidean, "sqeuclidean": sqeuclidean}
DTYPES = [np.float64, np.float32, np.float16]


def features(samples: int = 12, units: int = 500, seed: int = 0, dtype: type = np.float64) -> np.ndarray:
    """As after a ReLU, with common causes, and with dead and constant units."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((samples, 4)) @ rng.standard_normal((4, units))
    x = np.maximum(rng.standard_normal((samples, units)) + common, 0) * rng.uniform(0.1, 4, units)
    x[:, units // 3] = 0.1
    x[:, -1] = 0.0
    return x.astype(dtype)


def of_sklearn(x: np.ndarray, variance: float, signs: str, standardise: bool = True) -> np.ndarray:
    """Scores by scikit-learn's parts, with the signs of its versions up to 1.4 or since."""
    x = x.astype(np.float64)
    z = StandardScaler().fit_transform(x) if standardise else x
    count = PCA(n_components=variance, svd_solver="full").fit(z).n_components_
    left, values, right = np.linalg.svd(z - z.mean(axis=0), full_matrices=False)
    left, _ = svd_flip(left, right, u_based_decision=signs == "scores")
    return left[:, :count] * values[:count]


@pytest.mark.parametrize("shape", [(12, 500), (60, 900), (100, 30), (40, 41)])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("signs", ["scores", "loadings"])
@pytest.mark.parametrize("standardise", [True, False])
def test_scores_equal_those_of_sklearn(shape: tuple, dtype: type, signs: str, standardise: bool) -> None:
    x = features(*shape, dtype=dtype)
    for variance, block in itertools.product((0.3, 0.9, 0.99), (shape[0] * 97, 2**22)):
        found = feature_components(x, variance, standardise, signs, block=block)
        want = of_sklearn(x, variance, signs, standardise)
        assert found.scores.shape == want.shape
        np.testing.assert_allclose(found.scores, want, atol=1e-10 * np.abs(want).max())
        assert found.constant == 2 and found.undetermined == 0 and not found.open_end


def test_todays_sklearn_as_it_comes() -> None:
    x = features(50, 700)
    pca = PCA(n_components=0.9).fit(StandardScaler().fit_transform(x))
    found = feature_components(x, 0.9, signs="loadings")
    if np.sign(pca.components_[np.arange(len(pca.components_)), np.abs(pca.components_).argmax(1)]).min() < 0:
        pytest.skip("this scikit-learn still takes the signs from the scores")
    np.testing.assert_allclose(found.scores, pca.transform(StandardScaler().fit_transform(x)), atol=1e-9)
    np.testing.assert_allclose(found.shares, pca.explained_variance_ratio_, atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(METRICS))
@pytest.mark.parametrize("signs", ["scores", "loadings"])
def test_study_a(dtype: type, name: str, signs: str) -> None:
    x = features(48, 800, dtype=dtype).reshape(48, 2, 20, 20)
    groups = np.random.default_rng(1).permutation(np.repeat(list("dbca"), 12))
    scores = of_sklearn(x.reshape(48, -1), 0.9, signs)
    means = np.stack([scores[groups == group].mean(0) for group in dict.fromkeys(groups.tolist())])
    found = component_rdm(x, METRICS[name], groups, 0.9, signs=signs)
    np.testing.assert_allclose(found, METRICS[name](means), rtol=1e-9, atol=1e-9)


def test_correlation_over_components_is_a_matter_of_signs() -> None:
    x = features(48, 800)
    rdms = {
        (name, signs): component_rdm(x, METRICS[name], None, 0.9, signs=signs)
        for name in METRICS
        for signs in ("scores", "loadings")
    }
    for name in ("cosine", "euclidean", "sqeuclidean"):
        np.testing.assert_allclose(rdms[name, "scores"], rdms[name, "loadings"], rtol=1e-9)
    assert np.abs(rdms["correlation", "scores"] - rdms["correlation", "loadings"]).max() > 0.01


@pytest.mark.parametrize("groups", [None, "groups"])
@pytest.mark.parametrize("standardise", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_direct_route_equals_all_components(groups: object, standardise: bool, dtype: type) -> None:
    x = features(30, 400, dtype=dtype)
    labels = None if groups is None else list("abcabcabcaabbccabcddddddddabca")
    for name in ("cosine", "euclidean"):
        found, constant = scaled_feature_rdm(x, name, labels, standardise, block=30 * 17)
        want = component_rdm(x, METRICS[name], labels, 1.0, standardise)
        assert constant == 2
        np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", sorted(METRICS))
@pytest.mark.parametrize("standardise", [True, False])
@pytest.mark.parametrize("labels", [None, list("abacabcbbacc")])
def test_scaled_features_over_units(name: str, standardise: bool, labels: list | None) -> None:
    x = features()
    z = StandardScaler(with_std=standardise).fit_transform(x)
    rows = z if labels is None else np.stack([z[np.array(labels) == g].mean(0) for g in "abc"])
    found, _ = scaled_feature_rdm(x, name, labels, standardise, block=12 * 31)
    np.testing.assert_allclose(found, METRICS[name](rows), rtol=1e-9)
    whole, constant = scaled_features(x.reshape(12, 5, 100), labels, standardise)
    np.testing.assert_allclose(whole, rows, atol=1e-12)
    assert constant == 2


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    samples=st.integers(3, 30),
    units=st.integers(2, 60),
    variance=st.floats(0.05, 0.999),
    offset=st.sampled_from([0.0, 100.0, -1e4]),
    block=st.sampled_from([1, 200, 2**22]),
)
def test_any_shape_and_offset(
    seed: int, samples: int, units: int, variance: float, offset: float, block: int
) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((samples, units)) * rng.uniform(0.5, 2, units) + offset
    z = StandardScaler().fit_transform(x)
    pca = PCA(n_components=variance, svd_solver="full")
    scores = pca.fit_transform(z)
    found = feature_components(x, variance, block=block)
    reached = np.cumsum(np.linalg.svd(z, compute_uv=False) ** 2) / (z**2).sum()
    if np.abs(reached - variance).min() > 1e-9:
        assert found.scores.shape[1] == scores.shape[1]
        np.testing.assert_allclose(euclidean(found.scores), euclidean(scores), rtol=1e-6)


def test_real_digits_with_their_dead_pixels() -> None:
    pictures, digits = load_digits(return_X_y=True)
    pictures, digits = pictures[:200], digits[:200].astype(str)
    found = component_rdm(pictures, correlation, digits, 0.9)
    scores = of_sklearn(pictures, 0.9, "scores")
    order = dict.fromkeys(digits.tolist())
    want = correlation(np.stack([scores[digits == digit].mean(0) for digit in order]))
    np.testing.assert_allclose(found, want, atol=1e-9)
    constant = int((np.ptp(pictures, axis=0) == 0).sum())
    assert feature_components(pictures).constant == constant > 0


def test_a_nearly_constant_unit_is_judged_as_sklearn_does() -> None:
    for value in (0.1, 1e5, 1e-30):
        x = features(20, 10)
        x[:, 0] = value
        x[7, 0] = np.nextafter(value, np.inf)
        constant = int((StandardScaler().fit(x).scale_ == 1.0).sum())
        assert feature_components(x).constant == constant == 3


def test_all_components() -> None:
    for shape, rank in (((12, 500), 11), ((30, 5), 5 - 2), ((6, 9), 5)):
        x = features(*shape)
        found = feature_components(x, 1.0)
        assert found.scores.shape == (shape[0], rank)
        assert found.shares.sum() == pytest.approx(1)
    twins = np.repeat(features(5, 300), 3, axis=0)
    assert feature_components(twins, 1.0).scores.shape == (15, 4)


def test_equal_eigenvalues_are_said() -> None:
    same = np.eye(8)
    assert feature_components(same, 0.5).open_end
    assert not feature_components(same, 0.9).open_end  # which takes all seven that there are
    assert feature_components(same, 1.0).undetermined == 7
    assert not feature_components(same, 1.0).open_end
    spread = feature_components(features(48, 800))
    assert not spread.open_end and spread.undetermined == 0


def test_signs_that_tie_are_said() -> None:
    half = np.random.default_rng(0).standard_normal((5, 40)) * np.arange(1, 6)[:, None]
    opposite = np.concatenate([half, -half])
    assert feature_components(opposite, 1.0, False).undetermined == 5
    assert feature_components(opposite, 1.0, False, "loadings").undetermined == 0
    mirrored = np.concatenate([half, -half], axis=1)
    assert feature_components(mirrored, 1.0, False).undetermined == 0
    assert feature_components(mirrored, 1.0, False, "loadings").undetermined == 4


def test_a_share_that_is_hit_exactly_is_said() -> None:
    x = np.array([[3, 1], [3, -1], [-3, 1], [-3, -1]]) / 2
    assert feature_components(x, 0.9, False).open_end
    above = feature_components(x, 0.9001, False)
    assert not above.open_end and above.scores.shape == (4, 2)
    assert feature_components(x, 0.8999, False).scores.shape == (4, 1)


def test_memory_stays_bounded_on_a_memory_map(tmp_path: Path) -> None:
    file = tmp_path / "features.npy"
    mapped = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=(60, 40, 50, 100))
    for row in range(60):
        mapped[row] = np.random.default_rng(row).standard_normal((40, 50, 100), dtype=np.float32)
    mapped.flush()
    opened = np.load(file, mmap_mode="r")
    for call in (
        lambda: feature_components(opened, 0.9, signs="loadings", block=2**17).scores,
        lambda: scaled_feature_rdm(opened, "cosine", np.repeat(list("abc"), 20), block=2**17)[0],
    ):
        tracemalloc.start()
        found = call()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert np.isfinite(found).all()
        assert peak < 6e6 < opened.nbytes / 7


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_bad_sample_is_named(bad: float, dtype: type) -> None:
    x = features(6, 90, dtype=dtype)
    x[2, 80] = bad
    x[4, 3] = bad
    with pytest.raises(DataError, match=r"NaN or infinity for stimulus 'c', 'e'; .* leave it out"):
        feature_components(x, samples=list("abcdef"), block=60)
    with pytest.raises(DataError, match="for sample 3, 5"):
        scaled_feature_rdm(x)


def test_what_is_refused() -> None:
    x = features()
    for share in (0, -0.1, 1.01, np.nan):
        with pytest.raises(DataError, match="share of variance"):
            feature_components(x, share)
    with pytest.raises(DataError, match='say "scores" or "loadings"'):
        feature_components(x, signs="u")
    with pytest.raises(DataError, match="none of the 5 units varies"):
        feature_components(np.ones((4, 5)))
    with pytest.raises(DataError, match="none of the 500 units varies"):
        scaled_feature_rdm(x[:1])
    with pytest.raises(DataError, match="too large to be squared"):
        feature_components(x * 1e200)
    with pytest.raises(DataError, match="too large to be squared"):
        feature_components(x * 3e152, standardise=False)
    with pytest.raises(DataError, match="no metric 'cityblock'"):
        scaled_feature_rdm(x, "cityblock")
    for wrong in (np.zeros(3), np.zeros((3, 0)), np.zeros((0, 3)), np.array([["a"]])):
        with pytest.raises(DataError, match="samples, units"):
            feature_components(wrong)


def test_a_sample_at_the_mean_has_no_angle() -> None:
    x = features(5, 300)
    x = np.concatenate([x, x.mean(axis=0, keepdims=True)])
    own = np.array([5 in pair for pair in itertools.combinations(range(6), 2)])
    assert (np.isnan(scaled_feature_rdm(x, "cosine")[0]) == own).all()
    assert (np.isnan(cosine(averaged(feature_components(x, 1.0).scores, None))) == own).all()


def taxi(patterns: np.ndarray) -> np.ndarray:
    first, second = np.triu_indices(len(patterns), 1)
    return np.abs(patterns[first] - patterns[second]).sum(1)


def network(seed: int = 0, samples: int = 24) -> Features:
    stimuli = tuple(f"i{k}" for k in range(samples))
    layers = {
        "conv1": features(samples, 90, seed, np.float32).reshape(samples, 3, 5, 6),
        "fc8": np.random.default_rng(seed).standard_normal((samples, 20)),
    }
    return Features(layers, stimuli, tuple("abca" * (samples // 4)))


def test_step_as_in_study_a() -> None:
    with pytest.warns(UserWarning, match=r"constant over the stimuli count for nothing: conv1 2 of 90$"):
        found = feature_rdms(network(), average="category", standardise=True, pca_variance=0.9)
    assert found.names == ("conv1", "fc8") and found.conditions == ("a", "b", "c")
    assert found.metric == "correlation"
    categories = np.array(network().categories)
    for name, values in zip(found.names, found.values, strict=True):
        scores = of_sklearn(network().matrix(name), 0.9, "scores")
        means = np.stack([scores[categories == category].mean(0) for category in "abc"])
        np.testing.assert_allclose(values, correlation(means), atol=1e-9)


@pytest.mark.parametrize("metric", [*METRICS, taxi])
@pytest.mark.parametrize("variance", [None, 0.6, 1.0])
@pytest.mark.parametrize("standardise", [True, False])
@pytest.mark.parametrize("average", ["none", "category"])
def test_step_every_way(metric: object, variance: float | None, standardise: bool, average: str) -> None:
    given = network()
    z = StandardScaler(with_std=standardise).fit_transform(given.matrix("fc8"))
    rows = given.matrix("fc8") if not standardise and variance is None else z
    if variance is not None:
        count = variance if variance < 1 else 20
        rows = PCA(count, svd_solver="full").fit_transform(z)
        rows = of_sklearn(given.matrix("fc8"), variance, "scores", standardise) if variance < 1 else rows
        if variance == 1:
            rows *= np.where(rows.max(axis=0) >= -rows.min(axis=0), 1, -1)
    if average == "category":
        rows = np.stack([rows[np.array(given.categories) == category].mean(0) for category in "abc"])
    want = METRICS.get(metric, taxi)(rows)
    found = feature_rdms(given, metric, average, ["fc8"], standardise, variance)
    np.testing.assert_allclose(found.values[0], want, rtol=1e-7, atol=1e-9)


def test_step_signs_and_axes() -> None:
    both = Collected({("vgg16",): network(), ("vgg19",): network(5)}, ("model",))
    with pytest.warns(UserWarning, match=r"nothing: vgg16: conv1 2 of 90, vgg19: conv1 2 of 90"):
        found = feature_rdms(both, standardise=True, pca_variance=0.8, component_signs="loadings")
    assert found.names == ("vgg16: conv1", "vgg16: fc8", "vgg19: conv1", "vgg19: fc8")
    want = correlation(of_sklearn(network(5).matrix("fc8"), 0.8, "loadings"))
    np.testing.assert_allclose(found.values[3], want, atol=1e-9)


def test_step_refuses() -> None:
    for share in (0.0, 1.5, float("nan")):
        with pytest.raises(DataError, match=r"pca_variance is .*; give a share above 0, up to 1"):
            feature_rdms(network(), pca_variance=share)
    with pytest.raises(DataError, match="component_signs says nothing without pca_variance"):
        feature_rdms(network(), component_signs="loadings")
    broken = network().matrix("fc8").copy()
    broken[3, 2] = np.nan
    with pytest.raises(DataError, match="fc8: features hold NaN or infinity for stimulus 'i3'"):
        feature_rdms(Features({"fc8": broken}, network().stimuli), standardise=True)
    flat = Features({"x": np.ones((24, 7))}, network().stimuli)
    with pytest.raises(DataError, match="x: none of the 7 units varies"):
        feature_rdms(flat, pca_variance=0.5)


def test_step_says_what_rounding_decides() -> None:
    same = Features({"x": np.eye(8)}, tuple("abcdefgh"))
    with pytest.warns(UserWarning, match="x: which 4 components explain 0.5 .* by rounding alone"):
        feature_rdms(same, "euclidean", pca_variance=0.5)
    with pytest.warns(
        UserWarning, match="directions of 7 of 7 components .* and correlation depends on them"
    ):
        feature_rdms(same, pca_variance=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        feature_rdms(same, "sqeuclidean", pca_variance=1.0)
        feature_rdms(same, "cosine", pca_variance=1.0)
    with pytest.warns(UserWarning, match="components, as a single one is"):
        feature_rdms(network(), layers=["fc8"], pca_variance=0.01)
