from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from mistake_kit import BENCH

from isocortex.cli import main
from isocortex.pipeline.json_schema import pipeline_schema
from isocortex.pipeline.yaml_text import parse_yaml
from isocortex.plugins.manager import PluginManager

jsonschema = pytest.importorskip("jsonschema")
PIPELINES = sorted(
    item.name for item in resources.files("isocortex_pipelines").iterdir() if item.name.endswith(".yaml")
)


@pytest.fixture(scope="module")
def validator() -> Any:
    printed = CliRunner().invoke(main, ["schema"])
    assert printed.exit_code == 0
    schema = json.loads(printed.output)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def faults(validator: Any, text: str) -> list[str]:
    return [error.message for error in validator.iter_errors(parse_yaml(text).value)]


@pytest.mark.parametrize("name", PIPELINES)
def test_the_shipped_pipelines_are_valid(name: str, validator: Any) -> None:
    text = resources.files("isocortex_pipelines").joinpath(name).read_text(encoding="utf-8")
    assert faults(validator, text) == []


def small(step: str, more: str = "") -> str:
    return f"name: a\n{more}\nsteps:\n  s: {step}\n"


RIGHT = [
    small("{use: mean_rdm, from: {rdms: s}}"),
    small("{use: mean_rdm, from: s, with: , over: }", "plugins: \nseed: \nreport: "),
    small("{use: $u, from: $f, with: $w, over: $o}", "seed: $s"),
    small(
        "{use: mean_rdm, over: [$a, b]}", "axes: {a: [1, b, 2.5, $c], b: $c, d: {from: $e, f: 3, only: $g}}"
    ),
    small("{use: load_rdms, with: {file: a.npz, conditions: [a, $b], dims: $d, names: null, form: square}}"),
    small("{use: compute_rdms, with: {metric: {use: correlation, with: {}}}}"),
    small("{use: compute_rdms, with: {metric: $m}}", "execution: {workers: $w}"),
    small("{use: my_step, with: {anything: 1}}", "plugins: [mine.py]"),
    small("{use: compute_rdms, with: {metric: my_metric}}", "plugins: [mine.py]"),
]
WRONG = [
    "name: a\n",
    "steps: {s: {use: mean_rdm}}\n",
    "name: a b\nsteps: {s: {use: mean_rdm}}\n",
    "name: a\nsteps: {}\n",
    "name: a\nsteps: {1s: {use: mean_rdm}}\n",
    small("{use: mean_rdm}", "stepz: 3"),
    small("{use: mean_rdm}", "seed: -1"),
    small("{use: mean_rdm}", "seed: abc"),
    small("{use: mean_rdm}", "plugins: bench.py"),
    small("{use: mean_rdm}", "execution: {workers: 0}"),
    small("{use: mean_rdm}", "axes: {a: text}"),
    small("{use: mean_rdm}", "axes: {a: [[1]]}"),
    small("{use: mean_rdm}", "parameters: {a-b: 1}"),
    small("{use: mean_rdn}"),
    small("{use: mean_rdm, whith: {}}"),
    small("{use: mean_rdm, from: {rdm: s}}"),
    small("{use: mean_rdm, over: 3}"),
    small("{with: {}}"),
    small("{use: load_rdms, with: {fiel: a.npz}}"),
    small("{use: load_rdms, with: {form: sqare}}"),
    small("{use: load_rdms, with: {dims: [1]}}"),
    small("{use: compute_rdms, with: {metric: corelation}}"),
    small("{use: compute_rdms, with: {metric: {name: correlation}}}"),
    small("{use: load_rdms, with: {fiel: a.npz}}", "plugins: [mine.py]"),
]


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_right_is_valid(text: str, validator: Any) -> None:
    assert faults(validator, text) == []


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_not(text: str, validator: Any) -> None:
    assert faults(validator, text)


def test_steps_of_a_plugin_are_in_it_and_describe_themselves(tmp_path: Path) -> None:
    path = tmp_path / "bench.py"
    path.write_bytes(BENCH.read_bytes())
    schema = pipeline_schema(PluginManager(files=[path]))
    validator = jsonschema.Draft202012Validator(schema)
    assert faults(validator, small("{use: numbers, with: {count: 3, pair: [1, $b], either: a}}")) == []
    assert faults(validator, small("{use: numbers, with: {count: 3.5}}"))
    assert faults(validator, small("{use: numbers, with: {pair: [1, b]}}"))
    case = next(
        item
        for item in schema["$defs"]["StepPart"]["allOf"]
        if item["if"]["properties"]["use"]["const"] == "numbers"
    )
    assert case["then"]["description"] == "Count."
