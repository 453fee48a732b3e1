"""Decoders beside fastl2lir and SLiR, in one run: seconds per 1,000 units, ratios, differences, memory.

Run it as ``python tests/benchmarks/decoding.py --peers PYTHON``, PYTHON being an interpreter that has
fastl2lir (which needs numpy < 2.4) and, if it can be had, slir; without slir its algorithm as written stands
in. Made data of 1,200 samples x 4,500 voxels, 500 selected. The peers run in turns with isocortex and time
the fit alone. Absolute seconds drift between machines and runs: quote ratios. Processor seconds are given
too, since on a busy machine a program that uses all processors loses more than one that uses one; what a
quiet machine would show is about their ratio times the number of processors, where the peer uses one.
``--part`` runs only ridge, sparse or memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

PEER = """
import json, sys, time, warnings
from pathlib import Path
import numpy as np
warnings.simplefilter("ignore")
folder, what, alpha, selected = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
if what == "slir":
    X, y = np.load(folder / "x-selected.npy"), np.load(folder / "y-sparse.npy")[:, 0]
    X = np.hstack([X, np.ones((len(X), 1))])
    try:
        from slir import SparseLinearRegression
        start, used = time.perf_counter(), time.process_time()
        weights = SparseLinearRegression(n_iter=200).fit(X, y).coef_
        said = "slir"
    except ImportError:
        sys.path.insert(0, sys.argv[5])
        from decoding import slir_as_written
        start, used = time.perf_counter(), time.process_time()
        weights = slir_as_written(X, y)
        said = "SLiR's algorithm as written"
else:
    from fastl2lir import FastL2LiR
    X, Y = np.load(folder / f"x-{what}.npy"), np.load(folder / f"y-{what}.npy")
    start, used = time.perf_counter(), time.process_time()
    weights = FastL2LiR().fit(X, Y, alpha=alpha, n_feat=selected, dtype=X.dtype.type).W
    said = "fastl2lir"
seconds = time.perf_counter() - start, time.process_time() - used
np.save(folder / "peer.npy", weights)
print(json.dumps([said, *seconds]))
"""

MEMORY = """
import resource, sys
from pathlib import Path
import numpy as np
from isocortex_decoding.decoders.streaming import UnitStream
from isocortex_decoding.decoders.voxel_ridge import VoxelSelectedRidge
folder, units = Path(sys.argv[1]), int(sys.argv[2])
rng = np.random.default_rng(0)
X, test = rng.normal(size=(120, 300)).astype(np.float32), rng.normal(size=(20, 300)).astype(np.float32)
targets = np.load(folder / "targets.npy", mmap_mode="r")[:, :units]
store = folder / f"models{units}"
stream = UnitStream(VoxelSelectedRidge(100.0, 50), X, test, np.arange(120))
stream.decode(targets, out=folder / f"predicted{units}.npy", store=store)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


class Times(NamedTuple):
    """Seconds of a clock on the wall, and of processors."""

    wall: float
    processor: float


def slir_as_written(X, y, n_iter=200, minval=1e-15, threshold=1e-10):  # type: ignore[no-untyped-def]
    """SLiR's iteration with its pseudo-inverses, for X that has its column of ones; weights."""
    X = X.T
    left, n = np.arange(len(X)), X.shape[1]
    weights = np.zeros(len(X))
    A = np.full(len(X), 1 / np.mean(X**2))
    SY0, YX, K = np.mean(y**2), X @ y, X @ X.T
    for _ in range(n_iter):
        inverse = np.linalg.pinv(K + np.diag(1 / A))
        W, G = YX @ inverse, np.diag(K @ inverse)
        SY = (np.sum(y**2) - np.sum(W * YX)) / n
        ratio = SY / SY0
        if ratio < minval:
            SY = max((np.sum((y - W @ X) ** 2) + np.sum(W**2 / A)) / n, minval)
        A = np.sqrt(A * (W**2 / SY) / np.maximum(G, minval))
        stay = A / A.max() > threshold
        A, W, X, YX, left, K = A[stay], W[stay], X[stay], YX[stay], left[stay], K[np.ix_(stay, stay)]
    weights[left] = W
    return weights


def made(folder: Path, samples: int, voxels: int, units: int) -> None:
    """Z-scored voxels that share signals, as fMRI does, and units that depend on some of them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(samples, 50)) @ rng.normal(size=(50, voxels)) * 0.15 + rng.normal(
        size=(samples, voxels)
    )
    Y = X @ (rng.normal(size=(voxels, units)) * (rng.random((voxels, units)) < 0.01)) * 0.3
    Y += 3 * rng.normal(size=Y.shape)
    X, Y = ((a - a.mean(axis=0)) / a.std(axis=0, ddof=1) for a in (X, Y))
    np.save(folder / "y-sparse.npy", Y[:, :16])
    for dtype in ("float64", "float32"):
        np.save(folder / f"x-{dtype}.npy", X.astype(dtype))
        np.save(folder / f"y-{dtype}.npy", Y.astype(dtype))


def peer(python: str, folder: Path, what: str, selected: int) -> tuple[str, Times, np.ndarray]:
    """Let a peer fit in its own interpreter; what it is, seconds of the fit, weights."""
    given = [python, "-c", PEER, str(folder), what, "100", str(selected), str(Path(__file__).parent)]
    done = subprocess.run(given, check=True, capture_output=True, text=True)
    said, *seconds = json.loads(done.stdout.splitlines()[-1])
    return said, Times(*seconds), np.load(folder / "peer.npy")


def timed(work: Callable[[], Any]) -> tuple[Times, Any]:
    """Seconds that it took, and its result."""
    start, used = time.perf_counter(), time.process_time()
    result = work()
    return Times(time.perf_counter() - start, time.process_time() - used), result


def shown(what: str, own: Times, said: str, other: Times | None, differ: float, unit: str) -> None:
    """Print a line."""
    line = f"{what}: isocortex {own.wall:.3g} s {unit} ({own.processor:.3g} of processors)"
    if other is not None:
        line += (
            f"; {said} {other.wall:.3g} s ({other.processor:.3g}): {other.wall / own.wall:.1f} times, "
            f"{other.processor / own.processor:.1f} times the processor time; differs by {differ:.0e}"
        )
    print(line)


def ridge(python: str | None, folder: Path, selected: int, rounds: int) -> None:
    """Voxel-selected ridge and fastl2lir in turns; the shortest of all rounds."""
    from isocortex_decoding.decoders.voxel_ridge import VoxelSelectedRidge

    for dtype in ("float64", "float32"):
        X, Y = np.load(folder / f"x-{dtype}.npy"), np.load(folder / f"y-{dtype}.npy")
        model = VoxelSelectedRidge(100.0, selected, "fastl2lir").fit(X, Y[:, :2])  # compiled before
        own, others, said, differ = [], [], "", np.nan
        for _ in range(rounds):
            seconds, _ = timed(lambda model=model, X=X, Y=Y: model.fit(X, Y))  # type: ignore[misc]
            own.append(seconds)
            if python is not None:
                said, seconds, theirs = peer(python, folder, dtype, selected)
                others.append(seconds)
                differ = float(np.abs(model.coef_.T - theirs).max() / np.abs(theirs).max())
        scale = 1000 / Y.shape[1]
        best = [
            Times(*(scale * min(column) for column in zip(*all_, strict=True)))
            for all_ in (own, others)
            if all_
        ]
        shown(f"ridge {dtype}", best[0], said, best[1] if others else None, differ, "per 1,000 units")


def sparse(python: str | None, folder: Path, selected: int) -> None:
    """Sparse linear regression on selected voxels, and SLiR on the voxels that isocortex selected."""
    from isocortex_decoding.decoders.sparse_regression import SparseLinearRegression

    X, Y = np.load(folder / "x-float64.npy"), np.load(folder / "y-sparse.npy")
    model = SparseLinearRegression(2, selected).fit(X, Y[:, :1])
    model.set_params(n_iter=200)
    own, _ = timed(lambda: model.fit(X, Y))
    own = Times(*(seconds / Y.shape[1] for seconds in own))
    kept = (model.relevance_ != 0).sum(axis=1).mean()
    print(f"sparse: {Y.shape[1]} units, {model.n_iter_} iterations, {kept:.0f} of {selected} voxels kept")
    said, other, differ = "", None, np.nan
    if python is not None:
        pick = model.selected_[0]
        np.save(folder / "x-selected.npy", X[:, pick])
        said, other, weights = peer(python, folder, "slir", selected)
        differ = float(np.abs(model.coef_[0, pick] - weights[: len(pick)]).max() / np.abs(weights).max())
    shown("sparse", own, said, other, differ, "a unit")


def memory(folder: Path, sizes: tuple[int, ...] = (1_000, 10_000, 1_000_000)) -> None:
    """Peak memory of processes that decode few and very many units, models stored."""
    targets = np.lib.format.open_memmap(
        folder / "targets.npy", mode="w+", dtype=np.float32, shape=(120, max(sizes))
    )
    rng = np.random.default_rng(0)
    for row in range(120):
        targets[row] = rng.standard_normal(max(sizes), dtype=np.float32)
    targets.flush()
    del targets
    for units in sizes:
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, str(folder), str(units)],
            check=True,
            capture_output=True,
            text=True,
        )
        files = sum(file.stat().st_size for file in (folder / f"models{units}").iterdir()) + units * 4 * 140
        seconds = time.perf_counter() - start
        print(
            f"memory: {units:>9,} units: peak {float(done.stdout):4.0f} MiB, {seconds:.0f} s; "
            f"targets, predictions and models are {files / 2**20:,.0f} MiB"
        )


def main() -> None:
    """Run the parts and print a line each."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--peers", help="interpreter that has fastl2lir, and slir")
    options.add_argument("--units", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--part", choices=["ridge", "sparse", "memory"])
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.part != "memory":
            made(folder, 1200, 4500, given.units)
        if given.part in (None, "ridge"):
            ridge(given.peers, folder, 500, given.rounds)
        if given.part in (None, "sparse"):
            sparse(given.peers, folder, 500)
        if given.part in (None, "memory"):
            memory(folder)


if __name__ == "__main__":
    main()
