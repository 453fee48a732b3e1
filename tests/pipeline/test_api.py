"""The Python API: getting components, and a run as a mapping from step to data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_study import write_study
from tiny import write_tiny

import isocortex as ic
from isocortex.errors import IsocortexError, PluginError, StepFailed, UnknownComponent

STEPS = '''
from typing import NamedTuple

class _Both(NamedTuple):
    """Two outputs."""

    means: ic.Table
    patterns: ic.Patterns

def both(number: float) -> _Both:
    """Two outputs."""
    return _Both(ic.Table({"x": [number]}), ic.Patterns(np.full((1, 2), number), ("a",)))
'''
PIPELINE = """
parameters: {factor: 1.0}
axes: {number: [1.0, 2.5]}
steps:
  both: {use: both, with: {number: $number}, over: number}
  single: {use: both, with: {number: $factor}}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A step with two outputs, along an axis and alone."""
    return write_tiny(tmp_path / "study", STEPS, PIPELINE)


def test_a_run_is_a_mapping_from_step_to_data(path: Path, tmp_path: Path) -> None:
    run = ic.run(path, tmp_path / "out")
    assert (list(run), len(run)) == (["both", "single"], 2)
    assert "single" in list(run)
    assert run["single.means"]["x"].tolist() == [1.0]
    assert run["both.means"]["2.5"]["x"].tolist() == [2.5]
    assert run["both.patterns"].axes == ("number",)
    assert run.folder == tmp_path / "out"
    for name, words in (
        ("single", "has the outputs means, patterns: ask for 'single.means'"),
        ("single.mean", "has the outputs means, patterns"),
        ("singel", "did you mean 'single'"),
    ):
        with pytest.raises(KeyError, match=words):
            run[name]


def test_a_run_never_gives_the_data_of_a_later_one(path: Path, tmp_path: Path) -> None:
    first = ic.run(path, tmp_path / "out")
    kept = first["single.patterns"]
    second = ic.run(path, tmp_path / "out", set={"factor": 4.0})
    assert second["single.means"]["x"].tolist() == [4.0]
    assert kept.values.tolist() == [[1.0, 1.0]], "what was read before stays"
    with pytest.raises(KeyError, match="replaced by a later run"):
        first["single.means"]
    assert first["both.means"]["1.0"]["x"].tolist() == [1.0], "this did not change"
    third = ic.run(path, tmp_path / "out")
    assert first["single.means"]["x"].tolist() == [1.0], "the same again"
    file = tmp_path / "out" / "single" / "means" / "table.tsv"
    file.write_text(file.read_text().replace("1", "9"))
    with pytest.raises(KeyError, match="was changed by hand"):
        third["single.means"]


def test_failures_are_raised_at_the_end_with_all_of_them(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", subjects=1)
    (study.parent / "weights.txt").write_text("no number\n")
    with pytest.raises(StepFailed, match="weights: ValueError: could not convert string to float"):
        ic.run(study, tmp_path / "out")
    assert (tmp_path / "out" / "raw" / "subject=S1" / "session=one" / "step.json").exists()


def test_get_gives_components_that_work() -> None:
    values = np.random.default_rng(0).normal(size=(4, 30))
    metric = ic.get("rdm_metric", "correlation")
    assert np.allclose(metric(values), (1 - np.corrcoef(values))[np.triu_indices(4, 1)])
    assert ic.get("rdm_metric", "correlation") is not metric
    step = ic.get("step", "load_patterns")
    assert callable(step) and step.__name__ == "load_patterns"


def test_get_with_plugins_of_ones_own(tmp_path: Path) -> None:
    class Plugin:
        @ic.hookimpl
        def register_rdm_metrics(self, register: object) -> None:
            register("taxi", lambda patterns, /, scale=1.0: np.full(3, scale))  # type: ignore[operator]

    assert ic.get("rdm_metric", "taxi", plugins=[Plugin()], scale=2.0)(np.eye(3)).tolist() == [2.0] * 3
    (tmp_path / "my_metric.py").write_text(
        "import isocortex as ic\nimport numpy as np\n\n"
        "@ic.hookimpl\ndef register_rdm_metrics(register):\n"
        "    register('ones', lambda patterns, /: np.ones(3))\n"
    )
    assert ic.get("rdm_metric", "ones", files=[tmp_path / "my_metric.py"])(np.eye(3)).tolist() == [1.0] * 3
    with pytest.raises(UnknownComponent, match="there is no rdm_metric 'taxi'"):
        ic.get("rdm_metric", "taxi")


def test_get_says_what_is_wrong() -> None:
    with pytest.raises(UnknownComponent, match="there is no kind of component 'metric'"):
        ic.get("metric", "correlation")
    with pytest.raises(UnknownComponent, match="did you mean 'correlation'"):
        ic.get("rdm_metric", "corelation")
    with pytest.raises(PluginError, match="there is no setting 'nothing'"):
        ic.get("rdm_metric", "correlation", nothing=1)
    with pytest.raises(IsocortexError, match="give it its settings when you call it"):
        ic.get("step", "load_patterns", source="simulated")
    with pytest.raises(IsocortexError, match="a pipeline is run, not got"):
        ic.get("pipeline", "concept-codes")


def test_the_default_folder_is_named_after_the_pipeline(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert ic.run(path).folder == tmp_path / "runs" / "tiny"
    monkeypatch.chdir("/")
    assert ic.run(path, tmp_path / "runs" / "tiny").reused


def test_what_a_check_gives_is_not_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan = ic.check(path, set={"factor": 2.0})
    assert plan.parameters["factor"] == 2.0
    assert not (tmp_path / "runs").exists()
