"""Points in many dimensions drawn in two: t-SNE, principal components, multidimensional scaling.

Each takes points (samples, dimensions) and gives their places (samples, 2) with a number that says how
faithful these are. All run on one thread: t-SNE adds up in another order on more, and ends elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_ITERATIONS = 1000


class Places(NamedTuple):
    """Where the samples lie (samples, 2), and how faithful that is (see the method)."""

    places: Floats
    fit: float


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep numerical libraries on one thread, so that the machine does not change the picture."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,unused-ignore]

    with threadpool_limits(1):
        yield


def tsne(points: Floats, perplexity: float, seed: int) -> Places:
    """t-SNE with scikit-learn's defaults (van der Maaten & Hinton 2008), from the first two components.

    It starts from the two leading principal components of the points (``init="pca"``, learning rate "auto"):
    scikit-learn's defaults since 1.2. Before, it started at random with a learning rate of 200.
    The fit is the Kullback-Leibler divergence that is left; it compares runs of one perplexity only.
    """
    from sklearn.manifold import TSNE

    method = TSNE(n_components=2, perplexity=perplexity, init="pca", learning_rate="auto", random_state=seed)
    with one_thread():
        places = method.fit_transform(points)
    return Places(places.astype(np.float64), float(method.kl_divergence_))


def mds(points: Floats) -> Places:
    """Metric multidimensional scaling of Euclidean distances by SMACOF, from the first two components.

    The fit is Kruskal's stress-1, the root of summed squared error over summed squared distance (0 is
    perfect, .2 is poor). The start is fixed, so no seed is needed. ``points`` come with their components in
    order: the first two are the classical solution.
    """
    from scipy.spatial.distance import pdist, squareform
    from sklearn.manifold import smacof

    distances = pdist(points)
    largest = float(distances.max(initial=0.0)) or 1.0
    with one_thread():
        places, _ = smacof(
            squareform(distances / largest), n_components=2, init=points[:, :2] / largest, n_init=1,
            max_iter=_ITERATIONS, eps=1e-7, normalized_stress=False,
        )  # fmt: skip
    error = float(((pdist(places) - distances / largest) ** 2).sum())
    return Places(places * largest, float(np.sqrt(error / ((distances / largest) ** 2).sum())))


def within_one(places: Floats, each: bool = False) -> Floats:
    """Bring places into 0..1: both axes by one factor, the narrower in the middle, or ``each`` by its own."""
    low, high = places.min(axis=0), places.max(axis=0)
    spans = high - low if each else np.full(2, (high - low).max())
    scaled = np.divide(places - (low + high) / 2, spans, out=np.zeros_like(places), where=spans > 0) + 0.5
    return np.asarray(np.clip(scaled, 0.0, 1.0))
