"""Where step instances run, behind the interface of ``concurrent.futures``."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

from isocortex.pipeline.tasks import Outcome, Task, perform
from isocortex.plugins.manager import PluginManager


class InProcess(Executor):
    """Runs each task at once, here: the kernels themselves use all cores."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``fn`` and give a future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # handed on by the future
            future.set_exception(error)
        return future


def processes(workers: int, manager: PluginManager) -> ProcessPoolExecutor:
    """Make a pool of worker processes that know the same plugins (objects excepted)."""
    import multiprocessing

    disable = sorted(manager.disabled)
    setup = (list(sys.path), [str(file) for file in manager.files], disable)
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=setup)


_manager: PluginManager | None = None


def _start_worker(path: list[str], files: list[str], disable: list[str]) -> None:
    global _manager
    threading.Thread(target=_die_with_parent, daemon=True).start()
    sys.path[:] = path
    _manager = PluginManager(files=[Path(file) for file in files], disable=disable)


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
    assert _manager is not None
    return perform(task, _manager)
