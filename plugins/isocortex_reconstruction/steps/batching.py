"""Targets in batches, and the results of batches put together again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from isocortex.contracts import Reconstruction
from isocortex.data import Features, Table
from isocortex.data.base import Array


class Batch(NamedTuple):
    """Some stimuli and their targets (layer -> (n, ...units))."""

    stimuli: tuple[str, ...]
    targets: Mapping[str, Array]


def batches(features: Features, size: int) -> Iterator[Batch]:
    """Go through the stimuli in order, some at a time."""
    for start in range(0, features.n_samples, size):
        part = slice(start, start + size)
        targets = {name: np.asarray(values[part]) for name, values in features.layers.items()}
        yield Batch(features.stimuli[part], targets)


def losses_of(parts: Sequence[tuple[Batch, Reconstruction]]) -> Table:
    """Losses of all stimuli and iterations, in a column for the whole and one for each layer."""
    columns: dict[str, list[Any]] = {"stimulus": [], "iteration": [], "loss": []}
    for batch, found in parts:
        losses = np.asarray(found.losses, dtype=np.float64)
        count, iterations = losses.shape
        columns["stimulus"].append(np.repeat(np.array(batch.stimuli, dtype=np.str_), iterations))
        columns["iteration"].append(np.tile(np.arange(1, iterations + 1), count))
        columns["loss"].append(losses.ravel())
        for name, values in (found.by_layer or {}).items():
            columns.setdefault(name, []).append(np.asarray(values, dtype=np.float64).ravel())
    return Table({name: np.concatenate(values) for name, values in columns.items()})


def latents_of(parts: Sequence[tuple[Batch, Reconstruction]]) -> Features:
    """Latents of all stimuli as a layer; no layer where there are none."""
    stimuli = tuple(name for batch, _ in parts for name in batch.stimuli)
    found = [reconstruction.latents for _, reconstruction in parts]
    if any(latents is None for latents in found):
        return Features({}, stimuli)
    return Features({"latent": np.concatenate([np.asarray(latents) for latents in found])}, stimuli)
