"""Mistakes in settings: names, types, units, files, components, parameters and presets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mistake_kit import explained, require_problems, run, study

SETTINGS = {
    "unknown": ("numbers", "cont: 3  #! cont | there is no setting 'cont' | did you mean 'count'?"),
    "text for a number": ("numbers", "count: '3'  #! count | a whole number, got '3' | without quotes"),
    "fraction": ("numbers", "count: 3.5  #! count | expected a whole number, got 3.5"),
    "number with an exponent": ("numbers", "count: 1e3  #! count | expected a whole number, got 1000.0"),
    "leading zero": ("numbers", "count: 01  #! count | got '01' | without zeros before it"),
    "hexadecimal": ("numbers", "count: 0x10  #! count | expected a whole number, got '0x10'"),
    "truth value for a number": ("numbers", "count: true  #! count | expected a whole number, got true"),
    "unit": ("numbers", "scale: 3 mm  #! scale | expected a number, got '3 mm' | without a unit"),
    "percent": ("numbers", "scale: 5%  #! scale | expected a number, got '5%' | without a unit"),
    "yes for true": ("numbers", "flag: yes  #! flag | expected true or false, got 'yes'"),
    "no for false": ("numbers", "flag: no  #! flag | expected true or false, got 'no'"),
    "one for true": ("numbers", "flag: 1  #! flag | expected true or false, got 1"),
    "not one of the choices": ("numbers", "kind: rank  #! kind | expected 'plain' or 'ranked', got 'rank'"),
    "number for text": ("numbers", "note: 3  #! note | expected text, got 3 | put it in quotes"),
    "numbers in a list of text": ("numbers", "tags: [a, 2]  #! tags[1] | expected text, got 2 | in quotes"),
    "text for a list": ("numbers", "tags: a  #! tags | expected a list of text or null, got 'a'"),
    "mapping with a wrong value": ("numbers", "limits: {a: b}  #! limits.a | expected a number, got 'b'"),
    "too many of a pair": ("numbers", "pair: [1, 2, 3]  #! pair | at most 2 values, got [1, 2, 3]"),
    "neither of two types": ("numbers", "either: 1.5  #! either | a whole number or text, got 1.5"),
    "number too large": ("numbers", "scale: 1e999  #! scale | '1e999' is too large for a number"),
    "integer too large": ("numbers", f"count: {'9' * 5000}  #! count | 999... is too large for a number"),
    "half a character": ("numbers", 'note: "\\ud800"  #! note | which no file can hold; take it out'),
    "file that is not there": ("read_text", "file: a.txt  #! file | there is no file 'a.txt' | looked for"),
    "folder for a file": ("read_text", "file: data  #! file | 'data' is a folder, expected a file"),
    "file for a folder": (
        "read_text",
        "{file: data/x.txt, folder: data/x.txt}  #! folder | is a file, expected a folder",
    ),
    "a missing one of several files": (
        "read_text",
        "{file: data/x.txt, more: [data/x.txt, data/y.txt]}  #! more[1] | no file 'data/y.txt'",
    ),
    "number for a file": ("read_text", "file: 3  #! file | expected a file, got 3"),
    "no name of a file": ("read_text", "file: \"\"  #! file | there is no file ''"),
    "name of a file too long": ("read_text", f"file: {'a' * 5000}  #! file | aaa... cannot be the path"),
    "home of nobody": ("read_text", "file: ~nobody-here/x  #! file | cannot be the path of a file"),
    "unknown component": ("measure", "metric: corelation  #! metric | 'corelation' | mean 'correlation'?"),
    "component that is a number": ("measure", "metric: 3  #! metric | expected rdm_metric name, got 3"),
    "misspelt key of a component": (
        "measure",
        "metric: {name: correlation}  #! metric | there is no key 'name' here | use, with",
    ),
    "component with a wrong setting": (
        "measure",
        "metric: {use: correlation, with: {k: 2}}  #! metric.with.k | there is no setting 'k'",
    ),
    "setting of neither step nor source": (
        "take",
        "{source: shelf, boxs: 2}  #! boxs | neither the step nor its data_source 'shelf' | mean 'boxes'?",
    ),
}


@pytest.mark.parametrize("mistake", SETTINGS)
def test_a_mistake_in_a_setting_is_explained(mistake: str, tmp_path: Path) -> None:
    use, line = SETTINGS[mistake]
    setting, _, expected = line.partition("  #! ")
    wiring = {"measure": "{table: t}", "take": "{}"}.get(use, "{}")
    explained(
        tmp_path,
        f"""
        axes: {{box: [B1]}}
        steps:
          t: {{use: numbers, over: box}}
          a:
            use: {use}
            from: {wiring}
            over: box
            with:
              {setting}  #! steps.a.with.{expected}
        """,
        files={"data/x.txt": "x"},
    )


def test_missing_settings_are_named(tmp_path: Path) -> None:
    explained(
        tmp_path,
        """
        steps:
          a:
            use: wants_all
            with: {count: 3}             #! steps.a.with | the setting 'label' is missing (text)
          b:
            use: wants_all
            with: {label: x, count: }    #! steps.b.with | the setting 'count' is missing (whole number)
          c: {use: take, with: {boxes: 2}}  #! steps.c.with | 'source' is missing (data_source name)
        """,
    )


def test_a_file_that_may_not_be_read_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = study(tmp_path, "steps:\n  a: {use: read_text, with: {file: x.txt}}\n", {"x.txt": "x"})
    monkeypatch.setattr(os, "access", lambda file, mode: False)
    words = (f"you are not allowed to read the file {tmp_path / 'x.txt'}",)
    require_problems(run(path), path, [(4, "steps.a.with.file", words)])


PARAMETERS = {
    "unused": """
        parameters:
          radius: 3                    #! parameters.radius | nothing uses this parameter (write $radius
        steps: {a: {use: numbers}}
    """,
    "unknown": """
        parameters: {radius: 3}
        steps:
          a: {use: numbers, with: {count: $radis}}  #! steps.a.with.count | 'radis' | mean 'radius'?
    """,
    "of the wrong type": """
        parameters:
          count: three
        steps:
          a:
            use: numbers
            with:
              count: $count            #! steps.a.with.count | a whole number, got 'three' ($count: line 4)
    """,
    "list inside a text": """
        parameters: {roi: [V1, V2]}
        steps:
          a: {use: numbers, with: {note: of $roi}}  #! steps.a.with.note | $roi is a list (line 3)
    """,
    "nothing inside a text": """
        parameters: {roi: null}
        steps:
          a: {use: numbers, with: {note: of $roi}}  #! steps.a.with.note | $roi is null (line 3)
    """,
    "name that $ cannot find": """
        parameters:
          n-runs: 3                    #! parameters.n-runs | use letters, digits and _
        steps: {a: {use: numbers}}
    """,
    "that refers to another": """
        parameters:
          root: data
          file: $root/x.txt            #! parameters.file | refers to $root | write $root where $file is used
        steps:
          a: {use: numbers, with: {note: $file, tags: [$root]}}
    """,
    "as a list": """
        parameters: [radius]           #! parameters | expected a mapping (name: value), got ["radius"]
        steps: {a: {use: numbers}}
    """,
    "of a component": """
        parameters: {step: nubmers}
        steps:
          a: {use: $step}              #! steps.a.use | did you mean 'numbers'? | ($step: line 3)
    """,
    "unknown in a preset": """
        parameters: {count: 3}
        presets:
          quick: {cuont: 2}            #! presets.quick.cuont | no parameter 'cuont' | mean 'count'?
        steps: {a: {use: numbers, with: {count: $count}}}
    """,
    "preset that is a number": """
        parameters: {count: 3}
        presets: {quick: 3}            #! presets.quick | expected a mapping (name: value), got 3
        steps: {a: {use: numbers, with: {count: $count}}}
    """,
}


@pytest.mark.parametrize("mistake", PARAMETERS)
def test_a_mistake_in_parameters_is_explained(mistake: str, tmp_path: Path) -> None:
    explained(tmp_path, PARAMETERS[mistake])


COUNTED = """
parameters: {count: 3}
presets: {quick: {count: two}}
steps:
  a:
    use: numbers
    with: {count: $count}
"""


@pytest.mark.parametrize(
    ("arguments", "line", "place", "words"),
    [
        (["--set", "count=two"], 8, "steps.a.with.count", ("got 'two' ($count: as set for this run)",)),
        (["--set", "count='3'"], 8, "steps.a.with.count", ("got '3'; write the number without quotes",)),
        (["--set", "count=[1, 2"], 8, "steps.a.with.count", ("got '[1, 2'",)),
        (["--set", "count="], 8, "steps.a.with.count", ("got ''",)),
        (["--preset", "quick"], 8, "steps.a.with.count", ("got 'two' ($count: preset 'quick', line 4)",)),
        (["--set", "cuont=2"], None, "", ("no parameter 'cuont' to set; did you mean 'count'?",)),
        (["--preset", "quik"], None, "", ("there is no preset 'quik'; did you mean 'quick'?",)),
    ],
)
def test_a_mistake_on_the_command_line_is_explained(
    arguments: list[str], line: int | None, place: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    path = study(tmp_path, COUNTED)
    require_problems(run(path, *arguments), path, [(line, place, words)])


@pytest.mark.parametrize("argument", ["count", "=3", ""])
def test_a_set_without_a_value_is_explained(argument: str, tmp_path: Path) -> None:
    said = run(study(tmp_path, COUNTED), "--set", argument)
    assert (said.code, said.text) == (2, f"Error: --set {argument}: write it as NAME=VALUE\n")


def test_the_lines_are_right_where_a_list_comes_from_a_parameter(tmp_path: Path) -> None:
    explained(
        tmp_path,
        """
        parameters:
          tags:
            - a
            - 2
        steps:
          a:
            use: numbers
            with:
              tags: $tags              #! steps.a.with.tags[1] | expected text, got 2 | ($tags: line 4)
              cuont: 1                 #! steps.a.with.cuont | did you mean 'count'?
        """,
    )
