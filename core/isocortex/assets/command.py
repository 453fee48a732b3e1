"""What ``isocortex fetch`` does."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from isocortex.assets.catalogue import Catalogue
from isocortex.assets.fetching import fetch
from isocortex.assets.listing import rows, text
from isocortex.assets.places import VARIABLE, data_folder
from isocortex.assets.progress import Lines, progress
from isocortex.errors import DataError

Say = Callable[[str], None]


def list_all(catalogue: Catalogue, to: Path | None, as_json: bool, warn: Say) -> str:
    """Write what can be fetched and what of it is here; faults in plugins' assets are warned of."""
    for fault in catalogue.faults:
        warn(fault)
    data = (to or data_folder()).expanduser().absolute()
    found = rows(catalogue, data)
    if as_json:
        return json.dumps(found, indent=1)
    width = max((len(row["name"]) for row in found), default=0)
    head = f"Data folder: {data}" if found else "No plugin names anything that can be fetched."
    return "\n".join([head, *(text(row, width) for row in found)])


def fetch_all(
    catalogue: Catalogue, names: Sequence[str], to: Path | None, quiet: bool, as_json: bool, warn: Say
) -> tuple[str, bool]:
    """Fetch assets one after the other; gives what to print, and whether all are here now.

    An unknown name is an error before anything is downloaded; a download that fails does not stop the others.
    """
    assets = [catalogue.find(name) for name in dict.fromkeys(names)]
    show = Lines(silent=True) if quiet else progress()
    found = {}
    for asset in assets:
        try:
            found[asset.name] = str(fetch(asset, to, show))
        except DataError as error:
            warn(f"Error: {error}")
    if to is not None and found and to.expanduser().absolute() != data_folder():
        warn(f"Pipelines find these by name when {VARIABLE} is {to.expanduser().absolute()}")
    lines = "\n".join(f"{name}: {path}" for name, path in found.items())
    if as_json:
        lines = json.dumps([{"name": name, "path": path} for name, path in found.items()], indent=1)
    return lines, len(found) == len(assets)
