"""Finding what was fetched. Nothing is downloaded here."""

from __future__ import annotations

from pathlib import Path

from isocortex.assets.asset import Asset
from isocortex.assets.catalogue import Catalogue
from isocortex.assets.places import Places, data_folder, in_package
from isocortex.assets.records import Record
from isocortex.errors import DataError, IsocortexError
from isocortex.plugins.manager import PluginManager


def locate(name: str, manager: PluginManager | None = None, data: Path | None = None) -> Path:
    """Give the local file or folder of an asset, its checksums compared.

    Raises ``DataError`` with the command that gets it when it is not here, or when it has changed;
    ``UnknownComponent`` when no plugin names such an asset.
    """
    return path_of(Catalogue.of(manager or PluginManager()).find(name), data)


def path_of(asset: Asset, data: Path | None = None) -> Path:
    """Give the local file or folder of an asset, its checksums compared; see ``locate``."""
    if asset.package:
        return in_package(asset)
    places = Places(data or data_folder(), asset)
    if not is_here(asset, places.data):
        raise DataError(f"the asset {asset.name!r} is not fetched yet; run: isocortex fetch {asset.name}")
    record = Record(places.record)
    for file in asset.files:
        for fault in record.files[file.name].changed(places.folder):
            raise DataError(f"{fault}; delete that file and run: isocortex fetch {asset.name}")
    return places.result


def asset_instead(path: str, manager: PluginManager) -> tuple[Path | None, str]:
    """Give the local path of the asset that a text names where no file of that name exists.

    Without one, the second item says what is to be done, to be added to the message that there is no file.
    """
    if not path or len(path) > 200 or "/" in path:
        return None, ""
    catalogue = Catalogue.of(manager)
    if path in catalogue.names():
        try:
            return path_of(catalogue.find(path)), ""
        except IsocortexError as error:
            return None, f"; {error}"
    close = " or ".join(repr(name) for name in catalogue.close(path))
    return None, f"; did you mean the asset {close}?" if close else ""


def is_here(asset: Asset, data: Path | None = None) -> bool:
    """Whether all of an asset is on disk; their content is not read."""
    if asset.package:
        try:
            return in_package(asset).exists()
        except DataError:
            return False
    places = Places(data or data_folder(), asset)
    files = Record(places.record).files
    for file in asset.files:
        fetched = files.get(file.name)
        if fetched is None or not fetched.holds(file.checksum) or any(fetched.missing(places.folder)):
            return False
    return places.result.exists()
