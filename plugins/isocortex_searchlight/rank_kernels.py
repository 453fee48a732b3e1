"""Ranks of many RDMs at once, pairs along the first axis, and what is reduced over permutations."""

from __future__ import annotations

import numpy as np
from numba import njit

LANES = 256
"""Columns that are ranked side by side: as many as the second-level cache takes with some hundred pairs."""


@njit(nogil=True, cache=True)
def rank_by_counting(values, start, stop, ranks, norms):
    """Centred ranks of the columns start to stop of values (pairs, centres), and their lengths.

    d_a = #(x_b < x_a) - #(x_b > x_a) is twice the rank minus its mean, ties sharing the mean of their ranks
    with no further rule, and adds up to zero exactly. Columns are done side by side, as many as fit the
    processor's lanes; up to some hundreds of pairs that is faster than sorting.
    """
    n = values.shape[0]
    x = np.zeros((n, LANES), values.dtype)
    d = np.zeros((n, LANES), np.int32)
    t = np.zeros(LANES, np.int32)
    square = np.zeros(LANES, np.float64)
    for s in range(start, stop, LANES):
        m = min(LANES, stop - s)
        d[:] = 0
        square[:] = 0
        for a in range(n):
            source, target = values[a, s : s + m], x[a]
            for lane in range(m):
                target[lane] = source[lane]
        for a in range(n):
            xa, da = x[a], d[a]
            for lane in range(LANES):
                t[lane] = 0
            for c in range(a + 1, n):
                xc, dc = x[c], d[c]
                for lane in range(LANES):
                    g = np.int32(xc[lane] < xa[lane]) - np.int32(xa[lane] < xc[lane])
                    t[lane] += g
                    dc[lane] -= g
            for lane in range(LANES):
                da[lane] += t[lane]
        for a in range(n):
            da = d[a]
            for lane in range(LANES):
                square[lane] += np.float64(da[lane]) * np.float64(da[lane])
        for a in range(n):
            source, target = d[a], ranks[a, s : s + m]
            for lane in range(m):
                target[lane] = source[lane]
        for lane in range(m):
            norms[s + lane] = np.sqrt(square[lane])


@njit(nogil=True, cache=True)
def rank_sorted(values, order, ranks, norms):
    """The same from an argsort of each row: values and order (centres, pairs), ranks (pairs, centres)."""
    for v in range(values.shape[0]):
        row, places = values[v], order[v]
        n = row.size
        square, i = 0.0, 0
        while i < n:
            j = i
            while j + 1 < n and row[places[j + 1]] == row[places[i]]:
                j += 1
            d = i + j + 1 - n
            for k in range(i, j + 1):
                ranks[places[k], v] = d
            square += float(d) * float(d) * (j - i + 1)
            i = j + 1
        norms[v] = np.sqrt(square)


@njit(nogil=True, cache=True)
def scale_columns(values, factors):
    """Multiply each column by its factor, in place."""
    for a in range(values.shape[0]):
        row = values[a]
        for v in range(row.size):
            row[v] *= factors[v]


@njit(nogil=True, cache=True, fastmath=True)
def count_reached(products, observed, two_sided, reached):
    """Count how often products (permutations * models, centres) come up to the observed (models, centres).

    reached has the shape and type of observed; there must be no NaN. (Maxima are left to numpy, whose loop is
    vectorised where this compiler's is not.)
    """
    models = observed.shape[0]
    one = np.ones(1, products.dtype)[0]
    none = np.zeros(1, products.dtype)[0]
    for row in range(products.shape[0]):
        line, seen, count = products[row], observed[row % models], reached[row % models]
        if two_sided:
            for v in range(line.size):
                count[v] += one if abs(line[v]) >= seen[v] else none
        else:
            for v in range(line.size):
                count[v] += one if line[v] >= seen[v] else none
