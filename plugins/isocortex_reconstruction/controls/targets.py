"""Target features that a reconstruction has no right to come out well from.

Shirakawa et al. 2025 (Neural Networks): where pictures stay as good when the decoded features are taken from
other stimuli, the generator and not the brain makes them.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data import Features
from isocortex.data.base import Array
from isocortex_decoding.evaluation.blocks import Floats, unit_blocks

Indices = npt.NDArray[np.intp]
Control = Literal["recovery", "recovery_pixels", "other", "mixed", "units", "mean", "noise"]

RECOVERY: tuple[Control, ...] = ("recovery", "recovery_pixels")
WITHOUT: tuple[Control, ...] = ("other", "mixed", "units", "mean", "noise")
"""Controls whose targets hold nothing of the stimulus whose label they carry."""

CONTROLS: tuple[Control, ...] = (*RECOVERY, *WITHOUT)


class Targets(NamedTuple):
    """``layers``: layer -> (n, ...units); ``sources`` (n,): row that the features come from, if from one."""

    layers: dict[str, Array]
    sources: Indices | None = None


def without_stimulus(
    control: str, decoded: Features, rows: Indices, rng: np.random.Generator, known: Features | None = None
) -> Targets:
    """Make the targets of a control for some rows of the decoded features.

    Parameters
    ----------
    control : "other": all layers of one other stimulus; "mixed": each layer of another stimulus, different
        ones as far as there are enough; "units": the units of each layer in a random order, another one for
        each stimulus (units with NaN stay where they are); "mean": the mean of each unit over stimuli;
        "noise": normal, with the mean and standard deviation (ddof 0) of each unit over stimuli, or over the
        units of a layer where there is a single stimulus.
    known : features whose mean "mean" takes (training features); default: the decoded ones.
    """
    if control == "other":
        sources = others(decoded.n_samples, rows, 1, rng)[:, 0]
        return Targets(
            {name: np.asarray(values[sources]) for name, values in decoded.layers.items()}, sources
        )
    if control == "mixed":
        chosen = others(decoded.n_samples, rows, len(decoded.layers), rng)
        layers = decoded.layers.items()
        return Targets({name: np.asarray(v[chosen[:, k]]) for k, (name, v) in enumerate(layers)})
    if control == "units":
        return Targets({name: shuffled(values[rows], rng) for name, values in decoded.layers.items()})
    if control == "mean":
        source = decoded if known is None else known
        return Targets(
            {name: _means(source, name, values, len(rows)) for name, values in decoded.layers.items()}
        )
    return Targets({name: _noise(decoded, name, len(rows), rng) for name in decoded.layers})


def others(n: int, rows: Indices, layers: int, rng: np.random.Generator) -> Indices:
    """Draw other stimuli for each of some rows of n: (rows, layers), never the row itself.

    The stimuli of one row are all different where there are as many others as layers; in each column those
    of different rows are different. At least two stimuli are needed.
    """
    circle = rng.permutation(n)
    place = np.empty(n, dtype=np.intp)
    place[circle] = np.arange(n)
    steps = np.resize(1 + rng.permutation(n - 1), layers)
    return np.asarray(circle[(place[rows][:, None] + steps[None]) % n])


def shuffled(values: Array, rng: np.random.Generator) -> Array:
    """Give each sample's finite units (n, ...units) another random order; the others keep their places."""
    out = np.array(values).reshape(len(values), -1)
    for row in out:
        finite = np.flatnonzero(np.isfinite(row))
        row[finite] = row[rng.permutation(finite)]
    return out.reshape(np.shape(values))


def unit_moments(matrix: Array) -> tuple[Floats, Floats]:
    """Mean and standard deviation (ddof 0) of each unit over the samples where it is finite, (units,) each.

    NaN where it is finite in none. Memory maps are read block by block.
    """
    mean, deviation = (np.full(matrix.shape[1], np.nan) for _ in range(2))
    for part in unit_blocks(matrix.shape[1], len(matrix)):
        x = np.asarray(matrix[:, part], dtype=np.float64)
        finite = np.isfinite(x)
        count = finite.sum(axis=0)
        known = count > 0
        centre = np.where(finite, x, 0.0).sum(axis=0) / np.maximum(count, 1)
        square = np.square(np.where(finite, x - centre, 0.0)).sum(axis=0) / np.maximum(count, 1)
        mean[part] = np.where(known, centre, np.nan)
        deviation[part] = np.where(known, np.sqrt(square), np.nan)
    return mean, deviation


def _means(source: Features, layer: str, like: Array, n: int) -> Array:
    mean = unit_moments(source.matrix(layer))[0].astype(like.dtype).reshape(like.shape[1:])
    return np.repeat(mean[None], n, axis=0)


def _noise(decoded: Features, layer: str, n: int, rng: np.random.Generator) -> Array:
    matrix, like = decoded.matrix(layer), decoded.layers[layer]
    mean, deviation = unit_moments(matrix)
    if len(matrix) < 2:
        mean, deviation = (np.where(np.isnan(mean), np.nan, part) for part in unit_moments(matrix.T))
    drawn = mean + deviation * rng.normal(size=(n, matrix.shape[1]))
    return drawn.astype(like.dtype).reshape(n, *like.shape[1:])
