"""Permutations of condition labels: they move the rows and the columns of an RDM together (Mantel 1967)."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError

Indices = npt.NDArray[np.intp]

_LISTED = 8
"""Up to so many conditions (40,320 orders) all orders are listed and some of them drawn from the list."""


def condition_permutations(n_conditions: int, n: int, rng: np.random.Generator) -> Indices:
    """Draw ``n`` different orders of the conditions, none of them the identity; all when there are no more.

    Gives (n, n_conditions), in random order unless these are all. Since the orders come without repetition
    and without the identity, p = (1 + #{no smaller}) / (1 + n) is exact when they are all.
    """
    if n_conditions < 3:
        raise DataError(f"permuting condition labels needs at least 3 conditions, got {n_conditions}")
    if n < 1:
        raise DataError(f"permutations: give a number of at least 1, not {n}")
    others = math.factorial(n_conditions) - 1
    if n_conditions <= _LISTED or 2 * n >= others:
        orders = itertools.islice(itertools.permutations(range(n_conditions)), 1, None)
        every = np.array(list(orders), dtype=np.intp)
        return every if n >= others else every[rng.permutation(others)[:n]]
    return _drawn(n_conditions, n, rng)


def _drawn(n_conditions: int, n: int, rng: np.random.Generator) -> Indices:
    """Draw until there are enough different ones; so few of so many orders hardly ever meet."""
    identity = np.arange(n_conditions)
    found = np.empty((0, n_conditions), dtype=np.intp)
    while len(found) < n:
        more = rng.permuted(np.broadcast_to(identity, (n - len(found), n_conditions)), axis=1)
        found = np.concatenate([found, more.astype(np.intp)])
        _, first = np.unique(found, axis=0, return_index=True)
        found = found[np.sort(first)]
        found = found[(found != identity).any(axis=1)]
    return found


def pair_permutation(permutation: npt.ArrayLike) -> Indices:
    """Say where the pairs of permuted conditions stand in the condensed form of an RDM.

    For ``rdm`` the condensed form of the matrix ``square``, ``rdm[pair_permutation(order)]`` is that of
    ``square[order][:, order]``. Orders (n, conditions) give indices (n, pairs).
    """
    order = np.asarray(permutation, dtype=np.intp)
    size = order.shape[-1]
    if not np.array_equal(np.sort(order, axis=-1), np.broadcast_to(np.arange(size), order.shape)):
        raise DataError(f"a permutation of {size} conditions holds each of 0 to {size - 1} once")
    rows, columns = np.triu_indices(size, 1)
    first, second = order[..., rows], order[..., columns]
    low, high = np.minimum(first, second), np.maximum(first, second)
    return np.asarray(low * size - low * (low + 1) // 2 + (high - low - 1), dtype=np.intp)
