"""Optimisers by name, from settings as users write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import numpy as np
from typing_extensions import TypedDict

from isocortex.errors import DataError
from isocortex_reconstruction.algorithms.adam import Adam
from isocortex_reconstruction.algorithms.block_lbfgs import BlockLBFGS
from isocortex_reconstruction.algorithms.descent import Descent, Every, Prior
from isocortex_reconstruction.algorithms.lbfgs import LBFGS
from isocortex_reconstruction.algorithms.problem import Evaluate, Floats, Problem
from isocortex_reconstruction.algorithms.schedules import Line, ends, require

OptimiserName = Literal["descent", "lbfgs", "block-lbfgs", "adam", "adamw"]


class ClippingSettings(TypedDict):
    """Every how many iterations pixels are cut back, and which percentage of them."""

    every: int
    percent: Line


class PriorSettings(TypedDict):
    """Power and weight of a prior."""

    power: float
    weight: Line


for _settings in (ClippingSettings, PriorSettings):
    _settings.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]  # no misspelt key


class Optimiser(Protocol):
    """Minimises from start states (n, ...); gives the last or best states."""

    def minimise(
        self, evaluate: Evaluate, problem: Problem, start: Floats, iterations: int, rng: np.random.Generator
    ) -> Floats:
        """Minimise."""
        ...


def optimiser_of(settings: Mapping[str, Any], generated: bool, scale: Any = None) -> Optimiser:
    """Make the optimiser that the settings name."""
    name = settings["optimiser"]
    pixel_only = [key for key in _PIXEL_ONLY if settings[key]]
    if pixel_only and (generated or name != "descent"):
        raise DataError(f"{', '.join(pixel_only)}: only for descent on pixels, without a generator")
    if name == "descent":
        return _descent(settings, generated)
    updated = settings["returned"] == "updated"
    if name in ("adam", "adamw"):
        step = require("step", settings["step"])
        decay = _constant("decay", settings["decay"]) if name == "adamw" else 0.0
        return Adam(step=step, decay=decay, updated=updated)
    return LBFGS(scale=scale) if name == "lbfgs" else BlockLBFGS()


_PIXEL_ONLY = (
    "jitter", "p_norm", "total_variation", "clip_extreme", "clip_small_norm", "clip_small_contribution",
)  # fmt: skip


def _descent(settings: Mapping[str, Any], generated: bool) -> Descent:
    jitter = settings["jitter"]
    if jitter < 0:
        raise DataError(f"jitter is {jitter}; give a number of pixels")
    blur = require("blur", settings["blur"])
    if generated and any(ends(blur)):
        raise DataError("blur: only for descent on pixels, without a generator")
    return Descent(
        step=require("step", settings["step"]),
        momentum=require("momentum", settings["momentum"], 0, 1),
        decay=require("decay", settings["decay"], 0, 1),
        normalise=settings["normalise"],
        jitter=jitter,
        blur=None if generated else blur,
        p_norm=_prior("p_norm", settings["p_norm"]),
        total_variation=_prior("total_variation", settings["total_variation"]),
        extreme=_every("clip_extreme", settings["clip_extreme"]),
        small_norm=_every("clip_small_norm", settings["clip_small_norm"]),
        small_contribution=_every("clip_small_contribution", settings["clip_small_contribution"]),
        bounded=generated,
        updated=settings["returned"] == "updated",
    )


def _prior(name: str, given: PriorSettings | None) -> Prior | None:
    if given is None:
        return None
    if not 1 <= given["power"] < np.inf:
        raise DataError(f"{name}: the power is {given['power']:g}; give 1 or more")
    return Prior(given["power"], require(f"{name}: weight", given["weight"]))


def _every(name: str, given: ClippingSettings | None) -> Every | None:
    if given is None:
        return None
    if given["every"] < 1:
        raise DataError(f"{name}: every is {given['every']}; give 1 or more iterations")
    return Every(given["every"], require(f"{name}: percent", given["percent"], 0, 100))


def _constant(name: str, line: Line) -> float:
    start, end = ends(require(name, line, 0, 1))
    if start != end:
        raise DataError(f"{name}: AdamW takes one number, not a line")
    return start
