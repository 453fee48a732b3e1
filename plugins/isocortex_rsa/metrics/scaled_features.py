"""RDMs of features that are standardised over samples, from memory maps, in bounded memory.

Features are read in blocks of units. Each block is centred (and scaled) over the samples, all of it in
float64, and multiplied with itself: the samples x samples Gram matrix holds all that distances and principal
components need, so that neither a units x units matrix nor a float64 copy of the features is ever made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex_rsa.metrics._rows import Floats
from isocortex_rsa.metrics.features import FeatureMetric, _averaging, _dissimilarities, _Sums

BLOCK = 2**22
"""How many float64 numbers a block holds: 32 MB."""

EPS = float(np.finfo(np.float64).eps)

_NOTHING = 16 * EPS
"""A row that is shorter than this share of the longest is what rounding leaves of zeros."""

_TOO_LARGE = "the features are too large to be squared; divide them by a constant first"


class Gram(NamedTuple):
    """Sums and products over the units of (averaged) scaled features, and how many units are constant."""

    sums: _Sums
    constant: int


def scaled_feature_rdm(
    features: Array,
    metric: FeatureMetric = "cosine",
    groups: Any = None,
    standardise: bool = True,
    samples: Sequence[str] | None = None,
    block: int = BLOCK,
) -> tuple[Array, int]:
    """RDM of features that are standardised (or only centred) over samples, over all units, without a PCA.

    Cosine and Euclidean distances are those between the scores of all principal components, by a direct
    route: one pass, no eigenvectors, no signs. Correlation is over units, not over components.

    Parameters
    ----------
    features, standardise, samples, block : see ``feature_components``.
    metric : "correlation", "cosine", "euclidean", or "sqeuclidean" (per unit).
    groups : labels (samples,): standardised features are averaged over the samples of a group first, and the
        RDM is of groups in order of first appearance. None: of samples.

    Returns
    -------
    Condensed dissimilarities (pairs,), float64, and how many units are constant over the samples. NaN for the
    pairs of a sample or group that the metric is undefined for.
    """
    if metric not in ("correlation", "cosine", "euclidean", "sqeuclidean"):
        raise DataError(f"no metric {metric!r} here; say correlation, cosine, euclidean or sqeuclidean")
    rows = rows_of(features)
    averaging = None if groups is None else _averaging(groups, len(rows), np.dtype(np.float64))
    gram = gram_of(rows, standardise, averaging, samples, block)
    own = np.diagonal(gram.sums.product)
    nothing = own <= _NOTHING**2 * own.max()
    gram.sums.product[nothing, nothing] = 0.0
    with np.errstate(invalid="ignore"):
        return _dissimilarities(gram.sums, metric, EPS), gram.constant


def scaled_features(
    features: Array, groups: Any = None, standardise: bool = True, samples: Sequence[str] | None = None
) -> tuple[Floats, int]:
    """Standardised (or only centred) features, of samples or averaged over groups, for any other metric.

    Returns
    -------
    Array (samples or groups, units) in float64, all of it in memory, and how many units are constant.
    """
    rows = rows_of(features)
    averaging = None if groups is None else _averaging(groups, len(rows), np.dtype(np.float64))
    means = np.empty((len(rows) if averaging is None else len(averaging), rows.shape[1]))
    constant = start = 0
    for values, fixed in scaled_blocks(rows, standardise, samples, BLOCK):
        width = values.shape[1]
        means[:, start : start + width] = values if averaging is None else averaging @ values
        start, constant = start + width, constant + fixed
    _require_variance(constant, rows.shape[1])
    return averaged(means, None), constant


def averaged(scores: Array, groups: Any) -> Array:
    """Mean over the samples of each group, in order of first appearance; None: the samples themselves.

    Rows that are zero but for rounding become zero, so that no angle is measured between them.
    """
    means = scores if groups is None else _averaging(groups, len(scores), np.dtype(np.float64)) @ scores
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    return np.asarray(np.where(lengths > _NOTHING * lengths.max(), means, 0.0))


def rows_of(features: Array) -> Array:
    """Check features, and view them as (samples, units)."""
    given = np.asanyarray(features)
    if given.ndim < 2 or given.dtype.kind not in "fiub" or not given.shape[0] or not given[0].size:
        raise DataError(
            f"expected features of shape (samples, units), got {given.dtype} of shape {given.shape}"
        )
    return given.reshape(len(given), -1)


def gram_of(
    rows: Array, standardise: bool, averaging: Array | None, samples: Sequence[str] | None, block: int
) -> Gram:
    """Multiply scaled features, or their averages over samples, with themselves, block by block."""
    size = len(rows) if averaging is None else len(averaging)
    product, total, constant = np.zeros((size, size)), np.zeros(size), 0
    for scaled, fixed in scaled_blocks(rows, standardise, samples, block):
        values = scaled if averaging is None else averaging @ scaled
        with np.errstate(over="ignore", invalid="ignore"):
            product += values @ values.T
        total += values.sum(axis=1)
        constant += fixed
    units = rows.shape[1]
    _require_variance(constant, units)
    if not np.isfinite(product).all():
        raise DataError(_TOO_LARGE)
    return Gram(_Sums(units, np.zeros(size), total, product), constant)


def _require_variance(constant: int, units: int) -> None:
    if constant == units:
        raise DataError(
            f"none of the {units} units varies over the samples, so that nothing is left once centred"
        )


def scaled_blocks(
    rows: Array, standardise: bool, samples: Sequence[str] | None, block: int
) -> Iterator[tuple[Floats, int]]:
    """Go through (centred or standardised block of units, how many of them are constant).

    The memory of a block is used again for the next one.
    """
    count, units = rows.shape
    step = max(1, min(units, block // count))
    held = np.empty((count, step))
    for start in range(0, units, step):
        values = held[:, : min(step, units - start)]
        values[...] = rows[:, start : start + step]
        with np.errstate(invalid="ignore", over="ignore"):
            mean = values.mean(axis=0)
            values -= mean
            variance = np.einsum("ij,ij->j", values, values) / count
            # scikit-learn's bound on what rounding leaves of a constant (Chan, Golub & LeVeque 1983)
            constant = variance <= count * EPS * variance + (count * mean * EPS) ** 2
        if not np.isfinite(variance).all():
            _refuse(rows, samples, step)
        if standardise:
            values *= np.divide(1.0, np.sqrt(variance), out=np.zeros_like(variance), where=~constant)
        elif constant.any():
            values[:, constant] = 0.0
        yield values, int(constant.sum())


def _refuse(rows: Array, samples: Sequence[str] | None, step: int) -> None:
    """Raise and name the samples that are not finite."""
    bad = np.zeros(len(rows), dtype=bool)
    for start in range(0, rows.shape[1], step):
        bad |= ~np.isfinite(rows[:, start : start + step]).all(axis=1)
    if not bad.any():
        raise DataError(_TOO_LARGE)
    names = [
        repr(samples[row]) if samples is not None else str(row + 1) for row in np.flatnonzero(bad).tolist()
    ]
    shown = ", ".join(names[:8]) + (f", ... ({len(names)} in all)" if len(names) > 8 else "")
    raise DataError(
        f"features hold NaN or infinity for {'stimulus' if samples is not None else 'sample'} {shown}; "
        "standardising and PCA would spread it over all others, so leave it out or compute it again"
    )
