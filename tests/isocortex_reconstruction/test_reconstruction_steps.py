"""Steps and a pipeline: labels, batches, snapshots, and errors that name stimuli."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_models import Mixer, Net, pictures

from isocortex.data import Decoded, Features
from isocortex.errors import DataError
from isocortex_reconstruction.inversion import FeatureInversion
from isocortex_reconstruction.steps.reconstructing import generate_images, reconstruct_images

STIMULI = ("cat", "bird", "house", "tree", "dog")


def features(**more: Any) -> Features:
    found = Net().features(pictures(5), Net.layers)
    return Features(found, STIMULI, ("animal", "animal", "thing", "thing", "animal"), **more)


def run(given: Features, seed: int = 0, **settings: Any) -> Any:
    more = {"reconstructor": FeatureInversion(iterations=12), **settings}
    return reconstruct_images(given, Net(), np.random.default_rng(seed), **more)


def test_images_carry_the_stimuli_of_their_features() -> None:
    found = run(features())
    assert found.images.stimuli == STIMULI and found.images.categories == features().categories
    order = ("tree", "cat", "dog")
    other = run(features().select(order))
    for stimulus in order:
        assert np.array_equal(other.images.select([stimulus]).values, found.images.select([stimulus]).values)


def test_batches_change_nothing() -> None:
    settings: Any = {
        "reconstructor": FeatureInversion(optimiser="descent", iterations=9, start="noise", jitter=1)
    }
    one, many = run(features(), batch_size=1, **settings), run(features(), batch_size=5, **settings)
    assert np.allclose(one.images.values, many.images.values, atol=1e-4)
    assert one.losses["stimulus"].tolist() == many.losses["stimulus"].tolist()
    assert np.allclose(one.losses["loss"], many.losses["loss"], rtol=1e-9)
    assert not np.array_equal(run(features(), seed=1, **settings).images.values, one.images.values)


def test_losses_and_latents() -> None:
    latents = np.random.default_rng(4).uniform(0.5, 2.5, (5, 6))
    given = Features(Net().features(Mixer().generate(latents), Net.layers), STIMULI)
    found = run(given, generator=Mixer(), reconstructor=FeatureInversion(iterations=7, step=0.2))
    assert list(found.losses.columns) == ["stimulus", "iteration", "loss", "fc1", "fc2"]
    assert found.losses["iteration"].tolist() == list(range(1, 8)) * 5
    assert found.losses["stimulus"].tolist() == [name for name in STIMULI for _ in range(7)]
    assert np.allclose(found.losses["fc1"] + found.losses["fc2"], found.losses["loss"])
    assert found.latents.stimuli == STIMULI and found.latents.layers["latent"].shape == (5, 6)
    assert np.allclose(Mixer().generate(found.latents.layers["latent"]), found.images.values, atol=1e-3)
    assert not run(features()).latents.layers


def test_snapshots_are_the_images_of_their_iterations() -> None:
    settings: Any = {"reconstructor": FeatureInversion(optimiser="adam", iterations=6)}
    found = run(features(), snapshot_every=3, batch_size=2, **settings)
    assert sorted(found.snapshots.stimuli) == sorted(f"{name}@{n}" for name in STIMULI for n in (3, 6))
    shorter = run(features(), reconstructor=FeatureInversion(optimiser="adam", iterations=3))
    for name in STIMULI:
        assert np.array_equal(
            found.snapshots.select([f"{name}@3"]).values, shorter.images.select([name]).values
        )
        assert np.array_equal(
            found.snapshots.select([f"{name}@6"]).values, found.images.select([name]).values
        )
    assert len(run(features()).snapshots) == 0


def test_layers_by_name() -> None:
    some = run(features(), layers=["fc2"])
    alone = run(Features({"fc2": features().layers["fc2"]}, STIMULI))
    assert np.array_equal(some.images.values, alone.images.values)
    with pytest.raises(DataError, match=r"there are no features of fc1; there are those of fc2"):
        run(Features({"fc2": features().layers["fc2"]}, STIMULI), layers="fc*")
    with pytest.raises(DataError, match="the model has no layer conv9"):
        run(Features({"conv9": features().layers["fc2"]}, STIMULI))


def test_errors_and_warnings_name_the_stimuli() -> None:
    values = {name: np.array(rows) for name, rows in features().layers.items()}
    values["fc2"][3] = 0
    with pytest.raises(DataError, match=r"target 2 is zero in the whole layer 'fc2'.*1: house, 2: tree\)"):
        run(Features(values, STIMULI), batch_size=2)

    class Blind(Net):
        def loss_gradient(self, *arguments: Any, **more: Any) -> Any:
            found = super().loss_gradient(*arguments, **more)
            return found._replace(gradient=np.zeros_like(found.gradient))

    with pytest.warns(UserWarning, match=r"did not move from the start.*1: cat, 2: bird"):
        reconstruct_images(
            features().select(["cat", "bird"]), Blind(), np.random.default_rng(0),
            FeatureInversion(optimiser="adam", iterations=3),
        )  # fmt: skip


def test_settings_that_cannot_be() -> None:
    for settings in ({"batch_size": 0}, {"snapshot_every": 0}):
        with pytest.raises(DataError, match="have to be 1 or more"):
            run(features(), **settings)
    with pytest.raises(DataError, match="no stimuli"):
        run(Features({"fc1": np.ones((0, 40))}, ()))


def test_checkpoints_are_kept_while_it_runs(tmp_path: Path) -> None:
    seen: list[int] = []

    class Watching(Net):
        def loss_gradient(self, *arguments: Any, **more: Any) -> Any:
            seen.append(len(list(tmp_path.glob("*.evaluations"))))
            return super().loss_gradient(*arguments, **more)

    found = reconstruct_images(
        features(), Watching(), np.random.default_rng(0), FeatureInversion(iterations=12),
        checkpoints=tmp_path, batch_size=2,
    )  # fmt: skip
    assert set(seen) == {1} and list(tmp_path.iterdir()) == []
    assert np.array_equal(found.images.values, run(features(), batch_size=2).images.values)

    class Plain:
        def reconstruct(
            self, targets: Any, model: Any, generator: Any = None, *, rng: Any, callback: Any = None
        ) -> Any:
            raise AssertionError

    with pytest.raises(DataError, match="keeps no checkpoints"):
        run(features(), reconstructor=Plain(), checkpoints=tmp_path)


def test_generated_from_decoded_latents() -> None:
    latents = np.random.default_rng(0).uniform(0, 3, (5, 6))
    given = Decoded({"latent": latents}, STIMULI)
    made = generate_images(given, Mixer(), "latent", batch_size=2)
    assert made.stimuli == STIMULI and np.allclose(made.values, Mixer().generate(latents), atol=1e-4)
    latents[0, 0], latents[1, 1] = -1, 9
    with pytest.warns(UserWarning, match="2 of 30 latent units lie outside"):
        made = generate_images(Decoded({"latent": latents}, STIMULI), Mixer(), "latent")
    assert np.allclose(made.values, Mixer().generate(np.clip(latents, 0, 3)), atol=1e-4)
    for layers, message in (({"latent": latents[:, :3]}, "has units"), ({"x": latents}, "no layer")):
        with pytest.raises(DataError, match=message):
            generate_images(Decoded(layers, STIMULI), Mixer(), "latent")
    for size in (0, -1):
        with pytest.raises(DataError, match="batch_size has to be 1 or more"):
            generate_images(given, Mixer(), "latent", size)
