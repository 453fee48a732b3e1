"""Small labelled pictures to train on: scikit-learn's digits, and made or real objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from isocortex.data import Images

DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
OBJECTS = ("Bed", "Bird", "Cat", "Dog", "House", "Tree")


def digit_pictures(held_out: bool, size: int = 32) -> Images:
    """The 1,797 real digits of scikit-learn: every fourth is held out."""
    values, codes = load_digits(return_X_y=True)
    rows = [k for k in range(len(codes)) if (k % 4 == 0) == held_out]
    levels = np.rint(values[rows].reshape(-1, 8, 8) * 255 / 16).astype(np.uint8)
    grown = levels.repeat(size // 8, axis=1).repeat(size // 8, axis=2)
    pictures = np.repeat(grown[..., None], 3, axis=3)
    return Images(pictures, [f"digit {k}" for k in rows], [DIGITS[codes[k]] for k in rows])


def made_objects(each: int, seed: int, size: int = 32, kinds: int = 6) -> Images:
    """Coloured gratings, of one orientation and colour a category, in noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    pictures = []
    for kind in range(kinds):
        colour = np.array([90, 60, 30]) if kind % 2 else np.array([30, 60, 90])
        for _ in range(each):
            waves = np.sin((x * np.cos(kind / 2) + y * np.sin(kind / 2)) * 0.9 + rng.uniform(0, 6.3))
            made = 128 + waves[..., None] * colour + rng.normal(0, 12, (size, size, 3))
            pictures.append(np.clip(np.rint(made), 0, 255).astype(np.uint8))
    names = [name for name in OBJECTS[:kinds] for _ in range(each)]
    return Images(np.stack(pictures), [f"made {seed} {k}" for k in range(len(names))], names)


def real_objects(folder: Path, held_out: bool) -> Images:
    """Six categories of CIFAR's pictures."""
    with np.load(folder / "objects32_cifar" / "objects32.npz") as file:
        part = "test" if held_out else "train"
        names = [str(file["categories"][k]).capitalize() for k in file[f"{part}_labels"]]
        return Images(file[f"{part}_images"], [f"{part} {k}" for k in range(len(names))], names)


def joined(*parts: Images) -> Images:
    """Several as one."""
    return Images(
        np.concatenate([part.values for part in parts]),
        [label for part in parts for label in part.stimuli],
        [name for part in parts for name in part.categories or ()],
    )


def some(images: Images, each: int) -> Images:
    """The first few of each category."""
    seen: dict[str, int] = {}
    keep = []
    for label, name in zip(images.stimuli, images.categories or (), strict=True):
        seen[name] = seen.get(name, 0) + 1
        if seen[name] <= each:
            keep.append(label)
    return images.select(keep)
