"""Layers and brain inside the regions of concept codes (notebook 06-2 of Lee et al. 2023)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.contracts import Similarity
from isocortex.data import RDMs, StatMaps, Table
from isocortex.errors import DataError, suggestion
from isocortex_rsa import Code
from isocortex_rsa._components import similarity_handle
from isocortex_rsa.inference.blocks import block_pairs
from isocortex_searchlight import SearchlightRDMs

COLUMNS = ("code", "region", "model", "similarity", "sd", "voxels", "left_out", "pairs", "measure")

ZERO = 1e-12
"""Similarities below this are rounded zeros: with few pairs a rho of exactly 0 is common, and not above 0."""


def code_region_rsa(
    rdms: SearchlightRDMs,
    models: RDMs,
    regions: StatMaps,
    codes: dict[str, Code],
    similarity: Similarity = "spearman",  # type: ignore[assignment]
    voxels: Literal["all", "lee2023_positive"] = "all",
    clusters: Literal["together", "each"] = "together",
    independent: bool = False,
) -> Table:
    """Compare searchlight RDMs with models over a code's pairs only, averaged over the code's region.

    Inside the regions of the digit code, say, this asks which layer orders the 45 pairs of digits as the
    brain does there.

    Parameters
    ----------
    rdms : of one subject.
    models : model RDMs of the same conditions.
    regions : one label image a code, as ``find_clusters`` gives of the codes' thresholded maps.
    codes : as in ``category_codes``; a code is compared over the pairs that it sets apart.
    similarity : a measure that embeds any set of pairs, such as Spearman's rho.
    voxels : "all", or "lee2023_positive": only voxels with a similarity above 0, as the study has it, which
        makes every mean positive.
    clusters : "together" makes one region of all clusters of a code, "each" one of each.
    independent : say true where the regions were found in other data. Otherwise a warning says that regions
        chosen by the RDMs that are averaged here bias what comes out (circularity).

    Returns
    -------
    A row for each region and model: the mean similarity and its SD over voxels (ddof 0), how many voxels were
    averaged, and how many more the region has. A code without a region has no rows; a warning names it.
    """
    if not independent:
        warnings.warn(
            "code_region_rsa: regions found by the RDMs that are averaged here bias the similarities "
            "(circular analysis, Kriegeskorte et al. 2009); find them in other data and say "
            "independent: true, or do not test these means",
            stacklevel=2,
        )
    ground = _ground(rdms, models, regions, similarity, voxels == "lee2023_positive")
    rows: list[dict[str, Any]] = []
    empty = []
    for code, where in _regions(regions, codes, clusters):
        if where is None:
            empty.append(code)
            continue
        pairs = block_pairs(ground.models.conditions, code, **codes[code])
        rows += _rows(ground, where, {"code": code, "region": where.name}, pairs)
    if empty:
        warnings.warn(f"code_region_rsa: no voxel in the regions of {', '.join(empty)}", stacklevel=2)
    return Table.from_rows(rows, COLUMNS) if rows else empty_table()


class _Ground(NamedTuple):
    """What every region is looked at with: searchlight RDMs, the row of each voxel's in them (-1: none),
    models in the same order of conditions, and how to compare."""

    rdms: SearchlightRDMs
    row_of: npt.NDArray[np.intp]
    models: RDMs
    embed: Any
    measure: str
    positive: bool


class _Region(NamedTuple):
    """Name of a region, and its voxels (n, 3)."""

    name: str
    voxels: npt.NDArray[np.intp]


def _ground(
    rdms: SearchlightRDMs, models: RDMs, regions: StatMaps, similarity: Any, positive: bool
) -> _Ground:
    if rdms.conditions is None or rdms.space is None:
        raise DataError("code_region_rsa: these searchlight RDMs carry no condition labels or no space")
    rdms.space.require_same_grid(regions.space, "code_region_rsa: searchlight RDMs and regions")
    embed, measure = _embedding(similarity)
    aligned = models.align_to(rdms.conditions, "code_region_rsa: models and searchlight RDMs")
    row_of = np.full(rdms.space.shape, -1, dtype=np.intp)
    row_of[tuple(rdms.centres.T)] = np.arange(len(rdms.centres))
    return _Ground(rdms, row_of, aligned, embed, measure, positive)


def _rows(
    ground: _Ground, region: _Region, about: dict[str, Any], pairs: npt.NDArray[np.bool_]
) -> list[dict[str, Any]]:
    """A row for each model: mean over the region of what ``_compared`` gives."""
    what = {"pairs": int(pairs.sum()), "measure": ground.measure}
    return [
        {**about, "model": model, **_means(values, len(region.voxels), ground.positive), **what}
        for model, values in zip(ground.models.names, _compared(ground, region, pairs), strict=True)
    ]


def _compared(ground: _Ground, region: _Region, pairs: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Similarity (models, voxels) over some pairs; NaN where the brain's RDM is not known."""
    numbers = ground.row_of[tuple(region.voxels.T)]
    own = np.asarray(ground.rdms.values[numbers[numbers >= 0]][:, pairs], dtype=np.float64)
    found = np.full((len(ground.models), len(own)), np.nan)
    known = np.isfinite(own).all(axis=1)
    if known.any():
        models = ground.embed(ground.models.values[:, pairs].astype(np.float64))
        found[:, known] = models @ ground.embed(own[known]).T
    return np.where(np.abs(found) < ZERO, 0.0, np.clip(found, -1, 1))


def empty_table() -> Table:
    """A table of these columns without rows."""
    text = ("code", "region", "model", "measure")
    return Table({name: np.empty(0, dtype="U1" if name in text else np.float64) for name in COLUMNS})


def _embedding(similarity: Any) -> tuple[Any, str]:
    """How a measure embeds RDMs, and its name."""
    handle = similarity_handle(similarity)
    component = handle.component
    if not hasattr(component, "embed") or getattr(component, "whole_rdms", False):
        raise DataError(
            f"code_region_rsa: {handle.name} does not compare parts of RDMs by an inner product; take "
            "spearman, pearson or cosine"
        )
    return component.embed, handle.name


def _regions(
    regions: StatMaps, codes: dict[str, Code], clusters: str
) -> Iterator[tuple[str, _Region | None]]:
    """Give each code with its regions, or with None where it has none."""
    for code in codes:
        labels = _labels(regions, code)
        numbers = np.unique(labels[labels > 0])
        if not numbers.size:
            yield code, None
        elif clusters == "together":
            yield code, _Region(code, regions.space.voxels[labels > 0])
        else:
            for number in numbers:
                yield code, _Region(f"{code} {number:g}", regions.space.voxels[labels == number])


def _labels(regions: StatMaps, code: str) -> npt.NDArray[np.float64]:
    """Numbers of a code's clusters, (voxels,)."""
    if code not in regions.names:
        raise DataError(f"code_region_rsa: no region {code!r}; {suggestion(code, regions.names, 'regions')}")
    labels: npt.NDArray[np.float64] = np.nan_to_num(regions.values[regions.names.index(code)])
    if (labels < 0).any() or (labels % 1 != 0).any():
        raise DataError(f"code_region_rsa: {code!r} is no label image; wire the labels of find_clusters")
    return labels


def _means(values: npt.NDArray[np.float64], size: int, positive: bool) -> dict[str, Any]:
    known = values[np.isfinite(values)]
    if positive:
        known = known[known > 0]
    return {
        "similarity": float(known.mean()) if known.size else float("nan"),
        "sd": float(known.std()) if known.size else float("nan"),
        "voxels": int(known.size),
        "left_out": size - int(known.size),
    }
