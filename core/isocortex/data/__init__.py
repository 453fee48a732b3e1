"""Labelled, immutable data: what flows between steps."""

from typing import TYPE_CHECKING

from isocortex._lazy import attach

if TYPE_CHECKING:
    from isocortex.data.base import Data as Data
    from isocortex.data.collected import Collected as Collected
    from isocortex.data.features import Decoded as Decoded
    from isocortex.data.features import Features as Features
    from isocortex.data.figure import Figure as Figure
    from isocortex.data.images import Images as Images
    from isocortex.data.maps import StatMaps as StatMaps
    from isocortex.data.patterns import Patterns as Patterns
    from isocortex.data.rdms import RDMs as RDMs
    from isocortex.data.space import Space as Space
    from isocortex.data.table import Table as Table

EXPORTS = {
    "Collected": "isocortex.data.collected",
    "Data": "isocortex.data.base",
    "Decoded": "isocortex.data.features",
    "Features": "isocortex.data.features",
    "Figure": "isocortex.data.figure",
    "Images": "isocortex.data.images",
    "Patterns": "isocortex.data.patterns",
    "RDMs": "isocortex.data.rdms",
    "Space": "isocortex.data.space",
    "StatMaps": "isocortex.data.maps",
    "Table": "isocortex.data.table",
}

__getattr__, __dir__, __all__ = attach(__name__, EXPORTS)
