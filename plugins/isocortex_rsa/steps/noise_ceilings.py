"""Noise ceilings of RDMs of several subjects, as tables."""

from __future__ import annotations

import warnings
from typing import Any, Literal, NamedTuple

import numpy as np

from isocortex.contracts import Similarity
from isocortex.data import Collected, RDMs, Table
from isocortex.errors import DataError
from isocortex_rsa._components import similarity_handle
from isocortex_rsa.ceilings.bounds import Pool, noise_ceiling
from isocortex_rsa.steps._groups import Group, groups_of

R, SQUARED = "r", "r squared"


class NoiseCeilings(NamedTuple):
    """``bounds``: one row a ROI; ``each``: what every subject contributes."""

    bounds: Table
    each: Table


def noise_ceilings(
    rdms: RDMs | Collected[RDMs],
    similarity: Similarity = "spearman",
    over: str = "subject",
    unit: Literal["r", "r squared"] = "r",
    pool: Pool = "own",
    nan: Literal["raise", "omit"] = "raise",
) -> NoiseCeilings:
    """Find how well any model could do, given how much the subjects' RDMs agree (Nili et al. 2014).

    Upper bound: mean similarity of each subject with the mean RDM of all. Lower bound: with the mean RDM of
    the others. Test models against the lower bound; one between the bounds cannot be improved. Where the
    lower bound is not above zero, the subjects share no variance that a model could explain: ``reliable``
    is false there, and a warning says so.

    Parameters
    ----------
    rdms : of the same conditions, of 2 or more values of ``over``. Each value of the other axes has bounds of
        its own, and so has each RDM where there are several an axis value.
    similarity : the measure that models are compared by.
    over : axis of the subjects or sessions; RDMs that come in one piece are its values, by their names.
    unit : "r" is the measure itself; "r squared" the mean of its squares (as the Algonauts challenge has it).
    pool : "own" averages RDMs on the measure's own scale (z-scores, unit length, ranks); "mean" as they are.
    nan : "raise" where an RDM holds NaN, or "omit" the pairs of conditions where any of the group does.

    Returns
    -------
    ``bounds``: the other axes, ``lower``, ``upper``, ``measure``, ``unit``, ``n``, ``reliable``.
    ``each``: the other axes, ``over``, ``lower``, ``upper``, ``measure``, ``unit``.
    """
    handle = similarity_handle(similarity)
    bounds: list[dict[str, Any]] = []
    each: list[dict[str, Any]] = []
    for group in groups_of(rdms, over, "noise_ceilings"):
        where = " in " + ", ".join(group.axes.values()) if group.axes else ""
        if len(group.members) < 2:
            raise DataError(
                f"noise_ceilings: needs RDMs of at least 2 {over}s, got {len(group.members)}{where}"
            )
        values = _whole(group, nan, where, getattr(handle.component, "whole_rdms", False))
        ceiling = noise_ceiling(values, handle, unit == SQUARED, pool)
        plain = ceiling if unit == R else noise_ceiling(values, handle, False, pool)
        reliable = bool(plain.lower > 0)
        if not reliable:
            bound = f"the lower bound is {plain.lower:.3g} ({handle.name})"
            warnings.warn(f"noise_ceilings: no reliable variance{where}: {bound}", stacklevel=2)
        named = {"measure": handle.name, "unit": unit}
        ends = {"lower": float(ceiling.lower), "upper": float(ceiling.upper)}
        bounds.append({**group.axes, **ends, **named, "n": int(ceiling.n), "reliable": reliable})
        each += [
            {**group.axes, over: member, "lower": float(low), "upper": float(high), **named}
            for member, low, high in zip(group.members, ceiling.each_lower, ceiling.each_upper, strict=True)
        ]
    return NoiseCeilings(Table.from_rows(bounds), Table.from_rows(each))


def _whole(group: Group, nan: str, where: str, whole_rdms: bool) -> np.ndarray[Any, Any]:
    values = group.rdms.values
    bad = np.asarray(np.isnan(values).any(axis=0))
    if not bad.any():
        return values
    if nan == "raise" or whole_rdms:
        remedy = "leave out their conditions" if whole_rdms else "say nan: omit to leave out these pairs"
        raise DataError(
            f"noise_ceilings: {int(bad.sum())} of {len(bad)} pairs of conditions hold NaN{where}; {remedy}"
        )
    return np.asarray(values[:, ~bad])
