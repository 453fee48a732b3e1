"""Worker processes that die, are interrupted or are left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny import leftovers, statuses, write_tiny

import isocortex as ic
from isocortex.errors import StepFailed

DEADLY = '''
import signal
import time

def deadly(axes: ic.AxisValues, pause: float = 0.0) -> ic.Table:
    """Kills its process for the subjects that a file names."""
    time.sleep(pause)
    _log(f"{axes['subject']} {os.getpid()}")
    names = Path(os.environ["ISOCORTEX_TEST_BAD"]).read_text().split()
    if axes["subject"] in names:
        if axes["subject"].endswith("1"):
            os._exit(3)
        os.kill(os.getpid(), signal.SIGKILL)
    if axes["subject"] + "-once" in names:
        Path(os.environ["ISOCORTEX_TEST_BAD"]).write_text("")
        os._exit(3)
    return ic.Table({"x": [1]})

def after(table: ic.Table) -> ic.Table:
    """Follows."""
    return table
'''
DEADLY_PIPELINE = """
parameters: {pause: 0.0}
axes: {subject: [S1, S2, S3, S4, S5]}
steps:
  deadly: {use: deadly, with: {pause: $pause}, over: subject}
  after: {use: after, from: deadly, over: subject}
"""


@pytest.fixture
def bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that names the subjects whose worker is to die."""
    monkeypatch.setenv("ISOCORTEX_TEST_BAD", str(tmp_path / "bad"))
    monkeypatch.setenv("ISOCORTEX_TEST_LOG", str(tmp_path / "log"))
    (tmp_path / "bad").write_text("")
    (tmp_path / "log").write_text("")
    return tmp_path / "bad"


def test_a_worker_that_dies_fails_its_instance_alone(tmp_path: Path, bad: Path) -> None:
    path, out = write_tiny(tmp_path / "study", DEADLY, DEADLY_PIPELINE), tmp_path / "out"
    bad.write_text("S1 S4")
    with pytest.raises(StepFailed) as caught:
        ic.run(path, out, workers=2)
    assert str(caught.value).splitlines() == [
        f"deadly[subject={name}]: its worker process died, and again when it ran alone "
        "(killed, or out of memory?)"
        for name in ("S1", "S4")
    ]
    assert {key for key, status in statuses(out).items() if status == "done"} == {
        f"{step}[subject={name}]" for step in ("deadly", "after") for name in ("S2", "S3", "S5")
    }
    assert leftovers(out) == []
    tries = [line.split()[0] for line in (tmp_path / "log").read_text().splitlines()]
    assert (tries.count("S1"), tries.count("S4")) == (2, 2), "given up after the second time"


def test_a_worker_that_dies_once_costs_nothing(tmp_path: Path, bad: Path) -> None:
    path = write_tiny(tmp_path / "study", DEADLY, DEADLY_PIPELINE)
    bad.write_text("S3-once")
    run = ic.run(path, tmp_path / "out", workers=2)
    assert len(run["after"]) == 5


def test_an_idle_worker_that_was_killed_is_replaced(tmp_path: Path) -> None:
    from isocortex.pipeline.executors import Workers
    from isocortex.plugins.manager import PluginManager

    workers = Workers(1, PluginManager())
    try:
        first = workers.submit(os.getpid).result()
        os.kill(first, signal.SIGKILL)
        while os.path.exists(f"/proc/{first}"):  # noqa: PTH110
            time.sleep(0.05)
        time.sleep(0.2)
        assert workers.submit(os.getpid).result() != first
    finally:
        workers.kill()


def test_no_more_begin_than_there_are_workers(tmp_path: Path, bad: Path) -> None:
    class Watch:
        under_way = most = 0

        @ic.hookimpl
        def step_started(self, step: object) -> None:
            self.under_way += 1
            self.most = max(self.most, self.under_way)

        @ic.hookimpl
        def step_finished(self, step: object) -> None:
            self.under_way -= 1

    watch = Watch()
    path = write_tiny(tmp_path / "study", DEADLY, DEADLY_PIPELINE)
    ic.run(path, tmp_path / "out", workers=2, plugins=[watch])
    assert (watch.most, watch.under_way) == (2, 0)


def command(path: Path, out: Path, pause: float) -> list[str]:
    """A run with two workers."""
    base = [sys.executable, "-m", "isocortex.cli", "run", str(path), "--out", str(out)]
    return [*base, "--workers", "2", "--set", f"pause={pause}"]


def begun(log: Path, count: int, process: subprocess.Popen[str]) -> list[int]:
    """Wait until some instances have logged; gives the worker processes' ids."""
    for _ in range(1200):
        lines = log.read_text().splitlines()
        if len(lines) >= count:
            return sorted({int(line.split()[1]) for line in lines})
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError("nothing has begun")


def alive(process: int) -> bool:
    """Whether a process runs (a dead one that nobody has asked after does not)."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(processes: list[int], within: float) -> bool:
    """Wait for processes to end."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        if not any(alive(process) for process in processes):
            return True
        time.sleep(0.05)
    return False


linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")


@pytest.mark.slow
@linux
def test_workers_end_with_a_killed_parent_and_write_nothing_more(tmp_path: Path, bad: Path) -> None:
    path, out = write_tiny(tmp_path / "study", DEADLY, DEADLY_PIPELINE), tmp_path / "out"
    process = subprocess.Popen(command(path, out, 0.3), stderr=subprocess.PIPE, text=True)
    workers = begun(tmp_path / "log", 2, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert gone(workers, 3.0), "workers outlive the run"
    count = len(list(out.rglob("step.json")))
    time.sleep(0.5)
    assert len(list(out.rglob("step.json"))) == count
    assert json.loads((out / "run.json").read_text())["status"] == "running"
    run = ic.run(path, out, set={"pause": 0.3})
    assert len(run.reused) >= count - 1  # one may have lain aside, whole
    assert leftovers(out) == []


@linux
def test_ctrl_c_ends_the_workers_without_noise(tmp_path: Path, bad: Path) -> None:
    path, out = write_tiny(tmp_path / "study", DEADLY, DEADLY_PIPELINE), tmp_path / "out"
    process = subprocess.Popen(
        command(path, out, 0.4), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    workers = begun(tmp_path / "log", 2, process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "Stopped. The same command goes on from here." in said
    assert "Traceback" not in said
    assert gone(workers, 1.0)
    assert json.loads((out / "run.json").read_text())["status"] == "interrupted"
    assert leftovers(out) == []


@pytest.mark.slow
def test_a_script_without_main_guard_is_told_so(tmp_path: Path, bad: Path) -> None:
    path = write_tiny(tmp_path / "study", DEADLY, DEADLY_PIPELINE)
    script = tmp_path / "script.py"
    script.write_text(
        f"import isocortex as ic\nic.run({str(path)!r}, {str(tmp_path / 'out')!r}, workers=2)\n"
    )
    found = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert found.returncode == 1
    assert found.stderr.rstrip().endswith(
        "IsocortexError: worker processes die as soon as they start; in a script of your own, call "
        "isocortex.run under if __name__ == '__main__': (each worker reads the script too), or leave "
        "workers out"
    )


def test_a_worker_that_cannot_load_a_plugin_says_so(tmp_path: Path, bad: Path) -> None:
    class Spoil:
        @ic.hookimpl
        def run_started(self, run: object) -> None:
            (tmp_path / "study" / "steps.py").write_text("import isocortex as ic\nraise OSError('spoilt')\n")

    path = write_tiny(tmp_path / "study", DEADLY, DEADLY_PIPELINE)
    with pytest.raises(StepFailed, match=r"a worker process cannot load the plugins: .*steps.py:2: .*spoilt"):
        ic.run(path, tmp_path / "out", workers=2, plugins=[Spoil()])


@pytest.mark.slow
def test_workers_with_code_that_was_edited_meanwhile_give_nothing_to_reuse(tmp_path: Path, bad: Path) -> None:
    class Edit:
        @ic.hookimpl
        def run_started(self, run: object) -> None:
            file = tmp_path / "study" / "steps.py"
            file.write_text(file.read_text().replace('{"x": [1]}', '{"x": [2]}'))

    path = write_tiny(tmp_path / "study", DEADLY, DEADLY_PIPELINE)
    ic.run(path, tmp_path / "out", workers=2, plugins=[Edit()])
    path = write_tiny(tmp_path / "study", DEADLY, DEADLY_PIPELINE)  # and edited back
    run = ic.run(path, tmp_path / "out")
    assert run.reused == []
    assert run["deadly"]["S1"]["x"].tolist() == [1]
