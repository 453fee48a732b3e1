"""Two runs in one folder: the second says who holds it, waits, and uses what the first has made."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from tiny import statuses, write_tiny

import isocortex as ic
from isocortex.errors import IsocortexError
from isocortex.pipeline.lock import hold

SLOW = '''
import time

def slow() -> ic.Table:
    """Waits for a file."""
    _log("slow")
    while not Path(os.environ["ISOCORTEX_TEST_GO"]).exists():
        time.sleep(0.02)
    return ic.Table({"x": [1]})
'''


def start(path: Path, out: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "isocortex.cli", "run", str(path), "--out", str(out)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def until(what: object, process: subprocess.Popen[str]) -> None:
    for _ in range(1200):
        if what():  # type: ignore[operator]
            return
        assert process.poll() is None
        time.sleep(0.05)
    raise AssertionError("it takes too long")


def test_the_second_run_waits_and_reuses_and_a_killed_holder_lets_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out, log = (
        write_tiny(tmp_path / "s", SLOW, "steps: {slow: {use: slow}}\n"),
        tmp_path / "out",
        tmp_path / "log",
    )
    monkeypatch.setenv("ISOCORTEX_TEST_LOG", str(log))
    monkeypatch.setenv("ISOCORTEX_TEST_GO", str(tmp_path / "go"))
    killed = start(path, out)
    until(log.exists, killed)
    waiting = start(path, out)
    assert waiting.stderr is not None
    line = waiting.stderr.readline()
    assert line.startswith(f"{out} is held by process {killed.pid} on ")
    assert line.endswith("; waiting until it is done\n")
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    until(lambda: len(log.read_text().split()) == 2, waiting)
    third = start(path, out)
    assert third.stderr is not None
    assert f"process {waiting.pid} " in third.stderr.readline()
    (tmp_path / "go").touch()
    assert (waiting.communicate()[0], waiting.returncode) == (None, 0)
    _, said = third.communicate()
    assert third.returncode == 0, said
    assert statuses(out) == {"slow": "reused"}
    assert log.read_text().split() == ["slow", "slow"]


def test_two_threads_of_one_process_wait_for_each_other(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    order: list[str] = []

    def second() -> None:
        with hold(tmp_path / "out"):
            order.append("second")

    with hold(tmp_path / "out"):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.6)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert f"held by process {os.getpid()} on" in capfd.readouterr().err


@pytest.mark.parametrize("content", ["", "[1]", "{}", "nonsense"])
def test_a_damaged_note_of_who_holds_it_does_no_harm(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], content: str
) -> None:
    thread = threading.Thread(target=lambda: hold(tmp_path / "out").__enter__)
    with hold(tmp_path / "out"):
        (tmp_path / "out" / ".isocortex" / "holder.json").write_text(content)

        def second() -> None:
            with hold(tmp_path / "out"):
                pass

        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.5)
    thread.join()
    assert "held by another run; waiting" in capfd.readouterr().err


def test_errors_inside_are_passed_on_and_the_folder_is_free_again(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), hold(tmp_path / "out"):
        (tmp_path / "nowhere").read_text()
    with pytest.raises(ZeroDivisionError), hold(tmp_path / "out"):
        1 / 0  # noqa: B018
    with hold(tmp_path / "out"):
        assert (
            json.loads((tmp_path / "out" / ".isocortex" / "holder.json").read_text())["process"]
            == os.getpid()
        )


def test_a_folder_that_becomes_unwritable_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(IsocortexError, match=r"out: cannot be written"), hold(tmp_path / "out"):
        pass


def test_a_run_inside_a_hook_of_another_folder_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISOCORTEX_TEST_GO", str(tmp_path))
    path = write_tiny(tmp_path / "s", SLOW, "steps: {slow: {use: slow}}\n")

    class Again:
        @ic.hookimpl
        def step_finished(self, step: object) -> None:
            ic.run(path, tmp_path / "inner")

    ic.run(path, tmp_path / "out", plugins=[Again()])
    assert statuses(tmp_path / "inner") == {"slow": "done"}
