"""Finds plugins, keeps pluggy's manager, and fills the registry. No plugin can take the tool down."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from isocortex.errors import PluginError, UnknownComponent, suggestion
from isocortex.plugins import spec
from isocortex.plugins.markers import ENTRY_POINTS, PROJECT
from isocortex.plugins.registry import KINDS, Entry, PluginInfo, Registry

if TYPE_CHECKING:
    from isocortex.pipeline.step import StepSchema

DISABLE = "ISOCORTEX_DISABLE"
"""Environment variable: names of plugins to switch off, separated by commas."""


class PluginManager:
    """All plugins of one session.

    Parameters
    ----------
    plugins : objects or modules with hook implementations, besides the installed ones.
    files : single-file plugins; a broken one raises ``PluginError``.
    disable : names of plugins to leave out; a name that no plugin has raises ``PluginError``.
    """

    def __init__(
        self, plugins: Iterable[object] = (), files: Iterable[Path] = (), disable: Iterable[str] = ()
    ) -> None:
        self.pluggy = pluggy.PluginManager(PROJECT)
        self.pluggy.add_hookspecs(spec)
        self.registry = Registry()
        self.infos: list[PluginInfo] = []
        self.objects: dict[str, object] = {}
        self.files = tuple(Path(file).resolve() for file in files)
        self.disabled = frozenset(disable) | _disabled_by_environment()
        self._schemas: dict[str, StepSchema] = {}
        for point in _entry_points():
            self._add_entry_point(point)
        for file in self.files:
            self._add_file(file)
        for number, plugin in enumerate(plugins, start=1):
            self._add_object(plugin, number)
        unknown = self.disabled - {info.name for info in self.infos}
        if unknown:
            name = min(unknown)
            known = [info.name for info in self.infos]
            raise PluginError(
                f"there is no plugin {name!r} to switch off; {suggestion(name, known, 'plugins')}"
            )

    @property
    def hook(self) -> Any:
        """pluggy's hook callers, for the lifecycle hooks."""
        return self.pluggy.hook

    def names(self, kind: str) -> list[str]:
        """Names of the components of a kind."""
        return self.registry.names(kind)

    def find(self, kind: str, name: str) -> Entry:
        """Give a component's entry; what may have provided an unknown one is named."""
        try:
            return self.registry.find(kind, name)
        except UnknownComponent as error:
            raise UnknownComponent(f"{error}{self._absent(str(error))}") from None

    def _absent(self, message: str) -> str:
        """Plugins that are installed but provide nothing, and why."""
        failed = [f"{info.name!r} ({info.source}): {info.error}" for info in self._with("failed")]
        off = [f"{info.name!r} ({info.source})" for info in self._with("disabled")]
        text = f"; plugins that failed to load: {'; '.join(failed)}" if failed else ""
        text += f"; plugins that are switched off: {', '.join(off)}" if off else ""
        missing = "" if "did you mean" in message else "; is a plugin missing? (see: isocortex plugins)"
        return text or missing

    def _with(self, status: str) -> list[PluginInfo]:
        return [info for info in self.infos if info.status == status]

    def step(self, name: str) -> StepSchema:
        """Give a step with what it takes and gives."""
        if name not in self._schemas:
            from isocortex.pipeline.step import StepSchema

            self._schemas[name] = StepSchema.of(self.find("step", name))
        return self._schemas[name]

    def _add_entry_point(self, point: metadata.EntryPoint) -> None:
        origin, version = _distribution(point)
        info = PluginInfo(point.name, origin, version, point.value.partition(":")[0])
        twin = next((other for other in self.infos if other.name == point.name), None)
        self.infos.append(info)
        if twin is not None:
            info.status, info.error = "failed", f"{twin.source} already has a plugin of this name"
            return
        if point.name in self.disabled:
            info.status = "disabled"
            return
        try:
            self._register(point.load(), info)
        except (Exception, SystemExit) as error:
            self._fail(info, error)

    def _add_file(self, file: Path) -> None:
        from isocortex.plugins.inline import load_file

        info = PluginInfo(file.stem, str(file))
        twin = next((other for other in self.infos if other.name == info.name), None)
        if twin is not None:
            raise PluginError(
                f"{file}: there already is a plugin {info.name!r} ({twin.source}); rename this file"
            )
        self.infos.append(info)
        if info.name in self.disabled:
            info.status = "disabled"
            return
        module = load_file(file)
        info.module = module.__name__
        self._require(module, info)

    def _add_object(self, plugin: object, number: int) -> None:
        name = getattr(plugin, "__name__", type(plugin).__name__)
        taken = {info.name for info in self.infos}
        info = PluginInfo(
            name if name not in taken else f"{name}-{number}", "object", module=_module_of(plugin)
        )
        self.infos.append(info)
        self._require(plugin, info)

    def _require(self, plugin: object, info: PluginInfo) -> None:
        """Register what the user asked for by itself: a fault in it is an error."""
        try:
            self._register(plugin, info)
        except PluginError as error:
            raise PluginError(f"plugin {info.name!r} ({info.source}): {error}") from error.__cause__

    def _register(self, plugin: object, info: PluginInfo) -> None:
        """Take in a plugin as a whole, or raise ``PluginError`` and leave nothing of it behind."""
        try:
            plugin = plugin() if inspect.isclass(plugin) else plugin
            self.objects[info.name] = plugin
            self.pluggy.register(plugin, name=info.name)
            self._check_hooks(plugin)
            self._collect(plugin, info)
        except Exception as error:
            self._unregister(info)
            known = isinstance(error, (PluginError, pluggy.PluginValidationError))
            text = "; ".join(str(error).splitlines()) if known else f"{type(error).__name__}: {error}"
            raise PluginError(text) from error

    def _check_hooks(self, plugin: object) -> None:
        callers = self.pluggy.get_hookcallers(plugin)
        if not callers and getattr(plugin, "assets", None) is None:
            raise PluginError("nothing in it is marked with isocortex.hookimpl, so it adds nothing")
        for caller in callers or ():
            if not caller.has_spec():
                hooks = [name for name in vars(spec) if name.startswith(("register_", "run_", "step_"))]
                raise PluginError(
                    f"there is no hook {caller.name!r}; {suggestion(caller.name, hooks, 'hooks')}"
                )

    def _collect(self, plugin: object, info: PluginInfo) -> None:
        """Call the plugin's own register hooks, one by one, so that each component knows its plugin."""
        for kind, hook in KINDS.items():
            for impl in getattr(self.hook, hook).get_hookimpls():
                if impl.plugin is not plugin:
                    continue
                arguments = {"register": self.registry.recorder(kind, info)}
                try:
                    impl.function(*(arguments[name] for name in impl.argnames))
                except PluginError:
                    raise
                except Exception as error:
                    raise PluginError(f"{hook} raised {type(error).__name__}: {error}") from error

    def _unregister(self, info: PluginInfo) -> None:
        self.registry.forget(info)
        self.objects.pop(info.name, None)
        if self.pluggy.has_plugin(info.name):
            self.pluggy.unregister(name=info.name)

    def _fail(self, info: PluginInfo, error: BaseException) -> None:
        info.status = "failed"
        info.error = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"


def _entry_points() -> Sequence[metadata.EntryPoint]:
    """Installed plugins, isocortex's own first; each once, also when an editable install shows it twice."""
    points = {
        (*_distribution(point), point.name, point.value): point
        for point in metadata.entry_points(group=ENTRY_POINTS)
    }
    return [points[key] for key in sorted(points, key=lambda key: (key[0] != PROJECT, key))]


def _distribution(point: metadata.EntryPoint) -> tuple[str, str]:
    if point.dist is None:
        return "unknown distribution", ""
    return point.dist.name, point.dist.version


def _disabled_by_environment() -> frozenset[str]:
    return frozenset(name.strip() for name in os.environ.get(DISABLE, "").split(",") if name.strip())


def _module_of(plugin: object) -> str:
    return getattr(plugin, "__name__", "") if inspect.ismodule(plugin) else type(plugin).__module__
