"""Which layers of a network are meant: names, patterns and short names, always in forward order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Protocol

from isocortex.errors import DataError, suggestion


class Layered(Protocol):
    """A model as far as this module needs it; ``layer_aliases`` (short name -> layers) is optional."""

    @property
    def layers(self) -> Sequence[str]:
        """Layer names in forward order."""
        ...


ALL_CONV_FC = "all-conv-fc"
"""Every layer whose name begins with ``conv`` or ``fc``: before the rectifiers, as Shen et al. 2019."""


def select_layers(model: Layered, wanted: str | Sequence[str]) -> tuple[str, ...]:
    """Give the layers that names, patterns (``conv*``, ``relu5_?``) and short names stand for.

    The result is in forward order, each layer once, whatever the order asked for. ``all-conv-fc`` is known
    for every model; a model's ``layer_aliases`` come on top.

    Raises ``DataError`` for a name or pattern that no layer has.
    """
    known = tuple(model.layers)
    aliases = _aliases(model, known)
    found: set[str] = set()
    for name in (wanted,) if isinstance(wanted, str) else wanted:
        chosen = [name] if name in known else aliases.get(name) or _matching(name, known)
        if not chosen:
            raise DataError(f"no layer {name!r}; {suggestion(name, (*known, *aliases), 'layers')}")
        found.update(chosen)
    if not found:
        raise DataError("no layer is asked for; name at least one")
    return tuple(name for name in known if name in found)


def _aliases(model: Layered, known: tuple[str, ...]) -> dict[str, Sequence[str]]:
    own: Mapping[str, Sequence[str]] = getattr(model, "layer_aliases", {})
    every = {ALL_CONV_FC: [name for name in known if name.startswith(("conv", "fc"))]}
    return {**every, **{short: [name for name in layers if name in known] for short, layers in own.items()}}


def _matching(pattern: str, known: tuple[str, ...]) -> list[str]:
    return [name for name in known if fnmatchcase(name, pattern)]
