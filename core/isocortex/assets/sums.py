"""Checksums of files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path


def sums(path: Path, *kinds: str, seen: Callable[[int], None] | None = None) -> dict[str, str]:
    """Read a file once and give its checksums of some kinds (names of ``hashlib``)."""
    hashes = {kind: hashlib.new(kind, usedforsecurity=False) for kind in kinds}
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            for digest in hashes.values():
                digest.update(block)
            if seen is not None:
                seen(len(block))
    return {kind: digest.hexdigest() for kind, digest in hashes.items()}


def sha256(path: Path) -> str:
    """SHA-256 of a file, remembered within this process as long as the file stays the same."""
    stat = path.stat()
    return _sha256(path, (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino))


@lru_cache(maxsize=4096)
def _sha256(path: Path, state: tuple[int, ...]) -> str:
    return sums(path, "sha256")["sha256"]
