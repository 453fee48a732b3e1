"""Which model RDMs belong to which RDMs, where either comes from several axis values."""

from __future__ import annotations

from collections.abc import Iterator

from isocortex.data import Collected, RDMs
from isocortex.errors import DataError
from isocortex_rsa._items import items_of


def matched(
    rdms: RDMs | Collected[RDMs], models: RDMs | Collected[RDMs], what: str, own_columns: tuple[str, ...]
) -> Iterator[tuple[dict[str, str], RDMs, RDMs]]:
    """Walk over (axis values, RDMs, models), matched on the axes that both have.

    Raises ``DataError`` where there are no models for some RDMs, or an axis is called as a column of the
    result is (``own_columns``).
    """
    for own, brain in items_of(rdms):
        matches = [(other, model) for other, model in items_of(models) if _agree(own, other)]
        if not matches:
            raise DataError(f"{what}: there are no models for {_text(own)}")
        for other, model in matches:
            axes = {**own, **other}
            taken = [axis for axis in axes if axis in own_columns]
            if taken:
                raise DataError(f"{what}: no axis can be called {taken[0]!r}: a column of the result is")
            yield axes, brain, model


def one_of(rdms: RDMs | Collected[RDMs], axes: dict[str, str], what: str) -> RDMs:
    """The one item that agrees with some axis values (control RDMs of that subject)."""
    found = [item for own, item in items_of(rdms) if _agree(axes, own)]
    if len(found) != 1:
        raise DataError(f"{what}: there are {len(found)} for {_text(axes)}, expected one")
    return found[0]


def _agree(first: dict[str, str], second: dict[str, str]) -> bool:
    return all(second[axis] == value for axis, value in first.items() if axis in second)


def _text(axes: dict[str, str]) -> str:
    return ", ".join(f"{axis} {value}" for axis, value in axes.items()) or "these RDMs"
