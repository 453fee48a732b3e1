"""Evaluations kept on disk, so that a search that was killed goes on where it was.

Every optimiser here is a function of the losses and gradients that it has seen. To go on, it runs from its
start again and is told what it was told before, at next to no cost, up to the last evaluation in the log; its
course, line searches and random shifts included, is the same to the last bit.

A log is one file: a header (what the search is: a digest), then records of equal size. A record holds the
digest of the states, losses, losses by layer, gradient, and a checksum; a half-written last one is dropped.
"""

from __future__ import annotations

import hashlib
import os
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from isocortex.contracts import Gradient
from isocortex.data.base import Array
from isocortex_reconstruction.algorithms.problem import Evaluate, Floats

_MAGIC = b"isocortex evaluations 1\n"
_DIGEST = 16


class Replayed:
    """``evaluate`` with a log; call ``close`` at the end.

    Parameters
    ----------
    evaluate : what is logged.
    path : the log; goes on with it where it is of the same search.
    search : digest of all that decides the course: settings, targets, seed.
    layers : names of the losses by layer, in order.
    shape : of the states, (n, ...).
    sync_every : evaluations after which the log is on the disk for certain.
    """

    def __init__(
        self,
        evaluate: Evaluate,
        path: Path,
        search: bytes,
        layers: Sequence[str],
        shape: tuple[int, ...],
        sync_every: int = 10,
    ) -> None:
        self._evaluate = evaluate
        self._layers = tuple(layers)
        self._shape = shape
        self._sync_every = sync_every
        self._count = 0
        self._header = _MAGIC + hashlib.blake2b(search, digest_size=_DIGEST).digest()
        self._file = path.open("r+b" if path.exists() else "w+b")
        if self._file.read(len(self._header)) != self._header:
            self._begin()
        self.replayed = 0
        """How many evaluations came from the log."""
        self._replaying = self._file.seek(0, os.SEEK_END) > len(self._header)
        self._file.seek(len(self._header))

    def __call__(self, states: Floats) -> Gradient:
        """Answer from the log where it has these states next, else evaluate and log."""
        digest = hashlib.blake2b(np.ascontiguousarray(states).tobytes(), digest_size=_DIGEST).digest()
        if self._replaying:
            kept = self._next(digest)
            if kept is not None and self._trusted(states, kept):
                self.replayed += 1
                return kept
        found = self._evaluate(states)
        self._append(digest, found)
        return found

    def close(self) -> None:
        """Close the log."""
        self._file.close()

    def _begin(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._file.write(self._header)

    def _next(self, digest: bytes) -> Gradient | None:
        """The next record, if it is whole and of these states; else the log is cut off before it."""
        place = self._file.tell()
        size = self._record_size
        record = self._file.read(size)
        if len(record) == size and record[:_DIGEST] == digest:
            body, checksum = record[:-4], record[-4:]
            if zlib.crc32(body).to_bytes(4, "little") == checksum:
                return self._parsed(body[_DIGEST:])
        self._cut(place)
        return None

    def _trusted(self, states: Floats, kept: Gradient) -> bool:
        """Evaluate the first record once more: the network may have changed since."""
        if self.replayed:
            return True
        found = self._evaluate(states)
        if np.allclose(found.losses, kept.losses, rtol=1e-5) and np.allclose(
            found.gradient, kept.gradient, rtol=1e-3, atol=1e-4 * float(np.abs(kept.gradient).max(initial=0))
        ):
            return True
        warnings.warn(
            f"{self._file.name}: the evaluations kept here are of another network or generator; the search "
            "begins anew",
            stacklevel=2,
        )
        self._cut(len(self._header))
        return False

    def _cut(self, place: int) -> None:
        self._replaying = False
        self._file.seek(place)
        self._file.truncate()

    @property
    def _record_size(self) -> int:
        numbers = self._shape[0] * (1 + len(self._layers)) + int(np.prod(self._shape))
        return _DIGEST + 8 * numbers + 4

    def _parsed(self, body: bytes) -> Gradient:
        values = np.frombuffer(body, dtype="<f8")
        count, layers = self._shape[0], len(self._layers)
        losses, rest = values[:count], values[count:]
        by_layer = rest[: count * layers].reshape(layers, count)
        gradient = rest[count * layers :].reshape(self._shape)
        return Gradient(losses, dict(zip(self._layers, by_layer, strict=True)), gradient)

    def _append(self, digest: bytes, found: Gradient) -> None:
        parts = [found.losses, *(found.by_layer[name] for name in self._layers), found.gradient]
        body = digest + b"".join(_bytes(part) for part in parts)
        self._file.write(body + zlib.crc32(body).to_bytes(4, "little"))
        self._file.flush()
        self._count += 1
        if self._count % self._sync_every == 0:
            os.fsync(self._file.fileno())


def _bytes(values: Array) -> bytes:
    return np.ascontiguousarray(values, dtype="<f8").tobytes()
