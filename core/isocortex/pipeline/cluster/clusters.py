"""Finding or starting a Dask cluster: at an address, on this machine, or as jobs of a batch system."""

from __future__ import annotations

import importlib
import inspect
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from isocortex.errors import IsocortexError, suggestion
from isocortex.pipeline.execution import BATCH, ExecutionPart, size_of

CLASSES = {
    "slurm": ("dask_jobqueue", "SLURMCluster"),
    "pbs": ("dask_jobqueue", "PBSCluster"),
    "sge": ("dask_jobqueue", "SGECluster"),
}

QUIET = {"dashboard": False, "dashboard_address": ":0"}
"""Options of a scheduler that shows no pages."""

SECONDS_BETWEEN = 10.0
"""Between two looks at whether jobs have ended."""


@dataclass
class Cluster:
    """A connected cluster.

    ``owned``: Dask's object of a cluster that ends with the run, or None. ``memory``: what each worker may
    take, where Dask does not know it. ``jobs``: number of jobs that should run; 0 without a batch system.
    """

    scheduler: str
    client: Any
    owned: Any = None
    memory: int | None = None
    jobs: int = 0
    asked: float = 0.0

    def keep_up(self) -> None:
        """Ask for jobs instead of those that have ended, now and then."""
        if self.jobs and time.monotonic() - self.asked > SECONDS_BETWEEN:
            self.asked = time.monotonic()
            self.owned.scale(jobs=self.jobs)

    def close(self) -> None:
        """Let go of the cluster; one that was started here ends, its workers too."""
        with suppress(Exception):  # whatever is gone already
            self.client.close(timeout=5)
        if self.owned is not None:
            with suppress(Exception):
                self.owned.close(timeout=10)


def connect(execution: ExecutionPart) -> Cluster:
    """Connect to the cluster that ``execution.scheduler`` names.

    Raises ``IsocortexError`` where nothing answers, or the settings are not accepted.
    """
    scheduler = execution.scheduler or ""
    require_dask(scheduler)
    with _settings(execution):
        if scheduler.startswith("local:"):
            return _local(scheduler, int(scheduler[6:]))
        if scheduler in BATCH:
            return _batch(scheduler, execution)
        return _address(scheduler)


def require_dask(scheduler: str) -> None:
    """Raise ``IsocortexError`` where what a scheduler needs is not installed."""
    from importlib.util import find_spec

    for module in ("distributed", *([CLASSES[scheduler][0]] if scheduler in CLASSES else [])):
        if find_spec(module) is None:
            raise IsocortexError(f"the scheduler {scheduler} needs Dask: pip install 'isocortex[dask]'")


@contextmanager
def _settings(execution: ExecutionPart) -> Iterator[None]:
    """Dask's own settings: deaths are counted here, and memory maps are no reason to stop a worker."""
    import dask
    import distributed  # noqa: F401  # its own settings have to be there before some are set for a while

    memory = dict.fromkeys(("target", "spill", "pause", "terminate"), False)
    settings: dict[str, Any] = {f"distributed.worker.memory.{name}": value for name, value in memory.items()}
    settings["distributed.scheduler.allowed-failures"] = 0
    settings["distributed.worker.preload"] = ["isocortex.pipeline.cluster.on_worker"]
    with dask.config.set(settings):
        yield


def _client(where: Any, **settings: Any) -> Any:
    from distributed import Client

    made: Any = Client
    return made(where, set_as_default=False, **settings)


def _address(scheduler: str, timeout: float = 20) -> Cluster:
    try:
        return Cluster(scheduler, _client(scheduler, timeout=timeout))
    except (OSError, ValueError) as error:
        raise IsocortexError(
            f"no Dask scheduler answers at {scheduler} ({type(error).__name__}); "
            "start one with: dask scheduler"
        ) from None


def _local(scheduler: str, workers: int) -> Cluster:
    from distributed import LocalCluster

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // workers
    threads = max(1, (os.cpu_count() or 1) // workers)
    made: Any = LocalCluster
    try:
        owned = made(
            n_workers=workers, threads_per_worker=threads, processes=True, memory_limit=0,
            host="127.0.0.1", scheduler_kwargs=QUIET, silence_logs=50,
        )  # fmt: skip
    except RuntimeError as error:
        raise IsocortexError(
            f"the workers of Dask die as soon as they start ({error}); in a script of your own, call "
            "isocortex.run under if __name__ == '__main__': (each worker reads the script too)"
        ) from None
    return Cluster(scheduler, _client(owned), owned, memory)


def _batch(scheduler: str, execution: ExecutionPart) -> Cluster:
    owned = batch_cluster(scheduler, execution)
    jobs = _jobs(execution)
    try:
        owned.scale(jobs=jobs)
        return Cluster(scheduler, _client(owned), owned, None, jobs)
    except Exception as error:
        owned.close()
        raise IsocortexError(f"{scheduler}: jobs cannot be started: {error}") from None


def batch_cluster(scheduler: str, execution: ExecutionPart) -> Any:
    """Give dask-jobqueue's cluster for ``execution.cluster``, without any job yet.

    ``batch_cluster(...).job_script()`` is what will be submitted. Each job is one worker, unless
    ``processes`` says otherwise.
    """
    module, name = CLASSES[scheduler]
    made: Any = getattr(importlib.import_module(module), name)
    settings = {key: value for key, value in execution.cluster.items() if key != "jobs"}
    for key, value in (("memory", execution.memory), ("cores", execution.threads), ("processes", 1)):
        if value is not None:
            settings.setdefault(key, value)
    for key in ("cores", "memory"):
        if key not in settings:
            raise IsocortexError(
                f"execution: cluster: say how many cores and how much memory a job gets ({key} is missing)"
            )
    try:
        settings["memory"] = f"{size_of(settings['memory'])}B"
    except ValueError as error:
        raise IsocortexError(f"execution: cluster: memory: expected {error}") from None
    settings["job_script_prologue"] = [*_prologue(), *settings.get("job_script_prologue", [])]
    settings["scheduler_options"] = {**QUIET, **settings.get("scheduler_options", {})}
    _require_known(settings, made)
    try:
        return made(**settings)
    except (TypeError, ValueError) as error:
        raise IsocortexError(f"execution: cluster: {str(error).splitlines()[0]}") from None


def _require_known(settings: Mapping[str, Any], made: Any) -> None:
    """Raise for a setting that neither the cluster nor its jobs take, with what is close to it."""
    kinds = [*made.job_cls.__mro__, *made.__mro__]
    known = {name for kind in kinds for name in inspect.signature(kind.__init__).parameters}
    known -= {"self", "args", "kwargs", "job_kwargs", "base_class_kwargs"}
    for name in settings:
        if name not in known:
            raise IsocortexError(
                f"execution: cluster: there is no setting {name!r}; {suggestion(name, known, 'settings')}"
            )


def _prologue() -> list[str]:
    """Settings of the workers in a job: a memory map counts as memory in use, and must not stop a worker."""
    names = ("TARGET", "SPILL", "PAUSE", "TERMINATE")
    return [f"export DASK_DISTRIBUTED__WORKER__MEMORY__{name}=False" for name in names]


def _jobs(execution: ExecutionPart) -> int:
    jobs = execution.cluster.get("jobs", 1)
    if not isinstance(jobs, int) or jobs < 1:
        raise IsocortexError(f"execution: cluster: jobs: expected a number from 1 on, got {jobs!r}")
    return jobs
