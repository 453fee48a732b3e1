"""How many dimensions predictions have, and whether they are copies of training items."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex_decoding.evaluation.blocks import BLOCK, Floats, Mask, matrix_of, prepared, unit_blocks
from isocortex_decoding.evaluation.correlations import correlation_rows, pattern_correlation

_RANK = 1e-9


class Dimensions(NamedTuple):
    """``rank`` of features centred over samples; ``effective``: participation ratio of their variances."""

    rank: int
    effective: float


def dimensions(
    features: Any,
    mean: Floats | None = None,
    norm: Floats | None = None,
    keep: Mask | None = None,
    block: int = BLOCK,
) -> Dimensions:
    """Dimensions of features (samples, ...units) over samples, after (value - mean) / norm.

    The participation ratio is (sum of variances)^2 / sum of squared variances over principal components: k
    for k components of equal variance.
    """
    values = matrix_of(features, "features")
    take = prepared(keep, mean, norm)
    gram = np.zeros((len(values), len(values)))
    for part in unit_blocks(values.shape[1], len(values), block):
        x = take(values, part)
        x -= x.mean(axis=0) if len(x) else 0.0
        gram += x @ x.T
    if not gram.size:
        return Dimensions(0, float("nan"))
    roots = np.maximum(np.linalg.eigvalsh(gram), 0.0)
    roots = roots[roots > _RANK * roots.max()]
    if not len(roots):
        return Dimensions(0, float("nan"))
    return Dimensions(len(roots), float(roots.sum() ** 2 / np.square(roots).sum()))


class Nearest(NamedTuple):
    """``item`` (samples,): training item that each prediction correlates with most, ``r`` (samples,) that
    correlation, ``own`` (samples,) the one with its own true features."""

    item: npt.NDArray[np.intp]
    r: Floats
    own: Floats


def nearest_items(
    predictions: Any, true: Any, training: Any, mean: Floats, norm: Floats, keep: Mask
) -> Nearest:
    """Find the training item most like each prediction; features z-scored by training."""
    p, known = matrix_of(predictions, "predictions"), matrix_of(training, "training features")
    item, r = np.zeros(len(p), dtype=np.intp), np.full(len(p), np.nan)
    for part, values in correlation_rows(p, known, mean, norm, keep):
        filled = np.nan_to_num(values, nan=-2.0)
        item[part], best = filled.argmax(axis=1), filled.max(axis=1)
        r[part] = np.where(best < -1.5, np.nan, best)
    return Nearest(item, r, pattern_correlation(p, matrix_of(true, "true features"), mean, norm, keep))


def mean_spread(features: Any, keep: Mask, block: int = BLOCK) -> float:
    """Mean over samples of the standard deviation over units (ddof 1), as features come."""
    values = matrix_of(features, "features")
    take = prepared(keep, None, None)
    units, total, square = 0, np.zeros(len(values)), np.zeros(len(values))
    shift: Any = None
    for part in unit_blocks(values.shape[1], len(values), block):
        x = take(values, part)
        if not x.size:
            continue
        shift = x.mean(axis=1, keepdims=True) if shift is None else shift
        x -= shift
        units += x.shape[1]
        total += x.sum(axis=1)
        square += np.square(x).sum(axis=1)
    if units < 2 or not len(values):
        return float("nan")
    return float(np.sqrt(np.maximum(square - total**2 / units, 0.0) / (units - 1)).mean())
