"""A child process that reads spoilt files of one target, one after the other, and writes what became of them.

Input ``n`` of a target and seed is the same in every process, so that any of them can be made again.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import random
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fuzz_target import ERROR, VALUE, Target, outcome
from fuzz_watch import Watch, limit_memory

KINDS = (VALUE, ERROR, "finding")
FORM = struct.Struct("<4q")
"""What a child leaves in a shared file: the input that it is at, and how many became what."""


@contextlib.contextmanager
def folder_for(target: Target) -> Iterator[Path]:
    """A folder in memory, where that is there, with what has to lie beside the inputs."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="isocortex-fuzz-", dir=base) as name:
        folder = Path(name) / "watched"
        folder.mkdir()
        if target.prepare is not None:
            target.prepare(folder)
        tempfile.tempdir = str(folder)  # for what libraries unpack for a moment
        try:
            yield folder
        finally:
            tempfile.tempdir = before


def seeds_of(target: Target) -> list[bytes]:
    """Sound inputs, and those that are kept."""
    with tempfile.TemporaryDirectory() as name:
        return [*target.seeds(Path(name)), *target.corpus()]


def spoilt(target: Target, seeds: list[bytes], seed: int, number: int) -> bytes:
    """Input ``number``."""
    rng = random.Random(f"{seed} {target.name} {number}")
    return target.mutate(rng, rng.choice(seeds), seeds)


def work(target: Target, seed: int, start: int, stop: int, progress: Path) -> None:
    """Read inputs ``start`` to ``stop``; say where it is in a file that is shared, and the rest as JSON."""
    seeds = seeds_of(target)
    watch, counts, findings = Watch(), Counter[str](), dict[str, int]()
    slowest = (0.0, -1)
    with progress.open("r+b") as file, folder_for(target) as folder:
        place = mmap.mmap(file.fileno(), FORM.size)
        for content in seeds:  # imports what is imported on the way
            outcome(target, content, folder, watch)
        limit_memory()
        for number in range(start, stop):
            place[:] = FORM.pack(number, *(counts[kind] for kind in KINDS))
            content = spoilt(target, seeds, seed, number)
            began = time.process_time()
            found = outcome(target, content, folder, watch)
            slowest = max(slowest, (time.process_time() - began, number))
            counts[found.kind] += 1
            if found.kind == "finding" and found.what not in findings:
                findings[found.what] = number
                _say({"finding": f"{found.what} ({found.detail})", "number": number})
        place[:] = FORM.pack(stop, *(counts[kind] for kind in KINDS))
    _say({"slowest": slowest, "done": True})


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), file=sys.__stdout__, flush=True)


if __name__ == "__main__":
    from fuzz_all import TARGETS

    name, seed, start, stop, progress = sys.argv[1:]
    work(TARGETS[name], int(seed), int(start), int(stop), Path(progress))
