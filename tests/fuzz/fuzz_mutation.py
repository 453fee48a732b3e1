"""Spoilt files from sound ones: bytes, cuts, splices and lengths; and inside of what a checksum protects."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from typing import Any

Mutate = Callable[[random.Random, bytes, Sequence[bytes]], bytes]
"""Random numbers, a seed, and all seeds (to splice with): a spoilt file."""

_BYTES = (0, 1, 2, 4, 8, 16, 32, 64, 127, 128, 254, 255, 10, 13, 34, 39, 46, 47, 92)
_SIZES = ("<H", ">H", "<I", ">I", "<Q", ">Q", "<i", "<q", "<f", "<d")
_LARGEST = 200_000
NUMBERS = (0, 1, -1, 2, 7, 127, 255, 256, 2**15, 2**16 - 1, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**32,
           2**40, 2**48, 2**63 - 1, 2**63, 2**64 - 1, -(2**31), -(2**63))  # fmt: skip


def spoil(rng: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    """Change a file in one to six ways; the beginning, where headers are, is hit more often."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 6))):
        rng.choice(_WAYS)(rng, data, seeds)
    return bytes(data[:_LARGEST])


def _place(rng: random.Random, data: bytearray) -> int:
    if not data:
        return 0
    return rng.randrange(min(len(data), 256) if rng.random() < 0.4 else len(data))


def _byte(rng: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[_place(rng, data)] = rng.choice(_BYTES) if rng.random() < 0.5 else rng.randrange(256)


def _bit(rng: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[_place(rng, data)] ^= 1 << rng.randrange(8)


def _number(rng: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    """Put an extreme number over some bytes, or add a little to the one that is there: lengths are such."""
    form, place = rng.choice(_SIZES), _place(rng, data)
    size = struct.calcsize(form)
    if form[1] in "fd":
        data[place : place + size] = struct.pack(form, rng.choice((0.0, -1.0, 1e300 if size == 8 else 1e38,
                                                                   float("nan"), float("inf"))))  # fmt: skip
        return
    mask = (1 << (8 * size)) - 1
    if rng.random() < 0.5 and place + size <= len(data):
        (old,) = struct.unpack_from(form.upper(), data, place)
        value = old + rng.choice((1, -1, 4, -4, 8, 16, 256, old, -old // 2))
    else:
        value = rng.choice(NUMBERS)
    data[place : place + size] = struct.pack(form.upper(), value & mask)


def _cut(rng: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    del data[_place(rng, data) :]


def _drop(rng: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    place = _place(rng, data)
    del data[place : place + rng.choice((1, 1, 2, 4, 8, 64))]


def _repeat(rng: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    start = _place(rng, data)
    part = data[start : start + rng.choice((1, 4, 16, 100, 1000))]
    data[start:start] = part * rng.choice((1, 1, 2, 20))


def _insert(rng: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    place = _place(rng, data)
    data[place:place] = bytes(rng.choice(_BYTES) for _ in range(rng.choice((1, 1, 2, 4, 8))))


def _splice(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    other = rng.choice(seeds)
    start, place = rng.randrange(len(other) + 1), _place(rng, data)
    if rng.random() < 0.5:
        data[place:] = other[start:]
    else:
        part = other[start : start + rng.choice((4, 16, 128))]
        data[place : place + len(part)] = part


def _move(rng: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    start, to = _place(rng, data), _place(rng, data)
    part = data[start : start + rng.choice((4, 8, 24, 64))]
    data[to : to + len(part)] = part


_WAYS = (_byte, _byte, _bit, _bit, _number, _number, _number, _cut, _drop, _repeat, _insert, _splice, _move)


def in_zip(rng: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    """Spoil a member of a zip file, or what its directory says of it, and close it with right checksums."""
    if rng.random() < 0.3:
        return spoil(rng, content, seeds)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            members = [(member, file.read(member)) for member in file.infolist()]
    except Exception:
        return spoil(rng, content, seeds)
    at = rng.randrange(len(members)) if members else -1
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for place, (member, inside) in enumerate(members):
            name = member.filename
            if place == at:
                inside = spoil(rng, inside, [one for _, one in members])
                name = hostile_name(rng, name) if rng.random() < 0.2 else name
            info = zipfile.ZipInfo(name)
            info.external_attr = rng.choice((0, 0, 0, 0o120777 << 16, 0o020666 << 16)) if place == at else 0
            info.compress_type = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
            try:
                file.writestr(info, inside)
            except (ValueError, UnicodeEncodeError, OSError):
                continue
    return buffer.getvalue() if rng.random() < 0.8 else spoil(rng, buffer.getvalue(), seeds)


def hostile_name(rng: random.Random, name: str) -> str:
    """A name of a file that would lead out of its folder, or upset a file system."""
    return rng.choice((
        "../" + name, "/" + name, "a/../../" + name, "..", "", ".", name + "/", "c:\\" + name, "a" * 300,
        "\\\\host\\" + name, name.upper(), name + "\0.txt", "/etc/passwd", "a/" * 80 + name,
    ))  # fmt: skip


def in_gzip(rng: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    """Spoil what is inside of a gzip file (or a plain one) and pack it again."""
    import gzip

    inside = content
    if content[:2] == b"\x1f\x8b":
        try:
            inside = gzip.decompress(content)
        except Exception:
            return spoil(rng, content, seeds)
    packed = gzip.compress(spoil(rng, inside, seeds), 1, mtime=0)
    return packed if rng.random() < 0.8 else spoil(rng, packed, seeds)


def in_png(rng: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    """Spoil a PNG and make its checksums right again."""
    data = bytearray(spoil(rng, content, seeds))
    place = 8
    while rng.random() < 0.9 and place + 12 <= len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        if place + 12 + size > len(data):
            break
        data[place + 8 + size : place + 12 + size] = zlib.crc32(data[place + 4 : place + 8 + size]).to_bytes(
            4, "big"
        )
        place += 12 + size
    return bytes(data)


_TEXTS = ("", "../../x", "/etc/passwd", "\0", "a\0b", "\ud800", "\u202e", "<script>alert(1)</script>",
          "\x1b]0;x\x07",
          "x" * 5000, "nan", "O8", "<U99999999", "|V0", "..", ".", "con", "a/b", "$name", "*",
          "!!python/object:os.system",
          "9" * 5000, "1e400", "\n", "\ufeff")  # fmt: skip


def hostile_value(rng: random.Random) -> Any:
    """A value that a file of JSON or YAML may hold where its reader expects another."""
    kind = rng.randrange(6)
    if kind == 0:
        return rng.choice(NUMBERS)
    if kind == 1:
        return rng.choice((float("inf"), float("nan"), -0.0, 1e308, 1e-320, 10**400, 0.5))
    if kind == 2:
        return rng.choice(_TEXTS)
    if kind == 3:
        return rng.choice((None, True, False, [], {}, [[]], [{}], {"": None}, ["a", "a"], [1, "a"]))
    if kind == 4:
        nested: Any = []
        for _ in range(rng.choice((3, 40, 200))):
            nested = [nested] if rng.random() < 0.7 else {"a": nested}
        return nested
    return [rng.choice(_TEXTS) for _ in range(rng.choice((0, 1, 3, 50)))]


def changed(rng: random.Random, value: Any) -> Any:
    """Change one part of a plain value: another value in its place, one more, one less, one twice."""
    if rng.random() < 0.25 or not isinstance(value, (dict, list)) or not value:
        return hostile_value(rng)
    if isinstance(value, list):
        copy, place = list(value), rng.randrange(len(value))
        way = rng.randrange(4)
        if way == 0:
            del copy[place]
        elif way == 1:
            copy.insert(place, copy[place])
        else:
            copy[place] = changed(rng, copy[place])
        return copy
    mapping, key = dict(value), rng.choice(list(value))
    way = rng.randrange(6)
    if way == 0:
        del mapping[key]
    elif way == 1:
        mapping[rng.choice(_TEXTS)] = mapping.pop(key)
    elif way == 2:
        mapping[rng.choice(("extra", *_TEXTS))] = hostile_value(rng)
    else:
        mapping[key] = changed(rng, mapping[key])
    return mapping


def in_json(rng: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    """Change the values of a JSON file behind its first line (which says what it is), or its bytes."""
    head, _, body = content.partition(b"\n")
    if rng.random() < 0.2:
        return head + b"\n" + spoil(rng, body, [seed.partition(b"\n")[2] for seed in seeds])
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):  # an input that is kept because it is spoilt
        return head + b"\n" + spoil(rng, body, [body])
    for _ in range(rng.choice((1, 1, 2, 4))):
        value = changed(rng, value)
    text = json.dumps(value, ensure_ascii=rng.random() < 0.7)
    return head + b"\n" + text.encode("utf-8", "surrogatepass")
