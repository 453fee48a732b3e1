"""Runs with faults, runs again without, and what is compared: for the benchmark and for the tests."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "pipeline"))

from small_study import results
from stress_study import WEIGHTS, WIDTHS, write_study

DONE = re.compile(r"^\[\d+/\d+\] (\S+): \d", re.MULTILINE)
Target = tuple[int, int]
"""Numbers of the width and of the weights."""


@dataclass
class Ended:
    """How a run ended: exit code (negative: the signal), and what it said."""

    code: int
    text: str

    def finished(self) -> set[str]:
        """Instances that it said were done."""
        return set(DONE.findall(self.text))


@dataclass
class Server:
    """The process that runs are forked from."""

    folder: Path
    process: subprocess.Popen[str] = field(init=False)
    number: int = 0

    def __post_init__(self) -> None:
        command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("stress_server.py"))]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **about: Any) -> int:
        """One question, one answer."""
        assert self.process.stdin is not None and self.process.stdout is not None
        print(json.dumps(about), file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())

    def start(self, study: Path, out: Path, target: Target, **more: Any) -> tuple[int, Path]:
        """Start a run; gives its process, and the file of what it says."""
        self.number += 1
        text = self.folder / f"said-{self.number}.txt"
        workers = more.pop("workers", 1)
        args = ["run", str(study), "--out", str(out), "--set", f"width={WIDTHS[target[0]]}"]
        args += ["--workers", str(workers)] if workers > 1 else []
        args += ["--scheduler", more.pop("scheduler")] if "scheduler" in more else []
        about = {"args": args, "text": str(text), "out": str(out), "study": str(study.parent), **more}
        return self.ask(**about), text

    def end(self, started: tuple[int, Path]) -> Ended:
        """Wait for a run."""
        code = self.ask(wait=started[0])
        return Ended(code, started[1].read_text())

    def run(self, study: Path, out: Path, target: Target, **more: Any) -> Ended:
        """Start a run and wait for it."""
        set_weights(study, target)
        return self.end(self.start(study, out, target, **more))

    def close(self) -> None:
        """End."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """A server that ends with the block."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Server(folder)
    try:
        yield made
    finally:
        made.close()


def set_weights(study: Path, target: Target) -> None:
    """Give the input file the content of a target."""
    file = study.parent / "weights.txt"
    if file.read_text() != WEIGHTS[target[1]]:
        file.write_text(WEIGHTS[target[1]])


class References:
    """What each target comes to, run once without faults, and how often such a run calls the disk."""

    def __init__(self, asked: Server, folder: Path) -> None:
        self.server, self.folder = asked, folder
        self.study = write_study(folder / "study")
        self._known: dict[Target, dict[str, str]] = {}
        self.counts: dict[str, int] = {}

    def out(self, target: Target) -> Path:
        """Folder of a reference run."""
        self.of(target)
        return self.folder / f"reference-{target[0]}-{target[1]}"

    def of(self, target: Target) -> dict[str, str]:
        """Digest of every file."""
        if target not in self._known:
            out = self.folder / f"reference-{target[0]}-{target[1]}"
            file = self.folder / "counts.json"
            ended = self.server.run(self.study, out, target, fault={"action": "none"}, counts=str(file))
            assert ended.code == 0, ended.text
            self.counts = json.loads(file.read_text())
            self._known[target] = results(out)
        return self._known[target]


@dataclass
class Verdict:
    """What a fault came to: how the run ended, and what is wrong after the next one."""

    code: int | None
    happened: bool = True
    losses: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)


def whole(out: Path, reference: dict[str, str]) -> set[str]:
    """Instances whose files are all there and as in the reference: they must not be computed again."""
    here = results(out) if out.exists() else {}
    folders = {name.rpartition("/")[0] for name in reference if name.endswith("/step.json")}
    found = set()
    for folder in folders:
        names = [name for name in reference if name.startswith(f"{folder}/")]
        if all(here.get(name) == reference[name] for name in names):
            found.add(instance(folder))
    return found


def instance(folder: str) -> str:
    """Id of the instance whose result lies in a folder."""
    step, *axes = folder.split("/")
    return f"{step}[{','.join(axes)}]" if axes else step


def statuses(out: Path) -> dict[str, str]:
    """Status of every instance in the run record."""
    return {key: step["status"] for key, step in json.loads((out / "run.json").read_text())["steps"].items()}


def judge(references: References, out: Path, target: Target, promised: set[str], verdict: Verdict) -> Verdict:
    """Run again and compare: exit code, bytes, and whether what was done is done again."""
    reference = references.of(target)
    kept = whole(out, reference)
    ended = references.server.run(references.study, out, target)
    if ended.code != 0:
        verdict.losses.append(f"the run after it ended with {ended.code}: {ended.text[-300:]}")
        return verdict
    again = {key for key, status in statuses(out).items() if status != "reused"}
    verdict.losses += [f"{key} was whole and is computed again" for key in sorted(again & kept)]
    verdict.losses += [f"{key} was said to be done and is computed again" for key in sorted(again & promised)]
    found = results(out)
    names = sorted({*reference, *found})
    verdict.differences += [name for name in names if found.get(name) != reference.get(name)]
    left = [path.name for path in (out / ".isocortex").glob("new-*")]
    verdict.losses += [f"left lying: {name}" for name in left]
    return verdict


def fresh(references: References, out: Path, start: Target | None) -> None:
    """Make an output folder: empty, or with the whole results of a target."""
    shutil.rmtree(out, ignore_errors=True)
    if start is not None:
        shutil.copytree(references.out(start), out)


def children(parent: int) -> list[int]:
    """Ids of a process's children."""
    try:
        text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    except OSError:
        return []
    return [int(name) for name in text.split()]


def kill(process: int) -> None:
    """As ``kill -9``."""
    os.kill(process, signal.SIGKILL)


def pick(chance: random.Random, weights: dict[str, int]) -> str:
    """Choose a kind."""
    return chance.choices(list(weights), list(weights.values()))[0]
