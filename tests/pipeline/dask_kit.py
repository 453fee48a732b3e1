"""A Dask scheduler and workers on loopback, started as commands and ended by their ids."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path


class Loopback:
    """A scheduler with some workers; ``address`` is what ``--scheduler`` takes."""

    def __init__(self, folder: Path, workers: int = 2, port: int = 0, options: tuple[str, ...] = ()) -> None:
        self.folder, self.options = folder, options
        self.processes: list[subprocess.Popen[bytes]] = []
        self.file = folder / "scheduler.json"
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard",
            "--scheduler-file", str(self.file),
        )  # fmt: skip
        self.address = self._address()
        self.workers = [self.add_worker() for _ in range(workers)]

    def add_worker(self, environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start one more worker, with its nanny."""
        options = ("--nthreads", "1", "--no-dashboard", "--local-directory", str(self.folder), *self.options)
        return self._start("worker", self.address, "--host", "127.0.0.1", *options, environment=environment)

    def _start(
        self, what: str, *options: str, environment: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *options]
        log = (self.folder / f"{what}-{len(self.processes)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, **(environment or {})}, cwd=self.folder
            )
        self.processes.append(process)
        return process

    def _address(self) -> str:
        for _ in range(600):
            with contextlib.suppress(OSError, ValueError, KeyError):
                return str(json.loads(self.file.read_text())["address"])
            assert self.scheduler.poll() is None, (self.folder / "scheduler-0.log").read_text()
            time.sleep(0.05)
        raise AssertionError("the scheduler does not start")

    def worker_processes(self) -> list[int]:
        """Ids of the processes that carry out tasks: the children of the nannies."""
        return [child for nanny in self.workers for child in children(nanny.pid)]

    def close(self) -> None:
        """End all of them at once; a worker process ends with its nanny."""
        for process in reversed(self.processes):
            process.kill()
        for process in self.processes:
            process.wait()


def children(parent: int) -> list[int]:
    """Ids of the worker processes that a nanny has started (not of multiprocessing's own helpers)."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == parent:
                command = (path.parent / "cmdline").read_bytes()
                if b"resource_tracker" not in command and b"dask_worker" not in command:
                    found.append(int(path.parent.name))
    return found


@contextlib.contextmanager
def loopback(folder: Path, workers: int = 2, options: tuple[str, ...] = ()) -> Iterator[Loopback]:
    """Give a cluster that ends with the block."""
    folder.mkdir(parents=True, exist_ok=True)
    from distributed import Client

    cluster = Loopback(folder, workers, options=options)
    try:
        with Client(cluster.address) as client:
            client.wait_for_workers(workers, timeout=60)
        yield cluster
    finally:
        cluster.close()
