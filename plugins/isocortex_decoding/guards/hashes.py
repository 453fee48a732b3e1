"""Hashes of images: of their exact pixels, and perceptual ones that near duplicates share."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array

Floats = npt.NDArray[np.float64]

SIDE = 32
"""Edge of the thumbnails that images are compared by."""

_LOW = 8
_GREY = np.array([0.299, 0.587, 0.114])


def exact_hashes(images: Array) -> list[str]:
    """SHA-256 of each image's size and pixels, as whole numbers of 0 to 255."""
    return [
        hashlib.sha256(repr(image.shape).encode() + _to_bytes(image).tobytes()).hexdigest()
        for image in images
    ]


def thumbnails(images: Any) -> Floats:
    """Grey pictures of 32 x 32 (n, 32, 32), each pixel the mean of the area that it stands for.

    ``images``: (n, height, width, 3) or (n, height, width), of any size; read one by one.
    """
    values = np.asanyarray(images)
    out = np.empty((len(values), SIDE, SIDE))
    if not len(values):
        return out
    rows, columns = _area_weights(values.shape[1]), _area_weights(values.shape[2])
    for number, image in enumerate(values):
        grey = np.nan_to_num(np.asarray(image, dtype=np.float64))
        out[number] = rows @ (grey @ _GREY if grey.ndim == 3 else grey) @ columns.T
    return out


def perceptual_hashes(small: Floats) -> npt.NDArray[np.bool_]:
    """63 bits for each thumbnail (n, 63): which low frequencies of its cosine transform exceed their median.

    The picture's mean is left out, so brightness and contrast do not matter.
    """
    from scipy.fft import dctn

    low = dctn(small, type=2, axes=(1, 2), norm="ortho")[:, :_LOW, :_LOW].reshape(len(small), -1)[:, 1:]
    return np.asarray(low > np.median(low, axis=1, keepdims=True))


class NearDuplicate(NamedTuple):
    """Two images, by number; ``correlation`` of their thumbnails; whether one is the other's mirror image."""

    first: int
    second: int
    correlation: float
    mirrored: bool


def near_duplicates(
    first: Any, second: Any, bits: int = 10, correlation: float = 0.97, block: int = 2**22
) -> list[NearDuplicate]:
    """Find pairs of images that look the same, or the same in a mirror; the most alike first.

    Candidates differ in at most ``bits`` of the 63 bits of their perceptual hashes, and the grey thumbnails
    of a pair correlate with at least ``correlation``. Images of one grey throughout take no part.
    """
    one, other = thumbnails(first), thumbnails(second)
    found = []
    for mirrored in (False, True):
        turned = other[:, :, ::-1] if mirrored else other
        for pair in _close_pairs(one, turned, bits, correlation, block):
            found.append(NearDuplicate(*pair, mirrored))
    best: dict[tuple[int, int], NearDuplicate] = {}
    for pair in sorted(found, key=lambda pair: (-pair.correlation, pair.first, pair.second, pair.mirrored)):
        best.setdefault((pair.first, pair.second), pair)
    return list(best.values())


def _close_pairs(
    one: Floats, other: Floats, bits: int, correlation: float, block: int
) -> list[tuple[int, int, float]]:
    if not len(one) or not len(other):
        return []
    signs = [np.where(perceptual_hashes(small), 1.0, -1.0).astype(np.float32) for small in (one, other)]
    units = [_unit_rows(small.reshape(len(small), -1)) for small in (one, other)]
    pairs = []
    step = max(1, block // len(other))
    for start in range(0, len(one), step):
        rows = slice(start, start + step)
        differ = (signs[0].shape[1] - signs[0][rows] @ signs[1].T) / 2
        for row, column in np.argwhere(differ <= bits + 0.25):
            r = float(units[0][start + row] @ units[1][column])
            if r >= correlation:
                pairs.append((int(start + row), int(column), min(r, 1.0)))
    return pairs


def _unit_rows(rows: Floats) -> Floats:
    """Rows with mean 0 and length 1; zeros for a row that is constant, which then correlates with nothing."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.divide(
        centred, norm, out=np.zeros_like(centred), where=norm > 1e-6 * np.abs(rows).max(initial=1.0)
    )


def _area_weights(size: int) -> Floats:
    """Matrix (32, size) that averages over areas: row k covers the pixels from k * size / 32 on."""
    edges = np.linspace(0, size, SIDE + 1)
    pixels = np.arange(size)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights = np.clip(covered, 0.0, None)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _to_bytes(image: Array) -> Array:
    if image.dtype == np.uint8:
        return np.ascontiguousarray(image)
    return np.clip(np.rint(np.nan_to_num(image)), 0, 255).astype(np.uint8)
