from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from isocortex.errors import IsocortexError, PipelineError, UnknownComponent
from isocortex.pipeline.document import Document, find_pipeline, read_document, resource, validate
from isocortex.pipeline.yaml_text import parse_yaml
from isocortex.plugins.manager import PluginManager


def checked(text: str) -> Any:
    return validate(parse_yaml(dedent(text), "p.yaml"))


def said(text: str) -> list[str]:
    return [str(problem).removeprefix("p.yaml:") for problem in checked(text).problems]


def test_a_small_document_and_its_defaults() -> None:
    document = checked("{name: a, steps: {b: {use: c}}}").document
    assert isinstance(document, Document)
    step = document.steps["b"]
    assert (step.use, step.from_, step.with_, step.over) == ("c", {}, {}, [])
    assert (document.seed, document.plugins, document.report, document.execution.workers) == (0, [], [], None)


def test_one_axis_may_stand_alone_and_nothing_means_the_default() -> None:
    document = checked(
        """
        name: a
        seed:
        axes:
          x: [1, 2.5, a]
          y: {from: source, root: null, only: }
        steps:
          b: {use: c, over: x, with: , from: {t: , u: d}}
          d: {use: c, over: [x, y], from: b}
        """
    ).document
    assert document.seed == 0
    assert document.axes["x"] == [1, 2.5, "a"]
    assert document.axes["y"].model_extra == {"root": None}
    assert document.steps["b"].over == ["x"]
    assert document.steps["b"].from_ == {"u": "d"}
    assert document.steps["d"].from_ == "b"


def test_what_is_sound_is_kept_beside_what_is_not() -> None:
    found = checked(
        """
        name: 3
        axes: {x: [a], y: b}
        steps:
          good: {use: c}
          bad: {use: c, over: [x, 3], k: 1}
          worse: text
        report: good
        """
    )
    assert found.broken == {("axes", "y"), ("steps", "bad"), ("steps", "worse")}
    assert list(found.document.steps) == ["good", "bad", "worse"]
    assert found.document.steps["bad"].over == ["x"]
    assert found.document.axes == {"x": ["a"], "y": []}
    assert [problem.path for problem in found.problems] == [
        "name",
        "axes.y",
        "steps.bad.over[1]",
        "steps.bad.k",
        "steps.worse",
        "report",
    ]


@pytest.mark.parametrize("text", ["{name: a, steps: 3}", "{name: a}", "[a]", "a", "{name: a, steps: {b: 3}}"])
def test_without_any_sound_step_nothing_more_is_checked(text: str) -> None:
    found = checked(text)
    assert found.document is None
    assert found.problems


def test_every_place_is_reported_once_in_words() -> None:
    assert said("{name: a, steps: {b: {use: c, from: 3}}, axes: {x: {only: [[1]]}}}") == [
        "1: axes.x.from: this is missing: an axis is a list of values, or names its data source "
        "(from: source)",
        "1: axes.x.only[0]: expected text or a number, got [1]",
        "1: steps.b.from: expected the name of a step, or a mapping of inputs to steps ({input: step}), "
        "got 3",
    ]
    assert said("{name: a, steps: {b: {use: c, from: {t: [d, 3]}}}}") == [
        "1: steps.b.from.t[1]: expected the name of a step, got 3",
    ]


def test_names_have_an_end() -> None:
    text = f"{{name: a, steps: {{{'b' * 81}: {{use: c}}, d: {{use: c}}}}}}"
    assert "too long for a name: at most 80 characters" in said(text)[0]


def test_reading_a_file(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes("\ufeffname: caf\u00e9\n".encode())
    assert read_document(path).value == {"name": "caf\u00e9"}
    path.write_bytes(b"a: 1\nb: \xe9\n")
    with pytest.raises(PipelineError, match=r"p.yaml:2: the byte 0xe9 is not UTF-8"):
        read_document(path)
    with pytest.raises(PipelineError, match=r"there is no such file; did you mean 'p.yaml'"):
        read_document(tmp_path / "p.yml")
    with pytest.raises(PipelineError, match="larger than 1 MiB"):
        path.write_bytes(b"x" * (2**20 + 1))
        read_document(path)


def test_a_pipeline_is_found_by_file_or_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_pipeline("x.yaml", None) == Path("x.yaml")
    assert find_pipeline("./x", None) == Path("./x")
    (tmp_path / "here").write_text("name: a\n")
    assert find_pipeline("here", None) == Path("here")
    manager = PluginManager()
    assert find_pipeline("concept-codes", manager).name == "concept-codes.yaml"
    with pytest.raises(UnknownComponent, match="did you mean 'concept-codes'"):
        find_pipeline("concept-code", manager)


@pytest.mark.parametrize(
    ("target", "words"),
    [("no_package_here:a.yaml", "no package 'no_package_here'"), ("isocortex:a.yaml", "no file 'a.yaml' in")],
)
def test_a_registered_pipeline_that_is_not_there(target: str, words: str) -> None:
    with pytest.raises(IsocortexError, match=words):
        resource(target, "the pipeline 'a'")


def test_a_folder_of_the_same_name_does_not_hide_a_registered_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from isocortex.pipeline.document import find_pipeline
    from isocortex.plugins.manager import PluginManager

    monkeypatch.chdir(tmp_path)
    for name in ("concept-codes", "mine"):
        Path(name).mkdir()
    manager = PluginManager()
    assert find_pipeline("concept-codes", manager).name == "concept-codes.yaml"
    assert find_pipeline("mine", manager) == Path("mine")
