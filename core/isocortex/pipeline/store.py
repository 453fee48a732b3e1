"""Results on disk are the cache: ``OUT/<step>/<axis>=<value>/`` with readable files and ``step.json``.

A result is written beside its place, forced to the disk and renamed, so that it is there whole or not at all.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isocortex.errors import IsocortexError
from isocortex.formats.arrays import safe_name, sync, write_json
from isocortex.pipeline.digests import digest_file, digest_json

FORMAT = 1
"""Number of the layout of results; another number is another key."""
RECORD = "step.json"
TIMING = "timing.json"
PRIVATE = ".isocortex"


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
        except (OSError, ValueError, KeyError, TypeError):
            return None


class Store:
    """The output folder of a run."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.private = out / PRIVATE

    def prepare(self) -> None:
        """Make the folder, sweep out what a killed run left half-written, and take ownership of it.

        To be called under the lock only.
        """
        try:
            self.private.mkdir(parents=True, exist_ok=True)
            for leftover in self.private.glob("new-*"):
                shutil.rmtree(leftover, ignore_errors=True)
            self.token = secrets.token_hex(8)
            (self.private / "owner").write_text(self.token)
        except OSError as error:
            raise unwritable(self.out, error) from error

    def folder(self, step: str, axes: Mapping[str, str]) -> Path:
        """Where the result of a step instance lies."""
        folder = self.out / step
        for axis, value in axes.items():
            folder = folder / f"{axis}={safe_name(value)}"
        return folder

    def find(self, folder: Path) -> Result | None:
        """Read a finished result; anything incomplete or changed by hand counts as not there."""
        try:
            record = json.loads((folder / RECORD).read_bytes())
            if record["format"] != FORMAT:
                return None
            outputs = {name: output_of(folder, name, part) for name, part in record["outputs"].items()}
            if not _untouched(folder, record):
                return None
            return Result(folder, record["key"], record, outputs)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None


def output_of(folder: Path, name: str, part: Mapping[str, Any]) -> Output:
    """Read one output from a result's record."""
    size = sum(int(file["size"]) for file in part["files"].values())
    return Output(folder / str(part["folder"]), str(part["digest"]), size, str(part["summary"]))


def _untouched(folder: Path, record: Mapping[str, Any]) -> bool:
    """Whether all files are as they were written: size always, content when changed after ``step.json``."""
    written = (folder / RECORD).stat().st_mtime_ns
    for part in record["outputs"].values():
        for name, expected in part["files"].items():
            path = folder / part["folder"] / name
            stat = path.stat()
            if stat.st_size != expected["size"]:
                return False
            if max(stat.st_mtime_ns, stat.st_ctime_ns) > written and digest_file(path) != expected["sha256"]:
                return False
    return True


def describe(root: Path, folder: Path, summary: str) -> dict[str, Any]:
    """Describe the files of one output for ``step.json``; ``root`` is the instance's folder."""
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            files[path.relative_to(folder).as_posix()] = {
                "size": path.stat().st_size,
                "sha256": digest_file(path),
            }
    digest = digest_json({name: file["sha256"] for name, file in files.items()})
    inside = folder.relative_to(root).as_posix()
    return {"folder": inside, "digest": digest, "summary": summary, "files": files}


def begin(private: Path) -> Path:
    """Make a folder to write a result into."""
    folder = private / f"new-{secrets.token_hex(8)}"
    folder.mkdir()
    return folder


def commit(
    new: Path, final: Path, private: Path, token: str, record: Mapping[str, Any], timing: Mapping[str, Any]
) -> None:
    """Complete a result and put it into its place in one move.

    Raises when the output folder has meanwhile been taken over by another run: this one's parent is gone.
    """
    write_json(new / TIMING, timing)
    write_json(new / RECORD, record)
    for folder in {path.parent for path in new.rglob("*")}:
        sync(folder)
    if (private / "owner").read_text() != token:
        raise IsocortexError(f"{final}: another run has taken over this folder")
    final.parent.mkdir(parents=True, exist_ok=True)
    if final.exists():
        old = private / f"new-{secrets.token_hex(8)}-old"
        final.rename(old)
        new.rename(final)
        shutil.rmtree(old, ignore_errors=True)
    else:
        new.rename(final)
    sync(final.parent)


def unwritable(path: Path, error: OSError) -> IsocortexError:
    """Say in one sentence why an output folder cannot be written."""
    return IsocortexError(
        f"{path}: cannot be written ({error.strerror or error}); choose another folder with --out"
    )
