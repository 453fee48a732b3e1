"""Faults under and between real runs: nothing is lost, nothing wrong is kept, the next run finishes."""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

from small_study import results
from stress import IN_RUN, KINDS, Stress
from stress_faults import BETWEEN, DAY, flip, tamper
from stress_kit import References, Server, Verdict, fresh, judge, server
from stress_study import INSTANCES
from tiny import write_tiny

import isocortex as ic
from isocortex.errors import IsocortexError, StepFailed
from isocortex.pipeline import part_tasks, store
from isocortex.pipeline.seal import SMALL
from isocortex.pipeline.store import Store

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="runs are forked here")

TARGET = (0, 0)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Where runs are forked from."""
    with server(tmp_path_factory.mktemp("server")) as made:
        yield made


@pytest.fixture(scope="module")
def references(asked: Server) -> References:
    """What runs without faults come to."""
    made = References(asked, asked.folder)
    assert len(made.of(TARGET)) > 2 * INSTANCES
    return made


FAULTS: dict[str, tuple[dict[str, Any], set[int]]] = {
    "power is cut": ({**IN_RUN["power cut"], "at": 180, "when": "after"}, {-9}),
    "the disk is full from a moment on": ({**IN_RUN["disk full, for good"], "at": 100}, {1}),
    "the disk cannot be read once": ({**IN_RUN["read error"], "at": 60}, {0, 1}),
    "a result is changed": (
        {**IN_RUN["result changed under a run"], "at": 200, "how": "data: bit flipped, time set back"},
        {0, 1},
    ),
    "an input is changed, its size and time are not": (
        {**IN_RUN["input changed under a run"], "at": 260},
        {0},
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_run_under_which(references: References, tmp_path: Path, name: str) -> None:
    fault, codes = FAULTS[name]
    out, note = tmp_path / "out", tmp_path / "note"
    fault = {"seed": 1, "when": "before", "note": str(note), **fault}
    ended = references.server.run(references.study, out, TARGET, fault=fault)
    assert note.exists() and ended.code in codes, ended.text
    promised = ended.finished() if fault["action"] in ("power", "full", "broken") else set()
    verdict = judge(references, out, TARGET, promised, Verdict(ended.code))
    assert (verdict.losses, verdict.differences) == ([], [])


@pytest.mark.parametrize("how", ["data: clock was ahead, then bit flipped", "copied after damage"])
def test_between_runs(references: References, tmp_path: Path, how: str) -> None:
    fresh(references, tmp_path / "out", TARGET)
    tamper(tmp_path / "out", how, random.Random(2))
    assert results(tmp_path / "out") != references.of(TARGET)
    verdict = judge(references, tmp_path / "out", TARGET, set(), Verdict(None))
    assert (verdict.losses, verdict.differences) == ([], [])


STEPS = '''
def made() -> ic.Patterns:
    """More bytes than are always read."""
    return ic.Patterns(np.ones((2, 80_000)), ("a", "b"))

def read(patterns: ic.Patterns) -> ic.Table:
    """Mean; between reading and being done something may happen."""
    mean = float(np.asarray(patterns.values).mean())
    _happens = os.environ.get("ISOCORTEX_TEST_HAPPENS")
    if _happens:
        exec(_happens)
    return ic.Table({"mean": [mean]})
'''
PIPELINE = "steps:\n  made: {use: made}\n  read: {use: read, from: made}\n"


class Change:
    """Changes a result as soon as it is finished."""

    @ic.hookimpl
    def step_finished(self, step: Any) -> None:
        if step.name == "made":
            flip(step.folder / "values.npy", random.Random(0))


def test_a_result_that_is_changed_before_it_is_read(tmp_path: Path) -> None:
    path, out = write_tiny(tmp_path / "s", STEPS, PIPELINE), tmp_path / "out"
    with pytest.raises(StepFailed, match=r"values\.npy: somebody changed this result under the run"):
        ic.run(path, out, plugins=[Change()])
    run = ic.run(path, out)
    assert (run.reused, run["read"]["mean"].tolist()) == ([], [1.0])


@pytest.mark.parametrize(
    "happens", ["path.write_bytes(path.read_bytes()[:-1] + b'x')", "path.unlink()", "path.touch()"]
)
def test_a_result_that_is_changed_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, happens: str
) -> None:
    path, out = write_tiny(tmp_path / "s", STEPS, PIPELINE), tmp_path / "out"
    file = out / "made" / "values.npy"
    monkeypatch.setenv("ISOCORTEX_TEST_HAPPENS", f"path = Path({str(file)!r}); {happens}")
    with pytest.raises(StepFailed, match="somebody changed this result under the run"):
        ic.run(path, out)
    monkeypatch.delenv("ISOCORTEX_TEST_HAPPENS")
    assert ic.run(path, out)["read"]["mean"].tolist() == [1.0]


def test_a_second_name_of_a_file_is_no_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, out = write_tiny(tmp_path / "s", STEPS, PIPELINE), tmp_path / "out"
    file = out / "made" / "values.npy"
    monkeypatch.setenv("ISOCORTEX_TEST_HAPPENS", f"os.link({str(file)!r}, {str(tmp_path / 'second')!r})")
    assert ic.run(path, out)["read"]["mean"].tolist() == [1.0]


def test_a_large_file_is_read_again_only_where_its_times_are_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from isocortex.pipeline import seal

    path, out = write_tiny(tmp_path / "s", STEPS, PIPELINE), tmp_path / "out"
    ic.run(path, out)
    assert (out / "made" / "values.npy").stat().st_size > SMALL
    read: list[str] = []
    real = seal.digest_file
    monkeypatch.setattr(seal, "digest_file", lambda file: (read.append(file.name), real(file))[1])
    shutil.copytree(out, tmp_path / "copy", copy_function=shutil.copyfile)
    for folder, expected in ((out, 0), (tmp_path / "copy", 1), (tmp_path / "copy", 0)):
        assert ic.run(path, folder).reused == ["made", "read"]
        assert read.count("values.npy") == expected, "a copy is read once, and what was found is noted"
        read.clear()
    os.utime(out / "made" / "step.json", (2 * DAY, 2 * DAY))
    assert Store(out).find(out / "made") is not None, "the record's own time says nothing"


def test_a_file_that_is_changed_before_its_digest_is_taken(tmp_path: Path) -> None:
    out = Store(tmp_path / "out")
    out.prepare()
    table = ic.Table({"number": [1.0]})
    with store.writing(out.place(out.folder("x", {}))) as new:
        table.save(new)
        store.describe(new, new, table)
        for file in sorted(new.iterdir()):
            table.save(new)
            flip(file, random.Random(0))
            with pytest.raises(IsocortexError, match=rf"{file.name}: changed while it was written"):
                store.describe(new, new, table)
        table.save(new)
        described = store.describe(new, new, table)
        (new / "table.tsv").touch()
        with pytest.raises(IsocortexError, match=r"table\.tsv: changed while it was written"):
            store.commit(new, out.place(out.folder("x", {})), {"outputs": {"result": described}}, {})


PARTS = '''
def made() -> ic.Features:
    """Two samples."""
    return ic.Features({"fc": np.ones((2, 3), "f4")}, ("a", "b"))

def _pieces(features, **rest):
    return [[0, 1], [1, 2]]

def _part(piece, features, file):
    weight = float(file.read_text())
    if os.environ.get("ISOCORTEX_TEST_HAPPENS"):
        file.write_text("3\\n")
    return ic.Part({"values": features.layers["fc"][slice(*piece)] * weight})

def _merge(parts, features, file):
    return ic.Features({"fc": np.concatenate([part.arrays["values"] for part in parts])}, features.stimuli)

@ic.splits(_pieces, _part, _merge)
def scaled(features: ic.Features, file: ic.InputFile) -> ic.Features:
    """Scaled by what a file says."""
    return ic.Features({"fc": features.layers["fc"] * float(file.read_text())}, features.stimuli)
'''


def test_a_part_made_while_its_input_changed_is_not_used_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run ends before it has put its parts together; the input is put back, and the next run begins."""
    from isocortex.pipeline.runner import Runner

    steps = "steps:\n  made: {use: made}\n  scaled: {use: scaled, from: made, with: {file: weight.txt}}\n"
    path, out = write_tiny(tmp_path / "s", PARTS, steps), tmp_path / "out"
    weight = path.parent / "weight.txt"
    weight.write_text("2\n")
    calls: list[str] = []
    for changes in ("yes", ""):
        monkeypatch.setenv("ISOCORTEX_TEST_HAPPENS", changes)
        weight.write_text("2\n")
        plan = ic.check(path)
        runner = Runner(plan, out)
        runner.store.prepare()
        made, scaled = plan.instances.values()
        for instance in (made, scaled):
            folder = runner.store.folder(instance.step, instance.axes)
            record, watched = runner.keys.watched(instance, runner.event.finished)
            task = runner._task(instance, folder, record, watched)
            if instance is scaled:
                begun = part_tasks.begin(task, plan.manager)
                assert isinstance(begun, part_tasks.Pieces)
                for number, piece in enumerate(begun.pieces):
                    outcome = part_tasks.perform_part(task, number, piece, plan.manager)
                    assert outcome.error is None
                    calls.append("computed" if outcome.seconds else "used")
            else:
                future = runner._local.perform(task, instance.step, False, lambda done, total: None)
                assert future.result().error is None
                found = runner.store.find(folder)
                assert found is not None
                runner.event.finished[instance.id] = found.outputs
    assert calls == ["computed"] * 4, "a part of the run before was taken, which had read another file"


def test_every_kind_of_fault_is_drawn() -> None:
    assert {*IN_RUN, "two runs at once", "files changed between runs"} == set(KINDS)
    assert len(set(BETWEEN)) == len(BETWEEN) > 20


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_some_of_every_kind(references: References, tmp_path: Path, kind: str) -> None:
    stress, happened = Stress(references, tmp_path, seed=5), 0
    for _ in range(4):
        verdict, words = stress.strike(kind)
        happened += verdict.happened
        assert (verdict.losses, verdict.differences) == ([], []), words
    assert happened > 0
