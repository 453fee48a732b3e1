"""Images of digits and objects for study A: a user's own, or ones that every installation can make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from isocortex.data import Images
from isocortex.errors import DataError, suggestion
from isocortex.pipeline import outlines
from isocortex.pipeline.costs import Cost
from isocortex.pipeline.settings import InputFolder
from isocortex_studies.concepts import CONDITIONS, DIGITS, OBJECTS
from isocortex_studies.drawn_objects import draw
from isocortex_studies.sample_data import ImageSet, numbered
from isocortex_vision.images.folder import Fit, picture_files, read_images

LIBRARIES, DIGITS_LIBRARIES = 8 * 2**20, 105 * 2**20
"""Pillow; scikit-learn, which has the digits (measured)."""
SETS = ("digits", "objects", "validation")
_HELD_OUT = 1_000_000
"""Where the numbers of drawings of the validation start: none is also in the training."""


class PictureFolders:
    """Pictures in ``<root>/digits``, ``<root>/objects``, ``<root>/validation``, a folder a category in each.

    Parameters
    ----------
    root : the folder; of the three in it only the one that ``images`` names has to be there.
    images : which of the three ``load_images`` gives.
    size : height and width of the training's digits and of the validation; the training's objects have 8/7
        of it, of which crops are taken.
    fit : how a picture comes to the size (see ``images_from_folder``).
    """

    loads: Mapping[str, tuple[str, ...]] = MappingProxyType({"images": ()})

    def __init__(
        self,
        root: InputFolder | None = None,
        images: ImageSet = "validation",
        size: int = 224,
        fit: Fit = "crop",
    ) -> None:
        self.root = None if root is None else Path(root)
        self.images = images
        self.size = size
        self.fit = fit

    def axes(self) -> Mapping[str, Sequence[str]]:
        """There is nothing to run along."""
        return {}

    def check(self) -> list[str]:
        """Say what is wrong with the settings or the folder; no picture is read."""
        problems = _problems(self.images, self.size)
        if not problems:
            try:
                self.files("images")
            except DataError as error:
                problems.append(str(error))
        return problems

    def files(self, kind: str, **axes: str) -> list[Path]:
        """List the pictures."""
        return list(picture_files(self._folder()).values())

    def cost(self, kind: str) -> Cost:
        """What reading the pictures takes, by their number: all of them at the size wanted."""
        made = outlines.images(len(self.files(kind)), self._side, self._side)
        return Cost(LIBRARIES + made["number"] * self._side**2 * 3, {"result": made})

    def load_images(self) -> Images:
        """Read the pictures, labelled by set, category and file name: ``train/zero/one-picture``."""
        found = read_images(self._folder(), (self._side, self._side), self.fit, categories="folder")
        start = "val" if self.images == "validation" else "train"
        return Images(found.values, tuple(f"{start}/{name}" for name in found.stimuli), found.categories)

    @property
    def _side(self) -> int:
        """Height and width of the pictures."""
        return round(self.size * 8 / 7) if self.images == "objects" else self.size

    def _folder(self) -> Path:
        if self.root is None:
            raise DataError("root: say which folder holds digits, objects and validation")
        folder = self.root / self.images
        if not folder.is_dir():
            raise DataError(f"{folder}: there is no such folder; {self.root} has to hold {', '.join(SETS)}")
        return folder


class DrawnPictures:
    """Real handwritten digits (scikit-learn's, of 8 x 8 pixels), and six objects that are drawn by code.

    The drawings are simple: a network tells them apart with little training, and what holds of them need not
    hold of photographs. Training and validation share no digit and no drawing; each drawing differs in place,
    size, colours and background.

    Parameters
    ----------
    images : "digits" or "objects" of the training, or the "validation".
    per_category : pictures of each category (at most 130 digits in the training, 43 in the validation).
    size : height and width; objects of the training are 8/7 of it, of which crops are taken.
    seed : of the drawings.
    """

    loads: Mapping[str, tuple[str, ...]] = MappingProxyType({"images": ()})

    def __init__(
        self, images: ImageSet = "validation", per_category: int = 10, size: int = 224, seed: int = 0
    ) -> None:
        self.images = images
        self.per_category = per_category
        self.size = size
        self.seed = seed

    def axes(self) -> Mapping[str, Sequence[str]]:
        """There is nothing to run along."""
        return {}

    def check(self) -> list[str]:
        """Say what is wrong with the settings."""
        problems = _problems(self.images, self.size)
        most = 43 if self.images == "validation" else 130
        if self.images != "objects" and not 1 <= self.per_category <= most:
            problems.append(
                f"per_category is {self.per_category}; there are 1 to {most} digits of a category"
            )
        elif self.per_category < 1:
            problems.append(f"per_category is {self.per_category}; it must be 1 or more")
        return problems

    def files(self, kind: str, **axes: str) -> list[Path]:
        """List the files that a load reads: none of the user's."""
        return []

    def cost(self, kind: str) -> Cost:
        """What making the pictures takes: all of them, and once more when they are put together."""
        number = self.per_category * len(self._wanted)
        side = round(self.size * 8 / 7) if self.images == "objects" else self.size
        libraries = 0 if self.images == "objects" else DIGITS_LIBRARIES
        made = outlines.images(number, side, side)
        return Cost(LIBRARIES + libraries + 2 * number * side**2 * 3, {"result": made})

    @property
    def _wanted(self) -> Sequence[str]:
        """Categories of the set."""
        return {"digits": DIGITS, "objects": OBJECTS}.get(self.images, CONDITIONS)

    def load_images(self) -> Images:
        """Make the pictures, in the class order of the study."""
        problems = self.check()
        if problems:
            raise DataError(f"drawn-pictures: {'; '.join(problems)}")
        held_out = self.images == "validation"
        parts, names = [], []
        for name in self._wanted:
            parts.append(self._digits(name, held_out) if name in DIGITS else self._drawings(name, held_out))
            names += [name] * self.per_category
        values = np.concatenate(parts)
        return Images(values, numbered("val" if held_out else "train", names), tuple(names))

    def _digits(self, name: str, held_out: bool) -> npt.NDArray[np.uint8]:
        from PIL import Image
        from sklearn.datasets import load_digits

        pixels, codes = load_digits(return_X_y=True)
        own = np.flatnonzero(codes == DIGITS.index(name))
        rows = own[::4] if held_out else np.delete(own, np.s_[::4])
        found = np.empty((self.per_category, self.size, self.size, 3), dtype=np.uint8)
        for place, row in enumerate(rows[: self.per_category]):
            levels = np.rint(pixels[row].reshape(8, 8) * 255 / 16).astype(np.uint8)
            grown = Image.fromarray(levels).resize((self.size, self.size), Image.Resampling.BICUBIC)
            found[place] = np.asarray(grown)[..., None]
        return found

    def _drawings(self, name: str, held_out: bool) -> npt.NDArray[np.uint8]:
        side = self.size if held_out else round(self.size * 8 / 7)
        first = _HELD_OUT if held_out else 0
        kind = OBJECTS.index(name)
        numbers = range(first, first + self.per_category)
        return np.stack([draw(name, side, np.random.default_rng([self.seed, kind, n])) for n in numbers])


def _problems(images: str, size: int) -> list[str]:
    problems = []
    if images not in SETS:
        problems.append(f"images: no set {images!r}; {suggestion(images, SETS, 'sets')}")
    if size < 8:
        problems.append(f"size is {size}; it must be 8 pixels or more")
    return problems
