"""Names of layers that no trained network can have, found before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

from pydantic import AfterValidator

from isocortex.errors import DataError
from isocortex.layer_names import select_layers


class _Known(NamedTuple):
    """All layers that a VGG16 or VGG19 with some head has, and the study's short names."""

    layers: Sequence[str]
    layer_aliases: Mapping[str, Sequence[str]]


def known_layers(wanted: str | list[str]) -> str | list[str]:
    """Give the layers back; raises ``ValueError`` with the nearest names for one that no VGG has."""
    from isocortex_vision.networks.vgg import vgg

    names: dict[str, None] = {}
    for depth in (16, 19):
        for head in ("lee2023", "fc"):
            names |= dict.fromkeys(vgg(depth, head=head).addresses)
    aliases = dict.fromkeys(("lee2023", *(f"layers-1to{last}" for last in (1, 3, 5, 7))), tuple(names))
    try:
        select_layers(_Known(tuple(names), aliases), wanted)
    except DataError as error:
        raise ValueError(f"layers of a VGG; {error}") from None
    return wanted


NetworkLayers = Annotated[str | list[str], AfterValidator(known_layers)]
"""Setting: layers by name, pattern or short name, checked against the layers that a VGG can have."""
