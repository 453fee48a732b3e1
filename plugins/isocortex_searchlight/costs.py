"""What the searchlight steps take of memory and disk."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from isocortex.handles import MetricHandle, SimilarityHandle
from isocortex.pipeline import outlines
from isocortex.pipeline.costs import Cost, Outline
from isocortex.threads import processors
from isocortex_searchlight.embedding import COUNTING, has_kernel, linear_piece, piece_of
from isocortex_searchlight.engine import BLOCK_BYTES
from isocortex_searchlight.forms import FACTORS, dtype_for
from isocortex_searchlight.permutations import ROWS, centres_of
from isocortex_searchlight.rsa import columns_of, pieces_of

LIBRARIES, STATISTICS = 70 * 2**20, 40 * 2**20
"""numba and its compiled kernels; scipy.stats, which ranks the models (measured)."""

COPIES = 4
"""Arrays in float64 that a measure makes of the RDMs that it sees at a time (measured)."""

Way = Literal["finished", "additive", "formula", "called"]
"""How RDMs are made: see ``forms``."""


@dataclass(frozen=True)
class _Light:
    """A searchlight that is not prepared yet."""

    patterns: Outline
    metric: MetricHandle
    radius: float | None
    precision: str | None

    @property
    def way(self) -> Way:
        """As ``forms.form_of`` chooses."""
        if hasattr(self.metric, "channel_factors"):
            return "additive"
        if getattr(self.metric, "from_moments", None) is None or self.metric.needs:
            return "called"
        return "finished" if dtype_for(self.metric, np.dtype(np.float32)).itemsize == 4 else "formula"

    @cached_property
    def wide(self) -> int:
        """Bytes of a number of the results."""
        given = {"float32": 4, "float64": 8, None: max(4, int(self.patterns["itemsize"]))}[self.precision]
        return int(dtype_for(self.metric, np.dtype(f"f{given}")).itemsize)

    @property
    def n(self) -> int:
        """Conditions."""
        return int(self.patterns["conditions"])

    @property
    def pairs(self) -> int:
        """Pairs of conditions."""
        return self.n * (self.n - 1) // 2

    def volume(self) -> int:
        """The patterns as they are read, in a volume, and in the padded boxes that are summed over."""
        own, samples, channels = (self.patterns[size] for size in ("itemsize", "samples", "channels"))
        held = samples if "runs" in self.metric.needs else self.n
        averaged = channels * held * (8 + own) if samples != held else 0
        volume = math.prod(self.patterns["grid"]) * held * own
        return int(samples * channels * own + volume + max(averaged, self._boxes()))

    def preparing(self) -> int:
        """What is held while the boxes are filled, besides them: the factors of an additive metric."""
        some = min(self.patterns["samples"] * self.patterns["channels"], FACTORS)
        return int(6 * some * 8) if self.way == "additive" else 0

    def _boxes(self) -> int:
        reach = 2 * math.ceil(3 if self.radius is None else self.radius)
        padded = math.prod(length + reach for length in self.patterns["box"]) * self.wide
        if self.way == "called":
            return int(padded)
        if self.way != "additive":
            return int(padded * (self.n + 1))
        return int(padded * self._factors())

    def _factors(self) -> int:
        """Rows of both factors of an additive metric: of each condition, in each run where it takes these."""
        by_run, two = "runs" in self.metric.needs, {"conditions": [0, 1, 0, 1], "runs": [0, 0, 1, 1]}
        left, right = self.metric.channel_factors(np.ones((4, 1)), **(two if by_run else {}))
        most = -(-self.patterns["samples"] // self.n)
        parts = min(most, self.patterns.get("runs", most)) if by_run else len(left)
        return int(parts * self.n * (1 if left is right else 2))

    def block(self, queries: int = 0) -> int:
        """A block of RDMs: some planes of centres together, but one at least."""
        each, channels = self.pairs * self.wide, self.patterns["channels"]
        pieces = pieces_of(channels, self.pairs, queries, self.way == "called")
        limit = max(self.patterns["plane"] * each, min(BLOCK_BYTES, channels * each // pieces))
        return int(min(channels * each, limit))

    def making(self, centres: int) -> int:
        """What is held while the RDMs of so many centres are made, besides them."""
        if self.way == "called":
            return centres * self.pairs * 8
        sums = {"finished": 4 * self.n, "formula": 5 * self.n}.get(self.way, 1)
        return centres * (sums * self.wide + self.pairs)


def rsa(
    patterns: Outline, models: Outline, metric: Any, similarity: Any, radius: Any, precision: str | None
) -> Cost:
    """``searchlight_rsa``: a block of RDMs, and what is compared of it at a time."""
    light, measure = _light(patterns, metric, radius, precision), _measure(similarity)
    number = models["number"]
    memory = _compared(light, measure) + _mapped(patterns, number, light.wide)
    return Cost(memory, {"result": _made(patterns, number, light.wide)})


def tested(
    patterns: Outline,
    models: Outline,
    metric: Any,
    similarity: Any,
    radius: Any,
    precision: str | None,
    permutations: int,
) -> Cost:
    """``searchlight_test``: the permuted models besides, and four results instead of one."""
    light, measure = _light(patterns, metric, radius, precision), _measure(similarity)
    number, pairs, wide = models["number"], light.pairs, light.wide
    queries = min(permutations, math.factorial(min(light.n, 12))) * number * pairs * wide
    products = processors() * centres_of(pairs) * (2 * pairs + ROWS) * wide
    memory = _compared(light, measure, products, permutations * number) + queries
    memory += 4 * _mapped(patterns, number, wide)
    made = {"maps": _made(patterns, number, wide)}
    made |= {name: _p_maps(number, patterns, permutations, name != "p") for name in ("p", "p_fdr", "p_fwe")}
    return Cost(memory, {**made, "centres": outlines.small()})


def rdms(patterns: Outline, metric: Any, radius: Any, precision: str | None, centres: int | None) -> Cost:
    """``searchlight_rdms``: the RDMs of all centres, or of so many."""
    light = _light(patterns, metric, radius, precision)
    number = patterns["channels"] if centres is None else min(centres, patterns["channels"])
    whole = number * light.pairs * light.wide
    made = Outline("searchlight_rdms", {"number": number, "conditions": light.n}, whole + number * 33)
    memory = LIBRARIES + light.volume() + max(light.preparing(), whole + light.making(number))
    return Cost(memory, {"result": made})


def _light(patterns: Outline, metric: Any, radius: Any, precision: str | None) -> _Light:
    from isocortex_rsa._components import metric_handle

    return _Light(patterns, metric_handle(metric), radius, precision)


def _measure(similarity: Any) -> SimilarityHandle:
    from isocortex_rsa._components import similarity_handle

    return similarity_handle(similarity)


def _compared(light: _Light, measure: SimilarityHandle, products: int = 0, queries: int = 0) -> int:
    """Libraries, volume, a block, and what is made of it: while it is made, or while it is compared."""
    block = light.block(queries)
    centres = block // max(1, light.pairs * light.wide)
    comparing = max(_comparing(light, measure, block, centres), light.making(centres))
    statistics = STATISTICS if _ranks(measure, light.pairs) else 0
    return LIBRARIES + statistics + light.volume() + max(light.preparing(), block + max(comparing, products))


def _comparing(light: _Light, measure: SimilarityHandle, block: int, centres: int) -> int:
    """Embedded RDMs of a block, or of a part of it, and what embedding them takes meanwhile."""
    pairs, wide = light.pairs, light.wide
    if has_kernel(measure):
        return block + max(_by_threads(measure, pairs, wide, centres), block // wide)
    dimensions, held = pairs, 0
    if measure.embeds(pairs):
        dimensions = np.shape(measure.embed(np.arange(pairs, dtype=np.float64)[None]))[1]
        held = min(centres, columns_of(dimensions, wide)) * dimensions * wide
    some = min(centres, piece_of(max(dimensions, pairs)))
    return int(held + COPIES * some * max(dimensions, pairs) * 8)


def _by_threads(measure: SimilarityHandle, pairs: int, wide: int, centres: int) -> int:
    """What threads hold of some RDMs each: values and order to sort them, or float64 for means."""
    from isocortex_rsa import Spearman

    if type(measure.component) is not Spearman:
        return min(centres, processors() * linear_piece(pairs)) * pairs * (wide + 16)
    return min(centres, processors() * piece_of(pairs)) * pairs * (wide + 8) if pairs > COUNTING else 0


def _ranks(measure: SimilarityHandle, pairs: int) -> bool:
    """Whether a measure takes scipy's ranks, as a stranger's may."""
    import isocortex_rsa as rsa

    plain = (rsa.Pearson, rsa.Cosine, rsa.WhitenedPearson, rsa.WhitenedCosine, rsa.KendallTauA)
    return type(measure.component) not in plain or not measure.embeds(pairs)


def _p_maps(number: int, patterns: Outline, permutations: int, few: bool) -> Outline:
    """Maps of p, which has as many values as permutations and compresses well; corrected, most are 1."""
    maps, voxels = _made(patterns, number, 8), patterns["channels"]
    each = 0.4 if few else min(7.0, 0.34 * math.log2(permutations + 2))
    around = (maps.disk or 0) - outlines.maps(number, voxels, 8).disk  # the grid and the mask
    return replace(maps, disk=int(number * voxels * each) + around)


def _made(patterns: Outline, number: int, itemsize: int) -> Outline:
    """Maps over the voxels of the patterns."""
    return outlines.maps(number, patterns["channels"], itemsize, patterns["grid"])


def _mapped(patterns: Outline, number: int, wide: int) -> int:
    """Maps of the models, and the volume that one file is written from."""
    return int(number * (patterns["channels"] + math.prod(patterns["grid"])) * wide)
