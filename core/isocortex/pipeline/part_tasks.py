"""Carrying out a step instance in parts: which pieces there are, one of them, and all put together.

Parts lie in ``OUT/.isocortex/parts/<key and instance>/<number>`` until they are put together, so that a run
that was stopped goes on with those that it has.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isocortex.api import noting_gets
from isocortex.errors import IsocortexError
from isocortex.formats.arrays import sync, write_json
from isocortex.pipeline import store, tasks
from isocortex.pipeline.digests import digest_file, digest_json
from isocortex.pipeline.isolation import isolated
from isocortex.pipeline.splitting import Part, Piece, split_of, with_defaults
from isocortex.pipeline.tasks import Outcome, Task
from isocortex.plugins.manager import PluginManager
from isocortex.threads import at_most

ABOUT = "about.json"
ALL = 2**31


@dataclass(frozen=True)
class Pieces:
    """The pieces that a step instance is cut into."""

    pieces: tuple[Piece, ...]


def begin(task: Task, manager: PluginManager) -> Pieces | Outcome:
    """Say which pieces there are; a step that is not cut here is carried out at once."""
    try:
        with isolated(task.seed[1:]):
            split = split_of(manager.step(task.use).function)
            pieces = () if split is None else split.pieces(**_arguments(task, manager))
            pieces = json.loads(json.dumps(list(pieces)))
    except BaseException as error:
        return tasks.failure(task, error)
    return Pieces(tuple(pieces)) if len(pieces) > 1 else tasks.perform(task, manager)


def perform_part(task: Task, number: int, piece: Piece, manager: PluginManager) -> Outcome:
    """Carry out one piece, unless that was done before; the result stays in the folder of parts."""
    began = time.perf_counter()
    folder = _folder(task) / str(number)
    try:
        if _is_whole(folder, piece, task):
            return Outcome(task.id)
        noted = isolated(task.seed[1:]), noting_gets(), store.writing(task.place), at_most(task.threads)
        with noted[0] as caught, noted[1] as asked, noted[2] as new, noted[3]:
            split, read = split_of(manager.step(task.use).function), tasks.inputs_of(task)
            assert split is not None
            split.part(piece, **_arguments(task, manager)).save(new)
            about: dict[str, Any] = {"piece": piece, "files": _digests(new)}
            about |= {"warnings": tasks.texts(caught, most=ALL), "asked": sorted(asked)}
            read.require_same()
            if asked or tasks.changed_files(task.watched):
                about["only"] = task.place.token  # the result will say why it is not used again
            _put(new, folder, task, {**about, "seconds": time.perf_counter() - began})
        return Outcome(task.id, seconds=time.perf_counter() - began)
    except BaseException as error:
        return tasks.failure(task, error)


def merge_parts(task: Task, pieces: Sequence[Piece], manager: PluginManager) -> Outcome:
    """Put the parts together to the result, and remove them."""
    folder = _folder(task)
    try:
        abouts = [_checked(folder / str(number)) for number in range(len(pieces))]
        found = [Part.load(folder / str(number)) for number in range(len(pieces))]
        function = manager.step(task.use).function
        split = split_of(function)
        assert split is not None
        texts = [text for about in abouts for text in about["warnings"]]
        asked = {name for about in abouts for name in about["asked"]}
        outcome = tasks.perform(
            task,
            manager,
            lambda **arguments: split.merge(found, **with_defaults(function, arguments)),
            tasks.Before(tuple(texts), frozenset(asked), sum(about["seconds"] for about in abouts)),
        )
    except BaseException as error:
        return tasks.failure(task, error)
    if outcome.error is None:
        shutil.rmtree(folder, ignore_errors=True)
    return outcome


def remove_parts(out: Path) -> None:
    """Remove all parts: for the end of a run that has nothing left to do."""
    shutil.rmtree(out / store.PRIVATE / "parts", ignore_errors=True)


def _arguments(task: Task, manager: PluginManager) -> dict[str, Any]:
    schema = manager.step(task.use)
    return with_defaults(schema.function, tasks.arguments_of(task, schema, manager))


def _folder(task: Task) -> Path:
    """Parts of one key and instance lie together; without a key only this run can use them.

    Instances with the same key would remove the parts under each other.
    """
    name = digest_json([task.record["key"] or task.place.token, task.id])
    return task.place.out / store.PRIVATE / "parts" / name[:40]


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: digest_file(path) for path in sorted(folder.iterdir())}


def _put(new: Path, folder: Path, task: Task, about: dict[str, Any]) -> None:
    """Move a whole part to its place; another worker that did the same meanwhile has the same there."""
    write_json(new / ABOUT, about)
    sync(new)
    if (task.place.out / store.PRIVATE / "owner").read_text() != task.place.token:
        raise IsocortexError(f"{task.id}: another run has taken over this folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        new.rename(folder)
    except OSError:
        if not _is_whole(folder, about["piece"], task):
            shutil.rmtree(folder, ignore_errors=True)
            new.rename(folder)


def _is_whole(folder: Path, piece: Piece, task: Task) -> bool:
    """Whether a part is there; where no key knows what it was made from, it is good for its own run only."""
    try:
        about = _checked(folder)
        return bool(about["piece"] == piece and about.get("only") in (None, task.place.token))
    except (OSError, ValueError, KeyError, TypeError, IsocortexError):
        return False


def _checked(folder: Path) -> Any:
    """What is known of a part; raises where its files are not what was written."""
    about = json.loads((folder / ABOUT).read_text())
    for name, digest in about["files"].items():
        if digest_file(folder / name) != digest:
            raise IsocortexError(f"{folder / name} has changed since it was written; run the same again")
    return about
