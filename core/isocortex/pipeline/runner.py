"""Runs a plan: reuses what is there, computes the rest, and tells the lifecycle hooks."""

from __future__ import annotations

import graphlib
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from isocortex.errors import StepFailed
from isocortex.pipeline import fingerprint
from isocortex.pipeline.events import Outputs, RunEvent, StepEvent
from isocortex.pipeline.executors import InProcess, perform_in_worker, processes
from isocortex.pipeline.keys import KeyMaker, seed_of
from isocortex.pipeline.lock import hold
from isocortex.pipeline.plan import Instance, Plan
from isocortex.pipeline.store import Output, Result, Store, output_of
from isocortex.pipeline.tasks import Outcome, Task, perform
from isocortex.plugins.manager import PluginManager


class Runner:
    """One run of a plan into a folder."""

    def __init__(self, plan: Plan, out: Path, workers: int = 1) -> None:
        self.plan, self.workers = plan, workers
        self.manager: PluginManager = plan.manager
        self.store = Store(Path(out).resolve())
        self.keys = KeyMaker(plan.document.seed)
        self.finished: dict[str, Mapping[str, Output]] = {}
        self.event = RunEvent(
            plan.name,
            plan.file,
            self.store.out,
            plan.document.seed,
            workers,
            dict(plan.parameters),
            tuple(plan.instances),
            plan,
        )
        self._pending: dict[Future[Outcome], StepEvent] = {}
        self._local = InProcess()

    def run(self) -> RunEvent:
        """Run everything; failures are in the event that is given back, they do not raise."""
        fingerprint.forget()
        with hold(self.store.out):
            self.store.prepare()
            self._tell("run_started", run=self.event)
            try:
                with self._executor() as executor:
                    self._loop(executor)
            finally:
                self._tell("run_finished", run=self.event)
        return self.event

    @contextmanager
    def _executor(self) -> Iterator[Executor]:
        if self.workers <= 1:
            yield self._local
            return
        pool = processes(self.workers, self.manager)
        try:
            yield pool
        except BaseException:
            for process in list((pool._processes or {}).values()):
                process.terminate()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
        pool.shutdown()

    def _loop(self, executor: Executor) -> None:
        order = graphlib.TopologicalSorter({key: item.depends() for key, item in self.plan.instances.items()})
        order.prepare()
        place = {key: number for number, key in enumerate(self.plan.instances)}
        while order.is_active():
            ready = sorted(order.get_ready(), key=place.__getitem__)
            for key in ready:
                if self._start(self.plan.instances[key], executor):
                    order.done(key)
            if not self._pending or ready:
                ready_now = [future for future in self._pending if future.done()]
            else:
                ready_now = list(wait(self._pending, return_when=FIRST_COMPLETED).done)
            for future in ready_now:
                event = self._pending.pop(future)
                self._end(event, future)
                order.done(event.id)

    def _start(self, instance: Instance, executor: Executor) -> bool:
        """Begin an instance; True when nothing is left to wait for (reused or cannot run)."""
        if any(key in self.event.failed or key in self.event.skipped for key in instance.depends()):
            self.event.skipped.append(instance.id)
            return True
        folder = self.store.folder(instance.step, instance.axes)
        event = StepEvent(instance.id, instance.step, instance.axes, instance.schema.name, folder)
        try:
            record = self.keys.record(instance, self.finished)
        except OSError as error:
            self._failed(event, f"an input file cannot be read: {error}", "")
            return True
        result = self.store.find(folder)
        if result is not None and result.key is not None and result.key == record["key"]:
            self._reuse(event, result)
            return True
        self._tell("step_started", step=event)
        task = self._task(instance, folder, record)
        if self._bound_here(instance) or isinstance(executor, InProcess):
            self._pending[self._local.submit(perform, task, self.manager)] = event
        else:
            self._pending[executor.submit(perform_in_worker, task)] = event
        return False

    def _bound_here(self, instance: Instance) -> bool:
        """Whether a component is an object of this process, which no worker has."""
        parts = [instance.schema.entry, *(part.entry for part in instance.resolved.components.values())]
        made_by = {feed.producer for _, feeds in instance.feeds.values() for feed in feeds}
        parts += [self.plan.of_step(step)[0].schema.entry for step in made_by]
        return any(part.plugin.origin == "object" for part in parts)

    def _task(self, instance: Instance, folder: Path, record: dict[str, Any]) -> Task:
        inputs = {}
        for name, (axes, feeds) in instance.feeds.items():
            items = []
            for feed in feeds:
                use = self.plan.document.steps[feed.producer].use
                items.append((feed.key, self.finished[feed.instance][feed.output].folder, use, feed.output))
            inputs[name] = (axes, tuple(items))
        parts = instance.resolved.components
        return Task(
            instance.id,
            instance.schema.name,
            instance.resolved.values,
            {name: (part.kind, part.name, part.resolved.values) for name, part in parts.items()},
            inputs,
            instance.axes,
            seed_of(self.event.seed, instance),
            folder,
            self.store.private,
            self.store.token,
            record,
        )

    def _reuse(self, event: StepEvent, result: Result) -> None:
        event.reused, event.seconds, event.warnings = True, result.seconds(), tuple(result.warnings)
        self.event.reused.append(event.id)
        self._done(event, result.outputs)

    def _end(self, event: StepEvent, future: Future[Outcome]) -> None:
        try:
            outcome = future.result()
        except BrokenProcessPool:
            self._failed(
                event, "its worker process died (killed, or out of memory); run the same command again", ""
            )
            return
        except Exception as error:  # a task that could not even be sent
            self._failed(event, f"{type(error).__name__}: {error}", "")
            return
        if outcome.error:
            self._failed(event, outcome.error, outcome.details)
            return
        event.seconds, event.warnings = outcome.seconds, tuple(outcome.record["warnings"])
        outputs = {
            name: output_of(event.folder, name, part) for name, part in outcome.record["outputs"].items()
        }
        self._done(event, outputs)

    def _done(self, event: StepEvent, outputs: Mapping[str, Output]) -> None:
        self.finished[event.id] = outputs
        types = self.plan.instances[event.id].schema.outputs
        self._tell("step_finished", step=event, outputs=Outputs(outputs, types))

    def _failed(self, event: StepEvent, message: str, details: str) -> None:
        self.event.failed[event.id] = message
        error = StepFailed(f"{event.id}: {message}")
        error.details = details  # type: ignore[attr-defined]
        self._tell("step_failed", step=event, error=error)

    def _tell(self, hook: str, **arguments: Any) -> None:
        """Call a lifecycle hook, each plugin on its own: one that raises is reported and stops nothing."""
        for impl in reversed(getattr(self.manager.hook, hook).get_hookimpls()):
            try:
                impl.function(*(arguments[name] for name in impl.argnames))
            except Exception as error:  # a listener must not end a run of hours
                warnings.warn(
                    f"plugin {impl.plugin_name!r}: {hook} raised {type(error).__name__}: {error}",
                    stacklevel=2,
                )
