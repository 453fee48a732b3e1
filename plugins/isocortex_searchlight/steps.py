"""The searchlight as steps of pipelines."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.contracts import RDMMetric, Similarity
from isocortex.data import Patterns, RDMs, Space, StatMaps, Table
from isocortex.errors import DataError
from isocortex.pipeline.costs import costs
from isocortex.pipeline.splitting import Part, splits
from isocortex_searchlight import costs as cost
from isocortex_searchlight import splitting
from isocortex_searchlight.engine import searchlight_rdms
from isocortex_searchlight.results import OK, STATUS, SearchlightRDMs, SearchlightRSA, status_text
from isocortex_searchlight.rsa import searchlight_rsa

Unit = Literal["voxels", "mm"]
Edges = Literal["truncate", "drop"]
Members = Literal["mask", "volume", "lee2023"]
Preset = Literal["default", "lee2023", "rsatoolbox"]
Precision = Literal["float32", "float64"]

_SMALLER = "say precision: float32, or take a smaller mask"


class MapsWithP(NamedTuple):
    """Similarity maps with their p-values, and how the centres fared."""

    maps: StatMaps
    p: StatMaps
    p_fdr: StatMaps
    p_fwe: StatMaps
    centres: Table


@costs(cost.rdms, "say how many centres, such as centres: 2000, or use searchlight_rsa, which holds no RDMs")
def rdms_step(
    patterns: Patterns,
    metric: RDMMetric = "correlation",  # type: ignore[assignment]
    radius: float | None = None,
    unit: Unit | None = None,
    inclusive: bool | None = None,
    min_voxels: int | None = None,
    edges: Edges | None = None,
    min_fraction: float | None = None,
    members: Members | None = None,
    preset: Preset = "default",
    precision: Precision | None = None,
    centres: int | None = None,
) -> SearchlightRDMs:
    """Compute the RDM of the searchlight around every voxel of the patterns' mask.

    Parameters
    ----------
    patterns : of one subject, with a space.
    metric : samples of a condition are averaged first, unless the metric compares runs.
    radius : 3 voxels by default, in ``unit``; ``inclusive`` says whether a voxel at the radius belongs.
    unit : of the radius, by default "voxels" (along each axis alike, whatever their size); "mm" goes through
        the affine.
    inclusive : whether a voxel at exactly the radius belongs; by default as ``preset`` says
        ("rsatoolbox": no). A radius of 3 voxels holds 123 voxels with them, and 93 without.
    min_voxels : with fewer voxels in its searchlight a centre has no result; by default 2 ("lee2023" and
        "rsatoolbox": 1).
    edges : "truncate" (default) cuts a searchlight off where the volume ends; "drop" leaves out centres whose
        bounding cube does not lie within the volume ("lee2023").
    min_fraction : share of a sphere's voxels (those inside the volume) that must lie in the mask, or
        there is no centre; by default 0 ("rsatoolbox": 1).
    members : "mask" (default) takes only voxels of the mask into a searchlight, and none with one constant
        value for all conditions; "volume" takes any voxel ("rsatoolbox"); "lee2023" any whose values do not
        sum to exactly zero, as study A's notebook does. Values that are not finite never count.
    preset : "default", "lee2023" (study A's notebook) or "rsatoolbox".
    precision : of the sums; by default that of the patterns.
    centres : at most so many, evenly spread (for the report: 92 conditions at 100,000 voxels are 1.7 GB a
        subject; it shows the nearest); null for every voxel, which steps that average over regions need.
    """
    found = searchlight_rdms(
        patterns, None, radius, metric, unit=unit, inclusive=inclusive, min_voxels=min_voxels, edges=edges,
        min_fraction=min_fraction, members=members, preset=preset, dtype=precision, centres=centres,
    )  # fmt: skip
    _tell(found.status, found.dropped)
    return found


def _maps(found: SearchlightRSA, patterns: Patterns) -> StatMaps:
    _tell(found.status, found.dropped)
    return found.maps(_space(patterns))


def _merge_rsa(parts: Sequence[Part], **arguments: Any) -> StatMaps:
    return _maps(splitting.merged(parts, **arguments), arguments["patterns"])


@costs(cost.rsa, _SMALLER)
@splits(splitting.pieces, splitting.part, _merge_rsa)
def rsa_step(
    patterns: Patterns,
    models: RDMs,
    metric: RDMMetric = "correlation",  # type: ignore[assignment]
    similarity: Similarity = "spearman",
    radius: float | None = None,
    unit: Unit | None = None,
    inclusive: bool | None = None,
    min_voxels: int | None = None,
    edges: Edges | None = None,
    min_fraction: float | None = None,
    members: Members | None = None,
    preset: Preset = "default",
    precision: Precision | None = None,
) -> StatMaps:
    """Map how alike the RDM of every searchlight and each model are; aligned by condition label.

    The other settings are those of ``searchlight_rdms``.

    Parameters
    ----------
    models : model RDMs of the same conditions.
    similarity : the measure that RDMs and models are compared by.
    """
    found = searchlight_rsa(
        patterns, None, models, radius, metric, similarity, unit=unit, inclusive=inclusive,
        min_voxels=min_voxels, edges=edges, min_fraction=min_fraction, members=members, preset=preset,
        dtype=precision,
    )  # fmt: skip
    return _maps(found, patterns)


def _tested(found: SearchlightRSA, patterns: Patterns) -> MapsWithP:
    _tell(found.status, found.dropped)
    space = _space(patterns)
    maps = [found.maps(space, what) for what in ("similarity", "p", "p_fdr", "p_fwe")]
    return MapsWithP(*maps, _fates(found))


def _merge_tested(parts: Sequence[Part], **arguments: Any) -> MapsWithP:
    return _tested(splitting.merged(parts, **arguments), arguments["patterns"])


@costs(cost.tested, _SMALLER)
@splits(splitting.pieces, splitting.part, _merge_tested)
def permutation_step(
    patterns: Patterns,
    models: RDMs,
    rng: np.random.Generator,
    permutations: int = 1000,
    tail: Literal["greater", "two-sided"] = "greater",
    metric: RDMMetric = "correlation",  # type: ignore[assignment]
    similarity: Similarity = "spearman",
    radius: float | None = None,
    unit: Unit | None = None,
    inclusive: bool | None = None,
    min_voxels: int | None = None,
    edges: Edges | None = None,
    min_fraction: float | None = None,
    members: Members | None = None,
    preset: Preset = "default",
    precision: Precision | None = None,
) -> MapsWithP:
    """Map the similarity with models and test it within the subject, by permuting condition labels.

    The other settings are those of ``searchlight_rsa``.

    Parameters
    ----------
    permutations : rows and columns of the models together; all there are, where there are fewer.
    tail : "greater" tests for more similarity than by chance, "two-sided" for more or less.

    Returns
    -------
    Similarity maps; p uncorrected, Benjamini-Hochberg within each model, and corrected for the family of
    all voxels and models by the maximum statistic; a table of how many centres have which status.
    """
    if permutations < 1:
        raise DataError(
            f"permutations is {permutations}; a test needs at least 1 (use searchlight_rsa for none)"
        )
    found = searchlight_rsa(
        patterns, None, models, radius, metric, similarity, permutations=permutations, tail=tail, seed=rng,
        unit=unit, inclusive=inclusive, min_voxels=min_voxels, edges=edges, min_fraction=min_fraction,
        members=members, preset=preset, dtype=precision,
    )  # fmt: skip
    return _tested(found, patterns)


def _fates(found: SearchlightRSA) -> Table:
    counts = np.bincount(found.status, minlength=len(STATUS))
    rows: list[dict[str, Any]] = [{"what": text, "count": int(counts[code])} for code, text in STATUS.items()]
    rows += [{"what": f"voxels dropped: {why}", "count": int(count)} for why, count in found.dropped.items()]
    return Table.from_rows(rows)


def _space(patterns: Patterns) -> Space:
    assert patterns.space is not None
    return patterns.space


def _tell(status: npt.NDArray[np.uint8], dropped: Mapping[str, int]) -> None:
    """Warn about centres without a result and voxels that take no part; raise when nothing has a result."""
    if not np.any(status == OK):
        raise DataError(f"no searchlight centre has a result: {status_text(status)}; enlarge the radius?")
    if np.any(status != 0):
        warnings.warn(f"searchlight centres: {status_text(status)}", stacklevel=3)
    gone = ", ".join(f"{count} {why.replace('_', ' ')}" for why, count in dropped.items() if count)
    if gone:
        warnings.warn(f"searchlight: voxels of the mask that take no part: {gone}", stacklevel=3)
