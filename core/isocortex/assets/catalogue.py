"""All assets that the plugins of a session name."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from isocortex.assets.asset import Asset
from isocortex.errors import PluginError, UnknownComponent, closest, suggestion
from isocortex.plugins.manager import PluginManager
from isocortex.plugins.registry import PluginInfo

ATTRIBUTE = "assets"
"""Where a plugin says them: a sequence of ``Asset``, or the text ``"package.module:NAME"`` of one."""


@dataclass(frozen=True)
class Offer:
    """One asset and the plugin that names it."""

    asset: Asset
    plugin: PluginInfo


@dataclass(frozen=True)
class Catalogue:
    """Assets by name; ``faults`` says which plugins' assets cannot be read, and why."""

    offers: tuple[Offer, ...]
    faults: tuple[str, ...] = ()

    @classmethod
    def of(cls, manager: PluginManager) -> Catalogue:
        """Ask every plugin that could be loaded; a fault in one does not hide the others."""
        offers: list[Offer] = []
        faults: list[str] = []
        for info in manager.infos:
            if info.status != "loaded" or info.name not in manager.objects:
                continue
            try:
                found = _assets_of(manager.objects[info.name])
                offers += [Offer(asset, info) for asset in found]
            except (Exception, SystemExit) as error:
                text = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
                faults.append(f"the assets of plugin {info.name!r} ({info.source}) cannot be read: {text}")
        return cls(tuple(sorted(offers, key=lambda offer: offer.asset.name)), tuple(faults))

    def names(self) -> list[str]:
        """Names of all assets."""
        return sorted({offer.asset.name for offer in self.offers})

    def close(self, name: str) -> list[str]:
        """Names that a misspelt one may stand for."""
        return closest(name, self.names())

    def find(self, name: str) -> Asset:
        """Give the one asset of that name.

        Raises ``UnknownComponent`` with what is close, or ``PluginError`` when two plugins claim the name.
        """
        offers = [offer for offer in self.offers if offer.asset.name == name]
        if len(offers) > 1:
            owners = " and ".join(f"plugin {offer.plugin.name!r} ({offer.plugin.source})" for offer in offers)
            raise PluginError(f"the asset {name!r} is named by {owners}; switch one of them off")
        if not offers:
            more = "".join(f"; {fault}" for fault in self.faults)
            raise UnknownComponent(
                f"there is no asset {name!r}; {suggestion(name, self.names(), 'assets')}{more}"
            )
        return offers[0].asset


def _assets_of(plugin: object) -> tuple[Asset, ...]:
    found: Any = getattr(plugin, ATTRIBUTE, None)
    if found is None or inspect.ismodule(found):  # a module of that name is just part of the package
        return ()
    if isinstance(found, str):
        module, _, name = found.partition(":")
        if not module or not name:
            raise PluginError(f"{found!r} does not have the form 'package.module:NAME'")
        found = getattr(importlib.import_module(module), name)
    if not isinstance(found, Iterable) or isinstance(found, (str, bytes)):
        raise PluginError(f"{ATTRIBUTE} is {found!r}; it has to be a list of isocortex.assets.Asset")
    assets: tuple[Asset, ...] = tuple(found)
    for asset in assets:
        if not isinstance(asset, Asset):
            raise PluginError(f"{asset!r} is no isocortex.assets.Asset")
    names = [asset.name for asset in assets]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise PluginError(f"it names two assets {twice!r}")
    return assets
