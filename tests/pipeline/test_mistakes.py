"""Mistakes in the form of a pipeline: keys, names, types; and all of them at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from mistake_kit import explained, require_problems, run, study

from isocortex.cli import main

FORM = {
    "misspelt key": """
        stepz: 3             #! stepz | there is no key 'stepz' | did you mean 'steps'?
        steps:
          a: {use: numbers}
    """,
    "no steps": """
        name: study          #! steps | the pipeline has no steps | steps:
        plugins: [bench.py]
        stesp: {a: {use: numbers}}  #! stesp | did you mean 'steps'?
    """,
    "steps empty": """
        steps:               #! steps | expected the steps, each under its name | got null
    """,
    "steps as a list": """
        steps:               #! steps | each under its name (name: {use: component})
          - use: numbers
    """,
    "misspelt key of a step": """
        steps:
          a:
            use: numbers
            whith: {count: 2}  #! steps.a.whith | did you mean 'with'?
    """,
    "setting beside use": """
        steps:
          a:
            use: numbers
            count: 2         #! steps.a.count | settings stand under with:
    """,
    "python's name of a key": """
        steps:
          a:
            use: numbers
            with_: {}        #! steps.a.with_ | did you mean 'with'?
    """,
    "step without component": """
        steps:
          a:                 #! steps.a.use | which component to use | isocortex list step
            with: {count: 2}
    """,
    "step that is only a name": """
        steps:
          a: numbers         #! steps.a | expected a mapping that says which component | got 'numbers'
    """,
    "step with nothing in it": """
        steps:
          a:                 #! steps.a | {use: component} | got null (nothing)
          b: {use: numbers}
    """,
    "component that is a number": """
        steps:
          a: {use: 3}        #! steps.a.use | expected text, got 3 | put it in quotes
    """,
    "name that is a number": """
        name: 12             #! name | expected text, got 12 | put it in quotes to make it text
        plugins: [bench.py]
        steps: {a: {use: numbers}}
    """,
    "name that leaves the folder": """
        name: ../elsewhere   #! name | '../elsewhere' is not a name | letters, digits, _ and -
        plugins: [bench.py]
        steps: {a: {use: numbers}}
    """,
    "step name with a blank": """
        steps:
          first step: {use: numbers}   #! steps.first step | is not a name
          b: {use: double, from: first}  #! steps.b.from.table | there is no step 'first' | 'first step'
    """,
    "steps that differ in case": """
        steps:
          maps: {use: numbers}
          Maps: {use: numbers}  #! steps.Maps | differ in case only | rename one
    """,
    "seed that is text": """
        seed: abc            #! seed | expected a whole number, got 'abc'
        steps: {a: {use: numbers}}
    """,
    "seed with a leading zero": """
        seed: 007            #! seed | expected a whole number, got '007' | without zeros before it
        steps: {a: {use: numbers}}
    """,
    "negative seed": """
        seed: -1             #! seed | expected 0 or more, got -1
        steps: {a: {use: numbers}}
    """,
    "no workers": """
        execution: {workers: 0}  #! execution.workers | expected 1 or more, got 0
        steps: {a: {use: numbers}}
    """,
    "misspelt key of execution": """
        execution: {worker: 2}  #! execution.worker | did you mean 'workers'?
        steps: {a: {use: numbers}}
    """,
    "settings as a list": """
        steps:
          a:
            use: numbers
            with:            #! steps.a.with | expected a mapping (name: value) | got [{"count": 1}]
              - count: 1
    """,
    "axis that is a number": """
        steps:
          a: {use: numbers, over: 3}  #! steps.a.over | expected a list ([a, b]), got 3
    """,
    "axis without a form": """
        axes: {subject: S1}  #! axes.subject | expected a list of values, or | ({from: source}), got 'S1'
        steps:
          a: {use: numbers, over: subject}
    """,
    "axis value that is no label": """
        axes: {subject: [true]}  #! axes.subject[0] | expected text or a number, got true | put it in quotes
        steps:
          a: {use: numbers, over: subject}
    """,
    "axis without its source": """
        axes:
          subject:           #! axes.subject.from | is missing | names its data source (from: source)
            only: [S1]
        steps:
          a: {use: numbers, over: subject}
    """,
    "report as text": """
        steps: {a: {use: numbers}}
        report: a            #! report | expected a list ([a, b]), got 'a'
    """,
    "report of an unknown step": """
        steps:
          maps: {use: numbers}
        report: [maps, mapps]  #! report[1] | there is no step 'mapps' to show | did you mean 'maps'?
    """,
    "report of an unknown output": """
        steps:
          a: {use: numbers}
          halves: {use: split, from: a}
        report: [halves.frist]  #! report[0] | has no output 'frist' to show | did you mean 'first'?
    """,
    "input that is a number": """
        steps:
          a: {use: double, from: {table: 3}}  #! steps.a.from.table | the name of a step, or a list | got 3
          b: {use: numbers}
    """,
    "inputs as a list": """
        steps:
          a: {use: numbers}
          b: {use: join, from: [a]}  #! steps.b.from | a mapping of inputs to steps ({input: step})
    """,
}


@pytest.mark.parametrize("mistake", FORM)
def test_a_mistake_in_the_form_is_explained(mistake: str, tmp_path: Path) -> None:
    explained(tmp_path, FORM[mistake])


def test_a_pipeline_without_name_is_explained(tmp_path: Path) -> None:
    path = study(tmp_path, "name: x\n")
    path.write_text("plugins: [bench.py]\nsteps:\n  a: {use: numbrs}\n", encoding="utf-8")
    first = "the pipeline has no name; write name: my-study at its top"
    second = "there is no step 'numbrs'; did you mean"
    require_problems(run(path), path, [(1, "name", (first,)), (3, "steps.a.use", (second,))])


def test_all_mistakes_are_reported_at_once_and_in_order(tmp_path: Path) -> None:
    explained(
        tmp_path,
        """
        seeed: 3                                  #! seeed | did you mean 'seed'?
        parameters:
          radius: 3                               #! parameters.radius | nothing uses this | $radius
          count: three
        axes:
          subject: [S1, S2, S1]                   #! axes.subject | 'S1' occurs more than once
        steps:
          a: {use: nmbers}                        #! steps.a.use | did you mean 'numbers'?
          b:
            use: numbers
            over: subject
            with: {count: $count}                 #! steps.b.with.count | got 'three' ($count: line 6)
          c: {use: double, from: bb}              #! steps.c.from.table | there is no step 'bb'
          d: {use: double, from: c, over: sbject} #! steps.d.over | did you mean 'subject'?
          e: {use: split, from: a, withh: {}}     #! steps.e.withh | did you mean 'with'?
          f: {use: double, from: e.first}
        report: [zz]                              #! report[0] | there is no step 'zz' to show
        """,
    )


def test_a_fault_of_form_is_not_reported_again_where_its_step_is_used(tmp_path: Path) -> None:
    explained(
        tmp_path,
        """
        axes:
          subject: {only: [S1]}                   #! axes.subject.from | is missing
        steps:
          a: {use: numbers, over: subject, wiht: {}}  #! steps.a.wiht | did you mean 'with'?
          b: {use: join, from: {tables: a}}
          c: {use: numbers, over: subject}
          d: {use: join, from: {tables: c}, with: {x: 1}}  #! steps.d.with.x | there are no settings here
        report: [a, b]
        """,
    )


@pytest.mark.parametrize("key", ["description", "parameters", "presets", "axes", "report", "plugins", "seed"])
def test_a_key_with_nothing_behind_it_counts_as_left_out(key: str, tmp_path: Path) -> None:
    text = (
        f"name: study\n{key}:\ndisable:\nexecution:\nsteps:\n  a: {{use: mean_rdm, from: , with: , over: }}\n"
    )
    path = tmp_path / "study.yaml"
    path.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(main, ["check", str(path)])
    assert "1 problem." in result.output
    assert f"{path}:6: steps.a: the input 'rdms' is missing" in result.output


def test_check_says_the_same_as_run(tmp_path: Path) -> None:
    path = study(tmp_path, "steps:\n  a: {use: numbrs}\n")
    result = CliRunner().invoke(main, ["check", str(path)])
    assert (result.exit_code, result.output) == (2, run(path).text)
