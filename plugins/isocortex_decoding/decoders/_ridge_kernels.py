"""Ridge regression of a block of units, each on voxels of its own: compiled, without the interpreter's lock.

Every function takes arrays that numba can address (C order, float32 or float64, all of one dtype) and writes
into arrays that it is given. What a unit gets depends on its own column of the products only.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from isocortex_decoding.decoders._lapack import cholesky, gram_of_columns, gram_of_rows, solve

FAILED = 1
"""Status of a unit whose matrix is not positive definite to working precision."""


@njit(nogil=True, cache=True)
def by_gram(addresses, letters, gram, alpha, right, index, matrices, weights, status):  # type: ignore[no-untyped-def]
    """Weights of each unit from the Gram matrix of all voxels: the sub-matrix of its own, by Cholesky.

    Only ``gram[i, j]`` with j >= i is read; ``index`` is ascending in each unit. ``matrices`` (k, n, n) is
    where those of k units at a time are gathered.
    """
    units, n = index.shape
    together = matrices.shape[0]
    numbers = np.zeros(4, np.int32)
    for start in range(0, units, together):
        stop = min(units, start + together)
        _gather(gram, index[start:stop], matrices)
        for unit in range(start, stop):
            matrix = matrices[unit - start]
            for j in range(n):
                matrix[j, j] += alpha
                weights[unit, j] = right[unit, index[unit, j]]
            status[unit] = _solved(addresses, letters, numbers, matrix, n, weights[unit])


@njit(nogil=True, cache=True)
def _gather(gram, index, matrices):  # type: ignore[no-untyped-def]
    """Sub-matrices of some units, one triangle each; a row of ``gram`` serves all units while it is near."""
    units, n = index.shape
    reached = np.zeros(units, np.int64)
    for voxel in range(gram.shape[0]):
        row = gram[voxel]
        for unit in range(units):
            j = reached[unit]
            if j < n and index[unit, j] == voxel:
                own, into = index[unit], matrices[unit, j]
                for i in range(j, n):
                    into[i] = row[own[i]]
                reached[unit] = j + 1


@njit(nogil=True, cache=True)
def by_rows(addresses, letters, rows, alpha, right, targets, index, weights, status):  # type: ignore[no-untyped-def]
    """The same from the data themselves: ``rows`` (voxels, samples), ``targets`` (units, samples).

    With more voxels than samples the dual form, w = X' (X X' + alpha I)^-1 y, whose matrix is the smaller.
    """
    units, n = index.shape
    samples = rows.shape[1]
    dual = n > samples
    size = samples if dual else n
    held = np.empty((n, samples), rows.dtype)
    matrix = np.empty((size, size), rows.dtype)
    numbers, factors = np.zeros(4, np.int32), np.array([1, 0]).astype(rows.dtype)
    across = np.empty(samples, rows.dtype)
    for unit in range(units):
        for j in range(n):
            held[j] = rows[index[unit, j]]
        if dual:
            gram_of_columns(addresses, letters, numbers, factors, held, samples, n, matrix)
            across[:] = targets[unit]
        else:
            gram_of_rows(addresses, letters, numbers, factors, held, n, samples, matrix)
            for j in range(n):
                weights[unit, j] = right[unit, index[unit, j]]
        for j in range(size):
            matrix[j, j] += alpha
        answer = across if dual else weights[unit]
        status[unit] = _solved(addresses, letters, numbers, matrix, size, answer)
        if dual:
            weights[unit] = np.dot(held, across)


@njit(nogil=True, cache=True)
def _solved(addresses, letters, numbers, matrix, n, right):  # type: ignore[no-untyped-def]
    """Solve in place; FAILED where the matrix is singular to the precision of its numbers."""
    largest_pivot = matrix[0, 0]
    for j in range(n):
        largest_pivot = max(largest_pivot, matrix[j, j])
    if cholesky(addresses, letters, numbers, matrix, n) != 0:
        return FAILED
    least = matrix[0, 0]
    for j in range(n):
        least = min(least, matrix[j, j])
    # a square of a pivot that is mere rounding of what it was the remainder of
    if not least * least > n * np.finfo(matrix.dtype).eps * largest_pivot:
        return FAILED
    solve(addresses, letters, numbers, matrix, n, right)
    return 0


@njit(nogil=True, cache=True)
def predict(rows, index, weights, offset, out):  # type: ignore[no-untyped-def]
    """Predictions (units, samples): offset + sum of weights times rows (voxels, samples)."""
    units, n = index.shape
    samples = rows.shape[1]
    for unit in range(units):
        into = out[unit]
        into[:] = 0
        for j in range(n):
            weight, row = weights[unit, j], rows[index[unit, j]]
            for sample in range(samples):
                into[sample] += weight * row[sample]
        for sample in range(samples):
            into[sample] += offset[unit]
