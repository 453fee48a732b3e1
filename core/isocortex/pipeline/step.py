"""A step component with its schema: inputs, settings and outputs, read from the function's annotations."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args, get_origin

import numpy as np

from isocortex.data.base import Data
from isocortex.data.collected import Collected
from isocortex.errors import PluginError
from isocortex.pipeline.settings import AxisValues
from isocortex.plugins.registry import Entry
from isocortex.signatures import Setting, Signature, alternatives, signature_of

SINGLE = "result"
"""Name of the output of a step that returns one data object."""


@dataclass(frozen=True)
class Input:
    """One input: the data types it takes, alone and collected along an axis."""

    name: str
    single: tuple[type[Data], ...]
    collected: tuple[type[Data], ...]
    required: bool

    def describe(self) -> str:
        """The accepted types in words."""
        texts = [kind.__name__ for kind in self.single]
        texts += [f"one {kind.__name__} for each axis value" for kind in self.collected]
        return " or ".join(texts)


@dataclass(frozen=True)
class StepSchema:
    """What a step takes and gives."""

    entry: Entry
    function: Callable[..., Any]
    inputs: Mapping[str, Input]
    signature: Signature
    outputs: Mapping[str, type[Data]]
    rng: str | None
    axes: str | None

    @classmethod
    def of(cls, entry: Entry) -> StepSchema:
        """Read the schema of a registered step; raises ``PluginError`` when its annotations make none."""
        function = entry.load()
        what = f"the step {entry.name!r} of plugin {entry.plugin.name!r}"
        if not callable(function) or inspect.isclass(function):
            kind = "class" if inspect.isclass(function) else type(function).__name__
            raise PluginError(f"{what} must be a function, not {kind} {function!r}")
        called = function if inspect.isroutine(function) else function.__call__
        signature = signature_of(called)
        inputs, settings, injected = {}, {}, {}
        for name, setting in signature.settings.items():
            found = _input(setting, what)
            if found is not None:
                inputs[name] = found
            elif setting.annotation in (np.random.Generator, AxisValues):
                injected[setting.annotation] = name
            elif setting.annotation is Any:
                raise PluginError(
                    f"{what}: the parameter {name!r} has no annotation, so nothing can be checked"
                )
            else:
                settings[name] = setting
        return cls(
            entry,
            function,
            inputs,
            Signature(settings, signature.free),
            _outputs(called, what),
            injected.get(np.random.Generator),
            injected.get(AxisValues),
        )

    @property
    def name(self) -> str:
        """Name of the component."""
        return self.entry.name

    @property
    def settings(self) -> Mapping[str, Setting]:
        """The settings by name."""
        return self.signature.settings

    @cached_property
    def source_setting(self) -> str | None:
        """Name of the setting that takes a data source, if there is just one."""
        names = [name for name, setting in self.settings.items() if setting.component_kind == "data_source"]
        return names[0] if len(names) == 1 else None

    def summary(self) -> str:
        """First line of the function's docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]


def _input(setting: Setting, what: str) -> Input | None:
    single: list[type[Data]] = []
    collected: list[type[Data]] = []
    for part in alternatives(setting.annotation):
        if inspect.isclass(part) and issubclass(part, Data):
            single.append(part)
        elif part is Collected or get_origin(part) is Collected:
            items = [item for item in alternatives((*get_args(part), None)[0]) if inspect.isclass(item)]
            collected += [item for item in items if issubclass(item, Data)]
            if not collected:
                raise PluginError(
                    f"{what}: the parameter {setting.name!r} has to say of what it is Collected"
                )
    if not single and not collected:
        return None
    return Input(setting.name, tuple(single), tuple(collected), setting.required)


def _outputs(function: Callable[..., Any], what: str) -> dict[str, type[Data]]:
    result = typing.get_type_hints(function).get("return")
    if inspect.isclass(result) and issubclass(result, Data) and result is not Data:
        return {SINGLE: result}
    try:
        fields = typing.get_type_hints(result) if hasattr(result, "_fields") else {}
    except (NameError, TypeError, SyntaxError) as error:
        raise PluginError(f"{what}: the annotations of what it returns cannot be read: {error}") from error
    if fields and all(inspect.isclass(kind) and issubclass(kind, Data) for kind in fields.values()):
        return fields
    raise PluginError(
        f"{what}: its return annotation must be a data type (Patterns, RDMs, Table ...) or a NamedTuple "
        f"of data types, not {result!r}"
    )
