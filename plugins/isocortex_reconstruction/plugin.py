"""What this plugin offers, by name; nothing is imported until it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isocortex.plugins.markers import hookimpl

if TYPE_CHECKING:
    from isocortex.plugins.spec import Register

STEPS: dict[str, tuple[str, str]] = {}
"""Step -> where its function is, and what it does."""


@hookimpl
def register_steps(register: Register) -> None:
    for name, (place, summary) in STEPS.items():
        register(name, f"isocortex_reconstruction.{place}", summary=summary)
