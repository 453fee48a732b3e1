"""Reads spoilt files with every reader, in child processes with bounds, and says what became of them.

python tests/fuzz/run.py [--inputs N] [--group G] [--target NAME ...] [--seed S] [--keep DIR]

``--inputs`` is for each group: "own" are our parsers, the others go through a library. A finding is anything
but a value or one clear error: another exception, a warning, a hang, memory, a crash, code that ran, a file
outside of the folder. Inputs of findings go into ``--keep``; ``--again NAME FILE`` reads one again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "isocortex_vision"), str(HERE.parent / "isocortex_decoding")]
os.environ |= {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
    "OMP_NUM_THREADS": "1",
    "KERAS_BACKEND": "tensorflow",
}
PATIENCE = 90
"""Seconds without a step until a child counts as hanging: far more than its own limit of processor time."""


@dataclass
class Tally:
    """What became of the inputs of a target."""

    counts: Counter[str] = field(default_factory=Counter)
    findings: dict[str, int] = field(default_factory=dict)
    crashes: list[tuple[int, str]] = field(default_factory=list)
    slowest: tuple[float, int] = (0.0, -1)
    seconds: float = 0.0


def fuzz(name: str, inputs: int, seed: int = 0) -> Tally:
    """Read so many spoilt files of a target; after a crash a new child goes on behind it."""
    tally, start, began = Tally(), 0, time.monotonic()
    from fuzz_worker import FORM, KINDS

    while start < inputs:
        with tempfile.NamedTemporaryFile() as progress:
            progress.write(FORM.pack(-1, 0, 0, 0))
            progress.flush()
            done, why = _child(name, seed, start, inputs, Path(progress.name), tally)
            at, *counts = FORM.unpack(Path(progress.name).read_bytes())
        tally.counts.update(dict(zip(KINDS, counts, strict=True)))
        if done:
            break
        if at < start:
            raise RuntimeError(f"{name}: its child does not begin: {why}")
        tally.counts["crash"] += 1
        tally.crashes.append((at, why))
        start = at + 1
    tally.seconds = time.monotonic() - began
    return tally


def _child(name: str, seed: int, start: int, stop: int, progress: Path, tally: Tally) -> tuple[bool, str]:
    command = [
        sys.executable,
        str(HERE / "fuzz_worker.py"),
        name,
        str(seed),
        str(start),
        str(stop),
        str(progress),
    ]
    places = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    hung = threading.Event()
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=places, text=True) as child,
    ):
        threading.Thread(target=_guard, args=(child, progress, hung), daemon=True).start()
        assert child.stdout is not None
        done = _listen(child.stdout, tally)
        code = child.wait()
        errors.seek(0)
        last = errors.read()[-1500:].decode("utf-8", "replace").strip()
    why = "hang" if hung.is_set() else f"signal {-code}" if code < 0 else f"exit {code}: {last}"
    return done and code == 0, why


def _listen(lines: IO[str], tally: Tally) -> bool:
    done = False
    for line in lines:
        said = json.loads(line)
        if "finding" in said:
            tally.findings.setdefault(said["finding"], said["number"])
        if "slowest" in said:
            tally.slowest = max(tally.slowest, tuple(said["slowest"]))
        done = done or "done" in said
    return done


def _guard(child: subprocess.Popen[str], progress: Path, hung: threading.Event) -> None:
    """Kill a child that stays at one input."""
    last, since = b"", time.monotonic()
    while child.poll() is None:
        time.sleep(0.5)
        try:
            now = progress.read_bytes()
        except FileNotFoundError:
            return
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > PATIENCE:
            hung.set()
            child.kill()
            return


def main() -> int:
    """The command; 1 where there are findings."""
    from fuzz_all import GROUPS, TARGETS

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--group", choices=GROUPS, action="append")
    parser.add_argument("--target", choices=TARGETS, action="append")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--again", nargs=2, metavar=("NAME", "FILE"))
    given = parser.parse_args()
    if given.again:
        return _again(TARGETS[given.again[0]], Path(given.again[1]))
    chosen = [TARGETS[name] for name in given.target or TARGETS]
    chosen = [target for target in chosen if given.group is None or target.group in given.group]
    shares = Counter[str]()
    for target in chosen:
        shares[target.group] += target.share  # type: ignore[assignment]
    print("target           inputs   values   errors findings crashes   per s  slowest")
    bad, totals = 0, Counter[str]()
    for target in chosen:
        inputs = round(given.inputs * target.share / shares[target.group])
        tally = fuzz(target.name, inputs, given.seed)
        bad += _report(target, inputs, tally, given.seed, given.keep)
        totals.update({target.group: inputs})
    print(f"inputs: {', '.join(f'{count} {group}' for group, count in totals.items())}; {bad} findings")
    return bool(bad)


def _report(target: object, inputs: int, tally: Tally, seed: int, keep: Path | None) -> int:
    from fuzz_target import Target
    from fuzz_worker import seeds_of, spoilt

    assert isinstance(target, Target)
    counts = tally.counts
    kinds = " ".join(f"{counts[kind]:8}" for kind in ("value", "error", "finding"))
    slow = f"{tally.slowest[0]:.2f} s (input {tally.slowest[1]})"
    print(f"{target.name:14} {inputs:8} {kinds} {counts['crash']:7} {inputs / tally.seconds:7.0f}  {slow}")
    told = [(what, number) for what, number in tally.findings.items()]
    told += [(f"crash: {why}", number) for number, why in tally.crashes]
    for what, number in told:
        note = (
            " (contained: the product reads it in a child)"
            if target.contained and what[:5] == "crash"
            else ""
        )
        print(f"    input {number}: {what}{note}", flush=True)
    if keep is not None and told:
        seeds = seeds_of(target)
        for place, (_, number) in enumerate(told):
            where = keep / target.name / f"{seed}-{number}"
            where.parent.mkdir(parents=True, exist_ok=True)
            if place < 50:
                where.write_bytes(spoilt(target, seeds, seed, number))
    crashes = 0 if target.contained else sum(why != "hang" for _, why in tally.crashes)
    return len(tally.findings) + crashes + sum(why == "hang" for _, why in tally.crashes)


def _again(target: object, file: Path) -> int:
    from fuzz_target import Target, outcome
    from fuzz_watch import Watch
    from fuzz_worker import folder_for, seeds_of

    assert isinstance(target, Target)
    watch, content, seeds = Watch(), file.read_bytes(), seeds_of(target)
    with folder_for(target) as folder:
        for one in seeds:
            outcome(target, one, folder, watch)
        found = outcome(target, content, folder, watch)
    print(found.kind, found.what, found.detail)
    return found.kind == "finding"


if __name__ == "__main__":
    sys.exit(main())
