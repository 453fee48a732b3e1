"""Sparse linear regression of one unit by automatic relevance determination, compiled.

With X (D, N) the inputs of a unit, y (N,) its target and A (D,) the relevances, an iteration is (SLiR)

    M = X X' + diag(1 / A),  W = M^-1 X y,  G = diag(X X' M^-1),  SY = (y'y - W'X y) / N,
    A = sqrt(A * (W^2 / SY) / G),

after which inputs of small relevance leave. Here they leave the matrices too. G is 1 - diag(M^-1) / A, for
which half of the inverse is enough; where that cancels it comes from its own column. With more inputs than
samples everything comes from the smaller C = X' diag(A) X + I: W = A * (X C^-1 y), G_d = A_d x_d' C^-1 x_d.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from isocortex_decoding.decoders._lapack import (
    cholesky,
    gram_of_columns,
    gram_of_rows,
    invert_factor,
    multiply_factor,
    solve,
    solve_factor,
)

DONE, CONVERGED, PRUNED, FAILED = 0, 1, 2, 3
"""How a fit ended: after all iterations, before, without any input left, or on a singular matrix."""

_CANCELLED = 1e-6
"""A gain below this is computed anew: 1 - diag(M^-1) / A then has lost half of its digits."""


@njit(nogil=True, cache=True, error_model="numpy")
def fit(addresses, letters, rows, gram, index, y, right, settings, limits, weights, relevance):  # type: ignore[no-untyped-def]
    """Fit one unit; gives (status, iterations, noise variance).

    ``rows`` (columns, samples) the data, ``index`` (D,) the columns of this unit, ``y`` (samples,),
    ``right`` (D,) their products; ``gram`` the products of all columns, or empty. ``settings``: iterations,
    prune mode, first iteration to test convergence after. ``limits``: smallest value, pruning threshold,
    convergence threshold. ``weights`` and ``relevance`` (D,) receive the result, 0 where pruned.
    """
    n_iter, mode, patience = settings[0], settings[1], settings[2]
    minimum, prune_below, converged_below = limits[0], limits[1], limits[2]
    samples, n = y.shape[0], index.shape[0]
    active = np.arange(n)
    a = np.full(n, max(samples * n / _power(rows, index), minimum))
    w, g, own = np.zeros(n), np.zeros(n), right.copy()
    power = np.dot(y, y)
    size = min(n, samples)
    matrix, numbers, factors = np.empty((size, size)), np.zeros(4, np.int32), np.array([1.0, 0.0, -1.0])
    held = np.empty((n if n > samples else 1, samples))
    products = np.empty((size, size))
    filled = 0  # how many inputs ``products`` is of
    status, used, noise = DONE, n_iter, power / samples
    for iteration in range(n_iter):
        if n > samples:
            own_columns = index[active[:n]]
            bad = _dual(addresses, letters, numbers, factors, rows, own_columns, y, a, held, matrix, w, g)
        else:
            if filled == 0:
                _fill(addresses, letters, numbers, factors, rows, gram, index, active, n, products)
                filled = n
            bad = _primal(addresses, letters, numbers, factors, products, own, a, n, matrix, w, g)
        if bad:
            return FAILED, iteration, noise
        noise = (power - np.dot(w[:n], own[:n])) / samples
        if noise / (power / samples) < minimum:
            noise = max(_residual(rows, index, active, y, w, a, n), minimum)
        change = 0.0
        for d in range(n):
            new = np.sqrt(a[d] * (w[d] * w[d] / noise) / max(g[d], minimum))
            change = max(change, abs(new - a[d]))
            a[d] = new if mode else max(new, minimum)
        if mode == 0:
            continue
        left = _prune(mode, prune_below, active, a, w, own, n, products, filled)
        if left == 0:
            return PRUNED, iteration + 1, noise
        pruned = left < n
        n = left
        filled = n if filled else 0
        if iteration > patience and not pruned and change < converged_below:
            status, used = CONVERGED, iteration + 1
            break
    for d in range(n):
        weights[active[d]] = w[d]
        relevance[active[d]] = a[d]
    return status, used, noise


@njit(nogil=True, cache=True, error_model="numpy")
def _power(rows, index):  # type: ignore[no-untyped-def]
    total = 0.0
    for d in index:
        total += np.dot(rows[d], rows[d])
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def _fill(addresses, letters, numbers, factors, rows, gram, index, active, n, products):  # type: ignore[no-untyped-def]
    """X X' of the active inputs, one triangle, from the Gram matrix of all columns or from the data."""
    if gram.shape[0]:
        for j in range(n):
            row = gram[index[active[j]]]
            for i in range(j, n):
                products[j, i] = row[index[active[i]]]
        return
    held = np.empty((n, rows.shape[1]))
    for j in range(n):
        held[j] = rows[index[active[j]]]
    gram_of_rows(addresses, letters, numbers, factors, held, n, rows.shape[1], products)


@njit(nogil=True, cache=True, error_model="numpy")
def _primal(addresses, letters, numbers, factors, products, own, a, n, matrix, w, g):  # type: ignore[no-untyped-def]
    for j in range(n):
        for i in range(j, n):
            matrix[j, i] = products[j, i]
        matrix[j, j] += 1.0 / a[j]
    if cholesky(addresses, letters, numbers, matrix, n) != 0:
        return True
    w[:n] = own[:n]
    solve(addresses, letters, numbers, matrix, n, w)
    invert_factor(addresses, letters, numbers, factors, matrix, n)
    small = 0
    for d in range(n):
        total = 0.0
        for i in range(d, n):
            total += matrix[d, i] * matrix[d, i]
        g[d] = 1.0 - total / a[d]
        small += g[d] < _CANCELLED
    if small:
        _small_gains(addresses, letters, numbers, factors, products, matrix, n, small, g)
    return False


@njit(nogil=True, cache=True, error_model="numpy")
def _small_gains(addresses, letters, numbers, factors, products, inverse, n, small, g):  # type: ignore[no-untyped-def]
    """(X X' M^-1)_dd from the inverse factor, where the difference from 1 has no digits left."""
    columns = np.empty((small, n))
    row = 0
    for d in range(n):
        if g[d] < _CANCELLED:
            for k in range(n):
                columns[row, k] = products[k, d] if k < d else products[d, k]
            row += 1
    multiply_factor(addresses, letters, numbers, factors, inverse, n, columns, small)
    row = 0
    for d in range(n):
        if g[d] < _CANCELLED:
            g[d] = np.dot(columns[row, d:n], inverse[d, d:n])
            row += 1


@njit(nogil=True, cache=True, error_model="numpy")
def _dual(addresses, letters, numbers, factors, rows, own, y, a, held, matrix, w, g):  # type: ignore[no-untyped-def]
    samples, n = y.shape[0], own.shape[0]
    for j in range(n):
        root = np.sqrt(a[j])
        for sample in range(samples):
            held[j, sample] = root * rows[own[j], sample]
    gram_of_columns(addresses, letters, numbers, factors, held, samples, n, matrix)
    for sample in range(samples):
        matrix[sample, sample] += 1.0
    if cholesky(addresses, letters, numbers, matrix, samples) != 0:
        return True
    across = y.copy()
    solve(addresses, letters, numbers, matrix, samples, across)
    for j in range(n):
        w[j] = np.sqrt(a[j]) * np.dot(held[j], across)
    solve_factor(addresses, letters, numbers, factors, matrix, samples, held, n)
    for j in range(n):
        g[j] = np.dot(held[j], held[j])
    return False


@njit(nogil=True, cache=True, error_model="numpy")
def _residual(rows, index, active, y, w, a, n):  # type: ignore[no-untyped-def]
    """Noise variance from the residuals themselves, where the difference of sums has no digits left."""
    rest = y.copy()
    prior = 0.0
    for d in range(n):
        rest -= w[d] * rows[index[active[d]]]
        prior += w[d] * w[d] / a[d]
    return (np.dot(rest, rest) + prior) / y.shape[0]


@njit(nogil=True, cache=True, error_model="numpy")
def _prune(mode, threshold, active, a, w, own, n, products, filled):  # type: ignore[no-untyped-def]
    """Move what stays to the front of all arrays; gives how many inputs stay."""
    top = 0.0
    for d in range(n):
        top = max(top, a[d] if mode == 1 else w[d] * w[d])
    places = np.empty(n, np.int64)
    left = 0
    for d in range(n):
        if (a[d] if mode == 1 else w[d] * w[d]) / top > threshold:
            places[left] = d
            left += 1
    if left == n:
        return n
    for d in range(left):
        old = places[d]
        active[d], a[d], w[d], own[d] = active[old], a[old], w[old], own[old]
    if filled:
        for j in range(left):
            row = products[places[j]]
            for i in range(j, left):
                products[j, i] = row[places[i]]
    return left
