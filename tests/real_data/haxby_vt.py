"""Ventral voxels of Haxby et al. 2001 for ``haxby-vt.yaml``: a source, and their test of halves of runs."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

import isocortex as ic
from isocortex.errors import DataError


class HaxbyVT:
    """Volumes of 96 blocks, labelled by category, run and block, in their places in the brain.

    Voxels of 3.5 x 3.75 x 3.75 mm on a grid of 40 x 64 x 64; the file says no origin.

    Parameters
    ----------
    root : folder with ``vt_trials.npz``.
    """

    loads = MappingProxyType({"patterns": ()})

    def __init__(self, root: ic.InputFolder) -> None:
        self.file = root / "vt_trials.npz"

    def axes(self) -> dict[str, list[str]]:
        """There is one subject."""
        return {}

    def check(self) -> list[str]:
        """Say whether the file is there."""
        return [] if self.file.is_file() else [f"there is no {self.file}"]

    def files(self, kind: str) -> list[Any]:
        """The one file."""
        return [self.file]

    def load_patterns(self) -> ic.Patterns:
        """The volumes (864, 577); the file's voxels are in another order than a mask's."""
        with np.load(self.file, allow_pickle=False) as archive:
            stored = {name: archive[name] for name in archive.files}
        places, shape = stored["voxel_ijk"], tuple(stored["volume_shape"].tolist())
        if len(np.unique(places, axis=0)) != len(places):
            raise DataError(f"{self.file}: two voxels in one place")
        volume = np.zeros((*shape, len(stored["patterns"])), dtype=np.float32)
        volume[tuple(places.T)] = stored["patterns"].T
        mask = np.zeros(shape, dtype=bool)
        mask[tuple(places.T)] = True
        affine = np.diag([3.5, 3.75, 3.75, 1])
        return ic.Patterns.from_volume(
            volume,
            mask,
            affine,
            stored["category"].tolist(),
            stored["run"].tolist(),
            stored["block"].tolist(),
        )


def split_half_identification(patterns: ic.Patterns, second: list[str]) -> ic.Table:
    """Haxby et al. 2001: is a category's mean pattern in one half of the runs most like its own in the other?

    ``accuracy`` is the share of other categories whose pattern in the first half correlates less with the
    category's pattern in the ``second`` half than its own does.

    Parameters
    ----------
    second : the runs of the second half.
    """
    names = patterns.condition_names
    inside = np.isin(np.array(patterns.runs), second)
    halves = [_means(patterns.take(rows), names) for rows in (~inside, inside)]
    alike = np.corrcoef(*halves)[: len(names), len(names) :]
    own = np.diag(alike)
    better = (own > alike).sum(axis=0) / (len(names) - 1)
    return ic.Table({"category": np.array(names), "correlation": own, "accuracy": better})


def _means(patterns: ic.Patterns, names: Sequence[str]) -> np.ndarray:
    return np.asarray(patterns.select(names).condition_means().values)


@ic.hookimpl
def register_data_sources(register: Any) -> None:
    register("haxby-vt", HaxbyVT, summary="ventral temporal voxels of Haxby et al. 2001, subject 1")


@ic.hookimpl
def register_steps(register: Any) -> None:
    register("split_half_identification", split_half_identification, summary="Haxby's correlation of halves")
