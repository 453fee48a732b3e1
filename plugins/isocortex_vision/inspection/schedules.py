"""How step and blur change while an image is made that a unit responds to (Lee et al. 2023)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from typing_extensions import TypedDict

from isocortex.errors import DataError


class StageSettings(TypedDict):
    """A stage as a pipeline gives it: ``iterations``, and ``sigma`` and ``step`` at its start and end."""

    iterations: int
    sigma: tuple[float, float]
    step: tuple[float, float]


StageSettings.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]  # no misspelt key

ScheduleName = Literal["classes", "filters-1", "filters-2"]


@dataclass(frozen=True)
class Stage:
    """Iterations over which ``sigma`` (of the blur, in pixels) and ``step`` go from start to end.

    ``step`` is the mean absolute change of a pixel's channel, in levels of 0 to 255.
    """

    iterations: int
    sigma: tuple[float, float]
    step: tuple[float, float]

    def __post_init__(self) -> None:
        numbers = (*self.sigma, *self.step)
        if self.iterations < 1 or min(numbers) < 0 or not all(map(math.isfinite, numbers)):
            raise DataError(
                "activation maximisation: a stage needs 1 iteration or more, sigma and step 0 or more"
            )

    def at(self, iteration: int, lee2023: bool = False) -> tuple[float, float]:
        """Sigma and step of an iteration, on a straight line from start (at 0) to end.

        lee2023 : as study A's code has it: ``start + end - start * i / n``, too much at first.
        """
        share = iteration / self.iterations
        if lee2023:
            sigma, step = (a + b - a * share for a, b in (self.sigma, self.step))
        else:
            sigma, step = (a + (b - a) * share for a, b in (self.sigma, self.step))
        return sigma, step


SCHEDULES: Mapping[str, tuple[Stage, ...]] = MappingProxyType(
    {
        "classes": (
            Stage(200, (2.5, 1.1), (3.0, 2.5)),
            Stage(100, (1.1, 0.858), (2.5, 2.0)),
            Stage(100, (0.858, 0.78), (2.0, 1.5)),
            Stage(50, (0.858, 0.4), (1.5, 0.375)),
            Stage(25, (0.4, 0.1), (0.375, 0.125)),
        ),
        "filters-1": (Stage(200, (0.78, 0.624), (3.0, 3.0)),),
        "filters-2": (Stage(500, (2.5, 0.78), (2.0, 2.0)), Stage(500, (1.25, 0.39), (1.0, 1.0))),
    }
)
"""Study A's: for classes, and its two settings for filters of convolutions."""


def stages_of(schedule: ScheduleName | Sequence[StageSettings]) -> tuple[Stage, ...]:
    """Give the stages of a named schedule, or those that are listed."""
    if isinstance(schedule, str):
        if schedule not in SCHEDULES:
            raise DataError(
                f"activation maximisation: no schedule {schedule!r}; there are {', '.join(SCHEDULES)}"
            )
        return SCHEDULES[schedule]
    if not schedule:
        raise DataError("activation maximisation: the schedule has no stages")
    return tuple(Stage(s["iterations"], tuple(s["sigma"]), tuple(s["step"])) for s in schedule)
