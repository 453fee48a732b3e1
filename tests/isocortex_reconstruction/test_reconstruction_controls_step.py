"""Planted spurious reconstructions are found and named, and honest ones raise no alarm."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

from isocortex import testing
from isocortex.contracts import Reconstruction
from isocortex.data import Decoded, Features, Images, Table
from isocortex.errors import DataError, LabelMismatch, PluginError
from isocortex_reconstruction.controls.domains import check_domains
from isocortex_reconstruction.controls.groups import reconstruct_layer_groups
from isocortex_reconstruction.controls.steps import Checked, check_reconstruction
from isocortex_reconstruction.controls.targets import CONTROLS, WITHOUT

SIZE = 6
UNITS = {"conv1_1": (5, 5, 3), "conv2_1": (3, 3, 5), "fc6": (40,)}


class Projections:
    """Layers of random projections of the pixels."""

    layers = tuple(UNITS)
    image_size = (SIZE, SIZE)

    def __init__(self) -> None:
        drawn = np.random.default_rng(1)
        shape = SIZE * SIZE * 3
        self.weights = {
            name: drawn.normal(size=(shape, int(np.prod(units)))) / 100 for name, units in UNITS.items()
        }

    def features(self, images: Any, layers: Any) -> dict[str, np.ndarray]:
        rows = np.asarray(images, dtype=np.float64).reshape(len(images), -1) - 127
        return {
            name: (rows @ self.weights[name]).reshape(len(rows), *UNITS[name]).astype(np.float32)
            for name in layers
        }

    def loss_gradient(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


class Unused:
    """A generator that nobody asks for anything."""

    latent_shape = (3,)
    latent_bounds = None

    def generate(self, latents: Any) -> Any:
        raise NotImplementedError

    def pullback(self, latents: Any, image_gradient: Any) -> Any:
        raise NotImplementedError


@cache
def inverse(names: tuple[str, ...]) -> np.ndarray:
    weights = Projections().weights
    return np.linalg.pinv(np.concatenate([weights[name] for name in names], axis=1))


def solved(targets: Mapping[str, Any], model: Projections) -> np.ndarray:
    """Least squares over the finite units of each target."""
    rows = [np.asarray(values, dtype=np.float64).reshape(len(values), -1) for values in targets.values()]
    wanted = np.concatenate(rows, axis=1)
    found = np.nan_to_num(wanted) @ inverse(tuple(targets))
    weights = np.concatenate([model.weights[name] for name in targets], axis=1)
    for k in np.flatnonzero(np.isnan(wanted).any(axis=1)):
        good = np.isfinite(wanted[k])
        found[k] = np.linalg.lstsq(weights[:, good].T, wanted[k, good], rcond=None)[0]
    return found.reshape(-1, SIZE, SIZE, 3) + 127


@dataclass
class Honest:
    """Solves for the picture; ``calls`` says how many pictures it was asked for."""

    calls: int = 0

    def reconstruct(
        self, targets: Any, model: Any, generator: Any = None, *, rng: Any, callback: Any = None
    ) -> Reconstruction:
        images = self.picture(targets, model, generator, rng)
        self.calls += len(images)
        return Reconstruction(images, np.zeros((len(images), 1)), None)

    def picture(self, targets: Any, model: Any, generator: Any, rng: Any) -> np.ndarray:
        return solved(targets, model)


@dataclass
class Painter(Honest):
    """Ignores its targets and paints a picture that it knows."""

    known: Any = None

    def picture(self, targets: Any, model: Any, generator: Any, rng: Any) -> np.ndarray:
        n = len(next(iter(targets.values())))
        return np.repeat(self.known[:1], n, axis=0) + rng.normal(size=(n, 1, 1, 1))


@dataclass
class Gallery(Honest):
    """Paints the picture out of those that it knows which fits the features best."""

    known: Any = None

    def picture(self, targets: Any, model: Any, generator: Any, rng: Any) -> np.ndarray:
        found = solved(targets, model).reshape(-1, SIZE * SIZE * 3)
        r = np.corrcoef(found, self.known.reshape(len(self.known), -1))[: len(found), len(found) :]
        return np.asarray(self.known[r.argmax(axis=1)])


@dataclass
class Cheat(Honest):
    """Has the stimuli as its start pictures, and hardly leaves them."""

    stimuli: Any = None

    def picture(self, targets: Any, model: Any, generator: Any, rng: Any) -> np.ndarray:
        return np.asarray(0.9 * self.stimuli + 0.1 * solved(targets, model))


@dataclass
class Weak(Honest):
    """A generator is in its way."""

    def picture(self, targets: Any, model: Any, generator: Any, rng: Any) -> np.ndarray:
        found = solved(targets, model)
        return found if generator is None else 0.1 * found + rng.normal(128, 60, found.shape)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def photos(n: int, seed: int, first: str = "test", size: int = SIZE) -> Images:
    values = rng(seed).uniform(0, 255, (n, size, size, 3)).astype(np.float32)
    return Images(values, tuple(f"{first}{k}" for k in range(n)))


def study(n: int = 10, noise: float = 0.3, reconstructor: Any = None, seed: int = 0) -> dict[str, Any]:
    """Stimuli, features decoded from a brain in another order, and what comes out of them."""
    model, originals = Projections(), photos(n, 100 + seed)
    order = rng(seed).permutation(n)
    true = model.features(originals.values[order], model.layers)
    drawn = rng(seed + 1)
    layers = {
        name: (values + noise * values.std() * drawn.normal(size=values.shape)).astype(np.float32)
        for name, values in true.items()
    }
    decoded = Decoded(layers, tuple(originals.stimuli[k] for k in order))
    reconstructor = reconstructor or Honest()
    again = rng(seed + 2).permutation(n)
    names = tuple(decoded.stimuli[k] for k in again)
    targets = {name: values[again] for name, values in decoded.layers.items()}
    made = reconstructor.reconstruct(targets, model, rng=rng(3)).images.astype(np.float32)
    reconstructor.calls = 0
    return {
        "reconstructed": Images(made, names),
        "originals": originals,
        "decoded": decoded,
        "model": model,
        "reconstructor": reconstructor,
    }


def some_layers(decoded: Decoded, *names: str) -> Decoded:
    return Decoded({name: decoded.layers[name] for name in names}, decoded.stimuli)


def check(parts: dict[str, Any], seed: int = 0, **options: Any) -> tuple[Checked, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = check_reconstruction(**parts, rng=rng(seed), **options)
    return found, [str(warning.message) for warning in caught]


def severity(table: Table, guard: str, where: str) -> str:
    rows = [row for row in table.rows() if row["guard"] == guard and row["where"] == where]
    assert len(rows) == 1, (guard, where, table.rows())
    return str(rows[0]["severity"])


def score(table: Table, control: str, space: str = "pixels") -> dict[str, Any]:
    rows = [row for row in table.rows() if row["control"] == control and row["space"] == space]
    assert len(rows) == 1
    return rows[0]


def test_the_steps_keep_the_contract() -> None:
    for step in (check_reconstruction, check_domains, reconstruct_layer_groups):
        testing.check_step(step)


@pytest.mark.parametrize("seed", range(6))
def test_an_honest_reconstruction_raises_no_alarm(seed: int) -> None:
    parts = study(seed=seed)
    training = photos(40, 7 + seed, "known")
    known = Features(parts["model"].features(training.values, parts["model"].layers), training.stimuli)
    found, said = check(parts, seed, training=training, training_features=known)
    assert said == [] and set(found.findings["severity"]) == {"ok"}
    assert score(found.scores, "recovery")["correlation"] > 0.99
    assert score(found.scores, "recovery", "fc6")["correlation"] > 0.99
    assert score(found.scores, "brain")["correlation"] > 0.8
    assert [row["control"] for row in found.scores.rows() if row["space"] == "pixels"] == [
        "brain",
        *(name for name in CONTROLS if name != "recovery_pixels"),
    ]


def test_each_control_makes_so_many_pictures_and_no_more() -> None:
    parts = study()
    found, _ = check(parts, n_images=3)
    assert parts["reconstructor"].calls == 6 * 3 == len(found.images)
    check(
        parts | {"reconstructor": (counted := Honest())},
        generator=Unused(),
        controls=["mean", "recovery_pixels"],
    )
    assert counted.calls == 2 * 4
    assert {name.split(":")[0] for name in found.images.stimuli} == set(CONTROLS) - {"recovery_pixels"}


def test_pictures_of_controls_carry_their_labels() -> None:
    parts = study()
    found, _ = check(parts, controls=["recovery"])
    for name, image in zip(found.images.stimuli, found.images.values, strict=True):
        true = parts["originals"].select([name.removeprefix("recovery:")]).values[0]
        assert np.abs(image - true).max() < 0.1


@pytest.mark.parametrize("n", [2, 3, 7])
@pytest.mark.parametrize("seed", range(6))
def test_pictures_of_another_stimulus_are_never_those_of_the_label(n: int, seed: int) -> None:
    parts = study(n, noise=0.0, seed=seed)
    found, _ = check(parts, n_images=n, controls=["other"])
    for name, image in zip(found.images.stimuli, found.images.values, strict=True):
        distance = np.abs(parts["originals"].values - image).max(axis=(1, 2, 3))
        source = parts["originals"].stimuli[int(distance.argmin())]
        assert distance.min() < 0.1 and source != name.removeprefix("other:")


def test_a_painter_is_found_by_controls_and_by_its_training_picture() -> None:
    training = photos(30, 9, "known")
    painter = Painter(known=training.values)
    found, said = check(study(reconstructor=painter), training=training)
    for control in WITHOUT:
        assert severity(found.findings, "same picture from other features", control) == "warning"
        assert severity(found.findings, "identified without its features", control) != "warning"
        assert score(found.scores, control)["alike"] > 0.99
    assert severity(found.findings, "pictures follow features", "other") == "warning"
    assert severity(found.findings, "recovery", "recovery") == "warning"
    assert severity(found.findings, "copies of training pictures", "pixels") == "warning"
    assert severity(found.findings, "few outputs", "reconstructed") == "warning"
    assert set(found.nearest["training"]) == {"known0"} and (found.nearest["correlation"] > 0.99).all()
    assert len(said) == np.count_nonzero(found.findings["severity"] == "warning")
    assert any("copies of training pictures: test" in text and "known0" in text for text in said)


def test_a_gallery_of_training_pictures_is_found_in_pixels_and_features() -> None:
    training = photos(30, 9, "known")
    parts = study(reconstructor=Gallery(known=training.values))
    known = Features(parts["model"].features(training.values, UNITS), training.stimuli)
    found, _ = check(parts, training=training, training_features=known, max_units=20)
    for space in ("pixels", *UNITS):
        assert severity(found.findings, "copies of training pictures", space) == "warning"
    by_pixels = found.nearest.rows()[:10]
    assert [row["stimulus"] for row in by_pixels] == list(parts["reconstructed"].stimuli)
    for row in by_pixels:
        made = parts["reconstructed"].select([row["stimulus"]]).values[0]
        assert np.array_equal(made, training.select([row["training"]]).values[0])
        assert row["gain"] == pytest.approx(row["correlation"] - row["own"]) and row["stimulus_nearest"] < 0.6
    assert severity(found.findings, "recovery", "recovery") == "warning"


def test_pictures_that_know_their_stimulus_otherwise_are_found() -> None:
    parts = study(12)
    parts["reconstructed"] = parts["reconstructed"].select(parts["originals"].stimuli)
    n = 5
    taken = np.sort(rng().permutation(12)[:n])  # as the step draws them
    parts["reconstructor"] = Cheat(stimuli=parts["originals"].values[taken])
    found, _ = check(parts, n_images=n, batch_size=n)
    for control in WITHOUT:
        assert severity(found.findings, "identified without its features", control) == "warning"
        assert (
            score(found.scores, control)["identification"] == 1 and score(found.scores, control)["p"] <= 0.001
        )
    assert severity(found.findings, "recovery", "recovery") == "ok"


def test_a_generator_that_hides_the_picture_is_a_low_ceiling() -> None:
    found, _ = check(
        study(reconstructor=Weak()), generator=Unused(), controls=["recovery", "recovery_pixels"]
    )
    assert severity(found.findings, "recovery", "recovery") == "warning"
    assert severity(found.findings, "recovery", "recovery_pixels") == "ok"
    text = next(
        row["remedy"] for row in found.findings.rows() if row["where"] == "recovery" and row["remedy"]
    )
    assert "nothing beyond this" in text and "features are not reached" in text


def test_a_brain_of_noise_is_no_better_than_controls() -> None:
    parts = study()
    parts["reconstructed"] = Images(255 - parts["originals"].values, parts["originals"].stimuli)
    found, _ = check(parts)
    for control in WITHOUT:
        assert severity(found.findings, "no better than control", control) == "warning"


def test_results_do_not_depend_on_which_controls_are_made_nor_on_the_order_of_the_data() -> None:
    parts = study(reconstructor=Weak())
    whole, _ = check(parts, generator=Unused())
    for controls in (["noise", "mean"], ["units"], ["recovery"]):
        some, _ = check(parts, generator=Unused(), controls=controls)
        for name in some.images.stimuli:
            assert np.array_equal(some.images.select([name]).values, whole.images.select([name]).values)
    shuffled = parts | {"originals": parts["originals"].select(parts["originals"].stimuli[::-1])}
    again, _ = check(shuffled, generator=Unused())
    for name in ("correlation", "identification", "alike"):
        assert np.allclose(again.scores[name], whole.scores[name], equal_nan=True)
    twice, _ = check(parts, generator=Unused())
    assert np.array_equal(twice.images.values, whole.images.values)
    assert repr(twice.scores.rows()) == repr(whole.scores.rows())


def test_one_image() -> None:
    parts = study(1, noise=0.1)
    found, said = check(parts)
    notes = [row for row in found.findings.rows() if row["guard"] == "control"]
    assert [row["where"] for row in notes] == ["other", "mixed", "mean"] and said == []
    assert np.isnan(score(found.scores, "recovery")["identification"])
    assert severity(found.findings, "identified without its features", "units") == "note"
    assert severity(found.findings, "recovery", "recovery") == "ok"


def test_two_images_are_too_few_to_tell() -> None:
    found, _ = check(study(2))
    for control in WITHOUT:
        assert severity(found.findings, "identified without its features", control) == "note"


def test_controls_that_cannot_be_made_are_noted_where_they_are_asked_for() -> None:
    found, _ = check(study(), controls=["recovery_pixels", "units"], layers=["fc6"])
    assert severity(found.findings, "control", "recovery_pixels") == "note"
    found, _ = check(study(), layers=["fc6"])
    assert severity(found.findings, "control", "mixed") == "note"


def test_nan_and_blank_pictures_are_found_and_spoil_no_others() -> None:
    parts = study()
    values = parts["reconstructed"].values.copy()
    values[2, 0, 0, 0], values[5] = np.nan, 0
    names = parts["reconstructed"].stimuli
    parts["reconstructed"] = Images(values, names)
    training = photos(30, 9, "known")
    known = Features(parts["model"].features(training.values, UNITS), training.stimuli)
    found, said = check(parts, n_images=10, training=training, training_features=known)
    row = next(
        r for r in found.findings.rows() if r["guard"] == "blank pictures" and r["where"] == "reconstructed"
    )
    assert row["severity"] == "warning" and row["count"] == 2 and names[2] in row["finding"]
    assert len(said) == 1
    assert (
        score(found.scores, "brain")["undefined"] == 2 and score(found.scores, "brain")["correlation"] > 0.8
    )
    blank = [r for r in found.nearest.rows() if r["space"] == "pixels" and np.isnan(r["correlation"])]
    assert [r["stimulus"] for r in blank] == [names[2], names[5]] and {r["training"] for r in blank} == {
        "none"
    }
    broken = [r for r in found.nearest.rows() if r["stimulus"] == names[2]]
    assert [r["space"] for r in broken] == ["pixels", *UNITS] and {r["training"] for r in broken} == {"none"}


def test_a_black_control_is_a_finding() -> None:
    class Black(Honest):
        def picture(self, targets: Any, model: Any, generator: Any, rng: Any) -> np.ndarray:
            return np.zeros((len(next(iter(targets.values()))), SIZE, SIZE, 3))

    parts = study() | {"reconstructor": Black()}
    found, _ = check(parts, controls=["recovery", "units"])
    assert severity(found.findings, "blank pictures", "recovery") == "warning"
    assert severity(found.findings, "recovery", "recovery") == "warning"


def test_decoded_units_with_nan_are_passed_on() -> None:
    parts = study()
    layers = {name: values.copy() for name, values in parts["decoded"].layers.items()}
    layers["fc6"][3, :5] = np.nan
    parts["decoded"] = Decoded(layers, parts["decoded"].stimuli)
    found, said = check(parts, n_images=10)
    assert said == [] and np.isfinite(found.images.values).all()


def test_training_pictures_of_test_stimuli_are_named() -> None:
    parts = study()
    training = Images(
        np.concatenate([photos(3, 5).values, parts["originals"].values[:2]]),
        ("a", "b", "c", "test0", "test1"),
    )
    found, said = check(parts, training=training)
    assert severity(found.findings, "repeated stimuli", "images") == "warning" and len(said) == 1
    assert set(found.nearest["training"]) <= {"a", "b", "c"}
    found, _ = check(parts, training=training.select(["test0"]))
    assert len(found.nearest) == 0 and "repeated stimuli" in found.findings["guard"]


def test_mean_features_are_those_of_training_where_these_have_all_layers() -> None:
    parts = study()
    training = photos(20, 9, "known")
    known = Features(parts["model"].features(training.values, UNITS), training.stimuli)
    few = Features({"fc6": known.layers["fc6"]}, known.stimuli)
    of_decoded, _ = check(parts, controls=["mean"])
    of_training, _ = check(parts, controls=["mean"], training_features=known)
    fallback, _ = check(parts, controls=["mean"], training_features=few)
    means = training.values.mean(axis=0)
    assert np.abs(of_training.images.values - means[None]).max() < 0.1
    assert np.array_equal(fallback.images.values, of_decoded.images.values)
    assert np.abs(of_decoded.images.values - means[None]).max() > 10
    single, said = check(study(1, 0.1), controls=["mean"], training_features=few)
    assert severity(single.findings, "control", "mean") == "note" and not said


def test_stimuli_of_another_size_are_stretched() -> None:
    parts = study()
    large = np.repeat(np.repeat(parts["originals"].values, 4, axis=1), 4, axis=2)

    class Shrinking(Projections):
        def features(self, images: Any, layers: Any) -> dict[str, np.ndarray]:
            return super().features(np.asarray(images)[:, ::4, ::4], layers)

    parts["originals"], parts["model"] = (
        Images(large.astype(np.uint8), parts["originals"].stimuli),
        Shrinking(),
    )
    found, _ = check(parts, controls=["units"])
    assert score(found.scores, "brain")["correlation"] > 0.7
    assert found.images.values.shape[1:] == (SIZE, SIZE, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_images": 0}, "n_images is 0"),
        ({"max_units": 1}, "max_units"),
        ({"permutations": -1}, "permutations"),
        ({"controls": ["mean", "mean"]}, "each once"),
        ({"layers": ["fc7"]}, "no layer 'fc7'"),
        ({"layers": []}, "no layer is asked for"),
        ({"batch_size": 0}, "batch_size >= 1"),
    ],
)
def test_senseless_settings(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        check(study(), **change)


def test_labels_and_layers_that_do_not_fit() -> None:
    parts = study()
    some = parts["originals"].stimuli[:5]
    with pytest.raises(LabelMismatch, match="decoded features"):
        check(parts | {"decoded": parts["decoded"].select(some)})
    with pytest.raises(LabelMismatch, match="originals"):
        check(parts | {"originals": parts["originals"].select(some)})
    with pytest.raises(DataError, match="there are no stimuli"):
        check(parts | {"reconstructed": parts["reconstructed"].select([])})
    with pytest.raises(DataError, match="no decoded layer 'conv1_1'"):
        check(parts | {"decoded": some_layers(parts["decoded"], "fc6")}, layers="conv*")
    odd = Features({"fc9": np.zeros((10, 3))}, parts["decoded"].stimuli)
    with pytest.raises(DataError, match="model has no layer 'fc9'"):
        check(parts | {"decoded": odd})
    odd = Features({"fc6": np.zeros((10, 3))}, parts["decoded"].stimuli)
    with pytest.raises(DataError, match=r"units \(3,\) decoded, and \(40,\)"):
        check(parts | {"decoded": odd})
    known = Features({"fc6": np.zeros((10, 3))}, photos(10, 1, "known").stimuli)
    with pytest.raises(DataError, match=r"units \(3,\) in training"):
        check(parts, training_features=known)


def test_a_reconstructor_that_breaks_its_contract() -> None:
    class Odd(Honest):
        def picture(self, targets: Any, model: Any, generator: Any, rng: Any) -> np.ndarray:
            return np.zeros((1, 4, 4))

    with pytest.raises(PluginError, match=r"images \(1, 4, 4\)"):
        check(study() | {"reconstructor": Odd()})


def test_a_control_that_the_reconstructor_refuses_is_a_finding() -> None:
    class Strict(Honest):
        def picture(self, targets: Any, model: Any, generator: Any, rng: Any) -> np.ndarray:
            if np.unique(targets["fc6"], axis=0).shape[0] == 1:
                raise DataError("targets are all alike")
            warnings.warn("a slow start", stacklevel=1)
            return solved(targets, model)

    parts = study() | {"reconstructor": Strict()}
    found, said = check(parts, controls=["mean", "units"])
    assert severity(found.findings, "control", "mean") == "warning"
    assert any("control mean: targets are all alike" in text for text in said)
    assert "control units: a slow start" in said and len(found.images) == 4


def test_candidates_are_the_originals_of_the_decoded_stimuli() -> None:
    """What a set has in common tells it from another set: that is nothing known of the stimulus."""
    parts = study()
    shift = rng(3).uniform(0, 255, (1, SIZE, SIZE, 3))
    more = Images(
        photos(30, 77).values * 0.2 + 0.8 * shift.astype(np.float32), [f"shape{k}" for k in range(30)]
    )
    both = Images(
        np.concatenate([more.values, parts["originals"].values]), more.stimuli + parts["originals"].stimuli
    )
    found, _ = check(parts | {"originals": both})
    alone, _ = check(parts)
    assert repr(found.scores.rows()) == repr(alone.scores.rows())
    assert set(found.scores["candidates"][found.scores["space"] == "pixels"]) == {10}


def test_batches_change_nothing() -> None:
    parts = study()
    found, _ = check(parts, n_images=5, batch_size=2)
    whole, _ = check(parts, n_images=5, batch_size=5)
    assert np.allclose(found.images.values, whole.images.values, atol=1e-3)
    assert found.images.stimuli == whole.images.stimuli
    painter = Painter(known=photos(1, 9).values)
    alike, _ = check(parts | {"reconstructor": painter}, controls=["units"], batch_size=1)
    assert (alike.images.values == alike.images.values[:1]).all()  # each starts from the same seed


# other domains


def domains(*args: Any, **options: Any) -> tuple[Any, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = check_domains(*args, rng(), **options)
    return found, [str(warning.message) for warning in caught]


def noisy(images: Images, level: float = 40.0) -> Images:
    order = rng(8).permutation(len(images))
    values = images.values[order] + rng(4).normal(0, level, images.values.shape).astype(np.float32)
    return Images(values, tuple(images.stimuli[k] for k in order))


def test_two_domains_that_work() -> None:
    inside, outside = photos(12, 1), photos(8, 2, "shape")
    found, said = domains(noisy(inside), inside, noisy(outside), outside)
    assert said == [] and set(found.findings["severity"]) == {"ok"}
    assert (
        found.scores["set"].tolist() == ["inside", "outside"] and (found.scores["identification"] == 1).all()
    )
    assert found.scores["distinct"].tolist() == found.scores["stimuli_distinct"].tolist() == [12, 8]


def test_a_method_that_knows_one_domain_only() -> None:
    inside, outside = photos(12, 1), photos(8, 2, "shape")
    lost = Images(photos(8, 5).values, outside.stimuli)
    found, said = domains(noisy(inside), inside, lost, outside)
    assert severity(found.findings, "other kinds of stimuli", "outside") == "warning" and len(said) == 1
    few = Images(inside.values[[0, 1, 0, 1, 1, 0, 0, 1]], outside.stimuli)
    found, _ = domains(noisy(inside), inside, few, outside)
    assert severity(found.findings, "few outputs", "outside") == "warning"
    assert severity(found.findings, "few outputs", "inside") == "ok"
    found, said = domains(lost, outside, lost, outside)
    assert severity(found.findings, "other kinds of stimuli", "outside") == "note" and said == []


def test_few_pictures_of_another_domain_are_too_few() -> None:
    inside, outside = photos(12, 1), photos(2, 2, "shape")
    found, _ = domains(noisy(inside), inside, noisy(outside), outside)
    assert severity(found.findings, "other kinds of stimuli", "outside") == "note"
    with pytest.raises(DataError, match="no reconstructions outside"):
        domains(noisy(inside), inside, outside.select([]), outside)
    with pytest.raises(LabelMismatch, match="outside"):
        domains(noisy(inside), inside, inside, outside)


# groups of layers


def test_groups_of_layers_alone() -> None:
    parts = study(noise=0.1)
    del parts["reconstructed"]
    found = reconstruct_layer_groups(**parts, rng=rng(), n_images=3)
    assert found.scores["group"].tolist() == ["all", "conv1", "conv2", "fc"]
    assert found.scores["layers"].tolist()[0] == ", ".join(UNITS)
    assert (found.scores["correlation"][0] > found.scores["correlation"][1:]).all()
    assert len(found.images) == 12 and found.images.stimuli[0].startswith("all:test")
    one = found.images.stimuli[3].removeprefix("conv1:")
    target = {"conv1_1": parts["decoded"].select([one]).layers["conv1_1"]}
    assert np.allclose(found.images.values[3], solved(target, parts["model"])[0], atol=1e-3)


def test_groups_start_alike() -> None:
    parts = study(reconstructor=Weak())
    del parts["reconstructed"]
    same = {"one": ["fc6"], "two": ["fc*"]}
    found = reconstruct_layer_groups(**parts, rng=rng(), generator=Unused(), groups=same)
    assert np.array_equal(found.images.values[:4], found.images.values[4:])
