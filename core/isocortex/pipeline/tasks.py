"""Carrying out one step instance, in this process or in a worker: read, compute, write, tell."""

from __future__ import annotations

import os
import shutil
import socket
import time
import traceback
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from isocortex.data.base import Data
from isocortex.data.collected import Collected
from isocortex.errors import IsocortexError, PluginError
from isocortex.pipeline import store
from isocortex.pipeline.settings import AxisValues
from isocortex.pipeline.step import SINGLE, StepSchema
from isocortex.plugins.manager import PluginManager
from isocortex.signatures import Signature


@dataclass(frozen=True)
class Task:
    """All that is needed to carry out a step instance; plain values and paths only, so that it can travel.

    ``inputs`` maps an input to the axes it is collected along (or None) and, for each item, its key, folder,
    and the step component and output that made it (which say its type).
    """

    id: str
    use: str
    settings: Mapping[str, Any]
    components: Mapping[str, tuple[str, str, Mapping[str, Any]]]
    inputs: Mapping[str, tuple[tuple[str, ...] | None, tuple[tuple[tuple[str, ...], Path, str, str], ...]]]
    axes: Mapping[str, str]
    seed: tuple[int, ...]
    folder: Path
    private: Path
    token: str
    record: Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """How a task went: the record of the result, or the error in words."""

    id: str
    record: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""
    details: str = ""


def perform(task: Task, manager: PluginManager) -> Outcome:
    """Carry out a task. Never raises for what a step does; a failed one leaves nothing behind."""
    began = time.perf_counter()
    new: Path | None = None
    try:
        schema = manager.step(task.use)
        arguments = _arguments(task, schema, manager)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            outputs = _named(schema, schema.function(**arguments))
        new = store.begin(task.private)
        described = {name: _write(new, name, data, len(schema.outputs)) for name, data in outputs.items()}
        record = {**task.record, "outputs": described, "warnings": _texts(caught)}
        seconds = time.perf_counter() - began
        timing = {
            "seconds": seconds,
            "finished": time.time(),
            "host": socket.gethostname(),
            "process": os.getpid(),
        }
        store.commit(new, task.folder, task.private, task.token, record, timing)
        return Outcome(task.id, record, seconds)
    except Exception as error:  # whatever a step raises is its failure, not the run's
        if new is not None:
            shutil.rmtree(new, ignore_errors=True)
        return Outcome(task.id, error=_words(error), details=traceback.format_exc())


def _arguments(task: Task, schema: StepSchema, manager: PluginManager) -> dict[str, Any]:
    from isocortex import components

    arguments: dict[str, Any] = {}
    for name, (axes, items) in task.inputs.items():
        loaded = {key: _load(manager, folder, use, output) for key, folder, use, output in items}
        arguments[name] = next(iter(loaded.values())) if axes is None else Collected(loaded, axes)
    arguments.update(_parsed(schema.signature, task.settings))
    for name, (kind, component, settings) in task.components.items():
        signature = components.settings_of(manager.find(kind, component))
        arguments[name] = components.build(manager, kind, component, _parsed(signature, settings))
    if schema.rng is not None:
        arguments[schema.rng] = np.random.default_rng(np.random.SeedSequence(task.seed))
    if schema.axes is not None:
        arguments[schema.axes] = AxisValues(task.axes)
    return arguments


def _parsed(signature: Signature, values: Mapping[str, Any]) -> dict[str, Any]:
    parsed = {}
    for name, value in values.items():
        setting = signature.setting(name)
        if setting is None:
            raise PluginError(signature.unknown(name))
        parsed[name] = setting.parse(value)
    return parsed


def _load(manager: PluginManager, folder: Path, use: str, output: str) -> Data:
    return manager.step(use).outputs[output].load(folder)


def _named(schema: StepSchema, result: Any) -> dict[str, Data]:
    """Check what a step returned against its annotation."""
    if SINGLE in schema.outputs and not hasattr(result, "_fields"):
        outputs = {SINGLE: result}
    else:
        outputs = dict(zip(getattr(result, "_fields", ()), result or (), strict=True))
    for name, kind in schema.outputs.items():
        if not isinstance(outputs.get(name), kind):
            got = type(outputs.get(name)).__name__
            raise PluginError(
                f"the step {schema.name!r} announces {kind.__name__} as {name!r} but returned {got}"
            )
    return outputs


def _write(root: Path, name: str, data: Data, number: int) -> dict[str, Any]:
    folder = root if number == 1 else root / name
    folder.mkdir(exist_ok=True)
    data.save(folder)
    return store.describe(root, folder, data.summary())


def _texts(caught: list[warnings.WarningMessage]) -> list[str]:
    """The warnings that concern the user, each once; those about code that will change one day do not."""
    developer = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
    return list(
        dict.fromkeys(str(item.message) for item in caught if not issubclass(item.category, developer))
    )


def _words(error: Exception) -> str:
    """An error in one sentence; that of a program names the line, that of a full disk the remedy."""
    if isinstance(error, IsocortexError):
        return str(error)
    if isinstance(error, OSError) and error.errno is not None and error.errno in (28, 122):
        return f"the disk is full ({error.strerror}); make room and run the same command again"
    if isinstance(error, MemoryError):
        return f"not enough memory ({error}); use fewer workers or smaller settings"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno})"
