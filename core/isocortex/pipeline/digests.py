"""Digests: of plain values, of files and of folders."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Stamp = tuple[int, int, int, int]


def digest_json(value: Any) -> str:
    """Digest of a plain value; the order of keys does not matter, that of lists does."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def digest_file(path: Path) -> str:
    """Digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class FileDigests:
    """Digests of input files, remembered within a process as long as a file's size and times stay.

    A file that was changed within the last two seconds is read again the next time: the clock of a file
    system can be too coarse to tell two changes apart.
    """

    def __init__(self) -> None:
        self._known: dict[Path, tuple[Stamp, str]] = {}

    def of(self, path: Path) -> str:
        """Digest of a file's content and name, or of a folder with everything in it."""
        if path.is_dir():
            parts = [(str(item.relative_to(path)), self._content(item)) for item in _files(path)]
            return digest_json([path.name, parts])
        return digest_json([path.name, self._content(path)])

    def _content(self, path: Path) -> str:
        stat = path.stat()
        stamp = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        if path in self._known and self._known[path][0] == stamp:
            return self._known[path][1]
        digest = digest_file(path)
        if abs(time.time_ns() - max(stat.st_mtime_ns, stat.st_ctime_ns)) > 2_000_000_000:
            self._known[path] = (stamp, digest)
        return digest


def _files(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
