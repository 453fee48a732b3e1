"""Real handwritten digits and drawn objects in colour, on grounds of one kind, for the simulated study."""

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
from isocortex_studies.concepts import CONDITIONS, DIGITS, OBJECTS
from isocortex_studies.drawn_objects import Random, draw, ground
from isocortex_studies.picture_sources import DIGITS_LIBRARIES, LIBRARIES

_DIGIT = 1000
"""Keeps the random numbers of digits apart from those of drawings, which count from 0."""
MOST_DIGITS = 174
"""scikit-learn has so many of its rarest digit."""


class ColouredPictures:
    """scikit-learn's handwritten digits in ink of any colour, and six kinds of objects drawn by code.

    Digits and objects stand on grounds of the same kind, at places and sizes of their own, so that a network
    cannot tell them apart by the ground alone. Neither are photographs: what holds of them need not hold of
    those.

    Parameters
    ----------
    per_category, first : so many pictures of each category, from this number on (0 is the first). Two sets
        that share no number share no picture.
    categories : which, in this order (default: the ten digits and six objects of the study).
    size : height and width in pixels.
    seed : of places, sizes and colours.
    """

    loads: Mapping[str, tuple[str, ...]] = MappingProxyType({"images": ()})

    def __init__(
        self,
        per_category: int = 12,
        first: int = 0,
        categories: list[str] | None = None,
        size: int = 96,
        seed: int = 0,
    ) -> None:
        self.per_category = per_category
        self.first = first
        self.categories = list(CONDITIONS) if categories is None else list(categories)
        self.size = size
        self.seed = seed

    def axes(self) -> Mapping[str, Sequence[str]]:
        """There is nothing to run along."""
        return {}

    def check(self) -> list[str]:
        """Say what is wrong with the settings."""
        problems = [
            f"categories: no {name!r}; {suggestion(name, CONDITIONS, 'categories')}"
            for name in self.categories
            if name not in CONDITIONS
        ]
        if len(set(self.categories)) < len(self.categories) or not self.categories:
            problems.append("categories: give each category once, and at least one")
        if self.per_category < 1 or self.first < 0:
            problems.append("per_category must be 1 or more, and first 0 or more")
        elif self.first + self.per_category > MOST_DIGITS and any(c in DIGITS for c in self.categories):
            problems.append(
                f"first + per_category is {self.first + self.per_category}; there are {MOST_DIGITS} pictures "
                "of each digit"
            )
        if self.size < 16:
            problems.append(f"size is {self.size}; it must be 16 pixels or more")
        return problems

    def files(self, kind: str, **axes: str) -> list[Path]:
        """List the files that a load reads: none of the user's."""
        return []

    def cost(self, kind: str) -> Cost:
        """What making the pictures takes."""
        number = self.per_category * len(self.categories)
        made = outlines.images(number, self.size, self.size)
        libraries = DIGITS_LIBRARIES if any(name in DIGITS for name in self.categories) else 0
        return Cost(LIBRARIES + libraries + 2 * number * self.size**2 * 3, {"result": made})

    def load_images(self) -> Images:
        """Make the pictures, labelled by category and number: ``zero-01``."""
        problems = self.check()
        if problems:
            raise DataError(f"coloured-pictures: {'; '.join(problems)}")
        numbers = range(self.first, self.first + self.per_category)
        values = np.stack([self._picture(name, number) for name in self.categories for number in numbers])
        labels = tuple(f"{name}-{number + 1:02d}" for name in self.categories for number in numbers)
        return Images(values, labels, tuple(name for name in self.categories for _ in numbers))

    def _picture(self, name: str, number: int) -> npt.NDArray[np.uint8]:
        if name in OBJECTS:
            return draw(name, self.size, np.random.default_rng([self.seed, OBJECTS.index(name), number]))
        digit = DIGITS.index(name)
        rng = np.random.default_rng([self.seed, _DIGIT + digit, number])
        return coloured_digit(digit, number, self.size, rng)


def coloured_digit(digit: int, number: int, side: int, rng: Random) -> npt.NDArray[np.uint8]:
    """Put a handwritten digit (8 x 8 grey levels) in ink of a random colour on a ground, (side, side, 3)."""
    from PIL import Image

    size = round(side * rng.uniform(0.7, 0.95))
    top, left = rng.integers(0, side - size + 1, 2)
    levels = Image.fromarray(np.pad(_handwritten(digit, number), 1))
    grown = np.asarray(levels.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float64) / 255
    ink = np.zeros((side, side, 1))
    ink[top : top + size, left : left + size, 0] = np.clip((grown - 0.35) / 0.3, 0, 1)
    paper = ground(side, rng).astype(np.float64)
    mixed = paper + ink * (rng.integers(30, 200, 3) - paper) + rng.normal(0, 6, paper.shape)
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def _handwritten(digit: int, number: int) -> npt.NDArray[np.uint8]:
    from sklearn.datasets import load_digits

    pixels, codes = load_digits(return_X_y=True)
    own = pixels[np.flatnonzero(codes == digit)[number]]
    return np.rint(own.reshape(8, 8) * 255 / 16).astype(np.uint8)
