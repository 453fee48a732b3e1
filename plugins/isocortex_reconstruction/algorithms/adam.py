"""Adam and AdamW (Kingma & Ba 2015; Loshchilov & Hutter 2019), within bounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isocortex_reconstruction.algorithms.problem import Evaluate, Floats, Problem
from isocortex_reconstruction.algorithms.schedules import Line, at


@dataclass(frozen=True)
class Adam:
    """``decay`` is AdamW's: the share of a state that is lost for each unit of ``step``; 0 is Adam."""

    step: Line = 0.1
    decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    updated: bool = False

    def minimise(
        self,
        evaluate: Evaluate,
        problem: Problem,
        start: Floats,
        iterations: int,
        rng: np.random.Generator,
    ) -> Floats:
        """Go down from ``start`` (n, ...); gives the last states (see ``Descent.updated``)."""
        state, evaluated = start.copy(), start
        first, second = np.zeros_like(start), np.zeros_like(start)
        for iteration in range(iterations):
            evaluated, step = state, at(self.step, iteration, iterations)
            gradient = np.asarray(evaluate(state).gradient, dtype=np.float64)
            first = self.betas[0] * first + (1 - self.betas[0]) * gradient
            second = self.betas[1] * second + (1 - self.betas[1]) * gradient**2
            mean, square = (
                moment / (1 - beta ** (iteration + 1))
                for moment, beta in zip((first, second), self.betas, strict=True)
            )
            state = state * (1 - step * self.decay) - step * mean / (np.sqrt(square) + self.epsilon)
            if problem.low is not None:
                state = np.clip(state, problem.low, problem.high)
        return state if self.updated else evaluated
