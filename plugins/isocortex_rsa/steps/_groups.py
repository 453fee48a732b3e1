"""RDMs that belong together: one a subject (or session), in each ROI."""

from __future__ import annotations

from typing import NamedTuple

from isocortex.data import Collected, RDMs
from isocortex.errors import DataError, suggestion
from isocortex_rsa._items import items_of


class Group(NamedTuple):
    """RDMs of several subjects under the same other axis values; ``members`` names the subjects."""

    axes: dict[str, str]
    members: tuple[str, ...]
    rdms: RDMs


def groups_of(rdms: RDMs | Collected[RDMs], over: str, what: str) -> list[Group]:
    """Put together the RDMs along the axis ``over``, for each combination of the other axes.

    RDMs that were not collected along ``over`` are taken to be its values, by their names: one file of
    RDMs named by subject, say. Several RDMs an axis value (layers) make a group each, under ``rdm``.
    """
    items = items_of(rdms)
    if not isinstance(rdms, Collected) or over not in rdms.axes:
        if isinstance(rdms, Collected) and all(len(item) == 1 for _, item in items):
            raise DataError(f"{what}: no axis {over!r} here; {suggestion(over, rdms.axes, 'axes')}")
        return [Group(axes, item.names, item) for axes, item in items]
    found: dict[tuple[tuple[str, str], ...], list[tuple[str, RDMs]]] = {}
    single = all(len(item) == 1 for _, item in items)
    for axes, item in items:
        for name in item.names:
            rest = {axis: value for axis, value in axes.items() if axis != over}
            key = tuple((rest if single else {**rest, "rdm": name}).items())
            found.setdefault(key, []).append((axes[over], item.pick([name]).renamed([axes[over]])))
    return [
        Group(dict(key), tuple(name for name, _ in members), RDMs.stack([rdm for _, rdm in members]))
        for key, members in found.items()
    ]
