"""Searchlight RDMs and RSA beside the study's own code and the peers, all in one process; prints ratios.

Run: python tests/benchmarks/searchlight.py [--quick] [--growth]
--quick leaves out the peers that take minutes; --growth adds time against radius, conditions and centres.

The volume is that of Lee et al. 2023 (64 x 76 x 64, 16 conditions), made, with an ellipsoid of about 80,000
voxels as mask. Times go from arrays in memory to arrays in memory, after a first call that compiles; medians.
Peers marked (x) are extrapolated from a part of the centres. The study's code is written anew from its
description (notebook 03: a numba loop that collects a sphere, np.corrcoef; notebook 04: a loop of spearmanr).
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from isocortex.threads import processors
from isocortex_searchlight import searchlight_rdms, searchlight_rsa

SHAPE, CONDITIONS, MODELS = (64, 76, 64), 16, 15


def made(conditions: int = CONDITIONS, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Noise in an ellipsoid: float32 data and the mask."""
    rng = np.random.default_rng(0)
    grid = np.indices(SHAPE) - np.array(SHAPE)[:, None, None, None] / 2
    mask = ((grid / (scale * np.array([24.0, 31.5, 25.3])[:, None, None, None])) ** 2).sum(axis=0) < 1
    data = rng.normal(size=(*SHAPE, conditions)).astype(np.float32)
    return data * mask[..., None], mask


def timed(work: Callable[[], Any], runs: int = 1, warm: bool = True) -> float:
    """Median seconds."""
    if warm:
        work()
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


@njit
def collect(beta: Any, x: int, y: int, z: int, radius: int) -> Any:
    """The voxels of a sphere whose values do not sum to zero, one by one, as notebook 03 does."""
    n = beta.shape[3]
    out = np.empty(((2 * radius + 1) ** 3, n), beta.dtype)
    count = 0
    for i in range(-radius, radius + 1):
        for j in range(-radius, radius + 1):
            for k in range(-radius, radius + 1):
                if i * i + j * j + k * k <= radius * radius:
                    v = beta[x + i, y + j, z + k]
                    if v.sum() != 0:
                        out[count] = v
                        count += 1
    return out[:count]


def study_rdms(beta: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Study A's searchlight."""
    out = np.empty((len(centres), CONDITIONS, CONDITIONS))
    for row, (x, y, z) in enumerate(centres):
        out[row] = 1 - np.corrcoef(collect(beta, x, y, z, 3), rowvar=False)
    return out


def study_rsa(rdms: np.ndarray, models: np.ndarray) -> np.ndarray:
    """Study A's loop of spearmanr over layers and centres."""
    from scipy.stats import spearmanr

    return np.array([[spearmanr(rdm, model)[0] for rdm in rdms] for model in models])


def rsatoolbox_rdms(data: np.ndarray, mask: np.ndarray) -> Any:
    """rsatoolbox's neighbours and RDMs."""
    from rsatoolbox.util.searchlight import get_searchlight_RDMs, get_volume_searchlight

    centers, neighbors = get_volume_searchlight(mask, radius=3, threshold=0.0)
    return get_searchlight_RDMs(
        data.reshape(-1, data.shape[3]).T, centers, neighbors, np.arange(data.shape[3])
    )


def mne_rdms(data: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """mne-rsa's patches and RDMs."""
    from mne_rsa import rdm_array, searchlight
    from scipy.spatial import cKDTree

    voxels = np.argwhere(mask)
    near = cKDTree(voxels).query_ball_point(voxels, 3.0)
    rows = np.ascontiguousarray(data[mask].T)
    patches = searchlight(rows.shape, spatial_radius=[list(index) for index in near])
    return np.array(list(rdm_array(rows, patches)))


def vectorised_scipy(rdms: np.ndarray, models: np.ndarray) -> np.ndarray:
    """What a careful user writes: rankdata and one product."""
    from scipy.stats import rankdata

    ranks, wanted = rankdata(rdms, axis=1), rankdata(models, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    wanted -= wanted.mean(axis=1, keepdims=True)
    ranks /= np.linalg.norm(ranks, axis=1, keepdims=True)
    return wanted / np.linalg.norm(wanted, axis=1, keepdims=True) @ ranks.T


def limits() -> dict[str, float]:
    """What the machine can do, measured here: GFLOP/s of products and GB/s of memory."""
    rng = np.random.default_rng(0)
    found = {}
    for dtype in ("float32", "float64"):
        a = rng.normal(size=(3000, 3000)).astype(dtype)
        found[f"GEMM {dtype}, GFLOP/s"] = 2 * 3000**3 / timed(lambda a=a: a @ a, 3) / 1e9
    a, b = np.zeros(2**27, np.float32), np.zeros(2**27, np.float32)
    found["copy, GB/s (one thread)"] = 2 * a.nbytes / timed(lambda: np.copyto(b, a), 3) / 1e9
    return found


def same(name: str, theirs: np.ndarray, ours: np.ndarray) -> None:
    """Print how far a peer's RDMs, with its own neighbourhoods, are from ours."""
    difference = np.abs(theirs - ours)
    print(f"  {name}: its RDMs differ from ours by up to {np.nanmax(difference):.1e} (its own precision)")


def rdms_part(data: np.ndarray, mask: np.ndarray, quick: bool) -> None:
    """W1: RDMs."""
    print(f"\nRDMs: {mask.sum()} centres, radius 3, {CONDITIONS} conditions, 1 - Pearson")
    ours = {}
    for dtype in ("float32", "float64"):
        began = time.perf_counter()
        searchlight_rdms(data[:12, :12, :12], np.ones((12, 12, 12), bool), dtype=dtype)
        first = time.perf_counter() - began
        ours[dtype] = timed(lambda dtype=dtype: searchlight_rdms(data, mask, dtype=dtype), 7)
        print(f"  isocortex {dtype}: {ours[dtype]:.3f} s (first call: {first:.1f} s)")
    # arithmetic of the sums: products, run sums, and one addition for each of the 29 runs of the sphere
    pairs = CONDITIONS * (CONDITIONS - 1) // 2 + 2 * CONDITIONS + 1
    additions = pairs * mask.sum() * 29
    print(f"  additions of runs alone: {additions / ours['float32'] / 1e9:.1f} G/s in float32")
    centres = np.argwhere(mask)
    inner = centres[np.all((centres >= 3) & (centres < np.array(SHAPE) - 3), axis=1)]
    peers = {"study A's numba loop and corrcoef": timed(lambda: study_rdms(data, inner), 1)}
    if not quick:
        began = time.perf_counter()
        theirs = mne_rdms(data, mask)
        peers["mne-rsa"] = time.perf_counter() - began
        same("mne-rsa", theirs, searchlight_rdms(data, mask, dtype="float64").values)
        began = time.perf_counter()
        theirs = rsatoolbox_rdms(data, mask).dissimilarities
        peers["rsatoolbox"] = time.perf_counter() - began
        own = searchlight_rdms(data, mask, preset="rsatoolbox", min_fraction=0.0, dtype="float64")
        same("rsatoolbox", theirs, own.values)
    for name, seconds in peers.items():
        single, double = seconds / ours["float32"], seconds / ours["float64"]
        print(f"  {name}: {seconds:.1f} s = {single:.0f} x float32, {double:.0f} x float64")


def rsa_part(data: np.ndarray, mask: np.ndarray, quick: bool) -> None:
    """W2: RSA with models, and permutations."""
    import rsatoolbox

    rng = np.random.default_rng(1)
    models = rng.random((MODELS, CONDITIONS * (CONDITIONS - 1) // 2))
    print(f"\nRDMs and Spearman with {MODELS} models")
    ours = timed(lambda: searchlight_rsa(data, mask, models), 7)
    print(f"  isocortex float32: {ours:.3f} s")
    double = timed(lambda: searchlight_rsa(data, mask, models, dtype="float64"), 5)
    print(f"  isocortex float64: {double:.3f} s")
    tested = timed(lambda: searchlight_rsa(data, mask, models, permutations=1000), 3)
    flops = 2 * 1000 * MODELS * models.shape[1] * mask.sum()
    print(f"  1,000 permutations each, max statistic: {tested:.2f} s = {tested / ours:.1f} x the map")
    print(f"    {flops / (tested - ours) / 1e9:.0f} GFLOP/s in the permutations")
    print(f"  peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
    rdms = searchlight_rdms(data, mask).values.astype(np.float64)
    some = 400
    loop = timed(lambda: study_rsa(rdms[:some], models), 1, warm=False) * len(rdms) / some
    base = timed(lambda: study_rdms(data, np.argwhere(mask)[20000:22000]), 1) * len(rdms) / 2000
    print(f"  study A's loops (x): {base + loop:.0f} s = {(base + loop) / ours:.0f} x float32")
    first = rsatoolbox.rdm.RDMs(rdms)
    second = rsatoolbox.rdm.RDMs(models)
    compare = timed(lambda: rsatoolbox.rdm.compare(first, second, method="spearman"), 1, warm=False)
    print(
        f"  rsatoolbox compare alone, RDMs given: {compare:.1f} s = {compare / ours:.0f} x our RDMs and RSA"
    )
    careful = timed(lambda: vectorised_scipy(rdms, models), 1, warm=False)
    print(f"  vectorised scipy alone, RDMs given: {careful:.2f} s = {careful / ours:.1f} x our RDMs and RSA")


def growth() -> None:
    """Time against radius, conditions and centres."""
    data, mask = made()
    print("\nGrowth, float32 seconds")
    for radius in (2, 3, 4, 5, 6):
        print(f"  radius {radius}: {timed(lambda r=radius: searchlight_rdms(data, mask, r), 3):.3f}")
    for conditions in (16, 32, 64, 120):
        many, _ = made(conditions)
        models = np.random.default_rng(0).random((MODELS, conditions * (conditions - 1) // 2))
        seconds = timed(lambda m=many, w=models: searchlight_rsa(m, mask, w), 1)
        print(f"  {conditions} conditions, RSA: {seconds:.2f}")
    for scale in (0.5, 0.75, 1.0, 1.26):
        part, small = made(scale=scale)
        print(f"  {small.sum()} centres: {timed(lambda p=part, s=small: searchlight_rdms(p, s), 3):.3f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--growth", action="store_true")
    options = parser.parse_args()
    print(f"Python {sys.version.split()[0]}, numpy {np.__version__}, {processors()} processors")
    for name, value in limits().items():
        print(f"  {name}: {value:.0f}")
    data, mask = made()
    rdms_part(data, mask, options.quick)
    rsa_part(data, mask, options.quick)
    if options.growth:
        growth()


if __name__ == "__main__":
    main()
