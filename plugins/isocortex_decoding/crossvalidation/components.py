"""What steps are given for a decoder: the component itself, or its name from Python users."""

from __future__ import annotations

from typing import Any


def decoder_of(decoder: object) -> Any:
    """Give the decoder that came as a component or as a registered name."""
    if not isinstance(decoder, str):
        return decoder
    import isocortex as ic

    return ic.get("decoder", decoder)
