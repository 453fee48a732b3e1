"""RDMs of patterns, and their average."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Literal

import numpy as np

from isocortex.contracts import RDMMetric
from isocortex.data import Collected, Patterns, RDMs
from isocortex.errors import DataError
from isocortex.pipeline.settings import AxisValues
from isocortex_rsa._components import metric_handle
from isocortex_rsa._items import NO_AXES, items_of, name_of


def compute_rdms(
    patterns: Patterns | Collected[Patterns],
    metric: RDMMetric = "correlation",  # type: ignore[assignment]
    average: Literal["condition", "none"] = "condition",
    axes: AxisValues = NO_AXES,
) -> RDMs:
    """Compute an RDM of each set of patterns, named by its axis values (``S1``).

    Channels with NaN or infinity are dropped, with a warning that says how many; an RDM is never computed
    from different channels in different conditions.

    Parameters
    ----------
    metric : the dissimilarity. One that compares runs (crossnobis) gets all samples, whatever ``average``.
    average : "condition" averages all samples of a condition first; "none" asks for one sample a condition.
    """
    handle = metric_handle(metric)
    parts = []
    for own, item in items_of(patterns):
        name = name_of(own) or name_of(dict(axes)) or handle.name
        usable = drop_channels(item, name)
        if average == "condition" and "runs" not in handle.needs:
            usable = usable.condition_means()
        rdm = handle(usable, rdm=name)
        undefined = int(np.isnan(rdm.values).sum())
        if undefined:
            warnings.warn(
                f"{name}: {undefined} of {rdm.values.size} dissimilarities are undefined ({handle.name}); "
                "a pattern is constant over channels",
                stacklevel=2,
            )
        parts.append(rdm)
    return RDMs.stack(parts)


def drop_channels(patterns: Patterns, name: str = "patterns") -> Patterns:
    """Leave out channels with NaN or infinity in any sample, with a warning; raise if none is left."""
    finite = np.asarray(np.isfinite(patterns.values).all(axis=0))
    dropped = int(np.count_nonzero(~finite))
    if not dropped:
        if not patterns.n_channels:
            raise DataError(f"{name}: the patterns have no channels")
        return patterns
    if dropped == patterns.n_channels:
        raise DataError(
            f"{name}: each of the {dropped} channels holds NaN or infinity in some sample; look for samples "
            "that are empty throughout, or for a mask that reaches out of the brain"
        )
    text = f"{name}: dropped {dropped} of {patterns.n_channels} channels with NaN or infinity"
    warnings.warn(text, stacklevel=3)
    channels = patterns.channels
    if channels is not None:
        channels = tuple(label for label, keep in zip(channels, finite, strict=True) if keep)
    space = patterns.space
    if space is not None:
        mask = space.mask.copy()
        mask[space.mask] = finite
        space = replace(space, mask=mask)
    return replace(patterns, values=patterns.values[:, finite], channels=channels, space=space)


def mean_rdm(rdms: RDMs | Collected[RDMs], name: str = "mean") -> RDMs:
    """Average RDMs, aligned by condition: all into one, named ``name``.

    Several RDMs an axis value (layers of each subject) are averaged by their own names, which must agree.
    NaN stays: a pair that one RDM lacks is lacking in the mean.
    """
    parts = [item for _, item in items_of(rdms)]
    if not isinstance(rdms, Collected) or all(len(part) == 1 for part in parts):
        numbered = [
            part.renamed([f"{place},{own}" for own in part.names]) for place, part in enumerate(parts)
        ]
        return RDMs.stack(numbered).mean(name)
    names = parts[0].names
    odd = next((key for key, part in rdms.items() if set(part.names) != set(names)), None)
    if odd is not None:
        raise DataError(
            f"RDMs to average: {odd} has the RDMs {', '.join(rdms[odd].names)}; "
            f"{next(iter(rdms))} has {', '.join(names)}"
        )
    each = [
        RDMs.stack([part.pick([one]).renamed([f"{place}"]) for place, part in enumerate(parts)]).mean(one)
        for one in names
    ]
    return RDMs.stack(each)
