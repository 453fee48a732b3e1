"""How a network's layers arrange images, in two dimensions."""

from __future__ import annotations

import zlib
from typing import Literal

import numpy as np

from isocortex.data import Features, Table
from isocortex.data.base import Array
from isocortex.data.labels import require_unique
from isocortex.errors import DataError
from isocortex_rsa.metrics.feature_components import feature_components
from isocortex_vision.inspection.embedding_methods import Floats, Places, mds, one_thread, tsne, within_one

Method = Literal["tsne", "pca", "mds"]


def embed_layers(
    features: Features,
    rng: np.random.Generator,
    method: Method = "tsne",
    layers: list[str] | None = None,
    perplexity: float = 30.0,
    n_units: int | None = None,
    standardise: bool = False,
    scale: Literal["shared", "each"] = "shared",
) -> Table:
    """Place the stimuli in two dimensions, in each layer by its own features.

    Distances between stimuli are Euclidean. They come exactly from principal components that are computed
    block by block, so that a layer of millions of units needs little memory. One seed gives one picture,
    whatever the machine's number of cores; a layer's picture does not depend on which others are asked for.
    t-SNE shows neighbourhoods: sizes of clusters and distances between them mean little.

    Parameters
    ----------
    features : of 3 or more stimuli.
    method : "tsne" (scikit-learn's defaults, from a start by principal components, as in study A), "pca" (the
        first two components; the largest absolute score of each is positive), "mds" (metric scaling, SMACOF).
    layers : which, in this order (default: all).
    perplexity : of t-SNE: about how many neighbours count; less than the number of stimuli.
    n_units : so many units of each layer, drawn at random (study A: 1000; a layer that has no more is taken
        whole). null: all units.
    standardise : bring each unit to mean 0 and variance 1 over the stimuli first.
    scale : to 0..1 in each layer: "shared" keeps proportions (the wider axis takes all of 0..1), "each"
        stretches both axes to 0..1.

    Returns
    -------
    A row for each layer and stimulus: layer, stimulus, category (where the features have any), x, y, method,
    and fit: share of variance ("pca"), stress-1 ("mds"), Kullback-Leibler divergence ("tsne").
    """
    names = list(features.layers) if layers is None else layers
    require_unique(names, "embed_layers: layers")
    if not names:
        raise DataError("embed_layers: there are no layers to embed")
    _check(features, method, perplexity, n_units)
    if scale not in ("shared", "each"):
        raise DataError(f'embed_layers: scale is {scale!r}; say "shared" or "each"')
    base = int(rng.integers(2**63))
    found = []
    for name in names:
        own = np.random.default_rng([base, zlib.crc32(name.encode())])
        values = _some_units(features.matrix(name), n_units, own)
        try:
            found.append(_embedded(values, method, perplexity, standardise, own, features.stimuli))
        except DataError as error:
            raise DataError(f"{name}: {error}") from None
    return _table(features, names, found, method, scale == "each")


def _check(features: Features, method: str, perplexity: float, n_units: int | None) -> None:
    samples = features.n_samples
    if method not in ("tsne", "pca", "mds"):
        raise DataError(f'embed_layers: no method {method!r}; say "tsne", "pca" or "mds"')
    if samples < 3:
        raise DataError(f"embed_layers: {samples} stimuli are too few to arrange; give 3 or more")
    if method == "tsne" and not 0 < perplexity < samples:
        raise DataError(
            f"embed_layers: perplexity is {perplexity:g} for {samples} stimuli; give one above 0 and below "
            f"their number, at most about {max(1, (samples - 1) // 3)}"
        )
    if n_units is not None and n_units < 1:
        raise DataError(f"embed_layers: n_units is {n_units}; give 1 or more, or null for all units")


def _some_units(values: Array, count: int | None, rng: np.random.Generator) -> Array:
    units = values.shape[1]
    if count is None or count >= units:
        return values
    return values[:, np.sort(rng.choice(units, count, replace=False))]


def _embedded(
    values: Array,
    method: str,
    perplexity: float,
    standardise: bool,
    rng: np.random.Generator,
    stimuli: tuple[str, ...],
) -> Places:
    with one_thread():
        components = feature_components(values, 1.0, standardise, samples=stimuli)
    points = _at_least_two(components.scores)
    if method == "pca":
        return Places(points[:, :2], float(components.shares[:2].sum()))
    if method == "mds":
        return mds(points)
    return tsne(points, perplexity, int(rng.integers(2**31)))


def _at_least_two(scores: Floats) -> Floats:
    """Scores with a second column of zeros where all samples lie on a line."""
    lacking = max(0, 2 - scores.shape[1])
    return np.ascontiguousarray(np.pad(scores, ((0, 0), (0, lacking))))


def _table(features: Features, names: list[str], found: list[Places], method: str, each: bool) -> Table:
    samples, count = features.n_samples, len(names)
    places = np.concatenate([within_one(places, each) for places, _ in found])
    columns: dict[str, object] = {
        "layer": np.repeat(np.array(names, dtype=np.str_), samples),
        "stimulus": np.tile(np.array(features.stimuli), count),
    }
    if features.categories is not None:
        columns["category"] = np.tile(np.array(features.categories), count)
    columns |= {
        "x": places[:, 0],
        "y": places[:, 1],
        "method": np.full(samples * count, method),
        "fit": np.repeat([fit for _, fit in found], samples).astype(np.float64),
    }
    return Table(columns)  # type: ignore[arg-type]
