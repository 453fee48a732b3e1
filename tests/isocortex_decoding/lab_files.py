"""Small files in the layouts of the Kamitani lab, made with h5py alone, as bdpy 0.26 leaves them on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

IDS = (1518878.005958, 1443537.022563, 2690373.0001, 2690373.007713)
NAMES = ("n01518878_5958", "n01443537_22563", "n02690373_100", "n02690373_7713")
CATEGORIES = ("n01518878", "n01443537", "n02690373", "n02690373")
N_VOXELS = 12
ROIS = {"V1": range(5), "V2": range(4, 8), "LOC": range(8, 11)}


def voxel_index() -> Any:
    """Numbers of the 12 voxels: a 2 x 3 x 2 grid, walked in Fortran order, as no space of ours is."""
    return np.stack([place.ravel(order="F") for place in np.indices((2, 3, 2))], axis=1).astype(float)


def bdata_content(n_runs: int = 2, seed: int = 0) -> dict[str, Any]:
    """The dataset (samples, 12 voxels + 6 labels and motion) and its metadata, key by key."""
    rng = np.random.default_rng(seed)
    n = 4 * n_runs
    index = voxel_index()
    place = index @ np.diag([2.0, 2.0, 3.0]) + [-10.0, 5.0, 1.0]
    voxels = rng.standard_normal((n, N_VOXELS)) + 100
    labels = np.column_stack([
        np.repeat(np.arange(n_runs) // 2 + 1, 4), np.repeat(np.arange(n_runs) % 2 + 1, 4), np.arange(n) + 1,
        np.tile(IDS, n_runs), np.tile([1, 2, 3, 4], n_runs), np.tile([1, 2, 3, 3], n_runs),
    ])  # fmt: skip
    motion = rng.standard_normal((n, 2))
    data = np.hstack([voxels, labels, motion])
    columns = ["VoxelData"] * N_VOXELS
    columns += ["Session", "Run", "Block", "stimulus_id", "stimulus_name", "category_index"]
    columns += ["MotionParameter"] * 2
    metadata = {key: np.where(np.array(columns) == key, 1.0, np.nan) for key in dict.fromkeys(columns)}

    def on_voxels(values: Any) -> Any:
        return np.concatenate([values, np.full(data.shape[1] - N_VOXELS, np.nan)])

    for axis in range(3):
        metadata[f"voxel_{'ijk'[axis]}"] = on_voxels(index[:, axis])
        metadata[f"voxel_{'xyz'[axis]}"] = on_voxels(place[:, axis])
    for name, members in ROIS.items():
        metadata[f"ROI_{name}"] = on_voxels(np.isin(np.arange(N_VOXELS), members).astype(float))
    metadata["Stat"] = on_voxels(np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, np.nan]))
    vmap = {"stimulus_name": dict(zip((1.0, 2.0, 3.0, 4.0), NAMES, strict=True))}
    return {"data": data, "metadata": metadata, "vmap": vmap}


def write_bdata(path: Path, content: dict[str, Any], legacy: bool = False, dtype: str = "f8") -> Path:
    """Write it as bdpy does, header with its habits included."""
    data, table = ("dataSet", "metaData") if legacy else ("dataset", "metadata")
    with h5py.File(path, "w") as file:
        file[data] = content["data"].astype(dtype)
        file[f"{table}/key"] = [key.encode() for key in content["metadata"]]
        file[f"{table}/description"] = [b"1 = " + key.encode() for key in content["metadata"]]
        file[f"{table}/value"] = np.stack(list(content["metadata"].values()))
        file["header/ctime"] = b"2019-01-14 12:00:00"
        file["header/callstack"] = [b"/home/someone/make.py:1"]
        for key, names in content["vmap"].items():
            for number, label in names.items():
                file[f"vmap/{key}/{number}"] = label.encode()
    return path


def make_bdata(path: Path, legacy: bool = False, dtype: str = "f8", **options: Any) -> Path:
    """Write the small file."""
    return write_bdata(path, bdata_content(**options), legacy, dtype)
