from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import squareform

from isocortex.data import RDMs
from isocortex.data.rdms import require_same_conditions
from isocortex.errors import DataError, LabelMismatch

QUICK = settings(derandomize=True, deadline=None, database=None, max_examples=60)
FINITE_OR_NAN = {"allow_nan": True, "allow_infinity": False}


@st.composite
def rdms(draw: st.DrawFn) -> RDMs:
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    size, n = draw(st.tuples(st.integers(0, 6), st.integers(0, 3)))
    label = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=3)
    conditions = draw(st.lists(label, min_size=size, max_size=size, unique=True))
    names = draw(st.lists(label, min_size=n, max_size=n, unique=True))
    values = draw(hnp.arrays(dtype, (n, size * (size - 1) // 2), elements=FINITE_OR_NAN))
    return RDMs(values, tuple(conditions), tuple(names), draw(st.sampled_from(["correlation", "é/\t", ""])))


def abc(*values: float, conditions: str = "abc", names: str = "x", metric: str = "m") -> RDMs:
    """One RDM: d(a,b), d(a,c), d(b,c)."""
    return RDMs(np.array([values]), tuple(conditions), tuple(names), metric)


@given(rdms())
@QUICK
def test_rdms_are_saved_exactly(round_trip: Callable[[Any], Any], data: RDMs) -> None:
    assert round_trip(data).summary() == data.summary()


def test_awkward_labels_are_saved_exactly(round_trip: Callable[[Any], Any], awkward_labels: Any) -> None:
    n = len(awkward_labels)
    values = np.random.default_rng(0).random((n, n * (n - 1) // 2), dtype=np.float32)
    assert isinstance(round_trip(RDMs(values, awkward_labels, awkward_labels[::-1], "m")).values, np.memmap)


def test_values_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        abc(1, 2, 3).values[0, 0] = 1


@pytest.mark.parametrize("labels", [("a", "b", "a"), ("a", "b", ""), ("a", "b"), ("a", "b", 1.5), None])
def test_there_is_no_rdm_without_a_label_for_each_condition(labels: Any) -> None:
    with pytest.raises(DataError, match="RDMs: "):
        RDMs(np.ones((1, 3)), labels, ("x",), "m")


def test_names_are_unique_and_as_many_as_rdms() -> None:
    with pytest.raises(LabelMismatch, match="names: 'x' occurs more than once"):
        RDMs(np.ones((2, 3)), tuple("abc"), ("x", "x"), "m")
    with pytest.raises(LabelMismatch, match="names: 1 labels for 2 rows"):
        RDMs(np.ones((2, 3)), tuple("abc"), ("x",), "m")


def test_the_number_of_pairs_must_belong_to_the_conditions() -> None:
    with pytest.raises(DataError, match="4 pairs do not belong to 3 conditions, which make 3"):
        RDMs(np.ones((1, 4)), tuple("abc"), ("x",), "m")


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_an_infinite_dissimilarity_is_refused_but_nan_stays(value: float) -> None:
    with pytest.raises(DataError, match="infinite"):
        abc(1, value, 2)
    assert np.isnan(abc(1, np.nan, 2).values).tolist() == [[False, True, False]]


@given(rdms())
@QUICK
def test_square_is_scipys_form_and_is_read_back(data: RDMs) -> None:
    square = data.square()
    assert square.shape == (len(data), data.n_conditions, data.n_conditions)
    if data.n_conditions >= 2:
        for matrix, row in zip(square, data.values, strict=True):
            assert np.array_equal(matrix, squareform(row, checks=False), equal_nan=True)
    again = RDMs.from_square(square, data.conditions, data.names, data.metric)
    assert again.values.tobytes() == data.values.tobytes()
    assert (again.values.dtype, again.conditions, again.names) == (
        data.values.dtype,
        data.conditions,
        data.names,
    )


@given(rdms(), st.data())
@QUICK
def test_subset_against_rows_and_columns_of_the_square_matrix(data: RDMs, draw: st.DataObject) -> None:
    order = draw.draw(st.permutations(range(data.n_conditions)))
    kept = order[: draw.draw(st.integers(0, data.n_conditions))]
    labels = tuple(data.conditions[place] for place in kept)
    part = data.subset(labels)
    expected = data.square()[:, kept][:, :, kept]
    assert part.conditions == labels
    assert (part.names, part.metric) == (data.names, data.metric)
    assert np.array_equal(part.square(), expected, equal_nan=True)
    assert part.values.dtype == data.values.dtype


def test_subset_names_what_is_missing_or_twice() -> None:
    with pytest.raises(LabelMismatch, match=r"no 'x'; there are 'a', 'b', 'c'"):
        abc(1, 2, 3).subset(["a", "x"])
    with pytest.raises(LabelMismatch, match="'a' occurs more than once"):
        abc(1, 2, 3).subset(["a", "a"])


def test_align_to_orders_by_label_and_names_what_either_side_lacks() -> None:
    assert abc(1, 2, 3).align_to(["c", "a", "b"]).values.tolist() == [[2, 3, 1]]
    same = abc(1, 2, 3)
    assert same.align_to(("a", "b", "c")) is same
    with pytest.raises(LabelMismatch, match="only the first has 'd' and only the second has 'c'"):
        same.align_to(["a", "b", "d"])
    with pytest.raises(LabelMismatch, match="only the second has 'c'"):
        same.align_to(["b", "a"])
    with pytest.raises(LabelMismatch, match="'a' occurs more than once"):
        same.align_to(["a", "b", "c", "a"])


def test_from_square_takes_one_matrix_or_several_of_any_number_type() -> None:
    square = np.array([[0, 1, 2], [1, 0, 3], [2, 3, 0]])
    assert RDMs.from_square(square, tuple("abc"), ["x"], "m").values.tolist() == [[1, 2, 3]]
    several = RDMs.from_square(np.stack([square, 2 * square]).astype(np.float32), tuple("abc"), [1, 2], "m")
    assert several.values.tolist() == [[1, 2, 3], [2, 4, 6]]
    assert several.values.dtype == np.float32
    assert RDMs.from_square(square > 1, tuple("abc"), ["x"], "m").values.tolist() == [[0, 1, 1]]


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[0, 1], [2, 0]], "not symmetric"),
        ([[0, 1.0], [np.nan, 0]], "not symmetric"),
        ([[1, 0.5], [0.5, 1]], "diagonal is not zero; are these similarities"),
        ([[0, np.inf], [np.inf, 0]], "infinite"),
        ([[0, 1, 2], [1, 0, 3]], r"got \(1, 2, 3\)"),
        ([["0", "1"], ["1", "0"]], "not numbers"),
        ([1.0, 2.0], "expected an array of 3 dimensions"),
        (np.ma.masked_array(np.zeros((2, 2)), np.eye(2)), "masked array"),
    ],
)
def test_from_square_refuses_what_is_no_rdm(matrix: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        RDMs.from_square(matrix, tuple("ab"), ["x"], "m")


def test_from_square_judges_each_matrix_by_its_own_scale() -> None:
    large = np.array([[0, 1e9], [1e9, 0]])
    crooked = np.array([[0, 1.0], [5.0, 0]])
    with pytest.raises(DataError, match="not symmetric"):
        RDMs.from_square(np.stack([large, crooked]), tuple("ab"), ["x", "y"], "m")
    with pytest.raises(DataError, match="diagonal"):
        RDMs.from_square(np.stack([large, np.ones((2, 2))]), tuple("ab"), ["x", "y"], "m")


def test_from_square_lets_rounding_pass() -> None:
    square = np.array([[1e-9, 0.5], [0.5 + 1e-8, -1e-9]])
    assert RDMs.from_square(square, tuple("ab"), ["x"], "m").values.tolist() == [[0.5]]


@pytest.mark.parametrize("labels", [[], ["a", "b"]])
def test_from_square_wants_a_label_for_each_row_even_of_a_single_one(labels: list[str]) -> None:
    with pytest.raises(LabelMismatch, match=r"conditions: . labels for 1 rows"):
        RDMs.from_square([[0.0]], labels, ["x"], "m")


def test_stack_aligns_by_label() -> None:
    stacked = RDMs.stack([abc(1, 2, 3), abc(4, 5, 6, conditions="cba", names="y", metric="n")])
    assert stacked.values.tolist() == [[1, 2, 3], [6, 5, 4]]
    assert (stacked.conditions, stacked.names, stacked.metric) == (tuple("abc"), ("x", "y"), "m + n")
    assert RDMs.stack([abc(1, 2, 3), abc(1, 2, 3, names="z")]).metric == "m"


def test_stack_refuses_what_does_not_belong_together() -> None:
    with pytest.raises(DataError, match="nothing to put together"):
        RDMs.stack([])
    with pytest.raises(LabelMismatch, match="only the first has 'c' and only the second has 'd'"):
        RDMs.stack([abc(1, 2, 3), abc(1, 2, 3, conditions="abd", names="y")])
    with pytest.raises(LabelMismatch, match="names: 'x' occurs more than once"):
        RDMs.stack([abc(1, 2, 3), abc(1, 2, 3)])


def test_pick_and_renamed_go_by_name() -> None:
    data = RDMs(np.arange(6.0).reshape(2, 3), tuple("abc"), ("x", "y"), "m")
    assert data.pick(["y"]).values.tolist() == [[3, 4, 5]]
    assert data.pick(["y", "x"]).names == ("y", "x")
    assert data.renamed(["p", "q"]).pick(["q"]).values.tolist() == [[3, 4, 5]]
    with pytest.raises(LabelMismatch, match="no 'z'"):
        data.pick(["z"])
    with pytest.raises(LabelMismatch, match="1 labels for 2 rows"):
        data.renamed(["p"])


def test_mean_averages_over_rdms_in_double_precision() -> None:
    values = np.array([[1, 2, np.nan], [3, 4, 5]])
    mean = RDMs(values, tuple("abc"), ("x", "y"), "m").mean("all")
    assert mean.names == ("all",)
    assert np.array_equal(mean.values, [[2, 3, np.nan]], equal_nan=True)
    many = np.full((1000, 1), 0.1, dtype=np.float32)
    many[0] = 1e6
    found = RDMs(many, ("a", "b"), tuple(map(str, range(1000))), "m").mean()
    assert found.values.dtype == np.float64
    assert found.values[0, 0] == many.astype(np.float64).mean()
    with pytest.raises(DataError, match="none to average"):
        RDMs(np.zeros((0, 3)), tuple("abc"), (), "m").mean()


def test_comparing_needs_the_same_conditions_and_three_of_them() -> None:
    first, second = abc(1, 2, 3), abc(3, 2, 1, conditions="cba")
    assert require_same_conditions(first, second, "here").values.tolist() == [[1, 2, 3]]
    pair = RDMs(np.ones((1, 1)), ("a", "b"), ("x",), "m")
    with pytest.raises(LabelMismatch, match=r"here: .* at least 3 conditions, got 2"):
        require_same_conditions(pair, pair, "here")
    with pytest.raises(LabelMismatch, match="here: the labels differ"):
        require_same_conditions(first, abc(1, 2, 3, conditions="abx"), "here")


def test_a_damaged_description_is_one_clear_error(tmp_path: Path) -> None:
    abc(1, 2, 3).save(tmp_path)
    for damage in ("null", "[]", '{"names": ["x"]}', '{"conditions": "abc", "names": ["x"], "metric": "m"}'):
        (tmp_path / "rdms.json").write_text(damage)
        with pytest.raises(DataError, match=r"rdms\.json|conditions"):
            RDMs.load(tmp_path)
