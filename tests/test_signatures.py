"""Annotations as schema: what is read from them, what values fit, and how they are said to a user."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, Optional, Required, TypeVar

import numpy as np
import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypeAliasType, TypedDict

from isocortex import InputFile, InputFolder, WorkFolder
from isocortex.contracts import DataSource, Model, RDMMetric
from isocortex.errors import PluginError
from isocortex.pipeline.settings import Load
from isocortex.signatures import Setting, alternatives, hidden_path, map_paths, signature_of, type_text

T = TypeVar("T")


def parsed(annotation: Any, value: Any) -> Any:
    setting = Setting("s", annotation)
    assert list(setting.problems(value)) == []
    return setting.parse(value)


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (int, 3, 3),
        (float, 3, 3.0),
        (float | None, None, None),
        (bool, True, True),
        (str, "3", "3"),
        (int | str, "3", "3"),
        (int | str, 3, 3),
        (list[list[str]], [["a"], []], [["a"], []]),
        (tuple[int, int], [1, 2], (1, 2)),
        (tuple[float, ...], [1, 2.5], (1.0, 2.5)),
        (dict[str, list[int]], {"a": [1]}, {"a": [1]}),
        (Literal["a", "b"], "b", "b"),
        (Annotated[int, Field(ge=0)], 0, 0),
        (Path, "x/y", Path("x/y")),
        (list[InputFile], ["x"], [Path("x")]),
        (Any, {"a": [1, "b"]}, {"a": [1, "b"]}),
    ],
)
def test_values_that_fit(annotation: Any, value: Any, expected: Any) -> None:
    found = parsed(annotation, value)
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize(
    ("annotation", "value", "place"),
    [
        (int, "3", ()),  # nothing is guessed
        (int, 3.5, ()),
        (int, True, ()),
        (bool, 1, ()),
        (str, 3, ()),
        (float, "1e3", ()),
        (int | None, "3", ()),
        (list[list[str]], [["a"], ["b", 3]], (1, 1)),
        (dict[str, list[int]], {"a": [1, "2"]}, ("a", 1)),
        (tuple[int, int], [1], (1,)),
        (Literal["a", "b"], "c", ()),
        (Annotated[int, Field(ge=0)], -1, ()),
        (int | list[int], [1, "x"], (1,)),
    ],
)
def test_values_that_do_not_fit(annotation: Any, value: Any, place: tuple[Any, ...]) -> None:
    problems = list(Setting("s", annotation).problems(value))
    assert len(problems) == 1
    # a list that is too short may be named as a whole
    assert problems[0][0] in (place, place[:-1])


@pytest.mark.parametrize(
    ("annotation", "value", "words"),
    [
        (int, "3", ["whole number", "'3'"]),
        (float | None, "x", ["number", "'x'"]),
        (int | list[int], "x", ["whole number", "list", "'x'"]),
        (Literal["a", "b"], "c", ["'a' or 'b'", "'c'"]),
        (bool, "yes", ["true or false", "'yes'"]),
    ],
)
def test_the_words_for_what_does_not_fit(annotation: Any, value: Any, words: list[str]) -> None:
    [(_, message)] = Setting("s", annotation).problems(value)
    for word in words:
        assert word in message
    for jargon in ("Input", "pydantic", "int_type", "instance"):
        assert jargon not in message


def plain(first: int, second: str = "x", *rest: int, third: float = 1.0, **free: bool) -> None: ...


class Thing:
    def __init__(self, first: int, second: str = "x") -> None: ...


class Bare:
    pass


class Called:
    def __call__(self, first: int) -> None: ...


def test_signatures_of_functions_and_classes() -> None:
    found = signature_of(plain)
    assert list(found.settings) == ["first", "second", "third"] and found.free is bool
    assert [setting.required for setting in found.settings.values()] == [True, False, False]
    assert found.setting("anything") == Setting("anything", bool)
    assert list(signature_of(plain, skip=1).settings) == ["second", "third"]
    assert list(signature_of(Thing).settings) == ["first", "second"]
    assert signature_of(Bare).settings == {}
    assert signature_of(Thing).setting("third") is None
    assert signature_of(Thing).unknown("secnd") == "there is no setting 'secnd'; did you mean 'second'?"


def test_decorated_functions_keep_their_signature() -> None:
    @functools.wraps(plain)
    def wrapper(*given: Any, **more: Any) -> None: ...

    assert list(signature_of(wrapper).settings) == ["first", "second", "third"]


def test_annotations_that_name_nothing() -> None:
    def broken(first: Undefined) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(PluginError, match=r"annotations of .*broken.* cannot be read: name 'Undefined'"):
        signature_of(broken)


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (Model, "model"),
        (Model | None, "model"),
        (Optional[RDMMetric], "rdm_metric"),  # noqa: UP045
        (Annotated[DataSource, Load("patterns")], "data_source"),
        (Annotated[DataSource | None, Load("patterns")], "data_source"),
        (int | None, None),
        (Any, None),
    ],
)
def test_contracts_among_annotations(annotation: Any, kind: str | None) -> None:
    setting = Setting("s", annotation)
    assert setting.component_kind == kind
    if kind:
        assert setting.describe() == f"{kind} name"


def test_alternatives_are_flat() -> None:
    assert alternatives(Annotated[int | Annotated[str | None, 1], 2]) == (int, str, type(None))


class Spec(TypedDict, total=False):
    file: Required[InputFile]
    more: list[InputFile]
    n: int


class Tree(TypedDict):
    file: InputFile
    below: list[Tree]


@dataclass
class Held:
    file: InputFile
    name: str = "f"


class Named(NamedTuple):
    file: InputFile


class Strict(BaseModel):
    file: InputFile


@dataclass
class Box(Generic[T]):
    content: T


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (InputFile, "f", "at/f"),
        (InputFolder | None, "f", "at/f"),
        (list[InputFile], ["f", "f"], ["at/f", "at/f"]),
        (Sequence[InputFile], ["f"], ["at/f"]),
        (tuple[InputFile, ...], ["f"], ["at/f"]),
        (tuple[InputFile, str], ["f", "f"], ["at/f", "f"]),
        (dict[str, list[InputFile]], {"f": ["f"]}, {"f": ["at/f"]}),
        (Mapping[str, InputFile], {"f": "f"}, {"f": "at/f"}),
        (list[dict[str, InputFile]] | None, [{"a": "f"}], [{"a": "at/f"}]),
        (Annotated[list[InputFile], "noted"], ["f"], ["at/f"]),
        (
            dict[str, Spec],
            {"a": {"file": "f", "more": ["f"], "n": 1}},
            {"a": {"file": "at/f", "more": ["at/f"], "n": 1}},
        ),
        (list[Held], [{"file": "f", "name": "f"}], [{"file": "at/f", "name": "f"}]),
        (Spec | Held, {"file": "f"}, {"file": "at/f"}),
        (NewType("Mine", InputFile), "f", "at/f"),
        (TypeAliasType("Also", list[InputFile]), ["f"], ["at/f"]),
        (WorkFolder | None, "f", "at/f"),
        (Literal["mean", "zero"] | InputFile | None, "f", "at/f"),
        # nothing else changes, and what does not fit is left for the check
        (str, "f", "f"),
        (Path, "f", "f"),
        (list[str], ["f"], ["f"]),
        (Literal["mean", "zero"] | InputFile | None, "mean", "mean"),
        (dict[str, Spec], {"a": {"unknown": "f"}}, {"a": {"unknown": "f"}}),
        (InputFile, 3, 3),
        (InputFile | None, None, None),
        (list[InputFile], "f", "f"),
        (tuple[InputFile, str], ["f"], ["at/f"]),
        (Any, ["f"], ["f"]),
        (list, ["f"], ["f"]),
    ],
)
def test_paths_are_found_where_the_annotation_has_them(annotation: Any, value: Any, expected: Any) -> None:
    assert map_paths(annotation, value, lambda path, *_: f"at/{path}") == expected


@pytest.mark.parametrize(
    ("annotation", "place"),
    [
        (dict[InputFile, int], "as a key of a mapping"),
        (Annotated[list[dict[str, Mapping[InputFolder, int]]], 1] | None, "as a key of a mapping"),
        (Named, "in Named"),
        (dict[str, Strict | None], "in Strict"),
        (Box[InputFile], "in Box"),
    ],
)
def test_a_path_where_nothing_would_look_for_it_is_refused(annotation: Any, place: str) -> None:
    def step(count: int, spec: annotation) -> None: ...  # type: ignore[valid-type]

    step.__annotations__["spec"] = annotation
    with pytest.raises(
        PluginError, match=f"the setting 'spec' of .*step wants a path {place}, where a change"
    ):
        signature_of(step)


@pytest.mark.parametrize(
    "annotation", [dict[str, Tree], Spec, Held | None, dict[Path, int], tuple[InputFile, ...]]
)
def test_paths_that_are_found_are_not_refused(annotation: Any) -> None:
    assert hidden_path(annotation) is None


def test_the_place_of_a_path_is_told() -> None:
    places = []
    map_paths(
        dict[str, list[InputFile]],
        {"a": ["x", "y"]},
        lambda path, mark, place: places.append((path, mark.folder, place)) or path,  # type: ignore[func-returns-value]
    )
    assert places == [("x", False, ("a", 0)), ("y", False, ("a", 1))]


class Groups(TypedDict, total=False):
    within: list[str]
    size: Required[int]


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "whole number"),
        (float | None, "number or null"),
        (InputFile, "file"),
        (InputFolder | None, "folder or null"),
        (Literal["a", 2], "'a' or 2"),
        (list[list[str]], "list of list of text"),
        (tuple[int, int], "list of whole number"),
        (list, "list"),
        (dict[str, float], "mapping of text to number"),
        (Annotated[bool, Field(description="x")], "true or false"),
        (Sequence[str], "Sequence"),
        (BaseModel, "BaseModel"),
        (Groups, "mapping with any of within (list of text), size (whole number, required)"),
        (TypedDict("Place", {"x": float, "y": float}), "mapping with x (number), y (number)"),
    ],
)
def test_annotations_in_words(annotation: Any, text: str) -> None:
    assert type_text(annotation) == text


def test_python_values() -> None:
    assert Setting("s", Path).accept("x") == Path("x")
    assert Setting("s", int).accept(np.int64(3)) == 3
    assert Setting("s", list[str]).accept(("a", "b")) == ["a", "b"]
    marker = object()
    assert Setting("s", Any).accept(marker) is marker
    with pytest.raises(ValueError, match="expected whole number, got 'many'"):
        Setting("s", int).accept("many")
