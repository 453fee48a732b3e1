"""How far a download is: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from typing import Any, TextIO


class Quiet:
    """Shows nothing; what the others inherit."""

    def begin(self, name: str, done: int, total: int | None) -> None:
        """A file begins, or goes on, with ``done`` of ``total`` bytes (None: not known)."""

    def advance(self, count: int) -> None:
        """So many bytes more are here."""

    def end(self) -> None:
        """The file is here, or will not come."""

    def say(self, text: str) -> None:
        """Something that the user should know."""


class Lines(Quiet):
    """A line at the beginning and at every tenth; ``silent`` leaves only what the user should know."""

    def __init__(self, stream: TextIO | None = None, silent: bool = False) -> None:
        self.stream, self.silent = stream or sys.stderr, silent

    def begin(self, name: str, done: int, total: int | None) -> None:
        """Say what begins."""
        self.name, self.done, self.total = name, done, total
        self.tenth = 10 * done // total if total else 0
        start = f", from {bytes_text(done)} on" if done else ""
        self._line(f"{name}: {bytes_text(total) if total else 'size not known'}{start}")

    def advance(self, count: int) -> None:
        """Say every tenth."""
        self.done += count
        tenth = 10 * self.done // self.total if self.total else 0
        if self.total and tenth > self.tenth:
            self.tenth = tenth
            self._line(f"{self.name}: {10 * tenth} % of {bytes_text(self.total)}")

    def _line(self, text: str) -> None:
        if not self.silent:
            self.say(text)

    def say(self, text: str) -> None:
        """Write one line."""
        print(text, file=self.stream, flush=True)


class Bar(Lines):
    """A bar with speed and time left for each file."""

    bar: Any = None

    def begin(self, name: str, done: int, total: int | None) -> None:
        """Put the bar up."""
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self.end()
        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        self.bar = Progress(
            TextColumn("{task.description}", markup=False), *columns, console=Console(file=self.stream)
        )
        self.task = self.bar.add_task(name, total=total, completed=done)
        self.bar.start()

    def advance(self, count: int) -> None:
        """Move the bar."""
        self.bar.advance(self.task, count)

    def end(self) -> None:
        """Take the bar down."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    def say(self, text: str) -> None:
        """Write one line, above the bar where there is one."""
        if self.bar is None:
            super().say(text)
        else:
            self.bar.console.print(text, markup=False, highlight=False)


def progress(stream: TextIO | None = None) -> Quiet:
    """A bar where somebody can see it, lines elsewhere."""
    stream = stream or sys.stderr
    return Bar(stream) if stream.isatty() else Lines(stream)


def bytes_text(size: int) -> str:
    """Write a number of bytes as people read it (1 MB is a million bytes)."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"
