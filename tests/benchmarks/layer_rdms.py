"""Study A's layer RDM: isocortex beside scikit-learn's StandardScaler and PCA(0.9), one run.

Run it as ``python tests/benchmarks/layer_rdms.py [images units]`` (default: 192 and 1,200 images x 100,352
units, 16 categories). Made features lie on disk as a memory map (float32); scikit-learn is given them in
memory, once as they are and once in float64, and its scores get the same signs. Prints seconds, peak memory
above the features, ratios and the largest difference of the RDMs. Absolute seconds drift: quote ratios.
"""

from __future__ import annotations

import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from isocortex_rsa import correlation, cosine
from isocortex_rsa.metrics.feature_components import component_rdm
from isocortex_rsa.metrics.scaled_features import scaled_feature_rdm

Array = npt.NDArray[np.float64]

CATEGORIES = 16


def made(file: Path, images: int, units: int) -> npt.NDArray[np.float32]:
    """Features as of a layer after its ReLU, with causes that images share, in a memory map."""
    rng = np.random.default_rng(0)
    mapped = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=(images, units))
    causes = rng.standard_normal((40, units), dtype=np.float32)
    weights = rng.standard_normal((images, 40), dtype=np.float32) / np.arange(1, 41, dtype=np.float32)
    scale = rng.uniform(0.5, 4, units).astype(np.float32)
    for row in range(images):
        noise = rng.standard_normal(units, dtype=np.float32)
        mapped[row] = np.maximum(weights[row] @ causes + 0.5 * noise, 0) * scale
    mapped.flush()
    return np.load(file, mmap_mode="r")


def of_sklearn(features: npt.NDArray[np.floating], groups: npt.NDArray[np.intp]) -> Array:
    """Scikit-learn's scaler and PCA, the signs of its versions up to 1.4, and np.corrcoef."""
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    scores = PCA(n_components=0.9).fit_transform(StandardScaler().fit_transform(features))
    scores *= np.sign(scores[np.abs(scores).argmax(axis=0), np.arange(scores.shape[1])])
    means = np.stack([scores[groups == group].mean(axis=0) for group in range(CATEGORIES)])
    return 1 - np.corrcoef(means)[np.triu_indices(CATEGORIES, 1)]


def measured(function: Callable[[], Array], repeats: int = 1) -> tuple[float, float, Array]:
    """Shortest of some times in seconds, peak memory in MB, and the result."""
    times = []
    tracemalloc.start()
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return min(times), peak, result


def compare(images: int, units: int) -> None:
    """Time all and print a table."""
    groups = np.arange(images) % CATEGORIES
    with tempfile.TemporaryDirectory() as folder:
        mapped = made(Path(folder) / "features.npy", images, units)
        own, memory, rdm = measured(lambda: component_rdm(mapped, correlation, groups), 3)
        print(f"{images} images x {units:,} units, float32 ({mapped.nbytes / 1e6:,.0f} MB)")
        line = "{:32} {:8.2f} s {:6.1f} x {:9,.0f} MB {:6.1f} x   differs by {:.1e}"
        print(line.format("isocortex, memory map", own, 1, memory, 1, 0))
        signs = measured(lambda: component_rdm(mapped, correlation, groups, signs="loadings"), 3)
        print(f"{'  signs of the loadings':32} {signs[0]:8.2f} s {signs[0] / own:6.1f} x {signs[1]:9,.0f} MB")
        direct = measured(lambda: scaled_feature_rdm(mapped, "cosine", groups)[0], 3)
        whole = np.abs(direct[2] - component_rdm(mapped, cosine, groups, 1.0)).max()
        print(
            f"{'  cosine of all, direct':32} {direct[0]:8.2f} s {direct[0] / own:6.1f} x {direct[1]:9,.0f} MB"
            f"            differs by {whole:.1e} from all components"
        )
        for dtype in (np.float32, np.float64):
            features = np.array(mapped, dtype=dtype)
            seconds, peak, other = measured(lambda features=features: of_sklearn(features, groups))
            name = f"scikit-learn, {np.dtype(dtype)}"
            different = np.abs(other - rdm).max()
            print(line.format(name, seconds, seconds / own, peak, peak / memory, different))


def main(*sizes: int) -> None:
    """Compare at the given size, or at study A's and at study B's number of images."""
    for images, units in [sizes] if sizes else [(192, 100_352), (1200, 100_352)]:
        compare(images, units)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:3]))
