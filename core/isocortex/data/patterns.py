"""Brain (or model) activity: one row a sample, one column a channel, every row labelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array, Data, frozen
from isocortex.data.labels import Labels, as_labels, codes, positions, require_length, require_unique, unique
from isocortex.data.space import Space
from isocortex.errors import DataError, GridMismatch


@dataclass(frozen=True, eq=False, repr=False)
class Patterns(Data):
    """Samples x channels with a condition for every sample, and runs and stimuli where there are any.

    Parameters
    ----------
    values : array (samples, channels), float32 or float64 (whole numbers become float64); not copied.
    conditions, runs, stimuli : one label a sample.
    space : where the channels lie (channel k is the k-th voxel of its mask), or None.
    channels : names of the channels where they are not voxels.
    """

    kind: ClassVar[str] = "patterns"

    values: Array
    conditions: Labels
    runs: Labels | None = None
    stimuli: Labels | None = None
    space: Space | None = None
    channels: Labels | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        values = frozen(self.values, 2, "patterns")
        object.__setattr__(self, "values", values)
        for name, length in (("conditions", 0), ("runs", 0), ("stimuli", 0), ("channels", 1)):
            labels = getattr(self, name)
            if labels is not None:
                labels = as_labels(labels, f"patterns: {name}")
                require_length(labels, values.shape[length], f"patterns: {name}")
                object.__setattr__(self, name, labels)
        if self.channels is not None:
            require_unique(self.channels, "patterns: channels")
        if self.space is not None and self.space.n_voxels != values.shape[1]:
            raise GridMismatch(
                f"patterns of {values.shape[1]} channels do not fit a mask of {self.space.n_voxels} voxels"
            )

    @classmethod
    def from_volume(
        cls,
        volume: Array,
        mask: npt.ArrayLike,
        affine: npt.ArrayLike,
        conditions: Sequence[object],
        runs: Sequence[object] | None = None,
        stimuli: Sequence[object] | None = None,
    ) -> Self:
        """Take the voxels of a mask out of a volume (x, y, z, samples)."""
        if volume.ndim != 4:
            raise DataError(f"expected a volume of shape (x, y, z, samples), got {volume.shape}")
        space = Space(np.asarray(mask), np.asarray(affine, dtype=np.float64))
        values = np.ascontiguousarray(space.channels(volume).T)
        return cls(
            values,
            as_labels(conditions, "conditions"),
            as_labels(runs, "runs") if runs is not None else None,
            as_labels(stimuli, "stimuli") if stimuli is not None else None,
            space,
        )

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return int(self.values.shape[0])

    @property
    def n_channels(self) -> int:
        """Number of columns."""
        return int(self.values.shape[1])

    @property
    def condition_names(self) -> Labels:
        """Each condition once, in order of first appearance."""
        return unique(self.conditions)

    def condition_means(self) -> Patterns:
        """Average the samples of each condition (all runs and stimuli together)."""
        names = self.condition_names
        index = codes(self.conditions, names)
        counts = np.bincount(index, minlength=len(names))
        total = np.zeros((len(names), self.n_channels), dtype=np.float64)
        np.add.at(total, index, self.values)
        means = (total / counts[:, None]).astype(self.values.dtype)
        return Patterns(means, names, space=self.space, channels=self.channels)

    def select(self, conditions: Sequence[str]) -> Patterns:
        """Keep the samples of the named conditions, in the order of the names."""
        require_unique(conditions, "patterns: conditions to select")
        wanted = positions(conditions, self.condition_names, "patterns: conditions")
        have = codes(self.conditions)
        rows = [np.flatnonzero(have == code) for code in wanted]
        return self.take(np.concatenate([np.empty(0, dtype=np.intp), *rows]))

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Patterns:
        """Keep rows by number, or where a truth value for each row says so, labels with them."""
        pick = np.arange(self.n_samples)[rows]
        return replace(
            self,
            values=self.values[pick],
            conditions=tuple(self.conditions[row] for row in pick),
            runs=None if self.runs is None else tuple(self.runs[row] for row in pick),
            stimuli=None if self.stimuli is None else tuple(self.stimuli[row] for row in pick),
        )

    def save(self, folder: Path) -> None:
        """Write ``values.npy``, ``patterns.json`` and, in a space, ``mask.nii.gz`` and ``mask.json``."""
        from isocortex.formats import arrays

        arrays.write_array(folder / "values.npy", self.values)
        names = ("conditions", "runs", "stimuli", "channels")
        labels = {name: getattr(self, name) for name in names}
        arrays.write_json(folder / "patterns.json", {**labels, "space": self.space is not None})
        if self.space is not None:
            self.space.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote; the values stay on disk until they are used."""
        from isocortex.formats import arrays

        with arrays.described(folder / "patterns.json") as info:
            space = Space.load(folder) if info.pop("space") else None
            return cls(values=arrays.read_array(folder / "values.npy"), space=space, **info)

    def summary(self) -> str:
        """Say in one line what is in here."""
        runs = f", {len(unique(self.runs))} runs" if self.runs is not None else ""
        return (
            f"{self.n_samples} samples of {len(self.condition_names)} conditions x "
            f"{self.n_channels} channels{runs}"
        )
