"""One file over HTTP, going on where a broken download stopped. Can be the ``downloader`` of pooch."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from isocortex.assets.progress import Quiet, bytes_text
from isocortex.errors import DataError

BLOCK = 1 << 16
PASSING = (202, 408, 425, 429, 500, 502, 503, 504)
"""Answers that mean: later perhaps (202 is how some archives say that they are not ready)."""
HOPELESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.TooManyRedirects,
    requests.exceptions.SSLError,
)


class NotServed(DataError):
    """An address does not give the file; another may."""


class _Passing(requests.RequestException):
    """A failure that another attempt may not have."""


@dataclass(frozen=True)
class Part:
    """What has come so far of a download (``path``), and a note beside it which version of the file it is."""

    path: Path

    @property
    def size(self) -> int:
        """Bytes that are here."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def note(self) -> Path:
        """The note."""
        return self.path.with_name(self.path.name + ".json")

    def read(self) -> dict[str, Any]:
        """The note, or nothing where it cannot be read."""
        try:
            found = json.loads(self.note.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def discard(self) -> None:
        """Forget what is here."""
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


@dataclass
class ResumingDownloader:
    """Downloads a file: ``downloader(url, path, None)``, also as the ``downloader`` of ``pooch.retrieve``.

    A broken download stays as ``<path>.part`` and goes on there, if the server still has the same version
    (its ETag or date decides; without either only where ``checked`` says that a checksum is compared later).
    ``attempts`` counts failures one after the other without any progress. ``size`` is in bytes, if known.

    Raises ``NotServed`` when the address does not give the file, ``DataError`` when the disk is too small.
    """

    progress: Quiet
    checked: bool = False
    size: int | None = None
    name: str = ""
    attempts: int = 4
    pause: float = 1.0
    timeout: tuple[float, float] = (15.0, 60.0)

    def __call__(self, url: str, output_file: Any, pooch: Any = None) -> None:
        """Download ``url`` to the path ``output_file``, which exists only when it is whole."""
        target = Path(output_file)
        part = Part(target.with_name(target.name + ".part"))
        failures, best = 0, part.size
        while True:
            try:
                self._receive(url, part)
                break
            except HOPELESS as error:
                raise NotServed(f"{url} cannot be read: {_reason(error)}") from error
            except requests.RequestException as error:
                failures = 1 if part.size > best else failures + 1
                best = max(best, part.size)
                if failures >= self.attempts:
                    raise NotServed(_stopped(url, part, error)) from error
                time.sleep(self.pause * 2 ** (failures - 1))
            finally:
                self.progress.end()
        part.path.replace(target)
        part.discard()

    def _receive(self, url: str, part: Part) -> None:
        """Get what is missing, in one request."""
        headers, start = self._asked(url, part)
        if start and start == part.read().get("size"):
            return
        with requests.get(url, headers=headers, stream=True, timeout=self.timeout) as answer:
            if answer.status_code == 416 or (answer.status_code == 206 and not _fits(answer, part, start)):
                part.discard()
                raise _Passing(f"the server does not go on with this file after {start} bytes")
            self._require_file(url, answer)
            start = start if answer.status_code == 206 else 0
            length = _number(answer.headers.get("Content-Length"))
            total = start + length if length is not None else None
            self._require_room(url, part, start, total)
            note = {"url": url, "size": total, **_version(answer.headers)}
            part.note.write_text(json.dumps(note), encoding="utf-8")
            self.progress.begin(self.name or part.path.stem, start, total)
            self._write(answer, part, start)
        total = self.size if total is None else total
        if total is not None and part.size != total:
            raise _Passing(f"{part.size} of {total} bytes came")

    def _asked(self, url: str, part: Part) -> tuple[dict[str, str], int]:
        """What to ask for, and the first byte of it."""
        headers = {"Accept-Encoding": "identity", "User-Agent": "isocortex (pooch)"}
        note, start = part.read(), part.size
        version = note.get("etag") or note.get("date")
        if not start or note.get("url") != url or not (version or self.checked):
            return headers, 0
        headers["Range"] = f"bytes={start}-"
        if version:
            headers["If-Range"] = version
        return headers, start

    def _require_file(self, url: str, answer: requests.Response) -> None:
        """Raise when the answer is not the file."""
        if answer.status_code in PASSING:
            raise _Passing(f"the server answers {answer.status_code} {answer.reason}".rstrip())
        if answer.status_code not in (200, 206):
            raise NotServed(f"{url}: the server answers {answer.status_code} {answer.reason}".rstrip())
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind == "text/html" and not self.checked and not url.endswith((".html", ".htm")):
            raise NotServed(f"{url} gives a web page and not the file (a login or a notice, perhaps)")
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise NotServed(f"{url}: the server packs the file on its way, although it was asked not to")

    def _require_room(self, url: str, part: Part, start: int, total: int | None) -> None:
        """Raise when the size is wrong or the disk too small, before anything is written."""
        if total is not None and self.size is not None and total != self.size:
            raise NotServed(f"{url} has {total} bytes; the file is known to have {self.size}")
        expected = total or self.size or 0
        free = shutil.disk_usage(part.path.parent).free
        if expected - start > free:
            raise DataError(
                f"{self.name or url} needs {bytes_text(expected - start)} more and {part.path.parent} has "
                f"{bytes_text(free)} left; make room, or choose another folder (--to DIR or ISOCORTEX_DATA)"
            )

    def _write(self, answer: requests.Response, part: Part, start: int) -> None:
        size = start
        with part.path.open("ab" if start else "wb") as file:
            for block in answer.iter_content(BLOCK):
                size += len(block)
                if self.size is not None and size > self.size:
                    file.close()
                    part.discard()
                    raise NotServed(f"{answer.url} sends more than the {self.size} bytes the file has")
                file.write(block)
                self.progress.advance(len(block))


def _version(headers: Mapping[str, str]) -> dict[str, str]:
    """What tells one version of the file from another; a weak ETag does not."""
    found = {}
    if headers.get("ETag", "W/").startswith('"'):
        found["etag"] = headers["ETag"]
    if "Last-Modified" in headers:
        found["date"] = headers["Last-Modified"]
    return found


def _fits(answer: requests.Response, part: Part, start: int) -> bool:
    """Whether a partial answer goes on exactly where the part ends, and is of the same version."""
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", answer.headers.get("Content-Range", "").strip())
    note, now = part.read(), _version(answer.headers)
    if match is None or not start or int(match[1]) != start:
        return False
    if match[3] != "*" and note.get("size") not in (None, int(match[3])):
        return False
    return all(now.get(key, note[key]) == note[key] for key in ("etag", "date") if key in note)


def _number(text: str | None) -> int | None:
    with suppress(ValueError):
        return int(text) if text is not None else None
    return None


def _reason(error: Exception) -> str:
    """The cause of a failure without the objects that the libraries show."""
    text = str(error)
    for words, plain in (
        ("Name or service not known", "the server's name is not known (is there a network?)"),
        ("Failed to resolve", "the server's name is not known (is there a network?)"),
        ("NameResolutionError", "the server's name is not known (is there a network?)"),
        ("Connection refused", "the connection was refused"),
        ("timed out", "the server was silent for too long"),
        ("IncompleteRead", "the connection broke off"),
        ("Connection aborted", "the connection broke off"),
        ("Connection broken", "the connection broke off"),
        ("certificate", "its certificate cannot be verified"),
    ):
        if words in text:
            return plain
    return text or type(error).__name__


def _stopped(url: str, part: Part, error: Exception) -> str:
    kept = f"; {bytes_text(part.size)} are kept and the same command goes on from there" if part.size else ""
    return f"{url} cannot be downloaded: {_reason(error)}{kept}"
