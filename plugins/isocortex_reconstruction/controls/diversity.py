"""Do reconstructions differ from each other as their stimuli do, or are there only a few of them?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from isocortex.data.base import Array
from isocortex_decoding import correlation_matrix
from isocortex_decoding.evaluation.blocks import Floats
from isocortex_decoding.guards.variance import dimensions
from isocortex_reconstruction.controls.pixels import mean_of

SAME = 0.95
"""Pictures that correlate so are one output."""


class Diversity(NamedTuple):
    """``pairwise``: mean correlation of two pictures of a set (NaN for fewer than two); ``effective``:
    participation ratio of their pixels' variances; ``distinct``: how many different pictures there are."""

    pairwise: float
    effective: float
    distinct: int


def diversity(rows: Array, same: float = SAME) -> Diversity:
    """How different pictures (n, pixels) are.

    Pictures are one output where they correlate with at least ``same``, or where a chain of pictures that do
    links them. Blank pictures, whose correlation is undefined, are all one output.
    """
    r = correlation_matrix(rows, rows)
    return Diversity(mean_of(r[np.triu_indices(len(r), 1)]), dimensions(rows).effective, distinct(r, same))


def distinct(correlations: Floats, same: float = SAME) -> int:
    """Count the groups of a matrix of correlations (n, n)."""
    from scipy.sparse.csgraph import connected_components

    if not len(correlations):
        return 0
    undefined = np.isnan(np.diagonal(correlations))
    linked = np.nan_to_num(correlations, nan=-1.0) >= same
    linked |= undefined[:, None] & undefined[None]
    return int(connected_components(linked, directed=False)[0])
