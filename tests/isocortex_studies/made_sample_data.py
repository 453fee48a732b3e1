"""A made ``Sample_Data`` folder with the names, shapes, keys and types of study A's.

``python tests/isocortex_studies/made_sample_data.py FOLDER`` writes one of the study's own size: a brain of
some 35,000 voxels, ten pictures a category, the training's checkpoint (fc6 7 x 7 x 512 x 1024, with the slots
of its optimiser) as a TensorFlow 1 Saver writes it. About 650 MB; what is in it is random, but structured.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

SHAPE = (64, 76, 64)
BLOCKS, FILTERS = (2, 2, 3, 3, 3), (64, 128, 256, 512, 512)
DIGIT = np.arange(16) < 10


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
    values[5:, 8:] += 0.6 * DIGIT * rng.normal(size=(12, 8, 16, 16))
    _holes(values, rng)
    beta[block] = values
    return beta


def whole_brain(pictures: Any, codes: Any, seed: int = 0) -> Any:
    """Betas (64, 76, 64, 16) of an ellipsoid that the top of the volume cuts off.

    From the back to the front: what is like in the pictures (means of categories, coarse), animals, digits
    apart, digits against objects, magnitudes, and noise.
    """
    rng = np.random.default_rng(seed)
    place = np.indices(SHAPE) - np.reshape([31.5, 38, 36], (3, 1, 1, 1))
    where = ((place / np.reshape([22, 30, 30], (3, 1, 1, 1))) ** 2).sum(axis=0) <= 1
    count = int(where.sum())
    coarse = np.stack([pictures[codes == code].mean(axis=0) for code in range(16)])
    coarse = coarse.reshape(16, 14, 16, 14, 16, 3).mean(axis=(2, 4)).reshape(16, -1)
    coarse = (coarse - coarse.mean(axis=0)) / coarse.std(axis=0)
    animals, sizes = np.zeros(16), np.zeros(16)
    animals[11:14], animals[[10, 14, 15]] = 1, -1
    sizes[1:4], sizes[7:10] = -1, 1
    kinds = [coarse.T[:40], animals[None], np.diag(DIGIT)[:10], (DIGIT - 0.6)[None], sizes[None]]
    values = rng.normal(size=(count, 16)) + 2 * rng.normal(size=(count, 1))
    back_to_front = np.argsort(np.argwhere(where)[:, 1], kind="stable")
    for part, kind in zip(np.array_split(back_to_front, 7)[:5], kinds, strict=True):
        own = rng.normal(size=(len(part), len(kind))) @ kind
        values[part] += 0.7 * own / own.std()
    _holes(values, rng)
    beta = np.zeros((*SHAPE, 16))
    beta[where] = values
    return beta


def _holes(values: Any, rng: np.random.Generator) -> None:
    """Voxels without data, with data in some maps only, and with data that cancel."""
    size = values.shape[:-1]
    values[rng.random(size) < 0.05] = 0  # no data at all
    some = rng.random(size) < 0.04
    values[some, 3] = 0  # in some maps only: no centre, but a member
    cancelling = rng.random(size) < 0.01
    values[cancelling] = np.where(np.arange(16) % 2, 1.5, -1.5)  # a centre, but no member


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
    for block, (count, filters) in enumerate(zip(BLOCKS, FILTERS, strict=True), 1):
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


def save_as_tensorflow_1(path: Path, layers: dict[str, tuple[Any, Any]]) -> None:
    """Write the three files of a Saver: weights, Adam's two slots of each, its powers, the global step."""
    import tensorflow as tf

    v1 = tf.compat.v1
    values: dict[str, Any] = {"Variable": np.int32(45080), "beta1_power": np.float32(0.0)}
    values["beta2_power"] = np.float32(2.6e-20)
    for name, pair in layers.items():
        group = f"{name[:5]}/{name}" if name.startswith("conv") else name
        for part, array in zip(("weights", "biases"), pair, strict=True):
            values[f"{group}/{part}"] = array
            values[f"{group}/{part}/Adam"] = np.full_like(array, 1e-4)
            values[f"{group}/{part}/Adam_1"] = np.full_like(array, 1e-8)
    with tf.Graph().as_default(), v1.Session() as session:
        feeds = {}
        for name, value in values.items():
            start = v1.placeholder(value.dtype, value.shape)
            variable = v1.Variable(start, name=name, use_resource=False)
            feeds[variable.initializer] = start, value
        for initializer, (start, value) in feeds.items():
            session.run(initializer, {start: value})
        v1.train.Saver().save(session, str(path), latest_filename="checkpoint")


def write_training(folder: Path, each: int) -> None:
    """Write ``Train_data.npz``."""
    digits, digit_labels = made_images(each, 224, range(10), 1)
    objects, object_labels = made_images(each, 256, range(10, 16), 2)
    np.savez(
        folder / "Train_data.npz",
        mnst_tr_X=digits, mnst_tr_y=digit_labels, imgnet_tr_X=objects, imgnet_tr_y=object_labels,
    )  # fmt: skip


def write_full_size(folder: Path, each: int = 10) -> Path:
    """Write the whole folder in the study's own size."""
    import pickle

    folder.mkdir(parents=True)
    write_training(folder, each)
    pictures, labels = made_images(each, 224, range(16), 3)
    np.savez(folder / "Val_data.npz", val_X=pictures, val_y=labels)
    np.savez(folder / "Sample_fMRI_data.npz", beta=whole_brain(pictures, labels.argmax(axis=1)))
    layers = narrow_layers(1.0)
    arrays = [array for name, pair in layers.items() if name.startswith("conv") for array in pair]
    (folder / "vgg16_weights.txt").write_bytes(pickle.dumps(arrays, 3))
    save_as_tensorflow_1(folder / "net-55.ckpt", layers)
    return folder


if __name__ == "__main__":
    write_full_size(Path(sys.argv[1]))
