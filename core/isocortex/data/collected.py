"""What a step without an axis gets from a step that was run along it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from isocortex.errors import DataError

Item = TypeVar("Item", covariant=True)


class Collected(Mapping[str, Item], Generic[Item]):
    """An ordered mapping from axis value to item; with several axes the values are joined by a comma.

    ``axes`` names the axes; ``values_of(key)`` gives the axis values of one key.
    """

    def __init__(self, items: Mapping[tuple[str, ...], Item], axes: tuple[str, ...]) -> None:
        self.axes = axes
        self._keys = {",".join(key): key for key in items}
        self._items = {",".join(key): item for key, item in items.items()}
        if len(self._items) != len(items):
            raise DataError(
                f"collected over {' x '.join(axes)}: axis values with commas cannot be told apart"
            )

    def __getitem__(self, key: str) -> Item:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def values_of(self, key: str) -> dict[str, str]:
        """Axis values of one key, by axis name."""
        return dict(zip(self.axes, self._keys[key], strict=True))

    def __repr__(self) -> str:
        return f"Collected over {' x '.join(self.axes)}: {', '.join(self)}"
