"""Ablation: what groups of layers give alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from isocortex.contracts import Generator, Model, Reconstructor
from isocortex.data import Features, Images, Table
from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex.layer_names import select_layers
from isocortex_decoding.evaluation.resampling import label_permutations
from isocortex_reconstruction.controls import running
from isocortex_reconstruction.controls.pixels import likeness, mean_of, pixels
from isocortex_reconstruction.controls.running import Tools

_WHAT = "reconstruct_layer_groups"
_BLOCK = re.compile(r"([A-Za-z]+\d+)_\w+")


class Groups(NamedTuple):
    """Scores by group, and the pictures, labelled ``group:stimulus``."""

    scores: Table
    images: Images


class _Layered(NamedTuple):
    layers: Sequence[str]


def reconstruct_layer_groups(
    decoded: Features,
    originals: Images,
    model: Model,
    reconstructor: Reconstructor,
    rng: np.random.Generator,
    generator: Generator | None = None,
    groups: dict[str, list[str]] | None = None,
    n_images: int = 4,
    batch_size: int = 4,
    permutations: int = 1000,
) -> Groups:
    """Reconstruct from groups of layers alone, and from all of them.

    ``n_images`` stimuli, drawn at random, are reconstructed once for each group. Scores, a row a group: its
    layers, mean and lowest correlation of pixels with the stimuli, identification among the originals of
    all decoded stimuli (ties count half) with p of permuted labels.

    Parameters
    ----------
    decoded : features, scaled as for the reconstruction.
    originals : the stimuli of the decoded features.
    model : the network that is inverted; it must have all decoded layers.
    reconstructor : ``feature-inversion`` and its settings, or another.
    generator : images are made by it; without one pixels are changed.
    n_images : how many of the decoded stimuli are reconstructed; all where there are fewer.
    batch_size : images that are worked on at once.
    groups : name -> layers, as names and patterns (``conv1_*``); default: all, and each block (conv1_1 and
        conv1_2 are "conv1", fc6 and fc7 are "fc").
    permutations : of labels, for p.
    """
    if batch_size < 1 or permutations < 0:
        raise DataError(f"{_WHAT}: give batch_size >= 1 and permutations >= 0")
    tools = Tools(model, reconstructor, generator, batch_size)
    used = running.require_layers(decoded, model, None, _WHAT)
    originals = running.same_set(originals, used)
    parts = layer_groups(list(used.layers), groups)
    chosen = running.choose(used.stimuli, originals, used, n_images, rng, _WHAT)
    orders = label_permutations(len(originals), permutations, rng)
    targets = {name: np.asarray(values[chosen.decoded]) for name, values in used.layers.items()}
    made = by_group(targets, parts, tools, rng)
    height, width = next(iter(made.values())).shape[1:3]
    size = (int(height), int(width))
    candidates = pixels(originals.values, size)
    rows = []
    for name, images in made.items():
        like = likeness(pixels(images, size), candidates, chosen.originals, orders)
        rows.append(_row(name, parts[name], like))
    return Groups(Table.from_rows(rows), running.labelled(made, chosen.stimuli, size))


def by_group(
    targets: Mapping[str, Array],
    groups: Mapping[str, Sequence[str]],
    tools: Tools,
    rng: np.random.Generator,
) -> dict[str, Array]:
    """Reconstruct from some layers of the targets at a time: group -> pictures (n, height, width, 3).

    The groups start alike: each has its own generator of the same seed.
    """
    seed = int(rng.integers(2**63))
    made = {}
    for name, layers in groups.items():
        part = {layer: targets[layer] for layer in layers}
        made[name] = running.run(part, tools, np.random.default_rng(seed), f"group {name}")
    return made


def layer_groups(
    layers: Sequence[str], groups: Mapping[str, Sequence[str]] | None
) -> dict[str, tuple[str, ...]]:
    """Layers of each group, in the order of ``layers``."""
    if groups is not None:
        if not groups:
            raise DataError("groups: name at least one group of layers")
        return {name: select_layers(_Layered(layers), wanted) for name, wanted in groups.items()}
    found: dict[str, list[str]] = {"all": list(layers)}
    for layer in layers:
        block = _BLOCK.fullmatch(layer)
        found.setdefault(block.group(1) if block else layer.rstrip("0123456789") or layer, []).append(layer)
    return {name: tuple(some) for name, some in found.items()}


def _row(name: str, layers: Sequence[str], like: Any) -> dict[str, Any]:
    known = like.correlation[~np.isnan(like.correlation)]
    return {
        "group": name,
        "layers": ", ".join(layers),
        "images": len(like.correlation),
        "correlation": mean_of(like.correlation),
        "worst": float(known.min()) if len(known) else float("nan"),
        "identification": mean_of(like.identification),
        "p": like.p,
        "undefined": len(like.correlation) - len(known),
    }
