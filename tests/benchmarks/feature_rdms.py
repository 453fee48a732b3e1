"""Correlation RDM of many images x very many units: isocortex beside numpy, scipy and rsatoolbox, one run.

Run it as ``python tests/benchmarks/feature_rdms.py [images units]``. Made features lie on disk as a memory
map (float32); the others are given them in memory. Prints seconds, ratios, differences and the share of the
machine's rate for such matrix products that isocortex reaches. Absolute seconds drift between machines and
runs: quote ratios.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from isocortex_rsa import feature_rdm

Array = npt.NDArray[np.float64]


def made(file: Path, images: int, units: int) -> npt.NDArray[np.float32]:
    """Features as of a layer after its ReLU, in a memory map."""
    rng = np.random.default_rng(0)
    mapped = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=(images, units))
    scale = rng.uniform(0.5, 4, units).astype(np.float32)
    for row in range(images):
        mapped[row] = np.maximum(rng.standard_normal(units, dtype=np.float32), 0) * scale
    mapped.flush()
    return np.load(file, mmap_mode="r")


def of_numpy(features: npt.NDArray[np.float32]) -> Array:
    """np.corrcoef, which works in float64."""
    return 1 - np.corrcoef(features)[np.triu_indices(len(features), 1)]


def of_scipy(features: npt.NDArray[np.float32]) -> Array:
    """scipy's pdist."""
    from scipy.spatial.distance import pdist

    return np.asarray(pdist(features, "correlation"))


def of_rsatoolbox(features: npt.NDArray[np.float32]) -> Array:
    """rsatoolbox's calc_rdm."""
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm

    return np.asarray(calc_rdm(Dataset(features), method="correlation").dissimilarities[0])


def timed(function: Callable[[], Array], repeats: int = 1) -> tuple[float, Array]:
    """Shortest of some times in seconds, and the result."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    return min(times), result


def product_rate(images: int) -> float:
    """Seconds for the matrix products alone, per unit, in float32."""
    block = np.random.default_rng(0).standard_normal((images, 2**23 // images), dtype=np.float32)
    seconds, _ = timed(lambda: block @ block.T, 5)
    return seconds / block.shape[1]


def main(images: int = 600, units: int = 100_352) -> None:
    """Time all and print a table."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        mapped = made(Path(folder) / "features.npy", images, units)
        own, rdm = timed(lambda: feature_rdm(mapped), 3)
        features = np.array(mapped)
    share = product_rate(images) * units / own
    print(
        f"{images} images x {units:,} units, correlation distance, float32 ({features.nbytes / 1e6:,.0f} MB)"
    )
    print(f"isocortex, memory map  {own:8.2f} s          {share:.0%} of the rate of the products alone")
    for name, function in [
        ("np.corrcoef", of_numpy),
        ("rsatoolbox", of_rsatoolbox),
        ("scipy pdist", of_scipy),
    ]:
        seconds, other = timed(lambda function=function: function(features))  # type: ignore[misc]
        print(
            f"{name:22} {seconds:8.2f} s  {seconds / own:6.1f} x  differs by {np.abs(rdm - other).max():.1e}"
        )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:3]))
