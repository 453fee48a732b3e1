"""Results on disk are the cache: ``OUT/<step>/<axis>=<value>/`` with readable files and ``step.json``.

A result is written beside its place, forced to the disk and renamed, so that it is there whole or not at all.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isocortex.data.base import Data
from isocortex.errors import IsocortexError, PluginError
from isocortex.formats.arrays import safe_name, sync, write_json
from isocortex.formats.scratch import scratch_in
from isocortex.formats.written import is_as_meant, noting_digests
from isocortex.pipeline import seal
from isocortex.pipeline.digests import digest_file, digest_json
from isocortex.pipeline.seal import DAMAGE, RECORD, TIMING, within

FORMAT = 1
"""Number of the layout of results; another number is another key."""
PRIVATE = ".isocortex"
OLD = "-old"
"""Ending of a folder aside that holds what a new result replaces."""
_LITTER = re.compile(
    r"(\.DS_Store|\._.*|\.directory|\.nfs.*|Thumbs\.db|desktop\.ini|\.ipynb_checkpoints|@eaDir|\..*\.sw.|.*~)$"
)
"""Names of what file browsers, editors and servers leave behind; goes with the result that it lies in."""


@dataclass(frozen=True)
class Output:
    """One output of a finished instance: its folder inside the result, digest and summary."""

    folder: Path
    digest: str
    size: int
    summary: str


@dataclass(frozen=True)
class Result:
    """A finished step instance on disk."""

    folder: Path
    key: str | None
    record: Mapping[str, Any]
    outputs: Mapping[str, Output]

    @property
    def warnings(self) -> list[str]:
        """Warnings that the step gave."""
        return list(self.record["warnings"])

    def seconds(self) -> float | None:
        """How long it took, if that is still known."""
        try:
            return float(json.loads((self.folder / TIMING).read_text())["seconds"])
        except DAMAGE:
            return None


@dataclass(frozen=True)
class Place:
    """Where a result goes: the output folder, the place in it, and who may write there."""

    out: Path
    inside: Path
    token: str

    @property
    def final(self) -> Path:
        """Folder of the result."""
        return self.out / self.inside


class Store:
    """The output folder of a run."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.private = out / PRIVATE
        self.token = ""

    def prepare(self) -> None:
        """Make the folder, take ownership of it, and clean up after a killed run.

        To be called under the lock only. Ownership first: a worker that outlived its run then cannot write.
        """
        try:
            self.private.mkdir(parents=True, exist_ok=True)
            self.token = secrets.token_hex(8)
            (self.private / "owner").write_text(self.token)
            self.sweep()
        except OSError as error:
            raise unwritable(self.out, error) from error

    def sweep(self) -> None:
        """Put whole results that a kill caught on their way where they belong, and remove the rest."""
        leftovers = self.private.glob("new-*")
        for leftover in sorted(leftovers, key=lambda path: path.name.endswith(OLD)):  # the newer ones first
            _put_back(leftover, self.out)
            shutil.rmtree(leftover, ignore_errors=True) if leftover.is_dir() else leftover.unlink(
                missing_ok=True
            )

    def require_own(self, steps: Iterable[str]) -> None:
        """Raise where a step has files in its folder that no run has written: they could be lost.

        A listing against the records, which alone are read.
        """
        for step in steps:
            foreign = _foreign(self.out / step)
            if foreign is not None:
                raise IsocortexError(
                    f"{self.out / step} holds files that are no result of isocortex "
                    f"({foreign.relative_to(self.out)}); "
                    "move them, or choose another folder with --out"
                )

    def folder(self, step: str, axes: Mapping[str, str]) -> Path:
        """Where the result of a step instance lies."""
        folder = self.out / step
        for axis, value in axes.items():
            folder = folder / f"{axis}={safe_name(value)}"
        return folder

    def place(self, folder: Path) -> Place:
        """Permission to write a result into a folder."""
        return Place(self.out, folder.relative_to(self.out), self.token)

    def find(self, folder: Path) -> Result | None:
        """Read a finished result; anything incomplete or changed by hand counts as not there."""
        try:
            record = seal.read_record(folder)
            if record["format"] != FORMAT or not all(isinstance(text, str) for text in record["warnings"]):
                return None
            outputs = {name: output_of(folder, name, part) for name, part in record["outputs"].items()}
            noted = seal.noted_stamps(folder)
            if any(seal.changed(folder, record, noted)):
                return None
            if self.token:
                self._note(folder, seal.stamps(folder, record), noted)
            return Result(folder, record["key"], record, outputs)
        except DAMAGE:
            return None

    def _note(self, folder: Path, now: Mapping[str, Any], noted: Mapping[str, Any]) -> None:
        """Note the times of files that were read and found whole, so that they need not be read again."""
        if now == noted:
            return
        with suppress(*DAMAGE):
            timing = {"files": now, "place": folder.relative_to(self.out).as_posix()}
            with suppress(ValueError, OSError, TypeError):
                timing = json.loads((folder / TIMING).read_bytes()) | timing
            new = self.private / f"new-{secrets.token_hex(8)}"
            new.write_text(json.dumps(timing) + "\n")
            new.replace(folder / TIMING)


def _foreign(step: Path) -> Path | None:
    """A file in a step's folder that is in no record there."""
    if step.is_file():
        return step
    known: set[Path] = set()
    for place, folders, names in os.walk(step):
        folder = Path(place)
        folders[:] = [name for name in folders if not _LITTER.match(name)]
        if RECORD in names or TIMING in names:
            known |= _recorded(folder)
        for name in names:
            if name not in (RECORD, TIMING) and not _LITTER.match(name) and folder / name not in known:
                return folder / name
    return None


def _recorded(folder: Path) -> set[Path]:
    """Files of a result, by its record or the times beside it: all there, where both are damaged."""
    names = set(seal.noted_stamps(folder))
    with suppress(*DAMAGE):
        names |= set(seal.stamps(folder, json.loads((folder / RECORD).read_bytes())))
    return {folder / name for name in names} or set(folder.rglob("*"))


def output_of(folder: Path, name: str, part: Mapping[str, Any]) -> Output:
    """Read one output from a result's record."""
    size = sum(int(file["size"]) for file in part["files"].values())
    inside = within(folder, part["folder"])
    return Output(inside, str(part["digest"]), size, str(part["summary"]))


def describe(root: Path, folder: Path, data: Data) -> dict[str, Any]:
    """Describe the files that ``data`` wrote into ``folder`` inside the instance's folder ``root``."""
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            if not type(data).__module__.startswith("isocortex."):
                sync(path)  # core's own writers have done it
            stat, digest = path.stat(), digest_file(path)
            if not is_as_meant(path, digest):
                raise IsocortexError(f"{path}: changed while it was written; run the same command again")
            files[path.relative_to(folder).as_posix()] = {
                "size": stat.st_size,
                "sha256": digest,
                "mtime": stat.st_mtime_ns,
            }
    for name in (RECORD, TIMING):
        if any(Path(file).name == name for file in files):
            raise PluginError(f"a data type may not save a file {name!r}: that is the name of a record")
    digest = digest_json({name: file["sha256"] for name, file in files.items()})
    inside = folder.relative_to(root).as_posix()
    return {"folder": inside, "digest": digest, "summary": data.summary(), "files": files}


@contextmanager
def writing(place: Place) -> Iterator[Path]:
    """Give a folder to write a result into; what is not committed from it is gone afterwards.

    Large arrays that are made meanwhile lie beside it, so that they need not be copied.
    """
    new = _aside(place)
    try:
        new.mkdir()
        with scratch_in(_scratch(new)), noting_digests():
            yield new
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _aside(place: Place, suffix: str = "") -> Path:
    return place.out / PRIVATE / f"new-{secrets.token_hex(8)}{suffix}"


def _scratch(new: Path) -> Path:
    return new.with_name(f"{new.name}-scratch")


def commit(new: Path, place: Place, record: Mapping[str, Any], timing: Mapping[str, Any]) -> None:
    """Complete a result and put it into its place in one move.

    Raises when the output folder has meanwhile been taken over by another run: this one's parent is gone.
    """
    shutil.rmtree(_scratch(new), ignore_errors=True)  # a file that has a second name there gets a new time
    timing = {**timing, "place": place.inside.as_posix(), "files": seal.times_of(new, record)}
    (new / TIMING).write_text(json.dumps(timing) + "\n")  # not forced to the disk: nothing depends on it
    write_json(new / RECORD, seal.sealed(seal.without_times(record)))
    for folder in {path.parent for path in new.rglob("*")}:
        sync(folder)
    if (place.out / PRIVATE / "owner").read_text() != place.token:
        raise IsocortexError(f"{place.final}: another run has taken over this folder")
    made = [folder for folder in place.final.parents if not folder.exists()]
    place.final.parent.mkdir(parents=True, exist_ok=True)
    if place.final.exists():
        _replace(new, place)
    else:
        new.rename(place.final)
        _keep(place.final, *made)


def _keep(*places: Path) -> None:
    """Force the names of folders to the disk, so that a power cut does not take them away again."""
    for folder in dict.fromkeys(path.parent for path in places):
        with suppress(OSError):  # the result is there, and whole
            sync(folder)


def _replace(new: Path, place: Place) -> None:
    """Put a result where another is. The old one goes last; results along axes that lie in it stay."""
    aside = _aside(place, OLD)
    old = aside / place.inside
    try:
        old.parent.mkdir(parents=True)
        place.final.rename(old)
        new.rename(place.final)
        _keep(place.final)
    finally:
        _put_back(aside, place.out)
        shutil.rmtree(aside, ignore_errors=True)


def _put_back(aside: Path, out: Path) -> None:
    """Move every whole result that lies aside to its place, if that is empty."""
    for record in sorted(aside.rglob(RECORD)):
        folder = record.parent
        inside = folder.relative_to(aside) if folder != aside else _noted_place(folder)
        if record.exists() and inside is not None and not (out / inside).exists():
            (out / inside).parent.mkdir(parents=True, exist_ok=True)
            folder.rename(out / inside)


def _noted_place(folder: Path) -> Path | None:
    try:
        return within(Path(), json.loads((folder / TIMING).read_text())["place"])
    except DAMAGE:
        return None


def unwritable(path: Path, error: OSError) -> IsocortexError:
    """Say in one sentence why an output folder cannot be written."""
    return IsocortexError(
        f"{path}: cannot be written ({error.strerror or error}); choose another folder with --out"
    )
