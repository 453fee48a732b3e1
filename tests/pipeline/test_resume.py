"""kill -9 at random moments, then the same command: nothing lost, nothing done twice, the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_study import results, write_study

SUBJECTS = 12


def command(study: Path, out: Path, workers: int) -> list[str]:
    """The command line of a run."""
    pause = ["--set", "pause=0.02"]
    return [
        sys.executable,
        "-m",
        "isocortex.cli",
        "run",
        str(study),
        "--out",
        str(out),
        "--workers",
        str(workers),
        *pause,
    ]


def finished(out: Path) -> set[str]:
    """Places that hold a finished result."""
    return {
        path.parent.relative_to(out).as_posix()
        for path in out.rglob("step.json")
        if ".isocortex" not in path.parts
    }


def instance(line: str) -> str:
    """The place that a line of the log is about."""
    name, _, axes = line.partition(" ")
    step = {"measure": "raw", "smooth": "smoothed"}.get(name, name)
    return "/".join([step, *axes.split(",")]) if axes else step


def kill_and_resume(tmp_path: Path, kills: int, workers: int, seed: int) -> None:
    study = write_study(tmp_path / "study", SUBJECTS)
    log = tmp_path / "log"
    log.touch()
    environment = {**os.environ, "ISOCORTEX_TEST_LOG": str(log)}
    whole, out = tmp_path / "whole", tmp_path / "out"
    began = time.monotonic()
    subprocess.run(command(study, whole, 1), env=environment, check=True, capture_output=True)
    duration = time.monotonic() - began
    chance = random.Random(seed)
    died = 0
    for _ in range(kills):
        done, lines = finished(out), len(log.read_text().splitlines())
        process = subprocess.Popen(
            command(study, out, workers),
            env=environment,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0.3, 0.75) * duration)
        process.send_signal(signal.SIGKILL)
        died += process.wait() == -signal.SIGKILL
        time.sleep(0.05 if workers == 1 else 0.3)
        again = {instance(line) for line in log.read_text().splitlines()[lines:]} - {"summarise", "weights"}
        assert not again & done, "what was done was done again"
        assert done <= finished(out), "what was done is gone"
    last = subprocess.run(command(study, out, workers), env=environment, capture_output=True, text=True)
    assert last.returncode == 0, last.stderr
    assert results(out) == results(whole)
    assert not [path for path in (out / ".isocortex").iterdir() if path.name.startswith("new-")]
    assert died > 0, "no kill came while the run was under way"


@pytest.mark.slow
def test_two_kills(tmp_path: Path) -> None:
    kill_and_resume(tmp_path, kills=2, workers=1, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_twenty_kills(tmp_path: Path, workers: int) -> None:
    kill_and_resume(tmp_path, kills=20, workers=workers, seed=workers)


def test_two_workers_give_the_same_bytes(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study")
    for workers in (1, 2):
        subprocess.run(command(study, tmp_path / f"out{workers}", workers), check=True, capture_output=True)
    assert results(tmp_path / "out1") == results(tmp_path / "out2")
    assert len(results(tmp_path / "out1")) > 40
