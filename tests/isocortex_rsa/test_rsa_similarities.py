"""Similarity measures against scipy and rsatoolbox."""

import numpy as np
import pytest
from scipy import stats

from isocortex.contracts import Embedding
from isocortex.errors import DataError
from isocortex.handles import SimilarityHandle
from isocortex_rsa import Cosine, Pearson, Spearman

MEASURES = {"spearman": Spearman(), "corr": Pearson(), "cosine": Cosine()}
SCIPY = {
    "spearman": lambda a, b: stats.spearmanr(a, b).statistic,
    "corr": lambda a, b: stats.pearsonr(a, b).statistic,
    "cosine": lambda a, b: a @ b / np.sqrt((a @ a) * (b @ b)),
}


@pytest.fixture(params=sorted(MEASURES))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def rdms(n: int, pairs: int, levels: int | None, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if not levels:
        return rng.uniform(0, 2, (n, pairs))
    values = rng.integers(0, levels, (n, pairs)) + 0.5
    values[:, :2] = 0.5, levels - 0.5  # none is constant
    return values


@pytest.mark.parametrize("levels", [None, 2, 5])
@pytest.mark.parametrize("pairs", [10, 120, 4186])
def test_equals_scipy_with_and_without_ties(name: str, pairs: int, levels: int | None) -> None:
    a, b = rdms(4, pairs, levels, 0), rdms(3, pairs, None, 1)
    found = MEASURES[name].embed(a) @ MEASURES[name].embed(b).T
    want = [[SCIPY[name](x, y) for y in b] for x in a]
    np.testing.assert_allclose(found, want, rtol=1e-10, atol=1e-12)


@pytest.mark.filterwarnings("ignore")
def test_equals_rsatoolbox(name: str) -> None:
    from rsatoolbox.rdm import RDMs, compare

    a, b = rdms(4, 120, 3, 2), rdms(5, 120, None, 3)
    want = compare(RDMs(a), RDMs(b), method=name)
    np.testing.assert_allclose(
        SimilarityHandle(name, MEASURES[name]).compare(a, b), want, rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.bool_])
def test_dtypes_and_input_is_left_alone(name: str, dtype: type) -> None:
    given = rdms(3, 45, 2, 4).astype(dtype) if dtype is not np.bool_ else rdms(3, 45, 2, 4) > 1
    before = given.copy()
    found = MEASURES[name].embed(given)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, MEASURES[name].embed(given.astype(np.float64)))
    np.testing.assert_array_equal(given, before)


def test_an_undefined_rdm_is_nan_and_spoils_no_other(name: str) -> None:
    given = rdms(4, 45, None, 5)
    given[1] = 0.0
    given[2, 7] = np.nan
    found = MEASURES[name].embed(given)
    assert np.isnan(found[[1, 2]]).all()
    np.testing.assert_allclose(np.linalg.norm(found[[0, 3]], axis=1), 1)


@pytest.mark.parametrize("name", ["spearman", "corr"])
@pytest.mark.parametrize("value", [1.0, 0.1, 1e-3, 12345.678])
def test_a_constant_rdm_is_nan_for_correlations(name: str, value: float) -> None:
    assert np.isnan(MEASURES[name].embed(np.full((1, 4186), value))).all()
    assert np.isnan(MEASURES[name].embed(np.full((1, 4186), value, dtype=np.float32))).all()


def test_constant_rdm_has_a_cosine() -> None:
    np.testing.assert_allclose(MEASURES["cosine"].embed(np.full((1, 4), 7.0)), 0.5)


def test_a_common_offset_or_monotone_change_is_ignored_where_it_should_be() -> None:
    given = rdms(2, 120, None, 6)
    np.testing.assert_allclose(Pearson().embed(given * 3 + 1e6), Pearson().embed(given), atol=1e-8)
    np.testing.assert_array_equal(Spearman().embed(np.exp(given)), Spearman().embed(given))


@pytest.mark.parametrize("shape", [(0, 10), (3, 1), (2, 0)])
def test_edge_shapes(name: str, shape: tuple[int, int]) -> None:
    found = MEASURES[name].embed(np.ones(shape))
    assert found.shape == shape


def test_wrong_shape_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=r"\(n, pairs\)"):
        MEASURES[name].embed(np.zeros(10))


def test_contract(name: str) -> None:
    assert isinstance(MEASURES[name], Embedding)
