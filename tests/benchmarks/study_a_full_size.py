"""Study A under its preset lee2023 in the authors' own size, held against the notebooks written out.

``python tests/benchmarks/study_a_full_size.py FOLDER [iterations]`` makes ``FOLDER/Sample_Data`` (VGG16 of
full width, 224 pixels, 160 pictures each, a brain of 64 x 76 x 64) where it is not there yet, runs
``isocortex run digits-objects --preset lee2023`` whole into ``FOLDER/out``, and prints its time and peak
memory, then for each published quantity how many numbers there are and how far they are from the notebooks'.
``iterations`` of activation maximisation a class are 2 unless given (475 in the study: hours without a GPU).
With ``--compare`` nothing is run, what is in ``FOLDER/out`` is compared. Takes 20 GB of disk.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:0] = [str(Path(__file__).parent.parent / "isocortex_studies")]

from against_notebooks import compare, layer_rdms  # noqa: E402
from made_sample_data import narrow_layers, write_full_size  # noqa: E402
from notebooks import LAYERS, activities, large_layer_rdm, layer_rdm, maps_of  # noqa: E402

CHUNK = 2**17
IN_MEMORY = 200_000
"""Units of the largest layer that scikit-learn's PCA is given whole."""


def run(folder: Path, iterations: str) -> None:
    """Run the pipeline and print how long it took and how much memory."""
    data = folder / "Sample_Data"
    settings = {"root": data, "pictures_root": data, "trained": data / "net-55.ckpt.index"}
    if iterations != "475":
        settings["schedule"] = f"[{{iterations: {iterations}, sigma: [2.5, 1.1], step: [3, 2.5]}}]"  # type: ignore[assignment]
    command = ["/usr/bin/time", "-v", sys.executable, "-m", "isocortex.cli", "run", "digits-objects"]
    command += ["--preset", "lee2023", "--out", str(folder / "out")]
    for name, value in settings.items():
        command += ["--set", f"{name}={value}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(*(line for line in done.stdout.splitlines() if line.startswith("[")), sep="\n")
    if done.returncode:
        sys.exit(done.stderr)
    for what in ("Elapsed .*: (.*)", "Maximum resident set size .*: (.*)"):
        found = re.search(what, done.stderr)
        print(found[0].strip() if found else f"no {what}")


def kept_activities(pictures: Any, folder: Path) -> Iterator[Any]:
    """Activity of each layer for all pictures, ten at once, in memory maps (float32)."""
    layers = narrow_layers(1.0)
    maps: list[Any] = []
    for start in range(0, len(pictures), 10):
        for number, part in enumerate(activities(layers, pictures[start : start + 10])):
            if start == 0:
                file = folder / f"{number}.npy"
                shape = (len(pictures), part.shape[1])
                maps.append(np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=shape))
            maps[number][start : start + 10] = part
    yield from maps


def notebook_layers(root: Path) -> Any:
    """RDMs of the 15 layers by notebook 04."""
    with np.load(root / "Val_data.npz") as file:
        pictures, codes = file["val_X"], file["val_y"].argmax(axis=1)
    found = []
    with tempfile.TemporaryDirectory(dir=root.parent) as folder:
        for activity in kept_activities(pictures, Path(folder)):
            units = activity.shape[1]
            parts = (activity[:, at : at + CHUNK] for at in range(0, units, CHUNK))
            found.append(large_layer_rdm(parts, codes))
            if units <= IN_MEMORY:  # the same by scikit-learn
                whole = layer_rdm(activity, codes)
                assert np.abs(whole - found[-1]).max() < 1e-6
                found[-1] = whole
    return np.stack(found)


def main() -> None:
    folder = Path(sys.argv[1])
    data = folder / "Sample_Data"
    if not data.exists():
        write_full_size(data)
    if "--compare" not in sys.argv:
        run(folder, sys.argv[2] if len(sys.argv) > 2 else "2")
    start = time.perf_counter()
    ours = layer_rdms(folder / "out")
    beta = np.load(data / "Sample_fMRI_data.npz")["beta"]
    published = maps_of(beta, ours)
    for name, found in compare(folder / "out", published).items():
        print(f"{name}: {found.count}, largest difference {found.largest:.2g}, {found.disagree} disagree")
    theirs = notebook_layers(data)
    largest = np.abs(ours - theirs).max(axis=(1, 2))
    print(f"RDMs of layers: largest difference {largest.max():.2g} ({LAYERS[largest.argmax()]})")
    print(f"comparing took {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
