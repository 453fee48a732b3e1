"""fMRI of handwritten 6 and 9 (van Gerven et al. 2010) for ``digits69.yaml``, and a CNN as a model."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Literal

import numpy as np

import isocortex as ic
from isocortex_vision import KerasModel

Part = Literal["train", "test", "all"]


class Digits69:
    """Samples and stimuli of one subject; a stimulus is called by its part and number (``test03``).

    Parameters
    ----------
    file : ``digits69.npz``: ``fmri_*`` (samples, voxels), ``stim_*`` (samples, 28, 28), ``label_*`` (6 or 9),
        each for ``train`` and ``test``.
    part : of the split that comes with the data.
    """

    loads = MappingProxyType({"patterns": (), "images": ()})

    def __init__(self, file: ic.InputFile, part: Part = "all") -> None:
        self.file = file
        self.parts = ("train", "test") if part == "all" else (part,)

    def axes(self) -> dict[str, list[str]]:
        """There is one subject."""
        return {}

    def check(self) -> list[str]:
        """Nothing can be wrong but the file, which has been looked for."""
        return []

    def files(self, kind: str) -> list[Any]:
        """All lies in one file."""
        return [self.file]

    def load_patterns(self) -> ic.Patterns:
        """Samples with the digit as condition; their part stands for the run, which is not known."""
        found, names, digits = self._read("fmri")
        runs = tuple(name[:-2] for name in names)
        return ic.Patterns(found, digits, runs, names)

    def load_images(self) -> ic.Images:
        """Grey pictures (n, 28, 28, 3), white on black."""
        found, names, digits = self._read("stim")
        return ic.Images(np.repeat(found[..., None], 3, axis=3), names, digits)

    def _read(self, kind: str) -> tuple[Any, tuple[str, ...], tuple[str, ...]]:
        """Arrays of the parts, one after the other, with names and digits."""
        with np.load(self.file, allow_pickle=False) as archive:
            values = np.concatenate([archive[f"{kind}_{part}"] for part in self.parts])
            labels = {part: archive[f"label_{part}"].tolist() for part in self.parts}
        names = tuple(f"{part}{k:02d}" for part in self.parts for k in range(len(labels[part])))
        digits = tuple({6: "six", 9: "nine"}[label] for part in self.parts for label in labels[part])
        return values, names, digits


def digit_cnn(weights: ic.InputFile, batch_size: int = 100) -> KerasModel:
    """A CNN of MNIST's digits: ``pixels`` (grey levels), three convolutions, ``fc1`` and ``fc2`` (10 digits).

    Parameters
    ----------
    weights : ``.npz`` with ``<layer>.weight`` and ``.bias`` in PyTorch's order of the axes.
    batch_size : images that are run at once.
    """
    import keras

    with np.load(weights, allow_pickle=False) as archive:
        stored = dict(archive)
    layers = keras.layers

    def weighted(layer: Any, x: Any, kernel: Any, bias: Any) -> Any:
        y = layer(x)
        layer.set_weights([kernel, bias])
        return y

    image = keras.Input((28, 28, 3))
    grey = np.full((1, 1, 3, 1), 1 / 3, dtype=np.float32)
    x = weighted(layers.Conv2D(1, 1, name="pixels"), image, grey, np.zeros(1))
    x = layers.Rescaling(1 / 255 / 0.3081, -0.1307 / 0.3081, name="standardised")(x)
    for number in (1, 2, 3):
        name = f"conv{number}"
        kernel, bias = stored[f"{name}.weight"].transpose(2, 3, 1, 0), stored[f"{name}.bias"]
        x = weighted(layers.Conv2D(len(bias), 3, padding="same", name=name), x, kernel, bias)
        x = layers.ReLU(name=f"relu{number}")(x)
        x = layers.MaxPooling2D(2, name=f"pool{number}")(x)
    first = stored["fc1.weight"].reshape(256, 128, 3, 3).transpose(2, 3, 1, 0).reshape(1152, 256)
    x = weighted(layers.Dense(256, name="fc1"), layers.Flatten(name="flat")(x), first, stored["fc1.bias"])
    x = layers.ReLU(name="relu_fc1")(x)
    x = weighted(layers.Dense(10, name="fc2"), x, stored["fc2.weight"].T, stored["fc2.bias"])
    return KerasModel.of(keras.Model(image, x), "none", batch_size=batch_size, name="digit-cnn")


class GreyPictures:
    """A generator without any knowledge: its latents are the grey levels of a picture (28, 28, 1)."""

    latent_shape = (28, 28, 1)
    latent_bounds = None

    def generate(self, latents: Any) -> Any:
        """Pictures (n, 28, 28, 3)."""
        return np.repeat(latents, 3, axis=3)

    def pullback(self, latents: Any, image_gradient: Any) -> Any:
        """Sum over colours."""
        return np.asarray(image_gradient).sum(axis=3, keepdims=True)


@ic.hookimpl
def register_data_sources(register: Any) -> None:
    register("digits69", Digits69, summary="fMRI of handwritten 6 and 9")


@ic.hookimpl
def register_models(register: Any) -> None:
    register("digit-cnn", digit_cnn, summary="a CNN of digits, of an .npz file")


@ic.hookimpl
def register_generators(register: Any) -> None:
    register("grey-pictures", GreyPictures, summary="grey levels as they are")


@ic.hookimpl
def register_decoders(register: Any) -> None:
    register("training-mean", "sklearn.dummy:DummyRegressor", summary="knows no brain: the mean of training")
