from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import pdist

from isocortex.data import Patterns, RDMs
from isocortex.errors import DataError, LabelMismatch, PluginError
from isocortex.handles import HANDLES, MetricHandle, SimilarityHandle


class Euclidean:
    """A metric as a class, with an attribute of its own."""

    unit = "mm"

    def __call__(self, patterns: Any, /) -> Any:
        return pdist(patterns)


class ByRun:
    """Distance of condition means, over runs: records what it is called with."""

    needs = frozenset({"runs"})

    def __call__(self, patterns: Any, /, *, conditions: Any, runs: Any) -> Any:
        self.conditions, self.runs = conditions, runs
        return pdist(np.stack([patterns[conditions == code].mean(axis=0) for code in np.unique(conditions)]))


class Weighted:
    needs = frozenset({"noise_precision"})

    def __call__(self, patterns: Any, /, *, noise_precision: Any) -> Any:
        return pdist(patterns @ noise_precision)


class Pearson:
    """A similarity as an embedding; NaN for a constant RDM."""

    def embed(self, rdms: Any) -> Any:
        centred = rdms - rdms.mean(axis=1, keepdims=True)
        length = np.linalg.norm(centred, axis=1, keepdims=True)
        return np.divide(centred, length, out=np.full(centred.shape, np.nan), where=length > 0)


class MinusDistance:
    """A similarity that is no inner product."""

    def compare(self, first: Any, second: Any) -> Any:
        return -np.abs(first[:, None] - second[None]).sum(axis=-1)


def patterns(labels: str, values: Any = None, **other: Any) -> Patterns:
    numbers = np.arange(3.0 * len(labels)) ** 2 if values is None else np.asarray(values, dtype=float)
    return Patterns(numbers.reshape(len(labels), -1), tuple(labels), **other)


def rdms(values: Any, conditions: str = "abc") -> RDMs:
    values = np.asarray(values, dtype=float)
    return RDMs(values, tuple(conditions), tuple(map(str, range(len(values)))), "m")


# metrics


def test_patterns_in_labelled_rdms_out() -> None:
    data = patterns("cab")
    found = MetricHandle("euclidean", Euclidean())(data)
    assert isinstance(found, RDMs)
    assert (found.conditions, found.names, found.metric) == (tuple("cab"), ("euclidean",), "euclidean")
    assert np.array_equal(found.values, pdist(data.values)[None])
    assert MetricHandle("euclidean", pdist)(data, rdm="S1").names == ("S1",)


def test_arrays_in_arrays_out() -> None:
    values = patterns("cab").values
    found = MetricHandle("euclidean", pdist)(values)
    assert type(found) is np.ndarray
    assert np.array_equal(found, pdist(values))


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4), ()])
def test_an_array_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"\(conditions, channels\), got \("):
        MetricHandle("euclidean", pdist)(np.zeros(shape))


def test_several_samples_a_condition_are_to_be_averaged_first() -> None:
    metric, data = MetricHandle("euclidean", pdist), patterns("abab")
    with pytest.raises(DataError, match=r"4 samples of 2 conditions: .*'euclidean'.*condition_means"):
        metric(data)
    assert metric(data.condition_means()).conditions == ("a", "b")


def test_channels_with_nan_or_infinity_are_counted_and_refused() -> None:
    values = np.ones((3, 4))
    values[0, 1] = values[2, 1] = np.nan
    values[1, 3] = np.inf
    with pytest.raises(DataError, match="2 of 4 channels hold NaN or infinity"):
        MetricHandle("euclidean", pdist)(patterns("abc", values))


def test_a_metric_over_runs_gets_codes_in_order_of_first_appearance() -> None:
    component = ByRun()
    found = MetricHandle("by_run", component)(patterns("babab", runs=tuple("99111")))
    assert component.conditions.tolist() == [0, 1, 0, 1, 0]
    assert component.runs.tolist() == [0, 0, 1, 1, 1]
    assert found.conditions == ("b", "a")
    assert len(found.values[0]) == 1


def test_a_metric_over_runs_asks_for_runs() -> None:
    metric = MetricHandle("by_run", ByRun())
    with pytest.raises(DataError, match="'by_run' compares runs, but these patterns carry no run labels"):
        metric(patterns("ab"))
    with pytest.raises(DataError, match="'by_run' also needs conditions, runs"):
        metric(np.eye(4))
    with pytest.raises(DataError, match=r"'by_run' also needs conditions$"):
        metric(np.eye(4), runs=np.array([0, 0, 1, 1]))
    codes = np.array([0, 1, 0, 1])
    assert metric(np.eye(4), conditions=codes, runs=np.array([0, 0, 1, 1])).shape == (1,)


@pytest.mark.parametrize(
    "codes", [["a", "b", "a", "b"], [0, 1, 0], [0, -1, 0, 1], [0.0, 1.0, 0.0, 1.0], [[0], [1]]]
)
def test_condition_codes_that_are_none_are_refused(codes: Any) -> None:
    with pytest.raises(DataError, match="expected condition codes 0, 1"):
        MetricHandle("by_run", ByRun())(np.eye(4), conditions=np.array(codes), runs=np.zeros(4, dtype=int))


@pytest.mark.parametrize("name", ["conditions", "runs"])
def test_labels_of_patterns_cannot_be_overruled_by_codes(name: str) -> None:
    with pytest.raises(DataError, match=f"labels of their own; leave out {name}"):
        MetricHandle("by_run", ByRun())(patterns("ab", runs=tuple("12")), **{name: np.array([1, 0])})


def test_a_metric_that_needs_the_noise_gets_it_or_asks_for_it() -> None:
    metric, data = MetricHandle("weighted", Weighted()), patterns("abc")
    with pytest.raises(DataError, match="'weighted' also needs noise_precision"):
        metric(data)
    found = metric(data, noise_precision=2 * np.eye(3))
    assert np.allclose(found.values, 2 * pdist(data.values))


@pytest.mark.parametrize(
    "result",
    [
        np.zeros(2),
        np.zeros((3, 3)),
        np.zeros((1, 3)),
        np.zeros(3, dtype=int),
        np.zeros(3, dtype=complex),
        None,
        ["a"] * 3,
    ],
)
def test_a_result_that_breaks_the_contract_names_the_metric(result: Any) -> None:
    metric = MetricHandle("broken", lambda patterns: result)
    for data in (patterns("abc"), np.eye(3)):
        with pytest.raises(
            PluginError, match=r"RDM metric 'broken' gave .* for 3 conditions.*asks for 3 floating"
        ):
            metric(data)


def test_a_metric_that_gives_infinity_makes_no_rdms() -> None:
    with pytest.raises(DataError, match="infinite"):
        MetricHandle("broken", lambda patterns: np.full(3, np.inf))(patterns("abc"))


def test_a_metric_cannot_change_the_patterns() -> None:
    def vandal(patterns: Any) -> Any:
        patterns[:] = 0
        return pdist(patterns)

    with pytest.raises(ValueError, match="read-only"):
        MetricHandle("vandal", vandal)(patterns("abc"))


def test_other_attributes_are_the_components_own() -> None:
    handle = MetricHandle("euclidean", Euclidean())
    assert handle.unit == "mm"
    assert (handle.name, repr(handle)) == ("euclidean", "<MetricHandle 'euclidean'>")
    assert not hasattr(handle, "from_moments")
    assert copy.copy(handle).unit == "mm"
    assert handle.needs == frozenset()
    assert MetricHandle("by_run", ByRun()).needs == {"runs"}
    assert {"rdm_metric": MetricHandle, "similarity": SimilarityHandle} == HANDLES


# similarities

PEARSON, DISTANCE = SimilarityHandle("pearson", Pearson()), SimilarityHandle("distance", MinusDistance())


@given(st.permutations("abcd"), st.integers(0, 3), st.integers(1, 3), st.integers(0, 2**32 - 1))
@settings(derandomize=True, deadline=None, database=None, max_examples=40)
def test_rdms_are_aligned_by_label(order: list[str], n: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rdms(rng.random((n, 6)), "abcd"), rdms(rng.random((m, 6)), "abcd")
    for handle in (PEARSON, DISTANCE):
        expected = handle.compare(first.values, second.values)
        assert expected.shape == (n, m)
        assert np.allclose(handle.compare(first, second.subset(order)), expected)
    for row in range(n):
        expected_row = [np.corrcoef(first.values[row], other)[0, 1] for other in second.values]
        assert np.allclose(PEARSON.compare(first, second)[row], expected_row)


def test_labels_that_either_side_lacks_are_named() -> None:
    with pytest.raises(LabelMismatch, match="only the first has 'c' and only the second has 'd'"):
        PEARSON.compare(rdms([[1, 2, 3]]), rdms([[1, 2, 3]], "abd"))
    with pytest.raises(LabelMismatch, match="at least 3 conditions, got 2"):
        PEARSON.compare(rdms([[1]], "ab"), rdms([[1]], "ab"))


def test_rdms_are_not_compared_with_plain_arrays() -> None:
    for first, second in ((rdms([[1, 2, 3]]), np.ones((1, 3))), (np.ones((1, 3)), rdms([[1, 2, 3]]))):
        with pytest.raises(DataError, match="plain arrays carry no condition labels"):
            PEARSON.compare(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (np.ones((1, 3)), np.ones((1, 4))),
        (np.ones(3), np.ones((1, 3))),
        (np.ones((1, 3)), np.ones((1, 1, 3))),
        (np.array([["a", "b", "c"]]), np.ones((1, 3))),
    ],
)
def test_arrays_that_are_no_condensed_rdms_are_refused(first: Any, second: Any) -> None:
    with pytest.raises(DataError, match=r"\(n, pairs\)|RDMs to compare"):
        PEARSON.compare(first, second)


def test_whole_numbers_are_compared_as_floating_point_numbers() -> None:
    assert DISTANCE.compare(np.array([[1, 2, 3]]), np.array([[3, 2, 1]])).tolist() == [[-4.0]]


def test_an_undefined_comparison_is_nan_and_spoils_no_other() -> None:
    found = PEARSON.compare(rdms([[1, 1, 1], [1, 2, 4]]), rdms([[1, 2, 4], [5, 5, 5]]))
    assert np.isnan(found).tolist() == [[True, True], [False, True]]
    assert found[1, 0] == pytest.approx(1)


def test_nan_raises_and_says_how_many_rdms_hold_it() -> None:
    with pytest.raises(DataError, match=r'1 and 2 of the RDMs to compare hold NaN; say nan="omit"'):
        PEARSON.compare(rdms([[np.nan, 2, 3], [1, 2, 3]]), rdms([[1, np.nan, np.nan], [1, 2, np.nan]]))


@given(hnp.arrays(float, (3, 10), elements=st.sampled_from([0.1, 0.2, 0.5, 0.9, np.nan])), st.integers(0, 9))
@settings(derandomize=True, deadline=None, database=None, max_examples=40)
def test_omitting_leaves_out_the_pairs_where_either_is_nan(values: Any, seed: int) -> None:
    other = np.random.default_rng(seed).random((2, 10))
    other[0, 3] = np.nan
    for handle in (PEARSON, DISTANCE):
        found = handle.compare(rdms(values, "abcde"), rdms(other, "abcde"), nan="omit")
        for row, x in enumerate(values):
            for column, y in enumerate(other):
                both = np.isfinite(x) & np.isfinite(y)
                if both.sum() < 2:
                    assert np.isnan(found[row, column])
                else:
                    expected = handle.compare(x[None, both], y[None, both])
                    assert np.allclose(found[row, column], expected[0, 0], equal_nan=True)


def test_omitting_changes_nothing_where_there_is_no_nan() -> None:
    first, second = np.random.default_rng(0).random((2, 2, 6))
    assert np.array_equal(PEARSON.compare(first, second, nan="omit"), PEARSON.compare(first, second))


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(DataError, match="nan='ignore'"):
        PEARSON.compare(np.ones((1, 3)), np.ones((1, 3)), nan="ignore")  # type: ignore[arg-type]


class Broken:
    def __init__(self, kind: str, result: Any) -> None:
        setattr(self, kind, lambda *given: result)


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        ("compare", np.zeros((3, 2))),
        ("compare", np.zeros(6)),
        ("compare", np.zeros((2, 3), dtype=int)),
        ("compare", None),
        ("embed", np.zeros((6, 2))),
        ("embed", np.zeros(6)),
        ("embed", None),
    ],
)
def test_a_result_that_breaks_the_contract_names_the_similarity(kind: str, result: Any) -> None:
    with pytest.raises(PluginError, match="the similarity 'broken'"):
        SimilarityHandle("broken", Broken(kind, result)).compare(np.ones((2, 6)), np.ones((3, 6)))


class Bounded:
    """Inner products of unit rows, which rounding takes beyond 1; embeds up to 10 pairs, else compares."""

    bounds = (-1.0, 1.0)
    max_embedded_pairs = 10
    whole_rdms = True

    def embed(self, rdms: Any) -> Any:
        return rdms / np.linalg.norm(rdms, axis=1, keepdims=True) * (1 + 1e-9)

    def compare(self, first: Any, second: Any) -> Any:
        return np.full((len(first), len(second)), 0.25)


def test_a_measure_says_its_bounds_and_how_far_it_embeds() -> None:
    handle = SimilarityHandle("bounded", Bounded())
    few, many = np.arange(1.0, 11)[None], np.arange(1.0, 16)[None]
    assert handle.compare(few, few) == 1 and handle.compare(few, -few) == -1
    assert handle.compare(many, many) == 0.25
    assert handle.embeds(10) and not handle.embeds(11)
    assert SimilarityHandle("x", Broken("embed", None)).embeds(10**9)


def test_a_measure_of_whole_rdms_leaves_out_no_pairs() -> None:
    values = np.arange(1.0, 11)[None]
    holed = np.where(values == 3, np.nan, values)
    with pytest.raises(DataError, match="needs whole RDMs and cannot leave out pairs"):
        SimilarityHandle("bounded", Bounded()).compare(values, holed, nan="omit")
