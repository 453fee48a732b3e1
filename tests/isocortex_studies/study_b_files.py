"""Study B's files as its authors publish them, small: fMRI in BData, tables of stimuli, pictures.

Every picture is a mixture of a few smooth patterns, and so is what the voxels do.
The files are written with h5py alone, with the columns and habits of the published ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from PIL import Image

N_PATTERNS, SIDE = 6, 48
ROIS = {"V1": range(10), "V2": range(8, 18), "V3": range(16, 26), "V4": range(24, 32), "HVC": range(30, 44),
        "VC": range(44)}  # fmt: skip
SYNSETS = [1518878, 1443537, 2690373, 4507155, 3710193, 2128385, 1677366, 2882301]
TRAINING = [(synset + 10 * (k % 2), 100 * (k + 1)) for k, synset in enumerate(SYNSETS * 3)]
"""Numbers of synset and image, of other synsets than the test images. Trailing zeros: .0001 is image 100."""
NATURAL = {
    1: (2416519, 12793),
    2: (1621127, 19020),
    3: (3584254, 5040),
    4: (3767745, 109),
    5: (2139199, 10398),
}
SHAPES = {1: "colorExpStim07_green_smallring", 2: "colorExpStim01_red_square", 3: "colorExpStim04_red_+",
          4: "colorExpStim36_black_square"}  # fmt: skip
LETTERS = {1: "letter_T", 2: "letter_C", 3: "letter_I", 4: "letter_E"}
IMAGERY = {5: "imageryExpStim05_green_+", 15: "colorExpStim40_black_X", 16: "", 17: "n02416519_12793",
           26: "imageryExpStim26_inat_umbrella"}  # fmt: skip
"""Number of the target -> how its picture is called; of the fixation point (16) there is none."""
TARGETS = {5: "green_+", 15: "black_X", 16: "fixation", 17: "n02416519_12793", 26: "n04507155_21299"}
WRONG = {5: 1677366.0, 15: 2128385.0, 16: 2139199.0, 17: 2190790.0, 26: 3122295.0}
"""What category_id of the published imagery files says: categories that nobody imagined."""
STEMS = {
    "training": "perceptionNaturalImageTraining", "natural": "perceptionNaturalImageTest",
    "color_shape": "perceptionArtificialImage", "alphabet": "perceptionLetterImage", "imagery": "imagery",
}  # fmt: skip
TSV = {"natural": "perceptionNaturalImageTest.tsv", "color_shape": "perceptionArtificialImage.tsv",
       "alphabet": "perceptionLetterImage.tsv"}  # fmt: skip


class Made(NamedTuple):
    """A part: stimulus name -> picture and its mixture; number of each stimulus."""

    names: dict[int, str]
    pictures: dict[str, Any]
    mixtures: dict[str, Any]


def synset_name(pair: tuple[int, int]) -> str:
    return f"n{pair[0]:08d}_{pair[1]}"


def names_of(part: str) -> dict[int, str]:
    """Number -> name of the stimuli of a part."""
    if part == "training":
        return {k: synset_name(pair) for k, pair in enumerate(TRAINING, 1)}
    if part == "natural":
        return {k: synset_name(pair) for k, pair in NATURAL.items()}
    return {"color_shape": SHAPES, "alphabet": LETTERS, "imagery": TARGETS}[part]


def patterns() -> Any:
    """The smooth patterns (N_PATTERNS, SIDE, SIDE, 3)."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    waves = [np.sin(np.pi * (a * x + b * y)) for a, b in ((1, 0), (0, 1), (1, 1), (2, 1), (1, 2), (2, 2))]
    return np.stack([wave[..., None] * rng.normal(size=3) for wave in waves])


def made(part: str) -> Made:
    """Pictures and mixtures of a part; an imagined photo is the one of the natural images."""
    names, pictures, mixtures = names_of(part), {}, {}
    for number, name in names.items():
        seed = [ord(letter) for letter in ("natural" if name == "n02416519_12793" else part) + name]
        mixture = np.random.default_rng(seed).normal(size=N_PATTERNS)
        picture = 120 + 22 * np.tensordot(mixture, patterns(), 1)
        pictures[name] = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
        mixtures[name] = mixture
        assert number >= 1
    return Made(names, pictures, mixtures)


def write_study(root: Path, subjects: int = 1, repeats: dict[str, int] | None = None) -> Path:
    """``fmri/``, ``stimuli/`` (tables) and ``pictures/``."""
    for folder in ("fmri", "stimuli", "pictures"):
        (root / folder).mkdir(parents=True)
    for part in STEMS:
        content = made(part)
        _write_pictures(root / "pictures" / part, part, content)
        if part in TSV:
            _write_table(root / "stimuli" / TSV[part], part, content)
        for subject in range(1, subjects + 1):
            count = (repeats or {"training": 3, "natural": 4, "color_shape": 4, "alphabet": 3, "imagery": 4})[
                part
            ]
            path = root / "fmri" / f"sub-{subject:02d}_{STEMS[part]}_original_VC.h5"
            write_bdata(path, part, content, subject, count)
    return root


def _write_pictures(folder: Path, part: str, content: Made) -> None:
    folder.mkdir()
    for number, name in content.names.items():
        stem = IMAGERY[number] if part == "imagery" else name
        suffix = ".tiff" if part in ("color_shape", "imagery") else ".png"
        if stem:
            Image.fromarray(content.pictures[name]).save(folder / (stem + suffix))


def _write_table(path: Path, part: str, content: Made) -> None:
    rows = []
    for number, name in content.names.items():
        ident = f"{NATURAL[number][0] + NATURAL[number][1] / 1e6:.6f}" if part == "natural" else str(number)
        rows.append(f"{name}\t{ident}\t{number}\t{number}\n")
    path.write_text("".join(reversed(rows)), encoding="utf-8")  # no order that could be relied on


def trials(part: str, count: int, seed: int) -> list[tuple[int, int]]:
    """(run, number) of each sample: all stimuli once a run in random order, some samples lost in training."""
    rng = np.random.default_rng(seed)
    numbers = list(names_of(part))
    found = [(run, int(number)) for run in range(1, count + 1) for number in rng.permutation(numbers)]
    found = [
        item
        for k, item in enumerate(found)
        if k == 0 or item[1] != found[k - 1][1] or item[0] != found[k - 1][0]
    ]
    return [item for k, item in enumerate(found) if part != "training" or k % 7 != 3]


def write_bdata(path: Path, part: str, content: Made, subject: int, count: int) -> None:
    """Samples x (voxels, Session, Run, Block, labels), as bdpy leaves them."""
    rng = np.random.default_rng([subject, len(part)])
    weights = np.random.default_rng([100, subject]).normal(size=(N_PATTERNS, 44))
    order = trials(part, count, subject)
    signal = np.stack([content.mixtures[content.names[number]] for _, number in order]) @ weights
    strength = 0.5 if part == "imagery" else 1.0
    voxels = 3.0 + strength * signal + 0.7 * rng.normal(size=signal.shape)
    numbers = np.array([number for _, number in order], float)
    labels = _labels(part, numbers)
    runs = np.array([run for run, _ in order], float)
    columns = {
        "Session": (runs + 1) // 2,
        "Run": 2 - runs % 2,
        "Block": np.arange(1.0, len(order) + 1),
        **labels,
    }
    data = np.column_stack([voxels, *columns.values()])
    keys = ["VoxelData"] * 44 + list(columns)
    metadata = {key: np.where(np.array(keys) == key, 1.0, np.nan) for key in dict.fromkeys(keys)}
    metadata["Label"] = np.where(np.isin(keys, list(labels)), 1.0, np.nan)
    for name, members in ROIS.items():
        own = np.isin(np.arange(44), members).astype(float)
        metadata[f"ROI_{name}"] = np.concatenate([own, np.full(len(columns), np.nan)])
    with h5py.File(path, "w") as file:
        file["dataset"] = data
        file["metadata/key"] = [key.encode() for key in metadata]
        file["metadata/description"] = [b"1 = " + key.encode() for key in metadata]
        file["metadata/value"] = np.stack(list(metadata.values()))


def _labels(part: str, numbers: Any) -> dict[str, Any]:
    if part == "imagery":
        wrong = np.array([WRONG[int(number)] for number in numbers])
        return {"category_id": wrong, "category_index": numbers, "evaluation": numbers * 0 + 3}
    if part in ("training", "natural"):
        pairs = dict(enumerate(TRAINING, 1)) if part == "training" else NATURAL
        ids = np.array([pairs[int(n)][0] + pairs[int(n)][1] / 1e6 for n in numbers])
        return {"stimulus_id": ids, "category_index": numbers, "image_index": numbers}
    return {"stimulus_id": numbers, "category_index": (numbers + 1) // 2, "image_index": numbers}
