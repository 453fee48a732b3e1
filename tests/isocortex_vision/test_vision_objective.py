"""Objectives: losses and gradient for many calls, against ``loss_gradient`` and finite differences."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from isocortex.contracts import Gradient
from isocortex.errors import DataError
from isocortex.testing import check_model
from isocortex_vision.generators.dgn import DGN
from isocortex_vision.models.vgg import VGG16, VGG19
from isocortex_vision.networks import graph, tiling

SMALL: dict[str, Any] = {"image_size": 32, "width": 1 / 16, "precision": "float64"}
IMAGES = np.random.default_rng(0).uniform(-20, 280, (2, 32, 32, 3))
MEAN = (123.68, 116.779, 103.939)


@pytest.fixture(params=[False, True], ids=["plain", "winograd"])
def minimal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """With convolutions as they are written down, and of few multiplications though narrow and float64."""
    if request.param:
        monkeypatch.setattr(tiling, "_LEAST_CHANNELS_IN_PIECES", 4)
        monkeypatch.setattr(graph, "_MINIMAL", ("float32", "float64"))
    return bool(request.param)


def problem(net: Any, layers: list[str], masked: bool = False) -> tuple[Any, Any, Any]:
    """Targets, weights (numbers and one for each image) and masks (of all images, and of each)."""
    found = net.features(IMAGES[::-1], layers)
    targets = {name: values * 0.7 + 0.1 for name, values in found.items()}
    weights: dict[str, Any] = dict.fromkeys(layers, 0.3)
    weights[layers[0]] = [2.0, 0.5]
    masks, rng = {}, np.random.default_rng(1)
    if masked:
        masks[layers[0]] = rng.uniform(0, 1, found[layers[0]].shape)
        masks[layers[-1]] = rng.integers(0, 2, found[layers[-1]].shape[1:]).astype(bool)
    return targets, weights, masks


def agree(found: Gradient, wanted: Gradient, near: float = 1e-10) -> None:
    """The same to rounding."""
    np.testing.assert_allclose(found.losses, wanted.losses, rtol=near)
    assert list(found.by_layer) == list(wanted.by_layer)
    for name, values in wanted.by_layer.items():
        np.testing.assert_allclose(found.by_layer[name], values, rtol=near)
    wanted_gradient = np.asarray(wanted.gradient)
    assert np.linalg.norm(found.gradient - wanted_gradient) < near * np.linalg.norm(wanted_gradient)


ALL = ["conv1_1", "conv1_2", "conv2_2", "conv3_1", "conv4_2", "conv5_2", "fc6", "fc8"]


@pytest.mark.parametrize(("loss", "masked"), [("l2", False), ("l1", True), ("inner", True)])
def test_equals_loss_gradient(loss: str, masked: bool) -> None:
    net = VGG19(**SMALL)
    targets, weights, masks = problem(net, ALL if loss == "l2" else ALL[:3], masked)
    objective = net.objective(None, targets, weights, loss, masks)
    assert objective is not None
    agree(objective(IMAGES), net.loss_gradient(IMAGES, targets, weights, loss, masks))


ODD = {"image_size": 50, "head": "none"}  # pools leave a row out, tiles are not full
KINDS: list[tuple[dict[str, Any], list[str], str]] = [
    ({}, ["relu1_1", "conv1_2", "relu1_2", "pool1", "relu2_2"], "l2"),
    (ODD, ["conv2_1", "pool2"], "l1"),
    ({}, ["conv1_1", "relu1_2", "conv2_1"], "gram"),
    ({"slope": 0.2, "pooling": "average"}, ["conv1_2", "relu1_2", "conv2_1"], "l1"),
    ({"slope": 0.3, **ODD}, ["relu1_2", "pool1", "conv2_1"], "l2"),
    ({"slope": 0.2}, ["conv1_2", "relu1_2", "pool1"], "gram"),
    ({}, ["conv1_2"], "gram"),
    ({}, ["pool1"], "inner"),
    ({}, ["relu1_1"], "l2"),
]


@pytest.mark.parametrize(
    ("settings", "layers", "loss", "minimal"),
    [(*kind, False) for kind in KINDS]
    + [(*KINDS[0], True)]
    + [pytest.param(*kind, True, marks=pytest.mark.slow) for kind in KINDS[1:3]],
    indirect=["minimal"],
)
def test_every_kind_of_layer(settings: Any, layers: list[str], loss: str, minimal: bool) -> None:
    net = VGG16(**{**SMALL, **settings})
    targets, weights, masks = problem(net, layers, masked=loss == "gram")
    objective = net.objective(None, targets, weights, loss, masks)
    assert objective is not None
    agree(objective(IMAGES), net.loss_gradient(IMAGES, targets, weights, loss, masks))
    assert bool(net._forward.network._transformed) == (minimal and layers[-1] != "relu1_1")


def test_the_network_of_study_a() -> None:
    net = VGG16(head="lee2023", **SMALL)
    targets, weights, _ = problem(net, ["pool5", "relu6", "fc8"])
    objective = net.objective(None, targets, weights)
    assert objective is not None
    agree(objective(IMAGES), net.loss_gradient(IMAGES, targets, weights))


def test_equal_pixels() -> None:
    """Constant images, from which reconstructions start: all pixels of a pool are the largest."""
    net = VGG16(**SMALL)
    targets, weights, _ = problem(net, ["conv1_2", "conv3_1"])
    flat = np.full_like(IMAGES, 127.0)
    objective = net.objective(None, targets, weights)
    assert objective is not None
    agree(objective(flat), net.loss_gradient(flat, targets, weights))


@pytest.mark.parametrize("generated", [False, True])
def test_the_gradient_is_that_of_the_loss(generated: bool, minimal: bool) -> None:
    net = VGG16(**SMALL)
    targets, weights, masks = problem(net, ["conv1_2", "conv2_1"], masked=True)
    generator = DGN(latent=20, width=1 / 32, crop=40, precision="float64") if generated else None
    rng = np.random.default_rng(2)
    states = 200 * rng.normal(size=(2, 20)) if generated else IMAGES
    objective = net.objective(generator, targets, weights, "l2", masks)
    assert objective is not None
    found = objective(states)
    assert found.gradient.shape == states.shape and found.losses.shape == (2,)
    direction = rng.normal(size=states.shape) * 1e-5
    ahead, behind = (objective(states + sign * direction).losses for sign in (1, -1))
    axes = tuple(range(1, states.ndim))
    np.testing.assert_allclose((ahead - behind) / 2, (found.gradient * direction).sum(axes), rtol=1e-4)


@pytest.mark.parametrize("settings", [{"crop": 32, "mean": MEAN}, {"crop": 32}, {"crop": 40, "mean": MEAN}])
def test_one_graph_with_a_generator_equals_the_chain(settings: Any) -> None:
    net = VGG16(**SMALL)
    generator = DGN(latent=20, width=1 / 32, precision="float64", **settings)
    targets, weights, _ = problem(net, ["conv1_1", "conv2_2"])
    codes = 200 * np.random.default_rng(2).normal(size=(2, 20))
    objective = net.objective(generator, targets, weights)
    assert objective is not None
    images = generator.generate(codes)
    assert images.min() < 0 or images.max() > 255  # nothing is clipped on the way
    chain = net.loss_gradient(images, targets, weights)
    agree(objective(codes), chain._replace(gradient=generator.pullback(codes, chain.gradient)))


def test_generators_from_elsewhere_are_not_looked_through() -> None:
    class Foreign:
        latent_shape, latent_bounds = (3,), None

        def generate(self, latents: Any) -> Any:
            return latents

        def pullback(self, latents: Any, gradient: Any) -> Any:
            return gradient

    net = VGG16(**SMALL)
    targets, weights, _ = problem(net, ["conv1_1"])
    assert net.objective(Foreign(), targets, weights) is None


@pytest.mark.slow
def test_images_do_not_depend_on_each_other_and_calls_repeat(minimal: bool) -> None:
    net = VGG16(**{**SMALL, "precision": "float32"})
    targets, _, _ = problem(net, ["conv1_1", "conv2_1"])
    weights = dict.fromkeys(targets, 1.0)
    together = net.objective(None, targets, weights)
    alone = net.objective(None, {name: values[1:] for name, values in targets.items()}, weights)
    assert together is not None and alone is not None
    found, single = together(IMAGES), alone(IMAGES[1:])
    again = together(IMAGES)
    assert np.array_equal(found.gradient, again.gradient) and np.array_equal(found.losses, again.losses)
    np.testing.assert_allclose(found.losses[1:], single.losses, rtol=1e-5)
    difference = np.linalg.norm(found.gradient[1:] - single.gradient)
    assert difference < 1e-3 * np.linalg.norm(single.gradient)


def test_types_and_precisions() -> None:
    exact = VGG16(**SMALL)
    targets, weights, _ = problem(exact, ["conv1_2", "conv2_1"])
    wanted = exact.loss_gradient(IMAGES, targets, weights)
    for precision, near in (("float32", 1e-4), ("bfloat16", 0.05)):
        net = exact.with_precision(precision)
        assert net.parameters is exact.parameters and exact.precision == "float64"
        objective = net.objective(None, targets, weights)
        assert objective is not None
        found = objective(IMAGES.astype(np.float32))
        assert found.gradient.dtype == found.losses.dtype == np.float32
        agree(found._replace(gradient=found.gradient.astype(float)), wanted, near)
    for one, other in pairwise(("bfloat16", "float64")):
        back = exact.with_precision(one).with_precision(other)
        assert np.array_equal(back.features(IMAGES, ["fc8"])["fc8"], exact.features(IMAGES, ["fc8"])["fc8"])
    generator = DGN(latent=8, width=1 / 64, crop=16)
    narrow = generator.with_precision("bfloat16")
    assert narrow.parameters is generator.parameters and narrow.precision == "bfloat16"
    codes = np.random.default_rng(2).normal(size=(1, 8))
    first, second = generator.generate(codes), narrow.generate(codes)
    assert 0 < np.linalg.norm(first - second) < 0.05 * np.linalg.norm(first)
    with pytest.raises(DataError, match="no precision 'float16'"):
        exact.with_precision("float16")  # type: ignore[arg-type]


def test_only_the_layers_that_are_needed_are_read() -> None:
    net = VGG16(**SMALL)
    targets, weights, _ = problem(net.with_precision("float32"), ["conv2_1"])
    assert net.objective(None, targets, weights) is not None
    assert set(net._forward.network._tensors) == {"conv1_1", "conv1_2", "conv2_1"}


def test_mistakes_are_explained() -> None:
    net = VGG16(**SMALL)
    targets, weights, _ = problem(net, ["conv1_1", "fc8"])
    for change, message in (
        ({"targets": {**targets, "conv9": 1}}, "no layer 'conv9'"),
        ({"targets": {}}, "no layer is asked for"),
        ({"targets": {"fc8": 3.0}}, r"target of layer 'fc8' has the shape \(\)"),
        ({"targets": {**targets, "fc8": targets["fc8"][:1]}}, r"shape \(1, 1000\), expected \(2, 1000\)"),
        ({"targets": {**targets, "fc8": np.full((2, 1000), np.nan)}}, "NaN"),
        ({"weights": {"fc8": 1.0}}, "no weight is given for the target layer 'conv1_1'"),
        ({"masks": {"fc8": np.ones(3)}}, r"mask of layer 'fc8'"),
        ({"loss": "l3"}, "no loss 'l3'"),
        ({"loss": "gram"}, "'gram' is for maps, and fc8 has none"),
    ):
        given: Any = {"targets": targets, "weights": weights, "loss": "l2", "masks": None, **change}
        with pytest.raises(DataError, match=message):
            net.objective(None, **given)
    objective = net.objective(None, targets, weights)
    assert objective is not None
    with pytest.raises(DataError, match="targets are of 2 images, and 1 are given"):
        objective(IMAGES[:1])
    with pytest.raises(DataError, match="NaN"):
        objective(IMAGES * np.nan)
    generator = DGN(latent=8, width=1 / 64, crop=32, precision="float64")
    objective = net.objective(generator, targets, weights)
    assert objective is not None
    with pytest.raises(DataError, match=r"expected codes of shape \(n, 8\)"):
        objective(np.zeros((2, 9)))


def test_a_wrong_objective_breaks_the_contract() -> None:
    class Wrong(VGG16):
        def objective(self, *given: Any) -> Any:
            right = super().objective(*given)
            assert right is not None
            return lambda states: right(states)._replace(gradient=2 * right(states).gradient)

    settings: Any = {"image_size": 32, "width": 1 / 32, "head": "none"}
    check_model(VGG16(**settings))
    with pytest.raises(AssertionError, match="gradient of objective differs from that of loss_gradient"):
        check_model(Wrong(**settings))
