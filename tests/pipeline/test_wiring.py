from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mistake_kit import run, study

import isocortex as ic
from isocortex.pipeline.plan import Plan

Feeds = Mapping[str, tuple[Any, list[str]]]


def planned(folder: Path, text: str) -> Plan:
    return ic.check(study(folder, text))


def feeds(plan: Plan, instance: str) -> Feeds:
    """Input -> the axes it is collected along, and the keys and producers."""
    return {
        name: (axes, [f"{','.join(feed.key)}:{feed.instance}.{feed.output}" for feed in items])
        for name, (axes, items) in plan.instances[instance].feeds.items()
    }


def test_one_to_one_and_the_shorthand(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        """
        steps:
          b: {use: double, from: a}
          c: {use: both, from: {left: a, right: b}}
          a: {use: numbers}
        """,
    )
    assert list(plan.instances) == ["a", "b", "c"]
    assert feeds(plan, "b") == {"table": (None, [":a.result"])}
    assert feeds(plan, "c") == {"left": (None, [":a.result"]), "right": (None, [":b.result"])}


def test_outputs_by_name(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        """
        steps:
          a: {use: numbers}
          b: {use: split, from: a}
          c: {use: both, from: {left: b.second, right: b.first}}
        report: [b.first]
        """,
    )
    assert feeds(plan, "c") == {"left": (None, [":b.second"]), "right": (None, [":b.first"])}


def test_equal_axes_are_matched_and_lacking_ones_collected(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        """
        axes: {subject: [S1, S2], roi: [V1, V2]}
        steps:
          a: {use: numbers, over: [subject, roi]}
          b: {use: double, from: a, over: [roi, subject]}
          by_roi: {use: join, from: {tables: a}, over: roi}
          all: {use: join, from: {tables: b}}
          one: {use: numbers, over: subject}
          wider: {use: both, from: {left: one, right: a}, over: [subject, roi]}
        """,
    )
    assert feeds(plan, "b[roi=V1,subject=S2]") == {"table": (None, [":a[subject=S2,roi=V1].result"])}
    assert feeds(plan, "by_roi[roi=V2]") == {
        "tables": (("subject",), ["S1:a[subject=S1,roi=V2].result", "S2:a[subject=S2,roi=V2].result"])
    }
    axes, items = feeds(plan, "all")["tables"]
    assert axes == ("roi", "subject")
    assert [item.split(":")[0] for item in items] == ["V1,S1", "V1,S2", "V2,S1", "V2,S2"]
    assert feeds(plan, "wider[subject=S1,roi=V2]") == {
        "left": (None, [":one[subject=S1].result"]),
        "right": (None, [":a[subject=S1,roi=V2].result"]),
    }
    assert plan.instances["all"].depends() == {
        f"b[roi={roi},subject={subject}]" for roi in ("V1", "V2") for subject in ("S1", "S2")
    }


def test_a_list_of_steps_feeds_a_collected_input_under_the_names_as_written(tmp_path: Path) -> None:
    text = """
        axes: {subject: [S1, S2]}
        steps:
          a: {use: numbers, over: subject}
          b: {use: split, from: a, over: subject}
          c: {use: join, from: {tables: [b.second, a]}, over: subject}
    """
    plan = planned(tmp_path, text)
    assert feeds(plan, "c[subject=S2]") == {
        "tables": (("step",), ["b.second:b[subject=S2].second", "a:a[subject=S2].result"])
    }
    assert run(study(tmp_path, text)).code == 0
    found = ic.run(study(tmp_path, text), tmp_path / "out")["c"]
    assert found["S1"]["key"].tolist() == ["b.second", "a"]


def test_an_optional_input_may_be_left_out_or_empty(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        """
        parameters: {source: null}
        steps:
          a: {use: fail, with: {how: bug}}
          b: {use: fail, with: {how: bug}, from: {table: $source}}
        """,
    )
    assert feeds(plan, "a") == feeds(plan, "b") == {}


def test_the_order_does_not_depend_on_the_order_in_the_document(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        """
        steps:
          d: {use: both, from: {left: b, right: c}}
          c: {use: double, from: a}
          b: {use: double, from: a}
          a: {use: numbers}
        """,
    )
    order = list(plan.instances)
    assert order[0] == "a"
    assert order[-1] == "d"
