"""Calls that wait for a worker, and which worker takes one: each works on one call at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from isocortex.errors import IsocortexError

Needs = tuple[int | None, int | None]
"""Memory in bytes and threads of a task, None where nothing is said."""


@dataclass(eq=False)
class Call:
    """Something to be done on a worker: ``function(*arguments, manager)``, the first argument a task."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    needs: Needs
    group: object
    future: Future[Any] = field(default_factory=Future)
    deaths: int = 0
    worker: str = ""
    remote: Any = None

    def name(self) -> str:
        """Key on Dask's dashboard: what is done, for which step instance."""
        return f"{self.function.__name__}-{self.arguments[0].id}-{id(self)}-{time.time_ns()}"


@dataclass(frozen=True)
class Worker:
    """What a worker has: memory in bytes and threads."""

    memory: float
    threads: int

    def has(self, needs: Needs) -> bool:
        """Whether that is enough; limits of memory are rounded on their way to a job and back."""
        return (needs[0] or 0) <= 1.01 * self.memory and (needs[1] or 0) <= self.threads


def workers_of(identity: Mapping[str, Any], memory: int | None) -> dict[str, Worker]:
    """The workers of a scheduler by address; ``memory`` where Dask knows no limit."""
    return {
        address: Worker(memory or worker["memory_limit"] or float("inf"), worker["nthreads"])
        for address, worker in identity["workers"].items()
    }


def taker(call: Call, free: Mapping[str, Worker]) -> str | None:
    """The free worker that takes a call: the smallest that has what it needs."""
    able = [address for address, worker in free.items() if worker.has(call.needs)]
    return min(able, key=lambda address: (free[address].memory, free[address].threads), default=None)


def require(step: str, needs: Needs, workers: Mapping[str, Worker]) -> None:
    """Raise where no worker has what a step needs: it would wait for ever."""
    if any(worker.has(needs) for worker in workers.values()):
        return
    memory = max(worker.memory for worker in workers.values())
    threads = max(worker.threads for worker in workers.values())
    wanted = [f"{needs[0] / 2**30:.2f} GiB of memory"] * bool(needs[0]) if needs[0] else []
    wanted += [f"{needs[1]} threads"] * bool(needs[1])
    raise IsocortexError(
        f"execution: the step {step!r} needs {' and '.join(wanted)}, and no worker has that (at most "
        f"{memory / 2**30:.2f} GiB, {threads} threads); ask for less, or start larger workers"
    )
