"""Runs a plan: reuses what is there, computes the rest, and tells the lifecycle hooks."""

from __future__ import annotations

import functools
import graphlib
import importlib
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from isocortex.errors import StepFailed
from isocortex.pipeline.digests import Stamp
from isocortex.pipeline.events import Outputs, RunEvent, StepEvent
from isocortex.pipeline.execution import ExecutionPart
from isocortex.pipeline.executors import (
    InProcess,
    RunStopped,
    Workers,
    WorkersDied,
    refuse_in_starting_worker,
)
from isocortex.pipeline.keys import KeyMaker, all_components, seed_of
from isocortex.pipeline.lifecycle import tell
from isocortex.pipeline.lock import hold
from isocortex.pipeline.part_tasks import remove_parts
from isocortex.pipeline.plan import Instance, Plan
from isocortex.pipeline.resolve import Component
from isocortex.pipeline.splitting import split_of
from isocortex.pipeline.store import Output, Result, Store, output_of
from isocortex.pipeline.tasks import Outcome, Part, Task
from isocortex.plugins.manager import PluginManager

if TYPE_CHECKING:
    from isocortex.pipeline.cluster.executor import Dask

AnyExecutor: TypeAlias = "InProcess | Workers | Dask"


def _nobody(done: int, total: int) -> None:
    """Parts that nobody asks after."""


@dataclass(frozen=True)
class _Job:
    """An instance that is under way."""

    event: StepEvent
    task: Task


class Runner:
    """One run of a plan into a folder."""

    def __init__(
        self, plan: Plan, out: Path, workers: int = 1, execution: ExecutionPart | None = None
    ) -> None:
        self.plan = plan
        self.execution = execution or ExecutionPart(workers=max(workers, 1))
        self.manager: PluginManager = plan.manager
        self.store = Store(Path(out).resolve())
        self.keys = KeyMaker(plan.document.seed, plan.instances.values())
        self.event = RunEvent(
            plan.name,
            plan.file,
            self.store.out,
            plan.document.seed,
            self.execution.workers or 1,
            dict(plan.parameters),
            tuple(plan.instances),
            plan,
            scheduler=self.execution.scheduler,
        )
        self._pending: dict[Future[Outcome], _Job] = {}
        self._local = InProcess(self.manager)

    def run(self) -> RunEvent:
        """Run everything; failures are in the event that is given back, they do not raise."""
        refuse_in_starting_worker()
        with hold(self.store.out):
            self.store.require_own(self.plan.document.steps)
            self.store.prepare()
            self._tell("run_started", run=self.event)
            try:
                with self._executor() as executor:
                    self._loop(executor)
                if len(self.event.finished) == len(self.plan.instances):
                    remove_parts(self.store.out)
            finally:
                with suppress(OSError):  # the next run will try again
                    self.store.sweep()
                self._tell("run_finished", run=self.event)
        return self.event

    @contextmanager
    def _executor(self) -> Iterator[AnyExecutor]:
        executor = self._chosen()
        try:
            yield executor
        except BaseException:
            executor.kill()
            raise
        executor.shutdown()

    def _chosen(self) -> AnyExecutor:
        if self.execution.scheduler is not None:
            # by name: neither the cluster nor Dask's version is part of what a step computes with
            module = importlib.import_module("isocortex.pipeline.cluster.executor")
            setup = module.Setup.of(self.store.out, self.store.token, self.manager)
            dask: Dask = module.Dask(setup, self.execution, list(self.plan.document.steps))
            return dask
        workers = self.execution.workers or 1
        return self._local if workers == 1 else Workers(workers, self.manager)

    def _loop(self, executor: AnyExecutor) -> None:
        order = graphlib.TopologicalSorter({key: item.depends() for key, item in self.plan.instances.items()})
        order.prepare()
        place = {key: number for number, key in enumerate(self.plan.instances)}
        waiting: deque[str] = deque()
        while order.is_active():
            waiting.extend(sorted(order.get_ready(), key=place.__getitem__))
            order.done(*(self._launch(waiting, executor) or self._collect(executor)))

    def _launch(self, waiting: deque[str], executor: AnyExecutor) -> list[str]:
        """Begin as many instances as there are workers; gives those with which nothing is left to be done.

        No more than that: when a worker dies, all that were under way are suspects.
        """
        settled = []
        while waiting and len(self._pending) < executor.room:
            key = waiting.popleft()
            if self._start(self.plan.instances[key], executor):
                settled.append(key)
        return settled

    def _collect(self, executor: AnyExecutor) -> list[str]:
        """Wait until something is done; gives the ids."""
        done = wait(self._pending, return_when=FIRST_COMPLETED).done
        if any(isinstance(future.exception(), BrokenProcessPool) for future in done):
            done = wait(self._pending).done  # the others end with the pool
        for future in done:
            if isinstance(future.exception(), RunStopped):
                future.result()
        self.event.workers = executor.size
        jobs = {future: self._pending.pop(future) for future in done}
        for future, job in jobs.items():
            if isinstance(future.exception(), BrokenProcessPool):
                # alone, so that who dies is to blame
                future = executor.perform(job.task, job.event.name, False, _nobody)
                wait([future])
            self._end(job.event, future)
        return [job.event.id for job in jobs.values()]

    def _start(self, instance: Instance, executor: AnyExecutor) -> bool:
        """Begin an instance; True when nothing is left to wait for (reused or cannot run)."""
        if any(key in self.event.failed or key in self.event.skipped for key in instance.depends()):
            self.event.skipped.append(instance.id)
            return True
        folder = self.store.folder(instance.step, instance.axes)
        event = StepEvent(instance.id, instance.step, instance.axes, instance.schema.name, folder)
        try:
            record, watched = self.keys.watched(instance, self.event.finished)
        except OSError as error:
            self._failed(event, f"an input file cannot be read: {error}", "")
            return True
        result = self.store.find(folder)
        if result is not None and result.key is not None and result.key == record["key"]:
            self._reuse(event, result)
            return True
        self._tell("step_started", step=event)
        job = _Job(event, self._task(instance, folder, record, watched))
        where = self._local if self._bound_here(instance) else executor
        cut = split_of(instance.schema.function) is not None
        told = functools.partial(self._part_done, event)
        self._pending[where.perform(job.task, instance.step, cut, told)] = job
        return False

    def _part_done(self, event: StepEvent, done: int, total: int) -> None:
        """Tell who watches how far a step is that several workers share."""
        for watch in self.event.watchers:
            with suppress(Exception):  # who looks on must not end a run of hours
                watch(event, done, total)

    def _bound_here(self, instance: Instance) -> bool:
        """Whether a component is an object of this process, which no worker has."""
        parts = [part.entry for part in all_components(instance.resolved.components)]
        made_by = {feed.producer: feed.instance for _, feeds in instance.feeds.values() for feed in feeds}
        parts += [self.plan.instances[key].schema.entry for key in made_by.values()]
        return any(part.plugin.origin == "object" for part in (instance.schema.entry, *parts))

    def _task(
        self, instance: Instance, folder: Path, record: dict[str, Any], watched: dict[Path, Stamp]
    ) -> Task:
        inputs = {}
        for name, (axes, feeds) in instance.feeds.items():
            items = []
            for feed in feeds:
                use = self.plan.document.steps[feed.producer].use
                items.append(
                    (feed.key, self.event.finished[feed.instance][feed.output].folder, use, feed.output)
                )
            inputs[name] = (axes, tuple(items))
        return Task(
            instance.id,
            instance.schema.name,
            instance.resolved.values,
            _parts(instance.resolved.components),
            inputs,
            instance.axes,
            seed_of(self.event.seed, instance),
            self.store.place(folder),
            record,
            watched,
            self.execution.needs(instance.step)[1],
            instance.files,
        )

    def _reuse(self, event: StepEvent, result: Result) -> None:
        event.reused, event.seconds, event.warnings = True, result.seconds(), tuple(result.warnings)
        self.event.reused.append(event.id)
        self._done(event, result.outputs)

    def _end(self, event: StepEvent, future: Future[Outcome]) -> None:
        try:
            outcome = future.result()
        except BrokenProcessPool:
            text = "its worker process died, and again when it ran alone (killed, or out of memory?)"
            self._failed(event, text, "")
            return
        except WorkersDied as error:
            self._failed(event, str(error), "")
            return
        except Exception as error:  # a task that could not even be sent
            self._failed(event, f"{type(error).__name__}: {error}", "")
            return
        if outcome.error is not None:
            self._failed(event, outcome.error, outcome.details)
            return
        event.seconds, event.warnings = outcome.seconds, tuple(outcome.record["warnings"])
        outputs = {
            name: output_of(event.folder, name, part) for name, part in outcome.record["outputs"].items()
        }
        self._done(event, outputs)

    def _done(self, event: StepEvent, outputs: Mapping[str, Output]) -> None:
        self.event.finished[event.id] = outputs
        types = self.plan.instances[event.id].schema.outputs
        self._tell("step_finished", step=event, outputs=Outputs(outputs, types))

    def _failed(self, event: StepEvent, message: str, details: str) -> None:
        self.event.failed[event.id] = message
        error = StepFailed(f"{event.id}: {message}")
        error.details = details  # type: ignore[attr-defined]
        self._tell("step_failed", step=event, error=error)

    def _tell(self, hook: str, **arguments: Any) -> None:
        tell(self.manager, hook, **arguments)


def _parts(components: Mapping[str, Component]) -> dict[str, Part]:
    return {
        name: Part(part.kind, part.name, part.resolved.values, _parts(part.resolved.components), part.load)
        for name, part in components.items()
    }
