"""bdpy's side of ``lab_files_peers.py``: run by bdpy's interpreter on a folder; knows no isocortex."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from bdpy.bdata import BData
from bdpy.dataform import DecodedFeatures, save_array, save_feature
from bdpy.dataform import Features as BdpyFeatures
from bdpy.dataform.sparse import load_array
from bdpy.ml import ModelTest, ModelTraining
from bdpy.preproc import (
    average_sample,
    detrend_sample,
    normalize_sample,
    reduce_outlier,
    regressout,
    shift_sample,
)


class FastL2LiR:
    """Stands in for the real one, by whose name bdpy writes its folders: least squares without selection."""

    def fit(self, X, Y, **_):
        """Least squares with a bias."""
        flat = Y.reshape(len(Y), -1)
        found = np.linalg.lstsq(np.hstack([X, np.ones((len(X), 1))]), flat, rcond=None)[0]
        self.W, self.b = found[:-1].reshape(-1, *Y.shape[1:]), found[-1:].reshape(1, *Y.shape[1:])
        self.W[np.abs(self.W) < 0.05] = 0
        self._FastL2LiR__W, self._FastL2LiR__b = self.W, self.b

    def predict(self, X):
        """Linear prediction."""
        W = np.asarray(self.W)
        return np.tensordot(X, W, axes=1) + np.asarray(self.b).reshape(1, *W.shape[1:])


def read_ours(folder, out):
    """Read what isocortex wrote."""
    for layout in ("current", "legacy"):
        data = BData(str(folder / f"ours_{layout}.h5"))
        out[f"{layout}_voxels"] = data.select("VoxelData")
        out[f"{layout}_names"] = np.array(data.get_label("stimulus_name"))
        out[f"{layout}_xyz"] = np.stack(
            [data.get_metadata(f"voxel_{axis}", where="VoxelData") for axis in "xyz"], axis=1
        )
    data = BData(str(folder / "ours_current.h5"))
    for number, select in enumerate((folder / "selections.txt").read_text().splitlines()):
        out[f"select_{number}"] = data.select(select, return_index=True)[1]
    out["ids"] = BData(str(folder / "ours_ids.h5")).select("stimulus_id")[:, 0]
    features = BdpyFeatures(str(folder / "ours_features"))
    out["features_labels"] = np.array(features.labels)
    for layer in features.layers:
        out[f"features_{layer}"] = features.get(layer)
    for where, fold in (("decoded", None), ("folds", "fold1")):
        found = DecodedFeatures(str(folder / f"ours_{where}"))
        for layer in found.layers:
            out[f"{where}_{layer}"] = found.get(layer=layer, subject="S1", roi="VC", fold=fold)
            out[f"{where}_labels"] = np.array(found.selected_label)
    name = "natural-VGG19-fc6-S1-VC-a_1.mat"
    path = str(folder / "ours_original" / "fc6" / "S1" / "VC" / name)
    from scipy.io import loadmat

    out["original_fc6"] = loadmat(path)["feat"]
    out["sparse"] = load_array(str(folder / "ours_sparse.mat"), key="feat")


def predict_with_ours(folder, out):
    """Predict with decoders that isocortex wrote, as the lab's predict_feature does."""
    for axes in (1, 3):
        kept = np.load(str(folder / f"decoder_{axes}.npz"))
        path = folder / f"ours_model_{axes}" / "model"
        scale = {
            key: load_array(str(path / f"{key}.mat"), key=key)
            for key in ("x_mean", "x_norm", "y_mean", "y_norm")
        }
        test = ModelTest(FastL2LiR(), (kept["X"] - scale["x_mean"]) / scale["x_norm"])
        test.model_format, test.model_path = "bdmodel", str(path)
        test.chunk_axis = 1 if axes == 3 else None
        out[f"model_{axes}"] = test.run() * scale["y_norm"] + scale["y_mean"]


def write_theirs(folder, inputs):
    """Write a BData file, features and arrays with bdpy."""
    ours = BData(str(folder / "ours_current.h5"))
    data = BData()
    data.add(inputs["x"], "VoxelData")
    for axis in "ijkxyz":
        values = ours.get_metadata(f"voxel_{axis}", where="VoxelData")
        data.add_metadata(f"voxel_{axis}", values, f"voxel {axis}", where="VoxelData")
    data.add(inputs["runs"].astype(float), "Run")
    data.add(inputs["motion"], "MotionParameter")
    data.add(inputs["ids"], "stimulus_id")
    names = sorted(set(inputs["names"].tolist()))
    data.add(np.array([float(names.index(name) + 1) for name in inputs["names"]]), "stimulus_name")
    data.add_vmap("stimulus_name", {float(place): name for place, name in enumerate(names, 1)})
    data.save(str(folder / "bdpy.h5"))
    features = BdpyFeatures(str(folder / "ours_features"))
    for layer in features.layers:
        for label in features.labels:
            array = features.get(layer, label)
            save_feature(array, str(folder / "bdpy_features"), layer, label)
            (folder / "bdpy_arrays" / layer).mkdir(parents=True, exist_ok=True)
            path = str(folder / "bdpy_arrays" / layer / f"{label}.mat")
            save_array(path, array, key="feat", dtype=array.dtype, sparse=label == "a_1")


def train(folder, out):
    """Train and store decoders with bdpy, and predict with them."""
    rng = np.random.default_rng(1)
    for axes, units in ((1, (4,)), (3, (3, 2, 2))):
        X, Y = rng.standard_normal((30, 6)) * 2 + 1, rng.standard_normal((30, *units)) * 3
        Y[:, 0] += X[:, :1].reshape(30, *[1] * (axes - 1)) if axes > 1 else X[:, 0]
        scale = {
            "x_mean": X.mean(axis=0)[None], "x_norm": X.std(axis=0, ddof=1)[None],
            "y_mean": Y.mean(axis=0)[None], "y_norm": Y.std(axis=0, ddof=1)[None],
        }  # fmt: skip
        path = folder / f"bdpy_model_{axes}"
        path.mkdir()
        for key, values in scale.items():
            save_array(str(path / f"{key}.mat"), values, key=key, dtype=np.float64, sparse=False)
        job = ModelTraining(FastL2LiR(), X, Y)
        job.id, job.save_format, job.save_path, job.dtype = f"job{axes}", "bdmodel", path, np.float64
        job.X_normalize = {"mean": scale["x_mean"], "std": scale["x_norm"]}
        job.Y_normalize = {"mean": scale["y_mean"], "std": scale["y_norm"]}
        job.chunk_axis = 1 if axes == 3 else None
        job.run()
        test = ModelTest(FastL2LiR(), (X - scale["x_mean"]) / scale["x_norm"])
        test.model_format, test.model_path, test.chunk_axis = "bdmodel", str(path), job.chunk_axis
        out[f"trained_X_{axes}"] = X
        out[f"trained_{axes}"] = test.run() * scale["y_norm"] + scale["y_mean"]


def preprocess(inputs, out):
    """Preprocess with bdpy."""
    x, runs, motion = inputs["x"], inputs["runs"], inputs["motion"]
    out["shift"], out["shift_index"] = shift_sample(x, runs, shift_size=2)
    for dc in (0, 1):
        for trend in (0, 1):
            out[f"regress_{dc}{trend}"] = regressout(
                x, runs, motion, remove_dc=bool(dc), linear_detrend=bool(trend)
            )
    out["outlier"] = reduce_outlier(x, runs, std_threshold=1.5)
    out["outlier2"] = reduce_outlier(x, [], std_threshold=2, dimension=2)
    out["outlier3"] = reduce_outlier(x, runs, std=False, maxmin=True, min_value=195, max_value=203)
    for mode in ("PercentSignalChange", "Zscore", "DivideMean", "SubtractMean"):
        out[mode] = normalize_sample(x, runs, mode=mode)
    for keep in (0, 1):
        out[f"detrend_{keep}"] = detrend_sample(x, runs, keep_mean=bool(keep))
    out["average"], out["average_index"] = average_sample(x, runs)


def main():
    """Read, write, train and preprocess in the folder that is given."""
    folder = Path(sys.argv[1])
    os.chdir(folder)
    out = {}
    inputs = np.load(str(folder / "inputs.npz"))
    read_ours(folder, out)
    predict_with_ours(folder, out)
    write_theirs(folder, inputs)
    save_array("bdpy_sparse.mat", out["sparse"], key="feat", dtype=np.float64, sparse=True)
    train(folder, out)
    preprocess(inputs, out)
    np.savez(str(folder / "theirs.npz"), **out)
    versions = f"bdpy {version('bdpy')}, hdf5storage {version('hdf5storage')}, numpy {np.__version__}"
    (folder / "versions.txt").write_text(versions)
    shutil.rmtree("tmp", ignore_errors=True)


if __name__ == "__main__":
    main()
