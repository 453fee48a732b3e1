"""Protocol buffers, as far as reading fields needs: tags, lengths and numbers, each checked against the end.

Source: the encoding page of the Protocol Buffers documentation.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import NamedTuple

Buffer = bytes | mmap.mmap
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class Spoilt(ValueError):
    """A message that is cut or spoilt; its reader says of which file and layer."""


class Field(NamedTuple):
    """One field: number and wire type; ``start`` and ``end`` of its bytes, or ``value`` of a varint."""

    number: int
    wire: int
    start: int
    end: int
    value: int = 0


def varint(buffer: Buffer, at: int, end: int) -> tuple[int, int]:
    """Read a number of up to 64 bits; give it and the place behind it."""
    value = 0
    for place in range(10):
        if at + place >= end:
            raise Spoilt(f"cut off at byte {end}")
        byte = buffer[at + place]
        value |= (byte & 127) << (7 * place)
        if byte < 128:
            return value & (2**64 - 1), at + place + 1
    raise Spoilt(f"a number that does not end at byte {at}")


def fields(buffer: Buffer, start: int, end: int) -> Iterator[Field]:
    """Walk the fields of the message that lies between two bytes."""
    at = start
    while at < end:
        key, at = varint(buffer, at, end)
        number, wire = key >> 3, key & 7
        if number == 0 or number >= 2**29:
            raise Spoilt(f"field number {number} at byte {at}")
        if wire == VARINT:
            begin, (value, at) = at, varint(buffer, at, end)
            yield Field(number, wire, begin, at, value)
            continue
        if wire == BYTES:
            length, at = varint(buffer, at, end)
        elif wire in (FIXED64, FIXED32):
            length = 8 if wire == FIXED64 else 4
        else:
            raise Spoilt(f"wire type {wire} at byte {at}")
        if length > end - at:
            raise Spoilt(f"{length} bytes are announced at byte {at}, {end - at} are left")
        yield Field(number, wire, at, at + length)
        at += length


def text(buffer: Buffer, field: Field) -> str:
    """Read a short text: names longer than 1,000 bytes are no names."""
    if field.wire != BYTES or field.end - field.start > 1000:
        raise Spoilt(f"no name at byte {field.start}")
    return bytes(buffer[field.start : field.end]).decode("utf-8", "replace")


def numbers(buffer: Buffer, field: Field, most: int = 64) -> list[int]:
    """Read a repeated number, packed or not; more than ``most`` is refused."""
    if field.wire == VARINT:
        return [field.value]
    if field.wire != BYTES:
        raise Spoilt(f"no numbers at byte {field.start}")
    found: list[int] = []
    at = field.start
    while at < field.end:
        value, at = varint(buffer, at, field.end)
        found.append(value)
        if len(found) > most:
            raise Spoilt(f"more than {most} numbers at byte {field.start}")
    return found
