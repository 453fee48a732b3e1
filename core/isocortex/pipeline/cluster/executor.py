"""Tasks on a Dask cluster, behind the interface of the executors; what a dead worker held is tried again."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from isocortex.errors import IsocortexError
from isocortex.pipeline.cluster.calls import Call, Needs, Worker, require, taker, workers_of
from isocortex.pipeline.cluster.clusters import Cluster, connect
from isocortex.pipeline.cluster.on_worker import Setup, greet, on_worker, unfit
from isocortex.pipeline.cluster.spread import Spread
from isocortex.pipeline.execution import ExecutionPart
from isocortex.pipeline.executors import RunStopped, WorkersDied
from isocortex.pipeline.store import PRIVATE
from isocortex.pipeline.tasks import Outcome, Task, perform

PATIENCE = 60.0
"""Seconds without any worker after which a run ends (jobs of a batch system may wait in a queue for ever)."""
EVERY = 0.5
"""Seconds between two looks at which workers there are."""


class Dask:
    """Sends each worker one call at a time; the others wait here, so that a dead one held just one."""

    def __init__(self, setup: Setup, execution: ExecutionPart, steps: Sequence[str]) -> None:
        self.setup, self.execution, self.steps = setup, execution, steps
        self._cluster: Cluster | None = None
        self._workers: dict[str, Worker] = {}
        self._waiting: deque[Call] = deque()
        self._running: list[Call] = []
        self._lock = threading.RLock()
        self._closed = threading.Event()

    @property
    def cluster(self) -> Cluster:
        """The cluster; connected to for the first task, so that a run that only reuses needs none."""
        if self._cluster is None:
            self._cluster = connect(self.execution)
            self._ready(self._cluster)
            threading.Thread(target=self._watch, daemon=True).start()
        return self._cluster

    @property
    def room(self) -> int:
        """How many instances may be under way; more than workers where not every worker takes every step."""
        return self.size * (2 if self.execution.steps else 1)

    @property
    def size(self) -> int:
        """How many workers there are."""
        return max(1, len(self._workers))

    def perform(self, task: Task, step: str, cut: bool, told: Callable[[int, int], None]) -> Future[Outcome]:
        """Carry out a task, in parts where its step can be cut; ``told`` hears of finished parts and all."""
        needs = self.execution.needs(step)
        _ = self.cluster  # connected to here, where an error ends the run
        if cut:
            return Spread(self, task, needs, told).start()
        return self.send(perform, task, needs=needs)

    def send(
        self, function: Callable[..., Any], *arguments: Any, needs: Needs = (None, None), group: object = None
    ) -> Future[Any]:
        """Call ``function(*arguments, manager)`` on a worker, the first argument being a task."""
        call = Call(function, arguments, needs, group)
        with self._lock:
            self._waiting.append(call)
        self._pump()
        return call.future

    def drop(self, group: object) -> None:
        """Forget what waits in a group."""
        with self._lock:
            self._waiting = deque(call for call in self._waiting if call.group is not group)

    def shutdown(self) -> None:
        """Let go of the cluster."""
        self.kill()

    def kill(self) -> None:
        """Cancel what waits and runs. A task that cannot be stopped ends by itself, whole or not at all."""
        self._closed.set()
        with self._lock:
            self._waiting.clear()
            remotes = [call.remote for call in self._running if call.remote is not None]
            self._running.clear()
        if self._cluster is None:
            return
        with suppress(Exception):
            if remotes and self._cluster.client.status == "running":
                self._cluster.client.cancel(remotes, force=True)
        self._cluster.close()

    def _pump(self) -> None:
        """Give each free worker what it can take, in the order of the calls."""
        with self._lock:
            if self._closed.is_set():
                return
            busy = {call.worker for call in self._running}
            free = {address: worker for address, worker in self._workers.items() if address not in busy}
            for call in list(self._waiting) if free else []:
                address = taker(call, free)
                if address is not None:
                    del free[address]
                    self._waiting.remove(call)
                    self._submit(call, address)

    def _submit(self, call: Call, address: str) -> None:
        call.worker = address
        self._running.append(call)
        try:
            call.remote = self.cluster.client.submit(
                on_worker, self.setup, call.function, *call.arguments,
                key=call.name(), pure=False, workers=[address], allow_other_workers=False,
            )  # fmt: skip
        except Exception as error:
            self._end(call, error if self.cluster.client.status == "running" else self._lost())
            return
        call.remote.add_done_callback(lambda remote: self._arrived(call, remote))

    def _arrived(self, call: Call, remote: Any) -> None:
        """Hand on what a call came to; called in a thread of Dask's."""
        error: BaseException | None = None
        value: Any = None
        try:
            value = remote.result()
        except BaseException as failure:
            error = failure
        with self._lock:
            if call.remote is not remote or call not in self._running:
                return  # given up before: its worker was lost, or the run ends
            if type(error).__name__ == "KilledWorker":
                self._died(call)
                return
        if remote.status == "cancelled":
            error = self._lost()
        self._end(call, error, value)

    def _end(self, call: Call, error: BaseException | None, value: Any = None) -> None:
        with self._lock:
            self._running.remove(call)
            call.remote = None
        if error is not None:
            call.future.set_exception(error)
        else:
            call.future.set_result(value)
        self._pump()

    def _died(self, call: Call) -> None:
        """Put a call whose worker died back in front, as often as is allowed."""
        remote, call.remote = call.remote, None
        self._workers.pop(call.worker, None)
        with suppress(Exception):
            remote.cancel(force=True)
        call.deaths += 1
        if call.deaths > self.execution.retries:
            times = f"{call.deaths} times" if call.deaths > 1 else "once"
            self._end(call, WorkersDied(f"its worker died {times} (killed, or out of memory?)"))
            return
        self._running.remove(call)
        self._waiting.appendleft(call)
        self._pump()

    def _lost(self) -> RunStopped:
        where = self.execution.scheduler
        return RunStopped(
            f"the connection to the Dask scheduler {where} is lost; the same command goes on from here"
        )

    def _look(self, cluster: Cluster) -> dict[str, Worker]:
        client = cluster.client
        return workers_of(client.sync(client.scheduler.identity, n_workers=-1), cluster.memory)

    def _ready(self, cluster: Cluster) -> None:
        """Wait for a worker, check all that are there, and see whether each step can run somewhere."""
        began, said = time.monotonic(), False
        while not self._look(cluster):
            waited = time.monotonic() - began
            if not said and waited > 2:
                print(f"waiting for a worker of {cluster.scheduler}", file=sys.stderr, flush=True)
                said = True
            if not cluster.jobs and waited > PATIENCE:
                raise IsocortexError(
                    f"the scheduler {cluster.scheduler} has no workers; start some with: "
                    f"dask worker {cluster.scheduler}"
                )
            time.sleep(0.05)
        for address, answer in cluster.client.run(greet, self.setup, on_error="return").items():
            fault = self._fault(answer)
            if fault:
                raise IsocortexError(str(unfit(fault, address)))
        self._workers = self._look(cluster)
        for step in self.steps:
            require(step, self.execution.needs(step), self._workers)

    def _fault(self, answer: Any) -> str:
        """What is wrong with a worker that gave this answer to ``greet``."""
        if isinstance(answer, BaseException):
            return f"{type(answer).__name__}: {answer}"
        fault, name = answer
        if fault:
            return str(fault)
        file = self.setup.out / PRIVATE / name
        try:
            same = file.read_text() == self.setup.token
            file.unlink()
        except OSError:
            same = False
        return "" if same else f"what it writes into {self.setup.out} is not seen here; share the disk"

    def _watch(self) -> None:
        """Follow which workers there are; without any for too long, end the run."""
        assert self._cluster is not None
        last = time.monotonic()
        while not self._closed.wait(EVERY):
            try:
                found = self._look(self._cluster)
                self._cluster.keep_up()
            except Exception:  # a lost scheduler is noticed by the calls that are under way
                continue
            with self._lock:
                self._workers = found
                for call in [call for call in self._running if call.worker not in found]:
                    self._died(call)
            self._pump()
            if found or self._cluster.jobs:
                last = time.monotonic()
            elif time.monotonic() - last > PATIENCE:
                self._give_up(f"{self._cluster.scheduler} has had no worker for {PATIENCE:.0f} s")

    def _give_up(self, why: str) -> None:
        with self._lock:
            calls = [*self._running, *self._waiting]
            self._running.clear()
            self._waiting.clear()
        for call in calls:
            call.future.set_exception(RunStopped(f"{why}; the same command goes on from here"))
