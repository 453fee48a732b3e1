"""Readers behind which a library reads: h5py, nibabel, Pillow, TensorFlow."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import h5py
import lab_files
import numpy as np
import weight_files as files
from fuzz_mutation import in_gzip, in_png, in_zip
from fuzz_own import LIMIT
from fuzz_target import Target
from fuzz_weights import LAYERS

from isocortex.errors import DataError
from isocortex.formats import mat, nifti, png


def _bdata_seeds(folder: Path) -> list[bytes]:
    path = folder / "some.h5"
    return [lab_files.make_bdata(path, legacy).read_bytes() for legacy in (False, True)]


def _bdata(path: Path) -> Any:
    """All that the product asks of a BData file; one part may be refused while others are read."""
    from isocortex_decoding.files.bdata import BData

    found: list[Any] = []
    with BData(path) as file:
        for read in (
            lambda: file.read(np.ones(file.n_columns, dtype=bool)),
            lambda: file.patterns("ROI_V1", "stimulus_name").values,
            lambda: file.labels("stimulus_id"),
            lambda: file.runs(),
            lambda: file.select("Stat top 3 @ ROI_V*"),
        ):
            with _noted(path):
                found.append(read())
    return found


@contextlib.contextmanager
def _noted(path: Path) -> Any:
    try:
        yield
    except DataError as error:
        if path.name not in str(error):
            raise


def _mat73_seeds(folder: Path) -> list[bytes]:
    path = folder / "some.mat"
    content = {
        "feat": np.arange(24, dtype="f4").reshape(1, 2, 3, 4),
        "index": {"conv1": np.array([0, 5, 2]), "text": "words", "list": [np.array([1.0]), "b"]},
        "flag": np.array([True, False]),
        "none": np.zeros((0, 3)),
        "scalar": np.float64(3),
    }
    mat.write_mat(path, content, "7.3")
    with h5py.File(path, "r+") as file:
        pairs = np.array([(1.0, 2.0)], [("real", "f8"), ("imag", "f8")])
        file["z"] = pairs
        file["z"].attrs["MATLAB_class"] = np.bytes_("double")
    return [path.read_bytes()]


def _mat73(path: Path) -> Any:
    return mat.describe(path), mat.read_mat(path, limit=LIMIT)


def _keras_seeds(folder: Path) -> list[bytes]:
    path = folder / "some.h5"
    return [
        files.write_keras_legacy(path, LAYERS).read_bytes(),
        files.write_keras_legacy(path, LAYERS, "model_weights").read_bytes(),
        files.write_keras_3(path, LAYERS).read_bytes(),
    ]


def _keras_h5(path: Path) -> Any:
    """What ``survey`` does in its child process, and the reading of arrays behind it."""
    from isocortex_vision.weights import h5_reading, h5_survey

    with h5_reading.H5(path) as file:
        found = h5_survey.legacy(file) or list(h5_survey.keras_3(file))
    json.dumps(found)
    nodes = [node for layer in found for node in layer.arrays]
    return [h5_reading.array(path, node) for node in nodes if node.offset >= 0]


def _nifti_seeds(folder: Path) -> list[bytes]:
    found = []
    for name, dtype in (("a.nii", "f4"), ("a.nii", "i2"), ("a.nii.gz", "u1")):
        nifti.write_volume(
            folder / name, np.arange(24).reshape(2, 3, 4).astype(dtype), np.diag([2.0, 2, 2, 1])
        )
        found.append((folder / name).read_bytes())
    return found


def _nifti(path: Path) -> Any:
    """As ``.nii`` or ``.nii.gz``, as the content begins."""
    if path.read_bytes()[:2] == b"\x1f\x8b":
        packed = path.with_name("input.nii.gz")
        packed.write_bytes(path.read_bytes())
        path = packed
    return nifti.read_volume(path)


def _png_seeds(_: Path) -> list[bytes]:
    from PIL import Image

    picture, found = Image.fromarray(np.arange(75, dtype="u1").reshape(5, 5, 3)), []
    forms: tuple[tuple[str, dict[str, Any]], ...] = (
        ("PNG", {}), ("JPEG", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("BMP", {}),
        ("GIF", {}),
        ("WEBP", {}), ("PPM", {}),
    )  # fmt: skip
    for form, options in forms:
        buffer = io.BytesIO()
        picture.save(buffer, form, **options)
        found.append(buffer.getvalue())
    return found


def _model_seeds(folder: Path) -> list[bytes]:
    import keras

    path = folder / "small.keras"
    image = keras.Input((8, 8, 3))
    inner = keras.layers.Conv2D(2, 3, activation="relu", name="conv")(image)
    outer = keras.layers.Dense(2, name="out")(keras.layers.Flatten()(keras.layers.MaxPooling2D()(inner)))
    keras.Model(image, outer).save(path)
    return [path.read_bytes()]


def _model(path: Path) -> Any:
    import keras

    from isocortex_vision.models.keras_model import KerasModel

    try:
        return KerasModel(path, "none").layers
    finally:
        keras.backend.clear_session(free_memory=False)


LIBRARIES = (
    Target("bdata", "h5py", _bdata_seeds, _bdata, file="input.h5"),
    Target("mat73", "h5py", _mat73_seeds, _mat73, file="input.mat"),
    Target("keras-h5", "h5py", _keras_seeds, _keras_h5, file="input.h5", contained=True),
    Target("nifti", "nibabel", _nifti_seeds, _nifti, in_gzip, "input.nii", names_file=True),
    Target("picture", "pillow", _png_seeds, png.read_png, in_png, "input.png"),
    Target("keras-model", "tensorflow", _model_seeds, _model, in_zip, "input.keras", seconds=20),
)
