from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isocortex.data.labels import (
    as_labels,
    codes,
    positions,
    require_length,
    require_unique,
    same_labels,
    unique,
)
from isocortex.errors import LabelMismatch

names = st.lists(st.text("abcde", min_size=1, max_size=3), unique=True, max_size=8)


def test_names_bytes_and_whole_numbers_become_labels() -> None:
    given_labels = ["a", b"b", np.str_("c"), np.bytes_(b"d"), 5, np.int64(-6), np.uint8(7), "日本"]
    assert as_labels(given_labels, "labels") == ("a", "b", "c", "d", "5", "-6", "7", "日本")
    assert all(type(label) is str for label in as_labels(given_labels, "labels"))
    assert as_labels(np.array([3, 1]), "labels") == ("3", "1")


@pytest.mark.parametrize("value", [1.0, np.float32(2), True, np.bool_(False), None, ("a",), 1j])
def test_what_has_no_text_of_its_own_is_refused(value: object) -> None:
    with pytest.raises(LabelMismatch, match=r"runs: .* cannot be a label"):
        as_labels(["a", value], "runs")


@pytest.mark.parametrize("value", ["abc", b"abc", 5, None])
def test_a_single_value_is_no_list_of_labels(value: object) -> None:
    with pytest.raises(LabelMismatch, match="runs: expected a list of labels"):
        as_labels(value, "runs")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["\ud800", b"\xff"])
def test_text_that_cannot_be_written_down_is_refused(value: object) -> None:
    with pytest.raises(LabelMismatch, match="is not Unicode text"):
        as_labels([value], "runs")


def test_a_nul_is_refused_since_numpy_would_drop_it() -> None:
    with pytest.raises(LabelMismatch, match="holds a NUL character"):
        as_labels(["a", "a\0"], "runs")


def test_an_empty_label_is_refused_by_its_place() -> None:
    with pytest.raises(LabelMismatch, match="label 2 is empty"):
        as_labels(["a", "", "c"], "runs")


def test_the_number_of_labels_must_fit() -> None:
    require_length(["a", "b"], 2, "runs")
    with pytest.raises(LabelMismatch, match="runs: 2 labels for 3 rows"):
        require_length(["a", "b"], 3, "runs")


def test_labels_that_occur_more_than_once_are_named_and_only_these() -> None:
    require_unique(["a", "b"], "runs")
    with pytest.raises(LabelMismatch, match=r"^runs: 'b' occurs more than once$"):
        require_unique(["a", "b", "b"], "runs")
    with pytest.raises(LabelMismatch, match=r"^runs: 'a', 'b' occur more than once$"):
        require_unique(["a", "b", "c", "b", "a", "b"], "runs")


def test_long_lists_of_labels_are_cut_in_messages() -> None:
    with pytest.raises(LabelMismatch, match=r"'7', \.\.\. \(20 in all\)"):
        require_unique([str(number) for number in range(20)] * 2, "runs")


@given(st.lists(st.sampled_from("abcd"), max_size=10))
@settings(derandomize=True, deadline=None, database=None)
def test_codes_number_labels_in_order_of_first_appearance(labels: list[str]) -> None:
    order = unique(labels)
    assert list(order) == sorted(set(labels), key=labels.index)
    assert [order[code] for code in codes(labels)] == labels
    assert codes(labels).dtype == np.intp


def test_codes_follow_a_given_order_and_name_what_it_lacks() -> None:
    assert codes(["a", "b", "a"], ["b", "a", "c"]).tolist() == [1, 0, 1]
    with pytest.raises(LabelMismatch, match="no 'x'"):
        codes(["a", "x"], ["a"])


@given(names, st.randoms(use_true_random=False))
@settings(derandomize=True, deadline=None, database=None)
def test_same_labels_gives_the_order_of_the_first(first: list[str], random: object) -> None:
    second = list(first)
    random.shuffle(second)  # type: ignore[attr-defined]
    order = same_labels(first, second, "conditions")
    assert [second[place] for place in order] == first


def test_same_labels_names_what_either_side_lacks() -> None:
    with pytest.raises(LabelMismatch, match=r"only the first has 'b' and only the second has 'c', 'd'$"):
        same_labels(["a", "b"], ["d", "a", "c"][::-1], "conditions")
    with pytest.raises(LabelMismatch, match=r"differ: only the first has 'b'$"):
        same_labels(["a", "b"], ["a"], "conditions")
    with pytest.raises(LabelMismatch, match=r"differ: only the second has 'b'$"):
        same_labels(["a"], ["a", "b"], "conditions")


@pytest.mark.parametrize(("first", "second"), [("aa", "a"), ("a", "aa")])
def test_same_labels_refuses_duplicates_on_either_side(first: str, second: str) -> None:
    with pytest.raises(LabelMismatch, match="'a' occurs more than once"):
        same_labels(list(first), list(second), "conditions")


def test_positions_finds_labels_and_names_all_that_are_missing() -> None:
    assert positions(["c", "a", "c"], ["a", "b", "c"], "rows").tolist() == [2, 0, 2]
    with pytest.raises(LabelMismatch, match=r"rows: no 'x', 'y'; there are 'a', 'b'"):
        positions(["x", "a", "y"], ["a", "b"], "rows")
    with pytest.raises(LabelMismatch, match=r"rows: no 'x'; there are none"):
        positions(["x"], [], "rows")
    with pytest.raises(LabelMismatch, match="'a' occurs more than once"):
        positions(["a"], ["a", "a"], "rows")
