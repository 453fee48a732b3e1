"""The reconstructor: presets, targets that cannot be, generators, precision, and the same with company."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from small_models import Mixer, Net, pictures

from isocortex.errors import DataError, PluginError
from isocortex.testing import check_reconstructor
from isocortex_reconstruction.goals import goal_of, layer_weights
from isocortex_reconstruction.inversion import FeatureInversion


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def targets(count: int = 3, layers: tuple[str, ...] = ("fc1", "fc2")) -> dict[str, Any]:
    return Net().features(pictures(count), layers)


def reachable(generator: Any, count: int = 3) -> dict[str, Any]:
    """Targets that the generator can make (the second image's first latent lies at a bound)."""
    if generator is None:
        return targets(count)
    latents = np.random.default_rng(4).uniform(0.5, 2.5, (count, 6))
    latents[1:2, 0] = 0
    return Net().features(generator.generate(latents), Net.layers)


@pytest.mark.parametrize("optimiser", ["descent", "lbfgs", "block-lbfgs", "adam", "adamw"])
@pytest.mark.parametrize("generator", [None, Mixer()])
def test_each_optimiser_keeps_the_contract_and_comes_closer(optimiser: Any, generator: Any) -> None:
    inversion = FeatureInversion(optimiser=optimiser, iterations=40)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no latent comes close to the random target there
        check_reconstructor(inversion, Net(), generator)
    found = inversion.reconstruct(reachable(generator), Net(), generator, rng=rng())
    assert (found.losses[:, -1] < 0.7 * found.losses[:, 0]).all()
    assert found.by_layer is not None and list(found.by_layer) == ["fc1", "fc2"]
    assert np.allclose(sum(found.by_layer.values()), found.losses)
    assert (found.latents is None) is (generator is None)


@pytest.mark.parametrize("optimiser", ["descent", "lbfgs", "block-lbfgs", "adamw"])
def test_images_do_not_matter_to_each_other(optimiser: Any) -> None:
    inversion = FeatureInversion(optimiser=optimiser, iterations=15, start="noise")
    together = inversion.reconstruct(targets(), Net(), rng=rng())
    alone = inversion.reconstruct({name: rows[1:2] for name, rows in targets().items()}, Net(), rng=rng())
    length = alone.losses.shape[1]
    assert np.allclose(together.losses[1, :length], alone.losses[0], rtol=1e-9)
    assert np.allclose(together.images[1], alone.images[0], atol=1e-6)


def test_lbfgs_recovers_what_the_layer_determines() -> None:
    net = Net(units=60)  # more units than pixels: the image is determined
    wanted = pictures(2)
    found = FeatureInversion(iterations=400).reconstruct(net.features(wanted, ["fc1"]), net, rng=rng())
    assert np.abs(found.images - wanted).max() < 1
    assert found.images.min() >= 0 and found.images.max() <= 255


def test_weights_by_norm_sum_to_one() -> None:
    rows = {"a": np.array([[3.0, 4.0], [1.0, 0.0]]), "b": np.array([[1.0], [2.0]])}
    weights = layer_weights(rows, "inverse-squared-norm")
    assert np.allclose(weights["a"], [(1 / 25) / (1 / 25 + 1), 1 / (1 + 1 / 4)])
    assert np.allclose(weights["a"] + weights["b"], 1)
    assert np.allclose(layer_weights(rows, "equal")["b"], 0.5)
    assert np.allclose(layer_weights(rows, {"a": 3, "b": 1})["a"], 0.75)


def test_presets_are_what_their_names_say() -> None:
    shen = FeatureInversion(preset="shen2019")
    with_generator, without = shen.settings(True), shen.settings(False)
    wanted = {"optimiser": "descent", "iterations": 200, "step": (2.0, 1e-10), "momentum": 0.9, "decay": 0.01,
              "start": "zero", "returned": "evaluated", "normalise": True}  # fmt: skip
    assert wanted.items() <= with_generator.items()
    assert without["optimiser"] == "lbfgs" and without["iterations"] == 200 and without["start"] == "mean"
    cookbook = FeatureInversion(preset="cookbook2023").settings(True)
    assert {**wanted, "iterations": 1000, "start": "noise"}.items() <= cookbook.items()
    with pytest.raises(DataError, match="through a generator"):
        FeatureInversion(preset="cookbook2023").reconstruct(targets(), Net(), rng=rng())
    with pytest.raises(DataError, match=r"the preset 'shen2019' has iterations: 200; leave out the preset"):
        FeatureInversion(preset="shen2019", iterations=100)


def test_the_noise_of_a_run_is_shared_and_seeded() -> None:
    inversion = FeatureInversion(preset="cookbook2023")
    first, again = (
        inversion.reconstruct(targets(2), Net(), Mixer(), rng=np.random.default_rng(seed)).losses
        for seed in (0, 0)
    )
    other = inversion.reconstruct(targets(2), Net(), Mixer(), rng=np.random.default_rng(1)).losses
    assert np.array_equal(first, again) and not np.array_equal(first[:, 0], other[:, 0])
    same = {name: rows[[0, 0]] for name, rows in targets(1).items()}
    found = inversion.reconstruct(same, Net(), Mixer(), rng=rng())
    assert np.array_equal(found.losses[0], found.losses[1])


def test_the_last_loss_belongs_to_the_image_that_is_returned() -> None:
    for generator in (None, Mixer()):
        inversion = FeatureInversion(optimiser="descent", iterations=20)
        found = inversion.reconstruct(reachable(generator), Net(), generator, rng=rng())
        goal = goal_of(reachable(generator), "inverse-squared-norm", "l2", {}, {})
        value = sum(
            weight * ((Net().features(found.images, [name])[name] - goal.targets[name]) ** 2).sum(axis=1)
            for name, weight in goal.weights.items()
        )
        assert np.allclose(value, found.losses[:, -1])


def test_latents_stay_within_bounds() -> None:
    for optimiser in ("descent", "lbfgs", "block-lbfgs", "adam"):
        inversion = FeatureInversion(optimiser=optimiser, iterations=25)
        found = inversion.reconstruct(reachable(Mixer()), Net(), Mixer(), rng=rng())
        assert found.latents.min() >= 0 and found.latents.max() <= 3
        assert np.allclose(found.images, Mixer().generate(found.latents))


def test_channels_and_masks(tmp_path: Any) -> None:
    wanted = targets(2, ("fc1",))
    mask = np.zeros(40)
    mask[[2, 5, 30]] = 1
    np.save(tmp_path / "mask.npy", mask)
    by_channel = FeatureInversion(channels={"fc1": [2, 5, 30]}, iterations=5)
    by_mask = FeatureInversion(masks={"fc1": tmp_path / "mask.npy"}, iterations=5)
    first, second = (
        inversion.reconstruct(wanted, Net(), rng=rng()).losses for inversion in (by_channel, by_mask)
    )
    assert np.array_equal(first, second)
    start = Net().features(np.broadcast_to(Net.image_mean, (2, 4, 4, 3)), ["fc1"])["fc1"]
    chosen = [2, 5, 30]
    assert np.allclose(first[:, 0], ((start - wanted["fc1"])[:, chosen] ** 2).sum(axis=1))


BAD: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"fc1": np.zeros((2, 40))}, "target 1 is zero in the whole layer 'fc1'"),
    ({}, {"fc1": np.full((2, 40), np.nan)}, "target 1 holds NaN or infinity in layer 'fc1'"),
    ({}, {}, "no target features"),
    ({}, {"fc1": np.ones((2, 40)), "fc2": np.ones((3, 12))}, "different numbers of targets"),
    ({}, {"fc1": np.ones((0, 40))}, "or none"),
    ({"layer_weights": {"fc2": 1.0}}, {"fc1": np.ones((2, 40))}, "do not name the same layers: fc1, fc2"),
    ({"layer_weights": {"fc1": 0.0}}, {"fc1": np.ones((2, 40))}, "one of them above"),
    ({"channels": {"fc2": [1]}}, {"fc1": np.ones((2, 40))}, "name the layer 'fc2'"),
    ({"channels": {"fc1": [40]}}, {"fc1": np.ones((2, 40))}, "channels 0 to 39"),
    ({"start": "zero"}, {"fc1": np.ones((2, 40))}, "pixels start at 'mean'"),
]


@pytest.mark.parametrize(("settings", "wanted", "message"), BAD)
def test_what_cannot_be_a_target(settings: Any, wanted: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        FeatureInversion(**settings).reconstruct(wanted, Net(), rng=rng())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"iterations": 0}, "iterations is 0"),
        ({"float32_iterations": 300}, "float32_iterations 300"),
        ({"loss_scale": 0.0}, "loss_scale is 0"),
        ({"optimiser": "descent", "decay": 1.5}, "decay is 1.5"),
        ({"optimiser": "adam", "jitter": 2}, "jitter: only for descent on pixels"),
        ({"optimiser": "descent", "p_norm": {"power": 0.5, "weight": 1.0}}, "p_norm: the power is 0.5"),
        ({"optimiser": "descent", "clip_extreme": {"every": 0, "percent": 1.0}}, "every is 0"),
        ({"optimiser": "adamw", "decay": (0.1, 0.0)}, "AdamW takes one number"),
    ],
)
def test_settings_that_cannot_be_are_said_at_once(settings: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        FeatureInversion(**settings).reconstruct(targets(), Net(), rng=rng())


def test_what_is_for_pixels_is_refused_with_a_generator() -> None:
    inversion = FeatureInversion(optimiser="descent", jitter=2)
    assert inversion.reconstruct(targets(1), Net(), rng=rng()).images.shape == (1, 4, 4, 3)
    with pytest.raises(DataError, match="jitter: only for descent on pixels, without a generator"):
        inversion.reconstruct(targets(1), Net(), Mixer(), rng=rng())


def test_a_generator_of_another_size_is_refused() -> None:
    with pytest.raises(DataError, match=r"makes images of 6 x 6 pixels and the model looks at 4 x 4; crop"):
        FeatureInversion(iterations=2).reconstruct(targets(), Net(), Mixer(size=6), rng=rng())

    class Unsaid(Mixer):
        def __init__(self) -> None:
            super().__init__(size=6)
            del self.image_size

    with pytest.raises(DataError, match="6 x 6"):
        FeatureInversion(iterations=2).reconstruct(targets(), Net(), Unsaid(), rng=rng())


def test_a_target_that_nothing_comes_closer_to_is_said() -> None:
    class Blind(Net):
        def loss_gradient(self, *arguments: Any, **more: Any) -> Any:
            found = super().loss_gradient(*arguments, **more)
            return found._replace(gradient=np.zeros_like(found.gradient))

    with pytest.warns(UserWarning, match=r"3 of 3 targets \(1, 2, 3\) did not move from the start"):
        found = FeatureInversion(optimiser="block-lbfgs", iterations=3).reconstruct(
            targets(), Blind(), rng=rng()
        )
    assert np.allclose(found.images, Net.image_mean)

    class Wrong(Net):
        def loss_gradient(self, *arguments: Any, **more: Any) -> Any:
            found = super().loss_gradient(*arguments, **more)
            return found._replace(gradient=-found.gradient)

    with pytest.warns(UserWarning, match="no smaller than at the start"):
        FeatureInversion(optimiser="adam", iterations=9).reconstruct(targets(), Wrong(), rng=rng())


def test_a_loss_that_becomes_nan_is_an_error() -> None:
    class Breaking(Net):
        def loss_gradient(self, *arguments: Any, **more: Any) -> Any:
            found = super().loss_gradient(*arguments, **more)
            return found._replace(losses=found.losses * (np.nan if self.calls > 7 else 1))

    with pytest.raises(DataError, match=r"loss of target 2 or its gradient is NaN .* after 2 iterations"):
        FeatureInversion(optimiser="adam").reconstruct(targets(), Breaking(), rng=rng())


def test_a_gradient_of_the_wrong_shape_is_an_error() -> None:
    class Odd(Net):
        def loss_gradient(self, *arguments: Any, **more: Any) -> Any:
            found = super().loss_gradient(*arguments, **more)
            return found._replace(gradient=found.gradient[:, :2])

    with pytest.raises(PluginError, match=r"gradient of shape \(3, 2, 4, 3\)"):
        FeatureInversion().reconstruct(targets(), Odd(), rng=rng())


def test_files_to_start_from(tmp_path: Any) -> None:
    start = pictures(1, seed=9)[0]
    np.save(tmp_path / "start.npy", start)
    inversion = FeatureInversion(optimiser="adam", iterations=1, start=tmp_path / "start.npy")
    assert np.allclose(inversion.reconstruct(targets(), Net(), rng=rng()).images, start)
    with pytest.raises(DataError, match=r"the start has the shape \(4, 4, 3\), needed is \(6,\)"):
        inversion.reconstruct(targets(), Net(), Mixer(), rng=rng())


@pytest.mark.parametrize("optimiser", ["lbfgs", "block-lbfgs", "adam", "descent"])
def test_the_last_iterations_in_another_precision(optimiser: Any) -> None:
    exact = Net()

    class Coarse(Net):
        """Loses digits of its gradients; ``with_precision`` gives the exact net."""

        precision = "bfloat16"

        def with_precision(self, precision: str) -> Net:
            assert precision == "float32"
            return exact

        def loss_gradient(self, *arguments: Any, **more: Any) -> Any:
            found = super().loss_gradient(*arguments, **more)
            return found._replace(gradient=np.asarray(found.gradient, np.float16).astype(float))

    coarse = Coarse()
    inversion = FeatureInversion(optimiser=optimiser, iterations=30, float32_iterations=25)
    found = inversion.reconstruct(targets(), coarse, rng=rng())
    calls = coarse.calls // 3, exact.calls // 3
    assert sum(calls) == found.losses.shape[1]
    if optimiser == "lbfgs":
        assert calls[0] >= 5 and calls[1] > calls[0]
    else:  # block-lbfgs evaluates its best state again where its last trial was none
        assert calls == (5, 25) or (optimiser == "block-lbfgs" and calls == (5, 26))
    whole = FeatureInversion(optimiser=optimiser, iterations=30).reconstruct(targets(), Coarse(), rng=rng())
    assert np.array_equal(whole.losses[:, :5], found.losses[:, :5])
    assert (found.losses[:, -1] < found.losses[:, 0]).all()
    assert not np.array_equal(found.images, whole.images)


def test_bfloat16_scales_the_loss_for_lbfgs() -> None:
    from isocortex_reconstruction.inversion import _to_ten_thousand

    found = Net().loss_gradient(pictures(3, seed=8), targets(), {"fc1": 1.0, "fc2": 1.0})
    assert np.allclose(_to_ten_thousand(found) * found.losses, 1e4)


@pytest.mark.parametrize(
    "settings",
    [
        {"optimiser": "adam", "decay": 0.3},
        {"optimiser": "lbfgs", "step": 2.0},
        {"optimiser": "block-lbfgs", "blur": 1.0},
        {"optimiser": "adamw", "momentum": 0.5},
        {"optimiser": "lbfgs", "preset": "shen2019", "step": 3.0},
    ],
)
def test_a_setting_that_would_do_nothing_is_refused(settings: Any) -> None:
    with pytest.raises(DataError, match=f"the optimiser '{settings['optimiser']}' does not use it"):
        FeatureInversion(**settings)


def test_settings_of_a_descent_need_a_descent() -> None:
    with_generator = FeatureInversion(step=0.5)  # whose default is a descent
    with_generator.reconstruct(reachable(Mixer()), Net(), Mixer(), rng=rng())
    with pytest.raises(DataError, match="'lbfgs' does not use it; it takes none of its own"):
        with_generator.reconstruct(targets(), Net(), rng=rng())
