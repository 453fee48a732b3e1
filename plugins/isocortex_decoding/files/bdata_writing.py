"""Writing BData files as bdpy reads them. The header holds no time, no path and no source code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
import numpy.typing as npt

from isocortex.data import Patterns
from isocortex.data.base import Array
from isocortex.errors import DataError
from isocortex.formats.arrays import sync

Floats = npt.NDArray[np.float64]


@dataclass
class Columns:
    """Columns of a BData file in the making: numbers, what they are, and the names behind them."""

    n_samples: int
    parts: list[Array] = field(default_factory=list)
    metadata: dict[str, tuple[str, Floats]] = field(default_factory=dict)
    names: dict[str, dict[float, str]] = field(default_factory=dict)

    @property
    def n_columns(self) -> int:
        """Number of columns so far."""
        return sum(part.shape[1] for part in self.parts)

    def add(self, key: str, values: Array, description: str = "") -> None:
        """Add columns (samples, n) or one (samples,) under a new key."""
        values = np.asarray(values)
        values = values[:, None] if values.ndim == 1 else values
        if values.ndim != 2 or len(values) != self.n_samples or values.dtype.kind not in "fiub":
            raise DataError(
                f"BData: {key!r} is {values.dtype} of shape {values.shape}, not {self.n_samples} numeric rows"
            )
        self._new(key)
        own = np.full(self.n_columns + values.shape[1], np.nan)
        own[self.n_columns :] = 1
        self.parts.append(values)
        self.metadata[key] = (description or f"1 = {key}", own)

    def add_labels(self, key: str, labels: Sequence[str], description: str = "") -> None:
        """Add a column of labels: numbered in order of first appearance, with their names beside them."""
        numbers = {label: float(place) for place, label in enumerate(dict.fromkeys(labels), 1)}
        self.add(key, np.array([numbers[label] for label in labels]), description)
        self.names[key] = {number: label for label, number in numbers.items()}

    def mark(self, key: str, values: Array, where: str, description: str = "") -> None:
        """Add metadata: a value for each column of the key ``where`` (a coordinate, or 1 inside of a ROI)."""
        self._new(key)
        if where not in self.metadata:
            raise DataError(f"BData: there are no columns {where!r} to describe")
        mask = self._padded(where) == 1
        if np.shape(values) != (int(mask.sum()),):
            raise DataError(f"BData: {key!r}: {np.shape(values)} values for {int(mask.sum())} columns")
        own = np.full(self.n_columns, np.nan)
        own[mask] = values
        self.metadata[key] = (description, own)

    def _new(self, key: str) -> None:
        if not key or key in self.metadata:
            raise DataError(f"BData: the key {key!r} is there already" if key else "BData: a key is empty")

    def _padded(self, key: str) -> Floats:
        own = self.metadata[key][1]
        return np.concatenate([own, np.full(self.n_columns - len(own), np.nan)])

    def write(self, path: Path, layout: Literal["current", "legacy"] = "current") -> None:
        """Write the file; the numbers as float64, since float32 would round the ids of images."""
        if not self.parts:
            raise DataError(f"{path}: there are no columns to write")
        data, table = ("dataset", "metadata") if layout == "current" else ("dataSet", "metaData")
        with h5py.File(path, "w") as file:
            whole = file.create_dataset(data, (self.n_samples, self.n_columns), dtype=np.float64)
            start = 0
            for part in self.parts:
                whole[:, start : start + part.shape[1]] = part
                start += part.shape[1]
            group = file.create_group(table)
            group["key"] = [key.encode() for key in self.metadata]
            group["description"] = [text.encode() for text, _ in self.metadata.values()]
            group["value"] = np.stack([self._padded(key) for key in self.metadata])
            file.create_group("header")["software"] = b"isocortex"
            for key, names in self.names.items():
                for number, label in names.items():
                    file[f"vmap/{key}/{float(number)}"] = label.encode()
        sync(path)


def write_patterns(
    path: Path,
    patterns: Patterns,
    label_key: str = "stimulus_name",
    category_key: str = "category_name",
    rois: Mapping[str, npt.NDArray[np.bool_]] | None = None,
    layout: Literal["current", "legacy"] = "current",
) -> None:
    """Write patterns: VoxelData, Run, and the stimuli (without any, the conditions) under ``label_key``.

    Where there are stimuli, the conditions stand under ``category_key``. In a space, ``voxel_i, j, k`` and
    ``voxel_x, y, z`` are written too; ``rois`` maps a name (``V1``) to a truth value for each channel,
    written as ``ROI_V1``.
    """
    out = Columns(patterns.n_samples)
    out.add("VoxelData", patterns.values, "1 = voxel")
    if patterns.space is not None:
        index = patterns.space.voxels
        place = index @ patterns.space.affine[:3, :3].T + patterns.space.affine[:3, 3]
        for axis, (number, letter) in enumerate(zip("ijk", "xyz", strict=True)):
            out.mark(f"voxel_{number}", index[:, axis].astype(float), "VoxelData", "voxel number")
            out.mark(f"voxel_{letter}", place[:, axis], "VoxelData", "millimetres")
    for name, mask in (rois or {}).items():
        out.mark(f"ROI_{name}", np.asarray(mask, dtype=float), "VoxelData", f"1 = in {name}")
    if patterns.runs is not None:
        _add_runs(out, patterns.runs)
    out.add_labels(label_key, patterns.stimuli or patterns.conditions, "1 = stimulus")
    if patterns.stimuli is not None and category_key:
        out.add_labels(category_key, patterns.conditions, "1 = condition")
    out.write(path, layout)


def _add_runs(out: Columns, runs: Sequence[str]) -> None:
    """Runs that are numbers keep them; others are numbered, with their names beside them."""
    if all(run.isdecimal() and str(int(run)) == run for run in runs):
        out.add("Run", np.array([float(run) for run in runs]), "1 = run")
    else:
        out.add_labels("Run", runs, "1 = run")
