"""Principal components of features with very many units, and RDMs of them, in bounded memory.

The samples x samples Gram matrix of the (standardised) features has the scores in its eigenvectors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_rsa.metrics._rows import Floats
from isocortex_rsa.metrics.scaled_features import BLOCK, EPS, averaged, gram_of, rows_of, scaled_blocks

Signs = Literal["scores", "loadings"]

_TURN = 1e-6
"""A component that rounding may turn by more than this angle counts as undetermined."""


class Components(NamedTuple):
    """Principal components of features, and how sure they are."""

    scores: Floats
    """(samples, components), the largest variance first."""
    shares: Floats
    """(components,): the share of the variance that each explains."""
    constant: int
    """How many units do not vary over the samples; they contribute nothing."""
    undetermined: int
    """How many components have a sign or a direction that only rounding decides."""
    open_end: bool
    """Whether only rounding decides how many components are kept, or which comes last."""


def feature_components(
    features: Array,
    variance: float = 0.9,
    standardise: bool = True,
    signs: Signs = "scores",
    samples: Sequence[str] | None = None,
    block: int = BLOCK,
) -> Components:
    """Principal component scores of features with very many units, exactly, by the samples' Gram matrix.

    The same as scikit-learn's ``StandardScaler`` and ``PCA(n_components=variance)``, in float64 throughout.

    Parameters
    ----------
    features : array (samples, ...units), also a memory map; read once ("loadings": twice), block by block.
    variance : above 0, up to 1: the fewest components are kept that explain more than this share of the
        variance; 1 keeps all that are there (their variance is above rounding).
    standardise : bring every unit to mean 0 and variance 1 (ddof 0) over the samples first, as study A does;
        False: to mean 0 only. A unit that does not vary (scikit-learn's test for it) becomes 0.
    signs : which way a component points is a convention. "scores": the sample with its largest absolute score
        scores positive (scikit-learn up to 1.4, with which study A ran); "loadings": the unit with its
        largest absolute weight weighs positive (scikit-learn since 1.5).
    samples : names of the samples for error messages.
    block : how many numbers are held at a time.

    Notes
    -----
    Euclidean and cosine distances between scores do not depend on the signs. Pearson's correlation over
    components does, and on any rotation too, since it takes the mean over components away: it is a different
    number under each convention. ``undetermined`` counts the components for which not even the convention
    decides: two entries of opposite sign tie for the largest, or two eigenvalues are equal within rounding.
    Components whose variance is less than about ``samples`` x 2e-16 of the first one's are taken for none.
    """
    if not 0 < variance <= 1:
        raise DataError(f"the share of variance to keep is {variance}; give a number above 0, up to 1")
    if signs not in ("scores", "loadings"):
        raise DataError(f'component signs {signs!r}: say "scores" or "loadings"')
    rows = rows_of(features)
    gram = gram_of(rows, standardise, None, samples, block)
    values, vectors = _eigen(gram.sums.product)
    shares = values / values.sum()
    kept, loose = _how_many(values, shares, variance)
    turn = _turns(values)[:kept]
    vectors = vectors[:, :kept]
    up, down = vectors.max(axis=0), -vectors.min(axis=0)
    if signs == "loadings":
        up, down = _largest_loadings(scaled_blocks(rows, standardise, samples, block), vectors, values[:kept])
    undetermined = (turn > _TURN) | (np.abs(up - down) <= 2 * turn)
    scores = vectors * (np.where(down > up, -1.0, 1.0) * np.sqrt(values[:kept]))
    return Components(scores, shares[:kept], gram.constant, int(undetermined.sum()), loose)


def component_rdm(
    features: Array,
    metric: Callable[[Array], Array],
    groups: Any = None,
    variance: float = 0.9,
    standardise: bool = True,
    signs: Signs = "scores",
) -> Array:
    """RDM of the principal components of features: study A's layer RDM (Lee et al. 2023, notebook 04).

    Parameters
    ----------
    features, variance, standardise, signs : see ``feature_components``, also on what correlations over
        components depend on.
    metric : patterns (conditions, components) -> condensed dissimilarities; study A: ``correlation``.
    groups : labels (samples,): the scores are averaged over the samples of a group first, and the RDM is of
        groups in order of first appearance. None: of samples.

    Returns
    -------
    Condensed dissimilarities (pairs,).
    """
    found = feature_components(features, variance, standardise, signs)
    return np.asarray(metric(averaged(found.scores, groups)))


def _eigen(product: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues, the largest first and none below 0, and eigenvectors in columns."""
    values, vectors = np.linalg.eigh(product)
    return np.maximum(values[::-1], 0.0), vectors[:, ::-1]


def _how_many(values: Floats, shares: Floats, variance: float) -> tuple[int, bool]:
    """How many components to keep, and whether rounding decides that."""
    rank = int(np.count_nonzero(values > len(values) * EPS * values[0]))
    if variance == 1:
        return rank, False
    reached = np.cumsum(shares)
    kept = min(int(np.searchsorted(reached, variance, side="right")) + 1, rank)
    near = np.abs(reached[: rank - 1] - variance).min(initial=1.0) <= len(values) * EPS
    return kept, bool(near or (kept < rank and _turns(values, between=True)[kept - 1] > _TURN))


def _turns(values: Floats, between: bool = False) -> Floats:
    """Angle by which rounding may turn each component: the error of the Gram matrix over the nearest gap.

    (Davis & Kahan 1970.) ``between``: for each gap between a component and the next, instead.
    """
    gaps = np.concatenate([[np.inf], values[:-1] - values[1:], [np.inf]])
    nearest = gaps[1:] if between else np.minimum(gaps[:-1], gaps[1:])
    noise = 16 * EPS * values[0]
    return np.asarray(np.divide(noise, nearest, out=np.full(len(values), np.inf), where=nearest > 0))


def _largest_loadings(
    parts: Iterator[tuple[Floats, int]], vectors: Floats, values: Floats
) -> tuple[Floats, Floats]:
    """The largest loading of each component and the largest of its opposite, in a second pass."""
    up, down = np.full(len(values), -np.inf), np.full(len(values), -np.inf)
    for scaled, _ in parts:
        loadings = vectors.T @ scaled
        up, down = np.maximum(up, loadings.max(axis=1)), np.maximum(down, -loadings.min(axis=1))
    return up / np.sqrt(values), down / np.sqrt(values)
