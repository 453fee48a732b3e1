"""The table of components: who provides what, imported only when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from isocortex.errors import PluginError, UnknownComponent, suggestion

KINDS = {
    "model": "register_models",
    "generator": "register_generators",
    "rdm_metric": "register_rdm_metrics",
    "similarity": "register_similarities",
    "decoder": "register_decoders",
    "reconstructor": "register_reconstructors",
    "data_source": "register_data_sources",
    "step": "register_steps",
    "pipeline": "register_pipelines",
}
"""Kind of component -> the hook that registers it."""


@dataclass
class PluginInfo:
    """One plugin: where it comes from and whether it could be loaded."""

    name: str
    origin: str
    version: str = ""
    module: str = ""
    status: str = "loaded"
    error: str = ""
    provides: dict[str, list[str]] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """Distribution and version, file, or object, as shown to the user."""
        return f"{self.origin} {self.version}".strip()


@dataclass(frozen=True)
class Entry:
    """One registered component."""

    kind: str
    name: str
    target: object
    summary: str
    plugin: PluginInfo

    def load(self) -> Any:
        """Import the component if that has not happened yet."""
        if not isinstance(self.target, str) or self.kind == "pipeline":
            return self.target
        module, _, attribute = self.target.partition(":")
        try:
            found: Any = importlib.import_module(module)
            for part in attribute.split("."):
                found = getattr(found, part)
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"the {self.kind} {self.name!r} of plugin {self.plugin.name!r} ({self.plugin.source}) "
                f"cannot be imported from {self.target!r}: {type(error).__name__}: {error}"
            ) from error
        return found


class Registry:
    """All components by kind and name."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], list[Entry]] = {}

    def recorder(self, kind: str, plugin: PluginInfo) -> Callable[..., None]:
        """Give the ``register`` callable that one plugin's hook is called with."""

        def register(name: str, component: object, summary: str = "") -> None:
            """Register one component; raises ``PluginError`` for what is none."""
            if not isinstance(name, str) or not name or name != name.strip():
                raise PluginError(f"register: {name!r} is not a name for a {kind}")
            form = "'package:file.yaml'" if kind == "pipeline" else "'package.module:name'"
            wanted = isinstance(component, str) or (kind != "pipeline" and component is not None)
            if not wanted or (isinstance(component, str) and not all(component.partition(":"))):
                raise PluginError(f"register({name!r}): {component!r} is no {kind}; give one as {form}")
            if name in plugin.provides.get(kind, ()):
                raise PluginError(f"register({name!r}): it registers two {kind} components of this name")
            entry = Entry(kind, name, component, summary or _first_line(component), plugin)
            self._entries.setdefault((kind, name), []).append(entry)
            plugin.provides.setdefault(kind, []).append(name)

        return register

    def forget(self, plugin: PluginInfo) -> None:
        """Take back everything that a plugin registered."""
        for key, entries in list(self._entries.items()):
            self._entries[key] = [entry for entry in entries if entry.plugin is not plugin]
            if not self._entries[key]:
                del self._entries[key]
        plugin.provides.clear()

    def all(self, kind: str) -> Iterator[Entry]:
        """Go through the components of a kind by name, ambiguous ones included."""
        for key in sorted(self._entries):
            if key[0] == kind:
                yield from self._entries[key]

    def names(self, kind: str) -> list[str]:
        """Names of the components of a kind."""
        require_kind(kind)
        return sorted(name for have, name in self._entries if have == kind)

    def find(self, kind: str, name: str) -> Entry:
        """Give the one component of that name.

        Raises ``UnknownComponent`` with what is close, or ``PluginError`` when two plugins claim the name.
        """
        require_kind(kind)
        entries = self._entries.get((kind, name), [])
        if len(entries) > 1:
            owners = " and ".join(
                f"plugin {entry.plugin.name!r} ({entry.plugin.source})" for entry in entries
            )
            raise PluginError(
                f"the {kind} {name!r} is provided by {owners}; switch one of them off "
                f"(disable: [{entries[-1].plugin.name}] in the pipeline, or ISOCORTEX_DISABLE)"
            )
        if not entries:
            raise UnknownComponent(
                f"there is no {kind} {name!r}; {suggestion(name, self.names(kind), kind + ' names')}"
            )
        return entries[0]


def require_kind(kind: str) -> None:
    """Raise for a kind of component that does not exist."""
    if kind not in KINDS:
        raise UnknownComponent(f"there is no kind of component {kind!r}; {suggestion(kind, KINDS, 'kinds')}")


def _first_line(component: object) -> str:
    doc = None if isinstance(component, str) else getattr(component, "__doc__", None)
    return (doc or "").strip().partition("\n")[0]
