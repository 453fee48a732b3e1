"""Settings of which there are only a few, checked where Python users call a function themselves."""

from __future__ import annotations

from typing import Any, get_args

from isocortex.errors import DataError, suggestion


def require_choice(value: object, choices: Any, name: str) -> None:
    """Raise ``DataError`` unless a value is of a ``Literal`` type; a misspelt one never means a default."""
    known = get_args(choices)
    if value not in known:
        raise DataError(f"{name}={value!r}: {suggestion(value, known, 'values')}")
