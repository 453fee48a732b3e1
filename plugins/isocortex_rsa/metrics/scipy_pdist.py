"""Any dissimilarity that scipy knows by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError, suggestion
from isocortex_rsa.metrics._rows import Floats, pairs_of, prepare, without

NAMES = (
    *("braycurtis", "canberra", "chebyshev", "cityblock", "correlation", "cosine", "dice", "euclidean"),
    *("hamming", "jaccard", "jensenshannon", "minkowski", "rogerstanimoto", "russellrao", "seuclidean"),
    *("sokalsneath", "sqeuclidean", "yule"),
)
"""What scipy.spatial.distance.pdist offers and takes nothing but patterns for."""


def pdist(patterns: npt.ArrayLike, name: str, p: float | None = None) -> Array:
    """Dissimilarity of scipy's ``pdist``, by name: cityblock, braycurtis, chebyshev, canberra, minkowski ...

    Parameters
    ----------
    patterns : array (conditions, channels). Of the measures for truth values (dice, jaccard,
        rogerstanimoto, russellrao, sokalsneath, yule), whatever is not zero counts as true.
    name : see ``NAMES``. "sqeuclidean" is scipy's, not divided by the number of channels.
    p : exponent of "minkowski" (default 2).

    Returns
    -------
    Condensed dissimilarities (pairs,). A pattern that is not finite is left out and its pairs are NaN.
    """
    if name not in NAMES:
        hint = 'for Mahalanobis take the metric "mahalanobis"' if name == "mahalanobis" else ""
        raise DataError(f"pdist: scipy has no {name!r} here; {hint or suggestion(name, NAMES, 'names')}")
    if p is not None and name != "minkowski":
        raise DataError(f'pdist: p = {p} belongs to "minkowski", not to {name!r}')
    if p is not None and not p > 0:
        raise DataError(f"pdist: p is {p}; it must be above 0")
    rows, usable, dtype = prepare(patterns)
    first, second = pairs_of(len(rows))
    values = np.full(len(first), np.nan)
    kept = np.flatnonzero(usable)
    if len(kept) > 1:
        values[usable[first] & usable[second]] = _scipy(rows[kept], name, p)
    return without(values, usable, dtype)


def _scipy(rows: Floats, name: str, p: float | None) -> Floats:
    from scipy.spatial import distance

    options: dict[str, Any] = {"p": p} if p is not None else {}
    truths = {"dice", "jaccard", "rogerstanimoto", "russellrao", "sokalsneath", "yule"}
    with np.errstate(invalid="ignore", divide="ignore"):
        values = distance.pdist(rows != 0 if name in truths else rows, name, **options)
    return np.asarray(values, dtype=np.float64)
