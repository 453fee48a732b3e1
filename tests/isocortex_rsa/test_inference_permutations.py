"""Permutations of condition labels, sign flips, and the Mantel test against brute force."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import squareform

from isocortex.data import Collected, RDMs
from isocortex.errors import DataError, LabelMismatch
from isocortex.handles import SimilarityHandle
from isocortex_rsa import Cosine, Pearson, Spearman
from isocortex_rsa.inference.corrections import fdr_bh
from isocortex_rsa.inference.flips import sign_flips
from isocortex_rsa.inference.label_permutation import permutation_test
from isocortex_rsa.inference.mantel import mantel_test, permutable_embedding
from isocortex_rsa.inference.permutations import condition_permutations, pair_permutation

SPEARMAN = SimilarityHandle("spearman", Spearman())


class Kendall:
    """A measure that is no inner product."""

    def compare(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.array([[stats.kendalltau(a, b).statistic for b in second] for a in first])


class Signs:
    """Kendall's tau-a as an inner product of another length than the RDM."""

    def embed(self, rdms: np.ndarray) -> np.ndarray:
        rows, columns = np.triu_indices(rdms.shape[1], 1)
        return np.sign(rdms[:, rows] - rdms[:, columns]) / np.sqrt(len(rows))


class FirstCounts:
    """An embedding of the same length in which places matter, so that it does not follow a permutation."""

    def embed(self, rdms: np.ndarray) -> np.ndarray:
        return rdms * np.arange(1, rdms.shape[1] + 1)


MEASURES = [Spearman(), Pearson(), Cosine(), Kendall(), Signs(), FirstCounts()]


@pytest.mark.parametrize("size", [3, 4, 5])
def test_all_orders_when_there_are_few(size: int) -> None:
    found = condition_permutations(size, 10_000, np.random.default_rng(0))
    want = set(itertools.permutations(range(size))) - {tuple(range(size))}
    assert {tuple(row) for row in found.tolist()} == want and len(found) == len(want)


@pytest.mark.parametrize(("size", "n"), [(4, 10), (6, 700), (8, 300), (9, 500), (12, 3000), (92, 50)])
def test_drawn_orders_are_different_and_none_is_the_identity(size: int, n: int) -> None:
    found = condition_permutations(size, n, np.random.default_rng(1))
    assert found.shape == (n, size)
    assert len({tuple(row) for row in found.tolist()}) == n
    assert not (found == np.arange(size)).all(axis=1).any()
    np.testing.assert_array_equal(np.sort(found, axis=1), np.tile(np.arange(size), (n, 1)))
    again = condition_permutations(size, n, np.random.default_rng(1))
    np.testing.assert_array_equal(found, again)


@pytest.mark.parametrize("size", [6, 10])
def test_every_condition_goes_everywhere_equally_often(size: int) -> None:
    n = 600 if size == 6 else 4000
    found = condition_permutations(size, n, np.random.default_rng(2))
    counts = np.array([[np.sum(found[:, place] == k) for k in range(size)] for place in range(size)])
    assert np.abs(counts - n / size).max() < 5 * np.sqrt(n / size)


def test_too_few_conditions_or_permutations() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match="at least 3 conditions"):
        condition_permutations(2, 10, rng)
    with pytest.raises(DataError, match="at least 1"):
        condition_permutations(5, 0, rng)
    with pytest.raises(DataError, match="each of 0 to 2 once"):
        pair_permutation([0, 1, 1])


@pytest.mark.parametrize("size", [3, 4, 9, 16])
def test_pair_permutation_moves_rows_and_columns_together(size: int) -> None:
    rng = np.random.default_rng(size)
    rdm = rng.uniform(size=size * (size - 1) // 2)
    orders = np.stack([rng.permutation(size) for _ in range(5)])
    want = [squareform(squareform(rdm)[np.ix_(order, order)]) for order in orders]
    np.testing.assert_array_equal(rdm[pair_permutation(orders)], want)
    np.testing.assert_array_equal(rdm[pair_permutation(orders[2])], want[2])


@pytest.mark.parametrize("size", [2, 3, 5, 12])
def test_all_sign_patterns_of_few_subjects(size: int) -> None:
    found = sign_flips(size, 5, np.random.default_rng(0))
    want = set(itertools.product((-1.0, 1.0), repeat=size)) - {(1.0,) * size}
    assert {tuple(row) for row in found.tolist()} == want and len(found) == len(want)


def test_drawn_sign_patterns() -> None:
    found = sign_flips(15, 2000, np.random.default_rng(0))
    assert found.shape == (2000, 15) and len(np.unique(found, axis=0)) == 2000
    assert not (found == 1).all(axis=1).any() and set(np.unique(found)) == {-1.0, 1.0}
    assert np.abs(found.mean(axis=0)).max() < 0.1
    assert len(sign_flips(13, 8191, np.random.default_rng(0))) == 8191
    assert len(sign_flips(13, 8190, np.random.default_rng(0))) == 8190
    assert sign_flips(80, 20, np.random.default_rng(0)).shape == (20, 80)
    for n_subjects, n in ((1, 10), (5, 0)):
        with pytest.raises(DataError, match="at least"):
            sign_flips(n_subjects, n, np.random.default_rng(0))


def brute_force(rdms: np.ndarray, models: np.ndarray, measure: object, orders: np.ndarray, two_sided: bool):
    handle = SimilarityHandle("measure", measure)

    def score(these: np.ndarray) -> np.ndarray:
        values = handle.compare(rdms, these)
        return np.abs(values) if two_sided else values

    null = np.stack(
        [
            score(np.stack([squareform(squareform(m)[np.ix_(order, order)]) for m in models]))
            for order in orders
        ]
    )
    observed = score(models)
    p = (1 + (null >= observed - 1e-9).sum(axis=0)) / (1 + len(orders))
    p_fwe = (1 + (null.max(axis=2)[..., None] >= observed - 1e-9).sum(axis=0)) / (1 + len(orders))
    return handle.compare(rdms, models), p, p_fwe


@pytest.mark.parametrize("measure", MEASURES, ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("tail", ["greater", "two-sided"])
def test_mantel_equals_brute_force(measure: object, tail: str) -> None:
    rng = np.random.default_rng(4)
    rdms, models = rng.uniform(size=(2, 10)), rng.uniform(size=(3, 10))
    models[0] = np.round(models[0] * 2)  # ties
    orders = condition_permutations(5, 1000, rng)
    found = mantel_test(rdms, models, SimilarityHandle("measure", measure), orders, tail)  # type: ignore[arg-type]
    similarity, p, p_fwe = brute_force(rdms, models, measure, orders, tail == "two-sided")
    np.testing.assert_allclose(found.similarity, similarity, rtol=1e-12)
    np.testing.assert_allclose(found.p, p)
    np.testing.assert_allclose(found.p_fwe, p_fwe)
    np.testing.assert_allclose(found.p_fdr, [fdr_bh(row) for row in p])


def test_only_measures_that_treat_pairs_alike_are_permuted_after_embedding() -> None:
    models = np.random.default_rng(0).uniform(size=(2, 10))
    for measure in (Spearman(), Pearson(), Cosine()):
        np.testing.assert_array_equal(permutable_embedding(measure, models), measure.embed(models))
    assert permutable_embedding(Signs(), models) is None
    assert permutable_embedding(FirstCounts(), models) is None


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    rdms, models = rng.uniform(size=(3, 45)), rng.uniform(size=(4, 45))
    orders = condition_permutations(10, 333, rng)
    whole = mantel_test(rdms, models, SPEARMAN, orders)
    monkeypatch.setattr("isocortex_rsa.inference.mantel.BLOCK", 1000)
    for one, other in zip(whole, mantel_test(rdms, models, SPEARMAN, orders), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_perfect_and_a_constant_model() -> None:
    rng = np.random.default_rng(6)
    rdms = rng.uniform(size=(1, 28)).astype(np.float32)
    models = np.concatenate([rdms, np.ones((1, 28), np.float32)])
    found = mantel_test(rdms, models, SPEARMAN, condition_permutations(8, 499, rng))
    assert found.p[0, 0] == found.p_fwe[0, 0] == found.p_fdr[0, 0] == 1 / 500
    assert all(np.isnan(values[0, 1]) for values in found)


def test_missing_pairs_are_left_out_in_every_permutation() -> None:
    rng = np.random.default_rng(7)
    rdms, models = rng.uniform(size=(1, 10)), rng.uniform(size=(2, 10))
    rdms[0, 4] = np.nan
    orders = condition_permutations(5, 200, rng)
    with pytest.raises(DataError, match="omit"):
        mantel_test(rdms, models, SPEARMAN, orders)
    found = mantel_test(rdms, models, SPEARMAN, orders, nan="omit")
    kept = ~np.isnan(rdms[0])
    null = [
        [
            stats.spearmanr(rdms[0, kept], squareform(squareform(m)[np.ix_(o, o)])[kept]).statistic
            for m in models
        ]
        for o in orders
    ]
    want = (1 + (np.array(null) >= found.similarity[0] - 1e-9).sum(axis=0)) / (1 + len(orders))
    np.testing.assert_allclose(found.p[0], want)


def test_an_unknown_tail() -> None:
    with pytest.raises(DataError, match="two-sided"):
        mantel_test(np.ones((1, 3)), np.ones((1, 3)), SPEARMAN, np.array([[1, 0, 2]]), "less")  # type: ignore[arg-type]


CONDITIONS = tuple("abcdef")


def rdms(names: tuple[str, ...], seed: int) -> RDMs:
    return RDMs(np.random.default_rng(seed).uniform(size=(len(names), 15)), CONDITIONS, names, "m")


def test_step_aligns_by_label_and_matches_subjects() -> None:
    brain = Collected({("S1",): rdms(("r",), 1), ("S2",): rdms(("r",), 2)}, ("subject",))
    turned = rdms(("m1", "m2"), 3).subset(tuple("fedcba"))
    table = permutation_test(brain, turned, np.random.default_rng(0), SPEARMAN)
    assert list(table.columns) == [
        "subject", "rdm", "model", "measure", "similarity", "p", "p_fdr", "p_fwe", "permutations"
    ]  # fmt: skip
    assert table["permutations"].tolist() == [math.factorial(6) - 1] * 4
    want = SPEARMAN.compare(brain["S2"], turned)[0]
    np.testing.assert_allclose(table["similarity"][2:], want)
    own = Collected({("S2",): rdms(("x",), 4), ("S1",): rdms(("y",), 5)}, ("subject",))
    rows = permutation_test(brain, own, np.random.default_rng(0), "pearson").rows()
    assert [(row["subject"], row["model"]) for row in rows] == [("S1", "y"), ("S2", "x")]
    with pytest.raises(DataError, match="no models for subject S1"):
        permutation_test(brain, Collected({("S2",): turned}, ("subject",)), np.random.default_rng(0))


def test_step_refuses_other_conditions() -> None:
    other = RDMs(np.ones((1, 15)), tuple("abcdeg"), ("m",), "m")
    with pytest.raises(LabelMismatch, match=r"'f'.*'g'"):
        permutation_test(rdms(("r",), 1), other, np.random.default_rng(0))
