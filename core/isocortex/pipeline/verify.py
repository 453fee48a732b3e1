"""Reading every result again and comparing it with what was recorded when it was written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from isocortex.errors import IsocortexError
from isocortex.pipeline.digests import digest_file
from isocortex.pipeline.store import PRIVATE, RECORD


def verify(folder: Path) -> tuple[int, list[str]]:
    """Check all results below a folder; gives their number and a sentence for each fault."""
    if not folder.is_dir():
        raise IsocortexError(f"{folder}: there is no such folder")
    records = sorted(path for path in folder.rglob(RECORD) if PRIVATE not in path.parts)
    if not records:
        raise IsocortexError(f"{folder}: there are no results of a run in here")
    return len(records), [fault for record in records for fault in _faults(record)]


def _faults(path: Path) -> Iterator[str]:
    try:
        outputs = json.loads(path.read_text(encoding="utf-8"))["outputs"]
        files = {
            path.parent / part["folder"] / name: file
            for part in outputs.values()
            for name, file in part["files"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        yield f"{path}: damaged ({error}); run the pipeline again"
        return
    for file, expected in files.items():
        if not file.is_file():
            yield f"{file}: gone; run the pipeline again"
        elif digest_file(file) != expected["sha256"]:
            yield f"{file}: changed since it was written; run the pipeline again"
