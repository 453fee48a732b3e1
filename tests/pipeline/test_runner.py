"""Failing and misbehaving steps: the others run, nothing half-written stays, a rerun does what is left."""

from __future__ import annotations

import os
import random
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tiny import leftovers, run_record, statuses, write_tiny

import isocortex as ic
from isocortex.cli import main
from isocortex.errors import StepFailed

FLAKY = '''
def flaky(axes: ic.AxisValues, file: ic.InputFile) -> ic.Table:
    """Fails for the subjects in a file that is not in the key."""
    _log(f"flaky {axes}")
    if axes["subject"] in Path(os.environ["ISOCORTEX_TEST_BAD"]).read_text().split():
        raise ValueError("no good")
    return ic.Table({"x": [1]})

def after(table: ic.Table, axes: ic.AxisValues) -> ic.Table:
    """Follows."""
    _log(f"after {axes}")
    return table

def everything(tables: ic.Collected[ic.Table]) -> ic.Table:
    """Follows all."""
    _log("everything")
    return ic.Table({"n": [len(tables)]})
'''
FLAKY_PIPELINE = """
axes: {subject: [S1, S2, S3]}
steps:
  flaky: {use: flaky, with: {file: tiny.yaml}, over: subject}
  after: {use: after, from: flaky, over: subject}
  all: {use: everything, from: after}
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failed_step_stops_only_what_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    path = write_tiny(tmp_path / "study", FLAKY, FLAKY_PIPELINE)
    out, log, bad = tmp_path / "out", tmp_path / "log", tmp_path / "bad"
    monkeypatch.setenv("ISOCORTEX_TEST_LOG", str(log))
    monkeypatch.setenv("ISOCORTEX_TEST_BAD", str(bad))
    bad.write_text("S2")
    with pytest.raises(StepFailed, match=r"flaky\[subject=S2\]: ValueError: no good \(steps.py:\d+\)"):
        ic.run(path, out, workers=workers)
    assert statuses(out) == {
        **{f"{step}[subject=S{n}]": "done" for step in ("flaky", "after") for n in (1, 3)},
        "flaky[subject=S2]": "failed",
        "after[subject=S2]": "skipped",
        "all": "skipped",
    }
    assert "in flaky\n    raise ValueError" in run_record(out)["steps"]["flaky[subject=S2]"]["traceback"]
    assert not (out / "flaky" / "subject=S2").exists()
    assert leftovers(out) == []
    log.write_text("")
    bad.write_text("")
    run = ic.run(path, out)
    assert sorted(log.read_text().split("\n")[:-1]) == ["after subject=S2", "everything", "flaky subject=S2"]
    assert run["all"]["n"].tolist() == [3]


def test_the_command_line_ends_with_1_and_says_what_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tiny(tmp_path, FLAKY, FLAKY_PIPELINE)
    monkeypatch.setenv("ISOCORTEX_TEST_BAD", str(path))  # a file that names no subject alone
    path.write_text(path.read_text() + "# S1\n")
    result = CliRunner().invoke(main, ["run", str(path), "--out", str(tmp_path / "out"), "--quiet"])
    assert result.exit_code == 1
    assert "flaky[subject=S1]: ValueError: no good" in result.stderr
    assert "Traceback" not in result.output


def test_an_old_result_stays_until_a_new_one_is_there_but_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tiny(tmp_path, FLAKY, FLAKY_PIPELINE)
    bad, out = tmp_path / "bad", tmp_path / "out"
    monkeypatch.setenv("ISOCORTEX_TEST_BAD", str(bad))
    bad.write_text("")
    ic.run(path, out)
    assert "1 of 1" in (out / "report.html").read_text()
    path.write_text(path.read_text() + "# another file, another key\n")
    bad.write_text("S1")
    with pytest.raises(StepFailed):
        ic.run(path, out)
    assert (out / "all" / "table.tsv").exists()
    page = (out / "report.html").read_text()
    assert "1 of 1" not in page, "a result of an earlier run is shown as if it were this one's"
    assert page.count("2 of 3") == 2


BAD = '''
class _Silent(ic.IsocortexError):
    """Says nothing."""

class _Mute(Exception):
    """Cannot even be shown, nor be sent to another process."""

    def __init__(self, first, second):
        self.lock = __import__("threading").Lock()

    def __str__(self):
        raise RuntimeError("no")

class _Pair(__import__("typing").NamedTuple):
    """Two."""

    one: ic.Table
    two: ic.Table

def bad(kind: str) -> ic.Table:
    """Fails in many ways."""
    if kind == "silent":
        raise _Silent()
    if kind == "mute":
        raise _Mute(1, 2)
    if kind == "exit":
        sys.exit(3)
    if kind == "base":
        raise BaseException("odd")
    if kind == "none":
        return None
    if kind == "array":
        return np.ones(3)
    if kind == "surrogate":
        raise ValueError("caf\\udce9")
    if kind == "deep":
        return bad_deep()

def bad_deep() -> ic.Table:
    """No end."""
    return bad_deep()

def pair(kind: str) -> _Pair:
    """Two tables, or not."""
    return ([1, 2], None, np.ones(3), (ic.Table({"a": [1]}), 3))[int(kind)]

def good() -> ic.Table:
    """Works."""
    return ic.Table({"x": [1]})
'''


@pytest.mark.parametrize("workers", [1, 2])
def test_every_way_to_fail_is_the_steps_own_failure(tmp_path: Path, workers: int) -> None:
    kinds = ["silent", "mute", "exit", "base", "none", "array", "surrogate", "deep"]
    path = write_tiny(
        tmp_path,
        BAD,
        f"""
axes: {{kind: [{", ".join(kinds)}], number: ["0", "1", "2", "3"]}}
steps:
  bad: {{use: bad, with: {{kind: $kind}}, over: kind}}
  pair: {{use: pair, with: {{kind: $number}}, over: number}}
  good: {{use: good}}
""",
    )
    with pytest.raises(StepFailed) as caught:
        ic.run(path, tmp_path / "out", workers=workers)
    found = statuses(tmp_path / "out")
    assert found.pop("good") == "done"
    assert set(found.values()) == {"failed"}
    text = str(caught.value)
    for part in (
        "bad[kind=silent]: _Silent",
        "bad[kind=mute]: _Mute: (its _Mute cannot be shown)",
        "bad[kind=exit]: SystemExit: 3",
        "bad[kind=base]: BaseException: odd",
        "the step 'bad' announces Table as 'result' but returned NoneType",
        "the step 'bad' announces Table as 'result' but returned ndarray",
        "caf\\udce9",
        "bad[kind=deep]: RecursionError",
        "announces Table as 'one' but returned list",
        "announces Table as 'one' but returned NoneType",
        "announces Table as 'one' but returned ndarray",
        "announces Table as 'one' but returned tuple",
    ):
        assert part in text
    assert leftovers(tmp_path / "out") == []


MESSY = '''
def messy(axes: ic.AxisValues) -> ic.Table:
    """Changes all around itself."""
    os.chdir("/")
    os.environ["ISOCORTEX_MESS"] = "1"
    del os.environ["ISOCORTEX_KEPT"]
    np.seterr(all="raise")
    warnings.simplefilter("error")
    sys.stdout = sys.stderr = None
    return ic.Table({"x": [1]})

def tidy(first: ic.Collected[ic.Table]) -> ic.Table:
    """Sees nothing of it."""
    import random
    assert "ISOCORTEX_MESS" not in os.environ and os.environ["ISOCORTEX_KEPT"] == "yes"
    print("heard")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.ones(1) / np.zeros(1)
    warnings.warn("seen")
    return ic.Table({"here": [os.getcwd()], "draw": [random.random()], "draw2": [np.random.rand()]})
'''
MESSY_PIPELINE = """
axes: {subject: [S1, S2, S3]}
steps:
  messy: {use: messy, over: subject}
  tidy: {use: tidy, from: messy}
"""


def test_what_a_step_changes_around_itself_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_tiny(tmp_path, MESSY, MESSY_PIPELINE)
    monkeypatch.setenv("ISOCORTEX_KEPT", "yes")
    before = (os.getcwd(), dict(os.environ), np.geterr(), warnings.filters[:], random.getstate())  # noqa: PTH109
    tables = []
    for workers in (1, 2):
        run = ic.run(path, tmp_path / f"out{workers}", workers=workers)
        tables.append(run["tidy"].rows())
        assert run.event.plan is not None
        assert "heard" in capfd.readouterr().out
        assert run_record(run.folder)["steps"]["tidy"]["warnings"] == ["seen"]
    assert tables[0] == tables[1], "also what draws from the global generators is the same in every process"
    assert tables[0][0]["here"] == str(Path.cwd())
    after = (os.getcwd(), dict(os.environ), np.geterr(), warnings.filters[:], random.getstate())  # noqa: PTH109
    assert after == before
    assert sys.stdout is not None


def test_many_warnings_are_kept_once_and_cut(tmp_path: Path) -> None:
    path = write_tiny(
        tmp_path,
        '''
def noisy() -> ic.Table:
    """Warns a lot."""
    for number in range(1000):
        warnings.warn("the same")
        warnings.warn(f"voxel {number}")
        warnings.warn("old", DeprecationWarning)
    return ic.Table({"x": [1]})
''',
        "steps: {noisy: {use: noisy}}\n",
    )
    ic.run(path, tmp_path / "out")
    texts = run_record(tmp_path / "out")["steps"]["noisy"]["warnings"]
    assert texts[:3] == ["the same", "voxel 0", "voxel 1"]
    assert len(texts) == 101
    assert texts[-1] == "and 901 more"


CHANGING = '''
def reader(file: ic.InputFile, folder: ic.InputFolder) -> ic.Table:
    """Somebody writes while this reads."""
    text = file.read_text()
    target = Path(os.environ["ISOCORTEX_TEST_CHANGE"])
    if target.name != "nothing":
        target.write_text(target.read_text() + " " if target.exists() else "new")
    return ic.Table({"text": [text]})
'''


@pytest.mark.parametrize("what", ["input.txt", "folder/inner/a.txt", "folder/b.txt", "steps.py"])
def test_a_result_whose_input_or_code_changed_meanwhile_is_not_reused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    (tmp_path / "folder" / "inner" / "a.txt").write_text("a")
    (tmp_path / "input.txt").write_text("before")
    path = write_tiny(
        tmp_path, CHANGING, "steps: {reader: {use: reader, with: {file: input.txt, folder: folder}}}\n"
    )
    monkeypatch.setenv("ISOCORTEX_TEST_CHANGE", str(tmp_path / what))
    ic.run(path, tmp_path / "out")
    (warning,) = run_record(tmp_path / "out")["steps"]["reader"]["warnings"]
    assert warning.startswith("changed while this ran") and what.partition("/")[0] in warning
    monkeypatch.setenv("ISOCORTEX_TEST_CHANGE", str(tmp_path / "nothing"))
    assert ic.run(path, tmp_path / "out").reused == []
    assert ic.run(path, tmp_path / "out").reused == ["reader"]


def test_a_component_that_a_step_gets_by_itself_is_in_no_key(tmp_path: Path) -> None:
    path = write_tiny(
        tmp_path,
        '''
def gets() -> ic.Table:
    """Asks for a metric."""
    return ic.Table({"x": ic.get("rdm_metric", "correlation")(np.eye(3))})

def plain(table: ic.Table) -> ic.Table:
    """Does not."""
    return table
''',
        "steps:\n  gets: {use: gets}\n  plain: {use: plain, from: gets}\n",
    )
    for expected in ([], ["plain"]):
        assert ic.run(path, tmp_path / "out").reused == expected
    assert run_record(tmp_path / "out")["steps"]["gets"]["warnings"] == [
        "asked isocortex.get for rdm_metric 'correlation': let it be a setting, annotated with its contract; "
        "so the result will not be used again"
    ]


def test_an_input_file_that_vanishes_before_its_step_fails_that_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tiny(
        tmp_path,
        '''
def remover() -> ic.Table:
    """Removes the other's input."""
    Path(os.environ["ISOCORTEX_TEST_CHANGE"]).unlink()
    return ic.Table({"x": [1]})

def reader(table: ic.Table, file: ic.InputFile) -> ic.Table:
    """Reads."""
    return table
''',
        "steps:\n  remover: {use: remover}\n  reader: {use: reader, from: remover, with: {file: f.txt}}\n",
    )
    (tmp_path / "f.txt").write_text("x")
    monkeypatch.setenv("ISOCORTEX_TEST_CHANGE", str(tmp_path / "f.txt"))
    with pytest.raises(StepFailed, match=r"reader: an input file cannot be read: .*f.txt"):
        ic.run(path, tmp_path / "out")
    assert statuses(tmp_path / "out") == {"remover": "done", "reader": "failed"}


def test_keyboard_interrupt_leaves_a_run_that_goes_on(tmp_path: Path) -> None:
    path = write_tiny(
        tmp_path,
        '''
def one() -> ic.Table:
    """First."""
    return ic.Table({"x": [1]})

def two(table: ic.Table) -> ic.Table:
    """Ctrl-C comes."""
    if not Path(__file__).with_name("go").exists():
        raise KeyboardInterrupt
    return table
''',
        "steps:\n  one: {use: one}\n  two: {use: two, from: one}\n  three: {use: two, from: two}\n",
    )
    with pytest.raises(KeyboardInterrupt):
        ic.run(path, tmp_path / "out")
    assert run_record(tmp_path / "out")["status"] == "interrupted"
    assert statuses(tmp_path / "out") == {"one": "done"}
    assert leftovers(tmp_path / "out") == []
    result = CliRunner().invoke(main, ["run", str(path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 1 and "The same command goes on from here" in result.stderr
    (tmp_path / "go").touch()
    assert ic.run(path, tmp_path / "out").reused == ["one"]
    assert run_record(tmp_path / "out")["status"] == "done"
