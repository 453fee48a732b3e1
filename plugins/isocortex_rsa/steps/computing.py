"""RDMs of patterns, and their average."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np

from isocortex.contracts import RDMMetric
from isocortex.data import Collected, Patterns, RDMs
from isocortex.data.labels import codes, unique
from isocortex.errors import DataError
from isocortex.handles import MetricHandle
from isocortex.pipeline.settings import AxisValues
from isocortex_rsa._components import metric_handle
from isocortex_rsa._items import NO_AXES, items_of, name_of
from isocortex_rsa.noise.covariance import Method
from isocortex_rsa.noise.residuals import residuals_from_repeats
from isocortex_rsa.noise.whitening import noise_precision
from isocortex_rsa.steps._channels import drop_channels


def compute_rdms(
    patterns: Patterns | Collected[Patterns],
    metric: RDMMetric = "correlation",  # type: ignore[assignment]
    average: Literal["condition", "none"] = "condition",
    noise: Method = "schaefer_strimmer",
    axes: AxisValues = NO_AXES,
) -> RDMs:
    """Compute an RDM of each set of patterns, named by its axis values (``S1``).

    Channels with NaN or infinity are dropped, with a warning that says how many; an RDM is never computed
    from different channels in different conditions.

    Parameters
    ----------
    patterns : of one axis value or of several, with condition labels.
    metric : the dissimilarity. One that compares runs (crossnobis) gets all samples, whatever ``average``.
    average : "condition" averages all samples of a condition first; "none" asks for one sample a condition.
    noise : for a metric that needs a noise precision (mahalanobis), how it is estimated from what differs
        between samples of a condition; see ``whiten_patterns`` for this and for GLM residuals.
    """
    handle = metric_handle(metric)
    parts = []
    for own, item in items_of(patterns):
        name = name_of(own) or name_of(dict(axes)) or handle.name
        usable = drop_channels(item, name)
        needs = _needs(handle, usable, noise)
        if average == "condition" and "runs" not in handle.needs:
            usable = usable.condition_means()
        rdm = handle(usable, rdm=name, **needs)
        undefined = int(np.isnan(rdm.values).sum())
        if undefined:
            warnings.warn(
                f"{name}: {undefined} of {rdm.values.size} dissimilarities are undefined ({handle.name}); "
                "a pattern is constant over channels, or such that the metric is not defined for it",
                stacklevel=2,
            )
        parts.append(rdm)
    return RDMs.stack(parts)


def _needs(handle: MetricHandle, patterns: Patterns, noise: Method) -> dict[str, Any]:
    """What a metric wants besides the patterns; says by label which condition a run lacks."""
    if "runs" in handle.needs and patterns.runs is not None:
        there = set(zip(patterns.conditions, patterns.runs, strict=True))
        every = [(name, run) for name in patterns.condition_names for run in unique(patterns.runs)]
        gaps = [place for place in every if place not in there]
        if gaps and getattr(handle.component, "every_run", False):
            name, run = gaps[0]
            more = f" ({len(gaps)} such gaps)" if len(gaps) > 1 else ""
            raise DataError(
                f"{handle.name}: condition {name!r} has no sample in run {run!r}{more}; leave out the "
                "condition or the run"
            )
    if "noise_precision" in handle.needs:
        residuals, dof = residuals_from_repeats(patterns.values, codes(patterns.conditions))
        return {"noise_precision": noise_precision(residuals, noise, dof)}
    return {}


def mean_rdm(rdms: RDMs | Collected[RDMs], name: str = "mean") -> RDMs:
    """Average RDMs, aligned by condition: all into one, named ``name``.

    Several RDMs an axis value (layers of each subject) are averaged by their own names, which must agree.
    NaN stays: a pair that one RDM lacks is lacking in the mean.

    Parameters
    ----------
    rdms : of one axis value or of several, of the same conditions.
    name : of the mean, where all are averaged into one.
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
