"""Reading every result again and comparing it with what was recorded when it was written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isocortex.errors import IsocortexError, shown
from isocortex.pipeline import seal
from isocortex.pipeline.digests import digest_file
from isocortex.pipeline.outdated import BROKEN, Outdated, outdated
from isocortex.pipeline.record import FILE as RUN
from isocortex.pipeline.seal import DAMAGE, RECORD, within
from isocortex.pipeline.store import PRIVATE


@dataclass(frozen=True)
class Verified:
    """What was found: number of results, faults of files, and what the same command would compute again.

    ``parameters``: those of the run for which the pipeline says another value, with both. ``untold``: why
    what would be computed again cannot be told, if so.
    """

    results: int
    faults: list[str]
    again: list[Outdated] = field(default_factory=list)
    parameters: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    untold: str = ""

    @property
    def good(self) -> bool:
        """Whether all files are as they were written, and nothing is known that would be computed again."""
        return not (self.faults or self.again)

    def told(self) -> list[Outdated]:
        """Those that would be computed again for another reason than a fault that is listed."""
        hidden = {
            item.id for item in self.again if item.reasons == (BROKEN,) and self._is_listed(item.folder)
        }
        shown = []
        for item in self.again:
            if item.id in hidden or (not item.sure and hidden.issuperset(item.after)):
                hidden.add(item.id)
            else:
                shown.append(item)
        return shown

    def _is_listed(self, folder: Path) -> bool:
        return any(fault.startswith((f"{folder}/", f"{folder}\\")) for fault in self.faults)

    def as_json(self) -> dict[str, Any]:
        """Plain form."""
        again = [
            {"id": item.id, "sure": item.sure, "reasons": item.reasons, "after": item.after}
            for item in self.again
        ]
        other = {name: {"run": run, "pipeline": now} for name, (run, now) in self.parameters.items()}
        found = {"results": self.results, "faults": self.faults, "again": again, "parameters": other}
        return {**found, "untold": self.untold or None}

    def note(self) -> str:
        """With which parameters that was looked at, where the pipeline says others."""
        other = [
            f"{name} = {shown(run)} (pipeline: {shown(now)})" for name, (run, now) in self.parameters.items()
        ]
        return f"with the parameters of the run: {', '.join(other)}" if other else ""


def verify_all(folder: Path) -> Verified:
    """Check all results below a folder, and what the pipeline of its run would compute again now."""
    number, faults = verify(folder)
    try:
        return Verified(number, faults, *outdated(folder))
    except IsocortexError as error:
        return Verified(number, faults, untold=str(error))


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
        if not seal.is_sealed(path.read_bytes(), record):
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
