"""One RDM for each region of interest."""

from __future__ import annotations

import numpy as np

from isocortex.contracts import RDMMetric
from isocortex.data import Patterns, RDMs, StatMaps
from isocortex.errors import DataError
from isocortex_searchlight.engine import searchlight_rdms
from isocortex_searchlight.results import OK, STATUS


def roi_rdms(
    patterns: Patterns,
    rois: StatMaps,
    metric: RDMMetric = "correlation",  # type: ignore[assignment]
    min_voxels: int = 2,
) -> RDMs:
    """Compute the RDM of each region of interest, named as in the label images (``label_image``).

    Parameters
    ----------
    patterns : of one subject, with a space.
    rois : label images on the grid of the patterns; voxels outside the patterns' mask take no part.
    metric : samples of a condition are averaged first, unless the metric compares runs.
    min_voxels : a region with fewer voxels is an error that names it.
    """
    from isocortex_rsa.inference.rois import regions

    if patterns.space is None:
        raise DataError("these patterns lie in no space: regions need to know where their channels are")
    patterns.space.require_same_grid(rois.space, "patterns and ROIs")
    found = regions(rois)
    volumes = {name: rois.space.volume(np.asarray(inside)) for name, inside in found.items()}
    members = [np.flatnonzero(patterns.space.channels(volume)) for volume in volumes.values()]
    result = searchlight_rdms(patterns, adjacency=members, metric=metric, min_voxels=min_voxels)
    for name, status, count in zip(found, result.status, result.counts, strict=True):
        if status != OK:
            raise DataError(f"the region {name!r} ({count} voxels) has no RDM: {STATUS[int(status)]}")
    return RDMs(result.values, patterns.condition_names, tuple(found), result.metric)
