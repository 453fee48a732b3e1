"""Study B's own files: fMRI in BData, and pictures of the stimuli, as its authors name them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np

from isocortex.data import Images, Patterns
from isocortex.errors import DataError, suggestion
from isocortex.pipeline import outlines
from isocortex.pipeline.costs import Cost, Unknown
from isocortex.pipeline.settings import InputFolder
from isocortex_decoding import BData, load_bdata, preprocess_bdata
from isocortex_studies import shen_stimuli as stimuli
from isocortex_studies.shen_files import Version, roi_key, subject_files, table_file
from isocortex_studies.shen_labels import label_key_of, labelled, require_agreement
from isocortex_studies.shen_pictures import stimulus_pictures
from isocortex_studies.shen_stimuli import Names, Part
from isocortex_vision.images.folder import Fit, fitted

PILLOW = 8 * 2**20
"""Bytes of the library (measured)."""


class Shen2019:
    """fMRI and stimuli of Shen, Horikawa, Majima & Kamitani (2019), in the files of their figshare page.

    Samples are labelled by stimulus name (``n01518878_5958``, ``colorExpStim01_red_square``, ``red_X``), with
    the category (synset, shape) as their condition. Subjects are called S1, S2, ... (``sub-01``, ...).

    Parameters
    ----------
    root : folder with ``sub-01_perceptionNaturalImageTraining_original_VC.h5`` and the like, itself or in
        ``fmri``; tables of stimuli (``perceptionArtificialImage.tsv``) in it or in ``stimuli``. So
        ``isocortex fetch`` lays them out.
    part : "training" (natural images) or what is tested: "natural", "color_shape", "alphabet", "imagery".
    version : of the fMRI files: "original", or "fmriprep".
    pictures : folder of the stimuli, with a folder for each part (``training``, ``natural``, ``color_shape``,
        ``alphabet``, ``imagery``; the lab's names of them, too). Without it there are no images.
    label_key : column of the stimulus, where it is not found by itself.
    labels : "names", or "numbers" (Img0001), as the authors' decoded features are labelled.
    exclude : stimuli that take no part, by name or number (``fixation``).
    precision : of the voxels, "float32" or as "stored".
    volumes : true where the rows are volumes of whole runs, which then come to one sample a block by the
        study's recipe (``preprocess_bdata``); the published files hold samples already.
    shift : volumes between a stimulus and its response.
    regressors : columns to regress out, or "none".
    size : height and width of the pictures.
    fit : how pictures come to that size (see ``images_from_folder``).
    """

    loads: Mapping[str, tuple[str, ...]] = MappingProxyType({"patterns": ("subject", "roi"), "images": ()})

    def __init__(
        self,
        root: InputFolder | None = None,
        part: Part = "training",
        version: Version = "original",
        pictures: InputFolder | None = None,
        label_key: str | None = None,
        labels: Literal["names", "numbers"] = "names",
        exclude: list[str] | None = None,
        precision: Literal["float32", "stored"] = "float32",
        volumes: bool = False,
        shift: int = 2,
        regressors: str = "MotionParameter*",
        size: int = 224,
        fit: Fit = "crop",
    ) -> None:
        self.root = None if root is None else Path(root)
        self.part: Part = part
        self.version = version
        self.pictures = None if pictures is None else Path(pictures)
        self.label_key = label_key
        self.labels = labels
        self.exclude = exclude or []
        self.precision: Literal["float32", "stored"] = precision
        self.volumes = volumes
        self.shift = shift
        self.regressors = regressors
        self.size = size
        self.fit: Fit = fit

    def axes(self) -> Mapping[str, Sequence[str]]:
        """Give the subjects who have the part, and the ROIs in the file of the first of them."""
        subjects = subject_files(self.root, self.part, self.version)
        with BData(next(iter(subjects.values()))) as opened:
            keys = [key for key in opened.keys if key.startswith("ROI_")]
        rois = dict.fromkeys(key.removeprefix("ROI_") for key in keys if key != "ROI_hV4")
        if "ROI_hV4" in keys:
            rois["V4"] = None
        return {"subject": list(subjects), "roi": list(rois)}

    def check(self) -> list[str]:
        """Say what is wrong with the settings; no file is opened."""
        problems = []
        for name, choices in (("part", get_args(Part)), ("version", get_args(Version))):
            if getattr(self, name) not in choices:
                problems.append(f"{name}: {suggestion(getattr(self, name), choices, name + 's')}")
        for name, folder in (("root", self.root), ("pictures", self.pictures)):
            if folder is not None and not folder.is_dir():
                problems.append(f"{name}: there is no folder {folder}")
        if self.size < 8:
            problems.append(f"size is {self.size}; it must be 8 pixels or more")
        return problems

    def files(self, kind: str, **axes: str) -> list[Path]:
        """List the files that one load reads."""
        table = table_file(self.root, self.part)
        tables = [] if table is None else [table]
        if kind == "images":
            return [] if self.pictures is None else [*self._picture_files().values(), *tables]
        return [self._file(axes["subject"]), *tables]

    def cost(self, kind: str, subject: str = "", roi: str = "") -> Cost:
        """What a load takes: the voxels twice, or the pictures; of the files, only labels are read."""
        if kind == "images":
            number = 0 if self.pictures is None else len(self._picture_files())
            pictures = outlines.images(number, self.size, self.size)
            return Cost(PILLOW + number * self.size**2 * 3, {"result": pictures})
        if self.volumes:
            raise Unknown("with volumes: true it depends on the volumes how many samples they come to")
        names, dtype = self._names(), np.float32 if self.precision == "float32" else None
        with BData(self._file(subject)) as opened:
            mask = opened.columns(f"'{roi_key(opened, roi)}' = 1")
            key = label_key_of(opened, self.part, self.label_key)
            wanted = labelled(opened.path, key, opened.labels(key), self.part, names)
            kept = [name for name in wanted if name not in self._excluded(names)]
            return opened.cost(mask, kept, [stimuli.category(name) for name in kept], dtype)

    def load_patterns(self, subject: str, roi: str) -> Patterns:
        """Read the voxels of a ROI: (samples, voxels), stimuli by name, categories as conditions."""
        path = self._file(subject)
        names = self._names()
        with BData(path) as opened:
            select = f"'{roi_key(opened, roi)}' = 1"
            key = label_key_of(opened, self.part, self.label_key)
            imagery = self.part == "imagery" and "event_type" in opened.keys
            require_agreement(opened, key, self.part, names)
        patterns = self._volumes(path, select, key, imagery) if self.volumes else self._samples(
            path, select, key
        )  # fmt: skip
        wanted = labelled(path, key, patterns.stimuli or (), self.part, names)
        out = np.isin(wanted, self._excluded(names))
        shown = wanted if self.labels == "names" else self._numbers(wanted, names)
        kinds = tuple(stimuli.category(name) for name in wanted)
        return replace(patterns, stimuli=shown, conditions=kinds).take(~out)

    def load_images(self) -> Images:
        """Read the pictures of the part, uint8, with their categories; none where no folder is given."""
        size = (self.size, self.size)
        if self.pictures is None:
            return Images(np.zeros((0, *size, 3), np.uint8), (), ())
        from isocortex.formats.png import read_png

        names, files = self._names(), self._picture_files()
        values = np.empty((len(files), *size, 3), np.uint8)
        for row, path in enumerate(files.values()):
            values[row] = fitted(read_png(path), size, self.fit, "bilinear", path)
        shown = tuple(files) if self.labels == "names" else self._numbers(tuple(files), names)
        return Images(values, shown, tuple(stimuli.category(name) for name in files))

    def _samples(self, path: Path, select: str, key: str) -> Patterns:
        patterns = load_bdata(path, select, key, precision=self.precision)
        if patterns.runs is not None and patterns.stimuli is not None:
            again = _successive(patterns.stimuli, patterns.runs)
            if again:
                warnings.warn(
                    f"{path}: {again} samples follow one of the same stimulus in their run; one-back "
                    "repetitions should have been dropped",
                    stacklevel=3,
                )
        return patterns

    def _volumes(self, path: Path, select: str, key: str, imagery: bool) -> Patterns:
        where = {"event_type": [2.0]} if imagery else None  # cue 1, imagery 2, evaluation 3, rest 4
        return preprocess_bdata(
            path, select, key, regressors=self.regressors, where=where, shift=self.shift, rest=["0"],
            precision=self.precision,
        ).patterns  # fmt: skip

    def _numbers(self, names: Sequence[str], table: Names | None) -> tuple[str, ...]:
        number = {}
        for name in dict.fromkeys(names):
            if stimuli.number_of(name) is not None:
                number[name] = name
            elif table is None:
                raise DataError(f"labels: numbers: {self._lacking()}")
            else:
                number[name] = stimuli.numbered(table.number(name))
        return tuple(number[name] for name in names)

    def _excluded(self, names: Names | None) -> list[str]:
        numbers = {name: stimuli.number_of(name) for name in self.exclude}
        return [
            name if number is None or names is None else names.name(number)
            for name, number in numbers.items()
        ]

    def _names(self) -> Names | None:
        """Numbers and names of the part's stimuli, as far as they are known."""
        if self.part == "imagery":
            return stimuli.IMAGERY
        path = table_file(self.root, self.part)
        return None if path is None else stimuli.read_table(path)

    def _lacking(self) -> str:
        if self.part not in stimuli.TABLES:
            return f"the stimuli of {self.part} have no numbers"
        return (
            f"there is no table {stimuli.TABLES[self.part][0]} in root or root/stimuli (isocortex fetch "
            "shen2019-stimulus-names gets it)"
        )

    def _picture_files(self) -> dict[str, Path]:
        """Stimulus name -> its picture, without those that are excluded."""
        assert self.pictures is not None
        names = self._names()
        return stimulus_pictures(self.pictures, self.part, names, self._excluded(names))

    def _file(self, subject: str) -> Path:
        found = subject_files(self.root, self.part, self.version)
        if subject not in found:
            raise DataError(
                f"{self.root}: no subject {subject!r} has a file of the part {self.part!r}; "
                f"{suggestion(subject, found, 'subjects')}"
            )
        return found[subject]


def _successive(labels: Sequence[str], runs: Sequence[str]) -> int:
    """How many samples follow one of the same stimulus in their run."""
    return sum(one == other for one, other in pairwise(zip(labels, runs, strict=True)))
