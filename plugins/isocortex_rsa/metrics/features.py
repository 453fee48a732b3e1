"""RDMs of large feature matrices, from memory maps, in bounded memory.

One pass over blocks of units: each block is read, shifted so that nothing large cancels later, multiplied
with itself (one BLAS product), and added to float64 sums. 1,200 images x 800,000 units then need little more
memory than one block and the 1,200 x 1,200 sums.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from isocortex.data.base import Array
from isocortex.data.labels import as_labels, codes, require_length, unique
from isocortex.errors import DataError
from isocortex_rsa.metrics._rows import Floats, pairs_of

FeatureMetric = Literal["correlation", "cosine", "euclidean", "sqeuclidean"]

_BLOCK = 2**23
"""How many numbers a block holds: 32 MB of float32, 64 MB of float64."""


class _Sums(NamedTuple):
    """Of rows x minus ``shift``: ``total`` (n,) and ``product`` (n, n) over ``units``."""

    units: int
    shift: Floats
    total: Floats
    product: Floats


def feature_rdm(
    features: Array, metric: FeatureMetric = "correlation", groups: Any = None, block: int = _BLOCK
) -> Array:
    """RDM of features with very many units, the same as the metric of that name on all of them.

    Parameters
    ----------
    features : array (samples, ...units), also a memory map; read once, block by block.
    metric : "correlation", "cosine", "euclidean", or "sqeuclidean" (per unit).
    groups : labels (samples,): features are averaged over the samples of a group first, and the RDM is of
        groups in order of first appearance. None: of samples.
    block : how many numbers are held at a time.

    Returns
    -------
    Condensed dissimilarities (pairs,), float64. float32 (and float16) features are multiplied in float32 and
    summed in float64: correlations are right to about 1e-6. Euclidean distances cancel, so they are computed
    in float64 throughout. NaN for the pairs of a sample that is not finite, or that the metric is undefined
    for (constant over units, zero everywhere).
    """
    given = np.asanyarray(features)
    if given.ndim < 2 or given.dtype.kind not in "fiub" or not given.shape[0] or not given[0].size:
        raise DataError(
            f"expected features of shape (samples, units), got {given.dtype} of shape {given.shape}"
        )
    if metric not in ("correlation", "cosine", "euclidean", "sqeuclidean"):
        raise DataError(
            f"feature_rdm: no metric {metric!r}; say correlation, cosine, euclidean or sqeuclidean"
        )
    rows = given.reshape(len(given), -1)
    small = rows.dtype.kind == "f" and rows.dtype.itemsize <= 4 and metric in ("correlation", "cosine")
    dtype: np.dtype[Any] = np.dtype(np.float32 if small else np.float64)
    averaging = None if groups is None else _averaging(groups, len(rows), dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        sums = _sums(rows, metric, averaging, dtype, block)
        return _dissimilarities(sums, metric, float(np.finfo(np.float32 if small else np.float64).eps))


def _averaging(groups: Any, samples: int, dtype: np.dtype[Any]) -> Array:
    """Matrix (groups, samples) that averages the samples of each group."""
    labels = as_labels(groups, "groups of samples")
    require_length(labels, samples, "groups of samples")
    index = codes(labels)
    weights = np.zeros((len(unique(labels)), samples))
    weights[index, np.arange(samples)] = 1.0 / np.bincount(index)[index]
    return weights.astype(dtype)


def _sums(rows: Array, metric: str, averaging: Array | None, dtype: np.dtype[Any], block: int) -> _Sums:
    samples, units = rows.shape
    size = samples if averaging is None else len(averaging)
    step = max(1, min(units, block // max(samples, size)))
    held = np.empty((size + 1, step), dtype=dtype)
    shift: Floats = np.zeros(size)
    sums = np.zeros((size + 1, size + 1))
    for start in range(0, units, step):
        width = min(step, units - start)
        part = rows[:, start : start + width]
        values = part if averaging is None else averaging @ part.astype(dtype, copy=False)
        if start == 0 and metric == "correlation":
            shift = np.asarray(values.mean(axis=1, dtype=np.float64).astype(dtype), dtype=np.float64)
        x = held[:, :width] if width == step else np.empty((size + 1, width), dtype=dtype)
        np.subtract(values, _offset(values, metric, shift, dtype), out=x[:size], casting="same_kind")
        x[size] = 1.0  # its products with the rows are their sums
        sums += x @ x.T
    return _Sums(units, shift, sums[size, :size], sums[:size, :size])


def _offset(values: Array, metric: str, shift: Floats, dtype: np.dtype[Any]) -> Array:
    """What is taken away from a block: a constant of each row, or the mean row, which no difference has."""
    if metric == "correlation":
        return shift[:, None].astype(dtype)
    if metric == "cosine":
        return np.zeros((), dtype=dtype)
    mean = values.mean(axis=0, dtype=dtype)
    if not np.isfinite(mean).all():
        good = np.isfinite(values).all(axis=1)
        mean = values[good].mean(axis=0, dtype=dtype) if good.any() else np.zeros_like(mean)
    return np.asarray(mean)


def _dissimilarities(sums: _Sums, metric: str, eps: float) -> Array:
    first, second = pairs_of(len(sums.total))
    product = sums.product
    own = np.diagonal(product).copy()
    own[~np.isfinite(own)] = np.nan
    if metric in ("euclidean", "sqeuclidean"):
        squares = np.maximum(own[first] + own[second] - 2.0 * product[first, second], 0.0)
        return np.asarray(np.sqrt(squares) if metric == "euclidean" else squares / sums.units)
    if metric == "correlation":
        square = own + 2.0 * sums.shift * sums.total + sums.units * sums.shift**2
        product = product - np.outer(sums.total, sums.total) / sums.units
        own = np.diagonal(product).copy()
        own[~(own > (4 * eps) ** 2 * square)] = np.nan
    own[~(own > 0)] = np.nan
    norms = np.sqrt(own)
    return np.asarray(1.0 - np.clip(product[first, second] / (norms[first] * norms[second]), -1.0, 1.0))
