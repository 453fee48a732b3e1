"""From a metric to the way in which the searchlight computes it.

Correlation and cosine are finished while a pair's sums are in the cache; Euclidean distances are sums of
squared differences, which cancel nothing; squared Euclidean, crossnobis and Poisson KL are sums of products
of differences; any other metric with ``from_moments`` gets raw sums; whatever is left is called centre by
centre.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from isocortex.data.base import Array
from isocortex.handles import MetricHandle
from isocortex.threads import over
from isocortex_searchlight import kernels
from isocortex_searchlight.moments import CLOSE, Sums, pairs_of

ALIKE = {np.dtype(np.float32): 1e-3, np.dtype(np.float64): 1e-11}
"""A centre with a distance below this has lost the digits that tell its distances apart: likewise."""


FACTORS = 2**18
"""Numbers that an additive metric takes at a time: each channel by itself, so that no bit depends on it."""


@dataclass
class Block:
    """RDMs of a range of planes: values (pairs, centres), and which centres have to be done directly."""

    values: Array
    direct: Array


class Form:
    """One way to compute RDMs at all centres of a range of planes."""

    def __init__(self, sums: Sums) -> None:
        self.sums = sums
        self.first, self.second = pairs_of(sums.n_conditions)

    def block(self, planes: tuple[int, int], out: Array | None) -> Block:
        """Compute the RDMs at the centres of some planes."""
        raise NotImplementedError

    def _moments(self, padded: Array, planes: tuple[int, int]) -> tuple[Array, Array, Array]:
        """Sums and sums of squares of each condition, (conditions, centres), and the counts (centres,)."""
        n = self.sums.n_conditions
        each = np.arange(n)
        rows = np.concatenate([each, each, [n]]).astype(np.int64)
        others = np.concatenate([np.full(n, n), each, [n]]).astype(np.int64)
        found = self.sums.run(padded, rows, others, planes)
        return found[:n], found[n : 2 * n], found[2 * n]


class Correlation(Form):
    """1 - Pearson r, from sums about each condition's median."""

    def __init__(self, sums: Sums) -> None:
        super().__init__(sums)
        self.padded = sums.padded(sums.centre)

    def block(self, planes: tuple[int, int], out: Array | None) -> Block:
        """See ``Form``."""
        total, square, count = self._moments(self.padded, planes)
        scale = np.empty_like(total)
        close = np.zeros(len(count), dtype=bool)

        def some(start: int, stop: int) -> None:
            kernels.spread(total, square, count, CLOSE[self.sums.dtype], start, stop, scale, close)

        over(len(count), some, piece=4096)
        with np.errstate(divide="ignore"):
            per_count = 1 / count
        terms = (total, scale, per_count)
        values = self.sums.run(
            self.padded,
            self.first,
            self.second,
            planes,
            finish=kernels.finish_correlation,
            terms=terms,
            out=out,
        )
        return Block(values, close | _alike(values))


class Cosine(Form):
    """1 - cosine, from sums about zero."""

    def __init__(self, sums: Sums) -> None:
        super().__init__(sums)
        self.padded = sums.padded(np.zeros(sums.n_conditions))

    def block(self, planes: tuple[int, int], out: Array | None) -> Block:
        """See ``Form``."""
        _, square, _ = self._moments(self.padded, planes)
        with np.errstate(divide="ignore", over="ignore"):
            scale = 1 / np.sqrt(square)
        close = ~(np.isfinite(scale) & np.isfinite(square)).all(axis=0)
        terms = (scale, scale, scale[0])
        values = self.sums.run(
            self.padded, self.first, self.second, planes, finish=kernels.finish_cosine, terms=terms, out=out
        )
        return Block(values, close | _alike(values))


class Euclidean(Form):
    """Euclidean distance, from squared differences.

    Each voxel's mean over conditions is taken away first, which changes no difference and saves digits.
    """

    def __init__(self, sums: Sums) -> None:
        super().__init__(sums)
        self.padded = sums.padded(None)[:-1]

    def block(self, planes: tuple[int, int], out: Array | None) -> Block:
        """See ``Form``."""
        values = self.sums.run(self.padded, self.first, self.second, planes, difference=True, out=out)
        np.sqrt(values, out=values)
        return Block(values, ~np.isfinite(values).all(axis=0))


class Additive(Form):
    """A metric that is a mean over channels of products of differences (``channel_factors``).

    Squared Euclidean, crossnobis, Poisson KL: one running sum a pair, whatever the number of runs.
    """

    def __init__(self, sums: Sums, metric: MetricHandle, needs: dict[str, Any]) -> None:
        super().__init__(sums)
        places = np.argwhere(sums.geo.members)
        step = max(1, FACTORS // sums.n_conditions)  # samples, where the metric takes these
        for start in range(0, max(1, len(places)), step):
            some = tuple(places[start : start + step].T)
            patterns = np.ascontiguousarray(sums.data[some].T)
            left, right = metric.channel_factors(patterns, **needs)
            if start == 0:
                self.first, self.second = pairs_of(left.shape[1])
                self.left = sums.empty(*left.shape[:2])
                self.right = self.left if left is right else sums.empty(*right.shape[:2])
            # the mean over conditions is in no difference; without it float32 keeps its digits
            sums.scatter(left - left.mean(axis=1, keepdims=True), some, self.left)
            if self.right is not self.left:
                sums.scatter(right - right.mean(axis=1, keepdims=True), some, self.right)

    def block(self, planes: tuple[int, int], out: Array | None) -> Block:
        """See ``Form``."""
        values = self.sums.run(
            self.left, self.first, self.second, planes, right=self.right, difference=True, out=out
        )
        start, stop = self.sums.span(planes)
        with np.errstate(divide="ignore", invalid="ignore"):
            values /= self.sums.counts[start:stop].astype(values.dtype)
        return Block(values, ~np.isfinite(values).all(axis=0))


class FromMoments(Form):
    """Any metric with ``from_moments``: raw float64 sums, finished by the metric's own formula."""

    def __init__(self, sums: Sums, from_moments: Callable[..., float]) -> None:
        super().__init__(sums)
        self.padded = sums.padded(np.zeros(sums.n_conditions))
        self.finish = finisher(from_moments)

    def block(self, planes: tuple[int, int], out: Array | None) -> Block:
        """See ``Form``."""
        total, square, count = self._moments(self.padded, planes)
        values = self.sums.run(self.padded, self.first, self.second, planes, out=out)
        self.finish(values, self.first, self.second, count, total, square)
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = square - total * total / count
        close = ~(variance > 1e-8 * square).all(axis=0) | ~np.isfinite(values).all(axis=0)
        return Block(values, close)


def _alike(values: Array) -> Array:
    """Centres with a distance that is too small for its precision; in float64 an exact 0 is one."""
    lowest = np.full(values.shape[1], np.inf, dtype=values.dtype)
    above = values.dtype.type(0 if values.dtype == np.float64 else -1)  # 0 in float32 need not be 0

    def some(start: int, stop: int) -> None:
        kernels.smallest(values, above, start, stop, lowest)

    over(len(lowest), some, piece=4096)
    return np.asarray(lowest < ALIKE[values.dtype])


@lru_cache(maxsize=32)  # compiling takes a second, and a metric is asked for once a subject
def finisher(from_moments: Callable[..., float]) -> Callable[..., None]:
    """Compile a loop that turns sums of products into dissimilarities, in place."""
    from numba import njit, prange

    one = from_moments if hasattr(from_moments, "py_func") else njit(from_moments)

    @njit(parallel=True)
    def finish(values: Any, first: Any, second: Any, count: Any, total: Any, square: Any) -> None:
        for k in prange(first.size):
            i, j = first[k], second[k]
            for v in range(count.size):
                values[k, v] = one(
                    count[v], total[i, v], total[j, v], square[i, v], square[j, v], values[k, v]
                )

    return finish  # type: ignore[no-any-return]


def form_of(metric: MetricHandle, sums: Sums, needs: dict[str, Any]) -> Form | None:
    """Choose how to compute a metric; None when it has to be called centre by centre."""
    formula = getattr(metric, "from_moments", None)
    form = _ours().get(formula)
    if form is not None:
        return form(sums)
    if hasattr(metric, "channel_factors"):
        return Additive(sums, metric, needs)
    if formula is None or metric.needs:
        return None
    return FromMoments(sums, formula)


def dtype_for(metric: MetricHandle, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Precision of the sums: a stranger's formula gets float64, since nobody knows what it cancels."""
    known = getattr(metric, "from_moments", None) in _ours() or hasattr(metric, "channel_factors")
    return dtype if known else np.dtype(np.float64)


def _ours() -> dict[Any, type[Form]]:
    """The formulae that have a form of their own."""
    import isocortex_rsa as rsa

    metrics: list[tuple[Any, type[Form]]] = [
        (rsa.correlation, Correlation),
        (rsa.cosine, Cosine),
        (rsa.euclidean, Euclidean),
    ]
    return {metric.from_moments: form for metric, form in metrics}
