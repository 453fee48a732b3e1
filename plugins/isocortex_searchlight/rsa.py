"""From patterns to maps of similarity with models, without ever holding the RDMs of a whole brain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from isocortex.choices import require_choice
from isocortex.data import Patterns, RDMs
from isocortex.data.base import Array
from isocortex.data.rdms import require_same_conditions
from isocortex.errors import DataError
from isocortex.handles import SimilarityHandle
from isocortex_searchlight.adjacency import Neighbourhoods
from isocortex_searchlight.embedding import embed_block, has_kernel, piece_of
from isocortex_searchlight.engine import BLOCK_BYTES, Searchlight, given, prepare
from isocortex_searchlight.permutations import Null, centres_of, null_of
from isocortex_searchlight.results import UNDEFINED, SearchlightRSA

Light = Searchlight | Neighbourhoods
Tail = Literal["greater", "two-sided"]

WORK, CALL, MOST_PIECES = 2**37, 2**24, 48
"""Products in a block; what a metric without sums counts for at each centre; the most blocks for these."""
COLUMNS = 2**27
"""Bytes of embedded RDMs at a time, of a measure without a kernel."""


def searchlight_rsa(
    data: Array | Patterns,
    mask: npt.ArrayLike | None = None,
    models: RDMs | npt.ArrayLike | None = None,
    radius: float | None = None,
    metric: object = "correlation",
    similarity: object = "spearman",
    *,
    permutations: int = 0,
    tail: Tail = "greater",
    seed: int | np.random.Generator = 0,
    names: Sequence[str] | None = None,
    conditions: Sequence[object] | None = None,
    dtype: Literal["float32", "float64"] | None = None,
    preset: str = "default",
    adjacency: object = None,
    **settings: Any,
) -> SearchlightRSA:
    """Compare the RDM of every searchlight with model RDMs.

    Parameters
    ----------
    data, mask, radius, metric, dtype, preset, adjacency, settings : as for ``searchlight_rdms``.
    models : labelled ``RDMs``, aligned by condition label (the data need labels then: ``Patterns``, or
        ``conditions``), or an array (models, pairs) in the condition order of the data.
    similarity : name of a similarity measure, or a measure. Those with ``embed`` need one matrix product
        for all centres and models.
    permutations : number of permutations of the condition labels of the models (rows and columns
        together, Mantel 1967); p-values are (1 + reached) / (1 + permutations). The permutations are drawn
        without repetition, and all are taken where there are fewer.
    tail : "greater" tests for more similarity than by chance, "two-sided" for any.
    seed : of the permutations.

    Returns
    -------
    ``SearchlightRSA``. The parametric p of a correlation over dependent pairs is not offered: it is wrong
    (it rejects more than its nominal rate). ``p_fwe`` compares each value with the permutation maximum over
    all centres and models (Westfall & Young 1993; Nichols & Holmes 2002).
    """
    comparison = compare(
        data, mask, models, radius, metric, similarity, permutations=permutations, tail=tail, seed=seed,
        names=names, conditions=conditions, dtype=dtype, preset=preset, adjacency=adjacency, **settings,
    )  # fmt: skip
    for block in comparison.light.blocks(comparison.limit()):
        comparison.take(*block)
    return comparison.result()


def columns_of(dimensions: int, itemsize: int) -> int:
    """Centres that a measure without a kernel embeds at a time, however long what it gives is.

    Whole blocks of permuted products, since the size of these is part of the arithmetic.
    """
    width = centres_of(dimensions)
    return width * max(1, COLUMNS // (width * max(1, dimensions) * itemsize))


def pieces_of(centres: int, pairs: int, queries: int, called: bool = False) -> int:
    """How many blocks share the work; ``called``: the metric is called centre by centre."""
    work = centres * (pairs * max(1, queries) + CALL * called)
    return min(MOST_PIECES, max(1, -(-work // WORK)))


@dataclass
class Comparison:
    """Searchlights that are compared with models block by block; see ``searchlight_rsa``.

    models : (models, pairs) in the condition order of the data; ``found`` (models, centres) fills.
    """

    light: Light
    measure: SimilarityHandle
    models: Array
    names: tuple[str, ...]
    permutations: int
    tail: Tail
    seed: int | np.random.Generator

    @cached_property
    def null(self) -> Null | None:
        """The permuted models, with room for what they reach."""
        if not self.permutations:
            return None
        rng = np.random.default_rng(self.seed)
        return null_of(
            self.measure, self.models, self.light, self.permutations, self.tail == "two-sided", rng
        )

    @cached_property
    def found(self) -> Array:
        """Similarities."""
        return np.empty((len(self.models), len(self.light.centres)), dtype=self.light.dtype)

    @cached_property
    def status(self) -> npt.NDArray[np.uint8]:
        """Status of each centre."""
        return np.empty(len(self.light.centres), dtype=np.uint8)

    @cached_property
    def _embedded(self) -> Array | None:
        embeds = self.measure.embeds(self.light.n_pairs)
        return np.asarray(self.measure.embed(self.models)) if embeds else None

    def limit(self) -> int:
        """Bytes of RDMs in a block: fewer where there is more work, which is shared by blocks.

        Sums, products and maxima go block by block, so this depends on data and settings alone.
        """
        n, pairs = len(self.light.centres), self.light.n_pairs
        queries = min(self.permutations, math.factorial(self.light.n_conditions)) * len(self.models)
        called = isinstance(self.light, Searchlight) and self.light.form is None
        pieces = pieces_of(n, pairs, queries, called)
        return int(min(BLOCK_BYTES, -(-n * pairs * self.light.dtype.itemsize // pieces)))

    def take(self, where: slice, block: Array, status: npt.NDArray[np.uint8]) -> None:
        """Compare a block of RDMs (pairs, centres)."""
        self.status[where] = status
        width = block.shape[1]
        step = max(1, self._step(width))
        for start in range(0, width, step):
            stop = min(start + step, width)
            self._compare(slice(where.start + start, where.start + stop), block[:, start:stop])

    def _step(self, width: int) -> int:
        """Centres that are compared together: fewer than a block where that takes more than its RDMs do."""
        if self._embedded is None:
            return piece_of(self.light.n_pairs)
        if has_kernel(self.measure):
            return width
        return columns_of(self._embedded.shape[1], self.light.dtype.itemsize)

    def _compare(self, where: slice, block: Array) -> None:
        if self._embedded is None:
            good = ~np.isnan(block).any(axis=0)
            self.found[:, where] = np.nan
            if good.any():
                self.found[:, np.flatnonzero(good) + where.start] = self.measure.compare(
                    block.T[good], self.models
                ).T
            return
        rdms = embed_block(self.measure, block, self.light.dtype, self._embedded.shape[1])
        self.found[:, where] = (self._embedded.astype(self.light.dtype) @ rdms.columns) * rdms.factors
        if self.null is not None:
            self.null.take(where, rdms.unit(), self.found[:, where])

    def result(self, null: Null | None = None) -> SearchlightRSA:
        """Everything, when all blocks are taken; ``null`` where it was collected elsewhere."""
        null = self.null if null is None else null
        found, status, light = self.found, self.status, self.light
        status[(status == 0) & np.isnan(found).all(axis=0)] = UNDEFINED
        p, p_fdr, p_fwe, number = null.p_values(found) if null is not None else (None, None, None, 0)
        about = (self.names, light.counts, status, self.measure.name, light.dropped)
        return SearchlightRSA(light.centres, found, *about, p, p_fdr, p_fwe, number)


def compare(
    data: Array | Patterns,
    mask: npt.ArrayLike | None = None,
    models: RDMs | npt.ArrayLike | None = None,
    radius: float | None = None,
    metric: object = "correlation",
    similarity: object = "spearman",
    *,
    permutations: int = 0,
    tail: Tail = "greater",
    seed: int | np.random.Generator = 0,
    names: Sequence[str] | None = None,
    conditions: Sequence[object] | None = None,
    dtype: Literal["float32", "float64"] | None = None,
    preset: str = "default",
    adjacency: object = None,
    **settings: Any,
) -> Comparison:
    """Check and lay out what ``searchlight_rsa`` compares, whose arguments these are."""
    from isocortex_rsa._components import similarity_handle

    require_choice(tail, Tail, "tail")
    measure = similarity_handle(similarity)
    if adjacency is not None:
        least = settings.pop("min_voxels", None)
        beside = (mask, radius, conditions, dtype, *settings.values())
        if any(value is not None for value in beside) or preset != "default":
            raise DataError("with an adjacency there is no sphere: give only patterns, metric and min_voxels")
        light: Light = given(data, adjacency, metric, least)
    else:
        spheres = {"preset": preset, "dtype": dtype, "radius": radius, **settings}
        light = prepare(data, mask, metric, conditions=conditions, **spheres)
    if light.n_conditions < 3:
        raise DataError(f"comparing RDMs needs at least 3 conditions, these data have {light.n_conditions}")
    values, labels = _models(models, names, light)
    _require_permutable(permutations, measure, light)
    return Comparison(light, measure, values, labels, permutations, tail, seed)


def _require_permutable(permutations: int, measure: SimilarityHandle, light: Light) -> None:
    if permutations < 0:
        raise DataError(f"permutations is {permutations}; it must be 0 or more")
    if permutations and not measure.embeds(light.n_pairs):
        raise DataError(
            f"the measure {measure.name!r} is no inner product, so the searchlight cannot permute it"
        )


def _models(
    models: RDMs | npt.ArrayLike | None, names: Sequence[str] | None, light: Light
) -> tuple[Array, tuple[str, ...]]:
    """Condensed models in the condition order of the data, and their names."""
    if models is None:
        raise DataError("give the models to compare with: labelled RDMs, or an array (models, pairs)")
    if isinstance(models, RDMs):
        if light.conditions is None:
            raise DataError(
                "the models carry condition labels, the data do not: pass Patterns, or conditions=[...] in "
                "the order of the data"
            )
        own = RDMs(np.zeros((1, light.n_pairs)), light.conditions, ("data",), light.metric.name)
        models = require_same_conditions(own, models, "searchlight and models")
        return _usable(np.asarray(models.values, dtype=np.float64), models.names), models.names
    values = np.atleast_2d(np.asarray(models, dtype=np.float64))
    if values.ndim != 2 or values.shape[1] != light.n_pairs:
        raise DataError(f"models of shape {values.shape} do not fit the {light.n_pairs} pairs of the data")
    labels = tuple(names) if names is not None else tuple(f"model {k + 1}" for k in range(len(values)))
    if len(labels) != len(values):
        raise DataError(f"{len(labels)} names for {len(values)} models")
    return _usable(values, labels), labels


def _usable(models: Array, names: tuple[str, ...]) -> Array:
    for name, model in zip(names, models, strict=True):
        if np.isnan(model).any():
            raise DataError(f"the model RDM {name!r} holds NaN; a searchlight compares whole RDMs")
        if np.ptp(model) == 0:
            raise DataError(
                f"the model RDM {name!r} is constant: no RDM is more or less like it; leave it out"
            )
    return models
