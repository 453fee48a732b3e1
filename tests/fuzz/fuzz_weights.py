"""Files of weights of every format that is read without a library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import weight_files as files
from fuzz_mutation import in_zip
from fuzz_packed import in_checkpoint
from fuzz_target import Target

from isocortex_vision.weights.opening import open_weights
from isocortex_vision.weights.stored import Slot

ORDER = [Slot("conv1_1", "conv"), Slot("conv1_2", "conv"), Slot("pool1", "pool"), Slot("fc6", "dense")]
LAYERS = {name: files.small_vgg(2, grid=1)[0][name] for name in ("conv1_1", "conv1_2")}
LAYERS["fc6"] = (np.ones((2, 3), "f4"), np.arange(3, dtype="f4"))


def written(folder: Path, *forms: str) -> list[bytes]:
    """Small files of weights in some formats."""
    return [files.write_weights(form, folder, LAYERS, {}).read_bytes() for form in forms]


def weights(path: Path) -> Any:
    """All layers of a file of weights."""
    stored = open_weights(path, ORDER)
    return [stored.layers[name] for name in stored.layers]


def _lee2023_seeds(folder: Path) -> list[bytes]:
    layers, _ = files.small_vgg(1, grid=1, widths=(1, 1, 1, 1, 1))
    return [files.write_lee2023(folder / "list", layers, protocol).read_bytes() for protocol in (0, 2, 3, 4)]


def _checkpoint(path: Path) -> Any:
    """The input is the length of the table of V2, the table, the values; or a whole V1 file behind a 0."""
    content = path.read_bytes()
    size = int.from_bytes(content[:4], "little")
    name = path.with_name("input.ckpt")
    index, shard = name.with_name("input.ckpt.index"), name.with_name("input.ckpt.data-00000-of-00001")
    for old in (name, index, shard):
        old.unlink(missing_ok=True)
    if size == 0:
        name.write_bytes(content[4:])
    else:
        index.write_bytes(content[4 : 4 + size])
        shard.write_bytes(content[4 + size :])
    stored = open_weights(name, ORDER, "tensorflow")
    return [stored.layers[layer] for layer in stored.layers]


def _safetensors_seeds(folder: Path) -> list[bytes]:
    half = {key: value.astype("f2") for key, value in files.state_dict(LAYERS).items()}
    return [*written(folder, "safetensors"), files.write_safetensors(folder / "half", half).read_bytes()]


WEIGHTS = (
    Target("lee2023", "own", _lee2023_seeds, weights, file="vgg16_weights.txt", share=0.2),
    Target("caffe", "own", lambda at: written(at, "caffe V0", "caffe V1", "caffe V2"), weights, share=3),
    Target("checkpoint", "own", lambda at: [], _checkpoint, in_checkpoint, names_file=False, share=0.5),
    Target("safetensors", "own", _safetensors_seeds, weights, share=2),
    Target("torch", "own", lambda at: written(at, "torch", "torch nested"), weights, in_zip, share=0.7),
    Target("torch-legacy", "own", lambda at: written(at, "torch legacy"), weights),
    Target(
        "weights-npz",
        "own",
        lambda at: written(at, "npz", "npz ours"),
        weights,
        in_zip,
        "input.npz",
        share=0.3,
    ),
)
