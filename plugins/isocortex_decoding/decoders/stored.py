"""Fitted linear models of very many units on disk: written block by block, read as memory maps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError
from isocortex.formats.arrays import described, read_array, write_array, write_json
from isocortex_decoding.decoders.scaling import UnitScale, VoxelScale
from isocortex_decoding.decoders.unit_blocks import Predictions, UnitWriter, blocks, release
from isocortex_decoding.decoders.weights import Weights

_FORMAT = 1
_OF_VOXELS = ("voxels", "x_mean", "x_sd", "centre")
_OF_UNITS = ("weights", "offset", "y_mean", "y_sd")
_WHOLE = ("voxels", "selected")


class ModelWriter:
    """Writes what ``StoredModels`` reads, in blocks of consecutive units."""

    def __init__(
        self, folder: Path, scale: VoxelScale, shape: tuple[int, ...], units: int, dtype: np.dtype[Any]
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise DataError(f"{folder}: models go into an empty folder")
        self.folder, self.units, self.dtype = folder, units, dtype
        for name, values in (
            ("voxels", scale.used.astype(np.int64)),
            ("x_mean", scale.mean),
            ("x_sd", scale.sd),
        ):
            write_array(folder / f"{name}.npy", values)
        self._info = {"format": _FORMAT, "units": list(shape), "all_voxels": scale.total}
        self._files: dict[str, UnitWriter] = {}

    def write(self, weights: Weights | None, scale: UnitScale, start: int) -> None:
        """Write the models of the units that begin at ``start``."""
        assert weights is not None
        if not self._files:
            self._begin(weights)
        parts: dict[str, Array] = {"weights": weights.values, "offset": weights.offset}
        parts |= {"y_mean": scale.mean, "y_sd": scale.sd}
        if weights.selected is not None:
            parts["selected"] = weights.selected
        for name, values in parts.items():
            each = math.prod(values.shape[1:])
            self._files[name].write(values.reshape(1, len(values) * each), start * each)

    def _begin(self, weights: Weights) -> None:
        write_array(self.folder / "centre.npy", weights.centre)
        wide = (self.units, weights.values.shape[1])
        kinds: dict[str, tuple[tuple[int, ...], Any]] = {"weights": (wide, self.dtype)}
        kinds |= dict.fromkeys(_OF_UNITS[1:], ((self.units,), np.float64))
        if weights.selected is not None:
            kinds["selected"] = (wide, np.int32)
        for name, (shape, dtype) in kinds.items():
            self._files[name] = UnitWriter(self.folder / f"{name}.npy", shape, dtype, rows=1)

    def finish(self) -> None:
        """Close the files; the description, written last, says that they are complete."""
        for writer in self._files.values():
            writer.close()
        write_json(self.folder / "models.json", {**self._info, "selected": "selected" in self._files})


class StoredModels(NamedTuple):
    """Linear models of units, opened without being read.

    ``scale`` which voxels are used and how they are z-scored; ``weights`` on those voxels, in z-scores;
    ``unit_scale`` brings predictions back to the units' scale; ``shape`` of the units.
    """

    scale: VoxelScale
    weights: Weights
    unit_scale: UnitScale
    shape: tuple[int, ...]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open the models in a folder; files that do not fit together are a ``DamagedFile``."""
        with described(folder / "models.json") as info:
            if info["format"] != _FORMAT:
                raise DamagedFile(f"{folder}: models of format {info['format']!r}, not {_FORMAT}")
            shape = tuple(int(length) for length in info["units"])
            names = (*_OF_VOXELS, *_OF_UNITS, *["selected"] * bool(info["selected"]))
            parts = {name: read_array(folder / f"{name}.npy") for name in names}
            total = int(info["all_voxels"])
        _require_fitting(folder, parts, math.prod(shape), total)
        scale = VoxelScale(parts["voxels"], parts["x_mean"], parts["x_sd"], total, 0, 0)
        weights = Weights(parts.get("selected"), parts["weights"], parts["centre"], parts["offset"])
        return cls(scale, weights, UnitScale(parts["y_mean"], parts["y_sd"]), shape)

    def predict(self, X: Array, out: Path | None = None) -> Array:
        """Predict units (samples, ...units) from voxels X (samples, voxels), also into a ``.npy`` file.

        X holds all voxels that there were in training, in their order.
        """
        if X.ndim != 2 or X.shape[1] != self.scale.total:
            raise DataError(
                f"samples of shape {X.shape} do not fit models of {self.scale.total} voxels; give the voxels "
                "of training, in their order"
            )
        z = self.scale.apply(X, self.weights.values.dtype)
        if not np.isfinite(z).all():
            raise DataError("samples to predict for hold NaN or infinity in voxels that these models use")
        units, each = self.weights.values.shape
        with Predictions(out, (len(X), *self.shape), z.dtype) as into:
            for start, stop in blocks(units, each):
                part = slice(start, stop)
                scale = UnitScale(self.unit_scale.mean[part], self.unit_scale.sd[part])
                into.write(scale.undo(self._block(part).predict(z)), start)
        return into.result()

    def _block(self, part: slice) -> Weights:
        """Weights of some units, in memory."""
        index = None
        if self.weights.selected is not None:
            index = np.array(self.weights.selected[part])
            if np.min(index, initial=0) < 0 or np.max(index, initial=0) >= len(self.scale.used):
                raise DamagedFile("stored models: selected.npy names voxels that there are not")
            release(self.weights.selected)
        values = np.array(self.weights.values[part])
        release(self.weights.values)
        return Weights(index, values, np.array(self.weights.centre), np.array(self.weights.offset[part]))


def _require_fitting(folder: Path, parts: Mapping[str, Array], units: int, total: int) -> None:
    """Raise where lengths, shapes or types of the files of models contradict one another."""
    n_voxels, values = len(parts["voxels"]), parts["weights"]
    wrong = [name for name in _OF_VOXELS if parts[name].shape != (n_voxels,)]
    wrong += [name for name in _OF_UNITS[1:] if parts[name].shape != (units,)]
    wrong += [name for name in parts if parts[name].dtype.kind != ("i" if name in _WHOLE else "f")]
    wide = (units, values.shape[-1] if "selected" in parts else n_voxels)
    wrong += [name for name in ("weights", "selected") if name in parts and parts[name].shape != wide]
    if not wrong and n_voxels and (parts["voxels"].min() < 0 or parts["voxels"].max() >= total):
        wrong.append("voxels")
    if wrong:
        raise DamagedFile(f"{folder}: {wrong[0]}.npy does not fit the other files of these models")
