"""What a run says of itself: the run record, ``verify``, and progress."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tiny import run_record, write_tiny

import isocortex as ic
from isocortex.api import execute
from isocortex.cli import main
from isocortex.errors import IsocortexError, StepFailed
from isocortex.pipeline.progress import BarProgress, PlainProgress, TimeLeft, clock, progress
from isocortex.pipeline.verify import verify

STEPS = '''
def value(number: int) -> ic.Table:
    """One number."""
    if number == 13:
        raise ValueError("unlucky [red] <b>")
    if number == 7:
        warnings.warn("seven [bold]")
    return ic.Table({"number": [number]})

def total(tables: ic.Collected[ic.Table]) -> ic.Table:
    """Sum."""
    return ic.Table({"number": [sum(int(table["number"][0]) for table in tables.values())]})
'''
PIPELINE = """
parameters: {last: 3}
axes: {number: [1, 7]}
steps:
  one: {use: value, with: {number: $number}, over: number}
  all: {use: total, from: one}
  last: {use: value, with: {number: $last}}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A small pipeline."""
    return write_tiny(tmp_path / "study", STEPS, PIPELINE)


def test_the_record_of_a_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    out = tmp_path / "out"

    class Look:
        @ic.hookimpl
        def step_finished(self, step: object) -> None:
            assert run_record(out)["status"] == "running"

    ic.run(path.name, out, plugins=[Look()])
    record = run_record(out)
    assert {key: record[key] for key in ("status", "name", "pipeline", "seed", "workers", "parameters")} == {
        "status": "done",
        "name": "tiny",
        "pipeline": str(path),
        "seed": 0,
        "workers": 1,
        "parameters": {"last": 3},
    }
    assert set(record["steps"]) == {"one[number=1]", "one[number=7]", "last", "all"}
    step = record["steps"]["one[number=7]"]
    assert step == {
        "status": "done",
        "seconds": step["seconds"],
        "warnings": ["seven [bold]"],
        "folder": "one/number=7",
    }
    assert {"isocortex", "numpy"} <= set(record["versions"])
    assert {
        "name": "steps",
        "source": str(path.parent / "steps.py"),
        "status": "loaded",
        "error": "",
    } in record["plugins"]
    ic.run(path, out)
    again = run_record(out)
    assert {part["status"] for part in again["steps"].values()} == {"reused"}
    assert again["steps"]["one[number=7]"]["seconds"] == step["seconds"], (
        "as long as it took when it was made"
    )
    with pytest.raises(StepFailed):
        ic.run(path, out, set={"last": 13})
    assert run_record(out)["status"] == "failed"
    assert "unlucky" in run_record(out)["steps"]["last"]["error"]
    assert not list(out.glob("*.new"))


def test_a_plan_can_be_run_twice(path: Path, tmp_path: Path) -> None:
    plan = ic.check(path)
    before = plan.manager.pluggy.list_name_plugin()
    for folder in ("one", "two"):
        assert not execute(plan, tmp_path / folder, None).failed
        assert run_record(tmp_path / folder)["status"] == "done"
    assert plan.manager.pluggy.list_name_plugin() == before


def test_the_number_of_workers_is_checked(path: Path, tmp_path: Path) -> None:
    for workers in (0, -1):
        with pytest.raises(IsocortexError, match=r"workers: expected a number from 1 on"):
            ic.run(path, tmp_path / "out", workers=workers)


Damage = Callable[[Path], Any]
TABLE, RECORD = "one/number=7/table.tsv", "one/number=7/step.json"


def edited(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def missing_digest(out: Path) -> None:
    record = json.loads((out / RECORD).read_text())
    for part in record["outputs"]["result"]["files"].values():
        del part["sha256"]
    (out / RECORD).write_text(json.dumps(record))


FAULTS: dict[str, tuple[Damage, str]] = {
    "a changed file": (lambda out: edited(out / TABLE, "7", "8"), f"{TABLE}: changed since it was written"),
    "a file cut off": (lambda out: (out / TABLE).write_text(""), f"{TABLE}: changed since it was written"),
    "a file gone": (lambda out: (out / TABLE).unlink(), f"{TABLE}: gone"),
    "a folder instead": (
        lambda out: ((out / TABLE).unlink(), (out / TABLE).mkdir()),
        f"{TABLE}: cannot be read",
    ),
    "a record gone": (lambda out: (out / RECORD).unlink(), f"{RECORD}: gone"),
    "a result gone": (lambda out: shutil.rmtree((out / RECORD).parent), f"{RECORD}: gone"),
    "a record that is none": (lambda out: (out / RECORD).write_text("[1]"), f"{RECORD}: damaged"),
    "a record cut off": (lambda out: (out / RECORD).write_text("{"), f"{RECORD}: damaged"),
    "a record without digests": (missing_digest, f"{RECORD}: damaged"),
    "an edited record": (
        lambda out: edited(out / RECORD, '"number": 7', '"number": 8'),
        f"{RECORD}: changed since it was written",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_verify_finds(path: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    ic.run(path, out)
    assert verify(out) == (4, [])
    damage, expected = FAULTS[name]
    damage(out)
    _, faults = verify(out)
    assert len(faults) == 1
    assert faults[0].startswith(str(out / expected))
    assert faults[0].endswith("; run the pipeline again")
    result = CliRunner().invoke(main, ["verify", str(out)])
    assert (result.exit_code, result.stderr) == (1, faults[0] + "\n")
    ic.run(path, out)
    assert verify(out) == (4, [])


def test_verify_of_what_is_no_run(tmp_path: Path) -> None:
    for folder, words in (
        (tmp_path / "nowhere", "there is no such folder"),
        (tmp_path, "there are no results"),
    ):
        with pytest.raises(IsocortexError, match=words):
            verify(folder)


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(path: Path, out: Path, stream: io.StringIO, **options: Any) -> str:
    display = progress(stream)
    with suppress(StepFailed):
        ic.run(path, out, plugins=[display], **options)
    return stream.getvalue()


def test_progress_in_lines(path: Path, tmp_path: Path) -> None:
    assert type(progress(io.StringIO())) is PlainProgress
    lines = shown(path, tmp_path / "out", io.StringIO(), set={"last": 13}).splitlines()
    assert lines[0] == f"tiny: 4 step instances into {tmp_path / 'out'}"
    assert lines[1].startswith("[1/4] one[number=1]: 0.")
    assert " s, about " in lines[1] and lines[1].endswith(" left")
    assert "    warning: seven [bold]" in lines
    assert [line for line in lines if "FAILED last: ValueError: unlucky [red] <b>" in line]
    assert lines[-1].startswith("tiny: 3 computed, 1 failed in ")
    lines = shown(path, tmp_path / "out", io.StringIO(), set={"last": 13}).splitlines()
    assert len(lines) == 3
    assert lines[-1].startswith("tiny: 0 computed, 3 reused, 1 failed in ")


def test_progress_on_a_terminal(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    assert type(progress(Terminal())) is BarProgress
    text = shown(path, tmp_path / "out", Terminal(), set={"last": 13})
    assert "FAILED last: ValueError: unlucky [red] <b>" in text.replace("\n", "")
    assert "one[number=7]: warning: seven [bold]" in text
    assert "tiny: 3 computed, 1 failed in " in text
    assert "4/4" in text
    assert "reused" in shown(path, tmp_path / "out", Terminal())


def test_time_left_counts_what_is_left(path: Path, tmp_path: Path) -> None:
    from isocortex.pipeline.events import StepEvent
    from isocortex.pipeline.runner import Runner

    run = Runner(ic.check(path), tmp_path / "out").event
    left = TimeLeft(run)
    assert left.seconds() is None
    step = {name: StepEvent(name, name, {}, "value", tmp_path, seconds=4.0) for name in ("one", "last")}
    left.done(step["one"])
    assert left.seconds() == 12.0
    left.done(StepEvent("one", "one", {}, "value", tmp_path))  # failed: nothing is learnt, one less to do
    assert left.seconds() == 8.0
    run.skipped.append("all")
    assert left.seconds() == 4.0
    run.workers = 4
    assert left.seconds() == 4.0, "one instance does not end sooner because there are four workers"
    left.done(step["last"])
    assert left.seconds() == 0.0


def test_clock() -> None:
    assert [clock(seconds) for seconds in (0.04, 59.9, 61, 3600, 90061)] == [
        "0.0 s",
        "59.9 s",
        "1 min 01 s",
        "1 h 00 min",
        "25 h 01 min",
    ]
