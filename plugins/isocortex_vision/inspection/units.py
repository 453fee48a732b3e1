"""Which units of a layer are meant, and the targets whose inner product with the layer is their activity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isocortex.contracts import Model
from isocortex.data.labels import require_unique
from isocortex.errors import DataError, suggestion

Units = list[int] | list[str] | Literal["all"]


class Unit(NamedTuple):
    """A channel or unit of a layer: its label and its place on the last axis."""

    label: str
    channel: int


def layer_shape(model: Model, layer: str) -> tuple[int, ...]:
    """Shape of one image's activity in a layer."""
    if layer not in model.layers:
        raise DataError(
            f"activation maximisation: no layer {layer!r}; {suggestion(layer, model.layers, 'layers')}"
        )
    shapes = getattr(model, "layer_shapes", None)
    if shapes is not None:
        return tuple(shapes[layer])
    blank = np.full((1, *model.image_size, 3), 127.0, dtype=np.float32)
    return tuple(np.asarray(model.features(blank, [layer])[layer]).shape[1:])


def units_of(
    layer: str, count: int, units: Units, classes: Sequence[str] | None, position: Sequence[int] | None
) -> list[Unit]:
    """Find units by number (from 0) or class; labels: ``layer:unit``, at a position ``layer:unit@y,x``."""
    names = None if classes is None else list(classes)
    if names is not None and len(names) != count:
        raise DataError(
            f"activation maximisation: {len(names)} classes are named, and {layer!r} has {count} units"
        )
    wanted: Sequence[int | str] = range(count) if units == "all" else units  # type: ignore[assignment]
    if not wanted:
        raise DataError("activation maximisation: no units are asked for")
    channels = [_channel(unit, layer, count, names) for unit in wanted]
    at = "" if position is None else f"@{','.join(map(str, position))}"
    found = [
        Unit(f"{layer}:{channel if names is None else names[channel]}{at}", channel) for channel in channels
    ]
    require_unique([unit.label for unit in found], "activation maximisation: units")
    return found


def target(
    shape: tuple[int, ...], units: Sequence[Unit], position: Sequence[int] | None
) -> npt.NDArray[np.float32]:
    """Targets (units, *shape): the inner product with a layer is a channel's mean, or one unit's activity."""
    made = np.zeros((len(units), *shape), dtype=np.float32)
    for row, unit in enumerate(units):
        if position is not None:
            made[(row, *position, unit.channel)] = 1.0
        else:
            made[row, ..., unit.channel] = 1.0 / max(1, int(np.prod(shape[:-1])))
    return made


def check_position(shape: tuple[int, ...], layer: str, position: Sequence[int] | None) -> None:
    """Raise unless a position lies within the layer's maps."""
    if position is None:
        return
    if len(shape) != 3 or not all(0 <= place < size for place, size in zip(position, shape, strict=False)):
        maps = " x ".join(map(str, shape[:-1])) or "none"
        raise DataError(
            f"activation maximisation: position {tuple(position)} is not in {layer!r} (maps: {maps})"
        )


def _channel(unit: int | str, layer: str, count: int, names: list[str] | None) -> int:
    if isinstance(unit, str):
        if names is None:
            raise DataError(
                f"activation maximisation: {unit!r} is a name; say which classes the units stand for"
            )
        if unit not in names:
            raise DataError(
                f"activation maximisation: no class {unit!r}; {suggestion(unit, names, 'classes')}"
            )
        return names.index(unit)
    if not 0 <= unit < count:
        raise DataError(
            f"activation maximisation: {layer!r} has units 0 to {count - 1}, and {unit} is asked for"
        )
    return int(unit)
