"""Which units of a layer there are, where they are not all of them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from isocortex.data.base import Array
from isocortex.errors import DataError, LabelMismatch

if TYPE_CHECKING:
    from isocortex.data.features import Features


@dataclass(frozen=True, eq=False)
class Units:
    """Some units of a layer, or means over squares of its maps, or some of these.

    Parameters
    ----------
    whole : shape of the whole layer without the samples' axis.
    grid : maps (height, width, channels) are averaged over ``grid`` x ``grid`` squares; 1: over all places.
    places : which units are kept, in C order of the layer (of the averaged one), ascending; None: all.
    """

    whole: tuple[int, ...]
    grid: int | None = None
    places: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "whole", tuple(int(length) for length in self.whole))
        if self.grid is not None and (len(self.whole) != 3 or not 1 <= self.grid <= min(self.whole[:2])):
            raise DataError(f"units: maps of {self.whole} have no {self.grid} x {self.grid} squares")
        if self.places is not None:
            places = np.asarray(self.places, dtype=np.int64)
            inside = places.size and places[0] >= 0 and places[-1] < math.prod(self.averaged)
            if places.ndim != 1 or not inside or (np.diff(places) <= 0).any():
                raise DataError(f"units: places have to ascend, each once, within a layer of {self.averaged}")
            places.setflags(write=False)
            object.__setattr__(self, "places", places)

    @property
    def averaged(self) -> tuple[int, ...]:
        """Shape after averaging."""
        return self.whole if self.grid is None else (self.grid, self.grid, self.whole[2])

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of what is kept."""
        return self.averaged if self.places is None else (len(self.places),)

    @property
    def all(self) -> bool:
        """Whether nothing is left out."""
        return self.grid is None and self.places is None

    def of(self, values: Array) -> Array:
        """Take these units out of a whole layer (n, *whole)."""
        if values.shape[1:] != self.whole:
            raise DataError(f"units: of a layer of {self.whole}, not of {values.shape[1:]}")
        if self.grid is not None:
            values = _averaged(values, self.grid)
        if self.places is None:
            return values
        return np.asarray(values.reshape(len(values), -1)[:, self.places])

    def same_as(self, other: Units) -> bool:
        """Whether both stand for the same units."""
        mine, others = self.places, other.places
        if (self.whole, self.grid, mine is None) != (other.whole, other.grid, others is None):
            return False
        return mine is None or others is None or np.array_equal(mine, others)

    def info(self) -> dict[str, Any]:
        """Plain form, without the places."""
        return {"whole": list(self.whole), "grid": self.grid, "some": self.places is not None}

    def __str__(self) -> str:
        parts = [f"means of {self.grid} x {self.grid} squares"] * (self.grid is not None)
        parts += [] if self.places is None else [f"{len(self.places)} of {math.prod(self.averaged)} units"]
        return ", ".join(parts) or "all units"


def drawn(whole: tuple[int, ...], layer: str, number: int | None, grid: int | None, seed: int) -> Units:
    """Choose units of a layer: the same ones for the same name, shape, number and seed, whatever the images.

    A layer without so many units, or without maps, is kept as it is in that respect; so are maps that have
    fewer places than the grid.
    """
    maps = grid is not None and len(whole) == 3 and grid < min(whole[:2])
    averaged = Units(whole, grid if maps else None)
    total = math.prod(averaged.shape)
    if number is None or number >= total:
        return averaged
    name = int.from_bytes(hashlib.sha256(layer.encode()).digest()[:8])
    rng = np.random.default_rng(np.random.SeedSequence([seed, name, total]))
    return Units(whole, averaged.grid, np.sort(rng.choice(total, number, replace=False)))


def require_same_units(one: Features, other: Features, layer: str, what: str) -> None:
    """Raise ``LabelMismatch`` where a layer of two has other units in one than in the other."""
    mine, others = one.units.get(layer), other.units.get(layer)
    if mine is None and others is None:
        return
    if mine is None or others is None or not mine.same_as(others):
        texts = [str(units) if units is not None else "all units" for units in (mine, others)]
        hint = " (drawn with another units_seed)" if texts[0] == texts[1] else ""
        raise LabelMismatch(
            f"{what}: layer {layer!r} has {texts[0]} in the {one.kind}, and {texts[1]} in the {other.kind}"
            f"{hint}; extract both with the same units, grid and units_seed"
        )


def require_whole(features: Features, layers: Iterable[str], what: str) -> None:
    """Raise ``DataError`` where a layer lacks units that the model has."""
    for name in layers:
        if name in features.units:
            raise DataError(
                f"{what}: layer {name!r} holds {features.units[name]}, and images come from whole layers "
                "alone; extract this layer without units and grid"
            )


def checked_units(units: Mapping[str, Units], layers: Mapping[str, Array], what: str) -> dict[str, Units]:
    """Check that units belong to layers and have their shapes; those that leave nothing out are dropped."""
    kept = {}
    for name, chosen in units.items():
        if name not in layers or layers[name].shape[1:] != chosen.shape:
            have = layers[name].shape[1:] if name in layers else "not there"
            raise DataError(f"{what}: units of {chosen.shape} are given for layer {name!r}, which is {have}")
        if not chosen.all:
            kept[name] = chosen
    return kept


def _averaged(values: Array, grid: int) -> Array:
    """Means over squares of maps (n, height, width, channels), whose borders are rounded to pixels."""
    height, width = values.shape[1:3]
    rows = [round(height * k / grid) for k in range(grid + 1)]
    columns = [round(width * k / grid) for k in range(grid + 1)]
    out = np.empty((len(values), grid, grid, values.shape[3]), values.dtype)
    for i in range(grid):
        for j in range(grid):
            square = values[:, rows[i] : rows[i + 1], columns[j] : columns[j + 1]]
            out[:, i, j] = square.mean(axis=(1, 2), dtype=np.float64)
    return out
