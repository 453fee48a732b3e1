"""What was fetched and when, with its checksums: a JSON file beside it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from isocortex.assets.asset import is_inside
from isocortex.assets.sums import sha256
from isocortex.errors import DamagedFile

READ_ALWAYS = 2 << 30
"""Up to so many bytes a download is read whole at each use; of a larger one, files of another time are."""


@dataclass(frozen=True)
class Content:
    """One file as it was when it was fetched; ``time`` is its time of change in nanoseconds."""

    size: int
    sha256: str
    time: int


@dataclass(frozen=True)
class Fetched:
    """One download; ``contents`` are the files that it became, by their place in the asset's folder."""

    url: str
    checksum: str | None
    sha256: str
    size: int
    date: str
    contents: dict[str, Content] = field(default_factory=dict)

    def holds(self, checksum: str | None) -> bool:
        """Whether it was compared with the checksum that its origin publishes now, if any."""
        return checksum is None or checksum == self.checksum

    def missing(self, folder: Path) -> Iterator[str]:
        """Go through the files that are not there any more."""
        return (name for name in self.contents if not (folder / name).is_file())

    def changed(self, folder: Path, whole: bool = False) -> Iterator[str]:
        """Go through the files that are not what was fetched, each with both checksums.

        ``whole`` reads all of them; else the files of a large download of which size and time stay are not.
        """
        small = sum(content.size for content in self.contents.values()) <= READ_ALWAYS
        for name, content in self.contents.items():
            stat = (folder / name).stat()
            same = (stat.st_size, stat.st_mtime_ns) == (content.size, content.time)
            if same and not small and not whole:
                continue
            found = sha256(folder / name)
            if found != content.sha256:
                yield (
                    f"{folder / name} has changed since it was fetched ({self.date}): its SHA-256 was "
                    f"{content.sha256} and is {found}"
                )


class Record:
    """What of one asset was fetched, by the name of its file at the origin."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: dict[str, Fetched] = {}
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return
        try:
            found = json.loads(content.decode("utf-8"))["files"]
            self.files = {name: _fetched(item) for name, item in found.items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DamagedFile(
                f"{path} does not say what was fetched ({error}); delete it and fetch again"
            ) from error

    def put(self, name: str, fetched: Fetched) -> None:
        """Note a download, at once and as a whole."""
        self.files[name] = fetched
        about = {"asset": self.path.name.removesuffix(".fetched.json"), "files": self.files}
        text = json.dumps(about, indent=1, default=asdict)
        new = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with new.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)


def _fetched(item: dict[str, Any]) -> Fetched:
    contents = {name: Content(**content) for name, content in item.pop("contents").items()}
    fetched = Fetched(**item, contents=contents)
    for content in contents.values():
        if not isinstance(content.size, int) or not isinstance(content.sha256, str):
            raise TypeError("wrong types")
    for name in contents:
        if not is_inside(name):
            raise ValueError(f"{name!r} leads out of its folder")
    return fetched


def content_of(path: Path, digest: str) -> Content:
    """Describe a file whose SHA-256 is known."""
    stat = path.stat()
    return Content(stat.st_size, digest, stat.st_mtime_ns)


def today() -> str:
    """The date as it stands in records."""
    return time.strftime("%Y-%m-%d")
