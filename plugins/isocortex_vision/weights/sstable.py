"""Tables of sorted keys as LevelDB and TensorFlow's checkpoints have them.

Source: LevelDB's ``table_format.md``: blocks of entries (length shared with the key before, of the rest, of
the value), an index block, a footer of 48 bytes; behind each block its compression and its CRC-32C.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from isocortex_vision.weights.crc32c import crc32c, unmasked
from isocortex_vision.weights.wire import Buffer, Spoilt, varint

MAGIC = bytes.fromhex("57fb808b247547db")
_FOOTER, _TRAILER = 48, 5


class Block(NamedTuple):
    """Where a block lies."""

    start: int
    end: int


class Entry(NamedTuple):
    """A key, where its value lies, and in which block."""

    key: bytes
    start: int
    end: int
    block: Block


def entries(buffer: Buffer, check: bool) -> Iterator[Entry]:
    """Walk all entries; ``check`` compares the checksum of each block first."""
    size = len(buffer)
    if size < _FOOTER or bytes(buffer[size - 8 : size]) != MAGIC:
        raise Spoilt("cut off: it does not end as such a table does")
    limit = size - _FOOTER
    _, at = _handle(buffer, limit, size - 8, limit)
    index, _ = _handle(buffer, at, size - 8, limit)
    verify(buffer, index)
    for entry in _entries(buffer, index):
        block, _ = _handle(buffer, entry.start, entry.end, limit)
        if check:
            verify(buffer, block)
        yield from _entries(buffer, block)


def verify(buffer: Buffer, block: Block) -> None:
    """Compare the checksum of a block."""
    stored = int.from_bytes(buffer[block.end + 1 : block.end + _TRAILER], "little")
    if crc32c(bytes(buffer[block.start : block.end + 1])) != unmasked(stored):
        raise Spoilt(f"the checksum of the block at byte {block.start} does not agree")


def _handle(buffer: Buffer, at: int, end: int, limit: int) -> tuple[Block, int]:
    start, at = varint(buffer, at, end)
    length, at = varint(buffer, at, end)
    if start + length + _TRAILER > limit:
        raise Spoilt(f"a block of {length} bytes at byte {start} of {limit}")
    return Block(start, start + length), at


def _entries(buffer: Buffer, block: Block) -> Iterator[Entry]:
    kind = buffer[block.end]
    if kind != 0:
        raise Spoilt(f"a block is compressed (kind {kind}), which TensorFlow does not do for checkpoints")
    if block.end - block.start < 4:
        raise Spoilt(f"a block of {block.end - block.start} bytes at byte {block.start}")
    restarts = int.from_bytes(buffer[block.end - 4 : block.end], "little")
    end = block.end - 4 - 4 * restarts
    if end < block.start:
        raise Spoilt(f"{restarts} restarts in the block at byte {block.start}")
    at, key = block.start, b""
    while at < end:
        shared, at = varint(buffer, at, end)
        rest, at = varint(buffer, at, end)
        length, at = varint(buffer, at, end)
        if shared > len(key) or shared + rest > 10_000 or rest + length > end - at:
            raise Spoilt(f"an entry at byte {at} is longer than its block")
        key = key[:shared] + bytes(buffer[at : at + rest])
        at += rest
        yield Entry(key, at, at + length, block)
        at += length
