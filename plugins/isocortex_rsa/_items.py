"""Walking over one data object, or over those of several axis values, in the same way."""

from __future__ import annotations

from typing import TypeVar

from isocortex.data import Collected
from isocortex.pipeline.settings import AxisValues

Item = TypeVar("Item")

NO_AXES = AxisValues({})


def items_of(data: Item | Collected[Item]) -> list[tuple[dict[str, str], Item]]:
    """List (axis values, item); a single object has no axis values."""
    if isinstance(data, Collected):
        return [(data.values_of(key), item) for key, item in data.items()]
    return [({}, data)]


def name_of(axes: dict[str, str]) -> str:
    """Join axis values to one name: ``S1`` or ``S1,V1``."""
    return ",".join(axes.values())
