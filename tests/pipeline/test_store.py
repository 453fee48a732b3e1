"""Results on disk: whole or not at all, each in its own place, and nothing is lost on the way."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tiny import leftovers, statuses, write_tiny

import isocortex as ic
from isocortex.errors import IsocortexError, PipelineError, StepFailed
from isocortex.pipeline import store
from isocortex.pipeline.digests import digest_json
from isocortex.pipeline.store import Store

STEPS = '''
def value(number: int, axes: ic.AxisValues) -> ic.Table:
    """One number."""
    return ic.Table({"number": [number], "axes": [repr(axes)]})

def total(tables: ic.Collected[ic.Table]) -> ic.Table:
    """All of them."""
    return ic.Table.stack(dict(tables), "key")
'''


def pipeline(number: int = 1, over: str = "", values: str = "[S1, S2]") -> str:
    axes = f"axes: {{subject: {values}, session: [one, two]}}\n" if over else ""
    end = "\n  other: {use: value, with: {number: 0}, over: [subject, session]}" if over else ""
    return f"{axes}steps:\n  x: {{use: value, with: {{number: {number}}}{over}}}{end}\n"


class Disk:
    """Counts the calls that change a disk, and fails at one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
        self.calls: list[str] = []
        self.fail_at: int | None = None
        self.code = code
        self.on = False
        for owner, name in (
            (os, "fsync"),
            (Path, "mkdir"),
            (Path, "rename"),
            (Path, "open"),
            (Path, "write_text"),
        ):
            monkeypatch.setattr(owner, name, self.wrapped(name, getattr(owner, name)))

    def wrapped(self, name: str, real: Any) -> Any:
        def call(*arguments: Any, **more: Any) -> Any:
            writes = name != "open" or "w" in (arguments[1:2] or [more.get("mode", "r")])[0]
            if self.on and writes:
                self.calls.append(name)
                if len(self.calls) - 1 == self.fail_at:
                    raise OSError(self.code, os.strerror(self.code))
            return real(*arguments, **more)

        return call

    @contextmanager
    def failing(self, at: int | None) -> Iterator[None]:
        self.calls, self.fail_at, self.on = [], at, True
        try:
            yield
        finally:
            self.on = False


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("before", [True, False], ids=["replacing", "first"])
def test_whatever_write_fails_nothing_half_written_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, before: bool
) -> None:
    """Every mkdir, open, fsync and rename of writing a result fails once."""
    out = Store(tmp_path / "out")
    out.prepare()
    place = out.place(out.folder("x", {"subject": "S1"}))
    disk = Disk(monkeypatch, code)

    def write(key: str) -> None:
        with store.writing(place) as new:
            table = ic.Table({"number": [1]})
            table.save(new)
            record = {"format": store.FORMAT, "what": key}
            record |= {"key": digest_json(record), "warnings": []}
            described = {"result": store.describe(new, new, table)}
            store.commit(new, place, {**record, "outputs": described}, {"seconds": 1.0})

    def found() -> str | None:
        result = out.find(place.final)
        return None if result is None else result.record["what"]

    write("old")
    with disk.failing(None):
        write("new")
    calls = disk.calls
    assert {"fsync", "mkdir", "rename", "open", "write_text"} <= set(calls)
    for at in range(len(calls)):
        shutil.rmtree(place.final, ignore_errors=True)
        if before:
            write("old")
        with disk.failing(at):
            try:
                write("new")
            except OSError:
                assert found() == ("old" if before else None), f"call {at}, {calls[at]}"
            else:
                assert found() == "new"
        assert leftovers(out.out) == []
    write("again")
    assert found() == "again"


def test_a_full_disk_is_said_in_words_and_the_rest_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ic.Table.save

    def save(self: ic.Table, folder: Path) -> None:
        if self["number"][0] == 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(self, folder)

    path = write_tiny(
        tmp_path, STEPS, "steps: {x: {use: value, with: {number: 1}}, y: {use: value, with: {number: 2}}}\n"
    )
    with monkeypatch.context() as patch:
        patch.setattr(ic.Table, "save", save)
        with pytest.raises(StepFailed, match=r"x: the disk is full .*; make room and run the same command"):
            ic.run(path, tmp_path / "out")
    assert statuses(tmp_path / "out") == {"x": "failed", "y": "done"}
    assert ic.run(path, tmp_path / "out").reused == ["y"]


@pytest.mark.parametrize("moment", ["before the old one goes", "between the moves", "after both"])
def test_a_kill_while_results_are_exchanged_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    path = write_tiny(tmp_path, STEPS, pipeline(1))
    out = tmp_path / "out"
    ic.run(path, out)
    kept = tmp_path / "kept"

    class Killed(BaseException):
        """As if by kill -9: nothing is cleaned up."""

    real_rename, real_rmtree, count = Path.rename, shutil.rmtree, 0
    stop = {"before the old one goes": 0, "between the moves": 1, "after both": 2}[moment]

    def rename(self: Path, target: Any) -> Any:
        nonlocal count
        if count == stop and stop < 2 and not kept.exists():
            shutil.copytree(out, kept)
            raise Killed
        count += 1
        return real_rename(self, target)

    def rmtree(*arguments: Any, **more: Any) -> None:
        if not kept.exists() and count == 2:
            shutil.copytree(out, kept)
        real_rmtree(*arguments, **more)

    path.write_text(path.read_text().replace("number: 1", "number: 2"))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", rename)
        patch.setattr(shutil, "rmtree", rmtree)
        with suppress(StepFailed):
            ic.run(path, out)
    run = ic.run(path, kept)
    assert run["x"]["number"].tolist() == [2]
    assert run.reused == (["x"] if stop > 0 else [])
    assert leftovers(kept) == []


def test_leftovers_of_a_killed_run_are_swept_and_whole_ones_used(tmp_path: Path) -> None:
    path, out = write_tiny(tmp_path, STEPS, pipeline(1, ", over: subject")), tmp_path / "out"
    ic.run(path, out)
    private = out / ".isocortex"
    (out / "x" / "subject=S1").rename(private / "new-whole")
    half = private / "new-half"
    (out / "x" / "subject=S2").rename(half)
    (half / "step.json").write_text((half / "step.json").read_text()[:-40])
    (private / "new-begun").mkdir()
    (private / "new-begun" / "table.tsv").write_text("x")
    run = ic.run(path, out)
    assert sorted(set(run.event.instances) - set(run.reused)) == ["x[subject=S2]"]
    assert leftovers(out) == []


@pytest.mark.parametrize("over", [", over: subject", ", over: [subject, session]"])
def test_from_no_axes_to_axes_and_back_in_one_folder(tmp_path: Path, over: str) -> None:
    path, out = write_tiny(tmp_path, STEPS, pipeline(1)), tmp_path / "out"
    assert ic.run(path, out)["x"]["axes"].tolist() == ["no axes"]
    path = write_tiny(tmp_path, STEPS, pipeline(1, over))
    run = ic.run(path, out)
    assert run.reused == [], "what was made without axes is not taken for what is made along them"
    count = len(run["x"])
    path = write_tiny(tmp_path, STEPS, pipeline(1))
    run = ic.run(path, out)
    assert run.reused == ["x"]
    path = write_tiny(tmp_path, STEPS, pipeline(2))
    run = ic.run(path, out)
    assert (run.reused, run["x"]["number"].tolist()) == ([], [2])
    path = write_tiny(tmp_path, STEPS, pipeline(1, over))
    run = ic.run(path, out)
    assert len([key for key in run.reused if key.startswith("x")]) == count, "replacing x lost x along axes"
    assert run["x"][next(iter(run["x"]))]["number"].tolist() == [1]


def test_from_one_axis_to_two_and_back(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for over in (", over: subject", ", over: [subject, session]", ", over: [session, subject]"):
        run = ic.run(write_tiny(tmp_path, STEPS, pipeline(1, over)), out)
        assert not [key for key in run.reused if key.startswith("x")]
        for key, table in run["x"].items():
            assert table["axes"].tolist() == [
                ",".join(f"{axis}={value}" for axis, value in run["x"].values_of(key).items())
            ]
    for over in (", over: [subject, session]", ", over: subject"):
        run = ic.run(write_tiny(tmp_path, STEPS, pipeline(1, over)), out)
        assert set(run.event.instances) == set(run.reused)


NASTY = [
    "../../up",
    "..",
    ".",
    "a/b",
    "a\\b",
    "a%2Fb",
    "/etc",
    "ünï",
    "u\u0308",
    "ü",
    " lead",
    "trail ",
    "dot.",
    ".hidden",
    "step.json",
    "con",
    "x" * 300,
    "x" * 299 + "y",
    "a=b",
    "a:b*c?",
    "new\nline",
    "日本語" * 40,
    "*",
]


def test_axis_values_of_any_text_stay_apart_and_inside(tmp_path: Path) -> None:
    path = write_tiny(
        tmp_path,
        STEPS,
        f"""
axes: {{word: {json.dumps(NASTY)}}}
steps:
  x: {{use: value, with: {{number: 1}}, over: word}}
  all: {{use: total, from: x}}
""",
    )
    before = set(tmp_path.rglob("*"))
    run = ic.run(path, tmp_path / "out")
    assert run["all"]["axes"].tolist() == [f"word={word}" for word in NASTY]
    new = set(tmp_path.rglob("*")) - before
    assert all((tmp_path / "out") in (file, *file.parents) for file in new if "__pycache__" not in file.parts)
    folders = [folder.name.lower() for folder in (tmp_path / "out" / "x").iterdir()]
    assert len(set(folders)) == len(NASTY)
    assert max(map(len, folders)) < 200
    assert ic.run(path, tmp_path / "out").reused == list(run.event.instances)


def test_axis_values_that_differ_in_case_only_are_refused(tmp_path: Path) -> None:
    path = write_tiny(tmp_path, STEPS, pipeline(1, ", over: subject", "[s1, S1]"))
    with pytest.raises(PipelineError, match="'s1' and 'S1' differ in case only"):
        ic.check(path)


@pytest.mark.parametrize("name", ["report", "run", "step", "timing", "isocortex", "new-x", "con"])
def test_steps_may_have_names_like_the_frameworks_files(tmp_path: Path, name: str) -> None:
    path = write_tiny(tmp_path, STEPS, f"steps:\n  {name}: {{use: value, with: {{number: 1}}}}\n")
    ic.run(path, tmp_path / "out")
    assert ic.run(path, tmp_path / "out").reused == [name]
    assert (tmp_path / "out" / "report.html").is_file()


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    path = write_tiny(tmp_path, STEPS, pipeline(1))
    (tmp_path / "file").write_text("x")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(IsocortexError, match=r"cannot be written .*; choose another folder with --out"):
            ic.run(path, out)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_one_sentence(tmp_path: Path) -> None:
    path = write_tiny(tmp_path, STEPS, pipeline(1))
    (tmp_path / "out").mkdir(mode=0o500)
    with pytest.raises(IsocortexError, match="cannot be written"):
        ic.run(path, tmp_path / "out")


DAMAGE: list[Any] = [
    lambda record: None,
    lambda record: [],
    lambda record: {**record, "format": 0},
    lambda record: {**record, "warnings": None},
    lambda record: {**record, "warnings": [1]},
    lambda record: {key: value for key, value in record.items() if key != "warnings"},
    lambda record: {**record, "outputs": []},
    lambda record: {**record, "outputs": {"result": {}}},
    lambda record: {**record, "outputs": {"result": {**record["outputs"]["result"], "files": {"a": {}}}}},
    lambda record: {**record, "outputs": {"result": {**record["outputs"]["result"], "files": {"a": 3}}}},
]


@pytest.mark.parametrize("number", range(len(DAMAGE)))
def test_a_record_of_any_form_never_stops_a_run(tmp_path: Path, number: int) -> None:
    path, out = write_tiny(tmp_path, STEPS, pipeline(1)), tmp_path / "out"
    ic.run(path, out)
    file = out / "x" / "step.json"
    file.write_text(json.dumps(DAMAGE[number](json.loads(file.read_text()))))
    assert ic.run(path, out).reused == []
    assert ic.run(path, out).reused == ["x"]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"{", b"[" * 100_000])
def test_a_record_of_any_bytes_never_stops_a_run(tmp_path: Path, content: bytes) -> None:
    path, out = write_tiny(tmp_path, STEPS, pipeline(1)), tmp_path / "out"
    ic.run(path, out)
    (out / "x" / "step.json").write_bytes(content)
    assert ic.run(path, out).reused == []


def test_a_worker_of_a_run_that_is_over_cannot_write(tmp_path: Path) -> None:
    old, new = Store(tmp_path / "out"), Store(tmp_path / "out")
    old.prepare()
    place = old.place(old.folder("x", {}))
    with pytest.raises(IsocortexError, match="another run has taken over"), store.writing(place) as folder:
        new.prepare()
        folder.mkdir(exist_ok=True)  # it was swept
        store.commit(folder, place, {}, {})
    assert not place.final.exists()
    assert leftovers(tmp_path / "out") == []


def test_a_data_type_may_not_write_the_frameworks_files(tmp_path: Path) -> None:
    path = write_tiny(
        tmp_path,
        '''
class _Own(ic.Data):
    """Writes what it must not."""

    def save(self, folder):
        (folder / "step.json").write_text("mine")

def own() -> _Own:
    """Makes one."""
    return _Own()
''',
        "steps: {x: {use: own}}\n",
    )
    with pytest.raises(StepFailed, match=r"may not save a file 'step\.json'"):
        ic.run(path, tmp_path / "out")


def test_a_data_type_of_a_plugin_is_forced_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(store, "sync", lambda path: synced.append(path.name))
    path = write_tiny(
        tmp_path,
        '''
class _Own(ic.Data):
    """Writes two files."""

    def save(self, folder):
        (folder / "inner").mkdir()
        (folder / "a.txt").write_text("a")
        (folder / "inner" / "b.txt").write_text("b")

    @classmethod
    def load(cls, folder):
        return cls()

def own() -> _Own:
    """Makes one."""
    return _Own()
''',
        "steps: {x: {use: own}}\n",
    )
    ic.run(path, tmp_path / "out")
    assert {"a.txt", "b.txt", "inner"} <= set(synced)
    assert ic.run(path, tmp_path / "out").reused == ["x"]
