"""Unit activities of a network by layer, measured from images or decoded from a brain."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np

from isocortex.data.base import Array, Data, plain, read_only
from isocortex.data.labels import Labels, as_labels, positions, require_length, require_unique
from isocortex.data.units import Units, checked_units
from isocortex.errors import DataError, suggestion


@dataclass(frozen=True, eq=False, repr=False)
class Features(Data):
    """Layer -> array (samples, ...units), in the order of the layers, one stimulus label a sample.

    Parameters
    ----------
    layers : mapping of layer name to array; arrays may be memory maps and are not copied.
    stimuli : label of each sample, each once.
    categories : the category of each sample, if there are any.
    model : which model (or decoder) they come from.
    units : layer -> which of its units these are, for layers that are not whole.
    """

    kind: ClassVar[str] = "features"

    layers: Mapping[str, Array] = field(repr=False)
    stimuli: Labels
    categories: Labels | None = None
    model: str = ""
    units: Mapping[str, Units] = field(default_factory=dict, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        stimuli = as_labels(self.stimuli, f"{self.kind}: stimuli")
        require_unique(stimuli, f"{self.kind}: stimuli")
        object.__setattr__(self, "stimuli", stimuli)
        if self.categories is not None:
            categories = as_labels(self.categories, f"{self.kind}: categories")
            require_length(categories, len(stimuli), f"{self.kind}: categories")
            object.__setattr__(self, "categories", categories)
        names = as_labels(self.layers, f"{self.kind}: layers")
        require_unique(names, f"{self.kind}: layers")
        checked = {}
        for name, values in zip(names, self.layers.values(), strict=True):
            array = plain(values, f"{self.kind}: layer {name!r}")
            if array.dtype.kind != "f" or array.ndim < 2:
                raise DataError(
                    f"{self.kind}: layer {name!r} is {array.dtype} of shape {array.shape}; expected floating "
                    "point numbers of shape (samples, units...)"
                )
            require_length(stimuli, array.shape[0], f"{self.kind}: stimuli of layer {name!r}")
            checked[name] = read_only(array)
        object.__setattr__(self, "layers", MappingProxyType(checked))
        units = checked_units(self.units, checked, self.kind)
        object.__setattr__(self, "units", MappingProxyType(units))

    def units_of(self, layers: Iterable[str]) -> dict[str, Units]:
        """Which units those of some layers are that are not whole."""
        return {name: self.units[name] for name in layers if name in self.units}

    @property
    def n_samples(self) -> int:
        """Number of stimuli."""
        return len(self.stimuli)

    def matrix(self, layer: str) -> Array:
        """One layer as samples x units (the units in C order)."""
        if layer not in self.layers:
            raise DataError(f"{self.kind}: no layer {layer!r}; {suggestion(layer, self.layers, 'layers')}")
        values = self.layers[layer]
        return values.reshape(values.shape[0], math.prod(values.shape[1:]))

    def select(self, stimuli: Sequence[str]) -> Self:
        """Keep and order samples by stimulus label."""
        rows = positions(stimuli, self.stimuli, f"{self.kind}: stimuli")
        categories = None if self.categories is None else tuple(self.categories[row] for row in rows)
        return replace(
            self,
            layers={name: values[rows] for name, values in self.layers.items()},
            stimuli=tuple(stimuli),
            categories=categories,
        )

    def save(self, folder: Path) -> None:
        """Write one ``.npy`` a layer and ``features.json``; places of units, where some are left out."""
        from isocortex.formats import arrays

        files = arrays.file_names(self.layers)
        for name, values in self.layers.items():
            arrays.write_array(folder / f"{files[name]}.npy", values)
        info = {"files": files, **self._info()}
        if self.units:
            (folder / "units").mkdir()
            info["units"] = {name: chosen.info() for name, chosen in self.units.items()}
        for name, chosen in self.units.items():
            if chosen.places is not None:
                arrays.write_array(folder / "units" / f"{files[name]}.npy", chosen.places)
        arrays.write_json(folder / "features.json", info)

    def _info(self) -> dict[str, Any]:
        return {"stimuli": self.stimuli, "categories": self.categories, "model": self.model}

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote; the layers are memory maps."""
        from isocortex.formats import arrays

        with arrays.described(folder / "features.json") as info:
            files = info.pop("files").items()
            layers = {name: arrays.read_array(arrays.inside(folder, f"{file}.npy")) for name, file in files}
            units = {}
            for name, about in info.pop("units", {}).items():
                file = arrays.inside(folder / "units", f"{dict(files)[name]}.npy")
                places = np.array(arrays.read_array(file)) if about["some"] else None
                units[name] = Units(tuple(about["whole"]), about["grid"], places)
            return cls(layers=layers, units=units, **info)

    def summary(self) -> str:
        """Say in one line what is in here."""
        text = f"{self.n_samples} stimuli x {len(self.layers)} layers" + f" of {self.model}" * bool(
            self.model
        )
        return text + f"; not all units of {len(self.units)}" * bool(self.units)


@dataclass(frozen=True, eq=False, repr=False)
class Decoded(Features):
    """Features decoded from brain activity, with how many repetitions were averaged for each sample.

    Averaging test trials shrinks the noise, so what follows has to know it.
    """

    kind: ClassVar[str] = "decoded"

    subject: str = ""
    roi: str = ""
    averaged: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.averaged is not None:
            counts = tuple(int(count) for count in self.averaged)
            whole = all(count == given for count, given in zip(counts, self.averaged, strict=True))
            if not whole or len(counts) != len(self.stimuli) or min(counts, default=1) < 1:
                raise DataError(
                    "decoded: give the number of averaged repetitions, at least 1, for each sample"
                )
            object.__setattr__(self, "averaged", counts)

    def select(self, stimuli: Sequence[str]) -> Self:
        """Keep and order samples by stimulus label."""
        rows = positions(stimuli, self.stimuli, "decoded: stimuli")
        averaged = None if self.averaged is None else tuple(self.averaged[row] for row in rows)
        return super(Decoded, replace(self, averaged=None)).select(stimuli)._with_counts(averaged)

    def _with_counts(self, averaged: tuple[int, ...] | None) -> Self:
        return replace(self, averaged=averaged)

    def _info(self) -> dict[str, Any]:
        return {**super()._info(), "subject": self.subject, "roi": self.roi, "averaged": self.averaged}
