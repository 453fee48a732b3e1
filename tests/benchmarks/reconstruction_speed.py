"""Seconds per image and iteration of a reconstruction: isocortex beside bdpy's PyTorch port, in turns.

    python tests/benchmarks/reconstruction_speed.py --peer PYTHON [--generator] [--rounds N] [--rows A,B,...]

PYTHON is an interpreter with bdpy, torch and pillow. All sides invert the 19 layers of VGG19 (conv1_1 to fc8)
by gradient descent with momentum, through the generator for fc7 codes with --generator, from the same random
weights, targets and start. Each keeps its process and does one iteration in turn; a ratio is bdpy's seconds
over an image's seconds in the same round, and the median over rounds counts. First losses are compared.

bdpy-frozen is bdpy without gradients by the weights, which it computes as it is shipped. The share of the
matrix product limit counts the operations of plain convolutions (78.5 GFLOP an image and iteration, 82.5
with the generator), which isocortex does not need in float32: it may come out above 1. Each process takes 2
to 5 GB: name fewer rows on a small machine. Rows: bdpy, bdpy-frozen, float32-1, float32-4, bfloat16-1,
bfloat16-8 (the number is that of images together).
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
from pathlib import Path
from typing import Any

import numpy as np

BLOCKS = (2, 2, 4, 4, 4)
MEAN = (103.939, 116.779, 123.68)
ROWS = ("bdpy", "bdpy-frozen", "float32-1", "float32-4", "bfloat16-1", "bfloat16-8")
UP = {
    "deconv5": (256, 256, 4), "conv5_1": (256, 512, 3), "deconv4": (512, 256, 4), "conv4_1": (256, 256, 3),
    "deconv3": (256, 128, 4), "conv3_1": (128, 128, 3), "deconv2": (128, 64, 4), "deconv1": (64, 32, 4),
    "deconv0": (32, 3, 4),
}  # fmt: skip
ENDLESS = 100_000
"""Iterations, so many that step and decay stay what they are at the start."""


def layer_names() -> list[str]:
    """The layers that are inverted, first to last."""
    maps = [f"conv{block}_{n}" for block, count in enumerate(BLOCKS, 1) for n in range(1, count + 1)]
    return [*maps, "fc6", "fc7", "fc8"]


def normal(rng: np.random.Generator, shape: tuple[int, ...], inputs: float) -> Any:
    """Random weights that keep the size of activities."""
    return rng.standard_normal(shape, np.float32) * np.float32((2 / inputs) ** 0.5)


def network_weights() -> dict[str, Any]:
    """Kernels of VGG19 in PyTorch's order; biases are zero."""
    rng, made, channels = np.random.default_rng(0), {}, 3
    for block, (count, filters) in enumerate(zip(BLOCKS, (64, 128, 256, 512, 512), strict=True), 1):
        for number in range(1, count + 1):
            made[f"conv{block}_{number}"] = normal(rng, (filters, channels, 3, 3), channels * 9)
            channels = filters
    for name, units, inputs in (("fc6", 4096, 25088), ("fc7", 4096, 4096), ("fc8", 1000, 4096)):
        made[name] = normal(rng, (units, inputs), inputs)
    return made


def generator_weights() -> dict[str, Any]:
    """Kernels of the generator, its images having contrast."""
    rng = np.random.default_rng(1)
    made = {name: normal(rng, (4096, 4096), 4096) for name in ("defc7", "defc6", "defc5")}
    for name, (given, filters, size) in UP.items():
        made[name] = normal(rng, (given, filters, size, size), given * (4 if size == 4 else 9))
    made["deconv0"] *= 40
    return made


def prepare(folder: Path) -> None:
    """Write weights, target features of 8 random images, and where the search starts."""
    from isocortex_vision.models.vgg import VGG19

    for name, state in (("vgg", network_weights()), ("dgn", generator_weights())):
        np.savez(folder / f"{name}.npz", **{f"{layer}.weight": values for layer, values in state.items()})
    rng = np.random.default_rng(2)
    net = VGG19(weights=folder / "vgg.npz", preprocessing="caffe", batch_size=4)
    pictures = rng.integers(0, 256, (8, 224, 224, 3), np.uint8)
    for layer, values in net.features(pictures, layer_names()).items():
        np.save(folder / f"{layer}.npy", values)
    np.save(folder / "image.npy", rng.integers(0, 256, (224, 224, 3)).astype(np.float32))
    np.save(folder / "latent.npy", rng.standard_normal(4096, np.float32))


class Gate:
    """Called once in each iteration: says what the last one took and waits for the next turn."""

    def __init__(self) -> None:
        self.calls, self.began, self.first_loss = 0, 0.0, 0.0

    def __call__(self) -> None:
        """The first two iterations, which compile and warm up, are not waited for."""
        now = time.perf_counter()
        self.calls += 1
        if self.calls <= 3:
            if self.calls == 3:
                print("ready", self.first_loss, file=sys.stderr, flush=True)
        else:
            print(now - self.began, file=sys.stderr, flush=True)
        if self.calls >= 3 and not sys.stdin.readline():
            raise SystemExit
        self.began = time.perf_counter()


def bdpy_side(folder: Path, generated: bool, frozen: bool) -> None:
    """Invert as users of bdpy do."""
    import torch
    from bdpy.dl.torch.models import VGG19, AlexNetGenerator, layer_map
    from bdpy.recon.torch.icnn import reconstruct

    gate, names, places = Gate(), layer_names(), layer_map("vgg19")
    net, maker = VGG19(), AlexNetGenerator() if generated else None
    load(net, folder / "vgg.npz", places)
    if maker is not None:
        load(maker, folder / "dgn.npz", {})
    for module in filter(None, (net, maker)):
        module.eval().requires_grad_(not frozen)
    plain = torch.nn.MSELoss(reduction="sum")

    def loss(found: Any, wanted: Any) -> Any:
        value = plain(found, wanted)
        if gate.calls == 1:
            gate.first_loss += float(value) / len(names)  # layers have equal weights, of sum 1
        return value

    def turn(x: Any) -> Any:
        gate()
        return x

    targets = {}
    for name in names:
        values = np.load(folder / f"{name}.npy", mmap_mode="r")[:1]
        targets[name] = np.ascontiguousarray(np.moveaxis(values, 3, 1) if values.ndim == 4 else values)
    image = np.load(folder / "image.npy")[..., ::-1] - np.float32(MEAN)
    reconstruct(
        targets, net, places, maker, n_iter=ENDLESS, loss_func=loss, image_size=(224, 224, 3),
        initial_image=image.transpose(2, 0, 1), initial_feature=np.load(folder / "latent.npy"),
        encoder_preproc=turn, save_snapshot=False, output_dir=str(folder / "bdpy"), disp_interval=ENDLESS,
    )  # fmt: skip


def load(module: Any, file: Path, places: dict[str, str]) -> None:
    """Put weights into a PyTorch network; its biases become zero."""
    import torch

    with np.load(file) as state, torch.no_grad():
        parameters = dict(module.named_parameters())
        for key in state.files:
            name = places.get(key.removesuffix(".weight"), key.removesuffix(".weight"))
            name = name.replace("[", ".").replace("]", "")
            parameters[f"{name}.weight"].copy_(torch.from_numpy(state[key]))
            parameters[f"{name}.bias"].zero_()


def isocortex_side(folder: Path, generated: bool, precision: Any, count: int) -> None:
    """The same through isocortex's reconstructor."""
    from isocortex_reconstruction.inversion import FeatureInversion
    from isocortex_vision.generators.dgn import DGN
    from isocortex_vision.models.vgg import VGG19

    gate, names = Gate(), layer_names()
    net = VGG19(weights=folder / "vgg.npz", preprocessing="caffe", precision=precision)
    maker = DGN(weights=folder / "dgn.npz", mean=MEAN[::-1], precision=precision) if generated else None

    def turn(iteration: int, losses: Any, images: Any) -> None:
        gate.first_loss = float(losses[0]) if iteration == 0 else gate.first_loss
        gate()

    start = folder / ("latent.npy" if generated else "image.npy")
    search = FeatureInversion(
        optimiser="descent", iterations=ENDLESS, layer_weights="equal", step=(2.0, 1e-10), momentum=0.9,
        decay=(0.2, 1e-10), blur=0.0, start=start,
    )  # fmt: skip
    targets = {name: np.load(folder / f"{name}.npy", mmap_mode="r")[:count] for name in names}
    search.reconstruct(targets, net, maker, rng=np.random.default_rng(0), callback=turn)


def serve(row: str, folder: Path, generated: bool) -> None:
    """One side as a process: a line on standard input is one iteration, answered on standard error."""
    if row.startswith("bdpy"):
        bdpy_side(folder, generated, row == "bdpy-frozen")
    else:
        precision, _, count = row.partition("-")
        isocortex_side(folder, generated, precision, int(count))


class Side:
    """A process that is asked for one iteration at a time."""

    def __init__(self, python: str, row: str, folder: Path, generated: bool) -> None:
        command = [python, __file__, "--serve", row, "--folder", str(folder)]
        command += ["--generator"] * generated
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, stdin=pipe, stderr=pipe, stdout=subprocess.DEVNULL, text=True
        )
        self.count = 1 if row.startswith("bdpy") else int(row.partition("-")[2])
        self.seconds: list[float] = []
        began = time.perf_counter()
        self.first_loss = float(self._answer("ready"))
        self.start = time.perf_counter() - began

    def _answer(self, prefix: str) -> str:
        assert self.process.stderr is not None
        held = []
        for line in self.process.stderr:
            word, _, rest = line.strip().partition(" ")
            if word == prefix:
                return rest
            if not prefix and word.replace(".", "", 1).replace("e-", "", 1).isdigit():
                return word
            held.append(line)
        raise SystemExit("".join(held))

    def iterate(self) -> None:
        """Do one iteration."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.seconds.append(float(self._answer("")) / self.count)


def matrix_product_limit() -> float:
    """GFLOP/s of float32 matrices of 4096 x 4096, the best of five."""
    a = np.random.default_rng(0).standard_normal((4096, 4096), np.float32)
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - began)
    return 2 * 4096**3 / best / 1e9


def report(sides: dict[str, Side], limit: float, generated: bool) -> None:
    """One line a side."""
    work = 82.5 if generated else 78.5
    for row, side in sides.items():
        line: dict[str, Any] = {
            "side": row,
            "generator": generated,
            "seconds": round(statistics.median(side.seconds), 3),
            "best": round(min(side.seconds), 3),
            "until_third_iteration": round(side.start, 1),
            "share_of_limit": round(work / statistics.median(side.seconds) / limit, 2),
        }
        for peer in ("bdpy", "bdpy-frozen"):
            if peer in sides and row != peer:
                ratios = [b / a for a, b in zip(side.seconds, sides[peer].seconds, strict=True)]
                middle, ends = statistics.median(ratios), (min(ratios), max(ratios))
                line[f"times_{peer}"] = [round(value, 2) for value in (middle, *ends)]
        if "bdpy" in sides:
            line["first_loss_off_by"] = float(f"{side.first_loss / sides['bdpy'].first_loss - 1:.1e}")
        print(json.dumps(line), flush=True)


def main() -> None:
    """Run the rounds and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", help="a Python that has bdpy, torch and pillow")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--generator", action="store_true")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve, given.folder, given.generator)
        return
    rows = [row for row in given.rows.split(",") if given.peer or not row.startswith("bdpy")]
    limit = matrix_product_limit()
    print(json.dumps({"matrix_product_gflops": round(limit), "load": os.getloadavg()[0]}), flush=True)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        prepare(folder)
        sides: dict[str, Side] = {}
        try:
            for row in rows:
                python = given.peer if row.startswith("bdpy") else sys.executable
                sides[row] = Side(python, row, folder, given.generator)
            for _ in range(given.rounds):
                for side in sides.values():
                    side.iterate()
            report(sides, limit, given.generator)
            print(json.dumps({"load": os.getloadavg()[0]}))
        finally:
            for side in sides.values():
                side.process.kill()


if __name__ == "__main__":
    main()
