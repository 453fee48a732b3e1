"""Upper and lower bound of the noise ceiling from the RDMs of several subjects or sessions."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex.handles import SimilarityHandle
from isocortex_rsa._components import similarity_handle

Floats = npt.NDArray[np.float64]
Pool = Literal["own", "mean"]


class Ceiling(NamedTuple):
    """Bounds of the noise ceiling in the unit of the measure (or its square).

    ``lower`` and ``upper`` are means over subjects, ``each_lower`` and ``each_upper`` (subjects, ...) what
    each contributes, and ``n`` is how many subjects have a defined value.
    """

    lower: Floats
    upper: Floats
    each_lower: Floats
    each_upper: Floats
    n: npt.NDArray[np.intp]


def noise_ceiling(
    rdms: npt.ArrayLike, similarity: Any = "spearman", squared: bool = False, pool: Pool = "own"
) -> Ceiling:
    """Noise ceiling of the RDMs of several subjects (Nili et al. 2014; rsatoolbox's ``boot_noise_ceiling``).

    Upper bound: mean similarity of each subject's RDM with the pooled RDM of all subjects, which no model
    can exceed by more than luck. Lower bound: with the pooled RDM of the others. The true ceiling lies
    between; a model between the bounds cannot be told from the best one.

    Parameters
    ----------
    rdms : array (subjects, pairs), or (subjects, places, pairs) for many places at once (searchlight
        centres), at least 2 subjects.
    similarity : measure, name or handle.
    squared : square each subject's similarity before averaging (r squared, as in the Algonauts challenge). A
        squared correlation is above zero for noise alone, and its sign is lost.
    pool : "own": RDMs are averaged on the measure's own scale (z-scores, unit length or ranks); "mean": as
        they are.

    Returns
    -------
    Ceiling of floats (or arrays (places,)). NaN where an RDM is constant or holds NaN: that subject has no
    value and no part in the pooled RDM.
    """
    values = np.asarray(rdms)
    if values.ndim not in (2, 3) or values.shape[0] < 2 or values.dtype.kind not in "fiub":
        raise DataError(
            "a noise ceiling takes RDMs (subjects, pairs) or (subjects, places, pairs) of at least 2 "
            f"subjects, got {values.dtype} of shape {values.shape}"
        )
    handle = similarity_handle(similarity)
    flat = values if values.ndim == 3 else values[:, None]
    pooled, known = _pooled(handle, flat, pool)
    total, counts = pooled.sum(axis=0), known.sum(axis=0)[:, None]
    lower, upper = (np.full(flat.shape[:2], np.nan) for _ in range(2))
    for subject, own in enumerate(flat):
        upper[subject] = _rowwise(handle, own, _divided(total, counts))
        others = counts - known[subject][:, None]
        lower[subject] = _rowwise(handle, own, _divided(total - pooled[subject], others))
    if squared:
        lower, upper = lower**2, upper**2
    n = np.count_nonzero(~np.isnan(lower), axis=0)
    means = [_mean(bound) for bound in (lower, upper)]
    if values.ndim == 2:
        return Ceiling(means[0][0], means[1][0], lower[:, 0], upper[:, 0], n[0])
    return Ceiling(means[0], means[1], lower, upper, n)


def _pooled(handle: SimilarityHandle, values: Array, pool: Pool) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """RDMs on the scale that they are averaged on, zero where undefined; which are defined."""
    shape = values.shape
    rows = values.reshape(-1, shape[2])
    if pool == "own" and hasattr(handle.component, "to_pool"):
        rows = np.asarray(handle.component.to_pool(rows))
    elif pool not in ("own", "mean"):
        raise DataError(f'pool={pool!r}: say "own" or "mean"')
    scaled = np.array(rows, dtype=np.float64).reshape(shape)
    known = np.asarray(~np.isnan(scaled).any(axis=2))
    scaled[~known] = 0.0
    return scaled, known


def _divided(total: Floats, counts: npt.NDArray[np.intp]) -> Floats:
    return np.asarray(np.divide(total, counts, out=np.full_like(total, np.nan), where=counts > 0))


def _rowwise(handle: SimilarityHandle, first: Array, second: Array) -> Floats:
    """Compare the RDM of each place with the other's of the same place: (places, pairs) x 2 -> (places,)."""
    if handle.embeds(first.shape[1]):
        one, other = (np.asarray(handle.component.embed(rows)) for rows in (first, second))
        return np.asarray(np.einsum("ij,ij->i", one, other))
    out = np.full(len(first), np.nan)
    for place, (one, other) in enumerate(zip(first, second, strict=True)):
        if not (np.isnan(one).any() or np.isnan(other).any()):
            out[place] = handle.compare(one[None], other[None])[0, 0]
    return out


def _mean(bound: Floats) -> Floats:
    known = ~np.isnan(bound)
    return _divided(np.where(known, bound, 0.0).sum(axis=0), known.sum(axis=0))
