"""Metrics that know of noise, counts or runs, against rsatoolbox, scipy and brute force."""

import numpy as np
import pytest
from scipy.spatial import distance

import isocortex as ic
from isocortex import testing
from isocortex.data import Patterns
from isocortex.errors import DataError
from isocortex_rsa import compute_rdms, crossnobis, mahalanobis, pdist, poisson_kl, sqeuclidean
from isocortex_rsa.metrics.additive import summed
from isocortex_rsa.metrics.scipy_pdist import NAMES

RNG = np.random.default_rng


def design(conditions: int = 5, runs: int = 4, repeats: int = 1) -> tuple[np.ndarray, np.ndarray]:
    names = np.tile(np.repeat(np.arange(conditions), repeats), runs)
    return names, np.repeat(np.arange(runs), conditions * repeats)


def precision(channels: int, seed: int = 9) -> np.ndarray:
    x = RNG(seed).standard_normal((4 * channels, channels))
    return np.linalg.inv(x.T @ x / len(x))


def by_definition(x: np.ndarray, names: np.ndarray, runs: np.ndarray, prec: np.ndarray) -> np.ndarray:
    """Leave-one-run-out, written as loops."""
    n = names.max() + 1
    out = np.zeros((n, n))
    for run in np.unique(runs):
        here, there = runs == run, runs != run
        for i in range(n):
            for j in range(n):
                test = x[here & (names == i)].mean(0) - x[here & (names == j)].mean(0)
                train = x[there & (names == i)].mean(0) - x[there & (names == j)].mean(0)
                out[i, j] += test @ prec @ train / x.shape[1] / len(np.unique(runs))
    return out[np.triu_indices(n, 1)]


def rsatoolbox_rdm(x: np.ndarray, method: str, names: np.ndarray, **more: object) -> np.ndarray:
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm

    descriptors = {"conds": [f"{code:03d}" for code in names]}
    if "runs" in more:
        descriptors["runs"] = more.pop("runs")
        more["cv_descriptor"] = "runs"
    return calc_rdm(Dataset(x, obs_descriptors=descriptors), method, "conds", **more).dissimilarities[0]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("repeats", [1, 3])
@pytest.mark.parametrize("whitened", [False, True])
def test_crossnobis_equals_rsatoolbox_and_its_definition(repeats: int, whitened: bool) -> None:
    names, runs = design(6, 5, repeats)
    x = RNG(0).standard_normal((len(names), 12)) + names[:, None] + 50
    prec = precision(12) if whitened else None
    found = crossnobis(x, conditions=names, runs=runs, noise_precision=prec)
    want = rsatoolbox_rdm(x, "crossnobis", names, runs=runs, noise=prec)
    np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-9)
    loops = by_definition(x, names, runs, np.eye(12) if prec is None else prec)
    np.testing.assert_allclose(found, loops, rtol=1e-9, atol=1e-9)


@pytest.mark.filterwarnings("ignore")
def test_crossnobis_of_unequal_repeats() -> None:
    rng = RNG(1)
    names, runs = design(4, 3, 2)
    extra = rng.integers(0, len(names), 7)
    names, runs = np.concatenate([names, names[extra]]), np.concatenate([runs, runs[extra]]) * 3 + 2
    order = rng.permutation(len(names))
    names, runs = names[order], runs[order]
    x = rng.standard_normal((len(names), 9))
    found = crossnobis(x, conditions=names, runs=runs)
    np.testing.assert_allclose(found, rsatoolbox_rdm(x, "crossnobis", names, runs=runs), rtol=1e-9)
    np.testing.assert_allclose(found, by_definition(x, names, runs, np.eye(9)), rtol=1e-9)


def test_crossnobis_has_mean_zero_under_the_null_where_the_others_have_not() -> None:
    names, runs = design(5, 4)
    values, biased = [], []
    for seed in range(600):
        x = RNG(seed).standard_normal((20, 15))
        values.append(crossnobis(x, conditions=names, runs=runs))
        biased.append(sqeuclidean(np.stack([x[names == k].mean(0) for k in range(5)])))
    means = np.array(values).mean(axis=1)
    assert abs(means.mean()) < 3.5 * means.std() / np.sqrt(len(means))
    assert (np.array(values) < 0).mean() > 0.4
    assert np.mean(biased) == pytest.approx(2 / 4, rel=0.05)


def test_crossnobis_is_unbiased_for_a_true_distance() -> None:
    names, runs = design(3, 3)
    truth = RNG(0).standard_normal((3, 30))
    want = sqeuclidean(truth)
    found = [
        crossnobis(truth[names] + RNG(seed).standard_normal((9, 30)), conditions=names, runs=runs)
        for seed in range(1, 500)
    ]
    error = np.std(found, axis=0) / np.sqrt(len(found))
    assert (np.abs(np.mean(found, axis=0) - want) < 4 * error).all()


def test_noiseless_crossnobis_is_the_squared_distance() -> None:
    names, runs = design(4, 2)
    x = RNG(2).standard_normal((4, 11)) + 1e6
    found = crossnobis(x[names], conditions=names, runs=runs)
    np.testing.assert_allclose(found, distance.pdist(x, "sqeuclidean") / 11, rtol=1e-9)


@pytest.mark.parametrize(
    ("conditions", "runs", "message"),
    [
        ([0, 1, 2, 0, 1, 2], [0] * 6, "at least 2 runs"),
        ([0, 1, 2, 0, 1, 1], [0, 0, 0, 1, 1, 1], "condition 2 .* no sample in run 1"),
        ([0, 1, 2, 0, 1], [0, 0, 0, 1, 1], "one for each of 6 samples"),
        ([0, 1, 2, 0, 1, -1], [0, 0, 0, 1, 1, 1], "codes of conditions"),
        (list("abcabc"), [0, 0, 0, 1, 1, 1], "codes of conditions"),
    ],
)
def test_designs_that_crossnobis_refuses(conditions: list, runs: list, message: str) -> None:
    with pytest.raises(DataError, match=message):
        crossnobis(np.zeros((6, 3)), conditions=conditions, runs=runs)


def test_crossnobis_through_patterns_names_what_is_missing() -> None:
    rng = RNG(3)
    conditions, runs = ["b", "a", "c"] * 3, ["r1"] * 3 + ["r2"] * 3 + ["r3"] * 3
    patterns = Patterns(rng.standard_normal((9, 6)), conditions, runs)
    rdm = compute_rdms(patterns, "crossnobis")
    turned = patterns.take(rng.permutation(9))
    np.testing.assert_allclose(
        rdm.values, compute_rdms(turned, "crossnobis").align_to(rdm.conditions).values, atol=1e-12
    )
    assert rdm.conditions == ("b", "a", "c") and rdm.metric == "crossnobis"
    with pytest.raises(DataError, match="'c' has no sample in run 'r2'"):
        compute_rdms(patterns.take(np.arange(9) != 5), "crossnobis")


@pytest.mark.filterwarnings("ignore")
def test_squared_distances_equal_rsatoolbox() -> None:
    x, names, prec = RNG(4).standard_normal((7, 20)) + 3, np.arange(7), precision(20)
    np.testing.assert_allclose(sqeuclidean(x), rsatoolbox_rdm(x, "euclidean", names), rtol=1e-10)
    want = rsatoolbox_rdm(x, "mahalanobis", names, noise=prec)
    np.testing.assert_allclose(mahalanobis(x, noise_precision=prec), want, rtol=1e-9)
    scipys = distance.pdist(x, "mahalanobis", VI=prec) ** 2 / 20
    np.testing.assert_allclose(mahalanobis(x, noise_precision=prec), scipys, rtol=1e-9)


def test_a_diagonal_precision_may_be_a_vector() -> None:
    x, weights = RNG(5).standard_normal((8, 6)), RNG(6).uniform(0.5, 2, 6)
    full = mahalanobis(x, noise_precision=np.diag(weights))
    np.testing.assert_allclose(mahalanobis(x, noise_precision=weights), full, rtol=1e-12)
    names, runs = design(4, 2)
    one = crossnobis(x, conditions=names, runs=runs, noise_precision=weights)
    np.testing.assert_allclose(
        one, crossnobis(x * np.sqrt(weights), conditions=names, runs=runs), rtol=1e-10, atol=1e-14
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.eye(5), "has shape"),
        (np.triu(np.ones((6, 6))), "not symmetric"),
        (np.full((6, 6), np.nan), "NaN"),
        (-np.eye(6), "negative"),
        (np.ones(5), "has shape"),
    ],
)
def test_precisions_that_are_none(wrong: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        mahalanobis(np.zeros((3, 6)), noise_precision=wrong)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("prior", "weight"), [(1.0, 0.1), (2.5, 0.4)])
def test_poisson_equals_rsatoolbox(prior: float, weight: float) -> None:
    x = RNG(7).poisson(3.0, (6, 25)).astype(float)
    want = rsatoolbox_rdm(x, "poisson", np.arange(6), prior_lambda=prior, prior_weight=weight)
    np.testing.assert_allclose(poisson_kl(x, prior, weight), want, rtol=1e-9)
    handle = ic.get("rdm_metric", "poisson_kl", prior=prior, weight=weight)
    np.testing.assert_allclose(handle(x), want, rtol=1e-9)


def test_poisson_of_negative_rates_is_nan_for_their_pairs() -> None:
    x = RNG(8).poisson(3.0, (4, 10)).astype(float)
    x[1, 2] = -0.1
    assert np.isnan(poisson_kl(x)[[0, 3, 4]]).all() and np.isfinite(poisson_kl(x)[[1, 2, 5]]).all()
    with pytest.raises(DataError, match="above 0"):
        poisson_kl(x, weight=0.0)


@pytest.mark.parametrize("name", NAMES)
def test_pdist_equals_scipy_and_keeps_the_contract(name: str) -> None:
    x = RNG(9).uniform(0.1, 2, (6, 14))
    if name in ("dice", "jaccard", "rogerstanimoto", "russellrao", "sokalsneath", "yule"):
        x = np.where(x > 1, x, 0)
        want = distance.pdist(x != 0, name)
    else:
        want = distance.pdist(x, name)
    np.testing.assert_array_equal(pdist(x, name), want)
    x[2, 0] = np.inf
    own = np.array([2 in pair for pair in zip(*np.triu_indices(6, 1), strict=True)])
    found = pdist(x.astype(np.float32), name)
    assert found.dtype == np.float32 and (np.isnan(found) == own).all()
    if name != "yule":  # undefined where all patterns are true throughout, as in this check
        testing.check_rdm_metric(pdist, {"name": name})


def test_pdist_settings() -> None:
    x = RNG(10).standard_normal((4, 5))
    np.testing.assert_array_equal(pdist(x, "minkowski", p=3), distance.pdist(x, "minkowski", p=3))
    assert ic.get("rdm_metric", "pdist", name="cityblock")(x).shape == (6,)
    with pytest.raises(DataError, match="did you mean 'cityblock'"):
        pdist(x, "cityblok")
    with pytest.raises(DataError, match='take the metric "mahalanobis"'):
        pdist(x, "mahalanobis")
    with pytest.raises(DataError, match='belongs to "minkowski"'):
        pdist(x, "cityblock", p=2)
    with pytest.raises(DataError, match="above 0"):
        pdist(x, "minkowski", p=-1)


@pytest.mark.parametrize("metric", [sqeuclidean, mahalanobis, crossnobis, poisson_kl])
def test_contract(metric: object) -> None:
    testing.check_rdm_metric(metric)


@pytest.mark.parametrize("metric", [sqeuclidean, poisson_kl, crossnobis])
def test_channel_factors_are_what_is_averaged(metric: object) -> None:
    names, runs = design(4, 3)
    x = RNG(11).uniform(0, 5, (12, 17))
    needs = {"conditions": names, "runs": runs} if metric is crossnobis else {}
    factors = metric.channel_factors(x, **needs)  # type: ignore[attr-defined]
    first, second = np.triu_indices(factors.left.shape[1], 1)
    products = (factors.left[:, first] - factors.left[:, second]) * (
        factors.right[:, first] - factors.right[:, second]
    )
    want = metric(x, **needs)  # type: ignore[operator]
    np.testing.assert_allclose(products.sum(axis=0).mean(axis=1), want, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(summed(factors) / 17, want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("metric", [sqeuclidean, mahalanobis, crossnobis, poisson_kl])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_bad_sample_spoils_only_its_condition(metric: object, dtype: type) -> None:
    names, runs = design(4, 2)
    x = (RNG(12).uniform(1, 5, (8, 6)) + 1e3).astype(dtype)
    if metric is not crossnobis:
        x = x[:4]
    needs = {"noise_precision": np.eye(6)} if metric is mahalanobis else {}
    needs = {"conditions": names, "runs": runs} if metric is crossnobis else needs
    good = metric(x, **needs)  # type: ignore[operator]
    x[1, 3] = np.nan
    found = metric(x, **needs)  # type: ignore[operator]
    assert found.dtype == dtype
    own = np.array([1 in pair for pair in zip(*np.triu_indices(4, 1), strict=True)])
    assert np.isnan(found[own]).all()
    np.testing.assert_allclose(found[~own], good[~own], rtol=1e-5)


@pytest.mark.parametrize("conditions", [0, 1])
def test_too_few_conditions_make_no_pairs(conditions: int) -> None:
    x = np.ones((conditions, 3))
    assert sqeuclidean(x).shape == poisson_kl(x).shape == pdist(x, "cityblock").shape == (0,)
    assert mahalanobis(x, noise_precision=np.eye(3)).shape == (0,)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_squares_neither_overflow_nor_vanish(scale: float) -> None:
    x = RNG(13).standard_normal((5, 8))
    np.testing.assert_allclose(sqeuclidean(x * scale) / scale / scale, sqeuclidean(x), rtol=1e-10)


def test_close_pairs_are_summed_from_their_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isocortex_rsa.metrics.additive._BLOCK", 20)
    names, runs = design(6, 3)
    x = np.concatenate([RNG(14).standard_normal((6, 9)) * 1e-6] * 3) + RNG(15).standard_normal(9)
    x[names == 0] += 1e4
    np.testing.assert_allclose(
        crossnobis(x, conditions=names, runs=runs), by_definition(x, names, runs, np.eye(9)), rtol=1e-6
    )


@pytest.mark.parametrize("metric", [sqeuclidean, mahalanobis, crossnobis, poisson_kl])
def test_no_channels(metric: object) -> None:
    needs = {"noise_precision": np.zeros((0, 0))} if metric is mahalanobis else {}
    needs = {"conditions": [0, 1, 0, 1], "runs": [0, 0, 1, 1]} if metric is crossnobis else needs
    assert np.isnan(metric(np.zeros((4, 0)), **needs)).all()  # type: ignore[operator]
