"""Spoilt archives and checkpoints: what is inside changes, and the checksums around it are right again."""

from __future__ import annotations

import io
import random
import tarfile
from collections.abc import Sequence

from fuzz_mutation import hostile_name, in_zip, spoil

_KINDS = (tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE,
          tarfile.DIRTYPE,
          tarfile.GNUTYPE_SPARSE, tarfile.CONTTYPE, b"Z")  # fmt: skip
_PAX = ("size", "path", "linkpath", "GNU.sparse.size", "GNU.sparse.map", "mtime")


def in_archive(rng: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    """Spoil a zip or tar archive: names, kinds and sizes of its members, or its bytes."""
    if rng.random() < 0.4:
        return spoil(rng, content, seeds)
    if content[:2] == b"PK":
        return in_zip(rng, content, seeds)
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as file:
            members = [(info, file.extractfile(info)) for info in file if info.isreg()]
            inside = [(info, source.read() if source else b"") for info, source in members]
    except (tarfile.TarError, OSError, EOFError):
        return spoil(rng, content, seeds)
    buffer = io.BytesIO()
    mode = rng.choice(("w", "w", "w:gz", "w:bz2"))
    form = rng.choice((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT))
    try:
        with tarfile.open(fileobj=buffer, mode=mode, format=form) as file:  # type: ignore[call-overload]
            for info, data in inside:
                for _ in range(rng.choice((1, 1, 1, 2))):
                    file.addfile(_hostile(rng, info), io.BytesIO(data + bytes(4096)))
    except (ValueError, OSError, UnicodeError):
        return spoil(rng, content, seeds)
    return buffer.getvalue() if rng.random() < 0.7 else spoil(rng, buffer.getvalue(), seeds)


def _hostile(rng: random.Random, info: tarfile.TarInfo) -> tarfile.TarInfo:
    made = tarfile.TarInfo(hostile_name(rng, info.name) if rng.random() < 0.4 else info.name)
    made.size = rng.choice((info.size, 0, 1, 1000))
    made.type = rng.choice(_KINDS) if rng.random() < 0.4 else tarfile.REGTYPE
    made.linkname = rng.choice(("", "/etc/passwd", "../../x", info.name))
    if rng.random() < 0.2:
        made.pax_headers = {
            rng.choice(_PAX): rng.choice(("-1", "99999999999999", "../x", "1e9", "x", "1,2,3"))
        }
    return made


def in_checkpoint(rng: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    """Spoil a checkpoint (see ``fuzz_weights``); most of the time its checksums are made right again."""
    size = int.from_bytes(content[:4], "little")
    table, values = (content[4 : 4 + size], content[4 + size :]) if size else (content[4:], b"")
    spoilt = spoil(rng, table, [seed[4:] for seed in seeds]) if rng.random() < 0.8 else table
    if spoilt is table:
        values = spoil(rng, values, seeds)
    elif rng.random() < 0.85:
        spoilt = with_checksums(spoilt)
    return (len(spoilt) if size else 0).to_bytes(4, "little") + spoilt + values


def with_checksums(table: bytes) -> bytes:
    """Make the CRC-32C of the blocks of a table right, as far as its footer and index can be followed."""
    from isocortex_vision.weights import sstable
    from isocortex_vision.weights.wire import Spoilt

    data = bytearray(table)
    limit = len(data) - 48
    if limit < 0:
        return table
    try:
        _, at = sstable._handle(table, limit, len(data) - 8, limit)
        index, _ = sstable._handle(table, at, len(data) - 8, limit)
        for entry in sstable._entries(table, index):
            block, _ = sstable._handle(table, entry.start, entry.end, limit)
            _put(data, block.start, block.end)
        _put(data, index.start, index.end)
    except Spoilt:
        pass
    return bytes(data)


def _put(data: bytearray, start: int, end: int) -> None:
    from isocortex_vision.weights.crc32c import crc32c

    crc = crc32c(bytes(data[start : end + 1]))
    masked = (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
    data[end + 1 : end + 5] = masked.to_bytes(4, "little")
