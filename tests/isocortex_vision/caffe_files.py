"""The reference's weights as a ``.caffemodel``, byte for byte in Caffe's order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from reference import UP, Weights
from weight_files import as_caffe, write_caffemodel

Flat = dict[str, tuple[int, int, int]]


def flat_of(weights: Weights, size: int) -> Flat:
    """The grid behind fc6, for images of ``size`` pixels."""
    grid = size // 32
    return {"fc6": (grid, grid, weights["fc6"][0].shape[1] // grid**2)} if "fc6" in weights else {}


def tensorflow_order(weights: Weights, flat: Flat) -> dict[str, tuple[Any, Any]]:
    """Turn the reference's order into the one that the writers of files start from."""
    turned = {}
    for name, (kernel, bias) in weights.items():
        if kernel.ndim == 4:
            turned[name] = np.ascontiguousarray(kernel.transpose(2, 3, 1, 0)), bias
        else:
            height, width, channels = flat.get(name, (1, 1, kernel.shape[1]))
            grid = kernel.reshape(len(kernel), channels, height, width).transpose(2, 3, 1, 0)
            turned[name] = np.ascontiguousarray(grid.reshape(-1, len(kernel))), bias
    return turned


def caffemodel(path: Path, weights: Weights, size: int = 32, version: str = "V1") -> Path:
    """Write the file, after making sure that it will hold just these arrays."""
    flat = flat_of(weights, size)
    layers = tensorflow_order(weights, flat)
    for name, (kernel, _) in as_caffe(layers, flat).items():
        assert np.array_equal(kernel, weights[name][0])
    return write_caffemodel(path, layers, flat, version, deconv=UP)
