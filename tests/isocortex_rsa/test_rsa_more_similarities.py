"""Measures for ties, for dependent dissimilarities and for control models, against rsatoolbox and scipy."""

import numpy as np
import pytest
from scipy import stats

import isocortex as ic
from isocortex import testing
from isocortex.errors import DataError
from isocortex.handles import SimilarityHandle
from isocortex_rsa import (
    Cosine,
    KendallTauA,
    KendallTauB,
    PartialCorrelation,
    Pearson,
    RhoA,
    SemipartialCorrelation,
    Spearman,
    WhitenedCosine,
    WhitenedPearson,
    regress,
)

METHODS = {
    "rho-a": RhoA(),
    "tau-a": KendallTauA(),
    "kendall": KendallTauB(),
    "cosine_cov": WhitenedCosine(),
    "corr_cov": WhitenedPearson(),
    "spearman": Spearman(),
    "corr": Pearson(),
    "cosine": Cosine(),
}


def rdms(n: int, conditions: int, levels: int | None, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    pairs = conditions * (conditions - 1) // 2
    if not levels:
        return rng.uniform(0, 2, (n, pairs))
    values = rng.integers(0, levels, (n, pairs)) + 0.5
    values[:, :2] = 0.5, levels - 0.5
    return values


def rsatoolbox(a: np.ndarray, b: np.ndarray, method: str, **more: object) -> np.ndarray:
    from rsatoolbox.rdm import RDMs, compare

    return compare(RDMs(a.astype(float)), RDMs(b.astype(float)), method=method, **more)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("levels", [None, 2, 4])
@pytest.mark.parametrize("conditions", [3, 4, 16, 30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_rsatoolbox(method: str, levels: int | None, conditions: int, dtype: type) -> None:
    a, b = rdms(4, conditions, levels, 0).astype(dtype), rdms(3, conditions, None, 1).astype(dtype)
    found = SimilarityHandle(method, METHODS[method]).compare(a, b)
    np.testing.assert_allclose(found, rsatoolbox(a, b, method), rtol=1e-9, atol=1e-7)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", ["cosine_cov", "corr_cov"])
@pytest.mark.parametrize("full", [False, True])
def test_whitened_by_a_covariance_of_the_conditions(method: str, full: bool) -> None:
    a, b = rdms(3, 9, None, 2), rdms(2, 9, 3, 3)
    rng = np.random.default_rng(4)
    x = rng.standard_normal((40, 9))
    sigma = x.T @ x / 40 if full else np.diag(rng.uniform(0.5, 3, 9))
    found = type(METHODS[method])(sigma if full else np.diagonal(sigma))
    want = rsatoolbox(a, b, method, sigma_k=sigma)
    # conjugate gradients there stop at a relative residual of 1e-5
    np.testing.assert_allclose(SimilarityHandle("w", found).compare(a, b), want, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        SimilarityHandle("w", found).compare(a, b), by_definition(a, b, sigma, method), rtol=1e-9
    )


def by_definition(a: np.ndarray, b: np.ndarray, sigma: np.ndarray, method: str) -> np.ndarray:
    """With the covariance V of all dissimilarities written out."""
    first, second = np.triu_indices(len(sigma), 1)
    contrasts = np.eye(len(sigma))[first] - np.eye(len(sigma))[second]
    v = np.linalg.inv((contrasts @ sigma @ contrasts.T) ** 2)
    if method == "corr_cov":
        a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    inner = a @ v @ b.T
    norms = [np.sqrt(np.einsum("ij,jk,ik->i", x, v, x)) for x in (a, b)]
    return inner / norms[0][:, None] / norms[1]


@pytest.mark.parametrize("method", ["cosine_cov", "corr_cov"])
def test_whitened_without_covariance_is_that_of_the_identity(method: str) -> None:
    a, b = rdms(3, 8, None, 2), rdms(2, 8, None, 3)
    found = SimilarityHandle("w", METHODS[method]).compare(a, b)
    np.testing.assert_allclose(found, by_definition(a, b, np.eye(8), method), rtol=1e-10)
    other = SimilarityHandle("w", type(METHODS[method])(np.full(8, 2.5))).compare(a, b)
    np.testing.assert_allclose(found, other, rtol=1e-10)


def test_whitened_cosine_is_linear_cka() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((10, 20)), rng.standard_normal((10, 30))
    centre = np.eye(10) - 0.1
    kernels = [centre @ z @ z.T @ centre for z in (x, y)]
    cka = np.sum(kernels[0] * kernels[1]) / np.prod([np.linalg.norm(k) for k in kernels])
    first, second = np.triu_indices(10, 1)
    distances = [np.sum((z[first] - z[second]) ** 2, axis=1)[None] for z in (x, y)]
    assert SimilarityHandle("w", WhitenedCosine()).compare(*distances)[0, 0] == pytest.approx(cka)


@pytest.mark.parametrize(
    ("sigma", "message"),
    [
        (np.eye(4), "4 conditions, the RDMs are of 6"),
        (np.zeros((6, 6)), "singular"),
        (np.ones((2, 3)), "symmetric"),
        (np.full(6, np.nan), "finite"),
    ],
)
def test_covariances_that_are_none(sigma: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        WhitenedCosine(sigma).embed(rdms(2, 6, None, 0))


def test_whitened_measures_take_whole_rdms_only() -> None:
    with pytest.raises(DataError, match="14 pairs belong to no number"):
        WhitenedCosine().embed(np.ones((1, 14)))
    a = rdms(1, 7, None, 0)
    a[0, :6] = np.nan  # 15 pairs are left, as if of six conditions
    with pytest.raises(DataError, match="needs whole RDMs"):
        SimilarityHandle("w", WhitenedCosine()).compare(a, rdms(1, 7, None, 1), nan="omit")


@pytest.mark.parametrize("sort_above", [10, 10_000])
@pytest.mark.parametrize("block", [50, 2**22])
def test_tau_the_long_ways(monkeypatch: pytest.MonkeyPatch, sort_above: int, block: int) -> None:
    monkeypatch.setattr("isocortex_rsa.similarities.kendall._SORT_ABOVE", sort_above)
    monkeypatch.setattr("isocortex_rsa.similarities.kendall._BLOCK", block)
    a, b = rdms(3, 16, 3, 6), rdms(4, 16, None, 7)
    a[1], b[2, 5] = 1.0, np.nan
    for measure in (KendallTauA(), KendallTauB()):
        embedded = measure.embed(a) @ measure.embed(b).T
        np.testing.assert_allclose(measure.compare(a, b), embedded, rtol=1e-12)
        want = stats.kendalltau(a[0], b[0]).statistic
        if isinstance(measure, KendallTauB):
            assert measure.compare(a, b)[0, 0] == pytest.approx(want)
            assert np.isnan(embedded[1]).all()
        else:
            assert (embedded[1, [0, 1, 3]] == 0).all()
        assert np.isnan(embedded[:, 2]).all()


def test_tau_of_many_pairs_is_compared_not_embedded() -> None:
    handle = SimilarityHandle("t", KendallTauA())
    assert handle.embeds(300) and not handle.embeds(301)
    a, b = rdms(2, 60, None, 8), rdms(1, 60, None, 9)
    found = handle.compare(a, b)
    assert found[1, 0] == pytest.approx(stats.kendalltau(a[1], b[0]).statistic)


def test_rho_a_is_what_random_tie_breaking_gives_on_average() -> None:
    rng = np.random.default_rng(10)
    a, b = rdms(1, 5, 2, 11), rdms(1, 5, 3, 12)
    draws = [
        stats.spearmanr(
            a[0] + 1e-6 * rng.standard_normal(10), b[0] + 1e-6 * rng.standard_normal(10)
        ).statistic
        for _ in range(4000)
    ]
    found = SimilarityHandle("r", RhoA()).compare(a, b)[0, 0]
    assert found == pytest.approx(np.mean(draws), abs=4 * np.std(draws) / np.sqrt(4000))
    assert SimilarityHandle("r", RhoA()).compare(np.ones((1, 10)), b)[0, 0] == 0


def test_values_stay_within_their_bounds() -> None:
    a = rdms(200, 16, None, 13)
    for method, measure in METHODS.items():
        own = np.diagonal(SimilarityHandle(method, measure).compare(a, a))
        assert (own <= 1).all() and own == pytest.approx(1)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_contract(method: str) -> None:
    testing.check_similarity(METHODS[method])


@pytest.mark.parametrize("method", sorted(METHODS))
def test_an_rdm_with_nan_spoils_no_other(method: str) -> None:
    a = rdms(3, 6, None, 14)
    good = METHODS[method].embed(a)
    a[1, 4] = np.nan
    found = METHODS[method].embed(a)
    assert np.isnan(found[1]).all()
    np.testing.assert_allclose(found[[0, 2]], good[[0, 2]])
    assert np.isfinite(METHODS[method].to_pool(a)[[0, 2]]).all()


def test_settings_by_name() -> None:
    a = rdms(2, 6, None, 15)
    sigma = np.arange(1.0, 7.0)
    handle = ic.get("similarity", "whitened_cosine", sigma_k=sigma)
    np.testing.assert_allclose(
        handle.compare(a, a), SimilarityHandle("w", WhitenedCosine(sigma)).compare(a, a)
    )


def partial(x: np.ndarray, y: np.ndarray, controls: np.ndarray) -> tuple[float, float]:
    """Partial and semi-partial r from regressions with an intercept."""
    design = np.column_stack([np.ones(len(x)), controls.T])
    left = [z - design @ np.linalg.lstsq(design, z, rcond=None)[0] for z in (x, y)]
    return stats.pearsonr(*left).statistic, stats.pearsonr(x, left[1]).statistic


@pytest.mark.parametrize("ranks", [True, False])
@pytest.mark.parametrize("n_controls", [1, 3])
def test_partial_correlations(ranks: bool, n_controls: int) -> None:
    a, b, controls = rdms(3, 8, 4, 16), rdms(2, 8, None, 17), rdms(n_controls, 8, 3, 18)
    change = stats.rankdata if ranks else np.asarray
    both = SimilarityHandle("p", PartialCorrelation(controls, ranks)).compare(a, b)
    one = SimilarityHandle("s", SemipartialCorrelation(controls, ranks)).compare(a, b)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            want = partial(change(x), change(y), np.array([change(row) for row in controls]))
            assert (both[i, j], one[i, j]) == pytest.approx(want, rel=1e-9)
    other = rdms(2, 6, None, 27)
    testing.check_similarity(PartialCorrelation(other, ranks))
    testing.check_similarity(SemipartialCorrelation(other, ranks))


def test_a_model_that_the_controls_explain_has_no_partial_correlation() -> None:
    a, controls = rdms(2, 8, None, 19), rdms(2, 8, None, 20)
    model = np.stack([controls[0] - 2 * controls[1] + 3, rdms(1, 8, None, 21)[0]])
    found = SimilarityHandle("p", PartialCorrelation(controls, ranks=False)).compare(a, model)
    assert np.isnan(found[:, 0]).all() and np.isfinite(found[:, 1]).all()
    twice = PartialCorrelation(np.concatenate([controls, controls]), ranks=False)
    np.testing.assert_allclose(SimilarityHandle("p", twice).compare(a, model)[:, 1], found[:, 1])


@pytest.mark.parametrize("wrong", [np.ones((1, 28)), np.full((1, 28), np.nan), np.zeros((0, 28))])
def test_controls_that_are_none(wrong: np.ndarray) -> None:
    with pytest.raises(DataError, match="control RDMs"):
        PartialCorrelation(wrong)
    with pytest.raises(DataError, match="do not fit"):
        PartialCorrelation(rdms(1, 8, None, 0)).embed(np.ones((1, 10)))


@pytest.mark.parametrize("intercept", [True, False])
def test_regression_equals_scikit_learn(intercept: bool) -> None:
    from sklearn.linear_model import LinearRegression

    y, x = rdms(4, 9, None, 22), rdms(3, 9, 4, 23)
    for nonnegative in (False, True):
        found = regress(y, x, nonnegative, intercept)
        for row in range(4):
            want = LinearRegression(positive=nonnegative, fit_intercept=intercept).fit(x.T, y[row])
            np.testing.assert_allclose(found.coefficients[row], want.coef_, rtol=1e-7, atol=1e-9)
            assert found.intercepts[row] == pytest.approx(want.intercept_, abs=1e-9)
            if intercept:
                assert found.r2[row] == pytest.approx(want.score(x.T, y[row]))
        assert not nonnegative or (found.coefficients >= 0).all()
        left = regress(y, x[:2], nonnegative, intercept)
        np.testing.assert_allclose(found.unique[:, 2], found.r2 - left.r2, rtol=1e-9, atol=1e-12)


def test_regression_finds_what_was_mixed() -> None:
    x = rdms(3, 9, None, 24)
    y = np.array([[0.5, 0.0, 2.0]]) @ x + 0.3
    found = regress(y, x, nonnegative=True)
    np.testing.assert_allclose(found.coefficients, [[0.5, 0, 2]], atol=1e-10)
    assert found.intercepts[0] == pytest.approx(0.3) and found.r2[0] == pytest.approx(1)
    assert regress(y, x[:1]).unique[0, 0] == pytest.approx(regress(y, x[:1]).r2[0])


def test_regression_of_what_cannot_be() -> None:
    y, x = rdms(3, 6, None, 25), rdms(2, 6, None, 26)
    y[1], y[2, 3] = 0.7, np.nan
    found = regress(y, x)
    assert np.isnan(found.r2[1:]).all() and np.isnan(found.coefficients[1:]).all() and found.r2[0] > 0
    with pytest.raises(DataError, match="linearly dependent"):
        regress(y, np.stack([x[0], 2 * x[0] + 1]))
    with pytest.raises(DataError, match="do not fit"):
        regress(y, np.ones((1, 10)))
    with pytest.raises(DataError, match="none with NaN"):
        regress(y, np.full((1, 15), np.nan))
