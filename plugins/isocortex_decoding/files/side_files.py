"""Small files beside the networks: scales of features, ranges of generator codes, the mean image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError
from isocortex.formats import mat
from isocortex.formats.arrays import Npz, read_array


def read_feature_sd(path: Path) -> dict[str, npt.NDArray[np.float64]]:
    """Read ``estimated_*_cnn_feat_std*.mat``: layer -> SD, () for a whole layer or (channels,) for each.

    The SD of a layer is, for each image, the mean over channels of the SD over positions, averaged over
    images (10,000 in the lab's files). Raises ``DamagedFile`` for values that are no SD.
    """
    found = {}
    for layer, value in mat.read_mat(Path(path)).items():
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu" or not value.size:
            raise DamagedFile(f"{path}: layer {layer!r} has no SD")
        if not np.isfinite(value).all() or value.min() < 0:
            raise DamagedFile(f"{path}: layer {layer!r} has an SD that is negative or not finite")
        flat = value.astype(np.float64).ravel()
        found[layer] = flat if len(flat) > 1 else flat.reshape(())
    if not found:
        raise DamagedFile(f"{path}: holds no layers")
    return found


def read_mean_image(path: Path) -> Array:
    """Read ``ilsvrc_2012_mean.npy`` (or the one array of an ``.npz``): (3, height, width), BGR, 0 to 255."""
    path = Path(path)
    if path.suffix == ".npz":
        with Npz(path) as archive:
            if len(archive.keys) != 1:
                raise DataError(f"{path}: holds {len(archive.keys)} arrays; a mean image is one")
            values = archive.read(archive.keys[0])
    else:
        values = read_array(path)
    if values.ndim != 3 or values.shape[0] != 3 or values.dtype.kind != "f":
        raise DamagedFile(f"{path}: {values.dtype} of shape {values.shape}, no mean image (3, height, width)")
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 255:
        raise DamagedFile(f"{path}: values outside of 0 to 255")
    return np.asarray(values)


def channel_means(mean_image: Array) -> npt.NDArray[np.float64]:
    """Average a mean image over positions: (3,), BGR; 104.007, 116.669, 122.679 for ImageNet."""
    return np.asarray(mean_image.reshape(3, -1).mean(axis=1, dtype=np.float64))
