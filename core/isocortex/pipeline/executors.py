"""Where step instances run, behind the interface of ``concurrent.futures``."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from isocortex.errors import IsocortexError
from isocortex.pipeline.tasks import Outcome, Task, perform
from isocortex.plugins.manager import PluginManager

Told = Callable[[int, int], None]
"""Hears how many parts of a task are done, and of how many."""


class RunStopped(IsocortexError):
    """The run cannot go on, and nothing is wrong with the request: the same command goes on later."""


class WorkersDied(IsocortexError):
    """Every worker that tried a task died."""


class InProcess(Executor):
    """Runs each task at once, here: the kernels themselves use all cores."""

    room = size = 1

    def __init__(self, manager: PluginManager) -> None:
        self._manager = manager

    def perform(self, task: Task, step: str, cut: bool, told: Told) -> Future[Outcome]:
        """Carry out a task, whole."""
        return self.submit(perform, task, self._manager)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``fn`` and give a future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # handed on by the future
            future.set_exception(error)
        return future

    def kill(self) -> None:
        """Nothing runs besides."""


class Workers(Executor):
    """Worker processes that know the same plugins (objects excepted); a broken pool is replaced."""

    def __init__(self, workers: int, manager: PluginManager) -> None:
        self._workers = self.room = self.size = workers
        self._setup = (
            list(sys.path),
            [str(file) for file in manager.files],
            sorted(manager.disabled),
        )
        self._pool = self._new()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``fn`` in a worker; its future raises ``BrokenProcessPool`` when one of the workers dies."""
        try:
            return self._pool.submit(fn, *args, **kwargs)
        except BrokenProcessPool:
            self._renew()
            return self._pool.submit(fn, *args, **kwargs)

    def perform(self, task: Task, step: str, cut: bool, told: Told) -> Future[Outcome]:
        """Carry out a task, whole, in a worker."""
        return self.submit(perform_in_worker, task)

    def _renew(self) -> None:
        self._pool.shutdown()
        self._pool = self._new()
        try:
            self._pool.submit(os.getpid).result()
        except BrokenProcessPool:
            raise IsocortexError(
                "worker processes die as soon as they start; in a script of your own, call isocortex.run "
                "under if __name__ == '__main__': (each worker reads the script too), or leave workers out"
            ) from None

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers when they are done."""
        self._pool.shutdown(wait, cancel_futures=cancel_futures)

    def kill(self) -> None:
        """End the workers at once; what they were about to write is as if it had never been begun."""
        for process in list((self._pool._processes or {}).values()):
            process.kill()
        self._pool.shutdown(cancel_futures=True)

    def _new(self) -> ProcessPoolExecutor:
        import multiprocessing

        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(
            self._workers, mp_context=context, initializer=_start_worker, initargs=self._setup
        )


def refuse_in_starting_worker() -> None:
    """Raise where a script without a main guard would run itself again in each of its own workers.

    Such a run would wait for ever for the folder that the first one holds.
    """
    import multiprocessing

    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise IsocortexError(
            "a worker process is not to run the script again: put if __name__ == '__main__':"
        )


_manager: PluginManager | None = None
_error = ""


def _start_worker(path: list[str], files: list[str], disable: list[str]) -> None:
    global _manager, _error
    threading.Thread(target=_die_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent ends the workers
    sys.path[:] = path
    try:
        _manager = PluginManager(files=[Path(file) for file in files], disable=disable)
    except Exception as error:  # an initializer that raises would break the pool without a word
        _error = f"a worker process cannot load the plugins: {error}"


def _die_with_parent() -> None:
    """End this worker when the run is gone (kill -9 included), so that it writes nothing more."""
    import multiprocessing
    from multiprocessing.connection import wait

    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def perform_in_worker(task: Task) -> Outcome:
    """Carry out a task in a worker process."""
    return perform(task, _manager) if _manager is not None else Outcome(task.id, error=_error)
