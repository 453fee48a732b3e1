"""Gradient descent with momentum (Shen et al. 2019; icnn_gd and icnn_dgn_gd of the icnn package)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isocortex_reconstruction.algorithms import clipping, priors
from isocortex_reconstruction.algorithms.problem import Evaluate, Floats, Problem
from isocortex_reconstruction.algorithms.schedules import Line, at


@dataclass(frozen=True)
class Every:
    """Something that is done every so many iterations, to a percentage of pixels."""

    every: int
    percent: Line


@dataclass(frozen=True)
class Prior:
    """A loss of images, with its power and weight."""

    power: float
    weight: Line


@dataclass(frozen=True)
class Descent:
    """Settings of the descent; those from ``jitter`` on are for pixels only.

    ``step`` multiplies the momentum's sum of gradients, each divided by its mean absolute value
    (``normalise``); ``decay`` is the share of a state that is lost; ``blur`` is in pixels.
    """

    step: Line = (2.0, 1e-10)
    momentum: Line = 0.9
    decay: Line = 0.01
    normalise: bool = True
    jitter: int = 0
    blur: Line | None = None
    p_norm: Prior | None = None
    total_variation: Prior | None = None
    extreme: Every | None = None
    small_norm: Every | None = None
    small_contribution: Every | None = None
    bounded: bool = True
    updated: bool = False
    """Give the states after the last update, not those that the last loss belongs to."""

    def minimise(
        self,
        evaluate: Evaluate,
        problem: Problem,
        start: Floats,
        iterations: int,
        rng: np.random.Generator,
    ) -> Floats:
        """Go down from ``start`` (n, ...); gives the last states.

        In each iteration: momentum, step, clips of pixels, decay, bounds, blur. A jitter moves image and
        momentum by whole pixels, the same for all images, and moves them back.
        """
        state, speed = start.copy(), np.zeros_like(start)
        evaluated = state
        for iteration in range(iterations):

            def now(line: Line, iteration: int = iteration) -> float:
                return at(line, iteration, iterations)

            shift = tuple(rng.integers(-self.jitter, self.jitter + 1, 2)) if self.jitter else (0, 0)
            state, speed = _rolled(state, shift), _rolled(speed, shift)
            evaluated = _rolled(state, (-shift[0], -shift[1]))
            gradient = np.asarray(evaluate(state).gradient, dtype=np.float64)
            gradient = normalised(gradient) if self.normalise else gradient
            speed = now(self.momentum) * speed + gradient
            speed = self._with_priors(state, speed, iteration, iterations)
            state = state - now(self.step) * speed
            state = self._clipped(state, gradient, iteration, iterations)
            back = (-shift[0], -shift[1])
            state, speed = _rolled(state, back), _rolled(speed, back)
            state = (1 - now(self.decay)) * state
            if self.bounded and problem.low is not None:
                state = np.clip(state, problem.low, problem.high)
            if self.blur is not None:
                state = _blurred(state, now(self.blur))
        return state if self.updated else evaluated

    def _with_priors(self, state: Floats, speed: Floats, iteration: int, iterations: int) -> Floats:
        """Priors add to what momentum has gathered, each of them normalised as the gradient is."""
        for prior, function in (
            (self.p_norm, priors.p_norm),
            (self.total_variation, priors.total_variation),
        ):
            if prior is not None:
                _, slope = function(state, prior.power)
                slope = normalised(slope) if self.normalise else slope
                speed = speed + at(prior.weight, iteration, iterations) * slope
        return speed

    def _clipped(self, state: Floats, gradient: Floats, iteration: int, iterations: int) -> Floats:
        if (percent := _due(self.extreme, iteration, iterations)) is not None:
            state = clipping.clip_extreme(state, percent)
        if (percent := _due(self.small_norm, iteration, iterations)) is not None:
            state = clipping.drop_small(state, state, percent)
        if (percent := _due(self.small_contribution, iteration, iterations)) is not None:
            state = clipping.drop_small(state, state * gradient, percent)
        return state


def normalised(gradient: Floats) -> Floats:
    """Divide each image's gradient by its mean absolute value; one that is zero stays zero."""
    size = np.abs(gradient).mean(axis=tuple(range(1, gradient.ndim)), keepdims=True)
    return np.divide(gradient, size, out=np.zeros_like(gradient), where=size > 0)


def _due(what: Every | None, iteration: int, iterations: int) -> float | None:
    """Percentage, where it is the turn of this iteration."""
    if what is None or (iteration + 1) % what.every:
        return None
    return at(what.percent, iteration, iterations)


def _rolled(states: Floats, shift: tuple[int, ...]) -> Floats:
    return states if not any(shift) else np.roll(states, shift, axis=(1, 2))


def _blurred(states: Floats, sigma: float) -> Floats:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(states, (0, sigma, sigma, 0)) if sigma > 0 else states
