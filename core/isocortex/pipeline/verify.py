"""Reading every result again and comparing it with what was recorded when it was written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from isocortex.errors import IsocortexError
from isocortex.pipeline.digests import digest_file
from isocortex.pipeline.record import FILE as RUN
from isocortex.pipeline.seal import DAMAGE, RECORD, agrees, within
from isocortex.pipeline.store import PRIVATE


def verify(folder: Path) -> tuple[int, list[str]]:
    """Check all results below a folder; gives their number and a sentence for each fault."""
    if not folder.is_dir():
        raise IsocortexError(f"{folder}: there is no such folder")
    records = sorted(path for path in folder.rglob(RECORD) if PRIVATE not in path.parts)
    if not records:
        raise IsocortexError(f"{folder}: there are no results of a run in here")
    faults = [fault for record in records for fault in _faults(record)]
    return len(records), [*faults, *_missing(folder)]


def _faults(path: Path) -> Iterator[str]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        files = {
            within(within(path.parent, part["folder"]), name): str(file["sha256"])
            for part in record["outputs"].values()
            for name, file in part["files"].items()
        }
        if not agrees(record):
            yield f"{path}: changed since it was written; run the pipeline again"
    except DAMAGE as error:
        yield f"{path}: damaged ({type(error).__name__}: {error}); run the pipeline again"
        return
    for file, expected in files.items():
        fault = _fault(file, expected)
        if fault:
            yield f"{file}: {fault}; run the pipeline again"


def _fault(file: Path, expected: str) -> str:
    try:
        return "" if digest_file(file) == expected else "changed since it was written"
    except FileNotFoundError:
        return "gone"
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def _missing(folder: Path) -> Iterator[str]:
    """What the last run in this folder finished and is not there any more."""
    try:
        steps = json.loads((folder / RUN).read_text(encoding="utf-8"))["steps"].values()
        done = [folder / step["folder"] / RECORD for step in steps if step["status"] in ("done", "reused")]
    except DAMAGE:
        return
    yield from (f"{path}: gone; run the pipeline again" for path in done if not path.is_file())
