"""All measures of how alike reconstructions and originals are, for one set of reconstructions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from isocortex.data.base import Array
from isocortex_decoding.evaluation.blocks import matrix_of
from isocortex_decoding.evaluation.correlations import (
    correlation_matrix,
    product_dtype,
    profile_by_rows,
    tie_tolerance,
)
from isocortex_decoding.evaluation.identification import Identified, TieRule, identify
from isocortex_reconstruction.evaluation import distances, similarity
from isocortex_reconstruction.evaluation.distances import Floats, Indices, null_means


class Design(NamedTuple):
    """What belongs to what, and options.

    ``own`` (samples,) is the candidate that each reconstruction is of; ``permutations`` (p, candidates) and
    ``categories`` (candidates,) or None are over the originals.
    """

    own: Indices
    permutations: Indices
    categories: Indices | None = None
    tie_rule: TieRule = "half"
    border: similarity.Border = "inside"
    ssim_of: str = "channels"


class Measured(NamedTuple):
    """One measure: ``values`` (samples,) and the mean of all, or for profiles (units,) the mean over these.

    ``null`` (permutations,) is the mean with permuted labels; ``larger`` says that more is better;
    ``undefined`` counts the values that are NaN; ``how`` says in words what was computed.
    """

    name: str
    values: Floats
    mean: float
    null: Floats
    how: str
    larger: bool = True
    undefined: int = 0
    identified: Identified | None = None
    by_sample: bool = True


def measure(images: Array, originals: Array, design: Design) -> list[Measured]:
    """Compare reconstructions (samples, height, width, 3) with candidates (candidates, height, width, 3)."""
    squares, scale = distances.squared_distances(images, originals)
    greys = distances.grey(images), distances.grey(originals)
    correlations = correlation_matrix(images, originals)
    tolerance = tie_tolerance(product_dtype(matrix_of(images, "images"), matrix_of(originals, "originals")))
    return [
        _identification("identification_correlation", correlations, design, tolerance, "pixel correlation"),
        _identification(
            "identification_euclidean", -squares / scale[:, None], design, 1e-10, "pixel distance"
        ),
        _of_matrix("pattern_correlation", correlations, design, "all pixels and channels"),
        _of_matrix("grey_correlation", correlation_matrix(*greys), design, "grey level (BT.601)"),
        _profile(images, originals, design),
        *_errors(images, originals, squares, design),
        _ssim(images, originals, design) if design.ssim_of == "channels" else _ssim(*greys, design),
    ]


def _identification(name: str, alike: Floats, design: Design, tolerance: float, how: str) -> Measured:
    """Of a matrix in which the larger entry is the more alike."""
    rows = [(slice(0, len(alike)), alike)]
    found = identify(
        rows,
        design.own,
        alike.shape[1],
        design.tie_rule,
        design.permutations,
        design.categories,
        tolerance,
    )
    return Measured(
        name, found.scores, mean_of(found.scores), found.null, how, True, int(found.undefined.sum()), found
    )


def _of_matrix(name: str, matrix: Floats, design: Design, how: str, larger: bool = True) -> Measured:
    values = matrix[np.arange(len(matrix)), design.own]
    return _measured(name, values, null_means(matrix, design.own, design.permutations), how, larger)


def _measured(name: str, values: Floats, null: Floats, how: str, larger: bool = True) -> Measured:
    return Measured(name, values, mean_of(values), null, how, larger, int(np.isnan(values).sum()))


def _profile(images: Array, originals: Array, design: Design) -> Measured:
    """Of each pixel and channel over images; the null needs as many reconstructions of each original."""
    first, second = matrix_of(images, "reconstructions"), matrix_of(originals, "originals")
    profile = profile_by_rows(first, second, design.own)
    keep = ~np.isnan(profile)
    counts = np.bincount(design.own, minlength=len(originals))
    null = np.full(len(design.permutations), np.nan)
    if keep.any() and (counts == counts[0]).all():
        products = distances.profile_products(first, second, design.own, keep)
        null = null_means(products, design.own, design.permutations) * len(design.own) / keep.sum()
    how = "each pixel and channel over images"
    undefined = int(np.count_nonzero(~keep))
    return Measured("profile_correlation", profile, mean_of(profile), null, how, True, undefined, None, False)


def _errors(images: Array, originals: Array, squares: Floats, design: Design) -> list[Measured]:
    """RMSE, and RMSE over the standard deviation of the original."""
    values = distances.rmse(images, originals[design.own])
    matrix = np.sqrt(squares / (images.size // max(len(images), 1)))
    spread = distances.spread(originals)
    null = null_means(matrix, design.own, design.permutations)
    relative_null = null_means(matrix / spread[None], design.own, design.permutations)
    how = "over the standard deviation of the original"
    return [
        _measured("rmse", values, null, "levels of 0 to 255", larger=False),
        _measured("relative_rmse", values / spread[design.own], relative_null, how, larger=False),
    ]


def _ssim(images: Array, originals: Array, design: Design) -> Measured:
    """Without a null: the measure is slow, and takes pairs."""
    least = min(images.shape[1:3])
    possible = least >= (similarity.WINDOW if design.border == "inside" else similarity.WINDOW // 2 + 1)
    values = np.full(len(images), np.nan)
    if possible:
        values = similarity.ssim(images, originals[design.own], border=design.border)
    colours = "mean of the channels" if design.ssim_of == "channels" else "grey level (BT.601)"
    how = f"gaussian 11 x 11 of 1.5, {colours}, windows {_BORDERS[design.border]}"
    return _measured("ssim", values, np.full(len(design.permutations), np.nan), how)


_BORDERS = {"inside": "inside of the image", "reflected": "reaching over the mirrored border"}


def mean_of(values: Floats) -> float:
    """Mean of what is known; NaN where nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
