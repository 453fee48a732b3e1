"""The null distribution over condition labels, for all centres and models at once, as matrix products.

Embedding commutes with a permutation of conditions (a permuted RDM has the permuted ranks), so that the
models are embedded once and their entries permuted. Each block of centres and permutations is one product
that fits the cache; what is kept of it is a count for each centre and a maximum for each permutation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex.handles import SimilarityHandle
from isocortex.threads import over
from isocortex_searchlight import rank_kernels

CENTRES, ROWS = 2048, 256
"""Size of a block: it is part of the arithmetic, so it depends on nothing else."""

NUMBERS = 2**23
"""Numbers of embedded RDMs in a block at most: what each thread copies of them."""

MOST_BYTES = 4 * 2**30
"""What the permuted models may take."""


def centres_of(pairs: int) -> int:
    """Centres in a block; fewer where RDMs have more than 4,096 pairs."""
    return max(1, min(CENTRES, NUMBERS // max(pairs, 1)))


@dataclass
class Null:
    """Collects the null distribution block by block.

    queries : (permutations * models, dimensions) embedded, permuted models, a permutation's models together.
    """

    queries: Array
    n_models: int
    two_sided: bool
    reached: npt.NDArray[np.int32]
    largest: Array
    number: int
    rounding: float
    slack: Array

    def take(self, where: slice, columns: Array, observed: Array) -> None:
        """Take in a block of centres: their embedded RDMs (dimensions, centres) and observed similarities."""
        from threadpoolctl import threadpool_limits

        start, stop = where.start, where.stop
        width = centres_of(len(columns))
        pieces = range(start, stop, width)
        maxima = np.full((len(pieces), len(self.queries)), -np.inf, dtype=self.queries.dtype)
        rows = max(1, ROWS // self.n_models) * self.n_models

        def some(first: int, last: int) -> None:
            for number in range(first, last):
                a = number * width
                b = min(a + width, stop - start)
                # a value that is equal but for rounding counts as reached: some permutations change nothing
                self.slack[start + a : start + b] = self.rounding * np.linalg.norm(columns[:, a:b], axis=0)
                defined = ~np.isnan(observed[:, a:b]).all(axis=0)
                block = np.ascontiguousarray(columns[:, a:b][:, defined])
                seen = observed[:, a:b][:, defined]
                slack = self.slack[start + a : start + b][defined].astype(seen.dtype)
                seen = np.nan_to_num(np.abs(seen) if self.two_sided else seen, nan=np.inf) - slack
                count = np.zeros(seen.shape, dtype=seen.dtype)
                space = np.empty((rows, block.shape[1]), dtype=block.dtype)
                for row in range(0, len(self.queries), rows):
                    some_queries = self.queries[row : row + rows]
                    products = np.dot(some_queries, block, out=space[: len(some_queries)])
                    rank_kernels.count_reached(products, seen, self.two_sided, count)
                    largest = products.max(axis=1, initial=-np.inf)
                    if self.two_sided:
                        largest = np.maximum(largest, -products.min(axis=1, initial=np.inf))
                    maxima[number, row : row + rows] = largest
                self.reached[:, start + np.flatnonzero(defined) + a] = count

        with threadpool_limits(1, user_api="blas"):
            over(len(pieces), some)
        np.maximum(self.largest, maxima.max(axis=0, initial=-np.inf), out=self.largest)

    def p_values(self, observed: Array) -> tuple[Array, Array, Array, int]:
        """Uncorrected, Benjamini-Hochberg and maximum-statistic p (models, centres); the permutations."""
        from isocortex_rsa.inference import fdr_bh

        undefined = np.isnan(observed)
        p = (1 + self.reached) / (1 + self.number)
        highest = np.sort(self.largest.reshape(self.number, self.n_models).max(axis=1))
        seen = np.abs(observed) if self.two_sided else observed
        below = np.searchsorted(highest, np.nan_to_num(seen, nan=-np.inf) - self.slack, side="left")
        p_fwe = (1 + self.number - below) / (1 + self.number)
        p[undefined] = p_fwe[undefined] = np.nan
        p_fdr = np.stack([np.asarray(fdr_bh(row)) for row in p])
        return p, p_fdr, p_fwe, self.number


def null_of(
    measure: SimilarityHandle, models: Array, light: Any, permutations: int, two_sided: bool,
    rng: np.random.Generator,
) -> Null:  # fmt: skip
    """Embed the models and permute them.

    Raises ``DataError`` for a measure whose embedding does not follow a permutation of conditions.
    """
    from isocortex_rsa.inference import condition_permutations, pair_permutation
    from isocortex_rsa.inference.mantel import permutable_embedding

    embedded = np.asarray(measure.embed(models), dtype=np.float64)
    number = min(permutations, math.factorial(light.n_conditions) - 1)
    _require_room(number, embedded.size * light.dtype.itemsize)
    draws = condition_permutations(light.n_conditions, permutations, rng)
    places = pair_permutation(draws)
    if permutable_embedding(measure, models) is None:
        raise DataError(
            f"the measure {measure.name!r} does not embed pair by pair, so it cannot be permuted here"
        )
    dtype = light.dtype
    queries = np.ascontiguousarray(embedded.astype(dtype)[:, places].transpose(1, 0, 2)).reshape(
        -1, embedded.shape[1]
    )
    n = len(light.centres)
    reached = np.zeros((len(models), n), dtype=np.int32)
    largest = np.full(len(queries), -np.inf, dtype=dtype)
    rounding = 16 * float(np.finfo(dtype).eps * np.linalg.norm(embedded, axis=1).max())
    return Null(queries, len(models), two_sided, reached, largest, len(draws), rounding, np.zeros(n))


def _require_room(permutations: int, size: int) -> None:
    """Raise for more permutations than memory should hold, before they are drawn."""
    if permutations * size > MOST_BYTES:
        wanted, most = permutations * size / 2**30, MOST_BYTES // size
        raise DataError(f"{permutations} permutations take {wanted:.1f} GiB; ask for {most} at most")
