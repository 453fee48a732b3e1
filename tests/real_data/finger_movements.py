"""Finger movements at 7 T (Diedrichsen et al. 2018) for ``finger-movements.yaml``: a source, the models."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np

import isocortex as ic

FINGERS = ("thumb", "index", "middle", "ring", "little")
MODELS = ("Muscle", "Naturalstats", "somatotopy")
SUBJECTS = tuple(f"sub{number}" for number in range(1, 8))


class FingerMovements:
    """One pattern a finger and run of each subject.

    Parameters
    ----------
    root : folder with ``finger7t.npz``.
    """

    loads = MappingProxyType({"patterns": ("subject",)})

    def __init__(self, root: ic.InputFolder) -> None:
        self.file = root / "finger7t.npz"

    def axes(self) -> dict[str, list[str]]:
        """Give the subjects."""
        return {"subject": list(SUBJECTS)}

    def check(self) -> list[str]:
        """Say whether the file is there."""
        return [] if self.file.is_file() else [f"there is no {self.file}"]

    def files(self, kind: str, subject: str) -> list[Any]:
        """The one file."""
        return [self.file]

    def load_patterns(self, subject: str) -> ic.Patterns:
        """Patterns (runs x 5, voxels)."""
        with np.load(self.file, allow_pickle=False) as archive:
            fingers, runs = archive[f"{subject}_finger"], archive[f"{subject}_run"]
            values = archive[f"{subject}_patterns"]
        return ic.Patterns(values, [FINGERS[number - 1] for number in fingers], runs.tolist())


def finger_models(root: ic.InputFolder) -> ic.RDMs:
    """The models in the file, one RDM each over the five fingers.

    Parameters
    ----------
    root : folder with ``finger7t.npz``.
    """
    with np.load(root / "finger7t.npz", allow_pickle=False) as archive:
        squares = [archive[f"model_{name}"] for name in MODELS]
    return ic.RDMs.from_square(np.stack(squares), FINGERS, MODELS, "model")


@ic.hookimpl
def register_data_sources(register: Any) -> None:
    register("finger-movements", FingerMovements, summary="finger movements at 7 T")


@ic.hookimpl
def register_steps(register: Any) -> None:
    register("finger_models", finger_models, summary="muscles, natural statistics and somatotopy")
