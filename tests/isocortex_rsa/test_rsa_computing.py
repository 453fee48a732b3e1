"""Patterns to RDMs, their average, and their comparison with models."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import pdist

from isocortex.data import Collected, Patterns, RDMs, Space
from isocortex.errors import DataError, LabelMismatch
from isocortex.handles import MetricHandle, SimilarityHandle
from isocortex.pipeline.settings import AxisValues
from isocortex_rsa import Pearson, Spearman, compare_rdms, compute_rdms, correlation, load_patterns, mean_rdm

METRIC = MetricHandle("correlation", correlation)
SPEARMAN = SimilarityHandle("spearman", Spearman())
CONDITIONS = ("a", "b", "c", "d")


def patterns(seed: int = 0, repeats: int = 3, channels: int = 20) -> Patterns:
    rng = np.random.default_rng(seed)
    labels = tuple(np.repeat(CONDITIONS, repeats).tolist())
    return Patterns(rng.standard_normal((len(labels), channels)), labels)


def rdms(names: tuple[str, ...], conditions: tuple[str, ...] = CONDITIONS, seed: int = 0) -> RDMs:
    pairs = len(conditions) * (len(conditions) - 1) // 2
    values = np.random.default_rng(seed).uniform(0, 2, (len(names), pairs))
    return RDMs(values, conditions, names, "correlation")


def test_samples_of_a_condition_are_averaged() -> None:
    data = patterns()
    found = compute_rdms(data, METRIC, axes=AxisValues({"subject": "S1"}))
    assert found.names == ("S1",) and found.conditions == CONDITIONS and found.metric == "correlation"
    want = pdist(data.values.reshape(4, 3, -1).mean(axis=1), "correlation")
    np.testing.assert_allclose(found.values[0], want, rtol=1e-10)


def test_without_averaging_repeats_are_refused() -> None:
    with pytest.raises(DataError, match="one sample a condition"):
        compute_rdms(patterns(), METRIC, average="none")
    single = patterns(repeats=1)
    np.testing.assert_array_equal(
        compute_rdms(single, METRIC, average="none").values, compute_rdms(single, METRIC).values
    )


def test_collected_patterns_are_named_by_their_axis_values() -> None:
    data = Collected({("S2", "V1"): patterns(1), ("S1", "V1"): patterns(2)}, ("subject", "roi"))
    found = compute_rdms(data, METRIC)
    assert found.names == ("S2,V1", "S1,V1")
    np.testing.assert_array_equal(found.values[1], compute_rdms(patterns(2), METRIC).values[0])


def test_plain_callables_and_unnamed_data() -> None:
    assert compute_rdms(patterns(), correlation).names == ("correlation",)


def test_channels_with_nan_are_dropped_and_counted() -> None:
    values = patterns().values.copy()
    values[1, 3] = np.nan
    values[4, 7] = np.inf
    data = Patterns(values, patterns().conditions, channels=tuple(f"c{k}" for k in range(20)))
    with pytest.warns(UserWarning, match="S1: dropped 2 of 20 channels"):
        found = compute_rdms(data, METRIC, axes=AxisValues({"subject": "S1"}))
    kept = np.delete(values, [3, 7], axis=1).reshape(4, 3, -1).mean(axis=1)
    np.testing.assert_allclose(found.values[0], pdist(kept, "correlation"), rtol=1e-10)


def test_dropped_channels_leave_the_mask() -> None:
    from isocortex_rsa.steps._channels import drop_channels

    values = patterns(channels=8).values.copy()
    values[0, 5] = np.nan
    space = Space(np.ones((2, 2, 2), dtype=bool), np.eye(4))
    with pytest.warns(UserWarning, match="dropped 1 of 8"):
        left = drop_channels(Patterns(values, patterns().conditions, space=space))
    assert left.space is not None and not left.space.mask[1, 0, 1] and left.space.n_voxels == 7


def test_no_channel_left() -> None:
    values = patterns().values.copy()
    values[0] = np.nan
    with pytest.raises(DataError, match="each of the 20 channels"):
        compute_rdms(Patterns(values, patterns().conditions), METRIC)
    with pytest.raises(DataError, match="no channels"):
        compute_rdms(Patterns(values[:, :0], patterns().conditions), METRIC)


def test_constant_channels_stay_but_a_constant_pattern_is_told() -> None:
    values = patterns(repeats=1).values.copy()
    values[:, 0] = 5.0
    same = compute_rdms(Patterns(values, CONDITIONS), METRIC)
    np.testing.assert_allclose(same.values[0], pdist(values, "correlation"))
    values[1] = 2.0
    with pytest.warns(UserWarning, match="3 of 6 dissimilarities are undefined"):
        compute_rdms(Patterns(values, CONDITIONS), METRIC)


def test_a_metric_over_runs_gets_all_samples() -> None:
    class Counts:
        needs = frozenset({"runs"})

        def __call__(self, values: np.ndarray, conditions: np.ndarray, runs: np.ndarray) -> np.ndarray:
            assert values.shape[0] == len(conditions) == len(runs) == 12
            return np.zeros(6)

    data = patterns()
    runs = Patterns(data.values, data.conditions, runs=("r1", "r2", "r3") * 4)
    assert compute_rdms(runs, MetricHandle("counts", Counts())).metric == "counts"


def test_mean_over_subjects_aligns_by_label() -> None:
    first, second = rdms(("S1",)), rdms(("S2",), seed=1)
    turned = second.subset(tuple(reversed(CONDITIONS)))
    data = Collected({("S1",): first, ("S2",): turned}, ("subject",))
    found = mean_rdm(data)
    assert found.names == ("mean",)
    np.testing.assert_allclose(found.values[0], (first.values[0] + second.values[0]) / 2)
    np.testing.assert_allclose(
        mean_rdm(rdms(("x", "y"), seed=3), "m").values, rdms(("x", "y"), seed=3).mean().values
    )


def test_mean_of_layers_over_subjects_keeps_the_layers() -> None:
    first, second = rdms(("l1", "l2")), rdms(("l1", "l2"), seed=1)
    data = Collected({("S1",): first, ("S2",): second.pick(("l2", "l1"))}, ("subject",))
    found = mean_rdm(data)
    assert found.names == ("l1", "l2")
    np.testing.assert_allclose(found.values, (first.values + second.values) / 2)
    odd = Collected({("S1",): first, ("S2",): second.renamed(("l1", "l3"))}, ("subject",))
    with pytest.raises(DataError, match="S2 has the RDMs l1, l3"):
        mean_rdm(odd)


def test_comparison_aligns_by_label_and_names_everything() -> None:
    brain = Collected({("S1",): rdms(("S1",)), ("S2",): rdms(("S2",), seed=1)}, ("subject",))
    models = rdms(("m1", "m2"), seed=2)
    table = compare_rdms(brain, models.subset(("d", "b", "a", "c")), SPEARMAN)
    assert list(table.columns) == ["subject", "rdm", "model", "similarity", "measure"]
    rows = table.rows()
    assert [(row["subject"], row["model"]) for row in rows] == [
        ("S1", "m1"), ("S1", "m2"), ("S2", "m1"), ("S2", "m2")
    ]  # fmt: skip
    want = stats.spearmanr(brain["S2"].values[0], models.values[1]).statistic
    assert rows[3]["similarity"] == pytest.approx(want, abs=1e-12)
    assert {row["measure"] for row in rows} == {"spearman"}


def test_models_of_each_subject_meet_that_subject_only() -> None:
    brain = Collected({(s, r): rdms(("x",), seed=k) for k, (s, r) in enumerate(PLACES)}, ("subject", "roi"))
    models = Collected({("S2",): rdms(("m",), seed=8), ("S1",): rdms(("m",), seed=9)}, ("subject",))
    table = compare_rdms(brain, models, SPEARMAN)
    assert [(row["subject"], row["roi"]) for row in table.rows()] == PLACES
    want = stats.spearmanr(brain["S2,V1"].values[0], models["S2"].values[0]).statistic
    assert table["similarity"][2] == pytest.approx(want, abs=1e-12)
    with pytest.raises(DataError, match="no models for subject S1, roi V1"):
        compare_rdms(brain, Collected({("S2",): models["S2"]}, ("subject",)), SPEARMAN)


PLACES = [("S1", "V1"), ("S1", "IT"), ("S2", "V1"), ("S2", "IT")]


def test_models_along_another_axis_are_all_compared() -> None:
    brain = Collected({("S1",): rdms(("x",)), ("S2",): rdms(("x",), seed=1)}, ("subject",))
    models = Collected({("l1",): rdms(("m",), seed=2), ("l2",): rdms(("m",), seed=3)}, ("layer",))
    table = compare_rdms(brain, models, SimilarityHandle("pearson", Pearson()))
    assert list(table.columns)[:2] == ["subject", "layer"] and len(table) == 4


def test_undefined_comparisons_are_nan_and_nan_needs_a_word() -> None:
    brain = rdms(("x",))
    flat = RDMs(np.ones((1, 6)), CONDITIONS, ("flat",), "code")
    assert np.isnan(compare_rdms(brain, flat, SPEARMAN)["similarity"]).all()
    values = brain.values.copy()
    values[0, 2] = np.nan
    holed = RDMs(values, CONDITIONS, ("x",), "correlation")
    with pytest.raises(DataError, match="omit"):
        compare_rdms(holed, rdms(("m",), seed=1), SPEARMAN)
    model = rdms(("m",), seed=1)
    found = compare_rdms(holed, model, SPEARMAN, nan="omit")["similarity"][0]
    kept = [0, 1, 3, 4, 5]
    assert found == pytest.approx(
        stats.spearmanr(values[0, kept], model.values[0, kept]).statistic, abs=1e-12
    )


def test_other_conditions_and_bad_axes_are_refused() -> None:
    with pytest.raises(LabelMismatch, match=r"'d'.*'e'"):
        compare_rdms(rdms(("x",)), rdms(("m",), ("a", "b", "c", "e")), SPEARMAN)
    models = Collected({("m1",): rdms(("m",))}, ("model",))
    with pytest.raises(DataError, match="no axis can be called 'model'"):
        compare_rdms(rdms(("x",)), models, SPEARMAN)


class _Source:
    loads = {"patterns": ("subject",)}  # noqa: RUF012

    def load_patterns(self, subject: str) -> Patterns:
        return patterns(int(subject))


def test_load_patterns_asks_with_the_axes_of_the_source() -> None:
    rng = np.random.default_rng(0)
    found = load_patterns(_Source(), AxisValues({"subject": "3"}), rng)
    np.testing.assert_array_equal(found.values, patterns(3).values)
    for axes in ({}, {"subject": "1", "roi": "V1"}):
        with pytest.raises(DataError, match=r"over: \[subject\]"):
            load_patterns(_Source(), AxisValues(axes), rng)


def test_load_patterns_from_a_source_without_them() -> None:
    class Pictures:
        loads = {"images": ()}  # noqa: RUF012

    with pytest.raises(DataError, match="Pictures has no patterns; it has images"):
        load_patterns(Pictures(), AxisValues({}), np.random.default_rng(0))


def test_load_patterns_checks_what_the_source_gives() -> None:
    class Wrong(_Source):
        def load_patterns(self, subject: str) -> Patterns:
            return np.zeros(3)  # type: ignore[return-value]

    with pytest.raises(DataError, match="gave ndarray"):
        load_patterns(Wrong(), AxisValues({"subject": "1"}), np.random.default_rng(0))
