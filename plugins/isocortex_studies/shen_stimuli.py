"""What study B's stimuli are called: in its files, in its tables, in folders of pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

from isocortex.errors import DamagedFile, DataError

Part = Literal["training", "natural", "color_shape", "alphabet", "imagery"]

TARGETS = (
    "red_smallring", "red_+", "red_X", "green_smallring", "green_+", "green_X", "blue_smallring", "blue_+",
    "blue_X", "white_smallring", "white_+", "white_X", "black_smallring", "black_+", "black_X", "fixation",
    "n02416519_12793", "n01443537_22563", "n01677366_18182", "n02128385_20264", "n01858441_11077",
    "n02690373_7713", "n02882301_14188", "n03710193_22225", "n04297750_25624", "n04507155_21299",
)  # fmt: skip
"""What was imagined, from number 1 (KamitaniLab/repro_mental_image_recon, demo_params.yaml).

The columns ``category_id`` and ``category_name`` of the published events name other categories, the first 26
of another study, and are never read.
"""

TABLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "natural": ("perceptionNaturalImageTest.tsv", "stimulus_NaturalImageTest.tsv"),
        "color_shape": ("perceptionArtificialImage.tsv", "stimulus_ArtificialImage.tsv"),
        "alphabet": ("perceptionLetterImage.tsv", "stimulus_LetterImage.tsv"),
    }
)
"""Part -> names of its table of stimuli: as ``isocortex fetch`` saves it, and as it was published.

Training images are named in the fMRI files themselves.
"""

_IMAGENET = re.compile(r"n\d{8}_\d+")
_NUMBERED = re.compile(r"Img(\d{4,})")
_SHAPE = re.compile(r"(?:colorExpStim\d+_)?([a-z]+)_(square|smallring|largering|\+|X)")


class Names(NamedTuple):
    """Stimuli of a part: number (from 1) -> name, and stimulus id (text) -> name."""

    by_number: Mapping[int, str]
    by_id: Mapping[str, str]
    where: str

    def name(self, number: int) -> str:
        """Name of a number; ``DataError`` where there is none."""
        if number not in self.by_number:
            raise DataError(
                f"{self.where}: has no stimulus number {number}; it has {min(self.by_number)} to "
                f"{max(self.by_number)}"
            )
        return self.by_number[number]

    def number(self, name: str) -> int:
        """Number of a name; ``DataError`` where there is none."""
        found = [number for number, own in self.by_number.items() if own == name]
        if not found:
            raise DataError(f"{self.where}: has no stimulus {name!r}")
        return found[0]


IMAGERY = Names(
    MappingProxyType(dict(enumerate(TARGETS, 1))), MappingProxyType({}), "study B's targets of imagery"
)


def read_table(path: Path) -> Names:
    """Read a table of stimuli, without a header: name, stimulus id, category, number of the image, by tabs.

    Raises ``DamagedFile`` for another form, a name or a number that stands twice.
    """
    by_number: dict[int, str] = {}
    by_id: dict[str, str] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise DamagedFile(f"{path}: is not text in UTF-8") from None
    for line, text in enumerate(lines, 1):
        if not text.strip():
            continue
        cells = [cell.strip() for cell in text.split("\t")]
        if len(cells) < 4 or not cells[0] or not _is_number(cells[3]):
            raise DamagedFile(
                f"{path}: line {line} is no row of name, stimulus id, category and number of the image, "
                "divided by tabs, as in the tables that the study's authors publish"
            )
        name, number = Path(cells[0]).stem if _has_suffix(cells[0]) else cells[0], int(float(cells[3]))
        if number in by_number or name in by_number.values():
            raise DamagedFile(f"{path}: line {line}: the number {number} or the name {name!r} stands twice")
        by_number[number] = name
        by_id[cells[1]] = name
    if not by_number:
        raise DamagedFile(f"{path}: holds no stimuli")
    return Names(by_number, by_id, str(path))


def is_imagenet(name: str) -> bool:
    """Whether a name is that of an image of ImageNet, n01518878_5958."""
    return _IMAGENET.fullmatch(name) is not None


def numbered(number: int) -> str:
    """Label of the authors' decoded features: Img0001."""
    return f"Img{number:04d}"


def number_of(label: str) -> int | None:
    """The number in a label of the authors' decoded features, or None for another label."""
    match = _NUMBERED.fullmatch(label)
    return int(match[1]) if match else None


def category(name: str) -> str:
    """Category of a stimulus: the synset of a photo, the shape of a coloured shape, else its name."""
    if is_imagenet(name):
        return name.partition("_")[0]
    match = _SHAPE.fullmatch(name)
    return match[2] if match else name


def picture_name(stem: str, part: Part, names: Names | None) -> str:
    """Name of the stimulus that a picture file shows, by its name without the ending.

    ``Img0007`` goes by number, where the numbers are known. Of imagery, pictures may have the target's name,
    that of the stimulus file (``imageryExpStim17_anat_goat``), or that of the coloured shape
    (``colorExpStim02_red_smallring``).
    """
    number = number_of(stem)
    if number is not None:
        return stem if names is None else names.name(number)
    if part != "imagery":
        return stem
    imagined = re.fullmatch(r"imageryExpStim(\d+)(?:_.*)?", stem)
    if imagined:
        return IMAGERY.name(int(imagined[1]))
    shape = re.fullmatch(r"colorExpStim\d+_(.+)", stem)
    return shape[1] if shape else stem


def require_names(names: Sequence[str], part: Part, where: str) -> None:
    """Raise where photos are not named as images of ImageNet: their labels were read wrongly."""
    odd = [name for name in names if not is_imagenet(name) and number_of(name) is None]
    if part in ("training", "natural") and odd:
        raise DataError(
            f"{where}: {odd[0]!r} is no name of a natural image (like n01518878_5958); say under which "
            "label_key the file has them"
        )


def _is_number(text: str) -> bool:
    try:
        return float(text).is_integer() and float(text) >= 1
    except ValueError:
        return False


def _has_suffix(name: str) -> bool:
    return Path(name).suffix.lower() in (".jpeg", ".jpg", ".png", ".tif", ".tiff", ".bmp")
