"""Reconstruction against bdpy's PyTorch version, where the algorithms are the same.

bdpy, torch and Pillow live in an environment of their own (pip install bdpy torch pillow); its interpreter
is the argument:

    python tests/benchmarks/reconstruction_peers.py --peer path/to/bdpy-env/bin/python

A small VGG16 and a small generator with the same random weights, the same targets and starts. bdpy's
``icnn.reconstruct`` computes in float32 whatever it is given, its ``FeatureInversionTask`` in float64 here.
It has no L-BFGS-B, and its jitter leaves the momentum where it was (icnn moves it too): neither is compared.
Prints for each case the largest relative difference of the loss curves (first ten, and all iterations) and
of the last losses, and the largest difference of the images in grey levels. Ends with exit code 1 where the
first ten losses differ by more than 1e-2 or the last by more than 5 % (float64: all by 1e-6, images by one
grey level).
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

SIDE, WIDTH, LATENT, ITERATIONS, UPPER = 32, 1 / 16, 20, 50, 4.0
MEAN = (122.679, 116.669, 104.007)
LAYERS = ("conv1_1", "conv2_2", "conv3_3", "conv5_3", "fc6", "fc8")
LATENTS: dict[str, Any] = {
    "step": (0.1, 1e-10),
    "momentum": (0.9, 0.9),
    "decay": (0.01, 0.01),
    "upper": UPPER,
}
PIXELS: dict[str, Any] = {"step": (0.5, 1e-10), "momentum": (0.9, 0.9), "decay": (0.2, 1e-10)}
CASES: dict[str, dict[str, Any]] = {
    "latents, descent": {"via": "icnn", "space": "latent", **LATENTS},
    "latents, descent, schedules, some channels": {
        "via": "icnn",
        "space": "latent",
        **LATENTS,
        "momentum": (0.9, 0.5),
        "decay": (0.05, 0.0),
        "channels": {"conv2_2": [0, 3, 4], "conv5_3": [1, 2]},
    },
    "pixels, descent": {"via": "icnn", "space": "pixel", **PIXELS},
    "pixels, descent, raw gradient": {
        "via": "icnn",
        "space": "pixel",
        **PIXELS,
        "step": (0.02, 1e-10),
        "decay": (0.0, 0.0),
        "normalise": False,
    },
    "pixels, descent, blur": {"via": "icnn", "space": "pixel", **PIXELS, "blur": (2.0, 0.5)},
    "latents, SGD": {"via": "task", "space": "latent", "optimiser": "descent", "step": 5e-3, "momentum": 0.9},
    "latents, Adam": {"via": "task", "space": "latent", "optimiser": "adam", "step": 0.05},
    "latents, AdamW": {"via": "task", "space": "latent", "optimiser": "adamw", "step": 0.05, "decay": 0.1},
}


# ---- bdpy's side ------------------------------------------------------------------------------------------


def peer(folder: Path) -> None:
    """Run every case with bdpy."""
    import torch

    torch.set_num_threads(2)
    weights = np.load(folder / "weights.npz")
    for name, case in json.loads((folder / "cases.json").read_text()).items():
        found: dict[str, Any] = {}
        targets = dict(np.load(folder / f"targets_{case['space']}.npz"))
        try:
            run = _by_icnn if case["via"] == "icnn" else _by_task
            with contextlib.redirect_stdout(io.StringIO()):
                found["losses"], found["image"] = run(case, weights, targets, folder)
        except Exception as error:
            found["error"] = np.array(f"{type(error).__name__}: {error}")
        np.savez(folder / f"{list(CASES).index(name)}.npz", **found)


def _networks(case: dict[str, Any], weights: Any, dtype: Any) -> tuple[Any, Any]:
    """VGG16 and generator in torch, in Caffe's order."""
    import torch
    from torch import nn

    def filled(module: Any, name: str) -> Any:
        with torch.no_grad():
            module.weight.copy_(torch.tensor(weights[f"{name}/kernel"]))
            module.bias.copy_(torch.tensor(weights[f"{name}/bias"]))
        return module.to(dtype)

    def layer(name: str) -> Any:
        shape = weights[f"{name}/kernel"].shape
        kind = (
            nn.Linear(shape[1], shape[0]) if len(shape) == 2 else nn.Conv2d(shape[1], shape[0], 3, padding=1)
        )
        return filled(kind, name)

    def up(name: str) -> Any:
        inputs, outputs, size, _ = weights[f"{name}/kernel"].shape
        return filled(nn.ConvTranspose2d(inputs, outputs, size, 2 if size == 4 else 1, padding=1), name)

    smooth = case["space"] == "latent"

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.names = []
            for block, count in enumerate((2, 2, 3, 3, 3), 1):
                self.names += [f"conv{block}_{number}" for number in range(1, count + 1)] + ["pool"]
            self.names += ["fc6", "fc7", "fc8"]
            for name in self.names:
                if name != "pool":
                    setattr(self, name, layer(f"vgg.{name}"))
            self.pool = nn.AvgPool2d(2) if smooth else nn.MaxPool2d(2)
            self.act = nn.LeakyReLU(0.2 if smooth else 0.0)

        def forward(self, x: Any) -> Any:
            for name in self.names:
                x = getattr(self, name)(x.flatten(1) if name.startswith("fc") else x)
                x = x if name in ("pool", "fc8") else self.act(x)
            return x

    class Generator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.ModuleList([layer(f"dgn.{name}") for name in ("defc7", "defc6", "defc5")])
            self.ups = nn.ModuleList([up(f"dgn.{name}") for name in weights["ups"]])
            self.act = nn.LeakyReLU(0.3)

        def forward(self, x: Any) -> Any:
            for step in self.first:
                x = self.act(step(x))
            x = x.reshape(len(x), -1, 4, 4)
            for step in self.ups[:-1]:
                x = self.act(step(x))
            return self.ups[-1](x)

    return Encoder(), Generator()


def _by_icnn(case: dict[str, Any], weights: Any, targets: dict[str, Any], folder: Path) -> tuple[Any, Any]:
    import torch
    from bdpy.recon.torch.icnn import reconstruct

    encoder, generator = _networks(case, weights, torch.float32)
    latent = case["space"] == "latent"
    chosen = {layer: np.array(places) for layer, places in case.get("channels", {}).items()}
    image, losses = reconstruct(
        {layer: target.astype(np.float32) for layer, target in targets.items()},
        encoder,
        layer_mapping={layer: layer for layer in targets},
        generator=generator if latent else None,
        n_iter=ITERATIONS,
        lr=case["step"],
        momentum=case["momentum"],
        decay=case["decay"],
        layer_weights=_weights(targets),
        channels=chosen or None,
        image_size=(SIDE, SIDE, 3),
        initial_image=np.zeros((3, SIDE, SIDE), dtype=np.float32),
        initial_feature=np.zeros(LATENT, dtype=np.float32),
        gradient_normalization=case.get("normalise", True),
        blurring="blur" in case,
        sigma=case.get("blur", (2.0, 0.5)),
        feature_lower_bound=0.0 if latent else None,
        feature_upper_bound=case.get("upper"),
        return_loss=True,
        output_dir=str(folder / "bdpy"),
        save_snapshot=False,
        disp_interval=10**9,
    )
    return losses, image


def _by_task(case: dict[str, Any], weights: Any, targets: dict[str, Any], folder: Path) -> tuple[Any, Any]:
    import torch
    from bdpy.recon.torch.modules import build_encoder, build_optimizer_factory
    from bdpy.recon.torch.modules.critic import BaseCritic
    from bdpy.recon.torch.modules.generator import BaseGenerator
    from bdpy.recon.torch.modules.latent import ArbitraryLatent
    from bdpy.recon.torch.task import FeatureInversionTask

    torch.set_default_dtype(torch.float64)
    encoder, network = _networks(case, weights, torch.float64)
    factors, losses = _weights(targets), []

    class Made(BaseGenerator):
        def generate(self, latent: Any) -> Any:
            first = (256 - SIDE) // 2
            return network(latent)[:, :, first : first + SIDE, first : first + SIDE]

        def parameters(self, recurse: bool = True) -> Any:
            return iter(())

        def reset_states(self) -> None:
            pass

    class Weighted(BaseCritic):
        def evaluate(self, features: Any, target_features: Any) -> Any:
            loss = sum(factors[n] * ((features[n] - t) ** 2).sum() for n, t in target_features.items())
            losses.append(float(loss.detach()))
            return loss

    kind, settings = {
        "descent": (torch.optim.SGD, {"momentum": case.get("momentum")}),
        "adam": (torch.optim.Adam, {}),
        "adamw": (torch.optim.AdamW, {"weight_decay": case.get("decay")}),
    }[case["optimiser"]]
    task = FeatureInversionTask(
        build_encoder(encoder, list(targets)),
        Made(),
        ArbitraryLatent((1, LATENT), torch.nn.init.zeros_),
        Weighted(),
        build_optimizer_factory(kind, lr=case["step"], **settings),
        num_iterations=ITERATIONS,
    )
    image = task.run({layer: torch.tensor(target) for layer, target in targets.items()})
    torch.set_default_dtype(torch.float32)
    return losses, image.numpy()[0]


def _weights(targets: dict[str, Any]) -> dict[str, float]:
    weights = {layer: 1 / float((target.astype(np.float64) ** 2).sum()) for layer, target in targets.items()}
    return {layer: weight / sum(weights.values()) for layer, weight in weights.items()}


# ---- isocortex's side -------------------------------------------------------------------------------------


def prepared(folder: Path) -> dict[str, Any]:
    """Weights as files and arrays; target features, channels last, of an image with noise on them."""
    sys.path[:0] = [str(Path(__file__).parents[1] / "isocortex_vision")]
    from caffe_files import caffemodel
    from reference import UP, VGG16, dgn_weights, vgg_weights

    vgg, dgn = vgg_weights(VGG16, SIDE, WIDTH, 12), dgn_weights(1 / 32, LATENT)
    arrays = {
        f"{net}.{name}/{part}": values
        for net, weights in (("vgg", vgg), ("dgn", dgn))
        for name, pair in weights.items()
        for part, values in zip(("kernel", "bias"), pair, strict=True)
    }
    np.savez(folder / "weights.npz", ups=np.array(UP), **arrays)
    (folder / "cases.json").write_text(json.dumps(CASES))
    (folder / "bounds.txt").write_text("\n".join([str(UPPER)] * LATENT))
    caffemodel(folder / "vgg.caffemodel", vgg, SIDE)
    caffemodel(folder / "dgn.caffemodel", dgn, version="V2")
    targets = {}
    for space in ("pixel", "latent"):
        rng = np.random.default_rng(1)
        image = rng.uniform(60, 190, (1, SIDE, SIDE, 3))
        if space == "latent":
            image = generator(folder, False, "float64").generate(rng.uniform(0, 3, (1, LATENT)))
        features = network(space, folder, "float64").features(image, LAYERS)
        own = {name: v + rng.normal(0, 0.3 * v.std(), v.shape) for name, v in features.items()}
        first = {name: np.moveaxis(v, -1, 1) if v.ndim == 4 else v for name, v in own.items()}
        np.savez(folder / f"targets_{space}.npz", **first)
        targets[space] = own
    return targets


def generator(folder: Path, bounded: bool, precision: Any) -> Any:
    """The small generator, cropped."""
    from isocortex_vision import DGN

    bounds = folder / "bounds.txt" if bounded else None
    return DGN(folder / "dgn.caffemodel", bounds, crop=SIDE, latent=LATENT, width=1 / 32, precision=precision)


def network(space: str, folder: Path, precision: Any) -> Any:
    """The small VGG16: with a generator the smooth one of study B, whose path is not chaotic."""
    from isocortex_vision import VGG16

    smooth: Any = {"slope": 0.2, "pooling": "average"} if space == "latent" else {}
    return VGG16(
        folder / "vgg.caffemodel",
        image_size=SIDE,
        width=WIDTH,
        classes=12,
        mean=MEAN,
        precision=precision,
        **smooth,
    )


def ours(case: dict[str, Any], targets: dict[str, Any], folder: Path, precision: Any) -> tuple[Any, Any]:
    """Losses, and the image as Caffe has it."""
    from isocortex_reconstruction.inversion import FeatureInversion

    task, latent = case["via"] == "task", case["space"] == "latent"
    settings = {
        key: case[key] for key in ("step", "momentum", "decay", "channels", "normalise") if key in case
    }
    if task and case["optimiser"] not in ("adam", "adamw"):
        settings["decay"] = 0.0
    if task and case["optimiser"] == "descent":
        settings["normalise"] = False
    if not latent:
        settings["blur"] = case.get("blur", 0.0)
    inversion = FeatureInversion(
        optimiser=case.get("optimiser", "descent"),
        iterations=ITERATIONS,
        returned="evaluated" if latent and not task else "updated",
        **settings,
    )
    made = generator(folder, "upper" in case, precision) if latent else None
    model = network(case["space"], folder, precision)
    found = inversion.reconstruct(targets[case["space"]], model, made, rng=np.random.default_rng(0))
    return found.losses[0], (found.images[0] - np.array(MEAN))[..., ::-1].transpose(2, 0, 1)


def compare(name: str, case: dict[str, Any], targets: dict[str, Any], folder: Path) -> bool:
    """Print one line; True where they agree."""
    theirs = np.load(folder / f"{list(CASES).index(name)}.npz")
    if "error" in theirs:
        print(f"{name:45} bdpy failed: {theirs['error']}")
        return False
    double = case["via"] == "task"
    try:
        losses, image = ours(case, targets, folder, "float64" if double else "float32")
    except Exception as error:
        print(f"{name:45} isocortex failed: {type(error).__name__}: {error}")
        return False
    apart = np.abs(losses / theirs["losses"] - 1)
    images = float(np.abs(image - theirs["image"]).max())
    print(
        f"{name:45} {'float64' if double else 'float32'}  "
        f"first ten {apart[:10].max():.1e}  all {apart.max():.1e}  "
        f"last {apart[-1]:.1e}  image {images:.1e}  (loss {losses[0]:.3g} to {losses[-1]:.3g})"
    )
    if double:
        return bool(apart.max() < 1e-6 and images < 1)
    return bool(apart[:10].max() < 1e-2 and apart[-1] < 0.05)


def main() -> int:
    """Make both sides' files, let bdpy run, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", help="Python interpreter of an environment with bdpy, torch and Pillow")
    parser.add_argument("--peer-side", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peer_side:
        peer(given.peer_side)
        return 0
    if not given.peer:
        parser.error("--peer is needed")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        targets = prepared(folder)
        subprocess.run([given.peer, __file__, "--peer-side", name], check=True)
        agree = [compare(case, settings, targets, folder) for case, settings in CASES.items()]
    return 0 if all(agree) else 1


if __name__ == "__main__":
    sys.exit(main())
