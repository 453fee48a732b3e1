"""Reconstructions as files in a layout of the lab, or a plain one: data that are written and read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np

from isocortex.data import Images
from isocortex.data.base import Array, Data, read_only
from isocortex.data.labels import same_labels
from isocortex.errors import DamagedFile, DataError
from isocortex.formats import arrays
from isocortex_reconstruction.files.contents import Shape, read_part, write_part
from isocortex_reconstruction.files.layouts import INDEX, layout_of
from isocortex_reconstruction.finishing.methods import CLIPPED


@dataclass(frozen=True, eq=False)
class Part:
    """The reconstructions of one subject and ROI.

    Parameters
    ----------
    folders : names of the folders that they lie in, from the outside: usually subject and ROI.
    images : levels as they were reconstructed.
    losses : stimulus -> loss of each iteration (iterations,), float64.
    latents : (n, ...) in the order of the images, float32 or float64.
    """

    folders: tuple[str, ...]
    images: Images
    losses: Mapping[str, Array] | None = None
    latents: Array | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "folders", tuple(self.folders))
        if self.losses is not None:
            same_labels(self.images.stimuli, tuple(self.losses), "losses of reconstructions")
            losses = {name: np.asarray(self.losses[name], np.float64) for name in self.images.stimuli}
            if any(values.ndim != 1 for values in losses.values()):
                raise DataError("reconstruction files: losses are one number an iteration")
            kept = {name: read_only(values) for name, values in losses.items()}
            object.__setattr__(self, "losses", MappingProxyType(kept))
        if self.latents is not None:
            latents = np.asarray(self.latents)
            if latents.dtype not in (np.float32, np.float64):
                latents = latents.astype(np.float32 if latents.dtype == np.float16 else np.float64)
            if latents.ndim < 2 or len(latents) != len(self.images):
                raise DataError(f"reconstruction files: latents {latents.shape} of {len(self.images)} images")
            object.__setattr__(self, "latents", read_only(latents))


@dataclass(frozen=True, eq=False, repr=False)
class ReconstructionFiles(Data):
    """Reconstructions in files as the lab names them, for its scripts and for other programs.

    ``<subject>/<roi>/`` holds the files of ``layouts.LAYOUTS``; ``reconstructions.json`` beside the subjects
    says which label is in which file: one that is no safe file name is percent-encoded.

    Parameters
    ----------
    layout : name of the layout.
    parts : subjects and ROIs.
    clipped : percentage of levels that pictures of the lab's layouts cut off (see ``finish_images``).
    """

    kind: ClassVar[str] = "reconstruction_files"

    layout: str
    parts: tuple[Part, ...] = field(repr=False)
    clipped: float = CLIPPED

    def __post_init__(self) -> None:
        layout_of(self.layout)
        parts = tuple(self.parts)
        object.__setattr__(self, "parts", parts)
        seen = {part.folders for part in parts}
        if not parts or len(seen) < len(parts) or len({len(folders) for folders in seen}) > 1:
            raise DataError("reconstruction files: each subject and ROI has folders of its own")

    def save(self, folder: Path) -> None:
        """Write the files and ``reconstructions.json``."""
        layout = layout_of(self.layout)
        described = []
        for part, place in zip(self.parts, places([part.folders for part in self.parts]), strict=True):
            inside = folder.joinpath(*place)
            inside.mkdir(parents=True, exist_ok=True)
            files = arrays.file_names(part.images.stimuli)
            names = [files[stimulus] for stimulus in part.images.stimuli]
            write_part(inside, layout, names, part.images, part.losses, part.latents, self.clipped)
            described.append({**_description(part), "place": place, "files": names})
        info = {"layout": self.layout, "clipped": self.clipped, "parts": described}
        arrays.write_json(folder / INDEX, info)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        with arrays.described(folder / INDEX) as info:
            layout = layout_of(info["layout"])
            parts = []
            for about in info["parts"]:
                shape = Shape(**about["images"])
                latents = None if about["latents"] is None else Shape(**about["latents"])
                files, stimuli = about["files"], about["stimuli"]
                if len(files) != len(stimuli) or shape.shape[0] != len(stimuli):
                    raise DamagedFile(f"{folder / INDEX}: {len(files)} files for {len(stimuli)} images")
                inside = place_of(folder, about["place"])
                values, losses, codes = read_part(inside, layout, files, shape, about["losses"], latents)
                images = Images(values, stimuli, about["categories"])
                kept = None if losses is None else dict(zip(images.stimuli, losses, strict=True))
                parts.append(Part(tuple(about["folders"]), images, kept, codes))
            return cls(info["layout"], tuple(parts), info["clipped"])

    def summary(self) -> str:
        """Say in one line what is in here."""
        where = ["/".join(part.folders) or "one folder" for part in self.parts]
        count = sum(len(part.images) for part in self.parts)
        return f"{count} images as {self.layout} in {', '.join(where[:6])}" + ", ..." * (len(where) > 6)


def place_of(folder: Path, place: Sequence[str]) -> Path:
    """The folder that a description names, level by level; one outside is refused."""
    for name in place:
        folder = arrays.inside(folder, name)
    return folder


def places(paths: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Safe folder names, level by level, for names that may be anything; different names stay different."""
    known: dict[tuple[str, ...], dict[str, str]] = {}
    for path in paths:
        for depth, name in enumerate(path):
            known.setdefault(path[:depth], {})[name] = ""
    safe = {start: arrays.file_names(names) for start, names in known.items()}
    return [tuple(safe[path[:depth]][name] for depth, name in enumerate(path)) for path in paths]


def _description(part: Part) -> dict[str, Any]:
    return {
        "folders": part.folders,
        "stimuli": part.images.stimuli,
        "categories": part.images.categories,
        "images": Shape.of(part.images.values).__dict__,
        "losses": part.losses is not None,
        "latents": None if part.latents is None else Shape.of(part.latents).__dict__,
    }
