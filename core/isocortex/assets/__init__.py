"""Public files that plugins name (weights, data): what there is, fetching it once, and finding it again."""

from typing import TYPE_CHECKING

from isocortex._lazy import attach

if TYPE_CHECKING:
    from isocortex.assets.asset import Asset as Asset
    from isocortex.assets.asset import AssetFile as AssetFile
    from isocortex.assets.fetching import fetch as fetch
    from isocortex.assets.locating import locate as locate

EXPORTS = {
    "Asset": "isocortex.assets.asset",
    "AssetFile": "isocortex.assets.asset",
    "fetch": "isocortex.assets.fetching",
    "locate": "isocortex.assets.locating",
}

__getattr__, __dir__, __all__ = attach(__name__, EXPORTS)
