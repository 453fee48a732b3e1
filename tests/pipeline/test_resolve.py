from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field
from typing_extensions import TypedDict

import isocortex as ic
from isocortex.contracts import DataSource, RDMMetric
from isocortex.errors import closest, shown, suggestion
from isocortex.pipeline.resolve import Resolved, Resolver
from isocortex.pipeline.yaml_text import Text
from isocortex.plugins.manager import PluginManager
from isocortex.signatures import signature_of

PLACE = ("with",)


@pytest.fixture(scope="module")
def manager() -> PluginManager:
    return PluginManager()


def resolved(
    manager: PluginManager, base: Path, function: Any, given: dict[str, Any], source: str | None = None
) -> tuple[Resolved, list[str]]:
    resolver = Resolver(Text({}, ""), manager, base)
    found = resolver.settings(signature_of(function), given, PLACE, source)
    return found, [f"{problem.path.removeprefix('with')}: {problem.message}" for problem in resolver.problems]


@dataclass
class Window:
    width: int
    overlap: float = 0.5


def step(
    count: Annotated[int, Field(ge=1)] = 3,
    share: Annotated[float, Field(gt=0, le=1)] | None = None,
    norm: float | Literal["auto"] = "auto",
    names: list[str] | dict[str, float] | None = None,
    window: Window | None = None,
    nested: dict[str, list[int]] | None = None,
) -> None: ...


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({"count": 1, "share": 0.5, "norm": 2, "names": ["a"]}, []),
        ({"names": {"a": 1}, "norm": "auto", "window": {"width": 3}, "nested": {"a": [1]}}, []),
        ({"count": None, "share": None, "names": None}, []),
        ({"count": 0}, [".count: expected 1 or more, got 0"]),
        ({"share": 0}, [".share: expected more than 0, got 0"]),
        ({"share": 1.5}, [".share: expected 1 or less, got 1.5"]),
        ({"share": "half"}, [".share: expected a number or null, got 'half'"]),
        ({"norm": "atuo"}, [".norm: expected a number or 'auto', got 'atuo'"]),
        ({"names": [1]}, [".names[0]: expected text, got 1; put it in quotes to make it text"]),
        ({"names": {"a": "b"}}, [".names.a: expected a number, got 'b'"]),
        ({"names": 3}, [".names: expected a list of text or mapping of text to number or null, got 3"]),
        ({"window": {"overlap": 1}}, [".window.width: this is missing"]),
        ({"nested": {"a": [1, "b"]}}, [".nested.a[1]: expected a whole number, got 'b'"]),
        ({"conut": 1}, [".conut: there is no setting 'conut'; did you mean 'count'?"]),
    ],
)
def test_settings_are_checked_against_their_annotations(
    given: dict[str, Any], problems: list[str], manager: PluginManager
) -> None:
    assert resolved(manager, Path(), step, given)[1] == problems


def files(
    one: ic.InputFile,
    folder: ic.InputFolder | None = None,
    either: ic.InputFile | list[str] | None = None,
    many: dict[str, list[ic.InputFile]] | None = None,
) -> None: ...


def test_paths_become_absolute_wherever_they_are_nested(manager: PluginManager, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    given = {"one": "a", "folder": ".", "either": ["a", "b"], "many": {"x": ["a", "a"]}}
    found, problems = resolved(manager, tmp_path, files, given)
    assert problems == []
    here = str(tmp_path / "a")
    assert found.values == {
        "one": here,
        "folder": str(tmp_path),
        "either": ["a", "b"],
        "many": {"x": [here, here]},
    }
    assert found.python()["one"] == tmp_path / "a"
    canonical = found.canonical(lambda path: path.name)
    assert canonical["one"] == "content:a"
    assert canonical["many"] == {"x": ["content:a", "content:a"]}


class Spec(TypedDict):
    file: ic.InputFile
    n: int


@dataclass
class Held:
    file: ic.InputFile


def nested(spec: dict[str, Spec], held: Held, kept: ic.WorkFolder, also: Held = Held(Path("/b"))) -> None:  # noqa: B008
    ...


def test_files_in_mappings_with_fixed_keys_are_found_and_count_by_their_content(
    manager: PluginManager, tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("x")
    given = {"spec": {"x": {"file": "a", "n": 1}}, "held": {"file": "a"}, "kept": "new"}
    found, problems = resolved(manager, tmp_path, nested, given)
    assert problems == []
    assert found.python()["spec"]["x"]["file"] == found.python()["held"].file == tmp_path / "a"
    assert found.python()["kept"] == tmp_path / "new", "a folder to keep something in need not be there"
    assert found.canonical(lambda path: path.name) == {
        "spec": {"x": {"file": "content:a", "n": 1}},
        "held": {"file": "content:a"},
        "kept": "folder",
        "also": {"file": "content:b"},
    }
    given = {"spec": {"x": {"file": "b", "n": 1}}, "held": {"file": "a"}, "kept": "a"}
    assert resolved(manager, tmp_path, nested, given)[1] == [
        f".spec.x.file: there is no file 'b' (looked for {tmp_path / 'b'})",
        ".kept: 'a' is a file, expected a folder",
    ]


def test_what_is_not_there_is_named_with_its_place(manager: PluginManager, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    given = {"one": "b", "folder": "a", "either": "c", "many": {"x": ["a", "d"]}}
    _, problems = resolved(manager, tmp_path, files, given)
    assert problems == [
        f".one: there is no file 'b' (looked for {tmp_path / 'b'})",
        ".folder: 'a' is a file, expected a folder",
        f".either: there is no file 'c' (looked for {tmp_path / 'c'})",
        f".many.x[1]: there is no file 'd' (looked for {tmp_path / 'd'})",
    ]


def test_a_missing_file_is_reported_even_when_it_is_the_only_setting(manager: PluginManager) -> None:
    assert resolved(manager, Path(), files, {})[1] == [": the setting 'one' is missing (file)"]


def measure(metric: RDMMetric = "correlation", k: int = 1) -> None: ...  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("metric", "problems"),
    [
        ("euclidean", []),
        ({"use": "euclidean"}, []),
        ({"use": "euclidean", "with": None}, []),
        (None, []),
        ("euclidian", [".metric: there is no rdm_metric 'euclidian'; did you mean 'euclidean'"]),
        (["euclidean"], ['.metric: expected rdm_metric name, got ["euclidean"]']),
        ({"use": "euclidean", "wiht": {}}, [".metric: there is no key 'wiht' here; did you mean 'with'?"]),
        (
            {"with": {}},
            [".metric: expected a component's name, or a mapping with use and with, got {'with': {}}"],
        ),
    ],
)
def test_components_are_checked(metric: Any, problems: list[str], manager: PluginManager) -> None:
    found, said = resolved(manager, Path(), measure, {"metric": metric})
    assert [text[: len(start)] for text, start in zip(said, problems, strict=True)] == problems
    if not problems:
        assert found.components["metric"].name == ("correlation" if metric is None else "euclidean")


def take(source: DataSource, window: int = 3) -> None: ...


def test_a_component_without_a_name_is_none(manager: PluginManager) -> None:
    def optional(metric: RDMMetric | None = None, names: dict[str, float | None] | None = None) -> None: ...
    def required(metric: RDMMetric) -> None: ...

    given = {"metric": {"use": None, "with": {"unknown": 1}}, "names": {"use": None}}
    found, problems = resolved(manager, Path(), optional, given)
    assert not problems and not found.components and found.values == {"names": {"use": None}}
    _, problems = resolved(manager, Path(), required, {"metric": {"use": None}})
    assert problems == [": the setting 'metric' is missing (rdm_metric name)"]


def test_settings_of_the_data_source_may_stand_beside_those_of_the_step(manager: PluginManager) -> None:
    given = {"source": "simulated", "n_subjects": 2, "n_voxels": None, "window": 4}
    found, problems = resolved(manager, Path(), take, given, "source")
    assert problems == []
    assert found.values == {"window": 4}
    assert found.components["source"].resolved.values == {"n_subjects": 2}


def test_a_setting_that_neither_knows_is_reported_with_what_is_near_in_both(manager: PluginManager) -> None:
    given = {"source": "simulated", "n_subjcts": 2, "windw": 4, "n_voxels": "many"}
    _, problems = resolved(manager, Path(), take, given, "source")
    head = "neither the step nor its data_source 'simulated' has a setting"
    assert problems == [
        f".n_subjcts: {head} 'n_subjcts'; did you mean 'n_subjects'?",
        f".windw: {head} 'windw'; did you mean 'window'?",
        ".n_voxels: expected a whole number, got 'many'",
    ]


def test_words_for_names_and_values() -> None:
    assert suggestion("subjct", ["subject", "run"]) == "did you mean 'subject'?"
    assert suggestion("SUBJECT", ["subject", "run"]) == "did you mean 'subject'?"
    assert suggestion("x", ["b", "a"], "steps") == "known steps: a, b"
    assert suggestion("x", [], "steps") == "there are no steps here"
    assert suggestion("x", [f"long{n:02}" for n in range(20)]).endswith("long11, ... (20 in all)")
    assert closest("x", ["abc"]) == []
    assert [shown(value) for value in (None, True, 1.5, "a", ["b"])] == [
        "null (nothing)",
        "true",
        "1.5",
        "'a'",
        '["b"]',
    ]
    assert len(shown("a" * 1000)) < 100
    assert len(shown(["a" * 1000])) < 100


def test_null_is_the_default_unless_it_is_a_value_of_its_own(manager: PluginManager, tmp_path: Path) -> None:
    def voxels(n_voxels: int | None = 500, metric: RDMMetric | None = None, alpha: float = 1.0) -> None: ...

    found, problems = resolved(manager, tmp_path, voxels, {"n_voxels": None, "metric": None, "alpha": None})
    assert not problems
    assert dict(found.values) == {"n_voxels": None}
    assert dict(resolved(manager, tmp_path, voxels, {})[0].values) == {}
