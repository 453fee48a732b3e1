"""Options of the reconstructor against the independent implementation, on a network in numpy."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reference_inversion as ri
from reference_components import (
    LAYERS,
    MAPS,
    MEAN,
    SIDE,
    NumpyGenerator,
    NumpyModel,
    batch,
    bgr,
    last,
    rgb,
    small_network,
)
from threadpoolctl import threadpool_limits

from isocortex.errors import DataError
from isocortex_reconstruction.inversion import FeatureInversion

LATENT, ITERATIONS = 12, 12
GREY = np.zeros((3, SIDE, SIDE))
PLAIN: dict[str, Any] = {
    "optimiser": "descent",
    "returned": "updated",
    "blur": 0.0,
    "decay": 0.05,
    "step": 0.5,
}
THE_SAME: dict[str, Any] = {"blur": None, "decay": (0.05, 0.05), "rate": (0.5, 0.5)}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """The arrays are small: on a busy machine threads that wait for each other cost most of the time."""
    with threadpool_limits(1, user_api="blas"):
        yield


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def net() -> ri.Network:
    """The smooth network: the path of the other is chaotic."""
    return small_network(slope=0.2, average=True)


@pytest.fixture(scope="module")
def targets(net: ri.Network) -> list[dict[str, Any]]:
    return [net.layers_of(rng(seed).normal(0, 60, GREY.shape), LAYERS) for seed in (1, 2)]


def run(
    net: ri.Network, targets: list[dict[str, Any]], generator: Any = None, seed: int = 0, **given: Any
) -> Any:
    inversion = FeatureInversion(**{"iterations": ITERATIONS, **given})
    return inversion.reconstruct(batch(targets), NumpyModel(net), generator, rng=rng(seed))


def assert_same(found: Any, row: int, wanted: ri.Found) -> None:
    losses = np.array(wanted.evaluations)
    np.testing.assert_allclose(found.losses[row][: len(losses)], losses, rtol=1e-6)
    assert np.abs(found.images[row] - rgb(wanted.image)).max() < 0.1


def descended(
    net: ri.Network, target: dict[str, Any], settings: dict[str, Any], **objective: Any
) -> ri.Found:
    return ri.descend_pixels(
        ri.Objective(net, target, **objective), GREY, ITERATIONS, ri.Pixels(**{**THE_SAME, **settings})
    )


SETTINGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "schedules": (
        {"step": (0.8, 0.1), "momentum": (0.95, 0.5), "decay": (0.1, 0.0)},
        {"rate": (0.8, 0.1), "momentum": (0.95, 0.5), "decay": (0.1, 0.0)},
    ),
    "raw gradient": ({"normalise": False, "step": 20.0}, {"normalise": False, "rate": (20.0, 20.0)}),
    "blur": ({"blur": (2.0, 0.5)}, {"blur": (2.0, 0.5)}),
    "p-norm": ({"p_norm": {"power": 3, "weight": (0.5, 0.1)}}, {"p_norm": (3, 0.5, 0.1)}),
    "tv": ({"total_variation": {"power": 2, "weight": 0.5}}, {"tv_norm": (2, 0.5, 0.5)}),
    "tv of power 1.5": (
        {"total_variation": {"power": 1.5, "weight": (0.2, 0.4)}},
        {"tv_norm": (1.5, 0.2, 0.4)},
    ),
    "both priors": (
        {"p_norm": {"power": 2.5, "weight": 0.3}, "total_variation": {"power": 2, "weight": 0.3}},
        {"p_norm": (2.5, 0.3, 0.3), "tv_norm": (2, 0.3, 0.3)},
    ),
    "priors, raw": (
        {
            "normalise": False,
            "step": 20.0,
            "p_norm": {"power": 3, "weight": 40.0},
            "total_variation": {"power": 2, "weight": 40.0},
        },
        {"normalise": False, "rate": (20.0, 20.0), "p_norm": (3, 40.0, 40.0), "tv_norm": (2, 40.0, 40.0)},
    ),
    "extremes": ({"clip_extreme": {"every": 4, "percent": (10.0, 2.0)}}, {"clip_extreme": (4, 10.0, 2.0)}),
    "small norm": ({"clip_small_norm": {"every": 3, "percent": 20.0}}, {"clip_small_norm": (3, 20.0, 20.0)}),
    "small contribution": (
        {"clip_small_contribution": {"every": 2, "percent": (30.0, 5.0)}},
        {"clip_small_contribution": (2, 30.0, 5.0)},
    ),
    "all clipping": (
        {
            "clip_extreme": {"every": 2, "percent": 5.0},
            "clip_small_norm": {"every": 3, "percent": 5.0},
            "clip_small_contribution": {"every": 4, "percent": 5.0},
        },
        {
            "clip_extreme": (2, 5.0, 5.0),
            "clip_small_norm": (3, 5.0, 5.0),
            "clip_small_contribution": (4, 5.0, 5.0),
        },
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def plain(net: ri.Network, targets: list[dict[str, Any]]) -> Any:
    return run(net, targets, **PLAIN)


@pytest.mark.parametrize("name", SETTINGS)
def test_descent_of_pixels(name: str, net: ri.Network, targets: list[dict[str, Any]], plain: Any) -> None:
    ours, theirs = SETTINGS[name]
    # icnn divides priors by the square of half the norm of a random image; the mean square of 0 .. 255
    scale = (GREY.size * 255 * 511 / 6) ** 0.5 / 2
    found = run(net, targets, **{**PLAIN, **ours})
    for row, target in enumerate(targets):
        assert_same(found, row, descended(net, target, {"image_norm": scale, **theirs}))
        if name != "plain":
            assert np.abs(found.images[row] - plain.images[row]).max() > 1, "the option did nothing"


def test_defaults_of_icnn_gd(net: ri.Network, targets: list[dict[str, Any]]) -> None:
    found = run(net, targets[:1], optimiser="descent", returned="updated")
    assert_same(found, 0, ri.descend_pixels(ri.Objective(net, targets[0]), GREY, ITERATIONS, ri.Pixels()))


def shifts_of(net: ri.Network, target: dict[str, Any], size: int, folder: Path) -> Any:
    """What images are moved by in a run with this size, seen on one that does not change."""
    start = rng(5).uniform(0, 255, (SIDE, SIDE, 3))
    np.save(folder / "start.npy", start)
    model = NumpyModel(net)
    settings: dict[str, Any] = {**PLAIN, "jitter": size, "decay": 0.0, "step": 0.0}
    inversion = FeatureInversion(iterations=ITERATIONS, start=folder / "start.npy", **settings)
    with pytest.warns(UserWarning, match="did not move"):
        inversion.reconstruct(batch([target]), model, rng=rng())
    moves = [(x, y) for x in range(-size, size + 1) for y in range(-size, size + 1)]
    return [
        next(m for m in moves if np.allclose(np.roll(start, (m[1], m[0]), (0, 1)), seen[0]))
        for seen in model.seen
    ]


def test_jitter_moves_all_of_the_momentum_back(
    net: ri.Network, targets: list[dict[str, Any]], tmp_path: Path
) -> None:
    shifts = shifts_of(net, targets[0], 4, tmp_path)
    assert len({x for x, _ in shifts}) > 3 and len({y for _, y in shifts}) > 3
    found = run(net, targets, **PLAIN, jitter=4)
    for row, target in enumerate(targets):
        settings = {"shifts": shifts, "unshift_gradient": True}
        assert_same(found, row, descended(net, target, settings))


@pytest.mark.parametrize("loss", ["l2", "l1", "inner", "gram"])
def test_losses_channels_and_layer_weights(loss: Any, net: ri.Network, targets: list[dict[str, Any]]) -> None:
    names = MAPS if loss == "gram" else LAYERS
    some = [{name: target[name] for name in names} for target in targets]
    masks = {}
    for name, chosen in (("conv2_2", [0, 3, 4]), ("conv5_3", [1])):
        masks[name] = np.zeros(some[0][name].shape)
        masks[name][chosen] = 1
    given = {name: float(number + 1) for number, name in enumerate(names)}
    channels = {"conv2_2": [0, 3, 4], "conv5_3": [1]}
    found = run(net, some, **PLAIN, loss=loss, channels=channels)
    for row, target in enumerate(some):
        assert_same(found, row, descended(net, target, {}, loss=loss, masks=masks))
    found = run(net, some[:1], **PLAIN, loss=loss, layer_weights="equal")
    equal = {name: 1 / len(names) for name in names}
    assert_same(found, 0, descended(net, some[0], {}, loss=loss, weights=equal))
    found = run(net, some[:1], **PLAIN, loss=loss, layer_weights=given)
    whole = {name: weight / sum(given.values()) for name, weight in given.items()}
    assert_same(found, 0, descended(net, some[0], {}, loss=loss, weights=whole))


def test_masks_of_units(net: ri.Network, targets: list[dict[str, Any]], tmp_path: Path) -> None:
    masks = {name: rng(3).uniform(0, 1, targets[0][name].shape) for name in ("conv3_3", "fc6")}
    for name, mask in masks.items():
        np.save(tmp_path / f"{name}.npy", last(mask))
    found = run(net, targets, **PLAIN, masks={name: tmp_path / f"{name}.npy" for name in masks})
    for row, target in enumerate(targets):
        assert_same(found, row, descended(net, target, {}, masks=masks))


def test_start_from_a_file_and_the_image_that_was_evaluated(
    net: ri.Network, targets: list[dict[str, Any]], tmp_path: Path
) -> None:
    start = rng(6).uniform(0, 255, (SIDE, SIDE, 3))
    np.save(tmp_path / "start.npy", start)
    objective = ri.Objective(net, targets[0])
    settings: dict[str, Any] = {**PLAIN, "start": tmp_path / "start.npy"}
    wanted = ri.descend_pixels(objective, bgr(start), ITERATIONS, ri.Pixels(**THE_SAME))
    assert_same(run(net, targets[:1], **settings), 0, wanted)
    before = run(net, targets[:1], **{**settings, "returned": "evaluated"})
    assert objective(bgr(before.images[0]))[0] == pytest.approx(wanted.evaluations[-1])


@pytest.mark.parametrize("settings", [PLAIN, {"optimiser": "lbfgs"}, {**PLAIN, "jitter": 3}])
def test_several_images_at_once_are_each_as_if_alone(
    settings: dict[str, Any], net: ri.Network, targets: list[dict[str, Any]]
) -> None:
    together = run(net, targets, **settings)
    for row, target in enumerate(targets):
        alone = run(net, [target], **settings)
        length = alone.losses.shape[1]
        np.testing.assert_allclose(together.losses[row][:length], alone.losses[0], rtol=1e-9)
        assert np.abs(together.images[row] - alone.images[0]).max() < 1e-6


def test_lbfgs_with_its_loss_scaled(net: ri.Network, targets: list[dict[str, Any]]) -> None:
    found = run(net, targets, optimiser="lbfgs")
    for row, target in enumerate(targets):
        bounds = ri.pixel_bounds(MEAN[::-1], GREY.shape)
        wanted = ri.quasi_newton(ri.Objective(net, target), GREY, ITERATIONS, *bounds, first_loss=1e4)
        assert_same(found, row, wanted)
        assert (found.losses[row][len(wanted.evaluations) :] == found.losses[row][-1]).all()
        assert found.images.min() >= 0 and found.images.max() <= 255


@pytest.fixture(scope="module")
def shallow() -> ri.Network:
    """A quick network, for 200 iterations."""
    return small_network(slope=0.2, average=True).up_to("conv", "2_1")


def noisy(net: ri.Network, image: Any) -> dict[str, Any]:
    clean = net.layers_of(image, ("conv1_1", "conv2_1"))
    return {name: v + rng(7).normal(0, 0.3 * v.std(), v.shape) for name, v in clean.items()}


def test_the_preset_of_the_paper_with_a_generator(shallow: ri.Network) -> None:
    """200 iterations with everything as published; codes of a range that bears steps of 2."""
    small = ri.SmallGenerator(LATENT)
    target = noisy(shallow, small.forward(rng(4).uniform(0, 100, LATENT)))
    generator = NumpyGenerator(small, LATENT, 100.0)
    found = FeatureInversion("shen2019").reconstruct(
        batch([target]), NumpyModel(shallow), generator, rng=rng()
    )
    objective = ri.Objective(shallow, target, generator=small)
    wanted = ri.descend_latents(objective, np.zeros(LATENT), 200, lower=0.0, upper=100.0)
    assert_same(found, 0, wanted)
    assert np.allclose(found.latents[0], wanted.latent)
    assert objective(found.latents[0])[0] == pytest.approx(found.losses[0, -1])


def test_the_preset_of_the_paper_with_pixels(shallow: ri.Network) -> None:
    start = np.zeros((3, 16, 16))
    target = noisy(shallow, bgr(rng(4).uniform(-20, 275, (16, 16, 3))))
    found = FeatureInversion("shen2019").reconstruct(batch([target]), NumpyModel(shallow, 16), rng=rng())
    bounds = ri.pixel_bounds(MEAN[::-1], start.shape)
    wanted = ri.quasi_newton(ri.Objective(shallow, target), start, 200, *bounds)
    assert_same(found, 0, wanted)
    assert len(wanted.losses) > 50 and ((found.images == 0) | (found.images == 255)).mean() > 0.01


def test_latents_without_bounds_and_with_schedules(net: ri.Network, targets: list[dict[str, Any]]) -> None:
    small = ri.SmallGenerator(LATENT)
    lines: dict[str, Any] = {"step": (0.2, 0.05), "momentum": (0.9, 0.5), "decay": (0.05, 0.0)}
    found = run(net, targets, NumpyGenerator(small, LATENT), **lines)
    for row, target in enumerate(targets):
        objective = ri.Objective(net, target, generator=small)
        wanted = ri.descend_latents(objective, np.zeros(LATENT), ITERATIONS, *lines.values())
        assert_same(found, row, wanted)
        assert (wanted.latent < 0).any() and np.allclose(found.latents[row], wanted.latent)


def test_latents_decay_before_they_are_clipped(net: ri.Network, targets: list[dict[str, Any]]) -> None:
    small = ri.SmallGenerator(LATENT)
    found = run(net, targets, NumpyGenerator(small, LATENT, 0.4), step=0.2, momentum=0.9, decay=0.05)
    for row, target in enumerate(targets):
        objective = ri.Objective(net, target, generator=small)
        wanted = ri.descend_latents(
            objective, np.zeros(LATENT), ITERATIONS, (0.2, 0.2), (0.9, 0.9), (0.05, 0.05), 0.0, 0.4
        )
        assert_same(found, row, wanted)
        assert (wanted.latent == 0.4).any() and np.allclose(found.latents[row], wanted.latent)


def test_all_images_start_from_one_random_code(net: ri.Network, targets: list[dict[str, Any]]) -> None:
    generator = NumpyGenerator(ri.SmallGenerator(LATENT), LATENT, 5.0)
    settings: dict[str, Any] = {"generator": generator, "start": "noise", "iterations": 1}
    found = run(net, targets, **settings)
    assert np.array_equal(found.latents[0], found.latents[1]) and np.unique(found.latents[0]).size > 2
    assert np.array_equal(found.latents, run(net, targets, **settings).latents)
    assert not np.array_equal(found.latents, run(net, targets, seed=1, **settings).latents)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam(name: Any, net: ri.Network, targets: list[dict[str, Any]]) -> None:
    """As torch has it: AdamW's decay is multiplied by the step."""
    found = run(net, targets, optimiser=name, step=4.0, decay=0.05 if name == "adamw" else None)
    generator = ri.SmallGenerator(LATENT)
    coded = run(
        net, targets, NumpyGenerator(generator, LATENT, 0.5), optimiser=name, step=0.1,
        decay=0.2 if name == "adamw" else None,
    )  # fmt: skip
    for row, target in enumerate(targets):
        decay = 0.05 if name == "adamw" else 0.0
        bounds = ri.pixel_bounds(MEAN[::-1], GREY.shape)
        assert_same(found, row, ri.adam(ri.Objective(net, target), GREY, ITERATIONS, 4.0, decay, *bounds))
        objective = ri.Objective(net, target, generator=generator)
        wanted = ri.adam(objective, np.zeros(LATENT), ITERATIONS, 0.1, 4 * decay, 0.0, 0.5)
        assert_same(coded, row, wanted)
        assert np.allclose(coded.latents[row], wanted.latent) and wanted.latent.max() == 0.5


class Uphill(NumpyModel):
    """Its gradients point the wrong way: no line search can succeed."""

    def loss_gradient(self, *given: Any, **named: Any) -> Any:
        found = super().loss_gradient(*given, **named)
        return found._replace(gradient=-found.gradient)


def test_the_last_loss_is_of_the_image_where_the_line_search_fails(
    net: ri.Network, targets: list[dict[str, Any]]
) -> None:
    inversion = FeatureInversion(optimiser="lbfgs", iterations=5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whether it came lower by chance
        found = inversion.reconstruct(batch(targets), Uphill(net), rng=rng())
    for row, target in enumerate(targets):
        loss = ri.Objective(net, target)(bgr(found.images[row]))[0]
        assert found.losses[row, -1] == pytest.approx(loss)


def test_a_decay_that_adam_does_not_use_is_refused() -> None:
    with pytest.raises(DataError, match="decay"):
        FeatureInversion(optimiser="adam", decay=0.3)
