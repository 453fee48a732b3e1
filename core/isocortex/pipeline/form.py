"""What pydantic says about the form of a document, in the words of who wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from isocortex.errors import closest, shown, suggestion
from isocortex.pipeline.wording import sifted, wording
from isocortex.pipeline.yaml_text import Place

_SHAPES = {
    ("steps", 1): "the steps, each under its name (name: {use: component})",
    ("steps", 2): "a mapping that says which component to use ({use: component})",
    ("from", 3): "the name of a step, or a mapping of inputs to steps ({input: step})",
    ("from", 4): "the name of a step, or a list of them",
    ("from", 5): "the name of a step",
    ("axes", 2): "a list of values, or a mapping that names a data source ({from: source})",
    ("axes", 3): "text or a number",
    ("only", 4): "text or a number",
}
"""Section and depth -> what is expected there, where the type alone does not say it."""


def form_faults(
    value: Any, error: ValidationError, keys: Mapping[str, list[str]]
) -> Iterator[tuple[Place, str]]:
    """Go through what is wrong with the form, each place once.

    ``keys`` gives the keys of the document (under ``""``), of a step, of ``execution`` and of its ``steps``.
    """
    for place, item, _ in sifted(value, error.errors(include_url=False)):
        yield place, _message(item, place, keys)


def _message(item: Any, place: Place, keys: Mapping[str, list[str]]) -> str:
    kind, given = item["type"], item.get("input")
    if kind == "extra_forbidden":
        return _unknown_key(place, keys)
    if kind == "missing":
        return _missing(place)
    if kind == "too_short" and place == ("steps",):
        return "a pipeline needs at least one step (name: {use: component})"
    if kind == "string_pattern_mismatch":
        return _no_name(place, str(given))
    if kind == "string_too_long":
        return f"{shown(given)} is too long for a name: at most {item['ctx']['max_length']} characters"
    return wording(item, _SHAPES.get((_section(place), len(place)), ""))


def _section(place: Place) -> str:
    last = next((str(part) for part in reversed(place) if part in ("from", "only")), "")
    return last if len(place) > 2 and last else str(place[0]) if place else ""


def _unknown_key(place: Place, keys: Mapping[str, list[str]]) -> str:
    section = str(place[0]) if len(place) > 1 else ""
    section = "execution.steps" if place[:2] == ("execution", "steps") else section
    known = keys[section]
    hint = suggestion(place[-1], known, "keys")
    if section == "steps" and not closest(place[-1], known):
        hint = f"settings stand under with:, inputs under from: ({hint})"
    return f"there is no key {shown(place[-1])} here; {hint}"


def _missing(place: Place) -> str:
    if place == ("name",):
        return "the pipeline has no name; write name: my-study at its top"
    if place == ("steps",):
        return "the pipeline has no steps; write steps: with a name for each (name: {use: component})"
    if place[-1] == "use":
        return "the step does not say which component to use (use: name); isocortex list step shows them"
    return "this is missing: an axis is a list of values, or names its data source (from: source)"


def _no_name(place: Place, given: str) -> str:
    if place[0] == "parameters":
        return (
            f"{shown(given)} cannot be a parameter: use letters, digits and _, so that $name is found in text"
        )
    return f"{shown(given)} is not a name: use letters, digits, _ and -, beginning with a letter"
