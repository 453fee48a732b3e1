"""Noise ceilings against rsatoolbox, published values and simulations whose ceiling is known."""

import json
from pathlib import Path

import numpy as np
import pytest

from isocortex.data import Collected, RDMs
from isocortex.errors import DataError
from isocortex.handles import SimilarityHandle
from isocortex_rsa import (
    KendallTauA,
    Pearson,
    WhitenedCosine,
    crossnobis,
    load_rdms,
    noise_ceiling,
    noise_ceilings,
)

METHODS = {
    "corr": "pearson",
    "cosine": "cosine",
    "spearman": "spearman",
    "rho-a": "rho_a",
    "tau-a": "kendall_tau_a",
    "kendall": "kendall_tau_b",
    "cosine_cov": "whitened_cosine",
    "corr_cov": "whitened_pearson",
}


def rdms(subjects: int = 5, conditions: int = 7, noise: float = 1.0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    pairs = conditions * (conditions - 1) // 2
    return np.abs(rng.standard_normal(pairs) + noise * rng.standard_normal((subjects, pairs))) + 0.1


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("ties", [False, True])
def test_equals_rsatoolbox(method: str, ties: bool) -> None:
    from rsatoolbox.inference import boot_noise_ceiling
    from rsatoolbox.rdm import RDMs as Theirs

    values = np.round(rdms(), 1 if ties else 12)
    found = noise_ceiling(values, METHODS[method])
    want = boot_noise_ceiling(Theirs(values), method)
    np.testing.assert_allclose((found.lower, found.upper), want, rtol=1e-10)


def test_what_each_subject_contributes_and_squares() -> None:
    values = rdms()
    plain, squared = noise_ceiling(values, "pearson"), noise_ceiling(values, "pearson", squared=True)
    assert plain.lower == pytest.approx(plain.each_lower.mean()) and plain.n == 5
    np.testing.assert_allclose(squared.each_upper, plain.each_upper**2)
    assert squared.upper == pytest.approx(np.mean(plain.each_upper**2))
    left = np.corrcoef(values[2], np.mean(np.delete(_z(values), 2, axis=0), axis=0))[0, 1]
    assert plain.each_lower[2] == pytest.approx(left)
    mean = noise_ceiling(values, "pearson", pool="mean")
    left = np.corrcoef(values[2], np.delete(values, 2, axis=0).mean(0))[0, 1]
    assert mean.each_lower[2] == pytest.approx(left)


def _z(values: np.ndarray) -> np.ndarray:
    return (values - values.mean(1, keepdims=True)) / values.std(1, keepdims=True)


@pytest.mark.parametrize("method", ["pearson", "spearman", KendallTauA()])
def test_many_places_at_once(method: object) -> None:
    many = np.stack([rdms(4, seed=seed) for seed in range(6)], axis=1)
    many[2, 3] = 0.5
    found = noise_ceiling(many, method)
    assert found.lower.shape == (6,) and found.each_upper.shape == (4, 6)
    for place in range(6):
        alone = noise_ceiling(many[:, place], method)
        np.testing.assert_allclose(
            (found.lower[place], found.upper[place]), (alone.lower, alone.upper), rtol=1e-12
        )
        assert found.n[place] == alone.n
    if method == "pearson":
        assert found.n.tolist() == [4, 4, 4, 3, 4, 4]


def test_an_undefined_subject_has_no_part() -> None:
    values = rdms()
    values[1] = 2.0
    found, without = (
        noise_ceiling(values, "spearman"),
        noise_ceiling(np.delete(values, 1, axis=0), "spearman"),
    )
    assert found.n == 4 and np.isnan(found.each_lower[1])
    assert (found.lower, found.upper) == pytest.approx((without.lower, without.upper))


@pytest.mark.parametrize("noise", [0.5, 1.0, 2.0])
def test_the_truth_lies_between_the_bounds(noise: float) -> None:
    """Subjects are a common RDM plus noise: the best model is that RDM, and its r is known."""
    rng = np.random.default_rng(1)
    lower, upper, best = [], [], []
    for _ in range(60):
        truth = rng.standard_normal(120)
        values = truth + noise * rng.standard_normal((8, 120))
        found = noise_ceiling(values, "pearson")
        lower.append(found.lower)
        upper.append(found.upper)
        best.append(SimilarityHandle("r", Pearson()).compare(values, truth[None]).mean())
    assert np.mean(lower) < np.mean(best) < np.mean(upper)
    assert np.mean(best) == pytest.approx(1 / np.sqrt(1 + noise**2), abs=0.02)
    assert np.mean(lower) == pytest.approx(1 / np.sqrt((1 + noise**2) * (1 + noise**2 / 7)), abs=0.02)


def test_noise_alone_has_a_lower_bound_around_zero_and_an_upper_one_above() -> None:
    rng = np.random.default_rng(2)
    found = noise_ceiling(rng.standard_normal((10, 400, 66)), "pearson")
    assert abs(found.lower.mean()) < 0.01 and found.upper.mean() == pytest.approx(1 / np.sqrt(10), abs=0.01)
    squared = noise_ceiling(rng.standard_normal((10, 400, 66)), "pearson", squared=True)
    assert squared.lower.mean() > 0.01  # squares hide that there is nothing


@pytest.mark.parametrize("wrong", [np.zeros((1, 10)), np.zeros(10), np.array([["a"], ["b"]])])
def test_what_has_no_ceiling(wrong: np.ndarray) -> None:
    with pytest.raises(DataError, match="at least 2 subjects"):
        noise_ceiling(wrong)
    with pytest.raises(DataError, match='"own" or "mean"'):
        noise_ceiling(rdms(), pool="all")


def by_roi() -> Collected[RDMs]:
    labels = tuple("abcdefg")
    items = {}
    for roi, noise in (("V1", 0.5), ("FFA", 1.5)):
        values = rdms(4, noise=noise, seed=3)
        for k in range(4):
            one = RDMs(values[k : k + 1], labels, (f"S{k}",), "m")
            items[(f"S{k}", roi)] = one if k % 2 else one.subset(labels[::-1])
    return Collected(items, ("subject", "roi"))


def test_step_gives_a_row_a_roi_aligned_by_label() -> None:
    bounds, each = noise_ceilings(by_roi(), "pearson")
    assert bounds["roi"].tolist() == ["V1", "FFA"] and bounds["n"].tolist() == [4, 4]
    want = noise_ceiling(rdms(4, noise=1.5, seed=3), "pearson")
    assert bounds["upper"][1] == pytest.approx(want.upper) and bounds["lower"][1] == pytest.approx(want.lower)
    assert set(bounds["unit"]) == {"r"} and set(bounds["measure"]) == {"pearson"}
    assert each["subject"].tolist() == ["S0", "S1", "S2", "S3"] * 2
    np.testing.assert_allclose(each["lower"][4:], want.each_lower)
    squared, _ = noise_ceilings(by_roi(), "pearson", unit="r squared")
    assert squared["unit"][0] == "r squared" and squared["upper"][1] < bounds["upper"][1]


def test_step_over_rdms_in_one_piece_layers_and_other_axes() -> None:
    whole = RDMs(rdms(4), tuple("abcdefg"), tuple("wxyz"), "m")
    bounds, each = noise_ceilings(whole)
    assert len(bounds) == 1 and each["subject"].tolist() == list("wxyz")
    both = Collected({("V1",): whole, ("IT",): whole}, ("roi",))
    assert noise_ceilings(both).bounds["roi"].tolist() == ["V1", "IT"]
    layers = Collected(
        {(s,): RDMs(rdms(2, seed=k), tuple("abcdefg"), ("l1", "l2"), "m") for k, s in enumerate("xyz")},
        ("subject",),
    )
    with pytest.warns(UserWarning, match="no reliable variance in l"):
        assert noise_ceilings(layers).bounds["rdm"].tolist() == ["l1", "l2"]
    with pytest.raises(DataError, match="no axis 'session'"):
        noise_ceilings(by_roi(), over="session")
    with pytest.raises(DataError, match="at least 2 subjects, got 1"):
        noise_ceilings(whole.pick(["w"]))


def test_step_says_where_there_is_no_reliable_variance() -> None:
    values = np.random.default_rng(7).standard_normal((3, 21))
    values[2] -= 3 * values[:2].sum(axis=0)
    opposed = RDMs(values, tuple("abcdefg"), tuple("xyz"), "m")
    with pytest.warns(UserWarning, match="no reliable variance"):
        bounds = noise_ceilings(opposed, "pearson").bounds
    assert not bounds["reliable"][0] and bounds["lower"][0] < 0
    with pytest.warns(UserWarning, match="no reliable variance"):
        squared = noise_ceilings(opposed, "pearson", unit="r squared").bounds
    assert not squared["reliable"][0] and squared["lower"][0] > 0


def test_step_and_nan() -> None:
    values = rdms(4)
    values[1, 3] = np.nan
    holed = RDMs(values, tuple("abcdefg"), tuple("wxyz"), "m")
    with pytest.raises(DataError, match=r"1 of 21 pairs .* say nan: omit"):
        noise_ceilings(holed)
    found = noise_ceilings(holed, "pearson", nan="omit").bounds
    assert found["upper"][0] == pytest.approx(noise_ceiling(np.delete(values, 3, axis=1), "pearson").upper)
    with pytest.raises(DataError, match="leave out their conditions"):
        noise_ceilings(holed, SimilarityHandle("w", WhitenedCosine()), nan="omit")


def test_images92(real_data: Path) -> None:
    folder = real_data / "kriegeskorte92"
    human = load_rdms(
        *(folder / "rdms.npz", folder / "stimuli.tsv"),
        array="human_it",
        column="index",
        dims=["subject", "session"],
        average=["session"],
    )
    expected = json.loads((folder / "expected_rsatoolbox_0.3.2.json").read_text())
    for method, ours in METHODS.items():
        if method in expected:
            bounds = noise_ceilings(human, SimilarityHandle(ours, _component(ours))).bounds
            want = expected[method]["noise_ceiling"]
            assert [bounds["lower"][0], bounds["upper"][0]] == pytest.approx(want, abs=2e-7), method
    bounds = noise_ceilings(human, "pearson").bounds
    assert [round(float(bounds[end][0]), 4) for end in ("lower", "upper")] == [0.3944, 0.6804]


def _component(name: str) -> object:
    import isocortex as ic

    return ic.get("similarity", name).component


PUBLISHED = {"EVC": (0.0686, 0.1589, 0.2389, 0.3856), "IT": (0.2264, 0.3075, 0.4486, 0.5346)}


@pytest.mark.parametrize("region", sorted(PUBLISHED))
def test_fifteen_subjects_as_published(region: str, real_data: Path) -> None:
    labels = [str(k) for k in range(92)]
    rdms = load_rdms(real_data / "cichy92_fmri_rdms" / "rdms.npz", labels, array=region, dims=["subject"])
    found = []
    for unit in ("r squared", "r"):
        bounds = noise_ceilings(rdms, "spearman", unit=unit, pool="mean").bounds
        found += [round(float(bounds[end][0]), 4) for end in ("lower", "upper")]
        assert bounds["n"][0] == 15 and bounds["reliable"][0]
    assert tuple(found) == PUBLISHED[region]


def test_finger_movements(real_data: Path) -> None:
    with np.load(real_data / "finger7t_pcm" / "finger7t.npz") as data:
        parts = [
            crossnobis(
                data[f"sub{k}_patterns"].astype(np.float64),
                conditions=data[f"sub{k}_finger"].astype(int) - 1,
                runs=data[f"sub{k}_run"].astype(int),
            )
            for k in range(1, 8)
        ]
        pairs = np.triu_indices(5, 1)
        names = ("Naturalstats", "Muscle", "somatotopy")
        models = np.stack([data[f"model_{name}"][pairs] for name in names])
    np.testing.assert_allclose(parts[0][:4], [0.2271, 0.3668, 0.3484, 0.3709], atol=5e-5)
    found = noise_ceiling(np.stack(parts), "pearson", pool="mean")
    assert (round(float(found.lower), 4), round(float(found.upper), 4)) == (0.8589, 0.9010)
    means = SimilarityHandle("r", Pearson()).compare(np.stack(parts), models).mean(axis=0)
    assert np.round(means, 3).tolist() == [0.848, 0.771, 0.638]
