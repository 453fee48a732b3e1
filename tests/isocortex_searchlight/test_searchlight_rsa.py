"""Searchlight RSA and its permutation test against scipy, centre by centre and permutation by permutation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import false_discovery_control, kendalltau, pearsonr, spearmanr

import isocortex as ic
from isocortex.errors import DataError
from isocortex_rsa.inference import condition_permutations
from isocortex_searchlight import searchlight_rdms, searchlight_rsa
from isocortex_searchlight.results import FEW, OK

N = 6
CONDITIONS = list("abcdef")


def made(seed: int = 0, n: int = N) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Data, mask, and models, one of them with ties."""
    rng = np.random.default_rng(seed)
    mask = rng.random((8, 7, 9)) < 0.8
    data = rng.normal(size=(8, 7, 9, n))
    models = rng.normal(size=(3, n * (n - 1) // 2))
    models[1] = models[1] > 0
    return data, mask, models


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("measure", "function"), [("spearman", spearmanr), ("pearson", pearsonr)])
def test_equal_to_scipy(measure: str, function, dtype: str) -> None:  # type: ignore[no-untyped-def]
    data, mask, models = made()
    rdms = searchlight_rdms(data, mask, 2, dtype=dtype)
    found = searchlight_rsa(data, mask, models, 2, similarity=measure, dtype=dtype)
    expected = np.array([[function(rdm.astype(float), model)[0] for rdm in rdms.values] for model in models])
    tolerance = 1e-6 if dtype == "float32" else 1e-12
    assert np.allclose(found.similarity, expected, rtol=0, atol=tolerance, equal_nan=True)
    assert found.names == ("model 1", "model 2", "model 3") and found.p is None


def test_cosine_and_a_measure_that_is_no_inner_product() -> None:
    data, mask, models = made()
    models = np.abs(models) + 0.1
    rdms = searchlight_rdms(data, mask, 2).values
    found = searchlight_rsa(data, mask, models, 2, similarity="cosine").similarity
    expected = models @ rdms.T / np.outer(np.linalg.norm(models, axis=1), np.linalg.norm(rdms, axis=1))
    assert np.allclose(found, expected, atol=1e-12)

    class Tau:
        def compare(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
            return np.array([[kendalltau(a, b)[0] for b in second] for a in first])

    slow = searchlight_rsa(data, mask, models, 2, similarity=Tau())
    assert np.allclose(slow.similarity[2], [kendalltau(rdm, models[2])[0] for rdm in rdms])
    with pytest.raises(DataError, match="no inner product"):
        searchlight_rsa(data, mask, models, 2, similarity=Tau(), permutations=10)


def test_many_pairs_are_ranked_by_sorting() -> None:
    data, mask, models = made(n=30)
    data = np.round(data, 1)  # makes ties
    rdms = searchlight_rdms(data, mask, 1, "euclidean")
    found = searchlight_rsa(data, mask, models, 1, metric="euclidean")
    expected = [[spearmanr(rdm, model)[0] for rdm in rdms.values[:80]] for model in models]
    assert np.allclose(found.similarity[:, :80], expected, rtol=0, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("tail", ["greater", "two-sided"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_permutations_equal_brute_force(tail: str, dtype: str) -> None:
    data, mask, models = (part[:5, :4, :4] if part.ndim > 2 else part for part in made(3))
    data[0] = np.nan  # some centres have no result
    found = searchlight_rsa(data, mask, models, 1, permutations=40, tail=tail, seed=5, dtype=dtype)
    rdms = searchlight_rdms(data, mask, 1, dtype=dtype).values.astype(float)
    good = ~np.isnan(rdms).any(axis=1)
    draws = condition_permutations(N, 40, np.random.default_rng(5))
    seen = np.full((3, len(rdms)), np.nan)
    null = np.full((40, 3, len(rdms)), np.nan)
    rows, columns = np.triu_indices(N, 1)
    for m, model in enumerate(models):
        square = np.zeros((N, N))
        square[rows, columns] = square[columns, rows] = model
        for v in np.flatnonzero(good):
            seen[m, v] = spearmanr(rdms[v], model)[0]
            for k, draw in enumerate(draws):
                null[k, m, v] = spearmanr(rdms[v], square[np.ix_(draw, draw)][rows, columns])[0]
    if tail == "two-sided":
        seen, null = np.abs(seen), np.abs(null)
    p = (1 + (null >= seen - 1e-6).sum(axis=0)) / 41
    p_fwe = (1 + (np.nanmax(null, axis=(1, 2))[:, None, None] >= seen - 1e-6).sum(axis=0)) / 41
    assert np.allclose(found.p[:, good], p[:, good]) and np.isnan(found.p[:, ~good]).all()
    assert np.allclose(found.p_fwe[:, good], p_fwe[:, good]) and np.isnan(found.p_fwe[:, ~good]).all()
    assert np.allclose(found.p_fdr[0, good], false_discovery_control(p[0, good]))
    assert found.permutations == 40


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from isocortex_searchlight import engine, permutations

    data, mask, models = made(4)
    whole = searchlight_rsa(data, mask, models, 2, permutations=30)
    real = engine.Searchlight.blocks
    monkeypatch.setattr(engine.Searchlight, "blocks", lambda self, limit: real(self, 4000))
    monkeypatch.setattr(permutations, "CENTRES", 7)
    monkeypatch.setattr(permutations, "ROWS", 10)
    parts = searchlight_rsa(data, mask, models, 2, permutations=30)
    assert np.allclose(whole.similarity, parts.similarity, rtol=0, atol=1e-14)
    for what in ("p", "p_fdr", "p_fwe"):
        assert np.array_equal(getattr(whole, what), getattr(parts, what))


def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    data, mask, models = made(6)
    results = []
    for threads in ("1", "2", "3"):
        monkeypatch.setenv("NUMBA_NUM_THREADS", threads)
        results.append(searchlight_rsa(data.astype(np.float32), mask, models, 2, permutations=20))
    for other in results[1:]:
        assert results[0].similarity.tobytes() == other.similarity.tobytes()
        assert (
            results[0].p.tobytes() == other.p.tobytes()
            and results[0].p_fwe.tobytes() == other.p_fwe.tobytes()
        )


def test_models_are_aligned_by_label() -> None:
    data, mask, models = made(7)
    affine = np.eye(4)
    patterns = ic.Patterns.from_volume(data, mask, affine, CONDITIONS)
    labelled = ic.RDMs(models, CONDITIONS, ["x", "y", "z"], "model")
    plain = searchlight_rsa(data, mask, models, 2)
    shuffled = labelled.subset(["d", "a", "f", "c", "b", "e"])
    assert not np.array_equal(shuffled.values, models)
    for given in (labelled, shuffled):
        found = searchlight_rsa(patterns, models=given, radius=2)
        assert np.allclose(found.similarity, plain.similarity, atol=1e-12) and found.names == ("x", "y", "z")
        again = searchlight_rsa(data, mask, given, 2, conditions=CONDITIONS)
        assert np.allclose(again.similarity, plain.similarity, atol=1e-12)
    maps = searchlight_rsa(patterns, models=labelled, radius=2, permutations=10).maps(patterns.space)
    assert maps.names == ("x", "y", "z") and maps.statistic == "spearman"
    assert np.allclose(maps.volume("y")[mask], plain.similarity[1])


def test_status_and_maps_where_there_is_no_result() -> None:
    data, _, models = made(8)
    mask = np.zeros(data.shape[:3], dtype=bool)
    mask[:3, :3, :3] = True
    mask[7, 6, 8] = True  # alone
    patterns = ic.Patterns.from_volume(data, mask, np.eye(4), CONDITIONS)
    found = searchlight_rsa(patterns, models=models, radius=1, edges="drop", min_voxels=3)
    assert (found.status == OK).all() and len(found.centres) == 8, (
        "those at the border of the volume are gone"
    )
    maps = found.maps(patterns.space)
    assert np.isfinite(maps.values).sum() == 3 * 8
    alone = searchlight_rsa(patterns, models=models, radius=1, permutations=5)
    assert (
        alone.status[-1] == FEW
        and np.isnan(alone.similarity[:, -1]).all()
        and np.isnan(alone.p_fwe[:, -1]).all()
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": None}, "give the models"),
        ({"models": np.zeros((2, 5))}, "do not fit the 15 pairs"),
        ({"models": np.full((1, 15), np.nan)}, "holds NaN"),
        ({"names": ["one"]}, "1 names for 3 models"),
        ({"permutations": -1}, "0 or more"),
        ({"tail": "two_sided"}, "did you mean 'two-sided'"),
        ({"radiuss": 2}, "did you mean 'radius'"),
        ({"models": ic.RDMs(np.ones((1, 15)), CONDITIONS, ["m"], "model")}, "pass Patterns, or conditions"),
        (
            {"models": ic.RDMs(np.ones((1, 3)), list("abc"), ["m"], "model"), "conditions": CONDITIONS},
            "only the first has 'd', 'e', 'f'",
        ),
    ],
)
def test_odd_input_is_explained(change: dict[str, object], message: str) -> None:
    data, mask, models = made()
    with pytest.raises(DataError, match=message):
        searchlight_rsa(**{"data": data, "mask": mask, "models": models, **change})  # type: ignore[arg-type]


def test_two_conditions_are_too_few() -> None:
    data, mask, _ = made()
    with pytest.raises(DataError, match="at least 3 conditions"):
        searchlight_rsa(data[..., :2], mask, np.arange(2.0)[:, None])


def test_a_constant_model_is_refused_not_compared() -> None:
    data, mask, models = made()
    models[1] = 0.5
    with pytest.raises(DataError, match="'model 2' is constant"):
        searchlight_rsa(data, mask, models, 2, permutations=20)


def test_an_embedding_of_any_length_has_the_same_p() -> None:
    data, mask, models = made(9)

    class Scaled:
        def __init__(self, factor: float) -> None:
            self.factor = factor

        def embed(self, rdms: np.ndarray) -> np.ndarray:
            centred = rdms - rdms.mean(axis=1, keepdims=True)
            return self.factor * centred / np.linalg.norm(centred, axis=1, keepdims=True)

    plain = searchlight_rsa(data, mask, models, 2, similarity=Scaled(1.0), permutations=60)
    for factor in (1e-4, 1e4):
        other = searchlight_rsa(data, mask, models, 2, similarity=Scaled(factor), permutations=60)
        assert np.array_equal(other.p, plain.p) and np.array_equal(other.p_fwe, plain.p_fwe)


def test_a_measure_that_needs_to_know_its_pairs_is_not_permuted() -> None:
    data, mask, models = made()

    class Weighted:
        def embed(self, rdms: np.ndarray) -> np.ndarray:
            weights = np.ones(15)
            weights[:4] = 3.0
            return rdms * weights

    with pytest.raises(DataError, match="cannot be permuted"):
        searchlight_rsa(data, mask, models, 2, similarity=Weighted(), permutations=1000)


def test_more_permutations_than_memory_are_refused() -> None:
    data, mask, models = made(n=12)
    with pytest.raises(DataError, match="GiB; ask for"):
        searchlight_rsa(data, mask, models, 1, permutations=10**8)


def test_a_measure_derived_from_a_built_in_one_is_asked_itself() -> None:
    from isocortex_rsa import Pearson

    class OfRoots(Pearson):
        def embed(self, rdms: np.ndarray) -> np.ndarray:
            return super().embed(np.sqrt(np.abs(rdms)))

    data, mask, models = made()
    rdms = searchlight_rdms(data, mask, 2).values
    found = searchlight_rsa(data, mask, models, 2, similarity=OfRoots()).similarity
    expected = [[pearsonr(np.sqrt(rdm), np.sqrt(np.abs(model)))[0] for rdm in rdms[:20]] for model in models]
    assert np.allclose(found[:, :20], expected, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize(
    "measure", ["kendall_tau_a", "kendall_tau_b", "rho_a", "whitened_pearson", "pearson"]
)
def test_measures_see_so_many_rdms_at_a_time_whatever_they_make_of_them(
    measure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from isocortex_rsa import KendallTauA
    from isocortex_searchlight import embedding, permutations, rsa

    permuted = 0 if measure.startswith(("kendall", "whitened")) else 30
    data, mask, models = made(12)
    whole = searchlight_rsa(data, mask, models, 2, similarity=measure, permutations=permuted)
    monkeypatch.setattr(permutations, "CENTRES", 16)
    monkeypatch.setattr(rsa, "COLUMNS", 4000)
    monkeypatch.setattr(embedding, "SORTING", 150)
    seen = []
    real = KendallTauA.embed
    monkeypatch.setattr(KendallTauA, "embed", lambda self, rdms: seen.append(len(rdms)) or real(self, rdms))
    parts = searchlight_rsa(data, mask, models, 2, similarity=measure, permutations=permuted)
    assert np.allclose(whole.similarity, parts.similarity, rtol=0, atol=1e-14, equal_nan=True)
    assert max(seen, default=0) <= 10 if measure.startswith("kendall") else not seen
    if permuted:
        assert np.array_equal(whole.p, parts.p) and np.array_equal(whole.p_fwe, parts.p_fwe)


def test_ties_stay_ties() -> None:
    data, mask, _ = made()
    data[..., 2] = data[..., 0]  # so that d(0, 1) = d(1, 2) and d(0, 2) = 0
    rdms = searchlight_rdms(data[..., :3], mask, 3).values
    assert np.array_equal(rdms[:, 0], rdms[:, 2]) and (rdms[:, 1] == 0).all()
    found = searchlight_rsa(data[..., :3], mask, np.array([[1.0, 0.0, 2.0]]), 3)
    assert np.allclose(found.similarity, np.sqrt(3) / 2)


def test_results_of_parcels_are_no_maps() -> None:
    data, mask, models = made()
    patterns = ic.Patterns.from_volume(data, mask, np.eye(4), CONDITIONS)
    found = searchlight_rsa(patterns, models=models, adjacency=[[0, 1, 2], [3, 4, 5]])
    with pytest.raises(DataError, match="no map of them"):
        found.maps(patterns.space)


def test_a_planted_model_is_found_where_it_lies() -> None:
    rng = np.random.default_rng(1)
    mask = np.ones((14, 10, 10), dtype=bool)
    data = rng.normal(size=(14, 10, 10, 8))
    group = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    region = np.zeros_like(mask)
    region[:5] = True
    data[region] += 1.5 * rng.normal(size=(int(region.sum()), 2))[:, group]
    rows, columns = np.triu_indices(8, 1)
    model = (group[rows] != group[columns]).astype(float)[None]
    found = searchlight_rsa(data, mask, model, 2, permutations=500)
    inside, outside = found.centres[:, 0] < 4, found.centres[:, 0] > 7
    assert (found.p_fwe[0, inside] < 0.05).mean() > 0.8
    assert (found.p_fwe[0, outside] < 0.05).mean() < 0.01
