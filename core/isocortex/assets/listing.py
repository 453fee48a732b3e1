"""What can be fetched, as the command line shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from isocortex.assets.asset import Asset
from isocortex.assets.catalogue import Catalogue
from isocortex.assets.locating import is_here
from isocortex.assets.places import Places
from isocortex.assets.progress import bytes_text
from isocortex.errors import DamagedFile


def rows(catalogue: Catalogue, data: Path) -> list[dict[str, Any]]:
    """One plain mapping for each asset."""
    return [_row(offer.asset, offer.plugin.name, data) for offer in catalogue.offers]


def _row(asset: Asset, plugin: str, data: Path) -> dict[str, Any]:
    try:
        here = is_here(asset, data)
    except DamagedFile:
        here = False
    path = str(Places(data, asset).result) if here and not asset.package else None
    return {
        "name": asset.name,
        "summary": asset.summary,
        "licence": asset.licence,
        "citation": asset.citation,
        "page": asset.page,
        "files": len(asset.files),
        "size": asset.size,
        "package": asset.package or None,
        "here": here,
        "path": path,
        "plugin": plugin,
    }


def text(row: dict[str, Any], width: int) -> str:
    """One asset in two lines."""
    if row["package"]:
        size = f"in the package {row['package']}"
    else:
        size = bytes_text(row["size"]) if row["size"] is not None else "size not known"
        size += f", {row['files']} files" if row["files"] > 1 else ""
    state = "here" if row["here"] else "not here"
    terms = f"; {row['licence']}" if row["licence"] else ""
    return f"{row['name']:{width}}  {row['summary']}  [{state}]\n{'':{width}}  {size}{terms}"
