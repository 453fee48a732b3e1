"""A made ``Sample_Data`` folder with the names, shapes, keys and types of study A's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from weight_files import VGG16_BLOCKS, write_checkpoint, write_lee2023

SHAPE = (64, 76, 64)
FILTERS = (64, 128, 256, 512, 512)


def made_beta(seed: int = 0) -> Any:
    """Betas (64, 76, 64, 16): a block at two faces of the volume, with all that the study's rules look at."""
    rng = np.random.default_rng(seed)
    beta = np.zeros((*SHAPE, 16))
    block = (slice(0, 17), slice(30, 46), slice(48, 64))
    size = (17, 16, 16)
    values = rng.normal(size=(*size, 16)) + 2 * rng.normal(size=(*size, 1))
    kinds = np.zeros(16)  # animals against the rest of the objects, in part of the block
    kinds[11:14], kinds[[10, 14, 15]] = 1, -1
    values[5:, :8] += 0.6 * kinds * rng.normal(size=(12, 8, 16, 1))
    values[5:, 8:] += 0.6 * (np.arange(16) < 10) * rng.normal(size=(12, 8, 16, 16))
    values[rng.random(size) < 0.05] = 0  # no data at all
    some = rng.random(size) < 0.04
    values[some, 3] = 0  # in some maps only: no centre, but a member
    cancelling = rng.random(size) < 0.01
    values[cancelling] = np.where(np.arange(16) % 2, 1.5, -1.5)  # a centre, but no member
    beta[block] = values
    return beta


def made_images(each: int, side: int, classes: range, seed: int) -> tuple[Any, Any]:
    """Smooth pictures (n, side, side, 3), sorted by class, and labels (n, 16), one-hot."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(list(classes), each)
    y, x = np.mgrid[:side, :side] / side
    pictures = []
    for code in codes:
        waves = np.sin(2 * np.pi * ((1 + code % 4) * x + (1 + code // 4) * y + rng.random()))
        pictures.append(
            110 + 60 * waves[..., None] * rng.uniform(0.5, 1.5, 3) + rng.normal(0, 8, (side, side, 1))
        )
    return np.clip(np.rint(np.stack(pictures)), 0, 255).astype(np.uint8), np.eye(16)[codes]


def narrow_layers(width: float, seed: int = 0) -> dict[str, tuple[Any, Any]]:
    """Weights of the study's network with fewer filters; as large as study A's at width 1."""
    rng = np.random.default_rng(seed)
    sizes, channels = {}, 3
    for block, (count, filters) in enumerate(zip(VGG16_BLOCKS, FILTERS, strict=True), 1):
        for i in range(1, count + 1):
            sizes[f"conv{block}_{i}"] = (3, 3, channels, max(1, round(filters * width)))
            channels = sizes[f"conv{block}_{i}"][3]
    sizes["fc6"] = (7, 7, channels, max(1, round(1024 * width)))
    sizes["fc8"] = (1, 1, sizes["fc6"][3], 16)
    layers = {}
    for name, shape in sizes.items():
        kernel = rng.standard_normal(shape, dtype=np.float32) * np.float32(np.sqrt(2 / np.prod(shape[:3])))
        layers[name] = kernel, rng.uniform(0, 0.2, shape[3]).astype(np.float32)
    return layers


def write_sample_data(folder: Path, width: float, each: int = 2, checkpoint: bool = True) -> Path:
    """Write the whole folder."""
    folder.mkdir()
    np.savez(folder / "Sample_fMRI_data.npz", beta=made_beta())
    digits, digit_labels = made_images(each, 224, range(10), 1)
    objects, object_labels = made_images(each, 256, range(10, 16), 2)
    np.savez(
        folder / "Train_data.npz",
        mnst_tr_X=digits, mnst_tr_y=digit_labels, imgnet_tr_X=objects, imgnet_tr_y=object_labels,
    )  # fmt: skip
    pictures, labels = made_images(each, 224, range(16), 3)
    np.savez(folder / "Val_data.npz", val_X=pictures, val_y=labels)
    layers = narrow_layers(width)
    convolutions = {name: pair for name, pair in layers.items() if name.startswith("conv")}
    write_lee2023(folder / "vgg16_weights.txt", convolutions)
    if checkpoint:
        write_checkpoint(folder / "net-55.ckpt", layers)
    return folder


@pytest.fixture(scope="session")
def sample_data_writer() -> Callable[..., Path]:
    """See ``write_sample_data``."""
    return write_sample_data


@pytest.fixture(scope="session")
def sample_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder, with a network of 1/32 of the filters."""
    return write_sample_data(tmp_path_factory.mktemp("study-a") / "Sample_Data", 1 / 32)


@pytest.fixture(scope="session")
def sample_layers() -> dict[str, tuple[Any, Any]]:
    """Weights of the network in ``sample_data``."""
    return narrow_layers(1 / 32)
