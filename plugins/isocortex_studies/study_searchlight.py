"""The searchlight of study A: maps of the voxels that have data, tested within the subject or not."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from isocortex.contracts import RDMMetric, Similarity
from isocortex.data import Patterns, RDMs, StatMaps
from isocortex.errors import DataError
from isocortex_searchlight.steps import Preset, permutation_step, rsa_step
from isocortex_studies.study_maps import nonzero_maps


class Searched(NamedTuple):
    """Similarity maps, and their p corrected for all voxels and models (NaN without permutations)."""

    maps: StatMaps
    p: StatMaps


def study_searchlight(
    patterns: Patterns,
    models: RDMs,
    rng: np.random.Generator,
    metric: RDMMetric = "correlation",  # type: ignore[assignment]
    similarity: Similarity = "spearman",  # type: ignore[assignment]
    radius: float | None = None,
    preset: Preset = "default",
    permutations: int = 0,
) -> Searched:
    """Map how alike the RDM of every searchlight and each model are, at voxels with data in every sample.

    Parameters
    ----------
    patterns : of one subject, with a space.
    models : model RDMs of the same conditions.
    metric, similarity, radius, preset : as in ``searchlight_rsa``. Centres are the voxels whose patterns are
        other than 0 in every sample, as in study A; a searchlight's members are what ``preset`` says.
    permutations : of the models' condition labels, to test a single subject (see ``searchlight_test``); 0
        leaves p out, as a test over subjects has no use for it.
    """
    if permutations < 0:
        raise DataError(f"study_searchlight: permutations is {permutations}; give 0 for none")
    how: dict[str, Any] = {"metric": metric, "similarity": similarity, "radius": radius, "preset": preset}
    if permutations:
        found = permutation_step(patterns, models, rng, permutations, **how)
        return Searched(nonzero_maps(found.maps, patterns), nonzero_maps(found.p_fwe, patterns))
    maps = nonzero_maps(rsa_step(patterns, models, **how), patterns)
    return Searched(maps, StatMaps(np.full_like(maps.values, np.nan), maps.names, maps.space, "p_fwe"))
