"""The 92 images of Kriegeskorte et al. 2008 for ``images92.yaml``, and SqueezeNet as a model of one's own."""

from __future__ import annotations

import csv
from types import MappingProxyType
from typing import Any

import numpy as np

import isocortex as ic
from isocortex.errors import DataError
from isocortex_vision import KerasModel, Preprocessing


class Images92:
    """The stimuli, labelled as in ``stimuli.tsv`` (index and category).

    Parameters
    ----------
    root : folder with ``stimuli.tsv`` and ``images/00.png`` to ``91.png``.
    """

    loads = MappingProxyType({"images": ()})

    def __init__(self, root: ic.InputFolder) -> None:
        self.root = root

    def axes(self) -> dict[str, list[str]]:
        """There is one set of images."""
        return {}

    def check(self) -> list[str]:
        """Say which files are missing."""
        return [f"there is no {path}" for path in self.files("images") if not path.is_file()]

    def files(self, kind: str) -> list[Any]:
        """The table of the stimuli and their pictures."""
        return [self.root / "stimuli.tsv", *(self.root / "images" / f"{k:02d}.png" for k in range(92))]

    def load_images(self) -> ic.Images:
        """The pictures (92, 175, 175, 3)."""
        from PIL import Image

        with (self.root / "stimuli.tsv").open(newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        names = tuple(row["index"] for row in rows)
        if len(names) != 92:
            raise DataError(f"{self.root / 'stimuli.tsv'}: {len(names)} stimuli, expected 92")
        files = [self.root / "images" / f"{int(name):02d}.png" for name in names]
        pictures = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
        return ic.Images(pictures, names, tuple(row["category"] for row in rows))


def squeezenet(weights: ic.InputFile, batch_size: int = 32) -> KerasModel:
    """SqueezeNet 1.0 (Iandola et al. 2016) up to its last fire module; layers are after their rectifiers.

    Parameters
    ----------
    weights : ``.npz`` with ``<layer>.weight`` (out, in, height, width) and ``<layer>.bias``.
    batch_size : images that are run at once.
    """
    import keras

    with np.load(weights, allow_pickle=False) as archive:
        stored = dict(archive)
    layers, pool = keras.layers, {"pool_size": 3, "strides": 2}

    def conv(name: str, x: Any, label: str, **settings: Any) -> Any:
        kernel, bias = stored[f"{name}.weight"], stored[f"{name}.bias"]
        layer = layers.Conv2D(len(bias), kernel.shape[2:], activation="relu", name=label, **settings)
        y = layer(x)
        layer.set_weights([kernel.transpose(2, 3, 1, 0), bias])
        return y

    def fire(name: str, x: Any) -> Any:
        x = conv(f"{name}.conv1x1_1", x, f"{name}_squeeze")
        small = conv(f"{name}.conv1x1_2", x, f"{name}_expand1x1")
        large = conv(f"{name}.conv3x3_2", x, f"{name}_expand3x3", padding="same")
        return layers.Concatenate(name=name)([small, large])

    image = keras.Input((227, 227, 3))
    x = layers.MaxPooling2D(**pool)(conv("conv1", image, "relu_conv1", strides=2))
    for number in range(2, 10):
        x = fire(f"fire{number}", x)
        if number in (4, 8):
            x = layers.MaxPooling2D(**pool)(x)
    # BGR with the mean of ImageNet in whole levels, as the network was trained
    scheme = Preprocessing("BGR", (104.0, 117.0, 123.0))
    return KerasModel.of(keras.Model(image, x), scheme, batch_size=batch_size, name="squeezenet")


@ic.hookimpl
def register_data_sources(register: Any) -> None:
    register("images92", Images92, summary="92 photos of objects")


@ic.hookimpl
def register_models(register: Any) -> None:
    register("squeezenet", squeezenet, summary="SqueezeNet 1.0, of an .npz file")
