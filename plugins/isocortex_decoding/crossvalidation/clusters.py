"""Clusters of stimuli whose features resemble each other, to be held out together."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError
from isocortex_decoding.evaluation.blocks import (
    BLOCK,
    Floats,
    Rows,
    matrix_of,
    prepared,
    unit_blocks,
    unit_statistics,
)

_COMPONENTS = 50


def principal_scores(features: Any, components: int = _COMPONENTS, block: int = BLOCK) -> Floats:
    """Scores of samples on the first principal components of z-scored units: (samples, at most components).

    Through the Gram matrix of the samples, so that millions of units are read block by block. Units that are
    constant or not finite take no part.
    """
    values = matrix_of(features, "features")
    if len(values) < 2:
        return np.zeros((len(values), 0))
    mean, norm = unit_statistics(values, block)
    with np.errstate(invalid="ignore"):
        keep = np.isfinite(norm) & (norm > 0)
    take = prepared(keep, mean, norm)
    gram = np.zeros((len(values), len(values)))
    for part in unit_blocks(values.shape[1], len(values), block):
        x = take(values, part)
        gram += x @ x.T
    roots, vectors = np.linalg.eigh(gram)
    order = np.argsort(roots)[::-1][: min(components, len(values) - 1)]
    order = order[roots[order] > 1e-9 * max(roots.max(), 0.0)]
    vectors = vectors[:, order]
    vectors = vectors * np.where(
        vectors[np.abs(vectors).argmax(axis=0), np.arange(len(order))] < 0, -1.0, 1.0
    )
    return np.asarray(vectors * np.sqrt(roots[order]))


def feature_clusters(features: Any, n_clusters: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Cluster samples by k-means on the principal components of their features: numbers 0, 1, ...

    Parameters
    ----------
    features : array (samples, ...units), also a memory map.
    n_clusters : how many, at most as many as samples.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    samples = len(features)
    if not 1 <= n_clusters <= samples:
        raise DataError(f"clusters: {samples} samples make 1 to {samples} clusters, not {n_clusters}")
    scores = principal_scores(features)
    different = len(np.unique(scores.round(9), axis=0))
    if different < n_clusters:
        raise DataError(f"clusters: only {different} samples differ; that makes no {n_clusters} clusters")
    seed = int(rng.integers(2**31))
    with threadpool_limits(1):  # sums in one order, whatever the number of processors
        found = KMeans(n_clusters, n_init=10, random_state=seed).fit(scores).labels_
    _, first, inverse = np.unique(found, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[inverse], dtype=np.intp)  # numbered by first appearance


def together(*parts: Any) -> Rows:
    """Do as if the rows of several matrices stood below each other, read only block by block."""
    matrices = [matrix_of(part, "features") for part in parts]
    return _Stacked(matrices)


class _Stacked(Rows):
    """Matrices below each other."""

    def __init__(self, matrices: list[Any]) -> None:
        self.matrices = matrices
        self.dtype = np.result_type(*(matrix.dtype for matrix in matrices))
        self.shape = (sum(len(matrix) for matrix in matrices), matrices[0].shape[1])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        rows, units = key
        return np.concatenate([matrix[:, units] for matrix in self.matrices])[rows]
