from __future__ import annotations

import math
import re
import string
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from isocortex.errors import PipelineError
from isocortex.pipeline.yaml_text import MAX_DEPTH, Text, dotted, parse_scalar, parse_yaml, plain_copy

SCALARS = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "nULL": "nULL",
    "true": True,
    "False": False,
    "tRue": "tRue",
    "yes": "yes",
    "no": "no",
    "on": "on",
    "Off": "Off",
    "n": "n",
    "0": 0,
    "-0": 0,
    "12": 12,
    "+12": 12,
    "-3": -3,
    "01": "01",
    "007": "007",
    "0x10": "0x10",
    "0o17": "0o17",
    "0b11": "0b11",
    "1_000": "1_000",
    "1,5": "1,5",
    "1e3": 1000.0,
    "1e-3": 0.001,
    "-2E+2": -200.0,
    "1.5": 1.5,
    "1.": 1.0,
    ".5": 0.5,
    "-.5e1": -5.0,
    "00.5": "00.5",
    ".": ".",
    "-": None,
    "1e": "1e",
    "e5": "e5",
    ".inf": math.inf,
    "-.INF": -math.inf,
    "inf": "inf",
    "nan": "nan",
    "2020-01-01": "2020-01-01",
    "12:30:00": "12:30:00",
    "1:30": "1:30",
    "S01": "S01",
    "'3'": "3",
    '"no"': "no",
    "!!str 3": "3",
    "!!int 3": 3,
    "!!float 3": 3.0,
    "=": "=",
}


@pytest.mark.parametrize(("text", "value"), [item for item in SCALARS.items() if item[0] != "-"])
def test_scalars_are_those_of_yaml_1_2_and_names_stay_names(text: str, value: Any) -> None:
    found = parse_yaml(f"key: {text}\n").value["key"]
    assert (type(found), found) == (type(value), value)


def test_not_a_number() -> None:
    assert math.isnan(parse_yaml("[.nan]").value[0])
    assert math.isnan(parse_yaml("[.NaN]").value[0])


@pytest.mark.parametrize("text", ["1e999", "-1e999", "9" * 5000])
def test_a_number_that_python_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(PipelineError, match="too large for a number"):
        parse_yaml(f"a: {text}")


# PyYAML cannot write \x85, and takes some texts for text that are numbers in YAML 1.2 ("1e3", "-.5")
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0\x85\u2028\u2029"), max_size=12).filter(
    lambda text: not re.fullmatch(r"[-+.eE0-9]+", text)
)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats(allow_nan=False) | texts,
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(texts, parts, max_size=4),
    max_leaves=12,
)


@settings(max_examples=40, deadline=None)
@given(plain)
def test_what_pyyaml_writes_is_read_back(value: Any) -> None:
    text = yaml.safe_dump({"key": value}, allow_unicode=True)
    assert parse_yaml(text).value == {"key": value}


@given(st.text(string.printable, max_size=60))
def test_any_text_is_data_or_a_sentence(text: str) -> None:
    try:
        assert isinstance(parse_yaml(text, "file.yaml"), Text)
    except PipelineError as error:
        assert error.problems
        assert all(problem.file == "file.yaml" and problem.message for problem in error.problems)


@given(plain)
def test_a_copy_is_equal_and_shares_nothing(value: Any) -> None:
    copy = plain_copy([value])
    assert copy == [value]
    if isinstance(value, (list, dict)):
        assert copy[0] is not value


DOCUMENT = """\
# a comment
name: study
steps:
  a:
    use: x
    with: {one: 1,
           two: [1,
                 2]}
  b: &b
    - 1
    -
      c: 3
other: *b
"""


def test_every_place_knows_its_line() -> None:
    text = parse_yaml(DOCUMENT, "s.yaml")
    lines = {
        (): 2,
        ("name",): 2,
        ("steps",): 3,
        ("steps", "a"): 4,
        ("steps", "a", "use"): 5,
        ("steps", "a", "with", "one"): 6,
        ("steps", "a", "with", "two"): 7,
        ("steps", "a", "with", "two", 0): 7,
        ("steps", "a", "with", "two", 1): 8,
        ("steps", "b"): 9,
        ("steps", "b", 0): 10,
        ("steps", "b", 1, "c"): 12,
        ("other",): 13,
        ("other", 0): 10,
    }
    assert {place: text.line(place) for place in lines} == lines


def test_a_place_that_is_not_in_the_text_has_the_line_around_it() -> None:
    text = parse_yaml(DOCUMENT, "s.yaml")
    assert text.line(("steps", "a", "from", "input")) == 4
    assert text.line(("nowhere",)) == 2
    assert str(text.problem(("steps", "a", "from"), "is missing")) == "s.yaml:4: steps.a.from: is missing"


def test_places_as_text() -> None:
    assert dotted(()) == ""
    assert dotted(("plugins", 1)) == "plugins[1]"
    assert dotted(("steps", "a", "with", 0, 1, "b")) == "steps.a.with[0][1].b"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("1e-3", 0.001),
        ("no", "no"),
        ("S01", "S01"),
        ("01", "01"),
        ("null", None),
        ("", ""),
        (" ", " "),
        ("[a, 2]", ["a", 2]),
        ("{a: 1}", {"a": 1}),
        ("[a", "[a"),
        ("a: b: c", "a: b: c"),
        ("!!python/name:os.system", "!!python/name:os.system"),
        ("@home", "@home"),
        ("C:\\data", "C:\\data"),
        ("~/data", "~/data"),
        ("#3", "#3"),
        ("it's", "it's"),
        ("*.npz", "*.npz"),
    ],
)
def test_values_of_the_command_line(text: str, value: Any) -> None:
    found = parse_scalar(text)
    assert (type(found), found) == (type(value), value)


def test_nesting_is_allowed_up_to_its_limit() -> None:
    assert parse_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH).value
    with pytest.raises(PipelineError, match="levels deep"):
        parse_yaml("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2))


def test_all_faults_of_the_builder_are_reported() -> None:
    with pytest.raises(PipelineError) as caught:
        parse_yaml("a: 1\na: 2\nb: !x 3\nc:\n  ? [1]\n  : 2\nd: !!set {}\ne: !!seq {}\n", "f")
    assert [problem.line for problem in caught.value.problems] == [2, 3, 5, 7, 8]
