"""Model tests over subjects, partial comparisons and regressions as steps."""

import numpy as np
import pytest
from scipy import stats

from isocortex.data import Collected, RDMs, Table
from isocortex.errors import DataError
from isocortex.handles import SimilarityHandle
from isocortex_rsa import (
    PartialCorrelation,
    SemipartialCorrelation,
    compare_beyond,
    compare_rdms,
    model_tests,
    noise_ceilings,
    regress,
    regress_rdms,
)
from isocortex_rsa.subject_tests.over_subjects import corrected, one_sample

LABELS = tuple("abcdefgh")


def study(subjects: int = 8, seed: int = 0) -> tuple[Collected[RDMs], RDMs]:
    """Subjects whose RDMs follow the model "good", in two ROIs; "bad" has nothing to do with them."""
    rng = np.random.default_rng(seed)
    models = rng.uniform(0, 1, (2, 28))
    items = {
        (f"S{k}", roi): RDMs(
            models[:1] + noise * rng.uniform(0, 1, (1, 28)), LABELS, (f"S{k}",), "correlation"
        )
        for k in range(subjects)
        for roi, noise in (("V1", 1.0), ("FFA", 2.0))
    }
    return Collected(items, ("subject", "roi")), RDMs(models, LABELS, ("good", "bad"), "model").subset(
        LABELS[::-1]
    )


def test_tests_are_scipys() -> None:
    rdms, models = study()
    table = compare_rdms(rdms, models, "pearson")
    each = noise_ceilings(rdms, "pearson").each
    tests, summary = model_tests(table, each, correction="none")
    assert len(tests) == 2 * (2 + 1 + 2) and len(summary) == 4

    def scores(roi: str, model: str) -> np.ndarray:
        return table["similarity"][(table["roi"] == roi) & (table["model"] == model)]

    def row(roi: str, test: str, model: str) -> dict[str, object]:
        found = [r for r in tests.rows() if (r["roi"], r["test"], r["model"]) == (roi, test, model)]
        assert len(found) == 1
        return found[0]

    for roi in ("V1", "FFA"):
        good, bad = scores(roi, "good"), scores(roi, "bad")
        low = each["lower"][each["roi"] == roi]
        for name, values, alternative in [
            ("above zero", good, "greater"),
            ("difference", good - bad, "two-sided"),
            ("lower ceiling", good - low, "two-sided"),
        ]:
            found = row(roi, name, "good")
            want = stats.ttest_1samp(values, 0, alternative=alternative)
            assert (found["statistic"], found["p"]) == pytest.approx((want.statistic, want.pvalue))
            assert found["mean"] == pytest.approx(values.mean()) and found["n"] == 8
            assert found["p_corrected"] == found["p"]
    assert row("V1", "difference", "good")["other"] == "bad"
    assert row("V1", "above zero", "good")["significant"]
    first = summary.rows()[0]
    assert first["lower"] == pytest.approx(each["lower"][each["roi"] == "V1"].mean())
    assert first["reliable"] and first["n"] == 8 and first["measure"] == "pearson"
    error = scores("V1", "good").std(ddof=1) / np.sqrt(8)
    assert first["standard_error"] == pytest.approx(error)


@pytest.mark.parametrize("correction", ["fdr_bh", "bonferroni", "none"])
def test_correction_over_all_models_and_rois(correction: str) -> None:
    rdms, models = study()
    tests, _ = model_tests(compare_rdms(rdms, models), correction=correction, test="wilcoxon")
    for kind in ("above zero", "difference"):
        rows = tests["test"] == kind
        p, adjusted = tests["p"][rows], tests["p_corrected"][rows]
        factor = {"none": 1, "bonferroni": len(p)}.get(correction)
        want = stats.false_discovery_control(p) if factor is None else np.minimum(1, p * factor)
        np.testing.assert_allclose(adjusted, want)
    above = tests["test"] == "above zero"
    values = compare_rdms(rdms, models)
    first = values["similarity"][(values["roi"] == "V1") & (values["model"] == "good")]
    assert tests["p"][above][0] == stats.wilcoxon(first, alternative="greater").pvalue


def test_a_score_above_the_ceiling_is_flagged_not_clipped() -> None:
    rdms, models = study()
    table = compare_rdms(rdms, models, "pearson")
    each = noise_ceilings(rdms, "pearson").each
    tight = Table({**each.columns, "upper": np.full(len(each), 0.1)})
    rows = model_tests(table, tight).summary.rows()
    assert rows[0]["above_ceiling"] and rows[0]["mean"] > rows[0]["upper"] == pytest.approx(0.1)
    assert not model_tests(table, each).summary["above_ceiling"][1]


def test_one_ceiling_for_all_places_and_collected_tables() -> None:
    rdms, models = study()
    only = Collected({(f"S{k}",): rdms[f"S{k},V1"] for k in range(8)}, ("subject",))
    each = noise_ceilings(only, "pearson").each
    parts = Collected(
        {(k.split(",")[0], k.split(",")[1]): compare_rdms(rdm, models, "pearson") for k, rdm in rdms.items()},
        ("subject", "roi"),
    )
    tests, summary = model_tests(parts, each)
    assert len(set(summary["lower"])) == 1 and set(summary["roi"]) == {"V1", "FFA"}
    whole, _ = model_tests(compare_rdms(rdms, models, "pearson"), each)
    assert tests.rows() == whole.rows()


def test_what_does_not_fit_is_said() -> None:
    rdms, models = study()
    table, ceilings = compare_rdms(rdms, models), noise_ceilings(rdms)
    with pytest.raises(DataError, match="no column 'subject'; wire the output each"):
        model_tests(table, ceilings.bounds)
    with pytest.raises(DataError, match=r"ceilings by pearson .* comparisons by spearman"):
        model_tests(table, noise_ceilings(rdms, "pearson").each)
    with pytest.raises(DataError, match="unit r squared"):
        model_tests(table, noise_ceilings(rdms, unit="r squared").each)
    fewer = Table({name: values[table["subject"] != "S3"] for name, values in table.columns.items()})
    with pytest.raises(DataError, match="has S3"):
        model_tests(fewer, ceilings.each)
    odd = Table(
        {n: v[(table["subject"] != "S3") | (table["model"] != "bad")] for n, v in table.columns.items()}
    )
    with pytest.raises(DataError, match="'good' and 'bad' has S3"):
        model_tests(odd)
    one = Table({name: values[table["subject"] == "S3"] for name, values in table.columns.items()})
    with pytest.raises(DataError, match="at least 2"):
        model_tests(one)
    with pytest.raises(DataError, match="more than one row for subject 'S0'"):
        model_tests(Table({name: np.concatenate([v, v]) for name, v in table.columns.items()}))
    with pytest.raises(DataError, match="no column 'person'"):
        model_tests(table, subject="person")
    with pytest.raises(DataError, match="no rows"):
        model_tests(Table({name: v[:0] for name, v in table.columns.items()}))
    elsewhere = Table({**ceilings.each.columns, "roi": np.full(len(ceilings.each), "IT")})
    with pytest.raises(DataError, match=r"more than one row|0 noise ceilings"):
        model_tests(table, elsewhere)


def test_nan_is_left_out_and_counted() -> None:
    found = one_sample([0.1, np.nan, 0.3, 0.2], alternative="greater")
    assert found.n == 3 and found.p == stats.ttest_1samp([0.1, 0.3, 0.2], 0, alternative="greater").pvalue
    for values in ([0.2], [], [0.2, 0.2, 0.2], [np.nan, 1.0]):
        assert np.isnan(one_sample(values).p)
    np.testing.assert_allclose(corrected([0.01, np.nan, 0.04]), [0.02, np.nan, 0.04])
    np.testing.assert_allclose(corrected([0.3, np.nan, 0.6], "bonferroni"), [0.6, np.nan, 1])
    for bad in (lambda: one_sample([1, 2], "z"), lambda: corrected([0.1], "holm")):
        with pytest.raises(DataError, match="say"):
            bad()


@pytest.mark.parametrize("test", ["t", "wilcoxon"])
def test_false_positives_under_the_null(test: str) -> None:
    rng = np.random.default_rng(4)
    p = [one_sample(rng.standard_normal(12), test).p for _ in range(1500)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=3.5 * np.sqrt(0.05 * 0.95 / 1500))


@pytest.mark.parametrize("correlation", ["spearman", "pearson"])
@pytest.mark.parametrize("remove_from", ["both", "models"])
def test_compare_beyond_aligns_everything_by_label(correlation: str, remove_from: str) -> None:
    rdms, models = study()
    control = RDMs(np.random.default_rng(5).uniform(size=(2, 28)), LABELS, ("pixels", "size"), "m")
    found = compare_beyond(
        rdms, models, control.subset(sorted(LABELS, key="gahbcfed".index)), correlation, remove_from
    )
    kind = PartialCorrelation if remove_from == "both" else SemipartialCorrelation
    measure = SimilarityHandle("x", kind(control.values, correlation == "spearman"))
    want = measure.compare(rdms["S2,FFA"].values, models.subset(LABELS).values)[0]
    rows = (found["subject"] == "S2") & (found["roi"] == "FFA")
    np.testing.assert_allclose(found["similarity"][rows], want, rtol=1e-10)
    prefix = "partial" if remove_from == "both" else "semi-partial"
    assert set(found["measure"]) == {f"{prefix} {correlation}"}


def test_compare_beyond_takes_the_controls_of_each_subject() -> None:
    rdms, models = study(3)
    own = {
        (f"S{k}",): RDMs(np.random.default_rng(k).uniform(size=(1, 28)), LABELS, ("p",), "m")
        for k in range(3)
    }
    found = compare_beyond(rdms, models, Collected(own, ("subject",)))
    alone = compare_beyond(rdms["S1,V1"], models, own[("S1",)])
    rows = (found["subject"] == "S1") & (found["roi"] == "V1")
    np.testing.assert_array_equal(found["similarity"][rows], alone["similarity"])
    with pytest.raises(DataError, match="control RDMs: there are 0 for subject S2"):
        compare_beyond(rdms, models, Collected({key: own[key] for key in list(own)[:2]}, ("subject",)))
    with pytest.raises(DataError, match="there are 3 for"):
        compare_beyond(rdms["S1,V1"], models, Collected(own, ("subject",)))


@pytest.mark.parametrize("scale", ["zscore", "rank", "none"])
@pytest.mark.parametrize("nonnegative", [True, False])
def test_regression_step(scale: str, nonnegative: bool) -> None:
    rdms, models = study()
    table = regress_rdms(rdms, models, nonnegative, scale)

    def change(x: np.ndarray) -> np.ndarray:
        x = stats.rankdata(x, axis=1) if scale == "rank" else x
        return x if scale == "none" else _z(x)

    want = regress(change(rdms["S4,V1"].values), change(models.subset(LABELS).values), nonnegative)
    rows = (table["subject"] == "S4") & (table["roi"] == "V1")
    np.testing.assert_allclose(table["coefficient"][rows], want.coefficients[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(table["unique_r2"][rows], want.unique[0], rtol=1e-8, atol=1e-12)
    assert table["r2"][rows][0] == pytest.approx(want.r2[0])
    assert set(table["scale"]) == {scale} and table["model"][rows].tolist() == ["good", "bad"]


def _z(values: np.ndarray) -> np.ndarray:
    return (values - values.mean(1, keepdims=True)) / values.std(1, keepdims=True)


def test_regression_step_of_odd_input() -> None:
    rdms, models = study(2)
    one = rdms["S0,V1"]
    flat = RDMs(np.full((1, 28), 0.1), LABELS, ("flat",), "m")
    assert np.isnan(regress_rdms(flat, models)["r2"]).all()
    with pytest.raises(DataError, match="a model RDM is constant"):
        regress_rdms(one, RDMs.stack([models, flat]))
    holed = RDMs(np.where(np.arange(28) == 3, np.nan, one.values), LABELS, ("x",), "m")
    with pytest.raises(DataError, match="the RDMs hold NaN"):
        regress_rdms(holed, models)
    with pytest.raises(DataError, match="model RDMs hold NaN"):
        regress_rdms(one, holed)
