"""Digests: of plain values, of files and of folders."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Stamp = tuple[int, ...] | str | None
"""What changes when a file (size, times) or something in a folder (digest of all these) does; None: gone.

Of the two times that of the content can be set by anyone (``cp -p``); that of the entry (ctime) cannot.
"""


def digest_json(value: Any) -> str:
    """Digest of a plain value; the order of keys does not matter, that of lists does."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def digest_file(path: Path) -> str:
    """Digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stamp(path: Path) -> Stamp:
    """Say cheaply how a file or folder is now; compare two of these to see whether it was changed."""
    try:
        if path.is_dir():
            return digest_json([[name, item and stamp(item)] for name, item in entries(path)])
        stat = path.stat()
        return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
    except OSError:
        return None


def entries(folder: Path) -> Iterator[tuple[str, Path | None]]:
    """Go through all that is in a folder, linked folders too: relative name, and the path if it is a file.

    A folder that is come to again, by a link, is named with the place where it was seen first.
    """
    seen: dict[tuple[int, int], str] = {}
    for place, folders, files in os.walk(folder, followlinks=True, onerror=_raise):
        stat = Path(place).stat()
        base = Path(place).relative_to(folder)
        first = seen.setdefault((stat.st_dev, stat.st_ino), base.as_posix())
        if first != base.as_posix():
            folders.clear()
            yield f"{base.as_posix()}/\0{first}", None
            continue
        folders.sort()
        yield from (((base / name).as_posix() + "/", None) for name in folders)
        found = [(base / name, Path(place, name)) for name in sorted(files)]
        yield from ((name.as_posix(), path) for name, path in found if path.is_file())


def _raise(error: OSError) -> None:
    raise error


class FileDigests:
    """Digests of input files, remembered within a process as long as a file's size and times stay.

    A file that was changed within the last two seconds is read again the next time: the clock of a file
    system can be too coarse to tell two changes apart.
    """

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, ...], str]] = {}

    def of(self, path: Path, name: Any = None) -> str:
        """Digest of a file's content and name (its own without ``name``), or of a folder with all in it."""
        name = path.name if name is None else name
        if path.is_dir():
            return digest_json([name, [(part, item and self._content(item)) for part, item in entries(path)]])
        return digest_json([name, self._content(path)])

    def _content(self, path: Path) -> str:
        stat = path.stat()
        key = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        if path in self._known and self._known[path][0] == key:
            return self._known[path][1]
        digest = digest_file(path)
        now = time.time_ns()
        if all(abs(now - changed) > 2_000_000_000 for changed in (stat.st_mtime_ns, stat.st_ctime_ns)):
            self._known[path] = (key, digest)
        return digest
