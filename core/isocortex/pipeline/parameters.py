"""Parameters, presets and overrides: ``$name`` in the document is replaced by a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isocortex.errors import Problem, suggestion
from isocortex.pipeline.yaml_text import Place, Text, plain_copy

_TOKEN = re.compile(r"\$(?:\$|([A-Za-z_][A-Za-z0-9_]*))")
SECTIONS = ("axes", "steps", "report", "plugins", "disable", "seed", "execution")
"""Where ``$name`` is replaced; names and descriptions stay as they are."""


class GivenPath(str):
    """Text from the command line or Python: a path in it is relative to the working folder, not the YAML."""

    base: Path

    @classmethod
    def mark(cls, value: Any, base: Path) -> Any:
        """Mark every text in a value."""
        if isinstance(value, str):
            text = cls(value)
            text.base = base
            return text
        if isinstance(value, Mapping):
            return {key: cls.mark(item, base) for key, item in value.items()}
        if isinstance(value, list):
            return [cls.mark(item, base) for item in value]
        return value


def apply(
    text: Text, overrides: Mapping[str, Any], preset: str | None, base: Path
) -> tuple[dict[str, Any], dict[str, Any], list[Problem]]:
    """Give the document with parameters put in, the parameters' values, and what is wrong with them."""
    document = plain_copy(text.value)
    problems: list[Problem] = []
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
    values.update(_mapping(presets.get(preset)) if preset is not None else {})
    for key, value in overrides.items():
        if key not in declared:
            hint = suggestion(key, declared, "parameters")
            problems.append(Problem(f"there is no parameter {key!r} to set; {hint}", "", text.file))
        values[key] = GivenPath.mark(value, base)
    axes = set(_mapping(document.get("axes")))
    for name in sorted(axes & set(declared)):
        problems.append(
            text.problem(("axes", name), f"there also is a parameter {name!r}; rename one of them")
        )
    replacer = _Replacer(text, values, axes, problems)
    for section in SECTIONS:
        if section in document:
            document[section] = replacer.replace(document[section], (section,))
    for name in declared:
        if name not in replacer.used:
            problems.append(
                text.problem(
                    ("parameters", name), f"nothing uses this parameter (write ${name} where it belongs)"
                )
            )
    return document, values, problems


class _Replacer:
    """Walks through the document and puts values in."""

    def __init__(
        self, text: Text, values: Mapping[str, Any], axes: set[str], problems: list[Problem]
    ) -> None:
        self.text, self.values, self.axes, self.problems = text, values, axes, problems
        self.used: set[str] = set()

    def replace(self, value: Any, place: Place) -> Any:
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
        return _TOKEN.sub(lambda match: self.inside(match, place), value)

    def inside(self, match: re.Match[str], place: Place) -> str:
        name = match[1]
        if name is None:
            return "$$" if place[0] == "steps" else "$"
        if not self.known(name, place):
            return match[0]
        value = self.values[name]
        if isinstance(value, (dict, list)) or value is None:
            kind = type(value).__name__ if value is not None else "null"
            self.problems.append(
                self.text.problem(place, f"${name} is a {kind} and cannot stand inside a text")
            )
        return str(value).lower() if isinstance(value, bool) else str(value)

    def known(self, name: str, place: Place) -> bool:
        if name in self.values:
            self.used.add(name)
            return True
        if name not in self.axes or place[0] != "steps":
            known = [*self.values, *self.axes]
            self.problems.append(
                self.text.problem(
                    place, f"there is no parameter {name!r}; {suggestion(name, known, 'parameters')}"
                )
            )
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
    return _TOKEN.sub(lambda match: "$" if match[1] is None else str(axes.get(match[1], match[0])), value)


def axes_used(value: Any) -> set[str]:
    """Names of the axes that settings refer to."""
    if isinstance(value, dict):
        return set().union(*(axes_used(item) for item in value.values()), set())
    if isinstance(value, list):
        return set().union(*(axes_used(item) for item in value), set())
    return {name for name in _TOKEN.findall(value) if name} if isinstance(value, str) else set()


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
