"""What runs on a worker: it makes sure that it is like the run that it works for, then carries out tasks."""

from __future__ import annotations

import os
import platform
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from isocortex.errors import IsocortexError
from isocortex.pipeline import fingerprint
from isocortex.pipeline.executors import RunStopped
from isocortex.pipeline.record import versions
from isocortex.pipeline.store import PRIVATE
from isocortex.pipeline.tasks import Part, Task
from isocortex.plugins.manager import PluginManager

BLAS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables that Dask sets to 1 in its workers, where an in-process run has all processors."""


def dask_setup(worker: object) -> None:
    """Leave Ctrl-C, which reaches all of a terminal, to the run; Dask calls this where it preloads it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@dataclass(frozen=True)
class Setup:
    """What a worker has to have in common with the run: folder, plugins, versions."""

    out: Path
    token: str
    path: tuple[str, ...]
    files: tuple[str, ...]
    disabled: tuple[str, ...]
    plugins: tuple[tuple[str, str], ...]
    versions: Mapping[str, str]
    threads: Mapping[str, str]

    @classmethod
    def of(cls, out: Path, token: str, manager: PluginManager) -> Setup:
        """Describe this process."""
        return cls(
            out,
            token,
            tuple(entry for entry in sys.path if entry),
            tuple(str(file) for file in manager.files),
            tuple(sorted(manager.disabled)),
            _plugins(manager),
            _versions(),
            {name: os.environ[name] for name in BLAS if name in os.environ},
        )


def _plugins(manager: PluginManager) -> tuple[tuple[str, str], ...]:
    return tuple((info.name, info.source) for info in manager.infos if info.origin != "object")


def _versions() -> dict[str, str]:
    return {"Python": platform.python_version(), **versions()}


def difference(setup: Setup) -> str:
    """Say in what this worker is unlike the run, or nothing; leave a file that the run can find."""
    here = _versions()
    for name in sorted({*setup.versions, *here}):
        mine, theirs = here.get(name, "not there"), setup.versions.get(name, "not there")
        if mine != theirs:
            return f"{name} is {mine} there and {theirs} in the run; use the same environment on all workers"
    private = setup.out / PRIVATE
    try:
        same = (private / "owner").read_text() == setup.token
    except OSError as error:
        return f"it cannot read {setup.out} ({error.strerror}); the folder must be on a disk that all share"
    if not same:
        return f"it sees another folder than the run at {setup.out}; give one on a disk that all share"
    return ""


def greet(setup: Setup) -> tuple[str, str]:
    """Check this worker; gives what is wrong, and the name of a file that it wrote beside the results."""
    fault = difference(setup)
    if fault:
        return fault, ""
    name = f"new-{secrets.token_hex(8)}-worker"
    try:
        (setup.out / PRIVATE / name).write_text(setup.token)
    except OSError as error:
        return f"it cannot write into {setup.out} ({error.strerror})", ""
    return "", name


_alone = threading.Lock()
_made: dict[str, PluginManager] = {}


def on_worker(setup: Setup, function: Callable[..., Any], task: Task, *arguments: Any) -> Any:
    """Call ``function(task, *arguments, manager)``, one at a time in this process."""
    with _alone, _as_in_the_run(setup):
        manager = _manager(setup)
        _require_same_code(task, manager)
        return function(task, *arguments, manager)


def _manager(setup: Setup) -> PluginManager:
    """The plugins of a run, loaded at its first task in this process."""
    if setup.token not in _made:
        fault = difference(setup)
        fingerprint.forget()  # what was edited since the last run is read anew
        sys.path += [entry for entry in setup.path if entry not in sys.path]
        try:
            manager = PluginManager(files=[Path(file) for file in setup.files], disable=setup.disabled)
        except IsocortexError as error:
            fault = fault or f"it cannot load the plugins: {error}"
        if not fault and _plugins(manager) != setup.plugins:
            lacking = {name for name, _ in set(_plugins(manager)) ^ set(setup.plugins)}
            fault = f"its plugins are not those of the run ({', '.join(sorted(lacking))})"
        if fault:
            raise unfit(fault)
        _made.clear()
        _made[setup.token] = manager
    return _made[setup.token]


def unfit(fault: str, where: str = "") -> RunStopped:
    """A worker that must not take part, in a sentence."""
    return RunStopped(f"the worker {where or f'on {socket.gethostname()}'} cannot take part: {fault}")


def _require_same_code(task: Task, manager: PluginManager) -> None:
    """Raise where this worker would run other code, or other libraries, than the key of the result says."""
    wanted = [("step", task.use, task.record["code"])]
    wanted += list(_components(task.components, task.record["components"]))
    for kind, name, code in wanted:
        found = fingerprint.fingerprint(manager.find(kind, name)) if code is not None else None
        if code is None or (found is not None and found.as_json() == code):
            continue
        if found is None:
            raise unfit(f"it has imported an older text of the {kind} {name!r}; start the workers anew")
        libraries = [
            f"{library} is {version} there and {code['libraries'].get(library, 'not there')} in the run"
            for library, version in found.libraries.items()
            if code["libraries"].get(library) != version
        ]
        what = "; ".join(libraries) or f"the source of the {kind} {name!r} is another there than in the run"
        raise unfit(f"{what}; use the same environment on all workers")


def _components(parts: Mapping[str, Part], records: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for name, part in parts.items():
        yield part.kind, part.name, records[name]["code"]
        yield from _components(part.parts, records[name]["components"])


@lru_cache(maxsize=1)
def _libraries(_modules: int) -> Any:
    """The BLAS libraries of this process, looked for again (10 ms) when modules were imported since."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def _as_in_the_run(setup: Setup) -> Iterator[None]:
    """Give BLAS the threads that it has in the run: all processors, unless the environment says less."""
    from isocortex.threads import processors

    before = {name: os.environ.pop(name) for name in BLAS if name in os.environ}
    os.environ.update(setup.threads)
    most = min([int(text) for text in setup.threads.values() if text.isdecimal()] or [processors()])
    try:
        with _libraries(len(sys.modules)).limit(limits=most, user_api="blas"):
            yield
    finally:
        for name in BLAS:
            os.environ.pop(name, None)
        os.environ.update(before)
