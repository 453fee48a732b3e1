"""Layers and brain inside the regions of concept codes (notebook 06-2 of Lee et al. 2023)."""

from __future__ import annotations

import warnings
from typing import Any, Literal

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
    if rdms.conditions is None or rdms.space is None:
        raise DataError("code_region_rsa: these searchlight RDMs carry no condition labels or no space")
    rdms.space.require_same_grid(regions.space, "code_region_rsa: searchlight RDMs and regions")
    embed = _embedding(similarity)
    aligned = models.align_to(rdms.conditions, "code_region_rsa: models and searchlight RDMs")
    row_of = np.full(rdms.space.shape, -1, dtype=np.intp)
    row_of[tuple(rdms.centres.T)] = np.arange(len(rdms.centres))
    rows: list[dict[str, Any]] = []
    empty = []
    for code, where in _regions(regions, codes, clusters):
        if where is None:
            empty.append(code)
            continue
        region, places = where
        pairs = block_pairs(rdms.conditions, code, **codes[code])
        numbers = row_of[tuple(places.T)]
        own = np.asarray(rdms.values[numbers[numbers >= 0]][:, pairs], dtype=np.float64)
        found = np.full((len(aligned), len(own)), np.nan)
        known = np.isfinite(own).all(axis=1)
        if known.any():
            found[:, known] = embed(aligned.values[:, pairs].astype(np.float64)) @ embed(own[known]).T
        about = {"code": code, "region": region}
        found = np.where(np.abs(found) < ZERO, 0.0, np.clip(found, -1, 1))
        for model, values in zip(aligned.names, found, strict=True):
            means = _means(values, len(places), voxels == "lee2023_positive")
            what = {"pairs": int(pairs.sum()), "measure": similarity_handle(similarity).name}
            rows.append({**about, "model": model, **means, **what})
    if empty:
        warnings.warn(f"code_region_rsa: no voxel in the regions of {', '.join(empty)}", stacklevel=2)
    return Table.from_rows(rows, COLUMNS) if rows else empty_table()


def empty_table() -> Table:
    """A table of these columns without rows."""
    text = ("code", "region", "model", "measure")
    return Table({name: np.empty(0, dtype="U1" if name in text else np.float64) for name in COLUMNS})


def _embedding(similarity: Any) -> Any:
    handle = similarity_handle(similarity)
    component = handle.component
    if not hasattr(component, "embed") or getattr(component, "whole_rdms", False):
        raise DataError(
            f"code_region_rsa: {handle.name} does not compare parts of RDMs by an inner product; take "
            "spearman, pearson or cosine"
        )
    return component.embed


def _regions(regions: StatMaps, codes: dict[str, Code], clusters: str) -> Any:
    """Give (code, (name of the region, its voxels (n, 3))), or (code, None) where a code has no region."""
    for code in codes:
        if code not in regions.names:
            raise DataError(
                f"code_region_rsa: no region {code!r}; {suggestion(code, regions.names, 'regions')}"
            )
        labels = np.nan_to_num(regions.values[regions.names.index(code)])
        if (labels < 0).any() or (labels % 1 != 0).any():
            raise DataError(f"code_region_rsa: {code!r} is no label image; wire the labels of find_clusters")
        numbers = np.unique(labels[labels > 0])
        if not numbers.size:
            yield code, None
        elif clusters == "together":
            yield code, (code, regions.space.voxels[labels > 0])
        else:
            for number in numbers:
                yield code, (f"{code} {number:g}", regions.space.voxels[labels == number])


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
