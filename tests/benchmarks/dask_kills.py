"""A study on Dask while a worker is killed with -9 every few seconds: it still ends, with the same bytes.

Run: python tests/benchmarks/dask_kills.py [PIPELINE] [--every 10] [--workers 2] [--set K=V] [--preset NAME]
     [--out FOLDER] [--reference FOLDER] [--retries N]

PIPELINE is a file or the name of a registered pipeline; by default a small study that takes about a minute.
The reference is the same run in one process, made first unless its folder is given and complete. Each time
the worker that has lived longest is killed. A task that takes longer than workers live (--every times
--workers) cannot end: choose --every so that the longest can, or see that it is cut into parts.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "pipeline"))

from dask_kit import Loopback, loopback
from small_study import results, write_study

import isocortex as ic


class Killer(threading.Thread):
    """Kills the oldest worker process again and again."""

    def __init__(self, cluster: Loopback, every: float) -> None:
        super().__init__(daemon=True)
        self.cluster, self.every, self.kills = cluster, every, 0
        self.ended = threading.Event()

    def run(self) -> None:
        """Until told to end."""
        while not self.ended.wait(self.every):
            processes = self.cluster.worker_processes()
            if processes:
                oldest = min(processes, key=_began)
                os.kill(oldest, signal.SIGKILL)
                self.kills += 1
                print(f"killed worker process {oldest} ({self.kills})", flush=True)


def _began(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return sys.maxsize


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("pipeline", nargs="?")
    parser.add_argument("--every", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], metavar="K=V")
    parser.add_argument("--preset")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--retries", type=int)
    return parser.parse_args()


def main() -> int:
    """Run both and compare; 0 where all is the same."""
    from isocortex.cli import _overrides

    given = options()
    folder = Path(tempfile.mkdtemp(prefix="dask-kills-"))
    values = _overrides(tuple(given.set))
    pipeline: str | Path = given.pipeline or write_study(folder / "study", subjects=12)
    values = values if given.pipeline else {"pause": 1.5, **values}
    reference, out = given.reference or folder / "reference", given.out or folder / "out"
    began = time.monotonic()
    ic.run(pipeline, reference, set=values, preset=given.preset, progress=True)
    print(f"reference in {time.monotonic() - began:.0f} s: {reference}", flush=True)
    execution = {} if given.retries is None else {"retries": given.retries}
    with loopback(folder / "dask", given.workers) as cluster:
        killer = Killer(cluster, given.every)
        killer.start()
        began = time.monotonic()
        try:
            ic.run(
                pipeline, out, set=values, preset=given.preset, progress=True, scheduler=cluster.address,
                execution=execution,
            )  # fmt: skip
        finally:
            killer.ended.set()
        seconds = time.monotonic() - began
    one, other = results(reference), results(out)
    differing = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
    print(f"{killer.kills} workers killed in {seconds:.0f} s; {len(one)} files, {len(differing)} differ")
    for name in differing[:20]:
        print(f"  differs: {name}")
    return int(bool(differing) or not killer.kills)


if __name__ == "__main__":
    sys.exit(main())
