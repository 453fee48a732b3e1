"""Six kinds of objects drawn by code: bed, bird, cat, dog, house, tree; no picture is like another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from isocortex.errors import DataError, suggestion

Colour = tuple[int, int, int]
Random = np.random.Generator
SCALE = 3
"""Drawn larger by this factor and shrunk, so that edges are smooth."""


class Pen:
    """Draws in a unit square (x to the right, y down) that is placed, scaled and mirrored on a picture."""

    def __init__(self, canvas: Any, side: int, rng: Random) -> None:
        self.canvas = canvas
        self.size = side * rng.uniform(0.7, 0.95)
        room = side - self.size
        self.left, self.top = rng.uniform(0, room), rng.uniform(0, room)
        self.mirrored = bool(rng.random() < 0.5)

    def _place(self, x: float, y: float) -> tuple[float, float]:
        x = 1 - x if self.mirrored else x
        return self.left + x * self.size, self.top + y * self.size

    def shape(self, points: list[tuple[float, float]], colour: Colour) -> None:
        """Fill a polygon."""
        self.canvas.polygon([self._place(*point) for point in points], fill=colour)

    def box(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """Fill a rectangle."""
        self.shape([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], colour)

    def disc(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """Fill an ellipse around (x, y)."""
        (x0, y0), (x1, y1) = (
            self._place(x - width / 2, y - height / 2),
            self._place(x + width / 2, y + height / 2),
        )
        self.canvas.ellipse((min(x0, x1), y0, max(x0, x1), y1), fill=colour)


def bed(pen: Pen, main: Colour, dark: Colour, rng: Random) -> None:
    """Seen from the side: frame, mattress, pillow, legs."""
    high = rng.uniform(0.25, 0.4)
    pen.box(0.02, high, 0.07, 0.82 - high, dark)
    pen.box(0.91, 0.5, 0.07, 0.32, dark)
    pen.box(0.06, 0.62, 0.88, 0.12, dark)
    pen.box(0.09, 0.5, 0.82, 0.13, main)
    pen.disc(0.22, 0.47, 0.22, 0.1, (245, 245, 240))


def bird(pen: Pen, main: Colour, dark: Colour, rng: Random) -> None:
    """Body, head, beak, wing, tail, thin legs."""
    tilt = rng.uniform(-0.05, 0.05)
    pen.shape([(0.3, 0.5), (0.02, 0.42 + tilt), (0.05, 0.6 + tilt), (0.32, 0.62)], dark)
    pen.disc(0.48, 0.55, 0.46, 0.3, main)
    pen.disc(0.72, 0.36, 0.22, 0.22, main)
    pen.shape([(0.81, 0.33), (0.97, 0.38 + tilt), (0.81, 0.41)], (235, 160, 40))
    pen.shape([(0.34, 0.48), (0.62, 0.5), (0.36, 0.72 + tilt)], dark)
    pen.disc(0.75, 0.33, 0.04, 0.04, (15, 15, 15))
    for x in (0.44, 0.54):
        pen.box(x, 0.68, 0.02, 0.2, (200, 120, 40))


def cat(pen: Pen, main: Colour, dark: Colour, rng: Random) -> None:
    """A face: pointed ears, eyes with slits, whiskers."""
    ear = rng.uniform(0.05, 0.12)
    pen.shape([(0.18, 0.45), (0.2, ear), (0.45, 0.3)], main)
    pen.shape([(0.82, 0.45), (0.8, ear), (0.55, 0.3)], main)
    pen.disc(0.5, 0.55, 0.7, 0.62, main)
    for x in (0.36, 0.64):
        pen.disc(x, 0.5, 0.13, 0.12, (180, 200, 60))
        pen.disc(x, 0.5, 0.03, 0.11, (15, 15, 15))
    pen.shape([(0.45, 0.62), (0.55, 0.62), (0.5, 0.68)], dark)
    for y in (0.64, 0.69, 0.74):
        pen.box(0.05, y, 0.28, 0.01, dark)
        pen.box(0.67, y, 0.28, 0.01, dark)


def dog(pen: Pen, main: Colour, dark: Colour, rng: Random) -> None:
    """Seen from the side: four legs, long muzzle, hanging ear, raised tail."""
    wag = rng.uniform(0.1, 0.3)
    pen.shape([(0.16, 0.48), (0.02, wag), (0.08, wag - 0.02), (0.24, 0.45)], main)
    pen.disc(0.45, 0.53, 0.64, 0.26, main)
    for x in (0.17, 0.28, 0.58, 0.69):
        pen.box(x, 0.55, 0.06, 0.36, main)
    pen.disc(0.76, 0.32, 0.28, 0.26, main)
    pen.box(0.8, 0.31, 0.18, 0.11, main)
    pen.disc(0.97, 0.33, 0.05, 0.05, (15, 15, 15))
    pen.disc(0.67, 0.37, 0.1, 0.26, dark)
    pen.disc(0.81, 0.27, 0.03, 0.03, (15, 15, 15))


def house(pen: Pen, main: Colour, dark: Colour, rng: Random) -> None:
    """Walls, roof, door, two windows, chimney."""
    ridge = rng.uniform(0.08, 0.2)
    pen.box(0.68, ridge + 0.02, 0.08, 0.25, dark)
    pen.box(0.14, 0.42, 0.72, 0.5, main)
    pen.shape([(0.06, 0.44), (0.5, ridge), (0.94, 0.44)], dark)
    pen.box(0.43, 0.66, 0.15, 0.26, dark)
    for x in (0.21, 0.65):
        pen.box(x, 0.52, 0.14, 0.14, (205, 225, 245))


def tree(pen: Pen, main: Colour, dark: Colour, rng: Random) -> None:
    """A trunk, and a crown of overlapping discs; always green and brown."""
    pen.box(0.44, 0.5, 0.12, 0.45, (95 + int(rng.integers(30)), 65, 35))
    for _ in range(9):
        green = (int(rng.integers(20, 70)), int(rng.integers(95, 160)), int(rng.integers(20, 60)))
        pen.disc(rng.uniform(0.3, 0.7), rng.uniform(0.2, 0.48), 0.36, 0.32, green)


KINDS: Mapping[str, Callable[[Pen, Colour, Colour, Random], None]] = MappingProxyType(
    {"bed": bed, "bird": bird, "cat": cat, "dog": dog, "house": house, "tree": tree}
)


def draw(name: str, side: int, rng: Random) -> npt.NDArray[np.uint8]:
    """Draw one picture (side, side, 3) of a kind, with place, size, colours and background of its own."""
    from PIL import Image, ImageDraw

    if name not in KINDS:
        raise DataError(f"no drawing of {name!r}; {suggestion(name, KINDS, 'kinds')}")
    large = side * SCALE
    picture = Image.fromarray(ground(large, rng))
    main = tuple(int(level) for level in rng.integers(60, 220, 3))
    dark = tuple(level // 2 for level in main)
    KINDS[name](Pen(ImageDraw.Draw(picture), large, rng), main, dark, rng)  # type: ignore[arg-type]
    small = np.asarray(picture.resize((side, side), Image.Resampling.BOX), dtype=np.float64)
    noisy = small + rng.normal(0, 6, small.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def ground(side: int, rng: Random) -> npt.NDArray[np.uint8]:
    """A light ground that changes smoothly from top to bottom."""
    top, bottom = rng.uniform(150, 255, 3), rng.uniform(110, 230, 3)
    weight = np.linspace(0, 1, side)[:, None, None]
    return np.broadcast_to(np.rint(top + (bottom - top) * weight), (side, side, 3)).astype(np.uint8)
