from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from mistake_kit import HEADER, study

import isocortex as ic
from isocortex.errors import PipelineError
from isocortex.pipeline.axes import Axis
from isocortex.pipeline.plan import Plan


class Source:
    """A data source whose axes are given by the test."""

    loads = {"tables": ("box",)}  # noqa: RUF012
    given: object = None

    def __init__(self, count: int = 3, name: str | None = None) -> None:
        self.count, self.name = count, name

    def axes(self) -> object:
        return Source.given or {"box": [f"B{place}" for place in range(self.count)], "side": [1, 2]}

    def check(self) -> list[str]:
        return []

    def files(self, kind: str, **axes: str) -> list[Path]:
        return []

    def load_tables(self, box: str) -> ic.Table:
        return ic.Table({"box": [box]})


class Plugin:
    @ic.hookimpl
    def register_data_sources(self, register):
        register("own", Source)


def axes(folder: Path, text: str) -> dict[str, Axis]:
    return dict(planned(folder, text).axes)


def planned(folder: Path, text: str) -> Plan:
    return ic.check(study(folder, HEADER + dedent(text)), plugins=[Plugin()])


ONE = "\nsteps:\n  a: {use: numbers, over: x}\n"


def test_values_have_labels_and_stay_what_they_were(tmp_path: Path) -> None:
    axis = axes(tmp_path, "axes: {x: [1, 2.5, S01, '03', 1e-3, -4]}" + ONE)["x"]
    assert axis.labels == ("1", "2.5", "S01", "03", "0.001", "-4")
    assert [axis.raw(label) for label in axis.labels] == [1, 2.5, "S01", "03", 0.001, -4]


def test_a_parameter_can_hold_the_values(tmp_path: Path) -> None:
    text = "parameters: {who: [S1, S2]}\naxes: {x: $who}" + ONE
    assert axes(tmp_path, text)["x"].labels == ("S1", "S2")
    path = study(tmp_path, text)
    assert ic.check(path, {"who": ["S9"]}).axes["x"].labels == ("S9",)
    with pytest.raises(PipelineError, match=r"axes.x: expected a list of values.*got 'S9' \(\$who: as set"):
        ic.check(path, {"who": "S9"})


@pytest.mark.parametrize(
    ("settings", "labels"),
    [
        ("", ("B0", "B1", "B2")),
        (", count: 1", ("B0",)),
        (", count: null, name: null", ("B0", "B1", "B2")),
        (", only: [B2, B0]", ("B0", "B2")),
        (", only: null", ("B0", "B1", "B2")),
    ],
)
def test_a_data_source_gives_the_values(settings: str, labels: tuple[str, ...], tmp_path: Path) -> None:
    text = f"axes: {{box: {{from: own{settings}}}}}\nsteps:\n  a: {{use: numbers, over: box}}\n"
    assert axes(tmp_path, text)["box"].labels == labels


def test_only_compares_labels_not_types(tmp_path: Path) -> None:
    text = "axes: {side: {from: own, only: ['2']}}\nsteps:\n  a: {use: numbers, over: side}\n"
    assert axes(tmp_path, text)["side"].labels == ("2",)
    text = "axes: {side: {from: own, only: [2]}}\nsteps:\n  a: {use: numbers, over: side}\n"
    assert axes(tmp_path, text)["side"].labels == ("2",)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"box": []}, "the axis 'box' has no values"),
        ({"box": ["a", "a"]}, "'a' occurs more than once"),
        ({"box": [0.5]}, "0.5 cannot be a label"),
        ({"box": "abc"}, "expected a list of labels"),
        ({"box": [""]}, "label 1 is empty"),
        ({"boxes": ["a"]}, "has no axis 'box'; did you mean 'boxes'?"),
        (["box"], "the data source 'own' failed"),
        ({"box": 3}, "expected a list of labels"),
    ],
)
def test_a_data_source_with_bad_axes_is_explained(
    given: object, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Source, "given", given)
    with pytest.raises(PipelineError) as caught:
        planned(tmp_path, "axes: {box: {from: own}}\nsteps:\n  a: {use: numbers, over: box}\n")
    assert [problem.path for problem in caught.value.problems] == ["axes.box"]
    assert words in str(caught.value)


def test_axis_values_stand_in_settings_with_their_type(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        """\
        axes: {count: [1, 2], scale: [0.5, 1e3], who: [S1]}
        steps:
          a:
            use: numbers
            over: [count, scale, who]
            with: {count: $count, scale: $scale, note: "$who at $scale, $$5", tags: [$who]}
        """,
    )
    instance = plan.instances["a[count=2,scale=1000.0,who=S1]"]
    assert instance.resolved.values == {
        "count": 2,
        "scale": 1000.0,
        "note": "S1 at 1000.0, $5",
        "tags": ["S1"],
    }
    assert len(plan.instances) == 4


def test_values_that_look_like_two_axes_do_not_make_one_instance_of_two(tmp_path: Path) -> None:
    text = "axes: {x: ['1,y=2', '1', '1\\'], y: ['3', '2,y=3']}\nsteps:\n  a: {use: numbers, over: [x, y]}\n"
    ids = list(planned(tmp_path, text).instances)
    assert len(ids) == 6 and "a[x=1,y=3]" in ids and "a[x=1\\,y=2,y=3]" in ids


def test_an_axis_value_that_does_not_fit_a_setting_is_reported_once(tmp_path: Path) -> None:
    with pytest.raises(PipelineError) as caught:
        planned(
            tmp_path,
            """\
            axes: {x: [1, two, 3], y: [a, b]}
            steps:
              a: {use: numbers, over: [x, y], with: {count: $x}}
            """,
        )
    assert [str(problem).split(": ", 1)[1] for problem in caught.value.problems] == [
        "steps.a.with.count: expected a whole number, got 'two'"
    ]
