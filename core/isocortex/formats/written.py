"""Digests of what was to be written, so that a file that holds something else a moment later is found out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

_noted: ContextVar[dict[Path, str] | None] = ContextVar("written", default=None)


@contextmanager
def noting_digests() -> Iterator[None]:
    """Let the writers of this context note digests, for ``is_as_meant``; elsewhere they take none."""
    token = _noted.set({})
    try:
        yield
    finally:
        _noted.reset(token)


def note(path: Path, *parts: Any) -> None:
    """Note the digest of bytes (or contiguous arrays) that are written to a file, from memory."""
    noted = _noted.get()
    if noted is None:
        return
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    noted[path] = digest.hexdigest()


def is_as_meant(path: Path, digest: str) -> bool:
    """Whether a file with this digest holds what was noted for it; True where nothing was."""
    return ((_noted.get() or {}).get(path) or digest) == digest
