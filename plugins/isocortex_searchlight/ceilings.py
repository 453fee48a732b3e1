"""Noise ceilings around every voxel: how well any model could do there, given how much subjects agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.contracts import Similarity
from isocortex.data import Collected, RDMs, Space, StatMaps
from isocortex.data.base import Array
from isocortex.data.rdms import require_same_conditions
from isocortex.errors import DataError
from isocortex_searchlight.results import SearchlightRDMs

BLOCK = 4096
"""Centres whose RDMs are pooled at a time."""


class CeilingMaps(NamedTuple):
    """Lower and upper bound of the noise ceiling at each centre, as maps; their statistic names the unit."""

    lower: StatMaps
    upper: StatMaps


def searchlight_ceilings(
    rdms: Collected[SearchlightRDMs],
    similarity: Similarity = "spearman",
    unit: Literal["r", "r squared"] = "r",
) -> CeilingMaps:
    """Map the noise ceiling of searchlight RDMs over subjects (Nili et al. 2014), centre by centre.

    Centres that all subjects have are compared, by voxel; the conditions are aligned by label. A centre with
    an undefined RDM in some subject has the ceiling of the others, and NaN where fewer than two are left.

    Parameters
    ----------
    rdms : of 2 or more subjects on one grid, with condition labels.
    similarity : the measure that models are compared by.
    unit : "r" is the measure itself; "r squared" the mean of its squares (as the Algonauts challenge has it).
    """
    from isocortex_rsa import noise_ceiling

    subjects = list(rdms.values())
    space, rows = _shared(subjects, list(rdms))
    orders = _pair_orders(subjects)
    n = len(rows[0])
    bounds = np.full((2, n), np.nan)
    for start in range(0, n, BLOCK):
        some = slice(start, start + BLOCK)
        block = np.stack([s.values[r[some]][:, o] for s, r, o in zip(subjects, rows, orders, strict=True)])
        found = noise_ceiling(block, similarity, squared=unit == "r squared")
        enough = found.n >= 2
        for bound, values in zip(bounds, (found.lower, found.upper), strict=True):
            bound[some][enough] = np.asarray(values)[enough]
    centres = subjects[0].centres[rows[0]]
    names = (f"noise ceiling, lower ({unit})", f"noise ceiling, upper ({unit})")
    maps = [_map(bound, centres, space, name) for bound, name in zip(bounds, names, strict=True)]
    return CeilingMaps(*maps)


def _shared(
    subjects: Sequence[SearchlightRDMs], names: Sequence[str]
) -> tuple[Space, list[npt.NDArray[np.intp]]]:
    """The space, and where each subject has the centres that all have."""
    if len(subjects) < 2:
        raise DataError("a noise ceiling needs the searchlight RDMs of at least 2 subjects")
    first = subjects[0].space
    if first is None:
        raise DataError("these searchlight RDMs lie in no space: make them from Patterns, or give an affine")
    keys = []
    for subject, name in zip(subjects, names, strict=True):
        if subject.space is None:
            raise DataError(f"the searchlight RDMs of {name} lie in no space")
        first.require_same_grid(subject.space, f"searchlights of {names[0]} and {name}")
        keys.append(np.ravel_multi_index(tuple(subject.centres.T), first.shape))
    shared = keys[0]
    for key in keys[1:]:
        shared = np.intersect1d(shared, key)
    if not len(shared):
        raise DataError("no centre is there in all subjects: do their masks overlap?")
    rows = []
    for key in keys:
        order = np.argsort(key)
        rows.append(order[np.searchsorted(key, shared, sorter=order)])
    return first, rows


def _pair_orders(subjects: Sequence[SearchlightRDMs]) -> list[npt.NDArray[np.intp]]:
    """Where each subject has the pairs of the first subject's conditions."""
    if any(subject.conditions is None for subject in subjects):
        raise DataError("these searchlight RDMs carry no condition labels: make them with conditions=[...]")
    orders = []
    for subject in subjects:
        pairs = np.arange(subject.values.shape[1], dtype=np.float64)[None]
        own = RDMs(pairs, subject.conditions or (), ("pairs",), "number")
        wanted = RDMs(np.zeros_like(pairs), subjects[0].conditions or (), ("pairs",), "number")
        aligned = require_same_conditions(wanted, own, "searchlight RDMs of subjects")
        orders.append(aligned.values[0].astype(np.intp))
    return orders


def _map(values: Array, centres: npt.NDArray[np.int64], space: Space, name: str) -> StatMaps:
    volume = np.full(space.shape, np.nan)
    volume[tuple(centres.T)] = values
    return StatMaps(volume[space.mask][None], ("ceiling",), space, name)
