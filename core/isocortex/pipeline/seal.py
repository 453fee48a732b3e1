"""Whether a result is as it was written: its record, and each of its files.

``step.json`` holds a digest of itself and of every file. ``timing.json`` beside it holds the times of the
files as they were, so that large files that nobody has touched need not be read again. Times are compared
for being the same, never for order: a clock may jump.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from isocortex.errors import IsocortexError
from isocortex.pipeline.digests import Stamp, digest_file, digest_json, stamp

RECORD = "step.json"
TIMING = "timing.json"
SMALL = 2**20
"""Bytes up to which a file is always read: the clock of a file system can be too coarse to show a change."""
DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What reading a record of somebody else may raise."""


def within(folder: Path, name: str) -> Path:
    """Give a path that a record names; one that leads out of the folder is a ``ValueError``."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{name!r} leads out of its folder")
    return folder / path


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """Add a digest of a record to it."""
    return {**record, "digest": digest_json(record)}


def read_record(folder: Path) -> Any:
    """Read the record of a result; a byte of it that was changed is a ``ValueError``."""
    content = (folder / RECORD).read_bytes()
    record = json.loads(content)
    if not is_sealed(content, record):
        raise ValueError("changed since it was written")
    return record


def is_sealed(content: bytes, record: Mapping[str, Any]) -> bool:
    """Whether the bytes of a record are those that were written."""
    return agrees(record) and content == f"{json.dumps(record, ensure_ascii=False, indent=1)}\n".encode()


def agrees(record: Mapping[str, Any]) -> bool:
    """Whether a record is as it was written: its key and digests are those of what stands in it."""
    whole = {name: value for name, value in record.items() if name != "digest"}
    about = {name: value for name, value in whole.items() if name not in ("key", "outputs", "warnings")}
    return (
        ("digest" not in record or record["digest"] == digest_json(whole))  # earlier versions wrote none
        and record["key"] in (None, digest_json(about))
        and all(part["digest"] == _digest_of(part["files"]) for part in record["outputs"].values())
    )


def _digest_of(files: Mapping[str, Any]) -> str:
    return digest_json({name: file["sha256"] for name, file in files.items()})


def without_times(record: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out when files were written, which ``describe`` notes and no record holds."""
    kept = ("size", "sha256")
    outputs = {
        output: {
            **part,
            "files": {name: {item: file[item] for item in kept} for name, file in part["files"].items()},
        }
        for output, part in record.get("outputs", {}).items()
    }
    return {**record, "outputs": outputs}


def times_of(folder: Path, record: Mapping[str, Any]) -> dict[str, Stamp]:
    """Sizes and times of new files; raises ``IsocortexError`` where one was changed meanwhile."""
    found = stamps(folder, record)
    for path, file in _files(folder, record):
        now = found[path.relative_to(folder).as_posix()]
        if not isinstance(now, tuple) or now[:2] != (file["size"], file["mtime"]):
            raise IsocortexError(f"{path}: changed while it was written; run the same command again")
    return found


def stamps(folder: Path, record: Mapping[str, Any]) -> dict[str, Stamp]:
    """Sizes and times of the files of a result, as they are now."""
    return {path.relative_to(folder).as_posix(): stamp(path) for path, _ in _files(folder, record)}


def noted_stamps(folder: Path) -> dict[str, Stamp]:
    """Sizes and times as they were noted beside the result; nothing where that cannot be read."""
    try:
        noted = json.loads((folder / TIMING).read_bytes())["files"]
        return {name: tuple(map(int, numbers)) for name, numbers in noted.items()}
    except DAMAGE:
        return {}


def changed(folder: Path, record: Mapping[str, Any], noted: Mapping[str, Stamp]) -> Iterator[Path]:
    """Give the files that are not as they were written; large ones are read only where a time is another."""
    for path, expected in _files(folder, record):
        now = stamp(path)
        same = now is not None and now == noted.get(path.relative_to(folder).as_posix())
        if isinstance(now, tuple) and now[0] == expected["size"]:
            large = same and now[0] > SMALL
            if large or digest_file(path) == expected["sha256"]:
                continue
        yield path


def _files(folder: Path, record: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for part in record.get("outputs", {}).values():
        inside = within(folder, part["folder"])
        yield from ((within(inside, name), expected) for name, expected in part["files"].items())


class Inputs:
    """The results that a task reads: made sure to be as they were written, before it and after it."""

    def __init__(self) -> None:
        self._files: dict[Path, tuple[Stamp, str]] = {}

    def add(self, folder: Path, digest: str) -> None:
        """Take in an output of a result; raises ``IsocortexError`` where it has another digest."""
        try:
            root, record = _found(folder, digest)
            faults = list(changed(root, record, noted_stamps(root)))
            self._files |= {path: (stamp(path), file["sha256"]) for path, file in _files(root, record)}
        except DAMAGE:
            faults = [folder]
        if faults:
            raise _interference(faults[0])

    def require_same(self) -> None:
        """Raise ``IsocortexError`` where a file was changed since it was taken in."""
        for path, (before, digest) in self._files.items():
            now = stamp(path)
            # size and time of change say the same: perhaps it only lost a name (see ``formats.scratch``)
            alike = isinstance(now, tuple) and isinstance(before, tuple) and now[:2] == before[:2]
            if now != before and not (alike and digest_file(path) == digest):
                raise _interference(path)


def _found(folder: Path, digest: str) -> tuple[Path, Mapping[str, Any]]:
    """Folder of the result that an output belongs to, and what its record says of this output."""
    for root in (folder, folder.parent):
        if (root / RECORD).exists():
            outputs = json.loads((root / RECORD).read_bytes())["outputs"]
            for name, part in outputs.items():
                if within(root, part["folder"]) == folder and digest == _digest_of(part["files"]):
                    return root, {"outputs": {name: part}}
    raise LookupError(digest)


def _interference(path: Path) -> IsocortexError:
    return IsocortexError(f"{path}: somebody changed this result under the run; run the same command again")
