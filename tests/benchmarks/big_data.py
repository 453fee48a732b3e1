"""Big data: what is estimated before a run, and what the run takes, as one process each.

    python tests/benchmarks/big_data.py [rsa] [rsa-float64] [test] [decode] [features] [features-full]
        [--voxels N] [--conditions N] [--permutations N] [--units N] [--images N] [--size PIXELS]
        [--width SHARE] [--keep FOLDER]

Each part is a pipeline that runs in a process of its own, by the command line. Its first step makes the data
(another process, whose memory does not count: it is reused). Printed are the estimate of ``--dry-run``, the
peak of resident memory (``VmHWM``, polled every 50 ms; memory maps included), the bytes that the results
take, ratios, and seconds. At full size about 40 minutes and 15 GB of disk on two cores.

rsa: RDMs of --conditions (200) x --voxels (200,000) of a 2 mm grid, correlation distance, Spearman with two
models. rsa-float64: the same from float64. test: with --permutations (100). decode: --units (1,000,000) in
two layers from 4,500 voxels, 1,200 samples, 50 test stimuli. features: --images (10,000) of --size (224)
through VGG19 of --width (1) with its 19 layers, ``units: 1000`` of each. features-full: a tenth of the
images and all units of conv5_* and fc*.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NUMBERS = {
    "voxels": 200_000,
    "conditions": 200,
    "permutations": 100,
    "units": 1_000_000,
    "images": 10_000,
    "size": 224,
}
PLUGIN = """
import numpy as np
import isocortex as ic


def brain(voxels: int, rng: np.random.Generator, conditions: int, double: bool = False) -> ic.Patterns:
    "Noise in an ellipsoid of so many voxels on a 2 mm grid."
    grid = (91, 109, 91)
    places = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in grid), indexing="ij"))
    radius = (places**2).sum(axis=0)
    mask = radius <= np.partition(radius.ravel(), voxels - 1)[voxels - 1]
    number = int(mask.sum())
    values = rng.standard_normal((conditions, number), np.float64 if double else np.float32)
    space = ic.Space(mask, np.diag([2.0, 2, 2, 1]))
    return ic.Patterns(values, [f"c{k}" for k in range(conditions)], space=space)


def models(rng: np.random.Generator, conditions: int, number: int = 2) -> ic.RDMs:
    "Random models."
    pairs = conditions * (conditions - 1) // 2
    names = [f"m{k}" for k in range(number)]
    return ic.RDMs(rng.random((number, pairs)), [f"c{k}" for k in range(conditions)], names, "random")


def samples(rng: np.random.Generator, number: int, voxels: int, stimuli: int, name: str) -> ic.Patterns:
    "Samples of stimuli."
    labels = [f"{name}{k % stimuli}" for k in range(number)]
    return ic.Patterns(rng.standard_normal((number, voxels), np.float32), labels, stimuli=labels)


def targets(rng: np.random.Generator, number: int, units: int, name: str) -> ic.Features:
    "Two layers, of a quarter and three quarters of the units."
    from isocortex.formats.scratch import ScratchArray

    made = {}
    for layer, count in (("one", units // 4), ("two", units - units // 4)):
        with ScratchArray((number, count), np.float32) as file:
            for row in range(number):
                file.values[row] = rng.standard_normal(count, np.float32)
            made[layer] = file.done()
    return ic.Features(made, [f"{name}{k}" for k in range(number)])


def pictures(rng: np.random.Generator, number: int, size: int) -> ic.Images:
    "Grey noise that is smooth, as photos are."
    small = rng.integers(0, 256, (number, size // 8, size // 8, 3)).astype(np.uint8)
    values = small.repeat(8, axis=1).repeat(8, axis=2)
    return ic.Images(values, [f"p{k}" for k in range(number)])


@ic.hookimpl
def register_steps(register):
    for step in (brain, models, samples, targets, pictures):
        register(step.__name__, step)
"""

RSA = """
name: rsa
plugins: [big.py]
steps:
  brain: {{use: brain, with: {{voxels: {voxels}, conditions: {conditions}, double: {double}}}}}
  models: {{use: models, with: {{conditions: {conditions}}}}}
  big: {{use: {step}, from: {{patterns: brain, models: models}}, with: {{{settings}}}}}
"""
DECODE = """
name: decode
plugins: [big.py]
steps:
  train: {{use: samples, with: {{number: 1200, voxels: 4500, stimuli: 1200, name: a}}}}
  test: {{use: samples, with: {{number: 1000, voxels: 4500, stimuli: 50, name: b}}}}
  targets: {{use: targets, with: {{number: 1200, units: {units}, name: a}}}}
  big: {{use: decode_features, from: {{patterns: train, test: test, features: targets}}}}
"""
FEATURES = """
name: features
plugins: [big.py]
steps:
  pictures: {{use: pictures, with: {{number: {images}, size: {size}}}}}
  big:
    use: extract_features
    from: pictures
    with: {{model: {{use: vgg19, with: {{image_size: {size}, width: {width}}}}}, {settings}}}
"""


def pipelines(given: argparse.Namespace) -> dict[str, str]:
    """Part -> its pipeline."""
    sizes = vars(given)
    some = f"permutations: {given.permutations}"
    tenth = max(1, given.images // 10)
    return {
        "rsa": RSA.format(**sizes, double="false", step="searchlight_rsa", settings=""),
        "rsa-float64": RSA.format(**sizes, double="true", step="searchlight_rsa", settings=""),
        "test": RSA.format(**sizes, double="false", step="searchlight_test", settings=some),
        "decode": DECODE.format(**sizes),
        "features": FEATURES.format(**sizes, settings="units: 1000"),
        "features-full": FEATURES.format(**{**sizes, "images": tenth}, settings="layers: [conv5_*, fc*]"),
    }


def command(*arguments: str) -> list[str]:
    """The command line, in this interpreter."""
    return [sys.executable, "-m", "isocortex", *arguments]


def estimated(folder: Path) -> tuple[int, int, str]:
    """Bytes of memory and disk that are estimated before the run, and the line that says so."""
    code = (
        "import json, sys, isocortex as ic; from isocortex.pipeline.estimates import sizes_of;"
        "from pathlib import Path; sizes = sizes_of(ic.check('p.yaml'), Path('out'));"
        "print(json.dumps([sizes.memory()[0], sizes.disk(), sizes.line()]))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, check=True, capture_output=True, text=True
    )
    memory, disk, line = json.loads(told.stdout.splitlines()[-1])
    return memory, disk, line


def peak(folder: Path, *arguments: str) -> tuple[int, float]:
    """Run a pipeline; its most resident bytes, and seconds."""
    began, most = time.perf_counter(), 0
    process = subprocess.Popen(command("run", "p.yaml", "--out", "out", *arguments), cwd=folder)
    while process.poll() is None:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
            most = max([most, *(int(x.split()[1]) for x in status.splitlines() if x.startswith("VmHWM"))])
        except OSError:
            pass
        time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"the run ended with {process.returncode}")
    return most * 1024, time.perf_counter() - began


def taken(folder: Path) -> int:
    """Bytes on the disk."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def measure(name: str, pipeline: str, folder: Path) -> None:
    """Make the data, estimate, run, print."""
    folder.mkdir(parents=True)
    (folder / "big.py").write_text(PLUGIN)
    head, _, big = pipeline.partition("  big:")
    (folder / "p.yaml").write_text(head)
    subprocess.run(
        command("run", "p.yaml", "--out", "out", "--quiet"), cwd=folder, check=True, capture_output=True
    )
    (folder / "p.yaml").write_text(f"{head}  big:{big}")
    memory, disk, line = estimated(folder)
    print(f"{name}: {line}", flush=True)
    used, seconds = peak(folder, "--quiet", "--no-size-check")
    kept = taken(folder / "out" / "big")
    print(
        f"{name}: memory estimated {memory / 2**20:.0f} MiB, measured {used / 2**20:.0f} MiB "
        f"(ratio {memory / used:.2f}); disk estimated {disk / 2**20:.1f} MiB, "
        f"measured {kept / 2**20:.1f} MiB (ratio {disk / kept:.2f}); {seconds:.0f} s with start and digests",
        flush=True,
    )


def main() -> None:
    """Measure the parts that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*")
    for option, default in NUMBERS.items():
        parser.add_argument(f"--{option}", type=int, default=default)
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--keep", type=Path, help="work here, and leave it")
    given = parser.parse_args()
    known = pipelines(given)
    for name in given.parts or known:
        if name not in known:
            parser.error(f"there is no part {name}; there are {', '.join(known)}")
        folder = (given.keep or Path(tempfile.mkdtemp(prefix="isocortex-big-"))) / name
        try:
            measure(name, known[name], folder)
        finally:
            if given.keep is None:
                shutil.rmtree(folder.parent, ignore_errors=True)


if __name__ == "__main__":
    main()
