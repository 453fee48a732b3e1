"""From a name and settings to a component that is ready to use."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any

from isocortex.contracts import CONTRACTS
from isocortex.errors import PluginError, suggestion
from isocortex.plugins.manager import PluginManager
from isocortex.plugins.registry import Entry
from isocortex.signatures import Signature, signature_of

_ITSELF = {"rdm_metric"}
"""Kinds where a function is the component itself; elsewhere a function makes the component."""

_GIVEN = {"conditions", "runs", "noise_precision"}
"""What a metric is given with the patterns, needed or optional; never a setting."""


def settings_of(entry: Entry) -> Signature:
    """Settings that a component is built with."""
    target = entry.load()
    if inspect.isclass(target):
        return signature_of(target)
    if entry.kind in _ITSELF and inspect.isroutine(target):
        signature = signature_of(target, skip=1)
        kept = {name: item for name, item in signature.settings.items() if name not in _GIVEN}
        return Signature(kept)
    return signature_of(target) if inspect.isroutine(target) else Signature({})


def build(manager: PluginManager, kind: str, name: str, settings: Mapping[str, Any]) -> Any:
    """Build a component from Python values; metrics and similarities come as their handles.

    A setting that wants another component takes it, or its name (or ``{use: name, with: {...}}``).

    Raises ``UnknownComponent``, or ``PluginError`` for settings that the component does not take.
    """
    entry = manager.find(kind, name)
    target = entry.load()
    signature = settings_of(entry)
    for key in settings:
        if signature.setting(key) is None:
            raise PluginError(f"{kind} {name!r}: {signature.unknown(key)}")
    missing = [key for key, item in signature.settings.items() if item.required and key not in settings]
    if missing:
        raise PluginError(
            f"{kind} {name!r}: needs the setting{'s' * (len(missing) > 1)} {', '.join(missing)}"
        )
    component = _make(entry, target, _accepted(manager, signature, settings, f"{kind} {name!r}"))
    contract = CONTRACTS.get(kind)
    if kind == "similarity":
        if not hasattr(component, "embed") and not hasattr(component, "compare"):
            raise PluginError(
                f"similarity {name!r} of plugin {entry.plugin.name!r} has neither embed nor compare"
            )
    elif contract is not None and not isinstance(component, contract):
        lacking = [part for part in members(contract) if not hasattr(component, part)]
        owner = f"{kind} {name!r} of plugin {entry.plugin.name!r}"
        raise PluginError(f"{owner} does not keep its contract: it lacks {', '.join(lacking)}")
    return _handled(kind, name, component)


def _accepted(
    manager: PluginManager, signature: Signature, given: Mapping[str, Any], owner: str
) -> dict[str, Any]:
    """Check Python values against the annotations; a component's name becomes it, text becomes a path."""
    accepted = {}
    for key in dict.fromkeys([*given, *signature.settings]):
        setting = signature.setting(key)
        assert setting is not None
        value = given.get(key, setting.default)
        if setting.component_kind is not None and isinstance(value, (str, Mapping)):
            parts = written(value)
            if isinstance(parts, str):
                raise PluginError(f"{owner}: the setting {key!r}: {parts}")
            accepted[key] = build(manager, setting.component_kind, *parts)
        elif key in given:
            try:
                accepted[key] = setting.accept(value)
            except ValueError as error:
                raise PluginError(f"{owner}: the setting {key!r}: {error}") from None
    return accepted


def _make(entry: Entry, target: Any, settings: Mapping[str, Any]) -> Any:
    if inspect.isclass(target) or (inspect.isroutine(target) and entry.kind not in _ITSELF):
        return target(**settings)
    if not settings:
        return target
    partial = functools.partial(target, **settings)
    if hasattr(target, "needs"):
        partial.needs = target.needs  # type: ignore[attr-defined]
    if hasattr(target, "channel_factors"):
        partial.channel_factors = functools.partial(target.channel_factors, **settings)  # type: ignore[attr-defined]
    return partial  # without from_moments, which knows nothing of the settings


def _handled(kind: str, name: str, component: Any) -> Any:
    if kind not in ("rdm_metric", "similarity"):
        return component
    from isocortex.handles import HANDLES

    return HANDLES[kind](name, component)


def members(contract: type) -> list[str]:
    """Names that a contract asks for (Python 3.11 does not keep a list of them)."""
    names = {*vars(contract), *vars(contract).get("__annotations__", {})}
    return sorted(name for name in names if not name.startswith("_"))


def written(value: Any) -> tuple[str, dict[str, Any]] | str:
    """Read a component as written, a name or ``{use: name, with: {...}}``; give what is wrong as text."""
    if isinstance(value, str):
        return value, {}
    if isinstance(value, Mapping):
        for key in value:
            if key not in ("use", "with"):
                return f"there is no key {key!r} here; {suggestion(key, ('use', 'with'), 'keys')}"
        if isinstance(value.get("use"), str) and isinstance(value.get("with") or {}, Mapping):
            return value["use"], dict(value.get("with") or {})
    return f"expected a component's name, or a mapping with use and with, got {value!r}"
