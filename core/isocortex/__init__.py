"""isocortex: compare human brain activity with convolutional networks, read images back from the brain."""

from typing import TYPE_CHECKING

from isocortex import _noting
from isocortex._lazy import attach

_noting.start()
__version__ = "0.1.0"

if TYPE_CHECKING:
    from isocortex.api import check as check
    from isocortex.api import get as get
    from isocortex.api import plugin_manager as plugin_manager
    from isocortex.api import run as run
    from isocortex.data import Collected as Collected
    from isocortex.data import Data as Data
    from isocortex.data import Decoded as Decoded
    from isocortex.data import Features as Features
    from isocortex.data import Figure as Figure
    from isocortex.data import Images as Images
    from isocortex.data import Patterns as Patterns
    from isocortex.data import RDMs as RDMs
    from isocortex.data import Space as Space
    from isocortex.data import StatMaps as StatMaps
    from isocortex.data import Table as Table
    from isocortex.errors import IsocortexError as IsocortexError
    from isocortex.pipeline.settings import AxisValues as AxisValues
    from isocortex.pipeline.settings import InputFile as InputFile
    from isocortex.pipeline.settings import InputFolder as InputFolder
    from isocortex.pipeline.settings import WorkFolder as WorkFolder
    from isocortex.pipeline.splitting import Part as Part
    from isocortex.pipeline.splitting import splits as splits
    from isocortex.plugins.markers import hookimpl as hookimpl

EXPORTS = {
    "AxisValues": "isocortex.pipeline.settings",
    "Collected": "isocortex.data",
    "Data": "isocortex.data",
    "Decoded": "isocortex.data",
    "Features": "isocortex.data",
    "Figure": "isocortex.data",
    "Images": "isocortex.data",
    "InputFile": "isocortex.pipeline.settings",
    "InputFolder": "isocortex.pipeline.settings",
    "IsocortexError": "isocortex.errors",
    "Part": "isocortex.pipeline.splitting",
    "Patterns": "isocortex.data",
    "RDMs": "isocortex.data",
    "Space": "isocortex.data",
    "StatMaps": "isocortex.data",
    "Table": "isocortex.data",
    "WorkFolder": "isocortex.pipeline.settings",
    "check": "isocortex.api",
    "contracts": "",
    "data": "",
    "get": "isocortex.api",
    "hookimpl": "isocortex.plugins.markers",
    "plugin_manager": "isocortex.api",
    "run": "isocortex.api",
    "splits": "isocortex.pipeline.splitting",
    "testing": "",
}

__getattr__, __dir__, __all__ = attach(__name__, EXPORTS)
