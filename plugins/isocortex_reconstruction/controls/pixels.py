"""Pictures as rows of pixels: of one size, as a screen shows them, and how alike they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data import Images
from isocortex.data.base import Array
from isocortex_decoding import correlation_matrix, identify_features, pattern_correlation
from isocortex_decoding.evaluation.blocks import Floats, Mask
from isocortex_decoding.evaluation.resampling import permutation_p
from isocortex_reconstruction.evaluation.resizing import resized

Indices = npt.NDArray[np.intp]
Size = tuple[int, int]

AT_ONCE = 64
"""Pictures of a training set that are resized and compared at a time."""


def fitted(values: Array, size: Size) -> Array:
    """Pictures (n, height, width, 3) in another size (height, width), float32, by Pillow's bicubic filter."""
    return np.asarray(resized(np.asarray(values), size), dtype=np.float32)


def whole(values: Array) -> Mask:
    """Which samples (n, ...) are finite throughout, (n,)."""
    return np.array([np.isfinite(np.asarray(one, dtype=np.float32)).all() for one in values], dtype=bool)


def blank(values: Array) -> Mask:
    """Which pictures (n, ...) show nothing: a value is NaN or infinite, or all channels are constant."""
    rows = np.clip(np.asarray(values, dtype=np.float32), 0.0, 255.0).reshape(len(values), -1, 3)
    return np.asarray(~whole(values) | (rows == rows[:, :1]).all(axis=(1, 2)))


def pixels(values: Array, size: Size) -> Array:
    """Pictures as rows (n, height * width * 3), float32, of one size and within 0 to 255.

    A picture that holds NaN or infinity is a row of zeros: it correlates with nothing, and spoils no other.
    """
    clean = np.where(whole(values)[:, None, None, None], values, 0)
    return np.clip(fitted(clean, size), 0.0, 255.0).reshape(len(values), -1)


def size_of(images: Images) -> Size:
    """Height and width."""
    return (int(images.values.shape[1]), int(images.values.shape[2]))


class Likeness(NamedTuple):
    """``correlation`` (n,) of pictures with their own stimuli, NaN for blank ones; ``identification`` (n,):
    share of the other candidates that a picture is less like than its own stimulus, ties count half, NaN
    where there are none; ``p``: of as high a mean when the candidates' labels are permuted; ``least``: the
    smallest p that there can be."""

    correlation: Floats
    identification: Floats
    p: float
    least: float


def likeness(rows: Array, candidates: Array, own: Indices, orders: Indices) -> Likeness:
    """Compare rows of pixels (n, pixels) with those of candidates (m, pixels).

    Parameters
    ----------
    own : (n,), the candidate that is right for each picture.
    orders : (permutations, m), other orders of the candidates (``label_permutations``).
    """
    found = identify_features(rows, candidates, own, permutations=orders)
    observed = mean_of(found.scores)
    return Likeness(found.own, found.scores, permutation_p(observed, found.null), 1 / (1 + len(orders)))


def paired(rows: Array, others: Array) -> Floats:
    """Correlate rows of pixels one by one, (n,)."""
    return pattern_correlation(rows, others) if len(rows) else np.zeros(0)


def correlations_with(rows: Array, images: Images, size: Size) -> Floats:
    """Correlate rows of pixels (n, pixels) with every picture of a large set, some at a time: (n, m)."""
    parts = [np.empty((len(rows), 0))]
    for start in range(0, len(images), AT_ONCE):
        parts.append(correlation_matrix(rows, pixels(images.values[start : start + AT_ONCE], size)))
    return np.concatenate(parts, axis=1)


def mean_of(values: Floats) -> float:
    """Mean of what is known, NaN where nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
