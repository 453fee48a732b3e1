"""Reconstructing from target features under a control, and looking at what came out through the model."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from isocortex.contracts import Generator, Model, Reconstructor
from isocortex.data import Features, Images
from isocortex.data.base import Array
from isocortex.data.labels import Labels, positions
from isocortex.data.units import require_whole
from isocortex.errors import DataError, PluginError, suggestion
from isocortex.layer_names import select_layers
from isocortex_decoding.evaluation.blocks import matrix_of, thinned
from isocortex_reconstruction.controls.pixels import Size, fitted, whole
from isocortex_reconstruction.controls.targets import Control, Indices

Wanted = str | Sequence[str] | None
"""Layers, as names, patterns and short names of a model; None for all that there are."""

BATCH = 8
"""Images whose features are held at a time."""


class Tools(NamedTuple):
    """What reconstructs, and how many pictures at a time."""

    model: Model
    reconstructor: Reconstructor
    generator: Generator | None = None
    batch_size: int = 4


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


def require_layers(decoded: Features, model: Model, layers: Wanted, what: str) -> Features:
    """Keep the layers that are asked for (default: all decoded ones); the model must have them."""
    for name in decoded.layers if layers is None else ():
        if name not in model.layers:
            known = suggestion(name, model.layers, "layers")
            raise DataError(f"{what}: the model has no layer {name!r}; {known}")
    wanted = list(decoded.layers) if layers is None else select_layers(model, layers)
    for name in wanted:
        if name not in decoded.layers:
            known = suggestion(name, decoded.layers, "layers")
            raise DataError(f"{what}: no decoded layer {name!r}; {known}")
    if not wanted:
        raise DataError(f"{what}: there are no decoded layers")
    require_whole(decoded, wanted, what)
    kept = {name: decoded.layers[name] for name in wanted}
    return Features(kept, decoded.stimuli, decoded.categories, decoded.model)


def same_set(originals: Images, decoded: Features) -> Images:
    """The originals of decoded stimuli: what is known of a set of stimuli tells it from any other set."""
    known = set(decoded.stimuli)
    kept = [name for name in originals.stimuli if name in known]
    return originals if len(kept) == len(originals) else originals.select(kept)


def true_targets(
    originals: Images, rows: Indices, decoded: Features, model: Model, what: str
) -> dict[str, Array]:
    """Features of the stimuli themselves; they must have the units of the decoded ones."""
    found = model.features(originals.values[rows], list(decoded.layers))
    layers = {name: np.asarray(found[name]) for name in decoded.layers}
    for name, values in layers.items():
        if values.shape[1:] != decoded.layers[name].shape[1:]:
            raise DataError(
                f"{what}: layer {name!r} has units {decoded.layers[name].shape[1:]} decoded, and "
                f"{values.shape[1:]} in the model"
            )
    return layers


def run(
    targets: Mapping[str, Array],
    tools: Tools,
    rng: np.random.Generator,
    what: str,
    without_generator: bool = False,
) -> Array:
    """Reconstruct targets, some at a time from one seed: (n, height, width, 3) float32.

    The reconstructor's warnings and its errors about the targets are passed on with ``what`` before them.
    """
    count, seed = len(next(iter(targets.values()))), int(rng.integers(2**63))
    generator = None if without_generator else tools.generator
    made = []
    for start in range(0, count, tools.batch_size):
        part = {name: values[start : start + tools.batch_size] for name, values in targets.items()}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                found = tools.reconstructor.reconstruct(
                    part, tools.model, generator, rng=np.random.default_rng(seed)
                )
            except DataError as error:
                raise DataError(f"{what}: {error}") from error
        for warning in caught:
            warnings.warn(f"{what}: {warning.message}", stacklevel=2)
        made.append(_images(found.images, len(next(iter(part.values())))))
    return np.concatenate(made)


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


def _images(values: Any, count: int) -> Array:
    images = np.asarray(values, dtype=np.float32)
    if images.ndim != 4 or images.shape[0] != count or images.shape[3] != 3:
        raise PluginError(f"the reconstructor gave images {images.shape} for {count} targets")
    return images
