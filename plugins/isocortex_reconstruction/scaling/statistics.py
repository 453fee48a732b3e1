"""Spread and mean of true features: from the lab's files, from a decoder, or from a training set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from isocortex.data import Features
from isocortex.data.base import Array
from isocortex.errors import DataError, suggestion
from isocortex_reconstruction.scaling.spread import Floats, spread

Units = tuple[int, ...]


class Means(Protocol):
    """Where the training mean of a layer comes from."""

    def __call__(self, layer: str, shape: Units) -> Floats:
        """Give the mean of each unit, of the shape of a sample."""
        ...


def file_sd(sds: Mapping[str, Floats], layer: str, shape: Units, path: Path) -> float:
    """SD of a layer out of ``estimated_*_feat_std.mat``; that of single channels is averaged over them."""
    if layer not in sds:
        raise DataError(f"{path}: has no SD of layer {layer!r}; {suggestion(layer, sds, 'layers')}")
    found = sds[layer]
    if found.ndim and len(found) != shape[-1]:
        raise DataError(
            f"{path}: layer {layer!r} has SDs of {len(found)} channels, the features have {shape[-1]}"
            + " (are they channels first? load them channels_last)" * (len(found) == shape[0])
        )
    return _above_zero(float(found.mean()), layer, str(path))


def training_sd(training: Features, layer: str, shape: Units, ddof: int) -> float:
    """SD of a layer: the ``spread`` of each training stimulus, averaged over stimuli.

    The rule of ``estimated_vgg19_cnn_feat_std.mat``, there over 10,000 images.
    """
    values = _of_training(training, layer, shape)
    found = [spread(_sound(training, layer, row), ddof) for row in range(len(values))]
    return _above_zero(float(np.mean(found)), layer, "the training features")


def training_mean(training: Features, layer: str, shape: Units) -> Floats:
    """Mean of each unit over the training stimuli in float64, one stimulus in memory at a time."""
    values = _of_training(training, layer, shape)
    total = np.zeros(shape)
    for row in range(len(values)):
        total += _sound(training, layer, row)
    return total / len(values)


class DecoderMeans:
    """Training means out of the lab's decoders, ``<root>/<layer>/<subject>/<roi>[/<fold>]/model``.

    The decoders hold (channels, height, width); the means come channels last.
    """

    def __init__(self, root: Path, subject: str, roi: str, fold: str | None = None) -> None:
        if not subject or not roi:
            raise DataError(
                f"{root}: the decoded features name no subject and ROI, so none of these decoders is theirs"
            )
        self._root, self._inside = root, [subject, roi, *([fold] if fold is not None else [])]

    def __call__(self, layer: str, shape: Units) -> Floats:
        """Give the mean of each unit over the training stimuli."""
        from isocortex_decoding import read_decoder

        folder = self._root
        for name in (layer, *self._inside, "model"):
            folder = _inside(folder, name)
        mean = np.asarray(read_decoder(folder).y_mean, dtype=np.float64)
        stored = mean.shape
        if mean.ndim == 3:
            mean = np.moveaxis(mean, 0, -1)
        if mean.shape != shape:
            raise DataError(
                f"{folder}: this decoder is of units of shape {stored}, the features of layer {layer!r} have "
                f"{shape}" + " and are channels first: load them channels_last" * (stored == shape)
            )
        if not np.isfinite(mean).all():
            raise DataError(f"{folder}: {int((~np.isfinite(mean)).sum())} training means are NaN or infinite")
        return mean


def _inside(folder: Path, name: str) -> Path:
    have = sorted(item.name for item in folder.iterdir() if item.is_dir()) if folder.is_dir() else []
    if name not in have:
        raise DataError(f"{folder}: no folder {name!r}; {suggestion(name, have, 'folders')}")
    return folder / name


def _of_training(training: Features, layer: str, shape: Units) -> Array:
    if layer not in training.layers:
        hint = suggestion(layer, training.layers, "layers")
        raise DataError(f"training features: no layer {layer!r}, which was decoded; {hint}")
    values = training.layers[layer]
    if values.shape[1:] != shape:
        raise DataError(
            f"training features: layer {layer!r} has units of shape {values.shape[1:]}, those decoded have "
            f"{shape}"
        )
    if not len(values):
        raise DataError("training features: there are no stimuli")
    return values


def _sound(training: Features, layer: str, row: int) -> Array:
    sample = np.asarray(training.layers[layer][row])
    if not np.isfinite(sample).all():
        raise DataError(
            f"training features: layer {layer!r} of {training.stimuli[row]!r} holds NaN or infinity; leave "
            "this stimulus out"
        )
    return sample


def _above_zero(sd: float, layer: str, where: str) -> float:
    if not sd > 0:
        raise DataError(f"{where}: the SD of layer {layer!r} is {sd:g}, so scaling by it would leave nothing")
    return sd
