"""CRC-32C (Castagnoli), the checksum of TensorFlow's checkpoints, in numpy: many stretches side by side.

Source: RFC 3720, appendix B.4, for the polynomial. A checksum is linear, so those of stretches are put
together by the matrix that a run of zero bytes multiplies with (as ``crc32_combine`` of zlib does).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from isocortex.data.base import Array

_POLYNOMIAL = 0x82F63B78
_CHUNK = 2**24


def crc32c(content: bytes | memoryview) -> int:
    """Give the checksum of the bytes."""
    data = np.frombuffer(content, np.uint8)
    crc = 0xFFFFFFFF
    for start in range(0, len(data), _CHUNK):
        chunk = data[start : start + _CHUNK]
        crc = int(_apply(_zeros(len(chunk)), np.array([crc], np.uint32))[0]) ^ _raw(chunk)
    return crc ^ 0xFFFFFFFF


def unmasked(stored: int) -> int:
    """Undo what TensorFlow does to checksums that it stores: rotated by 15 bits, a constant added."""
    turned = (stored - 0xA282EAD8) & 0xFFFFFFFF
    return ((turned >> 17) | (turned << 15)) & 0xFFFFFFFF


def _step(crc: Array) -> Array:
    """Move on by a zero byte."""
    for _ in range(8):
        crc = (crc >> 1) ^ (np.uint32(_POLYNOMIAL) * (crc & 1))
    return crc


@lru_cache(maxsize=1)
def _table() -> Array:
    """Checksums of all pairs of bytes."""
    return _step(_step(np.arange(2**16, dtype=np.uint32)))


def _raw(chunk: Array) -> int:
    """Checksum from zero: lanes of equal length side by side, then put together two by two."""
    lanes = 1 << max(0, len(chunk).bit_length() - 9)
    length = 2 * -(-len(chunk) // (2 * lanes))
    padded = np.zeros(lanes * length, np.uint8)  # zeros before the content change nothing
    padded[len(padded) - len(chunk) :] = chunk
    words = np.ascontiguousarray(padded.view("<u2").reshape(lanes, -1).T)
    crc, table = np.zeros(lanes, np.uint32), _table()
    for word in words:
        crc = table[(crc ^ word) & 0xFFFF] ^ (crc >> 16)
    while len(crc) > 1:
        crc = _apply(_zeros(length), crc[::2]) ^ crc[1::2]
        length *= 2
    return int(crc[0])


def _apply(operator: Array, crc: Array) -> Array:
    """Multiply vectors of 32 bits with a matrix, given by its columns."""
    result = np.zeros_like(crc)
    for bit in range(32):
        result ^= operator[bit] * ((crc >> bit) & 1)
    return result


@lru_cache(maxsize=64)
def _zeros(count: int) -> Array:
    """Give the matrix of ``count`` zero bytes."""
    power = _step(np.uint32(1) << np.arange(32, dtype=np.uint32))
    result = np.uint32(1) << np.arange(32, dtype=np.uint32)
    while count:
        if count & 1:
            result = _apply(power, result)
        power, count = _apply(power, power), count >> 1
    return result
