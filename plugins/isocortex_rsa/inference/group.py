"""Group tests over subjects: which voxels agree with a model more than by chance."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.choices import require_choice
from isocortex.data import Collected, StatMaps, Table
from isocortex.errors import DataError
from isocortex_rsa.inference.corrections import (
    bonferroni,
    fdr_bh,
    fdr_by,
    holds_p,
    max_statistic,
    p_of_counts,
)
from isocortex_rsa.inference.enhancement import Enhance, cluster_extent, cluster_mass, tfce
from isocortex_rsa.inference.flip_null import enhanced_maxima, flip_null, two_tailed
from isocortex_rsa.inference.flips import sign_flips
from isocortex_rsa.inference.neighbours import Connectivity, neighbours_of
from isocortex_rsa.inference.onesample import fisher_z, one_sample_t, t_of_u, t_to_p, unit_columns
from isocortex_rsa.inference.subjects import Subjects, stack_subjects

Floats = npt.NDArray[np.float64]
Tail = Literal["greater", "two-sided"]
Correction = Literal["max_t", "tfce", "cluster_mass", "cluster_extent", "fdr", "fdr_by", "bonferroni", "none"]
ENHANCED = ("tfce", "cluster_mass", "cluster_extent")
"""Corrections whose statistic looks at the voxels around."""
FLIPPED = ("max_t", *ENHANCED)
"""Corrections whose null comes from sign flips."""

TestName = Literal["sign_flip", "t"]
Family = Literal["all_models", "each_model"]


class GroupTest(NamedTuple):
    """Maps of t, of p-values (uncorrected, FDR, FWE), of t where significant, and a line for each model."""

    t: StatMaps
    p: StatMaps
    p_fdr: StatMaps
    p_fwe: StatMaps
    thresholded: StatMaps
    summary: Table


class Tested(NamedTuple):
    """t and p-values (models, voxels) of a group test, NaN where a voxel takes no part."""

    t: Floats
    p: Floats
    p_fdr: Floats
    p_fwe: Floats
    permutations: int


class Plan(NamedTuple):
    """How to test: what ``group_test`` is told, without the data."""

    flips: Floats | None
    correction: Correction = "max_t"
    two_sided: bool = False
    together: bool = True
    cluster_p: float = 0.001
    neighbours: npt.NDArray[np.int32] | None = None


def group_test(
    maps: Collected[StatMaps],
    rng: np.random.Generator,
    test: TestName = "sign_flip",
    correction: Correction = "max_t",
    permutations: int = 10_000,
    tail: Tail = "greater",
    fisher_z: bool = True,
    alpha: float = 0.05,
    family: Family = "all_models",
    cluster_p: float = 0.001,
    connectivity: Connectivity = 26,
) -> GroupTest:
    """Test at each voxel whether the subjects' similarity with a model is above 0.

    Parameters
    ----------
    alpha : p (as ``correction`` says) up to this are significant.
    maps : one set of maps (one a model) for each subject, on one grid. Voxels that not all have are left out.
    test : "sign_flip" takes the null from the data with the signs of subjects flipped, which is valid for
        effects that are symmetric around 0 under the null; all 2**S flips for up to 12 subjects. "t" takes
        the t distribution.
    correction : what ``thresholded`` goes by and what ``p_fwe`` holds. "max_t", "tfce" (threshold-free
        cluster enhancement), "cluster_mass" and "cluster_extent" control the family-wise error by the largest
        statistic over voxels and models in each flip; "bonferroni" likewise, without flips. "fdr" and
        "fdr_by" control the false discovery rate. "none" is exploration, not inference. A p-value from n
        flips is never below 1 / (n + 1), which can be too large for "fdr" and "bonferroni" over many voxels:
        these two find more with test: t.
    permutations : number of flips where not all are used.
    tail : "greater" (RSA asks for agreement, not for its opposite) or "two-sided".
    fisher_z : transform correlations by artanh first; false for measures that are no correlations.
    family : correct over the voxels of all models together, or of each model by itself.
    cluster_p : one-sided p of the t that clusters are cut at; for a two-sided test half of it at each side.
    connectivity : voxels touch by faces (6), also edges (18), also corners (26).

    Returns
    -------
    ``t``, ``p``, ``p_fdr``, ``p_fwe``, ``thresholded`` (t where significant, else NaN) and ``summary``. For
    cluster corrections a voxel has the p-value of its cluster: it says that there is something in the
    cluster, not that there is something in the voxel.
    """
    choices = (
        ("test", test, TestName), ("correction", correction, Correction), ("tail", tail, Tail),
        ("family", family, Family), ("connectivity", connectivity, Connectivity),
    )  # fmt: skip
    for name, value, known in choices:
        require_choice(value, known, f"group_test: {name}")
    _require_flips(test, correction)
    stacked = stack_subjects(maps, "group_test")
    _require_similarities(maps)
    values = to_z(stacked, "group_test") if fisher_z else stacked.values
    flips = sign_flips(len(values), permutations, rng) if test == "sign_flip" else None
    neighbours = neighbours_of(stacked.space.mask, connectivity) if correction in ENHANCED else None
    plan = Plan(flips, correction, tail == "two-sided", family == "all_models", cluster_p, neighbours)
    tested = over_subjects(values, plan)
    _warn_of_few_flips(tested.permutations, alpha, len(values))
    significant = _decisive(tested, correction) <= alpha
    how = {"test": test, "correction": correction, "tail": tail, "alpha": alpha}
    return _as_maps(stacked, tested, significant, _summary(stacked, tested, significant, how))


def _require_flips(test: str, correction: str) -> None:
    if test == "t" and correction in FLIPPED:
        raise DataError(
            f"group_test: {correction} takes its null from sign flips: say test: sign_flip, or a correction "
            "out of fdr, fdr_by, bonferroni and none"
        )


def _require_similarities(maps: Collected[StatMaps]) -> None:
    odd = next((item.statistic for item in maps.values() if holds_p(item.statistic)), None)
    if odd is not None:
        raise DataError(f"group_test: these maps hold {odd}; give similarities, which are 0 under the null")


def _as_maps(
    stacked: Subjects, tested: Tested, significant: npt.NDArray[np.bool_], summary: Table
) -> GroupTest:
    shown = np.where(significant, tested.t, np.nan)
    parts = (tested.t, tested.p, tested.p_fdr, tested.p_fwe, shown)
    statistics = ("t", "p", "p_fdr", "p_fwe", "t")
    maps = (
        StatMaps(part, stacked.names, stacked.space, statistic)
        for part, statistic in zip(parts, statistics, strict=True)
    )
    return GroupTest(*maps, summary)


def to_z(stacked: Subjects, what: str) -> Floats:
    """Fisher z of the subjects' correlations; says how many were clipped."""
    values, clipped = fisher_z(stacked.values)
    if clipped:
        warnings.warn(
            f"{what}: {clipped} of {values.size} correlations are so close to 1 or -1 that their Fisher z "
            "was cut at 7.25; is something compared with itself?",
            stacklevel=3,
        )
    return values


def over_subjects(values: Floats, plan: Plan) -> Tested:
    """Test (subjects, models, voxels) against 0 at each voxel; pure arrays, see ``group_test``."""
    n_models = values.shape[1]
    t = one_sample_t(values)
    families = [slice(0, n_models)] if plan.together else [slice(k, k + 1) for k in range(n_models)]
    p, p_fwe = np.full(t.shape, np.nan), np.full(t.shape, np.nan)
    for family in families:
        part = values[:, family]
        p[family], p_fwe[family] = _family(part, t[family], plan)
    adjust = fdr_by if plan.correction == "fdr_by" else fdr_bh
    p_fdr = np.concatenate([adjust(p[family]) for family in families])
    return Tested(t, p, p_fdr, p_fwe, 0 if plan.flips is None else len(plan.flips))


def _family(values: Floats, t: Floats, plan: Plan) -> tuple[Floats, Floats]:
    """Uncorrected and FWE-corrected p (models, voxels) of one family of tests."""
    if plan.flips is None:
        p = t_to_p(t, len(values), plan.two_sided)
        return p, bonferroni(p)
    unit = unit_columns(values.reshape(len(values), -1))
    null = flip_null(unit, plan.flips, plan.two_sided)
    p = np.where(np.isnan(t), np.nan, p_of_counts(null.counts, len(plan.flips)).reshape(t.shape))
    if plan.correction == "bonferroni":
        return p, bonferroni(p)
    if plan.correction not in ENHANCED:
        observed = unit.sum(axis=0).reshape(t.shape)
        return p, max_statistic(np.abs(observed) if plan.two_sided else observed, null.maxima)
    return p, _enhanced(unit.reshape(values.shape), t, plan)


def _enhanced(unit: Floats, t: Floats, plan: Plan) -> Floats:
    """FWE-corrected p (models, voxels) of cluster statistics, the largest of all models as the null."""
    assert plan.flips is not None
    enhance = _enhance(plan, len(unit))
    maxima = np.zeros(len(plan.flips))
    for model in range(len(t)):
        found = enhanced_maxima(unit[:, model], plan.flips, enhance, plan.two_sided)
        np.maximum(maxima, found, out=maxima)
    # the observed maps take the same way as the flipped ones, so that ties are ties
    observed = t_of_u(unit.sum(axis=0), len(unit))
    scores = np.stack([two_tailed(enhance, row, plan.two_sided) for row in observed])
    p = np.where(scores > 0, max_statistic(scores, maxima), 1.0)
    return np.where(np.isnan(t), np.nan, p)


def _enhance(plan: Plan, n_subjects: int) -> Enhance:
    from scipy import stats

    assert plan.neighbours is not None
    if plan.correction == "tfce":
        return partial(tfce, neighbours=plan.neighbours)
    if not 0 < plan.cluster_p < 0.5:
        raise DataError(f"cluster_p: {plan.cluster_p} must lie between 0 and 0.5")
    tail = plan.cluster_p / 2 if plan.two_sided else plan.cluster_p
    threshold = float(stats.t.isf(tail, n_subjects - 1))
    score = cluster_mass if plan.correction == "cluster_mass" else cluster_extent
    return partial(score, neighbours=plan.neighbours, threshold=threshold)


def _decisive(tested: Tested, correction: str) -> Floats:
    """The p-values that a correction decides by."""
    if correction == "none":
        return tested.p
    return tested.p_fdr if correction in ("fdr", "fdr_by") else tested.p_fwe


def _warn_of_few_flips(flips: int, alpha: float, n_subjects: int) -> None:
    if flips and 1 / (flips + 1) > alpha:
        warnings.warn(
            f"group_test: {n_subjects} subjects allow {flips + 1} sign patterns, so that no p-value can be "
            f"below {1 / (flips + 1):.3g}: nothing can be significant at {alpha}",
            stacklevel=3,
        )


def _summary(
    stacked: Subjects, tested: Tested, significant: npt.NDArray[np.bool_], settings: Mapping[str, object]
) -> Table:
    """One row a model: how many voxels were tested and left out, the peak, and what is significant."""
    rows = []
    for row, model in enumerate(stacked.names):
        known = ~np.isnan(tested.t[row])
        missing = int(np.isnan(stacked.values[:, row]).any(axis=0).sum())
        peak = int(np.argmax(np.where(known, tested.t[row], -np.inf)))
        rows.append(
            {
                "model": model,
                "subjects": len(stacked.subjects),
                "voxels": int(known.sum()),
                "left_out_masks": stacked.outside,
                "left_out_missing": missing,
                "left_out_constant": int(known.size - known.sum() - missing),
                "significant": int(significant[row].sum()),
                "peak_t": float(tested.t[row, peak]),
                **millimetres(stacked, peak),
                "smallest_p": _smallest(tested.p[row]),
                "smallest_p_fdr": _smallest(tested.p_fdr[row]),
                "smallest_p_fwe": _smallest(tested.p_fwe[row]),
                "flips": tested.permutations,
                **settings,
            }
        )
    return Table.from_rows(rows)


def millimetres(stacked: Subjects, voxel: int) -> dict[str, float]:
    """Where a voxel lies, in millimetres."""
    place = stacked.space.affine @ np.append(stacked.space.voxels[voxel], 1.0)
    return dict(zip(("x_mm", "y_mm", "z_mm"), place[:3].tolist(), strict=True))


def _smallest(p: Sequence[float] | Floats) -> float:
    values = np.asarray(p, dtype=np.float64)
    return float(np.nanmin(values)) if not np.isnan(values).all() else float("nan")
