from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from mistake_kit import study

import isocortex as ic
from isocortex.pipeline.parameters import GivenPath, apply, axes_used, put_axes
from isocortex.pipeline.yaml_text import Text, parse_yaml

BASE = Path("/base")


def applied(
    text: str, overrides: dict[str, Any] | None = None, preset: str | None = None
) -> tuple[Text, dict[str, Any], list[str]]:
    found, values, problems = apply(parse_yaml(dedent(text)), overrides or {}, preset, BASE)
    return found, values, [f"{problem.line}: {problem.path}: {problem.message}" for problem in problems]


def steps(text: str, **arguments: Any) -> Any:
    found, _, problems = applied(text, **arguments)
    assert not problems
    return found.value["steps"]


def test_a_parameter_alone_keeps_its_type() -> None:
    text = """
        parameters: {a: 3, b: [1, 2.5], c: {x: null}, d: null, e: true, f: text, g_1: "01"}
        steps: {s: [$a, $b, $c, $d, $e, $f, $g_1]}
    """
    assert steps(text) == {"s": [3, [1, 2.5], {"x": None}, None, True, "text", "01"]}


def test_a_parameter_inside_a_text_is_written_out() -> None:
    text = """
        parameters: {a: 3, b: 0.5, e: true, f: text}
        steps: {s: ["x$a", "$a-$b", "$e/$f.npz", "$f$f", "$a."]}
    """
    assert steps(text) == {"s": ["x3", "3-0.5", "true/text.npz", "texttext", "3."]}


def test_a_dollar_is_written_twice_and_alone_where_no_name_follows() -> None:
    found, _, problems = applied("report: ['$$a', 'cost 3$', '$ 5', '$5', '$$$$']\nsteps: {}\n")
    assert not problems
    assert found.value["report"] == ["$a", "cost 3$", "$ 5", "$5", "$$"]


def test_dollars_in_settings_are_put_in_with_the_axes() -> None:
    text = "parameters: {a: 1}\naxes: {x: [1]}\nsteps: {s: {with: ['$$a', '$x-$a', '$$x', '$x']}}\n"
    written = steps(text)["s"]["with"]
    assert written == ["$$a", "$x-1", "$$x", "$x"]
    assert put_axes(written, {"x": 2}) == ["$a", "2-1", "$x", 2]


def test_two_uses_of_a_parameter_share_nothing() -> None:
    found = steps("parameters: {a: [1]}\nsteps: {s: $a, t: $a}\n")
    found["s"].append(2)
    assert found["t"] == [1]


def test_names_descriptions_and_keys_stay_as_they_are() -> None:
    found, _, problems = applied(
        "name: $a\ndescription: costs $a\nparameters: {a: 1}\npresets: {p: {a: $a}}\nsteps: {$a: $a}\n"
    )
    assert not problems
    assert found.value["name"] == "$a"
    assert found.value["description"] == "costs $a"
    assert found.value["steps"] == {"$a": 1}


@pytest.mark.parametrize(
    ("overrides", "preset", "value"),
    [({}, None, 1), ({}, "two", 2), ({"a": 3}, None, 3), ({"a": 3}, "two", 3), ({"a": None}, "two", None)],
)
def test_what_is_set_wins_over_the_preset_and_that_over_the_default(
    overrides: dict[str, Any], preset: str | None, value: Any
) -> None:
    text = "parameters: {a: 1}\npresets: {two: {a: 2}}\nsteps: {s: $a}\n"
    assert steps(text, overrides=overrides, preset=preset) == {"s": value}
    assert applied(text, overrides, preset)[1] == {"a": value}


def test_mistakes_name_what_is_near() -> None:
    _, _, problems = applied(
        """\
        parameters:
          radius: 3
          unused: 1
        presets: {p: {radus: 2}}
        steps:
          s: [$radios, $zzz]
        """,
        {"radis": 1},
        "q",
    )
    assert problems == [
        "4: presets.p.radus: there is no parameter 'radus'; did you mean 'radius'?",
        "None: : there is no preset 'q'; known presets: p",
        "None: : there is no parameter 'radis' to set; did you mean 'radius'?",
        "6: steps.s[0]: there is no parameter 'radios'; did you mean 'radius'?",
        "6: steps.s[1]: there is no parameter 'zzz'; known parameters: radius, unused",
        "3: parameters.unused: nothing uses this parameter (write $unused where it belongs)",
    ]


def test_an_axis_is_put_in_later_and_only_in_settings() -> None:
    found, _, problems = applied("axes: {x: [1]}\nsteps: {s: {use: $x, with: {a: $x}}}\nreport: [$x]\n")
    assert found.value["steps"]["s"]["with"] == {"a": "$x"}
    assert problems == [
        f"{line}: {place}: the axis $x cannot stand here, only among the settings of a step (with:)"
        for line, place in [(2, "steps.s.use"), (3, "report[0]")]
    ]


def test_where_a_value_was_set_is_told_with_what_is_wrong_with_it() -> None:
    text = "parameters: {a: 1, b: 2, c: [3]}\npresets: {p: {b: 3}}\nsteps: {s: [$a, $b, $c]}\n"
    found, _, _ = applied(text, {"a": 5}, "p")
    messages = [found.problem(("steps", "s", *place), "x").message for place in [(0,), (1,), (2, 0), ()]]
    assert messages == ["x ($a: as set for this run)", "x ($b: preset 'p', line 2)", "x ($c: line 1)", "x"]


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        (Path("a/b"), "a/b"),
        ((1, "b"), [1, "b"]),
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        ({"a": (Path("b"),)}, {"a": ["b"]}),
        (None, None),
        (True, True),
    ],
)
def test_values_from_python_become_plain(given: Any, plain: Any) -> None:
    found = GivenPath.mark(given, BASE)
    assert found == plain
    assert type(found) is type(plain) or isinstance(found, GivenPath)


def test_a_given_path_keeps_its_folder_when_more_is_put_to_it() -> None:
    text = "parameters: {root: x}\naxes: {s: [1]}\nsteps: {s: {with: [$root, $root/$s.npz, a/$root]}}\n"
    found = steps(text, overrides={"root": "data"})["s"]["with"]
    assert found == ["data", "data/$s.npz", "a/data"]
    assert [getattr(item, "base", None) for item in found] == [BASE, BASE, None]
    put = put_axes(found, {"s": "S1"})
    assert put == ["data", "data/S1.npz", "a/data"]
    assert [getattr(item, "base", None) for item in put] == [BASE, BASE, None]


def test_axes_used() -> None:
    assert axes_used({"a": ["$x", {"b": "$y/$z"}], "c": 3, "d": "$$w"}) == {"x", "y", "z"}
    assert put_axes({"a": ["$x", "$x$y", "$w"]}, {"x": 1.5, "y": "S1"}) == {"a": [1.5, "1.5S1", "$w"]}


READ = """
parameters: {file: here.txt}
steps:
  a: {use: read_text, with: {file: $file}}
"""


def test_a_path_in_the_yaml_is_relative_to_it_and_a_given_one_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("study", "work"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "here.txt").write_text(name)
    path = study(tmp_path / "study", READ)
    monkeypatch.chdir(tmp_path / "work")
    own = ic.run(path, tmp_path / "one")["a"]["text"].tolist()
    given = ic.run(path, tmp_path / "two", set={"file": "here.txt"})["a"]["text"].tolist()
    as_path = ic.run(path, tmp_path / "three", set={"file": Path("here.txt")})["a"]["text"].tolist()
    assert (own, given, as_path) == (["study"], ["work"], ["work"])


def test_an_axis_value_can_be_part_of_a_path(tmp_path: Path) -> None:
    text = """
    parameters: {root: data}
    axes: {subject: [S1, 2]}
    steps:
      a: {use: read_text, with: {file: $root/$subject.txt}, over: subject}
      b: {use: join, from: {tables: a}}
    """
    path = study(tmp_path, text, {"data/S1.txt": "one", "data/2.txt": "two"})
    found = ic.run(path, tmp_path / "out")["a"]
    assert {key: table["text"].tolist() for key, table in found.items()} == {"S1": ["one"], "2": ["two"]}
