"""How ``reconstruct_images`` is cut: by batches of images, which are worked on one by one anyway."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from isocortex.data import Features, Images, Table
from isocortex.data.base import Array
from isocortex.pipeline.splitting import Part

_LOSSES = "losses."


def pieces(features: Features, batch_size: int, **_: Any) -> list[tuple[int, int]]:
    """Stimuli from and to; what cannot be run has none, so that the step says why."""
    if batch_size < 1:
        return []
    n = features.n_samples
    return [(start, min(start + batch_size, n)) for start in range(0, n, batch_size)]


def part(step: Callable[..., Any], piece: tuple[int, int], features: Features, **arguments: Any) -> Part:
    """What the step gives for the stimuli of a piece: every batch starts from the same seed."""
    rows = slice(*piece)
    layers = {name: values[rows] for name, values in features.layers.items()}
    made = step(features=Features(layers, features.stimuli[rows]), **arguments)
    arrays = {"images": made.images.values, "snapshots": made.snapshots.values}
    arrays |= made.latents.layers
    arrays |= {f"{_LOSSES}{name}": values for name, values in made.losses.columns.items()}
    return Part(arrays, {"latents": list(made.latents.layers), "snapshots": list(made.snapshots.stimuli)})


def merged(parts: Sequence[Part], features: Features) -> tuple[Images, Table, Features, Images]:
    """Images, losses, latents and snapshots of all stimuli, in the order of the features."""

    def all_of(name: str) -> Array:
        return np.concatenate([np.asarray(part.arrays[name]) for part in parts])

    columns = [name for name in parts[0].arrays if name.startswith(_LOSSES)]
    losses = Table({name.removeprefix(_LOSSES): all_of(name) for name in columns})
    latents = Features({name: all_of(name) for name in parts[0].info["latents"]}, features.stimuli)
    shots = [name for part in parts for name in part.info["snapshots"]]
    images = Images(all_of("images"), features.stimuli, features.categories)
    return images, losses, latents, Images(_shots(parts), tuple(shots))


def _shots(parts: Sequence[Part]) -> Array:
    """Snapshots of all parts; those without any say nothing of the size of an image."""
    found = [np.asarray(part.arrays["snapshots"]) for part in parts]
    return np.concatenate([shots for shots in found if len(shots)] or found[:1])
