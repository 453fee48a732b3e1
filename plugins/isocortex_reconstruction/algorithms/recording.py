"""The losses of a search as it goes: kept, reported, and checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from isocortex.contracts import Gradient
from isocortex.data.base import Array
from isocortex.errors import DataError, PluginError
from isocortex_reconstruction.algorithms.problem import Evaluate, Floats, Problem

Callback = Callable[[int, Array, Callable[[], Array]], None]


class Recorder:
    """Evaluates, and keeps the losses of each evaluation."""

    def __init__(self, problem: Problem, evaluate: Evaluate, callback: Callback | None = None) -> None:
        self._problem = problem
        self._evaluate = evaluate
        self._callback = callback
        self._losses: list[Array] = []
        self._by_layer: list[dict[str, Array]] = []
        self._last: Floats | None = None

    def __call__(self, states: Floats) -> Gradient:
        """Evaluate states, and tell the callback."""
        found = self._evaluate(states)
        losses = np.asarray(found.losses, dtype=np.float64)
        if losses.shape != (len(states),) or np.shape(found.gradient) != states.shape:
            raise PluginError(
                f"{len(states)} states of shape {states.shape[1:]} gave losses of shape {losses.shape} and a "
                f"gradient of shape {np.shape(found.gradient)}; see the contracts of models and generators"
            )
        self._require_finite(losses, found.gradient)
        self._losses.append(losses)
        self._last = states.copy()
        self._by_layer.append({name: np.asarray(part, np.float64) for name, part in found.by_layer.items()})
        if self._callback is not None:
            self._callback(len(self._losses) - 1, losses, lambda: self._problem.images(states))
        return found

    def finish(self, states: Floats) -> None:
        """Evaluate the final states, unless they were the last ones: a search may end on an earlier best."""
        if self._last is None or not np.array_equal(self._last, states):
            self(states)

    def _require_finite(self, losses: Floats, gradient: Any) -> None:
        axes = tuple(range(1, np.ndim(gradient)))
        good = np.isfinite(losses) & np.isfinite(gradient).all(axis=axes)
        if not good.all():
            raise DataError(
                f"the loss of target {int(np.argmin(good)) + 1} or its gradient is NaN or infinite after "
                f"{len(self._losses)} iterations: take smaller steps, or look at the target features"
            )

    @property
    def losses(self) -> Floats:
        """Losses (n, evaluations)."""
        return np.stack(self._losses, axis=1)

    @property
    def by_layer(self) -> dict[str, Floats]:
        """Layer -> weighted losses (n, evaluations)."""
        return {name: np.stack([part[name] for part in self._by_layer], axis=1) for name in self._by_layer[0]}
