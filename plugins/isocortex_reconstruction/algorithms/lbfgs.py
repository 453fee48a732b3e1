"""SciPy's L-BFGS-B (Byrd et al. 1995), as Shen et al. 2019 use it, for several images at once.

Each image is minimised by itself, in a thread of its own that waits for the losses it asks for. Whenever all
have asked, one evaluation answers them together: each takes the course that it would take alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from isocortex.contracts import Gradient
from isocortex_reconstruction.algorithms.problem import Evaluate, Floats, Problem


@dataclass(frozen=True)
class LBFGS:
    """``memory`` steps are remembered; ``scale`` multiplies the loss that the optimiser sees (n,).

    ``tolerance`` and ``slope`` are SciPy's ``ftol`` and ``gtol``: where an image is done before its time.
    """

    memory: int = 10
    tolerance: float = 2.220446049250313e-09
    slope: float = 1e-5
    scale: Callable[[Gradient], Floats] | None = None

    def minimise(
        self,
        evaluate: Evaluate,
        problem: Problem,
        start: Floats,
        iterations: int,
        rng: np.random.Generator,
    ) -> Floats:
        """Minimise from ``start`` (n, ...) in at most so many iterations; gives the best states."""
        table = _Table(start.copy(), evaluate, self.scale)
        bounds = None if problem.low is None else _bounds(problem)
        options = {"maxiter": iterations, "maxcor": self.memory, "ftol": self.tolerance, "gtol": self.slope}
        # SciPy counts evaluations too; its limit of 15,000 is not one of ours
        options["maxfun"] = 40 * iterations + 100

        def one(row: int) -> None:
            from scipy.optimize import minimize

            found = minimize(
                lambda x: table.ask(row, x),
                start[row].ravel(),
                method="L-BFGS-B",
                jac=True,
                bounds=bounds,
                options=options,
            )
            table.finish(row, found.x)

        return table.serve(one)


def _bounds(problem: Problem) -> Any:
    from scipy.optimize import Bounds

    assert problem.low is not None and problem.high is not None
    return Bounds(problem.low.ravel(), problem.high.ravel())


class _Stopped(Exception):
    """The evaluation failed; the minimisers end."""


@dataclass
class _Table:
    """Where the minimisers leave their states and find the answers."""

    states: Floats
    evaluate: Evaluate
    scale: Callable[[Gradient], Floats] | None = None
    turn: threading.Condition = field(default_factory=threading.Condition)
    asked: set[int] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)
    answers: dict[int, tuple[float, Floats]] = field(default_factory=dict)
    error: BaseException | None = None
    factors: Floats | None = None

    def ask(self, row: int, state: Floats) -> tuple[float, Floats]:
        """Wait for the loss and gradient of a state (called in a minimiser's thread)."""
        with self.turn:
            self.states[row] = state.reshape(self.states[row].shape)
            self.asked.add(row)
            self.turn.notify_all()
            self.turn.wait_for(lambda: row in self.answers or self.error is not None)
            if self.error is not None:
                raise _Stopped
            return self.answers.pop(row)

    def finish(self, row: int, state: Floats) -> None:
        """Keep an image's result; it takes part in later evaluations as it is."""
        with self.turn:
            self.states[row] = state.reshape(self.states[row].shape)

    def serve(self, minimiser: Callable[[int], None]) -> Floats:
        """Run a minimiser for each image, and answer them until all have ended."""
        count = len(self.states)
        threads = [
            threading.Thread(target=self._run, args=(minimiser, row), daemon=True) for row in range(count)
        ]
        for thread in threads:
            thread.start()
        try:
            while self._waiting(count):
                self._answer()
        except BaseException as error:
            self._stop(error)
            raise
        finally:
            for thread in threads:
                thread.join()
        if self.error is not None:
            raise self.error
        return self.states

    def _waiting(self, count: int) -> bool:
        """Wait until each minimiser has asked or ended; whether one has asked."""
        with self.turn:
            self.turn.wait_for(lambda: len(self.asked | self.ended) == count or self.error is not None)
            return bool(self.asked) and self.error is None

    def _answer(self) -> None:
        found = self.evaluate(self.states.copy())
        if self.factors is None:
            ones = np.ones(len(self.states))
            self.factors = ones if self.scale is None else self.scale(found)
        gradient = np.asarray(found.gradient, dtype=np.float64)
        with self.turn:
            for row in self.asked:
                factor = float(self.factors[row])
                self.answers[row] = factor * float(found.losses[row]), factor * gradient[row].ravel()
            self.asked.clear()
            self.turn.notify_all()

    def _run(self, minimiser: Callable[[int], None], row: int) -> None:
        try:
            minimiser(row)
        except _Stopped:
            pass
        except BaseException as error:
            self._stop(error)
        finally:
            with self.turn:
                self.ended.add(row)
                self.turn.notify_all()

    def _stop(self, error: BaseException) -> None:
        with self.turn:
            self.error = self.error or error
            self.turn.notify_all()
