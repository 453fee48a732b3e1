"""Pairwise identification of many samples among many candidates, beside the plain formula, in one run.

Run it as ``python tests/benchmarks/identification.py [samples units permutations]``. Decoded and true
features are made and lie on disk as memory maps (float32). The plain formula is
1 - cdist(decoded, true, "correlation") and a comparison of all pairs, which is timed on a part of the samples
and needs the whole matrix. Prints seconds, ratios, differences and the largest memory. Absolute seconds drift
between machines and runs: quote ratios.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from isocortex_decoding.evaluation.identification import identify_features
from isocortex_decoding.evaluation.resampling import label_permutations

Array = npt.NDArray[Any]


def made(folder: Path, samples: int, units: int) -> tuple[Array, Array]:
    """True features, and the same with noise, in memory maps."""
    rng = np.random.default_rng(0)
    files = []
    for name in ("true", "decoded"):
        shape = (samples, units)
        mapped = np.lib.format.open_memmap(folder / f"{name}.npy", mode="w+", dtype=np.float32, shape=shape)
        for start in range(0, samples, 500):
            part = slice(start, start + 500)
            values = rng.standard_normal(mapped[part].shape, dtype=np.float32)
            mapped[part] = values if name == "true" else files[0][part] + 25 * values
        mapped.flush()
        files.append(np.load(folder / f"{name}.npy", mmap_mode="r"))
    return files[1], files[0]


def plain(decoded: Array, true: Array, own: Array) -> Array:
    """Share of the other candidates that lose, by the formula."""
    r = 1 - cdist(decoded, true, "correlation")
    return np.array([(row[mine] > np.delete(row, mine)).mean() for row, mine in zip(r, own, strict=True)])


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and result."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def peak() -> float:
    """Largest memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(samples: int = 10_000, units: int = 4096, permutations: int = 1000) -> None:
    """Time all and print."""
    with tempfile.TemporaryDirectory() as folder:
        decoded, true = made(Path(folder), samples, units)
        print(f"{samples:,} samples x {samples:,} candidates, {units:,} units, float32 in memory maps")
        before = peak()
        orders = label_permutations(samples, permutations, np.random.default_rng(1))
        seconds, found = timed(lambda: identify_features(decoded, true))
        print(f"isocortex                     {seconds:8.1f} s   memory +{peak() - before:,.0f} MB")
        print(f"  the matrix alone would take {samples**2 * 8 / 2**20:,.0f} MB in float64")
        with_null, permuted = timed(lambda: identify_features(decoded, true, permutations=orders))
        print(
            f"  with {len(orders)} permutations      {with_null:8.1f} s   memory +{peak() - before:,.0f} MB"
        )
        part = slice(0, max(1, samples // 20))
        rows = np.arange(samples)[part]
        formula, want = timed(lambda: plain(np.asarray(decoded[part]), np.asarray(true), rows))
        ratio = formula * samples / len(rows) / seconds
        print(f"plain formula, {len(rows)} samples    {formula:8.1f} s   for all {ratio:.0f} times as long")
        null = permuted.null
        print(f"mean {found.scores.mean():.4f}; permutations {null.mean():.4f} +- {null.std():.4f}")
        difference = np.abs(found.scores[part] - want).max()
        print(f"largest difference from the formula {difference:.1e} (one comparison: {1 / samples:.0e})")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:4]))
