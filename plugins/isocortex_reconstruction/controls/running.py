"""Reconstructing from target features under a control, and looking at what came out through the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from isocortex.contracts import Generator, Model, Reconstructor
from isocortex.data import Features, Images
from isocortex.data.base import Array
from isocortex.data.labels import Labels, positions
from isocortex.errors import DataError, PluginError, suggestion
from isocortex_decoding.evaluation.blocks import matrix_of, thinned
from isocortex_reconstruction.controls.pixels import Size, fitted, whole
from isocortex_reconstruction.controls.targets import Control, Indices, Targets, only

BATCH = 8
"""Images whose features are held at a time."""


class Tools(NamedTuple):
    """What reconstructs."""

    model: Model
    reconstructor: Reconstructor
    generator: Generator | None = None


class Chosen(NamedTuple):
    """Stimuli that controls are made for: their rows in the decoded features and in the originals."""

    stimuli: Labels
    decoded: Indices
    originals: Indices


class Run(NamedTuple):
    """Pictures (n, height, width, 3) that came out of a control; ``sources``: stimuli whose features it was
    given under the labels of others, if there are such."""

    control: Control
    images: Array
    sources: Labels | None = None


def choose(
    names: Labels, originals: Images, decoded: Features, n: int, rng: np.random.Generator, what: str
) -> Chosen:
    """Draw up to n of some stimuli, in their order; originals and decoded must have them all."""
    if n < 1:
        raise DataError(f"{what}: n_images is {n}; give 1 or more")
    if not names:
        raise DataError(f"{what}: there are no stimuli")
    rows = positions(names, decoded.stimuli, f"{what}: decoded features of the stimuli")
    true = positions(names, originals.stimuli, f"{what}: originals of the stimuli")
    taken = np.sort(rng.permutation(len(names))[:n])
    return Chosen(tuple(names[k] for k in taken), rows[taken], true[taken])


def require_layers(decoded: Features, model: Model, layers: Sequence[str] | None, what: str) -> Features:
    """Keep the layers that are asked for (default: all); the model must have them, in the same shape."""
    for name in layers or ():
        if name not in decoded.layers:
            known = suggestion(name, decoded.layers, "layers")
            raise DataError(f"{what}: no decoded layer {name!r}; {known}")
    kept = dict(decoded.layers) if layers is None else only(decoded, layers)
    if not kept:
        raise DataError(f"{what}: no layer is left to reconstruct from")
    for name in kept:
        if name not in model.layers:
            known = suggestion(name, model.layers, "layers")
            raise DataError(f"{what}: the model has no layer {name!r}; {known}")
    return Features(kept, decoded.stimuli, decoded.categories, decoded.model)


def true_targets(originals: Images, rows: Indices, decoded: Features, model: Model, what: str) -> Targets:
    """Features of the stimuli themselves; they must have the units of the decoded ones."""
    found = model.features(originals.values[rows], list(decoded.layers))
    layers = {name: np.asarray(found[name]) for name in decoded.layers}
    for name, values in layers.items():
        if values.shape[1:] != decoded.layers[name].shape[1:]:
            raise DataError(
                f"{what}: layer {name!r} has units {decoded.layers[name].shape[1:]} decoded, and "
                f"{values.shape[1:]} in the model"
            )
    return Targets(layers)


def run(
    targets: Mapping[str, Array], tools: Tools, rng: np.random.Generator, without_generator: bool = False
) -> Array:
    """Reconstruct all targets at once: (n, height, width, 3) float32."""
    generator = None if without_generator else tools.generator
    found = tools.reconstructor.reconstruct(targets, tools.model, generator, rng=rng)
    images = np.asarray(found.images, dtype=np.float32)
    count = len(next(iter(targets.values())))
    if images.ndim != 4 or images.shape[0] != count or images.shape[3] != 3:
        raise PluginError(f"the reconstructor gave images {images.shape} for {count} targets")
    return images


def labelled(runs: Mapping[str, Array], stimuli: Labels, size: Size) -> Images:
    """Put the pictures of all runs together, labelled ``run:stimulus``, in one size."""
    values = [fitted(images, size) for images in runs.values()]
    names = [f"{name}:{stimulus}" for name in runs for stimulus in stimuli]
    return Images(np.concatenate([np.empty((0, *size, 3), np.float32), *values]), tuple(names))


def thin_features(
    images: Any, model: Model, layers: Sequence[str], units: int, batch: int = BATCH
) -> dict[str, Array]:
    """Features of pictures (n, ...), each layer thinned to about so many units: layer -> (n, units).

    A picture that holds NaN or infinity has NaN throughout.
    """
    parts: dict[str, list[Array]] = {name: [] for name in layers}
    for start in range(0, len(images), batch):
        values = np.asarray(images[start : start + batch])
        broken = ~whole(values)
        found = model.features(np.where(broken[:, None, None, None], 0, values), list(layers))
        for name in layers:
            kept = thin(found[name], units)
            parts[name].append(np.where(broken[:, None], np.nan, kept) if broken.any() else kept)
    return {name: np.concatenate(some) for name, some in parts.items()}


def thin(values: Array, units: int) -> Array:
    """Features (n, ...units) as (n, about so many units); see ``blocks.thinned``."""
    return np.asarray(thinned(matrix_of(np.asarray(values), "features"), units)[:, slice(None)])
