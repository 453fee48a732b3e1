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
from isocortex_decoding.evaluation.blocks import BLOCK, Floats, matrix_of, same_units, unit_blocks
from isocortex_decoding.evaluation.blocks import unit_statistics as _statistics

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


def collapse(
    training: Any,
    test: Any,
    predictions: Any = None,
    subset: npt.ArrayLike | None = None,
    block: int = BLOCK,
) -> Collapse:
    """Best prediction of test targets by weighted sums of training targets, z-scored by these (ddof 1).

    Parameters
    ----------
    training, test : features (N, ...units) and (M, ...units), also memory maps.
    predictions : decoded features (M, ...units) of the test items, in their order.
    subset : rows of ``training`` to use (default: all).
    """
    rows = matrix_of(training, "training features")
    h = matrix_of(test, "test features")
    same_units(rows, h, "output dimension collapse")
    p = None if predictions is None else matrix_of(predictions, "predictions")
    if p is not None and p.shape != h.shape:
        raise DataError(f"output dimension collapse: predictions {p.shape} for test features {h.shape}")
    chosen = np.arange(len(rows)) if subset is None else np.asarray(subset, dtype=np.intp)
    sums = _Sums(len(chosen), len(h))
    for part in unit_blocks(rows.shape[1], len(chosen) + 2 * len(h), block):
        sums.add(np.asarray(rows[chosen, part], np.float64), h[:, part], None if p is None else p[:, part])
    return sums.result(len(chosen), p is not None)


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


class _Sums:
    """Gram matrices of z-scored training targets, test targets and predictions, summed over units."""

    def __init__(self, n: int, m: int) -> None:
        self.units = 0
        self.gram = np.zeros((n, n))
        self.cross = np.zeros((n, m))
        self.square = np.zeros(m)
        self.cross_predicted = np.zeros((n, m))
        self.square_predicted = np.zeros(m)
        self.error = np.zeros(m)

    def add(self, z: Floats, h: Array, p: Array | None) -> None:
        mean, norm = _statistics(z)
        with np.errstate(invalid="ignore"):
            keep = np.isfinite(norm) & (norm > 0) & np.isfinite(h).all(axis=0)
        if p is not None:
            keep &= np.isfinite(p).all(axis=0)
        self.units += int(keep.sum())

        def scaled(values: Array) -> Floats:
            return np.asarray((np.asarray(values[:, keep], np.float64) - mean[keep]) / norm[keep])

        x, y = scaled(z), scaled(h)
        self.gram += x @ x.T
        self.cross += x @ y.T
        self.square += np.square(y).sum(axis=1)
        if p is not None:
            q = scaled(p)
            self.cross_predicted += x @ q.T
            self.square_predicted += np.square(q).sum(axis=1)
            self.error += np.square(y - q).sum(axis=1)

    def result(self, n: int, predicted: bool) -> Collapse:
        inside = self._inside(self.cross)
        best = np.maximum(self.square - inside, 0.0)
        none = np.full(len(best), np.nan)
        total, units = float(self.square.sum()), max(self.units, 1)
        share = float("nan")
        if predicted and self.square_predicted.sum() > 0:
            own = self._inside(self.cross_predicted).sum()
            share = float(min(own / self.square_predicted.sum(), 1.0))
        return Collapse(
            n,
            self.units,
            best / units,
            self.square / units,
            float(best.sum() / total) if total > 0 else float("nan"),
            self.error / units if predicted else none,
            share,
        )

    def _inside(self, cross: Floats) -> Floats:
        """Squared length of projections on the span: c' K^+ c for each column c."""
        if not self.gram.size:
            return np.zeros(cross.shape[1])
        roots, vectors = np.linalg.eigh(self.gram)
        good = roots > _RANK * max(float(roots[-1]), 0.0)
        return np.asarray((np.square(vectors[:, good].T @ cross) / roots[good, None]).sum(axis=0))
