"""Parameters, presets and overrides: ``$name`` in the document is replaced by a value."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from isocortex.errors import Problem, closest, shown, suggestion
from isocortex.pipeline.yaml_text import Place, Text, plain_copy

_TOKEN = re.compile(r"\$(?:\$|([A-Za-z_][A-Za-z0-9_]*))")
SECTIONS = ("axes", "steps", "report", "plugins", "disable", "seed", "execution")
"""Where ``$name`` is replaced; names and descriptions stay as they are."""


class GivenPath(str):
    """Text from the command line or Python: a path in it is relative to the working folder, not the YAML."""

    base: Path

    @classmethod
    def mark(cls, value: Any, base: Path) -> Any:
        """Mark every text in a value; paths, tuples and numpy's numbers become plain ones.

        A text that is marked keeps its base.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, (str, os.PathLike)):
            text = cls(os.fspath(value))
            text.base = base
            return text
        if isinstance(value, Mapping):
            return {key: cls.mark(item, base) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [cls.mark(item, base) for item in value]
        return value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") else value

    def with_text(self, text: str) -> GivenPath:
        """Give another text with the same base."""
        return GivenPath.mark(str(text), self.base)  # type: ignore[no-any-return]


def apply(
    text: Text, overrides: Mapping[str, Any], preset: str | None, base: Path
) -> tuple[Text, dict[str, Any], list[Problem]]:
    """Give the document with parameters put in, the parameters' values, and what is wrong with them.

    ``base`` is what paths among the overrides are relative to.
    """
    document = plain_copy(text.value)
    problems: list[Problem] = []
    origins: dict[str, str] = {}
    declared = _mapping(document.get("parameters"))
    values = dict(declared)
    presets = _mapping(document.get("presets"))
    for name, settings in presets.items():
        for key in _mapping(settings):
            if key not in declared:
                message = f"there is no parameter {key!r}; {suggestion(key, declared, 'parameters')}"
                problems.append(text.problem(("presets", name, key), message))
    if preset is not None and preset not in presets:
        problems.append(
            Problem(f"there is no preset {preset!r}; {suggestion(preset, presets, 'presets')}", "", text.file)
        )
    for key in declared:
        origins[key] = f"line {text.line(('parameters', key))}"
    for key, value in (_mapping(presets.get(preset)) if preset is not None else {}).items():
        if key not in declared:
            continue
        values[key] = value
        origins[key] = f"preset {preset!r}, line {text.line(('presets', str(preset), key))}"
    for key, value in overrides.items():
        if key not in declared:
            hint = suggestion(key, declared, "parameters")
            problems.append(Problem(f"there is no parameter {key!r} to set; {hint}", "", text.file))
            continue
        values[key] = GivenPath.mark(value, base)
        origins[key] = "as set for this run"
    axes = set(_mapping(document.get("axes")))
    for name in sorted(axes & set(declared)):
        problems.append(
            text.problem(("axes", name), f"there also is a parameter {name!r}; rename one of them")
        )
    problems += _unfinished(text, values, axes, origins)
    replacer = _Replacer(text, values, axes, problems, origins)
    for section in SECTIONS:
        if section in document:
            document[section] = replacer.replace(document[section], (section,))
    for name in declared:
        if name not in replacer.used and name.isidentifier():
            problems.append(
                text.problem(
                    ("parameters", name), f"nothing uses this parameter (write ${name} where it belongs)"
                )
            )
    return Text(document, text.file, text.lines, replacer.origins), values, problems


def _unfinished(
    text: Text, values: Mapping[str, Any], axes: set[str], origins: Mapping[str, str]
) -> Iterator[Problem]:
    """Find values of parameters that refer to another parameter: those are not looked up again."""
    for name, value in values.items():
        for other in sorted(axes_used(value) - axes):
            message = f"a parameter cannot refer to another, and {shown(value)} refers to ${other}"
            remedy = f"write ${other} where ${name} is used ({origins.get(name, '')})"
            yield text.problem(("parameters", name), f"{message}; {remedy}")


class _Replacer:
    """Walks through the document and puts values in."""

    def __init__(
        self,
        text: Text,
        values: Mapping[str, Any],
        axes: set[str],
        problems: list[Problem],
        sources: Mapping[str, str],
    ) -> None:
        self.text, self.values, self.axes, self.problems = text, values, axes, problems
        self.sources = sources
        self.used: set[str] = set()
        self.origins: dict[Place, str] = {}

    def replace(self, value: Any, place: Place) -> Any:
        """Put parameters in for their names, at any depth of a value."""
        if isinstance(value, dict):
            return {key: self.replace(item, (*place, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.replace(item, (*place, index)) for index, item in enumerate(value)]
        if not isinstance(value, str) or "$" not in value:
            return value
        whole = _TOKEN.fullmatch(value)
        if whole and whole[1]:
            name = whole[1]
            return plain_copy(self.values[name]) if self.known(name, place) else value
        text = _TOKEN.sub(lambda match: self.inside(match, place), value)
        first = _TOKEN.match(value)
        leading = self.values.get(first[1]) if first and first[1] else None
        return leading.with_text(text) if isinstance(leading, GivenPath) else text

    def inside(self, match: re.Match[str], place: Place) -> str:
        """Text that stands for one ``$name`` (or ``$$``) inside a longer text."""
        name = match[1]
        if name is None:
            return "$$" if place[0] == "steps" else "$"
        if not self.known(name, place):
            return match[0]
        value = self.values[name]
        if isinstance(value, (dict, list)) or value is None:
            kind = "null" if value is None else "a list" if isinstance(value, list) else "a mapping"
            message = f"${name} is {kind} ({self.sources[name]}) and cannot stand inside a text"
            remedy = f"; give it a value (--set {name}=...)" if value is None else ""
            self.problems.append(self.text.problem(place, message + remedy))
        return str(value).lower() if isinstance(value, bool) else str(value)

    def known(self, name: str, place: Place) -> bool:
        """Whether a name has a value here; one that has none is noted as a problem."""
        if name in self.values:
            self.used.add(name)
            self.origins[place] = f" (${name}: {self.sources[name]})"
            return True
        in_settings = place[0] == "steps" and place[2:3] == ("with",)
        if name in self.axes and not in_settings:
            message = f"the axis ${name} cannot stand here, only among the settings of a step (with:)"
            self.problems.append(self.text.problem(place, message))
        elif name not in self.axes:
            self.used.update(closest(name, self.values))
            hint = suggestion(name, [*self.values, *self.axes], "parameters")
            self.problems.append(self.text.problem(place, f"there is no parameter {name!r}; {hint}"))
        return False


def put_axes(value: Any, axes: Mapping[str, Any]) -> Any:
    """Replace ``$axis`` in the settings of one step instance by its axis value."""
    if isinstance(value, dict):
        return {key: put_axes(item, axes) for key, item in value.items()}
    if isinstance(value, list):
        return [put_axes(item, axes) for item in value]
    if not isinstance(value, str) or "$" not in value:
        return value
    whole = _TOKEN.fullmatch(value)
    if whole and whole[1] in axes:
        return axes[whole[1]]
    text = _TOKEN.sub(lambda match: "$" if match[1] is None else str(axes.get(match[1], match[0])), value)
    return value.with_text(text) if isinstance(value, GivenPath) else text


def axes_used(value: Any) -> set[str]:
    """Names of the axes that settings refer to."""
    if isinstance(value, dict):
        return set().union(*(axes_used(item) for item in value.values()), set())
    if isinstance(value, list):
        return set().union(*(axes_used(item) for item in value), set())
    return {name for name in _TOKEN.findall(value) if name} if isinstance(value, str) else set()


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
