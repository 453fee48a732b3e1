"""Optimisers, priors and clips against definitions, SciPy alone, and known minima."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from isocortex.contracts import Gradient
from isocortex.errors import DataError
from isocortex_reconstruction.algorithms import clipping, priors
from isocortex_reconstruction.algorithms.adam import Adam
from isocortex_reconstruction.algorithms.block_lbfgs import BlockLBFGS
from isocortex_reconstruction.algorithms.descent import Descent, Every, Prior, normalised
from isocortex_reconstruction.algorithms.lbfgs import LBFGS
from isocortex_reconstruction.algorithms.memory import Memory
from isocortex_reconstruction.algorithms.schedules import at, ends, require

RNG = np.random.default_rng(0)


class Bowls:
    """Independent functions of states (n, 6): (x - a)' H (x - a) + a fourth-power term."""

    def __init__(self, count: int, bounded: bool = True, size: int = 6) -> None:
        rng = np.random.default_rng(3)
        self.shape = (size,)
        self.low = np.full(size, -0.5) if bounded else None
        self.high = np.full(size, 1.0) if bounded else None
        roots = rng.normal(size=(count, size, size))
        self.curvature = np.einsum("nij,nkj->nik", roots, roots) + np.eye(size)
        self.centre = rng.normal(size=(count, size)) * 1.5
        self.asked: list[Any] = []

    def evaluate(self, states: Any) -> Gradient:
        self.asked.append(states.copy())
        away = states - self.centre
        pushed = np.einsum("nij,nj->ni", self.curvature, away)
        losses = (away * pushed).sum(axis=1) + (away**4).sum(axis=1)
        return Gradient(losses, {"all": losses}, 2 * pushed + 4 * away**3)

    def single(self, row: int, x: Any) -> tuple[float, Any]:
        away = x - self.centre[row]
        pushed = self.curvature[row] @ away
        return float(away @ pushed + (away**4).sum()), 2 * pushed + 4 * away**3

    def images(self, states: Any) -> Any:
        return states


def minimised(optimiser: Any, bowls: Bowls, iterations: int, start: Any = None) -> Any:
    start = np.zeros((len(bowls.centre), *bowls.shape)) if start is None else start
    return optimiser.minimise(bowls.evaluate, bowls, start, iterations, np.random.default_rng(0))


@pytest.mark.parametrize("bounded", [True, False])
def test_lbfgs_takes_the_course_of_scipy_alone(bounded: bool) -> None:
    bowls = Bowls(4, bounded)
    found = minimised(LBFGS(), bowls, 25)
    for row in range(4):
        alone: list[Any] = []

        def function(x: Any, row: int = row, alone: list[Any] = alone) -> Any:
            alone.append(x.copy())
            return bowls.single(row, x)

        bounds = list(zip(bowls.low, bowls.high, strict=True)) if bounded else None
        result = minimize(
            function, np.zeros(6), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 25}
        )
        asked = np.array([states[row] for states in bowls.asked])
        assert np.allclose(asked[: len(alone)], alone, rtol=1e-9, atol=1e-12)
        # what is done stays where it ended while the others go on
        assert np.allclose(asked[len(alone) :], result.x, rtol=1e-9)
        assert np.allclose(found[row], result.x, rtol=1e-9)


def test_lbfgs_sees_the_scaled_loss_only() -> None:
    tiny = Bowls(3)
    plain = minimised(LBFGS(), tiny, 40)
    scaled = minimised(LBFGS(scale=lambda found: np.full(len(found.losses), 1e3)), tiny, 40)
    assert np.allclose(plain, scaled, atol=1e-4)


@pytest.mark.parametrize("failing", [0, 3])
def test_an_evaluation_that_fails_ends_all(failing: int) -> None:
    import threading

    bowls, before = Bowls(3), threading.active_count()

    def evaluate(states: Any) -> Gradient:
        if len(bowls.asked) == failing:
            raise ZeroDivisionError("here")
        return bowls.evaluate(states)

    with pytest.raises(ZeroDivisionError, match="here"):
        LBFGS().minimise(evaluate, bowls, np.zeros((3, 6)), 30, np.random.default_rng(0))
    assert threading.active_count() == before


def test_a_minimiser_that_fails_ends_all(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    import scipy.optimize

    real, calls = scipy.optimize.minimize, []

    def failing(function: Any, start: Any, **options: Any) -> Any:
        calls.append(start)
        if len(calls) == 2:
            raise MemoryError("no room")
        return real(function, start, **options)

    monkeypatch.setattr(scipy.optimize, "minimize", failing)
    bowls, before = Bowls(3), threading.active_count()
    with pytest.raises(MemoryError, match="no room"):
        minimised(LBFGS(), bowls, 30)
    assert threading.active_count() == before


def two_loops(pairs: list[tuple[Any, Any]], vector: Any) -> Any:
    """Nocedal 1980, as it is written in textbooks."""
    q, taken = vector.copy(), []
    for s, y in reversed(pairs):
        taken.append((s @ q) / (y @ s))
        q = q - taken[-1] * y
    s, y = pairs[-1]
    q = q * (s @ y) / (y @ y)
    for (s, y), share in zip(pairs, reversed(taken), strict=True):
        q = q + (share - (y @ q) / (y @ s)) * s
    return q


def test_the_memory_is_that_of_lbfgs() -> None:
    rng = np.random.default_rng(0)
    memory, pairs = Memory(3, 8), []
    vector = rng.normal(size=8)
    assert np.array_equal(memory.curved(vector), vector)
    for number in range(7):
        s = rng.normal(size=8).astype(np.float32).astype(float)
        y = (s * rng.uniform(0.5, 3, 8)).astype(np.float32).astype(float)
        memory.add(s, y)
        pairs = [*pairs, (s, y)][-3:]
        memory.add(s, -y)  # no curvature: not remembered
        if number == 4:
            memory.clear()
            pairs = []
        else:
            assert np.allclose(memory.curved(vector), two_loops(pairs, vector), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bounded", [True, False])
def test_block_lbfgs_finds_scipys_minimum(bounded: bool) -> None:
    bowls = Bowls(5, bounded)
    found = minimised(BlockLBFGS(first=0.1), bowls, 120)
    wanted = minimised(LBFGS(tolerance=1e-15, slope=1e-10), Bowls(5, bounded), 200)
    assert np.allclose(found, wanted, atol=1e-5)
    if bounded:
        assert (found >= -0.5).all() and (found <= 1).all()
        assert all((states >= -0.5).all() and (states <= 1).all() for states in bowls.asked)


def test_block_lbfgs_never_gives_a_worse_state_and_images_do_not_matter_to_each_other() -> None:
    bowls = Bowls(4)
    losses = [
        bowls.evaluate(minimised(BlockLBFGS(first=5.0), bowls, count)).losses for count in range(1, 30, 4)
    ]
    assert (np.diff(losses, axis=0) <= 1e-12).all()
    one = Bowls(4)
    one.curvature, one.centre = one.curvature[2:3], one.centre[2:3]
    assert np.array_equal(minimised(BlockLBFGS(), one, 15)[0], minimised(BlockLBFGS(), Bowls(4), 15)[2])


def test_block_lbfgs_stays_at_a_minimum() -> None:
    bowls = Bowls(2, bounded=False)
    start = bowls.centre.copy()
    assert np.array_equal(minimised(BlockLBFGS(), bowls, 5, start), start)


def test_adam_as_published() -> None:
    bowls = Bowls(2)
    found = minimised(Adam(step=0.05, decay=0.1, updated=True), bowls, 12)
    for row in range(2):
        x, m, v = np.zeros(6), np.zeros(6), np.zeros(6)
        for t in range(1, 13):
            g = bowls.single(row, x)[1]
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            x = x - 0.05 * 0.1 * x
            x = x - 0.05 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
            x = np.clip(x, -0.5, 1)
        assert np.allclose(found[row], x, rtol=1e-12)


def test_descent_as_published() -> None:
    bowls, n = Bowls(2), 15
    settings = Descent(step=(0.1, 0.01), momentum=(0.9, 0.5), decay=(0.02, 0.0))
    for updated in (False, True):
        bowls.asked.clear()
        found = minimised(Descent(**{**settings.__dict__, "updated": updated}), bowls, n)
        for row in range(2):
            x, delta, before = np.zeros(6), np.zeros(6), None
            for t in range(n):
                before = x
                g = bowls.single(row, x)[1]
                g = g / np.abs(g).mean()
                delta = (0.9 + t * (0.5 - 0.9) / n) * delta + g
                x = x - (0.1 + t * (0.01 - 0.1) / n) * delta
                x = (1 - (0.02 - t * 0.02 / n)) * x
                x = np.minimum(np.maximum(x, -0.5), 1)
            assert np.allclose(found[row], x if updated else before, rtol=1e-12)
        assert updated or np.array_equal(found, bowls.asked[-1])


def test_a_zero_gradient_stays_zero() -> None:
    gradient = np.stack([np.zeros((2, 2, 3)), np.ones((2, 2, 3)) * -4])
    assert np.array_equal(normalised(gradient), np.stack([np.zeros((2, 2, 3)), -np.ones((2, 2, 3))]))


class Flat:
    """Pixels without a network: the loss is zero, or pulls towards a picture."""

    shape = (5, 6, 3)
    low = high = None

    def __init__(self, wanted: Any = None) -> None:
        self.wanted = wanted
        self.asked: list[Any] = []

    def evaluate(self, states: Any) -> Gradient:
        self.asked.append(states.copy())
        away = np.zeros_like(states) if self.wanted is None else states - self.wanted
        losses = (away**2).sum(axis=(1, 2, 3))
        return Gradient(losses, {"all": losses}, 2 * away)


def test_a_jitter_is_undone() -> None:
    start, wanted = RNG.normal(size=(2, 5, 6, 3)), RNG.normal(size=(5, 6, 3))
    still = Flat()
    given = Descent(decay=0, jitter=3).minimise(still.evaluate, still, start, 4, np.random.default_rng(5))
    assert np.array_equal(given, start)
    shifts = np.random.default_rng(5)
    for asked in still.asked:
        assert np.array_equal(asked, np.roll(start, shifts.integers(-3, 4, 2), axis=(1, 2)))

    # where the loss does not depend on the place, neither does the course: momentum moves with the image
    class Even(Flat):
        def evaluate(self, states: Any) -> Gradient:
            found = super().evaluate(states)
            return found._replace(gradient=states**3)

    courses = [
        Descent(step=0.01, decay=0.1, jitter=jitter, updated=True).minimise(
            Even().evaluate, Even(), start, 6, np.random.default_rng(5)
        )
        for jitter in (0, 2)
    ]
    assert np.allclose(*courses, rtol=1e-12)
    assert wanted.shape == Flat.shape


def test_priors_join_momentum_normalised() -> None:
    start = RNG.normal(size=(2, 5, 6, 3)) * 20
    space = Flat()
    descent = Descent(step=0.5, momentum=0.5, decay=0, p_norm=Prior(3, (0.5, 0.1)), updated=True)
    found = descent.minimise(space.evaluate, space, start, 3, np.random.default_rng(0))
    x, delta = start, 0.0
    for t in range(3):
        slope = normalised(priors.p_norm(x, 3)[1])
        delta = 0.5 * delta + (0.5 + t * (0.1 - 0.5) / 3) * slope
        x = x - 0.5 * delta
    assert np.allclose(found, x, rtol=1e-12)


@pytest.mark.parametrize(
    ("function", "power"),
    [(priors.p_norm, 2.0), (priors.p_norm, 3.0), (priors.total_variation, 1.0), (priors.total_variation, 2.0),
     (priors.total_variation, 2.5)],
)  # fmt: skip
def test_priors_by_finite_differences(function: Any, power: float) -> None:
    images, step = RNG.normal(size=(2, 4, 5, 3)) * 10, RNG.normal(size=(2, 4, 5, 3)) * 1e-5
    _, slope = function(images, power)
    ahead, behind = function(images + step, power)[0], function(images - step, power)[0]
    assert np.allclose((slope * step).sum(axis=(1, 2, 3)), (ahead - behind) / 2, rtol=1e-4)


def test_priors_by_definition() -> None:
    image = RNG.normal(size=(1, 3, 4, 3))
    scale = priors.scale((3, 4, 3))
    draws = np.random.default_rng(0).integers(0, 256, (4000, 36)).astype(float)
    assert np.isclose(scale, (np.linalg.norm(draws, axis=1) ** 2).mean() / 4, rtol=0.01)
    assert np.isclose(priors.p_norm(image, 3)[0][0] * scale, (np.abs(image) ** 3).sum())
    total = 0.0
    for y in range(3):
        for x in range(4):
            for c in range(3):
                down = image[0, y + 1, x, c] - image[0, y, x, c] if y < 2 else 0.0
                right = image[0, y, x + 1, c] - image[0, y, x, c] if x < 3 else 0.0
                total += (down**2 + right**2) ** 0.75
    assert np.isclose(priors.total_variation(image, 1.5)[0][0] * scale, total)


def test_clips_by_definition() -> None:
    images = RNG.normal(size=(2, 6, 7, 3)) * np.array([1, 100]).reshape(2, 1, 1, 1)
    clipped = clipping.clip_extreme(images, 10)
    for one, other in zip(images, clipped, strict=True):
        assert np.array_equal(other, np.clip(one, np.percentile(one, 5), np.percentile(one, 95)))
    gradient = RNG.normal(size=images.shape)
    dropped = clipping.drop_small(images, images * gradient, 20)
    for one, slope, other in zip(images, gradient, dropped, strict=True):
        size = np.linalg.norm(one * slope, axis=2)
        wanted = one.copy()
        wanted[size < np.percentile(size, 20)] = 0
        assert np.array_equal(other, wanted) and 0 < (other == 0).all(axis=2).sum() < 15


def test_clips_come_every_so_many_iterations() -> None:
    start = RNG.normal(size=(1, 5, 6, 3))
    space = Flat()
    Descent(decay=0, extreme=Every(3, 20)).minimise(space.evaluate, space, start, 7, np.random.default_rng(0))
    changed = [not np.array_equal(*pair) for pair in zip(space.asked, space.asked[1:], strict=False)]
    assert changed == [False, False, True, False, False, True]


def test_lines() -> None:
    assert at((2.0, 1.0), 0, 4) == 2 and at((2.0, 1.0), 3, 4) == 1.25 and at(0.3, 3, 4) == 0.3
    assert ends([1, 2]) == (1, 2)
    for line in (-1.0, (0.0, -1.0), float("nan"), (0.0, float("inf"))):
        if line == (0.0, float("inf")):
            continue
        with pytest.raises(DataError, match="step is"):
            require("step", line)
    with pytest.raises(DataError, match="at most 1"):
        require("decay", (0.0, 1.5), 0, 1)
