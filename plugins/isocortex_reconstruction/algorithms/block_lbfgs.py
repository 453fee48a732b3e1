"""L-BFGS within bounds with one evaluation a step: for fast networks, where SciPy's line search costs time.

The direction of L-BFGS (Nocedal 1980) over the pixels that are free to move, projected on the bounds
(Bertsekas 1982), and a step that is tried whole first. All images are evaluated together; each has its own
memory, step and acceptance, so none waits for another's line search.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isocortex_reconstruction.algorithms.memory import Memory
from isocortex_reconstruction.algorithms.problem import Evaluate, Floats, Problem

_DECREASE, _SHORTEST = 1e-4, 1e-6
"""Share of the promised decrease that a step has to bring; the shortest step, before a new start."""


@dataclass(frozen=True)
class BlockLBFGS:
    """``first`` is the mean absolute change of a state in the first step (levels, or latent units)."""

    memory: int = 10
    first: float = 1.0

    def minimise(
        self,
        evaluate: Evaluate,
        problem: Problem,
        start: Floats,
        iterations: int,
        rng: np.random.Generator,
    ) -> Floats:
        """Minimise from ``start`` (n, ...) in so many evaluations; gives the best states."""
        low, high = (None if bound is None else bound.ravel() for bound in (problem.low, problem.high))
        searches = [_Search(state, low, high, self) for state in start.reshape(len(start), -1)]
        for _ in range(iterations):
            found = evaluate(np.stack([search.tried for search in searches]).reshape(start.shape))
            gradients = np.asarray(found.gradient, dtype=np.float64).reshape(len(start), -1)
            for search, loss, gradient in zip(searches, found.losses, gradients, strict=True):
                search.tell(float(loss), gradient)
        return np.stack([search.best for search in searches]).reshape(start.shape)


class _Search:
    """One image: ``tried`` is the state to evaluate next, ``best`` the last accepted one."""

    def __init__(self, start: Floats, low: Floats | None, high: Floats | None, settings: BlockLBFGS) -> None:
        self.low, self.high, self.first = low, high, settings.first
        self.best = self.tried = self._within(start.copy())
        self.loss, self.step = np.inf, 1.0
        self.gradient = self.direction = np.zeros_like(self.best)
        self.memory = Memory(settings.memory, len(self.best))

    def tell(self, loss: float, gradient: Floats) -> None:
        """Take in what ``tried`` is worth, and choose what to try next."""
        if self.loss == np.inf:
            self._accept(loss, gradient)
        else:
            moved = self.tried - self.best
            slope = float(self.gradient @ moved)
            if loss <= self.loss + _DECREASE * slope and slope < 0:
                self.memory.add(moved, gradient - self.gradient)
                self._accept(loss, gradient)
            else:
                self._shorten(loss, slope)
        self.tried = self._within(self.best + self.step * self.direction)

    def _accept(self, loss: float, gradient: Floats) -> None:
        self.best, self.loss, self.gradient = self.tried, loss, gradient
        self._aim()

    def _shorten(self, loss: float, slope: float) -> None:
        """Go back towards the best state: to the minimum of the parabola, or start anew."""
        rise = loss - self.loss - slope
        share = -slope / (2 * rise) if np.isfinite(rise) and rise > 0 else 0.1
        self.step *= min(0.5, max(0.1, share))
        if self.step < _SHORTEST:
            self.memory.clear()
            self._aim()

    def _aim(self) -> None:
        """Direction and first step from the best state."""
        free = self._free()
        downhill = -self.gradient if free is None else np.where(free, -self.gradient, 0.0)
        self.direction = self.memory.curved(downhill)
        if free is not None:
            self.direction[~free] = 0
        self.step = 1.0
        if not self.memory or float(self.direction @ self.gradient) >= 0:
            self.memory.clear()
            self.direction = downhill
            size = float(np.abs(downhill).mean())
            self.step = self.first / size if size > 0 else 0.0

    def _free(self) -> npt.NDArray[np.bool_] | None:
        """Where the state may move against its gradient."""
        if self.low is None or self.high is None:
            return None
        fixed = (self.best <= self.low) & (self.gradient > 0)
        fixed |= (self.best >= self.high) & (self.gradient < 0)
        return ~fixed

    def _within(self, state: Floats) -> Floats:
        return state if self.low is None else np.clip(state, self.low, self.high)
