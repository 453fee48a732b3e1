"""Settings as written in the pipeline -> plain values, components and files, with every problem noted."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args

from isocortex import components
from isocortex.assets.locating import asset_instead
from isocortex.errors import IsocortexError, Problem, shown, suggestion
from isocortex.pipeline.parameters import GivenPath
from isocortex.pipeline.settings import Load, OnDisk
from isocortex.pipeline.yaml_text import Place, Text
from isocortex.plugins.manager import PluginManager
from isocortex.plugins.registry import Entry
from isocortex.signatures import Setting, Signature, map_paths


@dataclass(frozen=True)
class Resolved:
    """Checked settings: plain values with absolute paths, and the components among them."""

    signature: Signature
    values: Mapping[str, Any] = field(default_factory=dict)
    components: Mapping[str, Component] = field(default_factory=dict)

    def python(self) -> dict[str, Any]:
        """Values as the function wants them (components not included)."""
        return {name: self._setting(name).parse(value) for name, value in self.values.items()}

    def canonical(
        self, digest: Callable[[Path], str], folder: Callable[[Path], str] | None = None
    ) -> dict[str, Any]:
        """Values for a key: defaults filled in, each path replaced by the digest of what is there.

        Not so a folder of a data source, where ``folder`` says what stands for it: which files in it matter
        is what the source's ``files`` says.
        """
        out = {}
        names = [name for name in self.signature.settings if name not in self.components]
        for name in dict.fromkeys([*names, *self.values]):
            setting = self._setting(name)
            if name in self.values:
                parsed = setting.parse(self.values[name])
                value = setting.adapter.dump_python(parsed, mode="json")
                if isinstance(parsed, (set, frozenset)):  # the order of a set differs between processes
                    value = sorted(value, key=json.dumps)
            else:
                value = setting.default
            try:
                value = json.loads(json.dumps(value, default=_plain))
            except TypeError:  # a default without a plain form is part of the source's digest
                continue

            def content(path: str, mark: OnDisk, *_: Any) -> Any:
                """What stands for a path in the key: what is in it, not where it lies."""
                if not mark.read:
                    return "folder"
                if mark.folder and folder is not None:
                    return folder(Path(path))
                return f"content:{digest(Path(path))}"

            out[name] = map_paths(setting.annotation, value, content)
        return out

    def _setting(self, name: str) -> Setting:
        setting = self.signature.setting(name)
        assert setting is not None, name
        return setting


def _plain(value: object) -> Any:
    if isinstance(value, Path):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: getattr(value, item.name) for item in fields(value)}
    raise TypeError(f"{type(value).__name__} has no plain form")


@dataclass(frozen=True)
class Component:
    """A component named in the settings."""

    kind: str
    entry: Entry
    resolved: Resolved
    load: str | None = None

    @property
    def name(self) -> str:
        """Name of the component."""
        return self.entry.name

    def build(self, manager: PluginManager) -> Any:
        """Build it."""
        inner = {name: part.build(manager) for name, part in self.resolved.components.items()}
        return components.build(manager, self.kind, self.name, {**self.resolved.python(), **inner})


class Resolver:
    """Checks settings against signatures; problems collect in ``problems``."""

    def __init__(self, text: Text, manager: PluginManager, base: Path) -> None:
        self.text, self.manager, self.base = text, manager, base
        self.problems: list[Problem] = []

    def settings(
        self, signature: Signature, given: Mapping[str, Any], place: Place, source: str | None = None
    ) -> Resolved:
        """Check all settings of a step or component.

        ``source`` names the setting that takes a data source: settings which are unknown here go to it.
        """
        values: dict[str, Any] = {}
        parts: dict[str, Component] = {}
        given = {
            name: None if _switched_off(signature.setting(name), value) else value
            for name, value in given.items()
        }
        beside = {key: value for key, value in given.items() if source and signature.setting(key) is None}
        for name, value in given.items():
            setting = signature.setting(name)
            if name in beside:
                continue
            if value is None:
                if setting is not None and setting.means_null:
                    values[name] = None
                continue
            if setting is None:
                self.fault((*place, name), signature.unknown(name))
            elif setting.component_kind is None:
                values[name] = self.value(setting, value, (*place, name))
        for name, setting in signature.settings.items():
            value = given.get(name)
            value = setting.default if value is None else value
            if setting.component_kind is not None and isinstance(value, (str, Mapping)):
                extra = beside if name == source else {}
                part = self.component(setting, value, (*place, name), extra, place, signature)
                if part is not None:
                    parts[name] = part
            elif setting.required and given.get(name) is None:
                self.fault(place, f"the setting {name!r} is missing ({setting.describe()})")
            elif setting.component_kind is not None and value is not None:
                self.fault((*place, name), f"expected {setting.describe()}, got {shown(value)}")
        return Resolved(signature, values, parts)

    def value(self, setting: Setting, value: Any, place: Place) -> Any:
        """Check one plain setting; gives it with absolute paths."""
        value = map_paths(
            setting.annotation, value, lambda path, mark, inner: self.path(path, mark, (*place, *inner))
        )
        try:
            problems = list(setting.problems(value))
        except IsocortexError as error:
            problems = [((), str(error))]
        except (TypeError, ValueError) as error:
            problems = [((), f"{shown(value)} cannot be used: {error}")]
        for inner, message in problems:
            self.fault((*place, *inner), message)
        return value

    def path(self, path: str, mark: OnDisk, place: Place) -> Path:
        """Make a path absolute and check that it is there."""
        base = path.base if isinstance(path, GivenPath) else self.base
        what = "folder" if mark.folder else "file"
        try:
            full = (base / Path(path).expanduser()).resolve()
            there = full.exists() and path != ""
            is_folder = full.is_dir()
        except (OSError, ValueError, RuntimeError) as error:  # no home, a name too long, a closed folder
            reason = getattr(error, "strerror", None) or error
            self.fault(place, f"{shown(path)} cannot be the path of a {what}: {reason}")
            return base
        asset, hint = (None, "") if there or not mark.read else asset_instead(path, self.manager)
        if asset is not None:
            full, there, is_folder = asset, True, asset.is_dir()
        if not there and not mark.read and path != "":
            return full
        if not there:
            self.fault(place, f"there is no {what} {shown(path)} (looked for {full}){hint}")
        elif is_folder != mark.folder:
            self.fault(place, f"{shown(path)} is a {'folder' if is_folder else 'file'}, expected a {what}")
        elif not os.access(full, os.R_OK):
            self.fault(place, f"you are not allowed to read the {what} {full}")
        return full

    def component(
        self,
        setting: Setting,
        value: Any,
        place: Place,
        beside: Mapping[str, Any],
        outer: Place,
        step: Signature,
    ) -> Component | None:
        """Check a component named in the settings, with its own settings."""
        kind = setting.component_kind or ""
        written = components.written(value)
        if isinstance(written, str):
            self.fault(place, written)
            return None
        return self.named(kind, *written, place, (*place, "with"), beside, outer, _load_kind(setting), step)

    def named(
        self,
        kind: str,
        name: str,
        settings: Mapping[str, Any],
        place: Place,
        inner: Place,
        beside: Mapping[str, Any],
        outer: Place,
        load: str | None = None,
        step: Signature | None = None,
    ) -> Component | None:
        """Find a component and check its settings, and those that stand beside it in ``step``."""
        try:
            entry = self.manager.find(kind, name)
            signature = components.settings_of(entry)
        except IsocortexError as error:
            self.fault(place, str(error))
            return None
        before = len(self.problems)
        for key, item in beside.items():
            if signature.setting(key) is None and item is not None:
                message = f"neither the step nor its {kind} {name!r} has a setting {key!r}"
                message = message if step is not None else f"the {kind} {name!r} has no setting {key!r}"
                hint = suggestion(key, [*(step.settings if step else ()), *signature.settings], "settings")
                self.fault((*outer, key), f"{message}; {hint}")
        known = {key: item for key, item in beside.items() if signature.setting(key) is not None}
        resolved = self.settings(signature, {**known, **settings}, outer if known and not settings else inner)
        return Component(kind, entry, resolved, load) if len(self.problems) == before else None

    def fault(self, place: Place, message: str) -> None:
        """Note a problem, once."""
        problem = self.text.problem(place, message)
        if problem not in self.problems:
            self.problems.append(problem)


def _switched_off(setting: Setting | None, value: Any) -> bool:
    """Whether this is a component whose name is null: ``{use: null, with: ...}`` counts as null."""
    component = setting is not None and setting.component_kind is not None
    return component and isinstance(value, Mapping) and "use" in value and value["use"] is None


def _load_kind(setting: Setting) -> str | None:
    return next((part.kind for part in get_args(setting.annotation)[1:] if isinstance(part, Load)), None)
