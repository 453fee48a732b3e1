"""Decoded features in the authors' folders, made from a small network: what the published scripts read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import savemat

from isocortex.data import Decoded
from isocortex_decoding.files.feature_dirs import write_decoded
from isocortex_vision.models.vgg import VGG19

WIDTH, LATENT = 1 / 32, 32
NETWORKS = {"natural": "VGG19", "color_shape": "VGG19", "alphabet": "VGG19", "imagery": "VGG19_leaky"}
LABELS = {
    "natural": ("Img0001", "Img0027"),
    "color_shape": ("Img0003", "Img0040"),
    "alphabet": ("Img0001", "Img0010"),
    "imagery": ("Img0001", "Img0026"),
}
STUDY_B_MEAN = (122.679, 116.669, 104.007)


def network(image_type: str = "natural", width: float = WIDTH, **more: Any) -> VGG19:
    """The network that the features of an image type belong to."""
    leaky: dict[str, Any] = {"slope": 0.2, "pooling": "average"} if image_type == "imagery" else {}
    return VGG19(width=width, mean=STUDY_B_MEAN, **leaky, **more)


def decoded(image_type: str, subject: str, roi: str, labels: tuple[str, ...]) -> Decoded:
    """True features of blotchy pictures and noise, duller than true ones as decoded features are."""
    seed = [ord(letter) for letter in image_type + subject + roi]
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (len(labels), 7, 7, 3))
    pictures = coarse.repeat(32, axis=1).repeat(32, axis=2).astype(np.float32)
    net = network(image_type)
    names = [name for name in net.layers if name.startswith(("conv", "fc"))]
    features = {
        name: (0.6 * values + 0.2 * values.std() * rng.normal(size=values.shape)).astype(np.float32)
        for name, values in net.features(pictures, names).items()
    }
    return Decoded(features, labels, subject=subject, roi=roi)


def write_type(root: Path, image_type: str, subjects: tuple[str, ...], rois: tuple[str, ...]) -> None:
    """``<root>/<image_type>/<net>/<layer>/<subject>/<roi>/<image_type>-<net>-<layer>-<subject>-<roi>-<label>.mat``."""
    net = NETWORKS[image_type]
    for subject in subjects:
        for roi in rois:
            found = decoded(image_type, subject, roi, LABELS[image_type])
            place = root / image_type / net
            write_decoded(place, found, "original", prefix=f"{image_type}-{net}", axes="channels_last")


def write_feature_sd(path: Path) -> dict[str, float]:
    """``estimated_*_feat_std.mat``: MAT v5, one (1, 1) float32 a layer; gives the numbers too."""
    net = network()
    names = [name for name in net.layers if name.startswith(("conv", "fc"))]
    sds = {name: float(np.float32(5 + 3 * number)) for number, name in enumerate(names)}
    savemat(path, {name: np.float32([[value]]) for name, value in sds.items()})
    return sds
