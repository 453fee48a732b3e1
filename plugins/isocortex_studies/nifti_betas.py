"""Many subjects' response maps (betas) as NIfTI files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from isocortex.data import Patterns, Space
from isocortex.data.base import Array
from isocortex.data.labels import require_length, require_unique, unique
from isocortex.errors import DataError, GridMismatch, suggestion
from isocortex.formats import nifti
from isocortex.pipeline import outlines
from isocortex.pipeline.costs import Cost, Outline
from isocortex.pipeline.settings import InputFile, InputFolder
from isocortex_rsa.steps.rdm_files import read_column
from isocortex_studies.grids import Grid, require_one_grid
from isocortex_studies.nifti_sizes import LIBRARIES, Header, first_maps, header_of, on_grid
from isocortex_studies.sample_data import Voxels, mask_on, searched

SUFFIXES = (".nii.gz", ".nii")


class NiftiBetas:
    """Patterns from one NIfTI file a subject, or one a subject and condition.

    Two ways to lay out the folder, which may not be mixed:

    ``<root>/<subject>.nii.gz`` : a 4D file each, and for the order of its maps a table ``<subject>.tsv``
        beside it, or one ``conditions.tsv`` for all (tab-separated, with a column ``condition``; ``run`` and
        ``stimulus`` are read where they are there).
    ``<root>/<subject>/<condition>.nii.gz`` : a 3D file each, in the order of ``conditions``.

    All files lie on one grid; what differs is an error that names both, found before anything runs.

    Parameters
    ----------
    root : the folder.
    conditions : labels in the order wanted; with tables, those to keep. Without it all (in files: sorted).
    mask : NIfTI file; only voxels above 0 in it are taken.
    keep_zeros : voxels that are 0 in some map have no data as a rule, and are left out; true keeps them.
    voxels : "nonzero", or "lee2023": also voxels with data in some maps only, as long as they do not sum to
        exactly 0; in study A such voxels are members of searchlights, and no centres (see ``SampleData``).
    grids : "own" lets subjects differ in their grids; a group test wants one.
    """

    loads: Mapping[str, tuple[str, ...]] = MappingProxyType({"patterns": ("subject",)})

    def __init__(
        self,
        root: InputFolder | None = None,
        conditions: list[str] | None = None,
        mask: InputFile | None = None,
        keep_zeros: bool = False,
        voxels: Voxels = "nonzero",
        grids: Literal["one", "own"] = "one",
    ) -> None:
        self.root = None if root is None else Path(root)
        self.conditions = conditions
        self.mask = mask
        self.keep_zeros = keep_zeros
        self.voxels = voxels
        self.grids = grids

    def axes(self) -> Mapping[str, Sequence[str]]:
        """Give the subjects, sorted."""
        return {"subject": sorted(self._subjects())}

    def check(self) -> list[str]:
        """Say what is wrong with the settings or the folder; of volumes, only headers are read."""
        try:
            if self.conditions is not None:
                require_unique(self.conditions, "conditions")
            if self.keep_zeros and self.voxels != "nonzero":
                raise DataError(
                    f"keep_zeros: it keeps all voxels, so that voxels: {self.voxels} says nothing"
                )
            grids: dict[str, Grid] = {}
            for subject, place in self._subjects().items():
                self.files("patterns", subject=subject)
                volumes = list(self._volumes(place).values()) if place.is_dir() else [place]
                require_one_grid(volumes, grids if self.grids == "one" else {}, self.mask)
        except DataError as error:
            return [str(error)]
        return []

    def files(self, kind: str, **axes: str) -> list[Path]:
        """List the volumes and tables that a subject's load reads."""
        place = self._place(axes["subject"])
        also = [self.mask] if self.mask is not None else []
        if place.is_dir():
            return [*self._volumes(place).values(), *also]
        return [place, self._table(place), *also]

    def load_patterns(self, subject: str) -> Patterns:
        """Read one subject: patterns (maps, voxels) in the files' own precision."""
        place = self._place(subject)
        if place.is_dir():
            volume, affine, labels = self._of_folder(place)
        else:
            volume, affine, labels = self._of_file(place)
        space = Space(np.ones(volume.shape[:3], dtype=bool), affine)
        taken = self._taken(volume)
        if self.mask is not None:
            taken &= mask_on(self.mask, space)
        if not taken.any():
            raise DataError(f"{place}: no voxel has a value other than 0 in all {volume.shape[3]} maps")
        patterns = Patterns.from_volume(
            volume, taken, affine, labels["condition"], labels.get("run"), labels.get("stimulus")
        )
        return patterns if self.conditions is None else patterns.select(self.conditions)

    def cost(self, kind: str, subject: str) -> Cost:
        """What reading a subject takes: the volume, and patterns beside it.

        Sizes are those of the headers and the table; which voxels have data is told by the first map.
        """
        place = self._place(subject)
        files = list(self._volumes(place).values()) if place.is_dir() else [place]
        headers = [header_of(path) for path in files]
        taken = on_grid(self._taken(first_maps(files[0])), self.mask)
        labels = self._labels(place)
        rows = [k for k, name in enumerate(labels["condition"]) if name in (self.conditions or [name])]
        kept = {what: {names[k] for k in rows} for what, names in labels.items()}
        made = outlines.patterns(
            len(rows),
            conditions=len(kept["condition"]),
            stimuli=len(kept["stimulus"]) if "stimulus" in kept else None,
            itemsize=max(header.itemsize for header in headers),
            **outlines.within(taken),
        )
        return Cost(LIBRARIES + self._memory(headers, made), {"result": made})

    def _memory(self, headers: Sequence[Header], made: Outline) -> int:
        """Most bytes of a load: the maps of a folder one by one and stacked, or a volume and its voxels."""
        numbers, maps = sum(one.numbers for one in headers), sum(one.maps for one in headers)
        width = max(one.dtype.itemsize for one in headers)
        reading = (
            headers[0].reading if len(headers) == 1 else sum(one.read for one in headers) + numbers * width
        )
        raw, kept = (maps * made["channels"] * size for size in (width, made["itemsize"]))
        own = raw + max(raw, kept if width != made["itemsize"] else 0)  # turned round; made float64
        chosen = (
            0 if self.conditions is None else kept + made["samples"] * made["channels"] * made["itemsize"]
        )
        return int(max(reading, numbers * width + max(own, chosen, numbers if self.keep_zeros else 0)))

    def _taken(self, volume: Array) -> npt.NDArray[np.bool_]:
        """Voxels (x, y, z) of a volume that have data."""
        return np.isfinite(volume).all(axis=3) if self.keep_zeros else searched(volume, self.voxels)

    def _root(self) -> Path:
        if self.root is None:
            raise DataError("nifti-betas: root: say which folder holds the subjects' files")
        if not self.root.is_dir():
            raise DataError(f"root: {self.root} is no folder")
        return self.root

    def _subjects(self) -> dict[str, Path]:
        """Subject -> its file or folder."""
        root = self._root()
        found: dict[str, Path] = {}
        for path in sorted(root.iterdir()):
            if path.name.startswith("."):
                continue
            folder = path.is_dir() and any(_stem(file) for file in path.iterdir())
            name = path.name if folder else _stem(path) if path.is_file() else ""
            if not name or (self.mask is not None and path.samefile(self.mask)):
                continue
            if name in found:
                raise DataError(f"{root}: {found[name].name} and {path.name} are both of subject {name!r}")
            found[name] = path
        if not found:
            raise DataError(f"{root}: holds neither <subject>.nii.gz nor <subject>/<condition>.nii.gz")
        if len({path.is_dir() for path in found.values()}) > 1:
            raise DataError(f"{root}: holds files and folders of subjects; lay all out in the same way")
        return found

    def _place(self, subject: str) -> Path:
        subjects = self._subjects()
        if subject not in subjects:
            raise DataError(
                f"{self.root}: no subject {subject!r}; {suggestion(subject, subjects, 'subjects')}"
            )
        return subjects[subject]

    def _volumes(self, folder: Path) -> dict[str, Path]:
        """Condition -> its file, in the order asked for (sorted without one)."""
        found: dict[str, Path] = {}
        for path in sorted(folder.iterdir()):
            name = _stem(path)
            if not name or path.name.startswith("."):
                continue
            if name in found:
                raise DataError(f"{folder}: {found[name].name} and {path.name} are both of {name!r}")
            found[name] = path
        for name in self.conditions or ():
            if name not in found:
                raise DataError(f"{folder}: no file of {name!r}; {suggestion(name, found, 'conditions')}")
        return {name: found[name] for name in self.conditions or found}

    def _of_folder(self, folder: Path) -> tuple[Array, Array, dict[str, list[str]]]:
        files = self._volumes(folder)
        maps, first = [], None
        for path in files.values():
            values, affine = nifti.read_volume(path)
            values = values[..., 0] if values.ndim == 4 and values.shape[3] == 1 else values
            if values.ndim != 3:
                raise DataError(f"{path}: one map is expected, the file has shape {values.shape}")
            space = Space(np.ones(values.shape, dtype=bool), affine)
            if first is None:
                first = space
            first.require_same_grid(space, f"{folder}: {next(iter(files.values())).name} and {path.name}")
            maps.append(values)
        assert first is not None
        return np.stack(maps, axis=3), first.affine, {"condition": list(files)}

    def _of_file(self, path: Path) -> tuple[Array, Array, dict[str, list[str]]]:
        values, affine = nifti.read_volume(path)
        if values.ndim != 4:
            raise GridMismatch(f"{path}: expected (x, y, z, maps), the file has shape {values.shape}")
        table, labels = self._table(path), self._labels(path)
        require_length(labels["condition"], values.shape[3], f"{table}: rows for the maps of {path.name}")
        for name in self.conditions or ():
            if name not in labels["condition"]:
                have = unique(labels["condition"])
                raise DataError(f"{table}: no condition {name!r}; {suggestion(name, have, 'conditions')}")
        return values, affine, labels

    def _labels(self, place: Path) -> dict[str, list[str]]:
        """Labels of each map of a subject, before any selection: the condition, maybe run and stimulus."""
        if place.is_dir():
            return {"condition": list(self._volumes(place))}
        table = self._table(place)
        with table.open(encoding="utf-8-sig") as file:
            header = file.readline().rstrip("\r\n").split("\t")
        labels = {name: list(read_column(table, name)) for name in ("run", "stimulus") if name in header}
        return {**labels, "condition": list(read_column(table, "condition"))}

    def _table(self, path: Path) -> Path:
        own, shared = path.with_name(f"{_stem(path)}.tsv"), path.with_name("conditions.tsv")
        for table in (own, shared):
            if table.is_file():
                return table
        raise DataError(f"{path}: which map is which? Write {own.name} or {shared.name} beside it")


def _stem(path: Path) -> str:
    """Name of a NIfTI file without its ending; empty for other files."""
    for suffix in SUFFIXES:
        if path.name.endswith(suffix):
            return path.name.removesuffix(suffix)
    return ""
