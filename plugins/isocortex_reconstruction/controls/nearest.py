"""Which training picture is each reconstruction most like, and is it a copy of it?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from isocortex.contracts import Model
from isocortex.data import Features, Images
from isocortex.data.base import Array
from isocortex.data.labels import Labels
from isocortex.errors import DataError
from isocortex_decoding import correlation_matrix, pattern_correlation
from isocortex_decoding.evaluation.blocks import Floats, Mask, finite_units, unit_statistics, usable_norms
from isocortex_reconstruction.controls.pixels import (
    Indices,
    correlations_with,
    paired,
    pixels,
    size_of,
    whole,
)
from isocortex_reconstruction.controls.running import thin, thin_features


class Nearest(NamedTuple):
    """``item`` (n,): the training item that each reconstruction is most like; ``r`` (n,): their correlation,
    NaN where the picture is blank; ``own`` (n,): its correlation with its own stimulus; ``stimulus`` (n,):
    the largest correlation of that stimulus with a training item; ``beaten`` (n,): share of the training
    items that it is less like than its own stimulus, ties count half."""

    item: Indices
    r: Floats
    own: Floats
    stimulus: Floats
    beaten: Floats


def nearest_of(r: Floats, own: Floats, of_stimuli: Floats) -> Nearest:
    """Find the nearest training item from correlations.

    Parameters
    ----------
    r, of_stimuli : (n, training items), of the reconstructions and of their stimuli; NaN where undefined.
    own : (n,), of each reconstruction with its stimulus.
    """
    if not r.shape[1]:
        raise DataError("nearest training image: there are no training images")
    filled = np.where(np.isnan(r), -2.0, r)
    best = filled.max(axis=1)
    below = np.count_nonzero(r < own[:, None] - 1e-10, axis=1)
    above = np.count_nonzero(r > own[:, None] + 1e-10, axis=1)
    beaten = (below + 0.5 * (r.shape[1] - below - above)) / r.shape[1]
    return Nearest(
        filled.argmax(axis=1), np.where(best < -1.5, np.nan, best), own, _largest(of_stimuli), beaten
    )


def unlike(training: Labels, stimuli: Labels) -> Indices:
    """Rows of the training data that do not carry the label of a test stimulus."""
    known = set(stimuli)
    return np.array([k for k, name in enumerate(training) if name not in known], dtype=np.intp)


def nearest_pixels(reconstructed: Images, stimuli: Images, training: Images, kept: Indices) -> Nearest:
    """By correlation of pixels, at the size of the reconstructions; ``item`` counts ``kept`` training rows.

    ``stimuli`` are row by row those of the reconstructions.
    """
    size = size_of(reconstructed)
    rows, true = (pixels(images.values, size) for images in (reconstructed, stimuli))
    both = correlations_with(np.concatenate([rows, true]), training, size)[:, kept]
    return nearest_of(both[: len(rows)], paired(rows, true), both[len(rows) :])


def nearest_features(
    reconstructed: Images, stimuli: Images, training: Features, kept: Indices, model: Model, units: int
) -> dict[str, Nearest]:
    """By correlation of features, z-scored by training, in each layer that the model and training have.

    ``units``: layers with more are thinned to about as many. A layer without two usable units is left out.
    """
    layers = [name for name in training.layers if name in model.layers]
    seen = [thin_features(images.values, model, layers, units) for images in (reconstructed, stimuli)]
    found = {}
    for name in layers:
        known = thin(training.layers[name], units)[kept]
        if known.shape[1] != seen[0][name].shape[1]:
            raise DataError(
                f"nearest training image: layer {name!r} has units {training.layers[name].shape[1:]} in "
                "training, and others in the model"
            )
        nearest = _nearest_layer(seen[0][name], seen[1][name], known)
        if nearest is not None:
            found[name] = nearest
    return found


def rows_of(found: Mapping[str, Nearest], reconstructed: Labels, training: Labels) -> list[dict[str, Any]]:
    """Rows of a table, one for each reconstruction and space ("pixels" or a layer)."""
    return [
        {
            "stimulus": name,
            "space": space,
            "training": training[near.item[k]] if not np.isnan(near.r[k]) else "none",
            "correlation": float(near.r[k]),
            "own": float(near.own[k]),
            "gain": float(near.r[k] - near.own[k]),
            "stimulus_nearest": float(near.stimulus[k]),
            "beaten": float(near.beaten[k]),
        }
        for space, near in found.items()
        for k, name in enumerate(reconstructed)
    ]


COLUMNS = ("stimulus", "space", "training", "correlation", "own", "gain", "stimulus_nearest", "beaten")


def _nearest_layer(seen: Array, true: Array, known: Array) -> Nearest | None:
    mean, norm = unit_statistics(known)
    good = whole(seen)
    keep: Mask = finite_units(true, known) & usable_norms(norm, known.shape[1])
    if good.any():
        keep &= finite_units(seen[good])
    if keep.sum() < 2:
        return None
    clean = np.where(good[:, None], seen, 0.0)
    options: dict[str, Any] = {"mean": mean, "norm": norm, "keep": keep}
    r, of_stimuli = (correlation_matrix(side, known, **options) for side in (clean, true))
    own = pattern_correlation(clean, true, **options)
    r[~good], own[~good] = np.nan, np.nan
    return nearest_of(r, own, of_stimuli)


def _largest(r: Floats) -> Floats:
    best = np.where(np.isnan(r), -2.0, r).max(axis=1)
    return np.where(best < -1.5, np.nan, best)
