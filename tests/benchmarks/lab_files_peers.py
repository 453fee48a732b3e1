"""The lab's files and preprocessing against bdpy itself, in both directions.

bdpy lives in an environment of its own (pip install bdpy "numpy<2.4"); its interpreter is the argument:

    python tests/benchmarks/lab_files_peers.py --peer path/to/bdpy-env/bin/python

Prints one line a check and ends with exit code 1 where any fails.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from isocortex.data import Decoded, Features, Patterns, Space
from isocortex_decoding.files import feature_dirs as dirs
from isocortex_decoding.files.bdata import BData
from isocortex_decoding.files.bdata_writing import Columns, write_patterns
from isocortex_decoding.files.decoder_dirs import read_decoder, write_decoder
from isocortex_decoding.files.stored_arrays import read_stored, write_stored
from isocortex_decoding.preprocessing.regression import detrend, regress_out
from isocortex_decoding.preprocessing.scaling import normalise, reduce_outliers
from isocortex_decoding.preprocessing.timing import average_samples, shift_samples

PEER = Path(__file__).with_name("lab_files_bdpy.py")
SELECTIONS = (
    "ROI_V1 = 1", "ROI_V1", "ROI_V1 + ROI_V2", "ROI_V1 | ROI_V2 = 1", "ROI_V1 & ROI_V2", "ROI_V1 - ROI_V2",
    "ROI_*", "ROI_V* - ROI_V1", "ROI_V1 | ROI_V2 & ROI_LOC", "ROI_V1 | (ROI_V2 & ROI_LOC)",
    "(ROI_V1 + ROI_LOC) - ROI_V2 = 1", "VoxelData", '"ROI_V1" = 1',
)  # fmt: skip
IDS = np.array([1518878.005958, 1443537.022563, 2690373.0001, 2690373.007713] * 6)


def made(folder: Path) -> dict[str, Any]:
    """Write with isocortex what bdpy is to read, and the inputs of preprocessing."""
    rng = np.random.default_rng(0)
    mask = rng.random((4, 5, 3)) < 0.6
    space = Space(mask, np.array([[2.0, 0, 0, -20], [0, 2, 0, -30], [0, 0, 3, 5], [0, 0, 0, 1]]))
    n = space.n_voxels
    runs = np.repeat([1, 2, 3], [6, 11, 7])
    values = rng.standard_normal((24, n)) * 3 + 200
    values[5, 3], values[12, 0] = 900, -700
    names = [f"n{1 + row % 4:08d}_{row % 6}" for row in range(24)]
    rois = {"V1": rng.random(n) < 0.4, "V2": rng.random(n) < 0.4, "LOC": rng.random(n) < 0.3}
    patterns = Patterns(values, tuple(name[:9] for name in names), tuple(map(str, runs)), tuple(names), space)
    for layout in ("current", "legacy"):
        write_patterns(folder / f"ours_{layout}.h5", patterns, rois=rois, layout=layout)  # type: ignore[arg-type]
    out = Columns(24)
    out.add("VoxelData", values)
    out.add("stimulus_id", IDS)
    out.write(folder / "ours_ids.h5")
    layers = {
        "conv1_1": rng.standard_normal((3, 2, 4, 5)).astype(np.float32),
        "fc6": rng.standard_normal((3, 7)),
    }
    features = Features(layers, ("b_2", "a_1", "b_10"))
    dirs.write_features(folder / "ours_features", features)
    decoded = Decoded(layers, features.stimuli, None, "VGG19", "S1", "VC")
    dirs.write_decoded(folder / "ours_decoded", decoded)
    dirs.write_decoded(folder / "ours_folds", decoded, fold="fold1")
    dirs.write_decoded(folder / "ours_original", decoded, "original", prefix="natural-VGG19")
    sparse = np.where(rng.random((3, 4, 5)) < 0.3, rng.standard_normal((3, 4, 5)), 0)
    write_stored(folder / "ours_sparse.mat", "feat", sparse, sparse=True)
    for units in ((4,), (3, 2, 2)):
        decoder = _decoder(rng, units)
        write_decoder(folder / f"ours_model_{len(units)}" / "model", **decoder, dtype=np.float64)
        np.savez(folder / f"decoder_{len(units)}.npz", **decoder, X=rng.standard_normal((5, 6)))
    motion = rng.standard_normal((24, 3))
    np.savez(folder / "inputs.npz", x=values, runs=runs, motion=motion, ids=IDS, names=np.array(names))
    return {"patterns": patterns, "rois": rois, "features": features, "sparse": sparse, "motion": motion}


def _decoder(rng: np.random.Generator, units: tuple[int, ...]) -> dict[str, Any]:
    weights = rng.standard_normal((6, *units)) * (rng.random((6, *units)) < 0.5)
    return {
        "weights": weights, "bias": rng.standard_normal(units), "x_mean": rng.standard_normal(6),
        "x_norm": rng.random(6) + 1, "y_mean": rng.standard_normal(units), "y_norm": rng.random(units) + 1,
    }  # fmt: skip


def read_by_bdpy(folder: Path, given: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """What bdpy read from the files of isocortex."""
    theirs = np.load(folder / "theirs.npz")
    patterns, values = given["patterns"], given["patterns"].values
    for layout in ("current", "legacy"):
        yield f"bdpy reads our {layout} BData", np.array_equal(theirs[f"{layout}_voxels"], values)
        names = tuple(theirs[f"{layout}_names"].tolist())
        yield f"bdpy reads our labels ({layout})", names == patterns.stimuli
        place = patterns.space.voxels @ patterns.space.affine[:3, :3].T + patterns.space.affine[:3, 3]
        yield f"bdpy reads our coordinates ({layout})", np.allclose(theirs[f"{layout}_xyz"], place)
    yield "bdpy reads our ids of images to the last bit", np.array_equal(theirs["ids"], IDS)
    with BData(folder / "ours_current.h5") as file:
        for number, select in enumerate(SELECTIONS):
            same = np.array_equal(theirs[f"select_{number}"], file.columns(select))
            yield f"the same columns: {select}", same
    for where in ("features", "decoded", "folds"):
        for layer, stored in given["features"].layers.items():
            rows = [given["features"].stimuli.index(label) for label in theirs[f"{where}_labels"].tolist()]
            same = np.array_equal(theirs[f"{where}_{layer}"], stored[rows])
            yield f"bdpy reads our {where}: {layer}", same
    original = theirs["original_fc6"]
    yield (
        "bdpy reads our original decoded features",
        np.array_equal(original, given["features"].layers["fc6"][1:2]),
    )
    yield "bdpy reads our sparse array", np.array_equal(theirs["sparse"], given["sparse"])
    for axes in (1, 3):
        kept = np.load(folder / f"decoder_{axes}.npz")
        own = read_decoder(folder / f"ours_model_{axes}" / "model").predict(kept["X"])
        yield (
            f"bdpy's ModelTest predicts with our decoder ({axes} axes)",
            np.allclose(theirs[f"model_{axes}"], own),
        )


def read_by_us(folder: Path, given: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """What isocortex reads from the files of bdpy."""
    inputs = np.load(folder / "inputs.npz")
    with BData(folder / "bdpy.h5") as file:
        yield "we read bdpy's BData", np.array_equal(file.select("VoxelData"), inputs["x"])
        yield "we read bdpy's table of names", list(file.labels("stimulus_name")) == inputs["names"].tolist()
        ids = ("n01518878_5958", "n01443537_22563", "n02690373_100", "n02690373_7713") * 6
        yield "we read bdpy's ids of images", file.labels("stimulus_id") == ids
        yield "we read bdpy's runs", file.runs() == tuple(map(str, inputs["runs"]))
        yield "we read bdpy's motion", np.array_equal(file.select("MotionParameter"), inputs["motion"])
        patterns = file.patterns("VoxelData", "stimulus_name")
        same = patterns.space is not None and np.array_equal(patterns.values, inputs["x"])
        yield "we find the grid of bdpy's coordinates", same
    stored = given["features"]
    for where in ("bdpy_features", "bdpy_arrays"):
        found = dirs.read_features(folder / where).select(stored.stimuli)
        same = all(np.array_equal(found.layers[layer], values) for layer, values in stored.layers.items())
        yield f"we read {where}", same
    sparse = read_stored(folder / "bdpy_sparse.mat", "feat")
    yield "we read bdpy's sparse array", np.array_equal(sparse, given["sparse"])
    theirs = np.load(folder / "theirs.npz")
    for axes in (1, 3):
        own = read_decoder(folder / f"bdpy_model_{axes}").predict(theirs[f"trained_X_{axes}"])
        yield (
            f"we predict with bdpy's decoder ({axes} axes)",
            np.allclose(own, theirs[f"trained_{axes}"], rtol=1e-9),
        )


def preprocessing(folder: Path, given: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Preprocessing by both."""
    theirs, inputs = np.load(folder / "theirs.npz"), np.load(folder / "inputs.npz")
    x, runs, motion = inputs["x"], inputs["runs"], inputs["motion"]
    shifted = shift_samples(len(x), 2, runs)
    yield "shift_sample", np.array_equal(theirs["shift"], x[shifted.samples])
    yield "shift_sample's index", np.array_equal(theirs["shift_index"], shifted.labels)
    for dc in (0, 1):
        for trend in (0, 1):
            own = regress_out(x, runs, motion, bool(dc), bool(trend))
            yield (
                f"regressout, dc {dc}, trend {trend}",
                np.allclose(theirs[f"regress_{dc}{trend}"], own, atol=1e-8),
            )
    clip: Callable[..., Any] = reduce_outliers
    yield "reduce_outlier", np.allclose(theirs["outlier"], clip(x, runs, 1.5).values, rtol=1e-12)
    yield (
        "reduce_outlier across voxels",
        np.allclose(theirs["outlier2"], clip(x, None, 2, across="voxels").values),
    )
    yield (
        "reduce_outlier, limits",
        np.array_equal(theirs["outlier3"], clip(x, runs, None, minimum=195, maximum=203).values),
    )
    modes = {"PercentSignalChange": "percent", "Zscore": "zscore", "DivideMean": "divide_mean",
             "SubtractMean": "subtract_mean"}  # fmt: skip
    for name, mode in modes.items():
        found: Any = normalise(x, runs, mode)  # type: ignore[arg-type]
        yield f"normalize_sample {name}", np.allclose(theirs[name], found.values, rtol=1e-10, atol=1e-10)
    for keep in (0, 1):
        yield (
            f"detrend_sample, keep_mean {keep}",
            np.allclose(theirs[f"detrend_{keep}"], detrend(x, runs, bool(keep))),
        )
    averaged = average_samples(x, runs)
    same = np.allclose(theirs["average"], averaged.values) and np.array_equal(
        theirs["average_index"], averaged.first
    )
    yield "average_sample", same


def main() -> int:
    """Run all checks with the interpreter that is given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", required=True, help="Python interpreter of an environment with bdpy")
    peer = parser.parse_args().peer
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("error")
        folder = Path(name)
        given = made(folder)
        (folder / "selections.txt").write_text("\n".join(SELECTIONS))
        done = subprocess.run([peer, "-W", "ignore", str(PEER), name], capture_output=True, text=True)
        if done.returncode:
            print(done.stdout[-2000:], done.stderr[-4000:])
            return 1
        print((folder / "versions.txt").read_text())
        failed = 0
        for checks in (read_by_bdpy, read_by_us, preprocessing):
            for what, good in checks(folder, given):
                print(f"{'ok  ' if good else 'FAIL'} {what}")
                failed += not good
    print(f"{failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
