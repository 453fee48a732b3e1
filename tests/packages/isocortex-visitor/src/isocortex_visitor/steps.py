"""Steps: typed functions. Parameters annotated with a data type are inputs, the rest are settings.

A setting annotated with a contract takes the name of a component and receives the component itself.
"""

from typing import Annotated, NamedTuple

import numpy as np
from isocortex import Collected, Images, Patterns, RDMs, Table
from isocortex.contracts import (
    DataSource,
    Decoder,
    Generator,
    Model,
    RDMMetric,
    Reconstructor,
    Similarity,
)
from isocortex.errors import DataError
from isocortex.pipeline.settings import Load


class Halves(NamedTuple):
    """Two outputs: a pipeline refers to them as ``halves.first`` and ``halves.second``."""

    first: Patterns
    second: Patterns


def stimuli(source: Annotated[DataSource, Load("images")], rng: np.random.Generator) -> Images:
    """Pictures from a data source that draws them."""
    return source.load_images(rng=rng)


def halves(patterns: Patterns, rng: np.random.Generator) -> Halves:
    """Split the samples of each condition into two halves at random.

    ``rng`` is seeded by the pipeline's seed and the name of the instance: nothing else is random in a step.
    """
    first = np.zeros(patterns.n_samples, dtype=bool)
    for condition in patterns.condition_names:
        rows = np.flatnonzero(np.array(patterns.conditions) == condition)
        if len(rows) < 2:
            raise DataError(f"the condition {condition!r} has one sample only; halves need two")
        first[rng.permutation(rows)[: len(rows) // 2]] = True
    return Halves(patterns.take(first), patterns.take(~first))


def rdm(patterns: Patterns, metric: RDMMetric = "mean-difference") -> RDMs:
    """RDM of the condition means."""
    return metric(patterns.condition_means(), rdm="rdm")


def agreement(first: RDMs, second: RDMs, similarity: Similarity = "concordance") -> Table:
    """How alike two RDMs are, compared condition by condition label."""
    return Table({"similarity": similarity.compare(first, second).ravel()})


def accuracy(patterns: Patterns, decoder: Decoder = "neighbours") -> Table:
    """Share of samples whose condition a decoder finds; each run is decoded from all the others."""
    if patterns.runs is None:
        raise DataError("these patterns have no runs: there is nothing to leave out")
    names = patterns.condition_names
    wanted = np.array([names.index(condition) for condition in patterns.conditions])
    runs, found = np.array(patterns.runs), np.empty(len(wanted), dtype=int)
    for run in np.unique(runs):
        held_out = runs == run
        decoder.fit(patterns.values[~held_out], np.eye(len(names))[wanted[~held_out]])
        found[held_out] = decoder.predict(patterns.values[held_out]).argmax(axis=1)
    return Table({"accuracy": [float((found == wanted).mean())]})


def reconstruct(
    images: Images,
    layers: list[str],
    rng: np.random.Generator,
    model: Model = "two-layers",
    reconstructor: Reconstructor = "descent",
    generator: Generator | None = None,
) -> Images:
    """Find pictures with the features that a model sees in the given ones."""
    targets = model.features(images.values, layers)
    result = reconstructor.reconstruct(targets, model, generator, rng=rng)
    return Images(result.images.astype(np.float32), images.stimuli)


def collect(tables: Collected[Table]) -> Table:
    """The tables of all subjects in one: ``Collected`` maps each axis value to its item."""
    return Table.stack(tables, "subject")
