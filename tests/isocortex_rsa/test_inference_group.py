"""Group tests, against scipy, nilearn and brute force over all sign flips."""

import itertools
from functools import partial

import numpy as np
import pytest
from nilearn.mass_univariate import permuted_ols
from scipy import ndimage, stats

from isocortex.data import Collected, Space, StatMaps
from isocortex.errors import DataError, GridMismatch, LabelMismatch
from isocortex_rsa.inference.corrections import bonferroni, fdr_bh, fdr_by
from isocortex_rsa.inference.enhancement import cluster_mass, tfce
from isocortex_rsa.inference.flip_null import enhanced_maxima, flip_null
from isocortex_rsa.inference.flips import sign_flips
from isocortex_rsa.inference.group import Plan, group_test, over_subjects
from isocortex_rsa.inference.neighbours import neighbours_of
from isocortex_rsa.inference.onesample import fisher_z, one_sample_t, t_of_u, t_to_p, unit_columns

AFFINE = np.diag([3.0, 3, 3, 1])
MASK = np.ones((4, 3, 5), dtype=bool)
SPACE = Space(MASK, AFFINE)
RNG = np.random.default_rng


def subjects(values: np.ndarray, space: Space = SPACE, statistic: str = "spearman") -> Collected[StatMaps]:
    names = tuple(f"m{k}" for k in range(values.shape[1]))
    items = {(f"S{k}",): StatMaps(own, names, space, statistic) for k, own in enumerate(values)}
    return Collected(items, ("subject",))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [2, 3, 15])
def test_t_equals_scipy(dtype: type, n: int) -> None:
    x = (0.3 + RNG(n).normal(size=(n, 3, 20))).astype(dtype)
    want = stats.ttest_1samp(x.astype(np.float64), 0.0)
    np.testing.assert_allclose(one_sample_t(x), want.statistic, rtol=1e-10)
    np.testing.assert_allclose(t_of_u(unit_columns(x).sum(axis=0), n), want.statistic, rtol=1e-6)
    np.testing.assert_allclose(t_to_p(want.statistic, n, True), want.pvalue, rtol=1e-10)
    right = stats.ttest_1samp(x.astype(np.float64), 0.0, alternative="greater").pvalue
    np.testing.assert_allclose(t_to_p(want.statistic, n), right, rtol=1e-10)


def test_t_of_missing_constant_and_zero_voxels() -> None:
    x = RNG(0).normal(size=(4, 5))
    x[2, 0] = np.nan
    x[:, 1] = 0.0
    x[:, 2] = 0.3
    assert np.isnan(one_sample_t(x)).tolist() == [True, True, True, False, False]
    assert np.isnan(unit_columns(x)).any(axis=0).tolist() == [True, True, True, False, False]
    for function in (one_sample_t, unit_columns):
        with pytest.raises(DataError, match="at least 2 subjects"):
            function(x[:1])


def test_fisher_z() -> None:
    r = np.array([-0.5, 0.0, 0.9, np.nan], dtype=np.float32)
    z, clipped = fisher_z(r)
    np.testing.assert_allclose(z, np.arctanh(r.astype(float)))
    assert clipped == 0 and z.dtype == np.float64
    z, clipped = fisher_z([1.0, -1.0, 0.2])
    assert clipped == 2 and np.isfinite(z).all() and z[0] == -z[1] > 7
    with pytest.raises(DataError, match=r"1\.5"):
        fisher_z([0.2, 1.5])


def all_flips(n: int) -> np.ndarray:
    return np.array(list(itertools.product((1.0, -1.0), repeat=n)))


@pytest.mark.parametrize("tail", ["greater", "two-sided"])
@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("rounded", [False, True])
def test_max_t_equals_brute_force(tail: str, together: bool, rounded: bool) -> None:
    x = 0.4 + RNG(1).normal(size=(5, 2, 30))
    x = np.round(x * 2) / 2 + 0.01 * (not rounded) if rounded else x  # many flips tie
    x[0, 1, 3] = np.nan
    flips = sign_flips(5, 1, RNG(0))
    found = over_subjects(x, Plan(flips, "max_t", tail == "two-sided", together))
    with np.errstate(all="ignore"):
        t = np.stack([stats.ttest_1samp(f[:, None, None] * x, 0.0).statistic for f in all_flips(5)])
    t[:, np.isnan(found.t)] = np.nan
    score = np.abs(t) if tail == "two-sided" else t
    slack = 1e-8 * (1 + np.abs(score[0]))
    p = np.where(np.isnan(found.t), np.nan, (score >= score[0] - slack).mean(axis=0))
    np.testing.assert_allclose(found.p, p)
    axes = (1, 2) if together else (2,)
    biggest = np.nanmax(score, axis=axes, keepdims=True)
    p_fwe = np.where(np.isnan(found.t), np.nan, (biggest >= score[0] - slack).mean(axis=0))
    np.testing.assert_allclose(found.p_fwe, p_fwe)
    p_fdr = fdr_bh(p) if together else np.stack([fdr_bh(row) for row in p])
    np.testing.assert_allclose(found.p_fdr, p_fdr)
    assert np.isnan(found.t[1, 3]) and np.isnan(found.p_fwe[1, 3])


def test_exact_p_is_that_of_scipys_permutation_test() -> None:
    x = 0.3 + RNG(2).normal(size=(7, 1, 4))
    found = over_subjects(x, Plan(sign_flips(7, 1, RNG(0)))).p[0]
    for column, p in enumerate(found):
        want = stats.permutation_test(
            (x[:, 0, column],), np.mean, permutation_type="samples", alternative="greater", n_resamples=np.inf
        )
        assert p == pytest.approx(want.pvalue, abs=1e-12)


def brute_enhanced(x: np.ndarray, correction: str, two_sided: bool, threshold: float, connectivity: int):
    """Cluster p-values from ndimage.label and scipy's t over all flips."""
    structure = ndimage.generate_binary_structure(3, {6: 1, 18: 2, 26: 3}[connectivity])

    def score(t: np.ndarray) -> np.ndarray:
        if correction == "tfce":
            return tfce(t, neighbours_of(MASK, connectivity))
        labels, count = ndimage.label(SPACE.volume(t) > threshold, structure)
        flat = labels[MASK]
        weights = t - threshold if correction == "cluster_mass" else np.ones(t.size)
        sums = np.array([0.0, *(weights[flat == k].sum() for k in range(1, count + 1))])
        return sums[flat]

    scores = []
    for f in all_flips(len(x)):
        t = stats.ttest_1samp(f[:, None, None] * x, 0.0).statistic
        rows = [np.maximum(score(row), score(-row)) if two_sided else score(row) for row in t]
        scores.append(np.stack(rows))
    found = np.stack(scores)
    biggest = found.max(axis=(1, 2))[:, None, None]
    return np.where(found[0] > 0, (biggest >= found[0] * (1 - 1e-9)).mean(axis=0), 1.0)


@pytest.mark.parametrize("correction", ["tfce", "cluster_mass", "cluster_extent"])
@pytest.mark.parametrize("two_sided", [False, True])
@pytest.mark.parametrize("connectivity", [6, 18])
def test_cluster_p_equals_brute_force(correction: str, two_sided: bool, connectivity: int) -> None:
    x = 0.5 + RNG(3).normal(size=(5, 2, 60))
    plan = Plan(sign_flips(5, 1, RNG(0)), correction, two_sided, True, 0.1, neighbours_of(MASK, connectivity))  # type: ignore[arg-type]
    threshold = float(stats.t.isf(0.05 if two_sided else 0.1, 4))
    want = brute_enhanced(x, correction, two_sided, threshold, connectivity)
    np.testing.assert_allclose(over_subjects(x, plan).p_fwe, want)


@pytest.mark.filterwarnings("ignore:Data array used to create:UserWarning")
def test_agrees_with_nilearns_permuted_ols() -> None:
    """nilearn draws its own flips, so p-values agree to their Monte Carlo error, and t exactly.

    Its TFCE is left out: it adds up steps of a hundredth of each map's maximum without multiplying by them,
    so that maps of different maximum cannot be compared. The scores of single maps agree (clusters test).
    """
    from nibabel import Nifti1Image
    from nilearn.maskers import NiftiMasker

    x = RNG(4).normal(size=(14, 60)) + np.where(np.arange(60) < 12, 0.9, 0.0)
    masker = NiftiMasker(Nifti1Image(MASK.astype(np.uint8), AFFINE), standardize=None).fit()
    theirs = permuted_ols(
        np.ones((14, 1)), x, model_intercept=False, n_perm=400, two_sided_test=False, random_state=0,
        masker=masker, threshold=0.01, output_type="dict",
    )  # fmt: skip
    plan = Plan(sign_flips(14, 4000, RNG(0)), "max_t")
    ours = over_subjects(x[:, None], plan)
    np.testing.assert_allclose(ours.t[0], theirs["t"][0], rtol=1e-8)
    np.testing.assert_allclose(ours.p_fwe[0], 10 ** -theirs["logp_max_t"][0], atol=0.08)
    neighbours = neighbours_of(MASK, 6)
    found = over_subjects(
        x[:, None], plan._replace(correction="cluster_mass", cluster_p=0.01, neighbours=neighbours)
    )
    size = ndimage.label(SPACE.volume(ours.t[0]) > stats.t.isf(0.01, 13))[0][MASK]
    theirs_p = 10 ** -theirs["logp_max_mass"][0]
    np.testing.assert_allclose(found.p_fwe[0][size > 0], theirs_p[size > 0], atol=0.08)


def test_blocks_and_threads_do_not_change_the_null(monkeypatch: pytest.MonkeyPatch) -> None:
    x = RNG(5).normal(size=(13, 700))
    x[3, 100] = np.nan
    flips = sign_flips(13, 600, RNG(0))
    unit = unit_columns(x)
    first = flip_null(unit, flips, False, workers=1)
    again = flip_null(unit, flips, False, workers=3)
    neighbours = neighbours_of(np.ones((7, 10, 10), bool), 26)
    enhance = partial(cluster_mass, neighbours=neighbours, threshold=1.5)
    maxima = enhanced_maxima(unit, flips, enhance, True, workers=1)
    np.testing.assert_array_equal(maxima, enhanced_maxima(unit, flips, enhance, True, workers=4))
    np.testing.assert_array_equal(first.maxima, again.maxima)
    np.testing.assert_array_equal(first.counts, again.counts)
    monkeypatch.setattr("isocortex_rsa.inference.flip_null.VOXELS", 64)
    monkeypatch.setattr("isocortex_rsa.inference.flip_null.FLIPS", 50)
    small = flip_null(unit, flips, False)
    np.testing.assert_array_equal(first.counts, small.counts)
    np.testing.assert_allclose(first.maxima, small.maxima, rtol=1e-12)


def correlations(n: int = 8, models: int = 2, seed: int = 0, effect: float = 0.3) -> np.ndarray:
    z = RNG(seed).normal(size=(n, models, SPACE.n_voxels)) * 0.2
    z[:, 0, :10] += effect
    return np.tanh(z)


def test_step_gives_labelled_maps_and_a_summary() -> None:
    r = correlations()
    found = group_test(subjects(r), RNG(0))
    np.testing.assert_allclose(found.t.values, one_sample_t(np.arctanh(r)), rtol=1e-12)
    assert found.t.names == ("m0", "m1") and found.p_fwe.statistic == "p_fwe"
    significant = found.p_fwe.values <= 0.05
    np.testing.assert_array_equal(~np.isnan(found.thresholded.values), significant)
    np.testing.assert_array_equal(found.thresholded.values[significant], found.t.values[significant])
    row = found.summary.rows()[0]
    assert row["subjects"] == 8 and row["voxels"] == 60 and row["flips"] == 255
    assert row["significant"] == significant[0].sum() > 0
    assert row["peak_t"] == found.t.values[0].max()
    peak = SPACE.voxels[found.t.values[0].argmax()] * 3.0
    assert (row["x_mm"], row["y_mm"], row["z_mm"]) == tuple(peak)
    raw = group_test(subjects(r), RNG(0), fisher_z=False)
    np.testing.assert_allclose(raw.t.values, one_sample_t(r))


@pytest.mark.parametrize(
    ("correction", "adjust"),
    [("fdr", fdr_bh), ("fdr_by", fdr_by), ("bonferroni", bonferroni), ("none", None)],
)
def test_the_t_distribution_and_what_it_can_be_corrected_by(correction: str, adjust: object) -> None:
    r = correlations(12)
    found = group_test(subjects(r), RNG(0), test="t", correction=correction)  # type: ignore[arg-type]
    p = stats.ttest_1samp(np.arctanh(r), 0, alternative="greater").pvalue
    np.testing.assert_allclose(found.p.values, p, rtol=1e-9)
    decisive = p if adjust is None else adjust(p)  # type: ignore[operator]
    np.testing.assert_array_equal(~np.isnan(found.thresholded.values), decisive <= 0.05)
    for other in ("max_t", "tfce", "cluster_mass", "cluster_extent"):
        with pytest.raises(DataError, match="sign flips"):
            group_test(subjects(r), RNG(0), test="t", correction=other)  # type: ignore[arg-type]


@pytest.mark.parametrize("correction", ["tfce", "cluster_mass", "cluster_extent", "fdr", "bonferroni"])
def test_other_corrections_find_a_cluster(correction: str) -> None:
    found = group_test(subjects(correlations(12)), RNG(0), correction=correction, cluster_p=0.01)  # type: ignore[arg-type]
    assert found.summary["significant"][0] >= 5 and found.summary["significant"][1] <= 3


def test_same_seed_same_result_and_effect_of_other_models() -> None:
    maps = subjects(correlations(14))
    first, again = (group_test(maps, RNG(3), permutations=500) for _ in range(2))
    np.testing.assert_array_equal(first.p_fwe.values, again.p_fwe.values)
    alone = group_test(maps, RNG(3), permutations=500, family="each_model")
    assert (alone.p_fwe.values <= first.p_fwe.values).all()


def test_voxels_that_a_subject_lacks_are_left_out_and_told() -> None:
    r = correlations()
    r[2, 0, 7] = np.nan
    r[:, 0, 8] = 0.0
    smaller = MASK.copy()
    smaller[3, 2, 4] = False
    items = {
        (f"S{k}",): StatMaps(
            own if k else own[:, smaller[MASK]], ("m0", "m1"), Space(MASK if k else smaller, AFFINE), "r"
        )
        for k, own in enumerate(r)
    }
    with pytest.warns(UserWarning, match="1 voxels that not all 8 subjects have"):
        found = group_test(Collected(items, ("subject",)), RNG(0))
    assert found.t.space.n_voxels == 59
    np.testing.assert_allclose(found.t.values[:, 9], one_sample_t(np.arctanh(r[:, :, 9])))
    row, other = found.summary.rows()
    assert (row["left_out_masks"], row["left_out_missing"], row["left_out_constant"]) == (1, 1, 1)
    assert (other["left_out_missing"], other["left_out_constant"], other["voxels"]) == (0, 0, 59)
    assert np.isnan(found.p_fwe.values[0, [7, 8]]).all()


def test_models_are_matched_by_name() -> None:
    r = correlations()
    maps = dict(subjects(r))
    turned = {(k,): m if k != "S3" else m.pick(("m1", "m0")) for k, m in maps.items()}
    found = group_test(Collected(turned, ("subject",)), RNG(0))
    np.testing.assert_array_equal(found.t.values, group_test(subjects(r), RNG(0)).t.values)
    other = {
        (k,): StatMaps(m.values, ("m0", "x" if k == "S3" else "m1"), SPACE, "r") for k, m in maps.items()
    }
    with pytest.raises(LabelMismatch, match=r"S3.*'m1'.*'x'"):
        group_test(Collected(other, ("subject",)), RNG(0))


def test_what_cannot_be_tested() -> None:
    r = correlations()
    maps = dict(subjects(r))
    with pytest.raises(DataError, match="permutation_test"):
        group_test(subjects(r[:1]), RNG(0))
    moved = Space(MASK, np.diag([2.0, 3, 3, 1]))
    grids = {(k,): m if k != "S2" else StatMaps(m.values, m.names, moved, "r") for k, m in maps.items()}
    with pytest.raises(GridMismatch, match="S0 and S2"):
        group_test(Collected(grids, ("subject",)), RNG(0))
    kinds = {(k,): m if k != "S2" else StatMaps(m.values, m.names, SPACE, "t") for k, m in maps.items()}
    with pytest.raises(DataError, match="S0 hold spearman, those of S2 t"):
        group_test(Collected(kinds, ("subject",)), RNG(0))
    axes = Collected({("S1", "V1"): maps["S1"], ("S2", "V1"): maps["S2"]}, ("subject", "roi"))
    with pytest.raises(DataError, match=r"over: \[roi\]"):
        group_test(axes, RNG(0))
    halves = {}
    for k, m in maps.items():
        own = MASK.copy()
        own[: 2 if k == "S1" else 0] = False
        own[2 if k != "S1" else 4 :] = False
        halves[(k,)] = StatMaps(m.values[:, own[MASK]], m.names, Space(own, AFFINE), "r")
    with pytest.raises(DataError, match="no voxel lies in the masks of all 8"):
        group_test(Collected(halves, ("subject",)), RNG(0))
    r[0, 0, 0] = np.inf
    with pytest.raises(DataError, match="S0: a value is infinite"):
        group_test(subjects(r), RNG(0))
    with pytest.raises(DataError, match="cluster_p"):
        group_test(subjects(correlations()), RNG(0), correction="cluster_mass", cluster_p=0.0)


def test_warnings_for_few_subjects_and_perfect_correlations() -> None:
    with pytest.warns(UserWarning, match=r"4 subjects allow 16 sign patterns.*0\.0625"):
        group_test(subjects(correlations(4)), RNG(0))
    r = correlations()
    r[1, 1, 2] = 1.0
    with pytest.warns(UserWarning, match="1 of 960 correlations"):
        group_test(subjects(r), RNG(0))
    with pytest.raises(DataError, match="fisher_z: false"):
        group_test(subjects(3 * correlations()), RNG(0))
