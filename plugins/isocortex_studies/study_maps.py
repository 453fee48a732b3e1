"""Steps between a searchlight and what study A shows of it: which voxels count, and which are significant."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data import Collected, Patterns, RDMs, Space, StatMaps, Table
from isocortex.data.labels import same_labels
from isocortex.errors import DataError
from isocortex_rsa.inference.group import Correction, group_test
from isocortex_rsa.inference.lee2023 import lee2023_threshold
from isocortex_studies.sample_data import nonzero

Floats = npt.NDArray[np.float64]
Method = Literal["group", "permutation", "lee2023_group", "lee2023_sample"]


class StudyMaps(NamedTuple):
    """Maps of t (or similarity), their p-values, the maps where significant (else NaN), and the numbers."""

    maps: StatMaps
    p: StatMaps
    thresholded: StatMaps
    summary: Table


def nonzero_maps(maps: StatMaps, patterns: Patterns) -> StatMaps:
    """Keep the voxels of maps whose patterns are finite and other than 0 in every sample.

    In study A these are the centres of searchlights (notebook 03), while a searchlight's members only have to
    have a sum other than 0. Where the patterns' mask holds no other voxels, nothing changes.

    Parameters
    ----------
    maps : of the same voxels as the patterns.
    patterns : of one subject, with a space.
    """
    if patterns.space is None:
        raise DataError("nonzero_maps: these patterns lie in no space")
    maps.space.require_same_voxels(patterns.space, "nonzero_maps: maps and patterns")
    keep = nonzero(np.asarray(patterns.values).T)
    if not keep.any():
        raise DataError("nonzero_maps: no voxel has a value other than 0 in every sample")
    mask = maps.space.mask.copy()
    mask[maps.space.mask] = keep
    return replace(maps, values=maps.values[:, keep], space=Space(mask, maps.space.affine))


def study_inference(
    maps: Collected[StatMaps],
    models: RDMs,
    rng: np.random.Generator,
    p: Collected[StatMaps] | None = None,
    method: Method = "group",
    alpha: float = 0.05,
    correction: Correction = "max_t",
    permutations: int = 10_000,
    draws: int = 5000,
    min_voxels: int = 1,
) -> StudyMaps:
    """Find where the subjects' searchlight RDMs agree with models, soundly or as Lee et al. 2023 do.

    Parameters
    ----------
    maps : similarities, one set of maps a subject.
    models : the RDMs that they were compared with; their number of pairs decides the parametric p.
    p : of "permutation": corrected p-values of the same maps, from ``study_searchlight``.
    method : "group": ``group_test``, one-sided sign flips over subjects (two subjects or more).
        "permutation": one subject, by permuted condition labels, corrected for all voxels and models.
        "lee2023_group": the study's own threshold (see ``lee2023_threshold``), which controls no error rate;
        both tails stay, so that negative t is shown too. The map of layers takes the largest t above 0.
        "lee2023_sample": its public notebooks, with one subject: similarities that are above 0 and have a
        parametric, uncorrected p of Spearman's rho of at most ``alpha``, as if pairs of conditions were
        independent. They share conditions, so this finds far too much.
    correction, permutations : of "group" (and of the sound result beside "lee2023_group").
    draws, min_voxels : of "lee2023_group": draws a voxel (study: 5000 for layers, 10000 for codes), and the
        smallest cluster.
    """
    if method == "lee2023_sample":
        return _sample(maps, models, alpha)
    if method == "permutation":
        return _permuted(maps, p, alpha)
    if len(maps) < 2:
        raise DataError(
            f"study_inference: a group test needs two subjects or more, there is {len(maps)}; test a single "
            "one with method: permutation, or repeat the study's public notebooks with lee2023_sample"
        )
    if method == "lee2023_group":
        found = lee2023_threshold(
            maps, rng, draws=draws, percent=100 * alpha, min_voxels=min_voxels, permutations=permutations
        )
        return StudyMaps(found.t, found.p_fwe, found.thresholded, found.summary)
    tested = group_test(maps, rng, correction=correction, permutations=permutations, alpha=alpha)
    decisive = {"fdr": tested.p_fdr, "fdr_by": tested.p_fdr, "none": tested.p}.get(correction, tested.p_fwe)
    return StudyMaps(tested.t, decisive, tested.thresholded, tested.summary)


def parametric_p(rho: npt.ArrayLike, n_pairs: int) -> Floats:
    """Two-sided p of Spearman's rho by Student's t with n - 2 degrees of freedom, as scipy's ``spearmanr``.

    It takes the pairs of conditions for independent, which they are not (see ``study_inference``).
    """
    from scipy import stats

    values = np.asarray(rho, dtype=np.float64)
    free = n_pairs - 2
    if free < 1:
        raise DataError(f"a p of Spearman's rho needs three pairs of conditions or more, not {n_pairs}")
    with np.errstate(divide="ignore", invalid="ignore"):
        t = values * np.sqrt(np.clip(free / ((values + 1) * (1 - values)), 0, None))
    return np.asarray(2 * stats.t.sf(np.abs(t), free))


def _permuted(maps: Collected[StatMaps], p: Collected[StatMaps] | None, alpha: float) -> StudyMaps:
    own = _single(maps, "permutation")
    tested = _single(p, "permutation") if p is not None else None
    if tested is None or np.isnan(tested.values).all():
        raise DataError(
            "study_inference: method: permutation needs p-values: wire p of study_searchlight, and give that "
            "permutations (1000, say)"
        )
    own.space.require_same_voxels(tested.space, "study_inference: maps and p")
    values = tested.values[same_labels(own.names, tested.names, "study_inference: names of maps and p")]
    p_values = np.asarray(values, dtype=np.float64)
    kept = (p_values <= alpha) & (np.asarray(own.values) > 0)
    return _of_one(own, p_values, "p_fwe", kept, alpha, "permuted condition labels, corrected (max)")


def _sample(maps: Collected[StatMaps], models: RDMs, alpha: float) -> StudyMaps:
    own = _single(maps, "lee2023_sample")
    if own.statistic != "spearman":
        raise DataError(
            "study_inference: lee2023_sample has p-values of Spearman's rho only; these maps hold "
            f"{own.statistic}"
        )
    warnings.warn(
        "study_inference: the p-values of lee2023_sample take pairs of conditions for independent and are "
        "not corrected for many voxels; they repeat the study's notebooks and show far too much",
        stacklevel=3,
    )
    rho = np.asarray(own.values, dtype=np.float64)
    p = parametric_p(rho, models.values.shape[1])
    kept = (p <= alpha) & (rho > 0)
    return _of_one(own, p, "p", kept, alpha, "parametric, uncorrected (lee2023_sample)")


def _single(maps: Collected[StatMaps], method: str) -> StatMaps:
    if len(maps) != 1:
        raise DataError(
            f"study_inference: {method} is for one subject, there are {len(maps)}; say method: group"
        )
    (own,) = maps.values()
    return own


def _of_one(
    own: StatMaps, p: Floats, statistic: str, kept: npt.NDArray[np.bool_], alpha: float, test: str
) -> StudyMaps:
    """Maps of one subject, and a row a model."""
    values = np.asarray(own.values, dtype=np.float64)
    rows = [
        {
            "model": name,
            "voxels": int(np.isfinite(values[row]).sum()),
            "significant": int(kept[row].sum()),
            "largest": float(np.nanmax(values[row], initial=-np.inf)),
            "smallest_p": float(np.nanmin(p[row], initial=np.inf)),
            "alpha": alpha,
            "test": test,
        }
        for row, name in enumerate(own.names)
    ]
    shown = replace(own, values=np.where(kept, values, np.nan))
    return StudyMaps(own, replace(own, values=p, statistic=statistic), shown, Table.from_rows(rows))
