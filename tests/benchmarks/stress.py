"""Faults in real runs of a small study: after each, the same command must finish with the same bytes.

Run: python tests/benchmarks/stress.py [--faults 200] [--seed 0] [--dask 6] [--only KIND] [--keep FOLDER]

Each fault strikes a run of a study of 25 step instances, from an empty folder, over the results of other
settings, or over whole ones; or it strikes the folder between runs. Then the same command runs without
faults. A loss: it does not end with 0, or computes again what was whole or was said to be done, or leaves
something half-written. A silent difference: a file that is not, byte for byte, that of a run without faults
(run.json, report.html and timing.json aside). ``--dask``: how many of the faults kill workers and schedulers
of a Dask cluster on this machine. Code of isocortex that is edited meanwhile changes what is right: the
benchmark says so at its end and judges nothing; run it on a copy (PYTHONPATH=COPY/core:COPY/plugins).
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "pipeline"))

from small_study import results
from stress_dask import strike_dask
from stress_faults import BETWEEN, RUNNING, hide, tamper
from stress_kit import References, Target, Verdict, fresh, judge, kill, pick, server, set_weights
from stress_shim import WRITES
from stress_study import INSTANCES

KINDS = {
    "run killed": 14, "killed before a rename": 8, "killed after a rename": 8, "power cut": 20,
    "disk full, once": 8, "disk full, for good": 8, "disk full, real limit": 4, "write error": 8,
    "read error": 8, "result changed under a run": 24, "input changed under a run": 14, "clock jumps": 8,
    "process worker killed": 6, "two runs at once": 10, "files changed between runs": 44,
}  # fmt: skip
"""Kinds of faults and how often each is drawn."""

KILLED = {"action": "kill", "calls": WRITES}
IN_RUN: dict[str, dict[str, Any]] = {
    "run killed": {**KILLED, "calls": (*WRITES, "read")},
    "killed before a rename": {"action": "kill", "calls": ("rename",)},
    "killed after a rename": {"action": "kill", "calls": ("rename",), "when": "after"},
    "power cut": {"action": "power", "calls": WRITES},
    "disk full, once": {"action": "full", "calls": WRITES},
    "disk full, for good": {"action": "full", "calls": WRITES, "stays": True},
    "disk full, real limit": {"action": "small files only", "calls": ()},
    "write error": {"action": "broken", "calls": WRITES},
    "read error": {"action": "broken", "calls": ("read",)},
    "result changed under a run": {"action": "tamper", "calls": WRITES},
    "input changed under a run": {"action": "input", "calls": (*WRITES, "read")},
    "clock jumps": {"action": "clock", "calls": WRITES},
    "process worker killed": {"action": "kill", "calls": ("fsync", "rename"), "workers": True},
}


class Stress:
    """One series of faults."""

    def __init__(self, references: References, folder: Path, seed: int) -> None:
        self.references, self.folder = references, folder
        self.chance = random.Random(seed)
        self.runs = 0
        self.codes: dict[str, Counter[str]] = defaultdict(Counter)

    def strike(self, kind: str) -> tuple[Verdict, str]:
        """Draw a fault of a kind, let it happen, and run again; gives the verdict and the fault in words."""
        target = self.chance.randrange(2), self.chance.randrange(2)
        start = self.chance.choice([None, target, (1 - target[0], target[1])])
        out = self.folder / "out"
        fresh(self.references, out, start)
        self.runs += 2
        if kind == "files changed between runs":
            return self._between(out, target)
        if kind == "two runs at once":
            return self._two(out, target)
        return self._inside(kind, out, target, start)

    def _inside(self, kind: str, out: Path, target: Target, start: Target | None) -> tuple[Verdict, str]:
        fault = self._drawn(kind)
        note = self.folder / "note"
        hide(note)
        more: dict[str, Any] = {"workers": 2} if fault.pop("workers", False) else {}
        study = self.references.study
        ended = self.references.server.run(study, out, target, fault={**fault, "note": str(note)}, **more)
        verdict = Verdict(ended.code, note.exists())
        words = f"{kind}, start {start}, target {target}, {fault}"
        if fault["action"] == "input" and self.chance.random() < 0.5:
            target = target[0], int((study.parent / "weights.txt").read_text() == "3.0\n")
        strict = fault["action"] not in ("tamper", "input")
        promised = ended.finished() if strict else set()
        if strict and ended.code == 0:  # nothing was changed from outside: what it says is done must be right
            reference = self.references.of(target)
            verdict.differences += [
                f"{name} (right away)" for name, digest in results(out).items() if reference[name] != digest
            ]
        return judge(self.references, out, target, promised, verdict), words

    def _drawn(self, kind: str) -> dict[str, Any]:
        fault = dict(IN_RUN[kind])
        most = sum(self.references.counts.get(name, 0) for name in fault["calls"])
        most = most // 8 if kind == "process worker killed" else most
        fault |= {"at": self.chance.randint(1, max(most, 1)), "seed": self.chance.randrange(2**31)}
        fault.setdefault("when", self.chance.choice(["before", "after"]))
        if fault["action"] == "tamper":
            fault["how"] = self.chance.choice(RUNNING)
        if fault["action"] == "clock":
            fault["by"] = self.chance.choice([-1, 1]) * self.chance.choice([3600.0, 1e6])
        if fault["action"] == "small files only":
            fault["at"] = self.chance.choice([100, 1000, 100_000, 700_000])
        return fault

    def _between(self, out: Path, target: Target) -> tuple[Verdict, str]:
        how = self.chance.choice(BETWEEN)
        fresh(self.references, out, target)
        tamper(out, how, self.chance)
        set_weights(self.references.study, target)
        return judge(self.references, out, target, set(), Verdict(None)), f"between runs: {how}"

    def _two(self, out: Path, target: Target) -> tuple[Verdict, str]:
        asked, study = self.references.server, self.references.study
        rival = target if self.chance.random() < 0.5 else (1 - target[0], target[1])
        set_weights(study, target)
        started = [asked.start(study, out, one) for one in (rival, target)]
        victim = self.chance.choice([None, 0, 1])
        if victim is not None:
            time.sleep(self.chance.uniform(0.0, 0.4))
            kill(started[victim][0])
        ended = [asked.end(one) for one in started]
        verdict = Verdict(max(one.code for one in ended))
        verdict.losses += [
            f"run {number} of two ended with {one.code}: {one.text[-300:]}"
            for number, one in enumerate(ended)
            if one.code != 0 and number != victim
        ]
        return judge(self.references, out, target, set(), verdict), f"two runs, killed: {victim}"


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dask", type=int, default=6)
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--keep", type=Path)
    return parser.parse_args()


def code() -> dict[str, int]:
    """When each source file of isocortex and its plugins was changed."""
    import isocortex
    import isocortex_rsa

    folders = {Path(package.__file__).resolve().parents[1] for package in (isocortex, isocortex_rsa)}
    return {str(file): file.stat().st_mtime_ns for folder in folders for file in folder.rglob("*.py")}


def main() -> int:
    """Inject faults until there are enough; 0 where nothing was lost and nothing differs."""
    given, source = options(), code()
    folder = given.keep or Path(tempfile.mkdtemp(prefix="stress-"))
    began = time.monotonic()
    found: dict[str, list[Verdict]] = defaultdict(list)
    with server(folder) as asked:
        stress = Stress(References(asked, folder), folder, given.seed)
        stress.references.of((0, 0))
        while sum(map(len, found.values())) < given.faults - given.dask:
            kind = given.only or pick(stress.chance, KINDS)
            verdict, words = stress.strike(kind)
            if verdict.happened:
                found[kind].append(verdict)
                _tell(sum(map(len, found.values())), verdict, words)
        for number in range(given.dask):
            kind = ("Dask worker killed", "Dask scheduler killed")[number % 2]
            verdict = strike_dask(stress.references, folder / f"dask-{number}", kind, stress.chance)
            stress.runs += 2
            found[kind].append(verdict)
            _tell(sum(map(len, found.values())), verdict, kind)
    edited = [file for file, changed in code().items() if source.get(file) != changed]
    if edited:
        print(f"the code was edited meanwhile ({edited[0]}): what follows says nothing; run this on a copy")
        return 2
    return _summary(found, stress.runs, time.monotonic() - began)


def _tell(number: int, verdict: Verdict, words: str) -> None:
    for fault in [*verdict.losses, *(f"differs: {name}" for name in verdict.differences)]:
        print(f"fault {number} ({words}): {fault}", flush=True)
    if number % 20 == 0:
        print(f"... {number} faults", file=sys.stderr, flush=True)


def _summary(found: dict[str, list[Verdict]], runs: int, seconds: float) -> int:
    print(f"{'kind':30} faults   0   1   2  killed  losses  differences")
    for kind, verdicts in sorted(found.items()):
        codes = Counter("killed" if (one.code or 0) < 0 else one.code for one in verdicts)
        bad = sum(bool(one.losses) for one in verdicts), sum(bool(one.differences) for one in verdicts)
        print(
            f"{kind:30} {len(verdicts):6} {codes[0]:3} {codes[1]:3} {codes[2]:3} {codes['killed']:7} "
            f"{bad[0]:7} {bad[1]:12}"
        )
    every = [one for verdicts in found.values() for one in verdicts]
    losses, differences = sum(bool(one.losses) for one in every), sum(bool(one.differences) for one in every)
    print(f"load: {runs} runs of {INSTANCES} step instances in {seconds:.0f} s")
    print(f"{len(every)} injected faults, {losses} losses, {differences} silent differences")
    return int(bool(losses or differences))


if __name__ == "__main__":
    sys.exit(main())
