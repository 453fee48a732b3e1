"""Study A's own files: the ``Sample_Data`` folder of Lee, Jung, Lustig & Lee 2023, as its authors ship it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.data import Images, Patterns, Space
from isocortex.data.base import Array
from isocortex.errors import DamagedFile, DataError, suggestion
from isocortex.formats import nifti
from isocortex.formats.arrays import Npz
from isocortex.pipeline import outlines
from isocortex.pipeline.costs import Cost
from isocortex.pipeline.settings import InputFile, InputFolder
from isocortex_studies.concepts import CONDITIONS
from isocortex_studies.nifti_sizes import LIBRARIES
from isocortex_studies.simulated_brain import AFFINE, SHAPE

SUBJECT = "Sample"
FMRI, BETA = ("Sample_fMRI_data.npz",), "beta"
TRAINING, VALIDATION = ("Train_data.npz", "Train_Data.npz"), ("Val_data.npz", "Val_Data.npz")
"""The notebooks' spelling, and that of the README."""


class Part(NamedTuple):
    """Where a set of images is: spellings of its file, arrays of pixels and labels, size, start of labels."""

    files: tuple[str, ...]
    pixels: str
    labels: str
    side: int
    prefix: str


PARTS: Mapping[str, Part] = MappingProxyType(
    {
        "digits": Part(TRAINING, "mnst_tr_X", "mnst_tr_y", 224, "train"),
        "objects": Part(TRAINING, "imgnet_tr_X", "imgnet_tr_y", 256, "train"),
        "validation": Part(VALIDATION, "val_X", "val_y", 224, "val"),
    }
)
ImageSet = Literal["digits", "objects", "validation"]
Voxels = Literal["nonzero", "lee2023"]


class SampleData:
    """One participant's patterns, and the images of the network's training and validation.

    The 16 patterns are labelled ``zero`` to ``nine``, ``bed``, ``bird``, ``cat``, ``dog``, ``house``,
    ``tree``, in the class order of the study, and lie on its grid (3 mm, 64 x 76 x 64). Images are named
    ``train-zero-01``, ``val-bed-10``, numbered within their category in the order of the file.

    Parameters
    ----------
    root : the folder ``Sample_Data``. ``Train_data.npz`` and ``Val_data.npz`` (the notebooks' spelling) or
        ``Train_Data.npz`` and ``Val_Data.npz`` (the README's); a folder with both is an error.
    images : what ``load_images`` gives: "digits" or "objects" of the training, or the "validation" (the layer
        RDMs of the notebooks are of these).
    voxels : "nonzero" takes those whose values are all other than 0 and finite (a boolean mask). "lee2023"
        takes all that the study's searchlights use, whose values do not sum to exactly 0; its centres are the
        former, so follow the searchlight with ``nonzero_maps``.
    mask : NIfTI file; only voxels above 0 in it are taken (study A used the 360 regions of an atlas).
    """

    loads: Mapping[str, tuple[str, ...]] = MappingProxyType({"patterns": ("subject",), "images": ()})

    def __init__(
        self,
        root: InputFolder | None = None,
        images: ImageSet = "validation",
        voxels: Voxels = "nonzero",
        mask: InputFile | None = None,
    ) -> None:
        self.root = None if root is None else Path(root)
        self.images = images
        self.voxels = voxels
        self.mask = mask

    def axes(self) -> Mapping[str, Sequence[str]]:
        """Give the one participant."""
        return {"subject": [SUBJECT]}

    def check(self) -> list[str]:
        """Say what is wrong with the settings or the files that are there; no array is read.

        A file that is not there is not looked for here, since it may not be wanted: ``files`` says so.
        """
        problems = []
        if self.images not in PARTS:
            problems.append(f"images: no set {self.images!r}; {suggestion(self.images, PARTS, 'sets')}")
        if self.voxels not in ("nonzero", "lee2023"):
            problems.append(f"voxels is {self.voxels!r}; say nonzero or lee2023")
        if self.root is None:
            problems.append("root: say which folder is the study's Sample_Data")
        elif not self.root.is_dir():
            problems.append(f"root: {self.root} is no folder; it should be the study's Sample_Data")
        if problems:
            return problems
        assert self.root is not None
        for path in sorted(self.root.glob("*.npz")):
            try:
                _require_keys(path)
            except DataError as error:
                problems.append(str(error))
        return problems

    def files(self, kind: str, **axes: str) -> list[Path]:
        """List the file that a load reads; raises where it is not there (nothing without a folder)."""
        if self.root is None or not self.root.is_dir():
            return []
        if kind == "patterns":
            return [self._file(FMRI), *([self.mask] if self.mask is not None else [])]
        return [self._file(PARTS[self.images].files)]

    def cost(self, kind: str, subject: str = SUBJECT) -> Cost:
        """What a load takes.

        Of images only the header is read; they are taken for whole numbers, as the study's are. Which voxels
        have data stands in the one array of betas alone (40 MB), which is read.
        """
        if kind == "patterns":
            beta, taken = self._beta()
            itemsize = beta.itemsize if beta.dtype.kind == "f" else 8
            made = outlines.patterns(len(CONDITIONS), itemsize=itemsize, **outlines.within(taken))
            voxels = len(CONDITIONS) * made["channels"]
            return Cost(LIBRARIES + beta.nbytes + voxels * (beta.itemsize + itemsize), {"result": made})
        part = PARTS[self.images]
        with Npz(self._file(part.files)) as archive:
            shape, dtype = archive.form(part.pixels)
        made, numbers = outlines.images(*shape[:3]), math.prod(shape)
        return Cost(numbers * (1 if dtype == np.uint8 else dtype.itemsize + 1), {"result": made})

    def load_patterns(self, subject: str) -> Patterns:
        """Read the participant: float32 or float64 patterns (16, voxels), as the file holds them."""
        if subject != SUBJECT:
            raise DataError(f"there is no participant {subject!r}; the sample has one, {SUBJECT!r}")
        beta, taken = self._beta()
        return Patterns.from_volume(beta, taken, AFFINE, CONDITIONS)

    def _beta(self) -> tuple[Array, npt.NDArray[np.bool_]]:
        """The maps (x, y, z, 16), and which voxels (x, y, z) are taken."""
        path = self._file(FMRI)
        beta = _read(path, BETA)
        if beta.shape != (*SHAPE, len(CONDITIONS)) or beta.dtype.kind not in "fiu":
            raise DamagedFile(
                f"{path}: {BETA!r} is {beta.dtype} of shape {beta.shape}, expected numbers of "
                f"{(*SHAPE, len(CONDITIONS))}: 16 maps on the study's grid"
            )
        taken = searched(beta, self.voxels)
        if self.mask is not None:
            taken &= mask_on(self.mask, Space(np.ones(SHAPE, dtype=bool), np.array(AFFINE)))
        if not taken.any():
            raise DataError(f"{path}: no voxel has a value other than 0 in all 16 maps")
        return beta, taken

    def load_images(self) -> Images:
        """Read a set of images, uint8 where its pixels are whole numbers, with their categories."""
        if self.images not in PARTS:
            raise DataError(f"images: no set {self.images!r}; {suggestion(self.images, PARTS, 'sets')}")
        part = PARTS[self.images]
        path = self._file(part.files)
        pixels = _pixels(_read(path, part.pixels), part, path)
        codes = _classes(_read(path, part.labels), len(pixels), f"{path}: {part.labels!r}")
        return Images(pixels, numbered(part.prefix, [CONDITIONS[code] for code in codes]),
                      tuple(CONDITIONS[code] for code in codes))  # fmt: skip

    def _file(self, names: Sequence[str]) -> Path:
        """The one file of these spellings, looked up by name (some disks ignore case)."""
        if self.root is None:
            raise DataError("lee2023: root: say which folder is the study's Sample_Data")
        try:
            there = {path.name for path in self.root.iterdir()}
        except OSError:
            raise DataError(f"root: {self.root} is no folder; it should be the study's Sample_Data") from None
        found = [name for name in names if name in there]
        if not found:
            raise DataError(f"{self.root}: holds no {' or '.join(names)}; is this the study's Sample_Data?")
        if len(found) > 1:
            raise DataError(
                f"{self.root}: holds {' and '.join(found)}; delete the one that is not the study's"
            )
        return self.root / found[0]


def nonzero(values: Array) -> npt.NDArray[np.bool_]:
    """Voxels (of an array whose last axis holds the maps) that are finite and other than 0 in every map."""
    taken = np.ones(values.shape[:-1], dtype=bool)
    for number in range(values.shape[-1]):  # of all maps at once, truth values would take most of the memory
        one = values[..., number]
        taken &= np.isfinite(one) & (one != 0)
    return taken


def searched(values: Array, voxels: Voxels) -> npt.NDArray[np.bool_]:
    """Voxels that a searchlight looks at: ``nonzero``, or (lee2023) with those that do not sum to 0.

    A centre whose values cancel is no member in study A, and stays a centre. Voxels that are not finite in
    some map never count.
    """
    taken = nonzero(values)
    if voxels == "lee2023":
        with np.errstate(invalid="ignore"):
            total = values.sum(axis=-1)
        taken |= np.isfinite(total) & (total != 0)
    return taken


def mask_on(path: Path, space: Space) -> npt.NDArray[np.bool_]:
    """Read a mask (voxels above 0) that has to lie on the grid of a space."""
    volume, affine = nifti.read_volume(path)
    volume = volume[..., 0] if volume.ndim == 4 and volume.shape[3] == 1 else volume
    if volume.ndim != 3:
        raise DataError(f"{path}: a mask has three dimensions, this one has shape {volume.shape}")
    inside = np.asarray(np.nan_to_num(volume) > 0)
    space.require_same_grid(Space(inside, affine), f"the patterns and the mask {path}")
    return inside


def numbered(prefix: str, categories: Sequence[str]) -> tuple[str, ...]:
    """Name images by category and by their place in it, from 1: ``val-bed-03``."""
    seen: dict[str, int] = {}
    labels = []
    for name in categories:
        seen[name] = seen.get(name, 0) + 1
        labels.append(f"{prefix}-{name}-{seen[name]:02d}")
    return tuple(labels)


def _require_keys(path: Path) -> None:
    """Raise unless a file of the study holds its arrays; only the list of its arrays is read."""
    parts = [part for part in PARTS.values() if path.name in part.files]
    wanted = [key for part in parts for key in (part.pixels, part.labels)]
    wanted += [BETA] if path.name in FMRI else []
    if not wanted:
        return
    with Npz(path) as archive:
        lacking = [key for key in wanted if key not in archive.keys]
        if lacking:
            have = ", ".join(archive.keys) or "nothing"
            raise DataError(f"{path}: holds no array {lacking[0]!r}, but {have}; is this the study's file?")


def _read(path: Path, key: str) -> Array:
    with Npz(path) as archive:
        return archive.read(key)


def _pixels(values: Array, part: Part, path: Path) -> Array:
    """RGB pixels (n, side, side, 3) from 0 to 255, uint8 where they are whole numbers."""
    what = f"{path}: {part.pixels!r}"
    if values.shape[1:] != (part.side, part.side, 3) or values.dtype.kind not in "fiu":
        raise DamagedFile(
            f"{what} is {values.dtype} of shape {values.shape}, expected (n, {part.side}, {part.side}, 3)"
        )
    if values.dtype == np.uint8 or not len(values):
        return values
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 255):  # NaN, too
        raise DamagedFile(f"{what}: pixels run from {low:g} to {high:g}, expected 0 to 255")
    if values.dtype.kind == "f" and 0 < high <= 1:
        raise DataError(f"{what}: pixels run from 0 to {high:g}, expected 0 to 255; multiply them by 255")
    if values.dtype.kind in "iu" or all(np.array_equal(one, np.rint(one)) for one in values):
        return values.astype(np.uint8)
    return values if values.dtype in (np.float32, np.float64) else values.astype(np.float32)


def _classes(labels: Array, count: int, what: str) -> list[int]:
    """Class of each image from one-hot labels (n, 16)."""
    if labels.shape != (count, len(CONDITIONS)) or labels.dtype.kind not in "fiub":
        raise DamagedFile(
            f"{what} is {labels.dtype} of shape {labels.shape}, expected {(count, len(CONDITIONS))}: "
            "one column a class"
        )
    if not (((labels == 0) | (labels == 1)).all() and (labels.sum(axis=1) == 1).all()):
        raise DamagedFile(f"{what}: a row of labels must hold a single 1 and else 0")
    return [int(code) for code in labels.argmax(axis=1)]
