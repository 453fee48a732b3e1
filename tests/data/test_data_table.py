from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isocortex.data import Table
from isocortex.errors import DataError
from isocortex.formats import arrays

TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0") | st.sampled_from("\t\n\r\"' #,;"),
    max_size=5,
)
DTYPES = ["?", "i1", "u2", "<i4", "i8", "u8", ">i2", "f2", "f4", "f8", ">f8"]


@st.composite
def tables(draw: st.DrawFn) -> Table:
    names = draw(st.lists(TEXT.filter(bool), max_size=3, unique=True))
    rows = draw(st.integers(0, 4))
    texts = st.lists(TEXT, min_size=rows, max_size=rows).map(lambda cells: np.array(cells, dtype=np.str_))
    numbers = st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(np.dtype(dtype), rows))
    return Table({name: draw(texts | numbers.map(without_nan_payload)) for name in names})


def without_nan_payload(values: Any) -> Any:
    """A missing number is written n/a, whichever of the NaNs it was."""
    return (
        np.where(values != values, values.dtype.type(np.nan), values) if values.dtype.kind == "f" else values
    )


@given(tables())
@settings(derandomize=True, deadline=None, database=None, max_examples=150)
def test_tables_are_saved_exactly(round_trip: Callable[[Any], Any], data: Table) -> None:
    assert round_trip(data).summary() == data.summary()


@pytest.mark.parametrize(
    "values",
    [
        [
            "tab\there",
            "line\nbreak",
            "return\rhere",
            "both\r\n",
            '"quoted"',
            '"',
            "",
            " ",
            "n/a",
            "NaN",
            "é🧠",
        ],
        ["", ""],
        ["\ufeffmark"],
        ["null", "true", "1"],
        [0.1, -0.0, np.nan, np.inf, -np.inf, 5e-324, 1.7976931348623157e308, 1e16, 1e-5, 123456789.125],
        np.array([0.1, 1 / 3, 3.4e38, 1e-45, 16777217], dtype=np.float32),
        [2**63 - 1, -(2**63)],
        np.array([2**64 - 1], dtype=np.uint64),
        [True, False],
        [],
    ],
)
def test_odd_columns_are_saved_exactly(round_trip: Callable[[Any], Any], values: Any) -> None:
    round_trip(Table({"column": values}))
    round_trip(Table({"first": np.arange(len(values)), '"odd"\t\n\ufeffname': values, "\ufefflast": values}))


def test_a_table_without_columns_is_saved(round_trip: Callable[[Any], Any]) -> None:
    assert len(round_trip(Table({}))) == 0
    assert len(round_trip(Table.from_rows([]))) == 0


def test_awkward_labels_are_saved_exactly(round_trip: Callable[[Any], Any], awkward_labels: Any) -> None:
    table = Table({"label": awkward_labels, **{name: [1.5] * len(awkward_labels) for name in awkward_labels}})
    assert round_trip(table)["label"].tolist() == list(awkward_labels)


def test_text_takes_the_width_that_it_needs(round_trip: Callable[[Any], Any]) -> None:
    wide = np.array(["a", "bc", "longer"])[:2]
    assert wide.dtype == "<U6"
    assert round_trip(Table({"x": wide}))["x"].dtype == "<U2"


def test_columns_cannot_be_changed() -> None:
    table = Table({"x": np.array([1.0]), "y": ["a"]})
    for name in ("x", "y"):
        with pytest.raises(ValueError, match="read-only"):
            table[name][0] = 0
    with pytest.raises(TypeError):
        table.columns["z"] = np.zeros(1)  # type: ignore[index]


@pytest.mark.parametrize(
    "values",
    [
        ["a", 1.5],
        [1, "n/a"],
        [True, 2.0],
        [False, 1],
        ["a", None],
        [None],
        [b"bytes"],
        [1j],
        [[1], [2]],
        "text",
        5,
    ],
)
def test_a_column_of_mixed_or_other_things_is_refused(values: Any) -> None:
    with pytest.raises(DataError, match="column 'x'"):
        Table({"x": values})


def test_text_that_cannot_be_written_down_is_refused() -> None:
    with pytest.raises(DataError, match="not Unicode text"):
        Table({"x": ["\ud800"]})
    with pytest.raises(DataError, match="not Unicode text"):
        Table({"\ud800": [1]})
    with pytest.raises(DataError, match=r"column 'x': .* holds a NUL"):
        Table({"x": ["a\0b"]})


def test_columns_have_one_length_and_names_of_their_own() -> None:
    with pytest.raises(DataError, match=r"differ in length: \{'x': 2, 'y': 1\}"):
        Table({"x": [1, 2], "y": [1]})
    with pytest.raises(DataError, match="'1' occurs more than once"):
        Table({1: [1], "1": [2]})  # type: ignore[dict-item]
    with pytest.raises(DataError, match="label 1 is empty"):
        Table({"": [1]})


def test_rows_and_columns_are_two_views_of_one_table() -> None:
    rows = [{"x": "a", "n": 1, "p": 0.5, "ok": True}, {"x": "bc", "n": 2, "p": 0.25, "ok": False}]
    table = Table.from_rows(rows)
    assert table.rows() == rows
    assert [type(value) for value in table.rows()[0].values()] == [str, int, float, bool]
    assert list(Table.from_rows(rows, ["ok", "p", "n", "x"]).columns) == ["ok", "p", "n", "x"]
    assert list(Table.from_rows([], ["a", "b"]).columns) == ["a", "b"]
    assert len(table) == 2


def test_from_rows_refuses_rows_of_other_keys_or_kinds() -> None:
    with pytest.raises(DataError, match=r"a row has the keys \['x'\], expected \['x', 'y'\]"):
        Table.from_rows([{"x": 1, "y": 2}, {"x": 1}])
    with pytest.raises(DataError, match="column 'p'"):
        Table.from_rows([{"p": 0.5}, {"p": "n/a"}])


def test_an_unknown_column_is_answered_with_what_there_is() -> None:
    with pytest.raises(DataError, match="no column 'laier'; did you mean 'layer'"):
        Table({"layer": [1], "r": [2]})["laier"]


def test_stack_puts_the_key_in_front_of_every_row() -> None:
    parts = {
        "S1": Table({"r": [0.5, 0.25], "layer": ["a", "b"]}),
        "S10": Table({"r": [1.0], "layer": ["long"]}),
    }
    table = Table.stack(parts, "subject")
    assert list(table.columns) == ["subject", "r", "layer"]
    assert table["subject"].tolist() == ["S1", "S1", "S10"]
    assert table["r"].tolist() == [0.5, 0.25, 1]
    assert table["layer"].tolist() == ["a", "b", "long"]


def test_stack_keeps_types_when_a_part_is_empty() -> None:
    empty = Table.from_rows([], ["n", "x"])
    table = Table.stack({"S1": empty, "S2": Table({"n": [1], "x": ["a"]}), "S3": empty}, "subject")
    assert table["n"].dtype == np.int64
    assert table.rows() == [{"subject": "S2", "n": 1, "x": "a"}]
    assert len(Table.stack({"S1": empty, "S2": empty}, "subject")) == 0


def test_stack_refuses_what_does_not_belong_together() -> None:
    with pytest.raises(DataError, match="nothing to put together"):
        Table.stack({}, "subject")
    with pytest.raises(DataError, match=r"'b' has the columns \['y'\], expected \['x'\]"):
        Table.stack({"a": Table({"x": [1]}), "b": Table({"y": [1]})}, "subject")
    with pytest.raises(DataError, match="already is a column 'x'"):
        Table.stack({"a": Table({"x": [1]})}, "x")
    with pytest.raises(DataError, match="column 'x' holds number in one part and text in another"):
        Table.stack({"a": Table({"x": [1]}), "b": Table({"x": ["n/a"]})}, "subject")


@pytest.mark.parametrize(
    "types",
    [
        {"x": "<U2"},
        {"x": "<U4"},
        {"x": "<U1000000000"},
        {"x": "<f8"},
        {"x": "|O"},
        {"x": "V12"},
        {"x": "S3"},
        {"x": "nonsense"},
        {"x": None},
        {"x": "<U3", "y": "<f8"},
        {"y": "<U3"},
        ["x"],
        5,
    ],
)
def test_types_that_do_not_fit_the_file_are_one_clear_error(tmp_path: Path, types: Any) -> None:
    Table({"x": ["abc", "d"]}).save(tmp_path)
    assert arrays.read_json(tmp_path / "table.json") == {"columns": {"x": "<U3"}}
    arrays.write_json(tmp_path / "table.json", {"columns": types})
    with pytest.raises(DataError, match="table"):
        Table.load(tmp_path)
