"""Permutations of stimulus labels, and the bootstrap over images and subjects."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError
from isocortex_decoding.evaluation.blocks import Floats

Over = Literal["images", "subjects", "images and subjects"]

Indices = npt.NDArray[np.intp]

_NUMBERS = 2**22


def label_permutations(candidates: int, n: int, rng: np.random.Generator) -> Indices:
    """Draw up to ``n`` different orders of the stimuli, none the identity: (p, candidates).

    Two stimuli have one other order; one has none, and so has any number where ``n`` is 0.
    """
    if n < 0:
        raise DataError(f"permutations: give 0 or more, not {n}")
    if candidates < 2 or n == 0:
        return np.empty((0, candidates), dtype=np.intp)
    if candidates == 2:
        return np.array([[1, 0]], dtype=np.intp)
    from isocortex_rsa.inference import condition_permutations

    return condition_permutations(candidates, n, rng)


def category_permutations(categories: npt.ArrayLike, n: int, rng: np.random.Generator) -> Indices:
    """Draw ``n`` orders of the stimuli that keep categories together: (n, stimuli).

    Whole categories take each other's places where they have as many stimuli, and stimuli within them do. A
    category whose size no other has stays, and only its stimuli are permuted. There are none where no
    category has two stimuli.
    """
    codes = np.asarray(categories, dtype=np.intp)
    members = [np.flatnonzero(codes == code) for code in np.unique(codes)]
    sizes = np.array([len(own) for own in members], dtype=np.intp)
    if n < 0:
        raise DataError(f"permutations: give 0 or more, not {n}")
    out = np.empty((n if (sizes > 1).any() else 0, len(codes)), dtype=np.intp)
    for order in out:
        for size in np.unique(sizes):
            alike = np.flatnonzero(sizes == size)
            for place, taken in zip(alike, rng.permutation(alike), strict=True):
                order[members[place]] = rng.permutation(members[taken])
    return out


def permutation_p(observed: float, null: Floats) -> float:
    """Give (1 + #{null >= observed}) / (1 + permutations); NaN without permutations or value."""
    if not len(null) or np.isnan(observed):
        return float("nan")
    from isocortex_rsa.inference import p_of_counts, reached

    return float(p_of_counts(np.count_nonzero(null >= reached(observed)), len(null)))


def bootstrap_means(
    scores: npt.ArrayLike,
    n: int,
    rng: np.random.Generator,
    over: Over,
    shares: npt.ArrayLike | None = None,
) -> Floats:
    """Mean score of resampled subjects and images: (n,).

    Both factors are drawn with replacement and crossed: an image drawn twice counts twice in every subject.
    Together they vary no less than the mean over new subjects and new images does (Owen 2007).

    Parameters
    ----------
    scores : array (subjects, images), NaN where a subject has no score for an image.
    over : what is resampled; the other factor stays as it is.
    shares : array (subjects, images), how much each score counts (an image of more trials more); default: the
        same. Without resampling the weighted mean is the estimate that the draws belong to.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 2:
        raise DataError(f"bootstrap: expected scores of shape (subjects, images), got {values.shape}")
    if n < 0:
        raise DataError(f"bootstrap: give 0 or more draws, not {n}")
    known = np.where(np.isnan(values), 0.0, 1.0 if shares is None else np.asarray(shares, dtype=np.float64))
    filled = np.where(known > 0, values, 0.0) * known
    out = np.full(n, np.nan)
    if not known.any():
        return out
    step = max(1, _NUMBERS // (values.shape[1] + values.shape[0]))
    for start in range(0, n, step):
        count = min(step, n - start)
        subjects = _weights(values.shape[0], count, rng, over != "images")
        images = _weights(values.shape[1], count, rng, over != "subjects")
        total = ((subjects @ filled) * images).sum(axis=1)
        size = ((subjects @ known) * images).sum(axis=1)
        out[start : start + count] = np.divide(total, size, out=np.full(count, np.nan), where=size > 0)
    return out


def interval(draws: Floats, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of bootstrap means; NaN where there are none."""
    known = draws[~np.isnan(draws)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _weights(size: int, count: int, rng: np.random.Generator, resampled: bool) -> Floats:
    """How often each of ``size`` items is drawn, (count, size)."""
    if not resampled:
        return np.ones((count, size))
    return rng.multinomial(size, np.full(size, 1.0 / size), size=count).astype(np.float64)
