"""Output dimension collapse: what a linear regression can reach whose outputs share all inputs.

Its predictions are weighted sums of the training targets, so that whatever lies outside of their span is lost
however good the brain data are (Otsuka, Nagano & Kamitani 2025). With z-scored training targets Z (N x D)
and a test target h, the best such prediction is b = Z' (Z Z')^+ Z h. Only Gram matrices of the samples are
needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_decoding.evaluation.blocks import (
    BLOCK,
    Floats,
    Mask,
    Rows,
    finite_units,
    matrix_of,
    prepared,
    same_units,
    unit_blocks,
    unit_statistics,
    usable_norms,
)

_RANK = 1e-9


class Collapse(NamedTuple):
    """For ``n`` training items of ``units`` units (those that vary and are finite).

    ``best`` (test,): mean squared error of b in z-scored units; ``baseline`` (test,): of the training mean;
    ``outside``: share of the test targets' variance outside of the span, sum of best / sum of baseline;
    ``error`` (test,): of the predictions, and ``inside``: the share of their variance inside of the span,
    both NaN without predictions.
    """

    n: int
    units: int
    best: Floats
    baseline: Floats
    outside: float
    error: Floats
    inside: float

    @property
    def scale(self) -> float:
        """Data scale: training items per unit."""
        return self.n / self.units if self.units else float("nan")


class Span:
    """The span of z-scored training targets, of those units (``keep``) that vary in training and are wanted.

    Made once, it serves any number of test targets and predictions. ``wanted``: (units,), default all.
    """

    def __init__(
        self,
        training: Any,
        wanted: Mask | None = None,
        subset: npt.ArrayLike | None = None,
        block: int = BLOCK,
    ) -> None:
        rows = matrix_of(training, "training features")
        self.rows: Any = rows if subset is None else Rows(rows, np.asarray(subset, dtype=np.intp))
        self.mean, self.norm = unit_statistics(self.rows, block)
        self.keep = self.usable(wanted)
        self.units, self.block = int(self.keep.sum()), block
        gram = self.products(None)
        self.roots, self.vectors = np.linalg.eigh(gram) if gram.size else (np.zeros(0), gram)

    def usable(self, wanted: Mask | None) -> Mask:
        """Units of those wanted that vary in training."""
        usable = usable_norms(self.norm, self.rows.shape[1])
        return usable if wanted is None else usable & wanted

    def products(self, other: Array | None) -> Floats:
        """Products of the training targets with others (m, units), z-scored alike; by default their own."""
        take = prepared(self.keep, self.mean, self.norm)
        size = len(self.rows)
        total = np.zeros((size, size if other is None else len(other)))
        for part in unit_blocks(self.rows.shape[1], size + total.shape[1], self.block):
            x = take(self.rows, part)
            total += x @ (x if other is None else take(other, part)).T
        return total

    def inside(self, other: Array) -> Floats:
        """Squared length (m,) of the projections of others on the span: c' K^+ c."""
        if not self.roots.size:
            return np.zeros(len(other))
        good = self.roots > _RANK * max(float(self.roots[-1]), 0.0)
        scores = self.vectors[:, good].T @ self.products(other)
        return np.asarray((np.square(scores) / self.roots[good, None]).sum(axis=0))


def collapse(
    training: Any,
    test: Any,
    predictions: Any = None,
    subset: npt.ArrayLike | None = None,
    span: Span | None = None,
    block: int = BLOCK,
) -> Collapse:
    """Best prediction of test targets by weighted sums of training targets, z-scored by these (ddof 1).

    Parameters
    ----------
    training, test : features (N, ...units) and (M, ...units), also memory maps.
    predictions : decoded features (M, ...units) of the test items, in their order.
    subset : rows of ``training`` to use (default: all).
    span : that of these training features, if there is one already; it is made anew where the predictions or
        the test features lack units that it has.
    """
    rows = matrix_of(training, "training features")
    h = matrix_of(test, "test features")
    same_units(rows, h, "output dimension collapse")
    p = None if predictions is None else matrix_of(predictions, "predictions")
    if p is not None and p.shape != h.shape:
        raise DataError(f"output dimension collapse: predictions {p.shape} for test features {h.shape}")
    wanted = finite_units(h, block=block) if p is None else finite_units(h, p, block=block)
    if span is None or not np.array_equal(span.keep, span.usable(wanted)):
        span = Span(rows, wanted, subset, block)
    square, of_predictions, error = _lengths(span, h, p)
    best = np.maximum(square - span.inside(h), 0.0)
    units, total = max(span.units, 1), float(square.sum())
    share = float("nan")
    if p is not None and of_predictions.sum() > 0:
        share = float(min(span.inside(p).sum() / of_predictions.sum(), 1.0))
    return Collapse(
        len(span.rows),
        span.units,
        best / units,
        square / units,
        float(best.sum() / total) if total > 0 else float("nan"),
        np.full(len(h), np.nan) if p is None else error / units,
        share,
    )


def _lengths(span: Span, h: Array, p: Array | None) -> tuple[Floats, Floats, Floats]:
    """Squared lengths (m,) of z-scored targets, of predictions, and of their differences."""
    take = prepared(span.keep, span.mean, span.norm)
    out = np.zeros((3, len(h)))
    for part in unit_blocks(h.shape[1], 2 * len(h), span.block):
        x = take(h, part)
        out[0] += np.square(x).sum(axis=1)
        if p is not None:
            y = take(p, part)
            out[1] += np.square(y).sum(axis=1)
            out[2] += np.square(x - y).sum(axis=1)
    return out[0], out[1], out[2]


def training_subsets(
    n: int, sizes: Sequence[int] | None, rng: np.random.Generator
) -> list[npt.NDArray[np.intp]]:
    """Nested random subsets of n training items: all, and the sizes given (default: 1/2, 1/4, 1/8 of n)."""
    wanted = [n // 2, n // 4, n // 8] if sizes is None else list(sizes)
    wrong = [size for size in wanted if sizes is not None and not 2 <= size <= n]
    if wrong:
        raise DataError(f"sizes: subsets of {n} training items have 2 to {n} items, not {wrong[0]}")
    order = rng.permutation(n)
    kept = sorted({size for size in wanted if 2 <= size < n}, reverse=True)
    return [np.arange(n), *(np.sort(order[:size]) for size in kept)]
