"""Decoders in folders, as the lab's feature-decoding scripts leave them: weights, scales, ``info.yaml``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError
from isocortex.formats.arrays import read_bytes, write_bytes
from isocortex_decoding.files.stored_arrays import read_stored, write_stored

_LONGEST = 2**20
_SCALES = ("x_mean", "x_norm", "y_mean", "y_norm")


@dataclass(frozen=True)
class StoredDecoder:
    """A linear decoder of one layer, subject and ROI: ``z(y) = z(x) W + b``, read chunk by chunk.

    ``x_mean, x_norm`` (voxels,) are of the training samples, ``y_mean, y_norm`` (units...) of the training
    features; both SDs with ddof 1. The voxels are in the order of the BData file (``bdata.file_order``).
    A voxel or unit whose SD is 0 (or NaN) has no z-score: such voxels count for nothing, and such units are
    predicted at their mean.
    """

    folder: Path
    x_mean: Array = field(repr=False)
    x_norm: Array = field(repr=False)
    y_mean: Array = field(repr=False)
    y_norm: Array = field(repr=False)
    files: tuple[tuple[Path, Path], ...] = field(repr=False)
    info: dict[str, Any] = field(repr=False)

    @property
    def n_voxels(self) -> int:
        """Number of voxels."""
        return len(self.x_mean)

    @property
    def unit_shape(self) -> tuple[int, ...]:
        """Shape of a sample of the layer: (channels, height, width) or (units,)."""
        return self.y_mean.shape

    def chunks(self) -> Iterator[tuple[Array, Array]]:
        """Walk over weights (voxels, units...) and bias (units...); with chunks, one channel at a time."""
        expected = (1, *self.unit_shape[1:]) if self._chunked else self.unit_shape
        for weight_file, bias_file in self.files:
            weights, bias = read_stored(weight_file, "W"), read_stored(bias_file, "b")
            if weights.shape != (self.n_voxels, *expected):
                raise DamagedFile(
                    f"{weight_file}: W of shape {weights.shape}, expected {(self.n_voxels, *expected)}"
                )
            if bias.shape not in ((1, *expected), expected):
                raise DamagedFile(f"{bias_file}: b of shape {bias.shape}, expected {(1, *expected)}")
            yield weights, bias.reshape(expected)

    def predict(self, voxels: Array) -> Array:
        """Predict features (samples, units...) in their own units from voxels (samples, voxels)."""
        voxels = np.asarray(voxels)
        if voxels.ndim != 2 or voxels.shape[1] != self.n_voxels:
            raise DataError(f"{self.folder}: {voxels.shape} voxels for a decoder of {self.n_voxels}")
        scaled = _scaled(voxels, self.x_mean, self.x_norm)
        parts = [np.tensordot(scaled, weights, axes=1) + bias for weights, bias in self.chunks()]
        found = np.concatenate(parts, axis=1) if self._chunked else parts[0]
        with np.errstate(invalid="ignore"):
            usable = self.y_norm > 0
        return np.where(usable, found * np.where(usable, self.y_norm, 0) + self.y_mean, self.y_mean)

    @property
    def _chunked(self) -> bool:
        return self.files[0][0].parent.name == "W"


def _scaled(values: Array, mean: Array, norm: Array) -> Array:
    with np.errstate(invalid="ignore"):
        usable = (norm > 0) & np.isfinite(mean)
    return np.where(usable, (values - mean) / np.where(usable, norm, 1), 0)


def read_decoder(folder: Path) -> StoredDecoder:
    """Open ``.../<layer>/<subject>/<roi>[/<fold>]/model``; one that was not finished is refused.

    Raises ``DataError`` for an unfinished decoder or a missing file, ``DamagedFile`` for files that do not
    belong together.
    """
    folder = Path(folder)
    info = _info(folder)
    scales = {name: _row(folder / f"{name}.mat", name) for name in _SCALES}
    for one, other in (("x_mean", "x_norm"), ("y_mean", "y_norm")):
        if scales[one].shape != scales[other].shape:
            raise DamagedFile(
                f"{folder}: {one} of shape {scales[one].shape} and {other} of {scales[other].shape}"
            )
    if scales["x_mean"].ndim != 1:
        raise DamagedFile(f"{folder}: x_mean of shape {scales['x_mean'].shape}, expected one number a voxel")
    found = StoredDecoder(folder, **scales, files=_weights(folder), info=info)
    wanted = found.unit_shape[0] if found._chunked else 1
    if len(found.files) != wanted:
        raise DamagedFile(f"{folder}: {len(found.files)} chunks of weights for {wanted} channels")
    return found


def _info(folder: Path) -> dict[str, Any]:
    import yaml

    path = folder / "info.yaml"
    if not path.is_file():
        raise DataError(f"{folder}: no info.yaml here, so this is no finished decoder")
    if path.stat().st_size > _LONGEST:
        raise DamagedFile(f"{path}: far too large for what a decoder says of itself")
    try:
        info = yaml.safe_load(read_bytes(path))
    except DataError:
        raise
    except Exception as error:  # PyYAML has no common error for tags that do not fit
        raise DamagedFile(f"{path}: not a YAML file ({' '.join(str(error).split())})") from None
    status = info.get("_status") if isinstance(info, dict) else None
    state = status.get("computation_status") if isinstance(status, dict) else None
    if state != "done":
        raise DataError(f"{folder}: this decoder was not finished (its computation_status is {state!r})")
    return dict(info)


def _row(path: Path, key: str) -> Array:
    values = read_stored(path, key)
    if values.ndim < 2 or values.shape[0] != 1:
        raise DamagedFile(f"{path}: shape {values.shape}; the first axis has length 1")
    return np.asarray(values[0])


def _weights(folder: Path) -> tuple[tuple[Path, Path], ...]:
    if (folder / "W").is_dir():
        weights, biases = sorted((folder / "W").glob("*.mat")), sorted((folder / "b").glob("*.mat"))
    else:
        weights, biases = [folder / "W.mat"], [folder / "b.mat"]
    if not weights or _chunk_names(weights) != _chunk_names(biases):
        raise DamagedFile(f"{folder}: weights and biases do not have the same chunks")
    for path in (*weights, *biases):
        if not path.is_file():
            raise DataError(f"{path}: there is no such file")
    return tuple(zip(weights, biases, strict=True))


def _chunk_names(paths: list[Path]) -> list[str]:
    """Names without the letter that a decoder in one piece begins with (W.mat, b.mat)."""
    return [path.name.removeprefix("W").removeprefix("b") for path in paths]


def write_decoder(
    folder: Path,
    weights: Array,
    bias: Array,
    x_mean: Array,
    x_norm: Array,
    y_mean: Array,
    y_norm: Array,
    name: str = "isocortex",
    dtype: Any = np.float32,
) -> None:
    """Write a decoder so that bdpy's ``ModelTest`` predicts with it; ``info.yaml`` comes last.

    Parameters
    ----------
    weights, bias : (voxels, units...) and (units...), of z-scored voxels and features. With channels (units
        of two axes or more) they are written channel by channel; ``W`` in the sparse form.
    x_mean, x_norm : (voxels,); y_mean, y_norm : (units...).
    """
    import yaml

    folder = Path(folder)
    units, n_voxels = np.shape(y_mean), len(x_mean)
    shapes = {"weights": (n_voxels, *units), "bias": units, "x_norm": (n_voxels,), "y_norm": units}
    given = {"weights": weights, "bias": bias, "x_norm": x_norm, "y_norm": y_norm}
    for what, shape in shapes.items():
        if np.shape(given[what]) != shape:
            raise DataError(f"{folder}: {what} of shape {np.shape(given[what])}, expected {shape}")
    if (folder / "info.yaml").exists():
        raise DataError(f"{folder}: there is a decoder already")
    folder.mkdir(parents=True, exist_ok=True)
    for key, scale in zip(_SCALES, (x_mean, x_norm, y_mean, y_norm), strict=True):
        write_stored(folder / f"{key}.mat", key, np.asarray(scale, dtype=dtype)[None])
    if len(units) > 1:
        for sub in ("W", "b"):
            (folder / sub).mkdir(exist_ok=True)
        for channel in range(units[0]):
            part = slice(channel, channel + 1)
            chunk = f"{channel:08d}.mat"
            write_stored(folder / "W" / chunk, "W", np.asarray(weights[:, part], dtype=dtype), sparse=True)
            write_stored(folder / "b" / chunk, "b", np.asarray(bias[part], dtype=dtype)[None])
    else:
        write_stored(folder / "W.mat", "W", np.asarray(weights, dtype=dtype), sparse=True)
        write_stored(folder / "b.mat", "b", np.asarray(bias, dtype=dtype)[None])
    status = {"_status": {"computation_id": name, "computation_status": "done"}}
    write_bytes(folder / "info.yaml", yaml.safe_dump(status).encode())
