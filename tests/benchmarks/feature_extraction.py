"""Features of all 19 layers of VGG19: TensorFlow here, PyTorch beside it, in turns, in one run.

    python tests/benchmarks/feature_extraction.py --peer PYTHON [--rounds N] [--bfloat16] [--peer-kept]

PYTHON is an interpreter with torch. Both sides keep their process and work on the same random weights and
images, batches (32, or --batch) of 224 x 224, one forward pass for all layers, each layer handed over as a
float32 numpy array, which is let go before the next batch. isocortex keeps freed memory meanwhile, as its
step ``extract_features`` does (``isocortex.memory``); PyTorch runs as it is installed, or with --peer-kept
under the same setting of malloc. Ratios are medians over rounds. Activities are compared once.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

BLOCKS = (2, 2, 4, 4, 4)
KEPT = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1)}


def weights() -> dict[str, Any]:
    """Kernels and biases in PyTorch's order."""
    rng, made, channels = np.random.default_rng(0), {}, 3
    for block, (count, filters) in enumerate(zip(BLOCKS, (64, 128, 256, 512, 512), strict=True), 1):
        for number in range(1, count + 1):
            shape = (filters, channels, 3, 3)
            made[f"conv{block}_{number}"] = rng.standard_normal(shape, np.float32) * (2 / channels / 9) ** 0.5
            channels = filters
    inputs = 25088
    for name, units in (("fc6", 4096), ("fc7", 4096), ("fc8", 1000)):
        made[name] = rng.standard_normal((units, inputs), np.float32) * (2 / inputs) ** 0.5
        inputs = units
    return {name: values.astype(np.float32) for name, values in made.items()}


def torch_side(folder: Path) -> Any:
    """A function that runs the batch and gives the layers, as users of PyTorch write it."""
    import torch
    from torch.nn import functional

    kernels = {name: torch.from_numpy(values) for name, values in np.load(folder / "weights.npz").items()}
    batch = torch.from_numpy(np.load(folder / "images.npy").transpose(0, 3, 1, 2).copy())
    mean = torch.tensor([103.939, 116.779, 123.68]).reshape(3, 1, 1)

    def run() -> dict[str, Any]:
        found = {}
        with torch.inference_mode():
            x = batch.flip(1).float() - mean
            for block, count in enumerate(BLOCKS, 1):
                for number in range(1, count + 1):
                    x = functional.conv2d(x, kernels[f"conv{block}_{number}"], padding=1)
                    found[f"conv{block}_{number}"] = x.numpy()
                    x = functional.relu(x)
                x = functional.max_pool2d(x, 2)
            x = x.flatten(1)
            for name in ("fc6", "fc7", "fc8"):
                x = functional.linear(x, kernels[name])
                found[name] = x.numpy()
                x = functional.relu(x)
        return found

    return run


def tensorflow_side(folder: Path, precision: Any) -> Any:
    """The same through isocortex."""
    from isocortex_vision.models.vgg import VGG19

    net = VGG19(weights=folder / "state.npz", preprocessing="caffe", precision=precision)
    batch, layers = np.load(folder / "images.npy"), [n for n in net.layers if n.startswith(("conv", "fc"))]
    return lambda: net.features(batch, layers)


def serve(kind: str, folder: Path) -> None:
    """One side as a process: a line on standard input is one batch, answered with its seconds."""
    if kind != "torch":  # whose environment has no isocortex
        from isocortex.memory import kept
    run = torch_side(folder) if kind == "torch" else tensorflow_side(folder, kind)
    found = run()
    np.savez(
        folder / f"{kind}.npz",
        **{name: np.asarray(found[name][:1]) for name in ("conv1_1", "conv4_1", "fc8")},
    )
    print("ready", flush=True)
    with nullcontext() if kind == "torch" else kept():
        for _ in sys.stdin:
            began = time.perf_counter()
            run()
            print(time.perf_counter() - began, flush=True)


class Side:
    """A process that is asked for one batch at a time."""

    def __init__(self, python: str, kind: str, folder: Path, variables: dict[str, str]) -> None:
        command = [python, __file__, "--serve", kind, "--folder", str(folder)]
        pipe, environment = subprocess.PIPE, {**os.environ, **variables}
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)
        self.seconds: list[float] = []
        if self._line() != "ready":
            raise SystemExit(f"{kind}: did not start")

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def batch(self) -> None:
        """Run one batch."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.seconds.append(float(self._line()))


def main() -> None:
    """Run the rounds and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", help="a Python that has torch")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--bfloat16", action="store_true")
    parser.add_argument("--peer-kept", action="store_true")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve, given.folder)
        return
    with tempfile.TemporaryDirectory() as place:
        folder, state = Path(place), weights()
        pictures = np.random.default_rng(1).integers(0, 256, (given.batch, 224, 224, 3), np.uint8)
        np.save(folder / "images.npy", pictures)
        np.savez(folder / "weights.npz", **state)
        np.savez(folder / "state.npz", **{f"{name}.weight": values for name, values in state.items()})
        kinds = [("float32", sys.executable)] + [("bfloat16", sys.executable)] * given.bfloat16
        kinds += [("torch", given.peer)] if given.peer else []
        peer = KEPT if given.peer_kept else {}
        sides = {kind: Side(python, kind, folder, peer if kind == "torch" else {}) for kind, python in kinds}
        for _ in range(given.rounds):
            for side in sides.values():
                side.batch()
        for side in sides.values():
            side.process.kill()
        report(sides, folder, given.batch)


def report(sides: dict[str, Side], folder: Path, batch: int) -> None:
    """Print one line a side, and how far its activities are from PyTorch's."""
    for kind, side in sides.items():
        row: dict[str, Any] = {
            "side": kind,
            "images_per_second": round(batch / statistics.median(side.seconds), 2),
        }
        if "torch" in sides and kind != "torch":
            ratios = [b / a for a, b in zip(side.seconds, sides["torch"].seconds, strict=True)]
            row["times_torch"] = round(statistics.median(ratios), 2)
            row["range"] = [round(min(ratios), 2), round(max(ratios), 2)]
            row["error"] = errors(np.load(folder / f"{kind}.npz"), np.load(folder / "torch.npz"))
        print(json.dumps(row))


def errors(found: Any, wanted: Any) -> dict[str, float]:
    """Relative error of three layers; PyTorch's maps have the channels first."""
    made = {}
    for name in found.files:
        other = np.moveaxis(wanted[name], 1, -1) if wanted[name].ndim == 4 else wanted[name]
        made[name] = float(np.linalg.norm(found[name] - other) / np.linalg.norm(other))
    return {name: float(f"{value:.1e}") for name, value in made.items()}


if __name__ == "__main__":
    main()
