"""The language that selects columns: meaning, precedence, and where exactly an expression is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isocortex.errors import DataError
from isocortex_decoding.files.selection import selected

NAN = np.nan
TABLE = {
    "ROI_V1": [1, 1, 0, 0, 0, NAN],
    "ROI_V2": [0, 1, 1, 0, 0, NAN],
    "ROI_V3d": [0, 0, 0, 1, 0, NAN],
    "Stat": [0.5, -1, 2, 2, NAN, NAN],
    "Group": [1, 2, 3, 2, -1, NAN],
    "my key-1": [0, 0, 0, 0, 0, 1],
    "1": [0, 0, 0, 0, 1, 0],
}


def columns(expression: str) -> list[int]:
    lookup = {key: np.array(values, dtype=float) for key, values in TABLE.items()}
    return np.flatnonzero(selected(expression, list(TABLE), lookup.__getitem__, 6)).tolist()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ROI_V1 = 1", [0, 1]),
        ("ROI_V1", [0, 1]),
        ("ROI_V1=1", [0, 1]),
        ("  ( ROI_V1 )  ", [0, 1]),
        ("ROI_V1 = 1 | ROI_V2 = 1", [0, 1, 2]),
        ("ROI_V1 + ROI_V2", [0, 1, 2]),
        ("ROI_V1 & ROI_V2", [1]),
        ("ROI_V1 - ROI_V2", [0]),
        ("ROI_V1 + ROI_V2 - ROI_V1", [2]),
        ("ROI_V1 | ROI_V2 & ROI_V3d", []),
        ("ROI_V1 | (ROI_V2 & ROI_V3d)", [0, 1]),
        ("ROI_*", [0, 1, 2, 3]),
        ("ROI_V*d = 1", [3]),
        ("ROI_V* - ROI_V1 = 1", [2, 3]),
        ("*", [0, 1, 2, 3, 4, 5]),
        ("ROI_V1 = 0", [2, 3, 4]),
        ("Group = 2", [1, 3]),
        ("Group = -1", [4]),
        ("Group != 2", [0, 2, 4]),
        ("Stat > 0.5", [2, 3]),
        ("Stat >= 5e-1", [0, 2, 3]),
        ("Stat < .5 | Group <= 1", [0, 1, 4]),
        ("'my key-1'", [5]),
        ('"my key-1" = 1 + ROI_V3d', [3, 5]),
        ("1 = 1", [4]),
        ("Stat top 1", [2]),
        ("Stat top 2", [2, 3]),
        ("Stat top 3", [0, 2, 3]),
        ("Stat top 1 @ ROI_V1 = 1", [0]),
        ("ROI_V1 = 1 @ Stat top 1", [0]),
        ("ROI_V1 @ Stat TOP 1", [0]),
        ("Stat top 1 @ ROI_V1 | ROI_V3d", [3]),
        ("(Stat top 1 @ ROI_V1) | ROI_V2", [0, 1, 2]),
        ("Stat top 2 & ROI_V2", [2]),
        ("ROI_V3d | (Stat top 1)", [2, 3]),
    ],
)
def test_meaning(expression: str, expected: list[int]) -> None:
    assert columns(expression) == expected


def test_more_than_there_are_takes_all_and_says_so() -> None:
    with pytest.warns(UserWarning, match="top 500 of 2 columns that have a value"):
        assert columns("Stat top 500 @ ROI_V1 = 1") == [0, 1]
    with pytest.warns(UserWarning, match="top 5 of 4 columns"):
        assert columns("Stat top 5") == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", r"a key is expected at its end \(position 1\)"),
        ("ROI_V1 = ", r"a number is expected at its end \(position 9\)"),
        ("ROI_V1 = one", r"a number is expected at 'one' \(position 10\)"),
        ("ROI_V1 = nan", r"a number is expected at 'nan'"),
        ("ROI_V1 = 1e", r"a number is expected at '1e'"),
        ("ROI_V1 == 1", r"a number is expected at '= 1' \(position 9\)"),
        ("ROI_V1 | ", r"a key is expected at its end"),
        ("| ROI_V1", r"a key is expected at '\| ROI_V1' \(position 1\)"),
        ("(ROI_V1", r"this parenthesis is not closed at '\(ROI_V1' \(position 1\)"),
        ("ROI_V1)", r"an operator is expected at '\)' \(position 7\)"),
        ("ROI_V1 ROI_V2", r"an operator is expected at 'ROI_V2' \(position 8\)"),
        ("'ROI_V1", r"a quote is not closed"),
        ("ROI_V1 = 1 = 1", r"an operator is expected at '= 1' \(position 12\)"),
        ("ROI_V1 < > 1", r"a number is expected at '> 1'"),
        ("ROI_V9 = 1", r"there is no key 'ROI_V9' \(did you mean .*ROI_V1.* at 'ROI_V9 = 1' \(position 1\)"),
        ("ROI_V1 | roi_v2", r"did you mean 'ROI_V2'\?\) at 'roi_v2' \(position 10\)"),
        ("ROI_X*", r"no key is like 'ROI_X\*'"),
        ("Stat top", r"a whole number from 1 on is expected after top"),
        ("Stat top 0", r"a whole number from 1 on"),
        ("Stat top 2.5", r"a whole number from 1 on"),
        ("ROI_* top 5", r"a ranking goes by one key, without \*"),
        ("ROI_V1 @ ROI_V2", r"one side of @ is a ranking .* at '@ ROI_V2' \(position 8\)"),
        ("Stat top 1 @ Stat top 2", r"one side of @ is a ranking"),
        ("(" * 200 + "ROI_V1" + ")" * 200, r"nested too deep"),
    ],
)
def test_where_an_expression_is_wrong(expression: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        columns(expression)


def reference(tree: Any) -> np.ndarray:
    if isinstance(tree, str):
        return np.array(TABLE[tree]) == 1
    sign, left, right = tree
    one, other = reference(left), reference(right)
    return {"|": one | other, "+": one | other, "&": one & other, "-": one & ~other}[sign]


def text_of(tree: Any) -> str:
    if isinstance(tree, str):
        return f"{tree} = 1"
    return f"({text_of(tree[1])}) {tree[0]} ({text_of(tree[2])})"


@settings(derandomize=True, deadline=None, database=None, max_examples=100)
@given(
    st.recursive(
        st.sampled_from(["ROI_V1", "ROI_V2", "ROI_V3d"]),
        lambda inner: st.tuples(st.sampled_from("|+&-"), inner, inner),
        max_leaves=12,
    )
)
def test_nested_expressions_against_sets(tree: Any) -> None:
    assert columns(text_of(tree)) == np.flatnonzero(reference(tree)).tolist()


@settings(derandomize=True, deadline=None, database=None, max_examples=300)
@given(st.text(alphabet="RO_V12Stat* ()|&-+@=<>!'\"09.e\u00e9", max_size=20))
def test_any_text_is_columns_or_an_error_about_it(text: str) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            columns(text)
        except DataError as error:
            assert "select:" in str(error)
