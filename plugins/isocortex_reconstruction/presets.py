"""Settings of published reconstructions, by name, and what is taken where nothing is said."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from isocortex.errors import DataError

PresetName = Literal["shen2019", "cookbook2023"]

_LATENTS = {"step": (2.0, 1e-10), "momentum": 0.9, "decay": 0.01, "blur": 0.0}
_PIXELS = {"step": (2.0, 1e-10), "momentum": 0.9, "decay": (0.2, 1e-10), "blur": (2.0, 0.5)}
"""Descents, as in the icnn package (icnn_dgn_gd and icnn_gd)."""
_ADAM = {"momentum": 0.9, "decay": 0.01, "blur": 0.0}

_PUBLISHED = {"loss": "l2", "layer_weights": "inverse-squared-norm", "normalise": True}
_SHEN = {
    True: {"optimiser": "descent", "iterations": 200, "start": "zero", "returned": "evaluated", **_LATENTS},
    False: {"optimiser": "lbfgs", "iterations": 200, "start": "mean"},
}
_COOKBOOK = {**_SHEN[True], "iterations": 1000, "start": "noise"}

_USED = {
    "descent": ("step", "momentum", "decay", "normalise", "blur", "returned"),
    "adam": ("step", "returned"),
    "adamw": ("step", "decay", "returned"),
}
"""Optimiser -> the settings that it alone looks at."""

COMMON: Mapping[str, Any] = MappingProxyType({"iterations": 200, "returned": "evaluated", **_PUBLISHED})
"""What is taken where neither the user nor a preset says otherwise."""


def settings_of(preset: PresetName | None, generated: bool, given: Mapping[str, Any]) -> dict[str, Any]:
    """Fill what the user has not set (None): from the preset, then from the defaults.

    Raises where a setting contradicts the preset: its name would then be wrong.
    """
    own = {name: value for name, value in given.items() if value is not None}
    fixed = _fixed(preset, generated)
    odd = [name for name, value in own.items() if name in fixed and not _same(value, fixed[name])]
    if odd:
        raise DataError(
            f"the preset {preset!r} has {', '.join(f'{name}: {fixed[name]}' for name in odd)}; leave out "
            "the preset to set it otherwise"
        )
    chosen = {**COMMON, "optimiser": "descent" if generated else "lbfgs", **own, **fixed}
    return {
        "start": "zero" if generated else "mean",
        **_of_optimiser(chosen["optimiser"], generated),
        **chosen,
    }


def require_used(optimiser: str, given: Mapping[str, Any]) -> None:
    """Raise for settings that the optimiser does not look at: they would do nothing, without a word."""
    used = {"optimiser", "iterations", "loss", "layer_weights", "start", *_USED.get(optimiser, ())}
    idle = [name for name, value in given.items() if value is not None and name not in used]
    if idle:
        takes = ", ".join(_USED.get(optimiser, ())) or "none of its own"
        raise DataError(f"{', '.join(idle)}: the optimiser {optimiser!r} does not use it; it takes {takes}")


def _fixed(preset: PresetName | None, generated: bool) -> dict[str, Any]:
    if preset is None:
        return {}
    if preset == "cookbook2023" and not generated:
        raise DataError("the preset 'cookbook2023' reconstructs through a generator; give one")
    return {**_PUBLISHED, **(_COOKBOOK if preset == "cookbook2023" else _SHEN[generated])}


def _of_optimiser(name: str, generated: bool) -> dict[str, Any]:
    if name in ("adam", "adamw"):
        return {**_ADAM, "step": 0.1 if generated else 1.0}
    return _LATENTS if generated else _PIXELS


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) or (isinstance(one, (list, tuple)) and tuple(one) == other)
