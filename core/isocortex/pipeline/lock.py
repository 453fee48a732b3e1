"""One run at a time in one output folder: the second says who holds it, and waits."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from isocortex.pipeline.store import PRIVATE, unwritable


@contextmanager
def hold(out: Path) -> Iterator[None]:
    """Hold the output folder; a holder that was killed lets go of it by itself."""
    from filelock import FileLock, Timeout

    private = out / PRIVATE
    try:
        private.mkdir(parents=True, exist_ok=True)
        lock = FileLock(private / "lock")
        try:
            lock.acquire(timeout=0.2)
        except Timeout:
            print(
                f"{out} is held by {_holder(private)}; waiting until it is done", file=sys.stderr, flush=True
            )
            lock.acquire()
    except OSError as error:
        raise unwritable(out, error) from error
    try:
        _say_who(private)
        yield
    except OSError as error:
        if Path(str(error.filename or "")).parent != private:
            raise
        raise unwritable(out, error) from error
    finally:
        lock.release()


def _say_who(private: Path) -> None:
    holder = {
        "process": os.getpid(),
        "host": socket.gethostname(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
    }
    with suppress(OSError):  # it is a note for others; a disk that is full is told of where it matters
        (private / "holder.json").write_text(json.dumps(holder))


def _holder(private: Path) -> str:
    try:
        holder = json.loads((private / "holder.json").read_text())
        return f"process {holder['process']} on {holder['host']} since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another run"
