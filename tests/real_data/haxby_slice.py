"""The slice of Haxby et al. 2001 for ``haxby-slice.yaml``: all runs in one file, labels without a header."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np

import isocortex as ic
from isocortex.errors import DataError
from isocortex.formats import nifti


class HaxbySlice:
    """Volumes of the posterior half of one axial slice, each labelled by category (or ``rest``) and run.

    Parameters
    ----------
    root : folder with ``bold_1slice_posterior.nii.gz``, ``mask_1slice.nii.gz`` and ``labels_runs.txt`` (lines
        "label run", one a volume).
    """

    loads = MappingProxyType({"patterns": ()})

    def __init__(self, root: ic.InputFolder) -> None:
        self.bold, self.mask = root / "bold_1slice_posterior.nii.gz", root / "mask_1slice.nii.gz"
        self.labels = root / "labels_runs.txt"

    def axes(self) -> dict[str, list[str]]:
        """There is one subject."""
        return {}

    def check(self) -> list[str]:
        """Say which files are missing."""
        return [f"there is no {path}" for path in self.files("patterns") if not path.is_file()]

    def files(self, kind: str) -> list[Any]:
        """Volumes, mask, labels."""
        return [self.bold, self.mask, self.labels]

    def load_patterns(self) -> ic.Patterns:
        """The volumes (1452, 530)."""
        volume, affine = nifti.read_volume(self.bold)
        mask, other = nifti.read_volume(self.mask)
        inside = ic.Space(mask > 0, other)
        inside.require_same_grid(ic.Space(np.ones(volume.shape[:3], dtype=bool), affine), "mask and volumes")
        rows = [line.split() for line in self.labels.read_text().splitlines() if line.strip()]
        if len(rows) != volume.shape[3]:
            raise DataError(f"{self.labels}: {len(rows)} lines for {volume.shape[3]} volumes")
        labels, runs = zip(*rows, strict=True)
        return ic.Patterns.from_volume(volume, inside.mask, affine, labels, runs)


@ic.hookimpl
def register_data_sources(register: Any) -> None:
    register("haxby-slice", HaxbySlice, summary="one slice of Haxby et al. 2001, subject 1")
