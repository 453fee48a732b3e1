"""Corrected p-values, against scipy and the definitions."""

import numpy as np
import pytest
from scipy import stats

from isocortex.errors import DataError
from isocortex_rsa.inference.corrections import (
    bonferroni,
    fdr_bh,
    fdr_by,
    max_statistic,
    p_of_counts,
    reached,
)  # fmt: skip


@pytest.mark.parametrize(("ours", "method"), [(fdr_bh, "bh"), (fdr_by, "by")])
@pytest.mark.parametrize("size", [1, 2, 7, 500])
def test_fdr_equals_scipy(ours: object, method: str, size: int) -> None:
    rng = np.random.default_rng(size)
    p = rng.uniform(size=size) ** 3
    p[rng.integers(0, size, size // 3)] = p[0]  # ties
    want = stats.false_discovery_control(p, method=method)
    np.testing.assert_allclose(ours(p), want, rtol=1e-12)  # type: ignore[operator]
    small = p.astype(np.float32)
    np.testing.assert_allclose(
        ours(small), stats.false_discovery_control(small.astype(float), method=method)  # type: ignore[operator]
    )  # fmt: skip


@pytest.mark.parametrize("correct", [fdr_bh, fdr_by, bonferroni])
def test_voxels_without_value_take_no_part(correct: object) -> None:
    p = np.random.default_rng(0).uniform(size=(3, 40))
    holed = p.copy()
    holed[1, 5:9] = np.nan
    found = correct(holed)  # type: ignore[operator]
    known = ~np.isnan(holed)
    assert np.array_equal(np.isnan(found), ~known)
    np.testing.assert_array_equal(found[known], correct(holed[known]))  # type: ignore[operator]
    assert np.isnan(correct(np.full(4, np.nan))).all()  # type: ignore[operator]
    assert correct(np.empty((2, 0))).shape == (2, 0)  # type: ignore[operator]
    np.testing.assert_array_equal(correct(np.zeros(5)), np.zeros(5))  # type: ignore[operator]
    np.testing.assert_array_equal(correct(np.ones(5)), np.ones(5))  # type: ignore[operator]


def test_bonferroni() -> None:
    np.testing.assert_allclose(bonferroni([[0.01, 0.2], [np.nan, 0.5]]), [[0.03, 0.6], [np.nan, 1.0]])


def test_rejections_are_those_of_the_step_up_rule() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        p = rng.uniform(size=30) ** 2
        order = np.sort(p)
        below = np.flatnonzero(order <= 0.1 * np.arange(1, 31) / 30)
        cut = order[below[-1]] if below.size else -1.0
        np.testing.assert_array_equal(fdr_bh(p) <= 0.1, p <= cut)


def test_max_statistic_by_counting() -> None:
    rng = np.random.default_rng(1)
    observed = rng.normal(size=(2, 50))
    observed[0, 3] = np.nan
    maxima = np.r_[rng.normal(size=98), observed[1, :1]]  # the last is tied with an observed value
    want = [[(1 + sum(m >= value for m in maxima)) / 100 for value in row] for row in observed]
    want[0][3] = np.nan
    np.testing.assert_allclose(max_statistic(observed, maxima), want)


def test_ties_by_rounding_count() -> None:
    value = 0.1 + 0.2
    assert max_statistic([value], [0.3])[0] == 1.0
    assert reached(value) < 0.3 and reached(1e6) < 1e6 - 1e-5
    assert max_statistic([value], [0.3 - 1e-6])[0] == 0.5


def test_p_of_counts_and_no_permutation_at_all() -> None:
    np.testing.assert_array_equal(p_of_counts([0, 9, 99], 99), [0.01, 0.1, 1.0])
    assert max_statistic([1.0], [])[0] == 1.0


def test_what_is_no_p_value() -> None:
    for correct in (fdr_bh, fdr_by, bonferroni):
        with pytest.raises(DataError, match="2 of 3"):
            correct([0.5, 1.5, -0.1])
    with pytest.raises(DataError, match="none of them NaN"):
        max_statistic([1.0], [np.nan])
