from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isocortex.data import Table
from isocortex.errors import DamagedFile, DataError
from isocortex.formats import tsv

CELL = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0") | st.sampled_from("\t\n\r\"' "),
    max_size=6,
)


def written(folder: Path, content: bytes) -> Path:
    (folder / "a.tsv").write_bytes(content)
    return folder / "a.tsv"


def test_a_table_is_the_text_that_bids_asks_for(tmp_path: Path) -> None:
    columns = {
        "onset": [0.5, np.nan, 1e-20],
        "n": [1, -2, 3],
        "ok": [True, False, True],
        "name": ["a b", 'say "x"', "tab\t"],
    }
    tsv.write_tsv(tmp_path / "a.tsv", Table(columns))
    assert (tmp_path / "a.tsv").read_bytes().decode() == (
        'onset\tn\tok\tname\n0.5\t1\ttrue\ta b\nn/a\t-2\tfalse\t"say ""x"""\n1e-20\t3\ttrue\t"tab\t"\n'
    )


@given(st.lists(st.lists(CELL, min_size=2, max_size=2), max_size=4), st.booleans())
@settings(derandomize=True, deadline=None, database=None, max_examples=150)
def test_every_text_is_read_back_by_us_and_by_csv(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], single: bool
) -> None:
    path = tmp_path_factory.mktemp("tsv") / "a.tsv"
    names = ["x"] if single else ["x", "y"]
    cells = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    tsv.write_tsv(path, Table({name: np.array(column, dtype=np.str_) for name, column in cells.items()}))
    assert tsv.read_text(path) == cells
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file, delimiter="\t")) == [
            names,
            *map(list, zip(*cells.values(), strict=True)),
        ]


@given(st.floats(width=32, allow_nan=False))
@settings(derandomize=True, deadline=None, database=None, max_examples=300)
def test_numbers_are_written_as_short_as_they_can_be_and_read_exactly(number: float) -> None:
    for kind in (np.float32, np.float64):
        text = tsv._number(kind(number))
        assert kind(float(text)).tobytes() == kind(number).tobytes()
    assert len(tsv._number(np.float32(number))) <= 21
    assert tsv._number(np.float32(0.1)) == "0.1"


def test_a_cell_too_long_for_any_reader_is_refused(tmp_path: Path) -> None:
    fits = "x" * (csv.field_size_limit() - 1)
    tsv.write_tsv(tmp_path / "a.tsv", Table({"x": [fits]}))
    assert tsv.read_text(tmp_path / "a.tsv") == {"x": [fits]}
    with pytest.raises(DataError, match="too long for a table"):
        tsv.write_tsv(tmp_path / "a.tsv", Table({"x": [fits + "xx"]}))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a\tb\n1\t2\n", {"a": ["1"], "b": ["2"]}),
        ("a\tb\r\n1\t2\r\n", {"a": ["1"], "b": ["2"]}),
        ("a\tb\n1\t2", {"a": ["1"], "b": ["2"]}),
        ("\ufeffa\tb\n1\t2\n", {"a": ["1"], "b": ["2"]}),
        ("a\tb\n\n1\t2\n\n", {"a": ["1"], "b": ["2"]}),
        ("a\tb\n\t\n", {"a": [""], "b": [""]}),
        ('a\tb\nn/a\tit\'s "x"\n', {"a": ["n/a"], "b": ['it\'s "x"']}),
        ('a\tb\n"x\ty"\t"\n"\n', {"a": ["x\ty"], "b": ["\n"]}),
        ("a\tb\n", {"a": [], "b": []}),
        ("\ta\n0\tx\n", {"": ["0"], "a": ["x"]}),
    ],
)
def test_files_of_others_are_read_as_text(tmp_path: Path, content: str, expected: Any) -> None:
    assert tsv.read_text(written(tmp_path, content.encode())) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not even a header"),
        (b"\n\n", "not even a header"),
        (b"a\ta\n1\t2\n", "two columns have one name"),
        (b"a\tb\n1\n", "line 2 has 1 cells where the header has 2"),
        (b"a\tb\n1\t2\n\n1\t2\t3\n", "line 4 has 3 cells"),
        (b'a\tb\n1\t"2\n3\t4\n', "not a tab-separated"),
        (b'a\tb\n"1"x\t2\n', "not a tab-separated"),
        (b"a\tb\n\xff\t2\n", "not a tab-separated"),
        (b"\xff\xfea\x00\t\x00", "not a tab-separated"),
        (b"a\n" + b"x" * 200_000, "not a tab-separated"),
    ],
)
def test_damaged_files_are_one_clear_error(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DamagedFile, match=rf"a\.tsv: .*{message}"):
        tsv.read_text(written(tmp_path, content))


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        tsv.read_text(tmp_path / "a.tsv")


@pytest.mark.parametrize(
    ("cell", "dtype"),
    [
        ("1.5", "<i8"),
        ("", "<i8"),
        ("", "<f8"),
        ("x", "<f8"),
        ("300", "|u1"),
        ("-1", "|u1"),
        ("True", "|b1"),
        ("1", "|b1"),
        ("ab", "<U1"),
        ("a", "<U2"),
        ("a", "|S1"),
        ("a", "|O"),
    ],
)
def test_a_cell_that_is_not_of_its_columns_type_is_refused(tmp_path: Path, cell: str, dtype: str) -> None:
    path = written(tmp_path, f"x\ty\n{cell}\t0\n".encode())
    with pytest.raises(DamagedFile, match="a cell is not of its column's type"):
        tsv.read_columns(path, {"x": dtype, "y": "<i8"})


def test_columns_must_be_those_that_are_expected_in_their_order(tmp_path: Path) -> None:
    path = written(tmp_path, b"x\ty\n1\t2\n")
    assert tsv.read_columns(path, {"x": "<i8", "y": "<f8"})["x"].tolist() == [1]
    with pytest.raises(DamagedFile, match=r"has the columns \['x', 'y'\], expected \['y', 'x'\]"):
        tsv.read_columns(path, {"y": "<i8", "x": "<i8"})


@given(st.binary(max_size=60) | st.text('ab\t\n\r"', max_size=40).map(str.encode))
@settings(derandomize=True, deadline=None, database=None, max_examples=300)
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    try:
        columns = tsv.read_text(written(tmp_path_factory.mktemp("tsv"), content))
    except DamagedFile:
        return
    assert len({len(cells) for cells in columns.values()}) == 1
