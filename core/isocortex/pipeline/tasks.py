"""Carrying out one step instance, in this process or in a worker: read, compute, write, tell."""

from __future__ import annotations

import errno
import os
import socket
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from isocortex.api import noting_gets
from isocortex.data.base import Data
from isocortex.data.collected import Collected
from isocortex.errors import IsocortexError, PluginError
from isocortex.pipeline import store
from isocortex.pipeline.digests import Stamp, stamp
from isocortex.pipeline.isolation import isolated
from isocortex.pipeline.listing import files_of
from isocortex.pipeline.seal import Inputs
from isocortex.pipeline.settings import AxisValues
from isocortex.pipeline.step import SINGLE, StepSchema
from isocortex.plugins.manager import PluginManager
from isocortex.signatures import Signature
from isocortex.threads import at_most

MOST_WARNINGS = 100
"""Different warnings of one instance that are kept."""


@dataclass(frozen=True)
class Part:
    """A component among the settings, with those among its own."""

    kind: str
    name: str
    settings: Mapping[str, Any]
    parts: Mapping[str, Part]
    load: str | None = None


@dataclass(frozen=True)
class Task:
    """All that is needed to carry out a step instance; plain values and paths only, so that it can travel.

    ``inputs`` maps an input to the axes it is collected along (or None) and, for each item, its key, folder,
    and the step component and output that made it (which say its type). ``watched`` are the files that the
    key was made from, as they were then; ``threads`` the most that it may use; ``files`` those that its data
    sources listed.
    """

    id: str
    use: str
    settings: Mapping[str, Any]
    components: Mapping[str, Part]
    inputs: Mapping[str, tuple[tuple[str, ...] | None, tuple[tuple[tuple[str, ...], Path, str, str], ...]]]
    axes: Mapping[str, str]
    seed: tuple[int, ...]
    place: store.Place
    record: Mapping[str, Any]
    watched: Mapping[Path, Stamp] = field(default_factory=dict)
    threads: int | None = None
    files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How a task went: the record of the result, or the error in words."""

    id: str
    record: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    error: str | None = None
    details: str = ""


@dataclass(frozen=True)
class Before:
    """What was noted while parts of a task were carried out: warnings, ``get`` calls, seconds."""

    warnings: tuple[str, ...] = ()
    asked: Set[str] = frozenset()
    seconds: float = 0.0


def perform(
    task: Task,
    manager: PluginManager,
    function: Callable[..., Any] | None = None,
    before: Before = Before(),
) -> Outcome:
    """Carry out a task. Never raises for what a step does; a failed one leaves nothing behind.

    ``function`` is called instead of the step's own, where parts of it were done ``before``.
    """
    began = time.perf_counter()
    try:
        noted = isolated(task.seed[1:]), noting_gets(), store.writing(task.place), at_most(task.threads)
        with noted[0] as caught, noted[1] as asked, noted[2] as new, noted[3]:
            schema, read = manager.step(task.use), inputs_of(task)
            outputs = _named(schema, (function or schema.function)(**arguments_of(task, schema, manager)))
            described = {name: _write(new, name, data, len(outputs)) for name, data in outputs.items()}
            record = {**task.record, "outputs": described, "warnings": texts(caught, before.warnings)}
            read.require_same()
            changed = [*changed_files(task.watched), *_relisted(task, manager)]
            _distrust(record, changed, asked | before.asked)
            seconds = time.perf_counter() - began + before.seconds
            store.commit(new, task.place, record, _timing(seconds))
        return Outcome(task.id, record, seconds)
    except BaseException as error:
        return failure(task, error)


def failure(task: Task, error: BaseException) -> Outcome:
    """Whatever a step raises, sys.exit() too, is its failure, not the run's; Ctrl-C goes on."""
    if isinstance(error, KeyboardInterrupt):
        raise error
    return Outcome(task.id, error=_words(error), details=traceback.format_exc())


def _timing(seconds: float) -> dict[str, Any]:
    return {
        "seconds": seconds,
        "finished": time.time(),
        "host": socket.gethostname(),
        "process": os.getpid(),
    }


def _distrust(record: dict[str, Any], changed: Sequence[str], asked: Set[str]) -> None:
    """Take the key from a result if input or code was changed meanwhile, or if a component is not in it."""
    reasons = [f"changed while this ran: {', '.join(changed)}"] * bool(changed)
    if asked:
        names = ", ".join(sorted(asked))
        reasons.append(f"asked isocortex.get for {names}: let it be a setting, annotated with its contract")
    if reasons:
        record["key"] = None
        record["warnings"] += [f"{reason}; so the result will not be used again" for reason in reasons]


def changed_files(watched: Mapping[Path, Stamp]) -> list[str]:
    """Files of input or code that are not any more as they were when the key was made."""
    return [str(path) for path, before in watched.items() if stamp(path) != before]


def _relisted(task: Task, manager: PluginManager) -> list[str]:
    """Files that a data source did not list when the run was planned, or does not list any more."""
    sources = [part for part in task.components.values() if part.kind == "data_source"]
    now: set[Path] = set()
    for part in sources:
        try:
            listed = files_of(_built(part, manager), part.name, part.load, task.axes)
        except Exception as error:  # it lists them no more
            return [f"what {part.name} lists ({_plain(error)})"]
        now.update(file for file in listed if file.exists())
    return sorted(map(str, now.symmetric_difference(task.files))) if sources else []


def inputs_of(task: Task) -> Inputs:
    """The results that a task reads, which are now as the key of its own says."""
    found = Inputs()
    recorded = task.record.get("inputs", {})
    for name, (_, items) in task.inputs.items():
        for (_, folder, _, _), (_, digest, _) in zip(items, recorded[name]["items"], strict=True):
            found.add(folder, digest)
    return found


def arguments_of(task: Task, schema: StepSchema, manager: PluginManager) -> dict[str, Any]:
    """Read, parse and build what the step's function is called with."""
    arguments: dict[str, Any] = {}
    for name, (axes, items) in task.inputs.items():
        loaded = {key: _load(manager, folder, use, output) for key, folder, use, output in items}
        arguments[name] = next(iter(loaded.values())) if axes is None else Collected(loaded, axes)
    arguments.update(_parsed(schema.signature, task.settings))
    arguments.update({name: _built(part, manager) for name, part in task.components.items()})
    if schema.rng is not None:
        arguments[schema.rng] = np.random.default_rng(np.random.SeedSequence(task.seed))
    if schema.axes is not None:
        arguments[schema.axes] = AxisValues(task.axes)
    return arguments


def _built(part: Part, manager: PluginManager) -> Any:
    from isocortex import components

    signature = components.settings_of(manager.find(part.kind, part.name))
    inner = {name: _built(item, manager) for name, item in part.parts.items()}
    return components.build(manager, part.kind, part.name, {**_parsed(signature, part.settings), **inner})


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
        outputs = {name: getattr(result, name, None) for name in schema.outputs}
    for name, kind in schema.outputs.items():
        if not isinstance(outputs[name], kind):
            got = type(result if outputs[name] is None else outputs[name]).__name__
            raise PluginError(
                f"the step {schema.name!r} announces {kind.__name__} as {name!r} but returned {got}"
            )
    return outputs


def _write(root: Path, name: str, data: Data, number: int) -> dict[str, Any]:
    folder = root if number == 1 else root / name
    folder.mkdir(exist_ok=True)
    data.save(folder)
    return store.describe(root, folder, data)


def texts(
    caught: list[warnings.WarningMessage], before: Sequence[str] = (), most: int = MOST_WARNINGS
) -> list[str]:
    """The warnings that concern the user, each once; those about code that will change one day do not."""
    developer = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
    new = [_plain(item.message) for item in caught if not issubclass(item.category, developer)]
    found = dict.fromkeys([*before, *new])
    rest = [f"and {len(found) - most} more"] * (len(found) > most)
    return [*list(found)[:most], *rest]


def _words(error: BaseException) -> str:
    """An error in one sentence; that of a program names the line, that of a full disk the remedy."""
    name, text = type(error).__name__, _plain(error)
    if isinstance(error, IsocortexError):
        return text or name
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full ({error.strerror}); make room and run the same command again"
    if isinstance(error, MemoryError):
        return f"not enough memory ({text}); use fewer workers or smaller settings"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{name}: {text} ({Path(frame.filename).name}:{frame.lineno})"


def _plain(thing: object) -> str:
    """Text of a stranger's object that can be written to a file, even where its own ``__str__`` fails."""
    try:
        return str(thing).encode("utf-8", "backslashreplace").decode()
    except Exception:
        return f"(its {type(thing).__name__} cannot be shown)"
