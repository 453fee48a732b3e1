"""What pydantic says about a value, in the words of who wrote it into a pipeline."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from isocortex.errors import shown
from isocortex.pipeline.yaml_text import Place

WRONG_TYPE = {
    "string_type": "text",
    "path_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list ([a, b])",
    "tuple_type": "a list ([a, b])",
    "dict_type": "a mapping (name: value)",
    "model_type": "a mapping (name: value)",
    "model_attributes_type": "a mapping (name: value)",
    "none_required": "null",
    "literal_error": "",
}
"""Kind of error that says that a value is of another type -> what is expected."""

_LIMITS = {
    "greater_than_equal": ("ge", "{} or more"),
    "less_than_equal": ("le", "{} or less"),
    "greater_than": ("gt", "more than {}"),
    "less_than": ("lt", "less than {}"),
}


def sifted(value: Any, errors: Sequence[Any]) -> list[tuple[Place, Any, bool]]:
    """Give one error for each place, and whether it means that none of several forms fits.

    Where several forms may stand, pydantic complains about each; those of another type than the value are
    left out when one of the right type has something to say.
    """
    at: dict[Place, list[Any]] = {}
    for item in errors:
        at.setdefault(place_of(item["loc"], value, item["type"] == "missing"), []).append(item)
    out = []
    for place, items in at.items():
        other = [item for item in items if item["type"] not in WRONG_TYPE]
        deeper = any(len(inner) > len(place) and inner[: len(place)] == place for inner in at)
        if other or not deeper:
            out.append((place, (other or items)[0], len(items) > 1 and not other))
    return out


def place_of(location: tuple[int | str, ...], value: Any, missing: bool = False) -> Place:
    """Keep the parts of pydantic's location that are places in the value, not names of a form.

    ``missing``: the last part is a key that should be there.
    """
    place: Place = ()
    for number, part in enumerate(location, start=1):
        inside = isinstance(value, list) and isinstance(part, int) and part < len(value)
        if inside or (isinstance(value, dict) and part in value):
            value = value[part]
            place = (*place, part)
        elif missing and number == len(location) and isinstance(value, dict):
            place = (*place, part)
    return place


def wording(item: Any, expected: str = "") -> str:
    """Say what is wrong with a value and how to write it."""
    kind, given = item["type"], item.get("input")
    if kind == "missing":
        return "this is missing"
    if kind == "json_invalid":
        return f"{shown(given)} cannot be written down as UTF-8 text"
    if kind in _LIMITS:
        name, text = _LIMITS[kind]
        limit = item["ctx"][name]
        expected = text.format(f"{limit:g}" if isinstance(limit, float) else limit)
    elif kind in ("too_long", "too_short"):
        number = item["ctx"].get("max_length", item["ctx"].get("min_length"))
        expected = f"{'at most' if kind == 'too_long' else 'at least'} {number} values"
    elif not expected:
        expected = WRONG_TYPE.get(kind, "") or _message(item["msg"])
    if expected.startswith(("whole number", "number", "file", "folder", "list", "mapping")):
        expected = f"a {expected}"
    return f"expected {expected}, got {shown(given)}{_remedy(expected, given)}"


def _message(text: str) -> str:
    for start in ("Input should be ", "Value error, ", "Assertion failed, "):
        text = text.removeprefix(start)
    return text.removeprefix("a valid ")


def _remedy(expected: str, given: Any) -> str:
    if isinstance(given, str) and "number" in expected:
        if re.fullmatch(r"[-+]?[0-9.]+([eE][-+]?[0-9]+)?", given):
            return "; write the number without quotes and without zeros before it"
        if re.match(r"[-+]?[0-9.]+ *[A-Za-z%\u00b5]+$", given):
            return "; write the number alone, without a unit"
    if isinstance(given, (bool, int, float)) and expected.startswith("text"):
        return "; put it in quotes to make it text"
    return ""
