"""Ridge regression of very many units on the same samples, what they share computed once.

The objective is ||y - X w - b||^2 + alpha ||w||^2 for every unit by itself. Correlations with all voxels
come from one matrix product for a block of units, the normal equations of a unit from one Gram matrix of all
voxels. Blocks have a fixed size and BLAS one thread in each, so that neither the number of processors nor how
a caller cuts the units into pieces (multiples of ``UNITS``) changes a bit.
"""

from __future__ import annotations

import threading
from typing import Literal

import numpy as np

from isocortex.choices import require_choice
from isocortex.errors import DataError
from isocortex.threads import one_blas_thread, over, processors
from isocortex_decoding.decoders.shared import Block, SharedVoxels, gram
from isocortex_decoding.decoders.weights import UNITS, Array, Weights

Intercept = Literal["unpenalised", "fastl2lir"]

_HELD = 2**26, 2**30
"""Bytes of sub-matrices that a thread gathers together at most, and all threads."""


def matrices_of(size: int) -> int:
    """How many sub-matrices of so many bytes a thread gathers together."""
    return max(1, min(UNITS, min(_HELD[0], _HELD[1] // processors()) // max(size, 1)))


class RidgeSystem:
    """The voxels' side of ridge regression; ``weights`` then solves for units.

    Parameters
    ----------
    X : (samples, voxels), float32 or float64, finite.
    alpha : weight of the penalty, at least 0; the squared weights are summed, not averaged.
    n_voxels : how many voxels a unit gets; None, or as many as there are: all, without selection.
    intercept : "unpenalised": voxels and units are centred; constant voxels get no weight. "fastl2lir": a
        column of ones is appended that is penalised as the voxels are, as in FastL2LiR; X as it comes.
    rows : for each sample the row of the targets that belongs to it (default: its own).
    """

    def __init__(
        self,
        X: Array,
        alpha: float = 100.0,
        n_voxels: int | None = 500,
        intercept: Intercept = "unpenalised",
        rows: Array | None = None,
    ) -> None:
        require_choice(intercept, Intercept, "intercept")
        if not (alpha >= 0 and np.isfinite(alpha)):
            raise DataError(f"ridge: alpha={alpha!r}; it must be 0 or larger")
        self.alpha = float(alpha)
        self.voxels = SharedVoxels(X, n_voxels, intercept == "fastl2lir", rows)
        self.n_dropped = self.voxels.n_dropped
        design = self.voxels.design
        samples, columns = design.shape[1], self.voxels.n_columns
        self.gram: Array | None = None
        self.factor: _Factor | None = None
        if self.voxels.n_selected is None:
            self.factor = _Factor(design, self.alpha, dual=columns >= samples)
        elif columns <= samples:  # else the dual form of each unit is smaller
            self.gram = self.voxels.gram()

    @property
    def same_voxels(self) -> bool:
        """Whether all units use the same voxels, so that weights are linear in the targets."""
        return self.factor is not None

    def weights(self, Y: Array) -> Weights:
        """Weights of units from their targets Y (rows, units), finite, of the dtype of X."""
        voxels, units = self.voxels, Y.shape[1]
        n = voxels.n_columns - voxels.bias
        values = np.zeros((units, n), voxels.dtype)
        index = None if voxels.n_selected is None else np.zeros((units, n), np.int32)
        offset = np.zeros(units)
        room = threading.local()  # a workspace for each thread

        def some(start: int, stop: int) -> None:
            part = slice(start, stop)
            block = voxels.block(Y[:, part])
            found = self._solved(block, stop - start, room)
            values[part] = found[:, :n]
            offset[part] = found[:, n] if voxels.bias else block.offset
            if index is not None and block.selected is not None:
                index[part] = block.selected[:, :n]

        with one_blas_thread():
            over(units, some, UNITS)
        centre = np.zeros(voxels.n_all) if voxels.bias else voxels.mean
        return Weights(*voxels.over_all(index, values), centre, offset)

    def _solved(self, block: Block, units: int, room: threading.local) -> Array:
        """Weights (units, columns) of a block."""
        if block.selected is None:
            assert self.factor is not None
            return self.factor.solve(block.right, self.voxels.by_sample(block.y))[:units]
        from isocortex_decoding.decoders import _ridge_kernels as kernels
        from isocortex_decoding.decoders._lapack import LETTERS, routines

        index, design = block.selected, self.voxels.design
        found = np.empty(index.shape, design.dtype)
        status = np.zeros(units, np.int64)
        given = routines(design.dtype), LETTERS
        alpha = design.dtype.type(self.alpha)
        if self.gram is not None:
            if not hasattr(room, "matrices"):
                n = index.shape[1]
                together = matrices_of(n * n * design.itemsize)
                room.matrices = np.empty((together, n, n), design.dtype)
            own = room.matrices
            kernels.by_gram(*given, self.gram, alpha, block.right, index, own, found, status)
        else:
            targets = self.voxels.by_sample(block.y)
            kernels.by_rows(*given, design, alpha, block.right, targets, index, found, status)
        for unit in np.flatnonzero(status):
            own = self.voxels.by_sample(block.y[unit : unit + 1])
            found[unit] = _by_svd(design[index[unit]], own, self.alpha)[0]
        return found


class _Factor:
    """The factor that all units share where each has all voxels."""

    def __init__(self, design: Array, alpha: float, dual: bool) -> None:
        from scipy.linalg import LinAlgError, cholesky

        self.design, self.alpha, self.dual = design, alpha, dual
        self.lower: Array | None = None
        matrix = gram(design.T if dual else design)
        if not matrix.size:
            return
        matrix[np.diag_indices_from(matrix)] += design.dtype.type(alpha)
        largest = matrix.diagonal().max()
        try:
            with one_blas_thread():
                lower = cholesky(matrix, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError:
            return
        if lower.diagonal().min() ** 2 > len(lower) * np.finfo(lower.dtype).eps * largest:
            self.lower = lower

    def solve(self, right: Array, y: Array) -> Array:
        """Weights (units, columns) from products with the columns and from targets (units, samples)."""
        from scipy.linalg import cho_solve

        if self.lower is None:
            return _by_svd(self.design, y, self.alpha)
        if not self.dual:
            return np.asarray(cho_solve((self.lower, True), right.T, check_finite=False).T)
        return np.asarray(cho_solve((self.lower, True), y.T, check_finite=False).T @ self.design.T)


def _by_svd(design: Array, y: Array, alpha: float) -> Array:
    """Weights (units, columns) where the normal equations are singular; the shortest of all solutions."""
    u, s, vt = np.linalg.svd(design.T.astype(np.float64), full_matrices=False)
    kept = s > s.max(initial=0.0) * max(design.shape) * np.finfo(design.dtype).eps
    u, s, vt = u[:, kept], s[kept], vt[kept]
    return np.asarray((((y @ u) * (s / (s**2 + alpha))) @ vt).astype(design.dtype))
