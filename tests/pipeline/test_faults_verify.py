"""``verify`` says which results the same command would compute again now, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tiny import write_tiny

import isocortex as ic
from isocortex.cli import main
from isocortex.pipeline import fingerprint
from isocortex.pipeline.verify import Verified, verify_all

STEPS = '''
def value(number: int, file: ic.InputFile, axes: ic.AxisValues) -> ic.Table:
    """A number and a file's."""
    return ic.Table({"number": [number + int(file.read_text())]})

def total(tables: ic.Collected[ic.Table], rng: np.random.Generator) -> ic.Table:
    """Sum."""
    return ic.Table({"number": [sum(int(table["number"][0]) for table in tables.values())]})
'''
PIPELINE = """
parameters: {number: 3}
axes: {subject: [S1, S2]}
steps:
  one: {use: value, with: {number: $number, file: input.txt}, over: subject}
  all: {use: total, from: one}
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study that has run into the folder ``out`` beside it."""
    path = write_tiny(tmp_path / "study", STEPS, PIPELINE)
    (path.parent / "input.txt").write_text("1\n")
    ic.run(path, tmp_path / "out")
    return path


def found(study: Path) -> Verified:
    return verify_all(study.parent.parent / "out")


def edited(file: Path, old: str, new: str) -> None:
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def reasons(study: Path) -> dict[str, tuple[str, ...]]:
    """By instance; one that is only after others counts by these."""
    verified = found(study)
    assert not verified.good and verified.faults == [] and verified.untold == ""
    return {item.id: item.reasons or ("after", *item.after) for item in verified.again}


ONE = ("one[subject=S1]", "one[subject=S2]")


def test_nothing_changed(study: Path) -> None:
    assert found(study) == Verified(3, [])
    result = CliRunner().invoke(main, ["verify", str(study.parent.parent / "out")])
    assert (result.exit_code, result.output) == (0, "3 results, 0 with faults, 0 out of date\n")


def test_an_input_file_changed(study: Path) -> None:
    (study.parent / "input.txt").write_text("2\n")
    why = ("file: another file, or another content of it",)
    assert reasons(study) == {ONE[0]: why, ONE[1]: why, "all": ("after", *ONE)}


def test_a_setting_changed(study: Path) -> None:
    edited(study, "number: $number", "number: 4")
    edited(study, "parameters: {number: 3}", "")
    record = study.parent.parent / "out" / "run.json"
    record.write_text(record.read_text().replace('"number": 3', ""))
    assert reasons(study)[ONE[0]] == ("number: 3 then, 4 now",)


def test_a_parameter_of_the_pipeline_changed(study: Path) -> None:
    """The command may have had --set: what it would do is told with the parameters of the run."""
    edited(study, "parameters: {number: 3}", "parameters: {number: 4}")
    verified = found(study)
    assert (verified.good, verified.parameters) == (True, {"number": (3, 4)})
    assert verified.note() == "with the parameters of the run: number = 3 (pipeline: 4)"


def test_code_changed(study: Path) -> None:
    edited(study.parent / "steps.py", "number + int", "number - int")
    assert set(reasons(study)) == {*ONE, "all"}
    assert reasons(study)["all"] == ("the source code has changed",)


def test_a_library_is_another_version(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = fingerprint._version
    monkeypatch.setattr(fingerprint, "_version", lambda top: "0.0" if top == "numpy" else real(top))
    why = reasons(study)
    assert set(why) == {*ONE, "all"}
    assert why["all"] == (f"numpy: {real('numpy')} then, 0.0 now",)


def test_the_seed_and_the_axes_changed(study: Path) -> None:
    edited(study, "axes:", "seed: 5\naxes:")
    assert set(reasons(study)) == {"all"}
    assert reasons(study)["all"][0].startswith("the seed: [0, ")
    edited(study, "[S1, S2]", "[S1, S2, S3]")
    assert reasons(study)["one[subject=S3]"] == ("there is no whole result of it",)
    edited(study, "[S1, S2, S3]", "[S2, S1]")
    assert "tables: other axis values, or in another order" in reasons(study)["all"]


def test_a_damaged_file_is_told_once(study: Path) -> None:
    out = study.parent.parent / "out"
    (out / "one" / "subject=S1" / "table.tsv").write_text("x")
    verified = found(study)
    assert (len(verified.faults), [item.id for item in verified.again], verified.told()) == (1, [ONE[0]], [])
    edited(study, "number: $number", "number: $number, x: 1")
    assert (len(found(study).faults), found(study).good) == (1, False)
    assert "there is no setting 'x'" in found(study).untold or "x" in found(study).untold


def test_as_json_and_in_words(study: Path) -> None:
    (study.parent / "input.txt").unlink()
    (study.parent / "input.txt").write_text("7\n")
    out = str(study.parent.parent / "out")
    result = CliRunner().invoke(main, ["verify", out, "--json"])
    told: dict[str, Any] = json.loads(result.stdout)
    assert (result.exit_code, told["results"], told["faults"], told["untold"]) == (1, 3, [], None)
    assert [(item["id"], item["sure"]) for item in told["again"]] == [
        (ONE[0], True), (ONE[1], True), ("all", False),
    ]  # fmt: skip
    result = CliRunner().invoke(main, ["verify", out])
    assert result.exit_code == 1
    assert f"{ONE[0]} would be computed again: file: another file" in result.stderr
    assert f"all may be computed again: it reads {', '.join(ONE)}" in result.stderr


def test_what_cannot_be_told_is_said_and_no_fault(study: Path) -> None:
    (study.parent / "steps.py").unlink()
    result = CliRunner().invoke(main, ["verify", str(study.parent.parent / "out")])
    assert (result.exit_code, result.stdout) == (0, "3 results, 0 with faults, 0 out of date\n")
    assert result.stderr.startswith("What would be computed again cannot be told: ")


def test_a_result_without_a_key(study: Path, tmp_path: Path) -> None:
    def local() -> ic.Table:
        """A step without importable source."""
        return ic.Table({"x": [1]})

    class Plugin:
        @ic.hookimpl
        def register_steps(self, register: Any) -> None:
            register("local", local)

    path = tmp_path / "p.yaml"
    path.write_text("name: p\nsteps:\n  one: {use: local}\n")
    ic.run(path, tmp_path / "local", plugins=[Plugin()])
    assert "this run had the plugin object" in verify_all(tmp_path / "local").untold
