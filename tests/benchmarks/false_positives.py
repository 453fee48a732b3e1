"""False-positive rates of the tests on data without any effect, and of two procedures that do not hold.

Run: python tests/benchmarks/false_positives.py [data sets]     (500 by default: some minutes)

Each test should find something in 5 % of the null data sets, give or take the binomial error; procedures that
control the false discovery rate, or whose statistic takes few values, may find it less often. The two that
fail are here to show why they are not the default.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage, stats

from isocortex.handles import SimilarityHandle
from isocortex_rsa.inference.corrections import fdr_bh
from isocortex_rsa.inference.flips import sign_flips
from isocortex_rsa.inference.group import Plan, over_subjects
from isocortex_rsa.inference.lee2023 import half_percentile, pooled_null
from isocortex_rsa.inference.mantel import mantel_test
from isocortex_rsa.inference.neighbours import neighbours_of
from isocortex_rsa.inference.permutations import condition_permutations
from isocortex_rsa.metrics.angles import correlation
from isocortex_rsa.similarities.basic import Spearman

ALPHA = 0.05
Found = dict[str, list[bool]]


class Size(NamedTuple):
    """How large the null data sets are."""

    subjects: int
    edge: int
    models: int
    conditions: int
    permutations: int


FULL = Size(subjects=9, edge=10, models=2, conditions=16, permutations=999)
SHORT = Size(subjects=7, edge=6, models=2, conditions=12, permutations=199)

HOLD = {"exact": "as often", "at most": "no more often", "fails": "shown to fail"}
EXPECTED = {
    "group t distribution, one voxel": "exact",
    "group sign flips, one voxel": "exact",
    "group max-t FWE": "exact",
    "group FDR (BH), sign flips": "at most",
    "group FDR (BH), t distribution": "at most",
    "group cluster mass FWE": "at most",
    "group cluster extent FWE": "at most",
    "group TFCE FWE": "exact",
    "labels permuted, one model": "exact",
    "labels permuted, max over models FWE": "exact",
    "labels permuted, FDR over models": "at most",
    "parametric p over pairs, one model": "fails",
    "lee2023 threshold, any voxel": "fails",
}
"""What each procedure promises when there is nothing to find."""


def group_data_set(size: Size, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Fisher z of subjects x models x voxels without effect: smooth over voxels, shared by the models."""
    shape = (size.subjects, size.models + 1, size.edge, size.edge, size.edge)
    noise = ndimage.gaussian_filter(rng.normal(size=shape), (0, 0, 1.2, 1.2, 1.2))
    maps = noise[:, :1] + noise[:, 1:]
    return np.asarray(maps.reshape(size.subjects, size.models, -1))


def group_rejections(size: Size, rng: np.random.Generator) -> dict[str, bool]:
    """What each group test finds in one null data set."""
    z = group_data_set(size, rng)
    neighbours = neighbours_of(np.ones((size.edge,) * 3, dtype=bool))
    flips = sign_flips(size.subjects, size.permutations, rng)
    plan = Plan(flips, "max_t", cluster_p=0.02, neighbours=neighbours)
    tested = over_subjects(z, plan)
    parametric = over_subjects(z, Plan(None, "fdr"))
    found = {
        "group t distribution, one voxel": parametric.p[0, 0] <= ALPHA,
        "group FDR (BH), t distribution": np.min(parametric.p_fdr) <= ALPHA,
        "group sign flips, one voxel": tested.p[0, 0] <= ALPHA,
        "group max-t FWE": np.min(tested.p_fwe) <= ALPHA,
        "group FDR (BH), sign flips": np.min(tested.p_fdr) <= ALPHA,
    }
    for correction, name in (
        ("cluster_mass", "cluster mass"),
        ("cluster_extent", "cluster extent"),
        ("tfce", "TFCE"),
    ):
        p = over_subjects(z, plan._replace(correction=correction)).p_fwe  # type: ignore[arg-type]
        found[f"group {name} FWE"] = np.min(p) <= ALPHA
    null = pooled_null(z[:, :1], 10, rng)[0]
    low, high = half_percentile(null, 2.5), half_percentile(null, 97.5)
    found["lee2023 threshold, any voxel"] = np.any((tested.t[0] < low) | (tested.t[0] > high))
    return {name: bool(value) for name, value in found.items()}


def label_rejections(size: Size, rng: np.random.Generator) -> dict[str, bool]:
    """What tests of one RDM against models find where patterns and models have nothing in common.

    Conditions differ in how strongly they evoke a common pattern. A weak one is unlike all others, so that
    the dissimilarities of an RDM depend on one another.
    """
    strength = rng.lognormal(0, 1, (1 + size.models, size.conditions, 1))
    patterns = strength * rng.normal(size=(1 + size.models, 1, 60)) + rng.normal(
        size=(1 + size.models, size.conditions, 60)
    )
    rdms = np.stack([np.asarray(correlation(own)) for own in patterns])
    orders = condition_permutations(size.conditions, size.permutations, rng)
    found = mantel_test(rdms[:1], rdms[1:], SimilarityHandle("spearman", Spearman()), orders)
    naive = stats.spearmanr(rdms[0], rdms[1], alternative="greater").pvalue
    return {
        "labels permuted, one model": bool(found.p[0, 0] <= ALPHA),
        "labels permuted, max over models FWE": bool(np.min(found.p_fwe) <= ALPHA),
        "labels permuted, FDR over models": bool(np.min(fdr_bh(found.p)) <= ALPHA),
        "parametric p over pairs, one model": bool(naive <= ALPHA),
    }


def simulate(n: int, size: Size, seed: int, each: Callable[[int], Any] = lambda done: None) -> Found:
    """Test ``n`` null data sets; gives for each procedure in which of them it found something."""
    found: Found = {name: [] for name in EXPECTED}
    for done, rng in enumerate(np.random.default_rng(seed).spawn(n)):
        for name, value in {**group_rejections(size, rng), **label_rejections(size, rng)}.items():
            found[name].append(value)
        each(done + 1)
    return found


def holds(name: str, found: list[bool], errors: float) -> bool:
    """Whether a procedure keeps its promise, within so many binomial standard errors."""
    rate, error = float(np.mean(found)), float(np.sqrt(ALPHA * (1 - ALPHA) / len(found)))
    if EXPECTED[name] == "fails":
        return rate > ALPHA + errors * error
    return rate <= ALPHA + errors * error and (EXPECTED[name] == "at most" or rate >= ALPHA - errors * error)


def main(n: int) -> int:
    """Print the rates; 1 when a procedure does not keep its promise within 3 standard errors."""
    start = time.perf_counter()

    def report(done: int) -> None:
        if done % 50 == 0:
            print(f"  {done} of {n} data sets, {time.perf_counter() - start:.0f} s", file=sys.stderr)

    found = simulate(n, FULL, 0, report)
    error = float(np.sqrt(ALPHA * (1 - ALPHA) / n))
    print(f"{n} null data sets: {FULL}; {time.perf_counter() - start:.0f} s")
    print(f"nominal {100 * ALPHA:g} %, within 2 standard errors: {100 * (ALPHA - 2 * error):.1f} to "
          f"{100 * (ALPHA + 2 * error):.1f} %, within 3: {100 * (ALPHA - 3 * error):.1f} to "
          f"{100 * (ALPHA + 3 * error):.1f} %")  # fmt: skip
    for name, values in found.items():
        low, high = stats.binomtest(int(np.sum(values)), n).proportion_ci()
        told = "" if holds(name, values, 3) else "   NOT AS PROMISED"
        print(
            f"{name:40s} {100 * np.mean(values):5.1f} %  (95 %: {100 * low:4.1f} to {100 * high:4.1f})   "
            f"{HOLD[EXPECTED[name]]}{told}"
        )
    return 0 if all(holds(name, values, 3) for name, values in found.items()) else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 500))
