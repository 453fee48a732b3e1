"""Sign flips: under the null, each subject's effect could as well have had the other sign."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError

Signs = npt.NDArray[np.float64]

EXHAUSTIVE = 12
"""Up to so many subjects (4,096 sign patterns) all patterns are used, whatever number is asked for."""


def sign_flips(n_subjects: int, n: int, rng: np.random.Generator) -> Signs:
    """Draw ``n`` different sign patterns (n, subjects) of -1 and 1, none of them without a flip.

    All patterns when there are no more than ``n``, or no more than 12 subjects: the p-values are then exact.
    """
    if n_subjects < 2:
        raise DataError(f"a test over subjects needs at least 2 subjects, got {n_subjects}")
    if n < 1:
        raise DataError(f"permutations: give a number of at least 1, not {n}")
    if n_subjects <= EXHAUSTIVE or 2**n_subjects - 1 <= n:
        bits = np.arange(1, 2**n_subjects)[:, None] >> np.arange(n_subjects) & 1
    else:
        bits = _drawn(n_subjects, n, rng)
    return np.asarray(1.0 - 2.0 * bits, dtype=np.float64)


def _drawn(n_subjects: int, n: int, rng: np.random.Generator) -> npt.NDArray[np.int8]:
    """Draw until there are enough different patterns."""
    found = np.empty((0, n_subjects), dtype=np.int8)
    while len(found) < n:
        more = rng.integers(0, 2, (n, n_subjects), dtype=np.int8)
        found = np.concatenate([found, more])
        _, first = np.unique(found, axis=0, return_index=True)
        found = found[np.sort(first)]
        found = found[found.any(axis=1)]
    return found[:n]
