"""What this plugin offers, by name; nothing is imported until it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isocortex.plugins.markers import hookimpl

if TYPE_CHECKING:
    from isocortex.plugins.spec import Register


@hookimpl
def register_steps(register: Register) -> None:
    pass
