"""A made ``Sample_Data`` folder with the names, shapes, keys and types of study A's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_sample_data import made_beta, made_images, narrow_layers, write_training
from weight_files import write_checkpoint, write_lee2023


def write_sample_data(folder: Path, width: float, each: int = 2, checkpoint: bool = True) -> Path:
    """Write the whole folder, with a network of that share of the study's filters."""
    folder.mkdir()
    np.savez(folder / "Sample_fMRI_data.npz", beta=made_beta())
    write_training(folder, each)
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
