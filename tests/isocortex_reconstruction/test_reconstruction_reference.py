"""The independent implementation of study B's reconstruction: by finite differences and by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import reference_inversion as ri
from reference import VGG16, dgn_weights, vgg_weights
from threadpoolctl import threadpool_limits

LAYERS = ("conv1_1", "relu1_2", "pool2", "conv3_1", "conv5_3", "relu6", "fc7", "fc8")
MAPS = ("conv1_1", "relu1_2", "pool2", "conv3_1")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """The arrays are small: on a busy machine threads that wait for each other cost most of the time."""
    with threadpool_limits(1, user_api="blas"):
        yield


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def network(slope: float = 0.0, average: bool = False) -> ri.Network:
    double = {
        name: (kernel.astype(np.float64), bias.astype(np.float64))
        for name, (kernel, bias) in vgg_weights(VGG16, 32, 1 / 16, 12).items()
    }
    return ri.Network(VGG16, double, slope, average)


def picture(seed: int = 0, spread: float = 50.0) -> Any:
    return rng(seed).normal(0, spread, (3, 32, 32))


def assert_gradient(function: Any, state: Any, gradient: Any, step: float = 1e-5) -> None:
    """Within 2e-6 of the gradient's length, along three directions of length 1."""
    for seed in range(3):
        direction = rng(100 + seed).normal(size=state.shape)
        direction /= np.linalg.norm(direction)
        slope = (function(state + step * direction) - function(state - step * direction)) / (2 * step)
        assert abs(slope - (gradient * direction).sum()) < 2e-6 * np.linalg.norm(gradient)


@pytest.mark.parametrize(("slope", "average"), [(0.0, False), (0.2, True)])
@pytest.mark.parametrize("loss", ["l2", "l1", "inner", "gram"])
def test_gradient_of_every_loss_by_finite_differences(loss: str, slope: float, average: bool) -> None:
    net, names = network(slope, average), MAPS if loss == "gram" else LAYERS
    targets = net.layers_of(picture(1), names)
    masks = {name: rng(2).uniform(0, 1, targets[name].shape) for name in names[1:3]}
    objective = ri.Objective(net, targets, loss, masks=masks)
    image = picture(3)
    assert_gradient(lambda x: objective(x)[0], image, objective(image)[2])


def test_one_layer_alone_needs_no_deeper_one() -> None:
    net, image = network(), picture(3)
    objective = ri.Objective(net, net.layers_of(picture(1), ["pool1"]))
    assert_gradient(lambda x: objective(x)[0], image, objective(image)[2])


def test_gradient_by_the_code_of_both_generators() -> None:
    weights = {
        name: (kernel.astype(np.float64), bias.astype(np.float64))
        for name, (kernel, bias) in dgn_weights(1 / 32, 10).items()
    }
    for generator in (ri.SmallGenerator(10), ri.Cropped(weights, 32)):
        over, code = picture(4), rng(5).uniform(0, 3, 10)
        assert generator.forward(code).shape == (3, 32, 32)
        assert_gradient(
            lambda z, g=generator, o=over: (g.forward(z) * o).sum(), code, generator.pulled_back(code, over)
        )
        net = network()
        objective = ri.Objective(net, net.layers_of(picture(1), LAYERS), generator=generator)
        assert_gradient(lambda z, f=objective: f(z)[0], code, objective(code)[2])


def test_losses_by_hand() -> None:
    f, t = np.array([1.0, -2.0, 3.0]), np.array([2.0, 2.0, 3.5])
    mask = np.array([1.0, 0.5, 0.0])
    assert ri.l2(f, t, mask)[0] == 1 + 0.5 * 16
    assert ri.l1(f, t, mask)[0] == 1 + 0.5 * 4
    assert ri.inner(f, t, mask)[0] == -(2 - 0.5 * 4)
    maps, goal = np.array([[[1.0, 2.0]], [[0.0, 1.0]]]), np.zeros((2, 1, 2))
    assert ri.gram(maps, goal, 1.0)[0] == (25 + 4 + 4 + 1) / (4 * 2**2 * 2**2)


def test_layer_weights_by_hand() -> None:
    assert ri.layer_weights({"a": np.array([1.0, 1.0]), "b": np.array([1.0])}) == pytest.approx(
        {"a": 1 / 3, "b": 2 / 3}
    )


def test_a_schedule_does_not_come_to_its_end() -> None:
    assert [ri.at((2.0, 0.0), t, 4) for t in range(4)] == [2.0, 1.5, 1.0, 0.5]


@pytest.mark.parametrize("beta", [1.5, 2.0, 3.0])
def test_priors_by_finite_differences(beta: float) -> None:
    image = picture(6)
    assert_gradient(lambda x: ri.p_norm(x, beta)[0], image, ri.p_norm(image, beta)[1])
    assert_gradient(lambda x: ri.tv_norm(x, beta)[0], image, ri.tv_norm(image, beta)[1])


def test_tv_by_hand() -> None:
    image = np.array([[[1.0, 4.0], [5.0, 5.0]]])
    assert ri.tv_norm(image, 2)[0] == (16 + 9) + 1 + 0 + 0
    assert ri.tv_norm(image, 1)[0] == 5 + 1
    assert np.array_equal(ri.tv_norm(image, 2)[1][0], [[-14.0, 4.0], [8.0, 2.0]])


def test_clipping_by_hand() -> None:
    image = np.arange(12.0).reshape(3, 2, 2)
    clipped = ri.without_extremes(image, 50)
    assert clipped.min() == np.percentile(image, 25) and clipped.max() == np.percentile(image, 75)
    small = ri.without_small(image, np.array([[1.0, 2.0], [3.0, 4.0]]), 50)
    assert np.array_equal(small[:, 0], np.zeros((3, 2))) and np.array_equal(small[:, 1], image[:, 1])


class Bowl:
    """Half the squared distance to a point, as an objective."""

    generator = None

    def __init__(self, point: Any) -> None:
        self.point = point

    def image_of(self, state: Any) -> Any:
        return 10 * state

    def __call__(self, state: Any) -> tuple[float, dict[str, float], Any]:
        loss = float(((state - self.point) ** 2).sum()) / 2
        return loss, {"only": loss}, state - self.point


def test_descent_of_latents_by_hand() -> None:
    start, point = np.array([0.0, 0.0]), np.array([3.0, -1.0])
    found = ri.descend_latents(
        Bowl(point), start, 2, rate=(0.5, 0.1), momentum=(0.8, 0.4), decay=(0.1, 0.2), lower=0.0, upper=1.0
    )
    # gradient (-3, 1), mean size 2: delta (-1.5, .5), code (.75, -.25), times .9, within 0 and 1
    first = np.array([0.675, 0.0])
    assert found.losses == pytest.approx([5.0, ((first - point) ** 2).sum() / 2])
    assert np.allclose(found.latent, first) and np.allclose(found.image, 10 * first)
    more = ri.descend_latents(
        Bowl(point), start, 3, rate=(0.5, 0.05), momentum=(0.8, 0.2), decay=(0.1, 0.25), lower=0.0, upper=1.0
    )
    delta = 0.6 * np.array([-1.5, 0.5]) + (first - point) / np.abs(first - point).mean()
    second = np.clip((first - 0.35 * delta) * (1 - 0.15), 0, 1)
    assert np.allclose(more.latent, second)


def test_codes_decay_before_they_are_clipped() -> None:
    far = Bowl(np.array([9.0, -9.0]))
    bounds: Any = {"rate": (1.5, 1.5), "decay": (0.1, 0.1), "lower": -1.4, "upper": 1.0}
    found = ri.descend_latents(far, np.zeros(2), 2, **bounds)
    assert np.allclose(found.latent, [1.0, -1.35])


def test_descent_of_pixels_by_hand() -> None:
    start, point = np.zeros((3, 1, 2)), np.arange(6.0).reshape(3, 1, 2)
    settings = ri.Pixels(rate=(1.0, 0.0), momentum=(0.5, 0.5), decay=(0.2, 0.2), blur=None, normalise=False)
    found = ri.descend_pixels(Bowl(point), start, 2, settings)
    first = 0.8 * point
    second = 0.8 * (first - 0.5 * (0.5 * -point + first - point))
    assert np.allclose(found.image, second)
    assert found.losses == pytest.approx([(point**2).sum() / 2, (0.04 * point**2).sum() / 2])


def test_jitter_moves_the_image_forth_and_back() -> None:
    point = picture(7)
    same = ri.Pixels(blur=None, shifts=[(0, 0)] * 3)
    assert np.array_equal(
        ri.descend_pixels(Bowl(point), 0 * point, 3, same).image,
        ri.descend_pixels(Bowl(point), 0 * point, 3, ri.Pixels(blur=None)).image,
    )
    settings = ri.Pixels(rate=(1.0, 1.0), decay=(0.0, 0.0), blur=None, normalise=False, shifts=[(1, 2)])
    found = ri.descend_pixels(Bowl(point), 0 * point, 1, settings).image
    assert np.allclose(found, np.roll(point, (-2, -1), axis=(1, 2)))
    whole = ri.Pixels(
        blur=None, unshift_gradient=True, shifts=[(3, 1)] * 4, normalise=False, decay=(0.1, 0.0)
    )
    moved = ri.descend_pixels(Bowl(np.roll(point, (1, 3), axis=(1, 2))), 0 * point, 4, whole).image
    still = ri.Pixels(blur=None, normalise=False, decay=(0.1, 0.0))
    assert np.allclose(moved, ri.descend_pixels(Bowl(point), 0 * point, 4, still).image)


def test_quasi_newton_finds_the_bounded_minimum() -> None:
    point = np.linspace(-1, 2, 12).reshape(3, 2, 2)
    found = ri.quasi_newton(Bowl(point), 0.5 + 0 * point, 20, lower=0.0, upper=1.0)
    assert np.allclose(found.image, 10 * np.clip(point, 0, 1))
    assert found.losses == sorted(found.losses, reverse=True) and set(found.losses) <= set(found.evaluations)
    low, high = ri.pixel_bounds([100.0, 110.0, 120.0], (3, 2, 2))
    assert low[1, 0, 0] == -110 and high[2, 1, 1] == 135


def test_all_four_algorithms_lower_the_loss() -> None:
    net, goal = network(), picture(8, 30)
    objective = ri.Objective(net, net.layers_of(goal, LAYERS))
    low, high = ri.pixel_bounds([104.0, 117.0, 123.0], goal.shape)
    generator = ri.SmallGenerator(10)
    behind = ri.Objective(net, objective.targets, generator=generator)
    for found in (
        ri.descend_pixels(objective, 0 * goal, 15, ri.Pixels(rate=(0.5, 1e-10), blur=None, decay=(0.0, 0.0))),
        ri.quasi_newton(objective, 0 * goal, 15, low, high),
        ri.descend_latents(behind, np.zeros(10), 15, rate=(0.1, 1e-10), lower=0.0, upper=5.0),
        ri.quasi_newton(behind, np.zeros(10), 15, 0.0, 5.0),
    ):
        assert found.losses[-1] < 0.9 * found.losses[0]
        assert found.evaluations[-1] == pytest.approx(sum(found.by_layer[-1].values()))
