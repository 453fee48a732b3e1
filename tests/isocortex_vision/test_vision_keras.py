"""Keras networks as models: layers on both sides of the activation function, safe loading."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isocortex as ic
from isocortex.errors import DamagedFile, DataError, PluginError
from isocortex.testing import check_model
from isocortex_vision._tensorflow import tf
from isocortex_vision.models.keras_model import KerasModel
from isocortex_vision.models.keras_names import APPLICATIONS
from isocortex_vision.weights.stored import Preprocessing

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
"""Keras's variables, when they are saved."""


def images(count: int = 2, size: int = 32) -> Any:
    return np.random.default_rng(0).uniform(0, 255, (count, size, size, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def network() -> Any:
    layers = tf.keras.layers
    x = image = tf.keras.Input((12, 10, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(x)
    left, right = layers.Conv2D(4, 1, name="plain")(x), layers.Conv2D(4, 1, activation="tanh", name="bent")(x)
    x = layers.Add(name="add")([left, right])
    x = layers.ReLU(name="relu")(x)
    x = layers.Flatten(name="flat")(x)
    x = layers.Dense(5, activation="softmax", name="classes")(layers.Dropout(0.5, name="drop")(x))
    return tf.keras.Model(image, x)


@pytest.fixture(scope="module")
def file(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keras") / "net.keras"
    network.save(path)
    return path  # type: ignore[no-any-return]


def test_both_sides_of_the_activation_function(network: Any, file: Path) -> None:
    net = KerasModel(file, preprocessing="none")
    assert net.image_size == (12, 10)
    names = ("conv:pre", "conv", "plain", "bent:pre", "bent", "add", "relu", "flat", "drop", "classes:pre")
    assert set(net.layers) == {*names, "classes"}
    assert net.layers.index("conv:pre") < net.layers.index("conv") < net.layers.index("add")
    pictures = images()[:, :12, :10]
    found = net.features(pictures, net.layers[::-1])
    for name, values in found.items():
        assert values.shape[1:] == net.layer_shapes[name]
    kernel, bias = (np.asarray(w) for w in network.get_layer("conv").get_weights())
    by_hand = np.tensordot(pictures[0, 2:5, 3:6], kernel, 3) + bias
    np.testing.assert_allclose(found["conv:pre"][0, 2, 3], by_hand, rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(found["conv"], np.maximum(found["conv:pre"], 0))
    np.testing.assert_allclose(found["bent"], np.tanh(found["bent:pre"]), rtol=1e-5, atol=1e-6)
    powers = np.exp(found["classes:pre"] - found["classes:pre"].max(1, keepdims=True))
    np.testing.assert_allclose(found["classes"], powers / powers.sum(1, keepdims=True), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(found["drop"], found["flat"])  # nothing is dropped when it is used
    check_model(net)


def test_a_network_that_your_own_code_builds(network: Any, file: Path) -> None:
    pictures = images()[:, :12, :10]
    own = KerasModel.of(network, "none").features(pictures, ["conv:pre", "relu"])
    for name, values in (
        KerasModel(file, preprocessing="none").features(pictures, ["conv:pre", "relu"]).items()
    ):
        np.testing.assert_array_equal(own[name], values)
    net = KerasModel.of(network, Preprocessing("BGR", (1.0, 2.0, 3.0), (4.0, 4.0, 4.0)), name="mine")
    prepared = (pictures[..., ::-1] - np.array([1, 2, 3])) / 4
    expected = KerasModel(file, preprocessing="none").features(prepared.astype(np.float32), ["relu"])
    np.testing.assert_allclose(
        net.features(pictures, ["relu"])["relu"], expected["relu"], rtol=1e-4, atol=1e-4
    )
    check_model(net)
    with pytest.raises(DataError, match="mine: no layer 'conv9'"):
        net.features(pictures, ["conv9"])
    first, second = tf.keras.Input((12, 10, 3)), tf.keras.Input((12, 10, 3))
    with pytest.raises(DataError, match="pair: the network must have one input"):
        KerasModel.of(
            tf.keras.Model([first, second], tf.keras.layers.Add()([first, second])), "none", name="pair"
        )


@pytest.mark.parametrize("scheme", ["caffe", "torch", "tf"])
def test_images_are_prepared_as_keras_does(scheme: Any, tmp_path: Path) -> None:
    image = tf.keras.Input((8, 8, 3))
    tf.keras.Model(image, tf.keras.layers.ReLU(negative_slope=1.0, name="same")(image)).save(
        tmp_path / "a.keras"
    )
    pictures = images(2, 8)
    found = KerasModel(tmp_path / "a.keras", preprocessing=scheme).features(pictures, ["same"])["same"]
    prepare = {"caffe": "vgg16", "torch": "densenet", "tf": "mobilenet"}[scheme]
    wanted = getattr(tf.keras.applications, prepare).preprocess_input(pictures.copy())
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-4)


def test_every_application_prepares_images_as_keras_does() -> None:
    modules = {"none": 1.0, "tf": -1.0, "caffe": -103.939, "torch": -0.485 / 0.229}
    for name, scheme in APPLICATIONS.items():
        make = getattr(tf.keras.applications, name)
        module = __import__(make.__module__, fromlist=["preprocess_input"])
        black = np.asarray(module.preprocess_input(np.zeros((1, 1, 1, 3), np.float32)))[0, 0, 0, 0]
        expected = 0.0 if scheme == "none" else modules[scheme]
        assert black == pytest.approx(expected, rel=1e-4), name


@pytest.mark.slow
def test_an_application_by_its_name(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"top": False, "image_size": (32, 32)}
    before = random.getstate(), np.random.get_state()[1].sum()  # noqa: NPY002
    net = ic.get("model", "keras:MobileNetV2", **settings)
    assert (random.getstate(), np.random.get_state()[1].sum()) == before  # noqa: NPY002
    assert net.image_size == (32, 32) and net.layers[0] == "Conv1"
    again = ic.get("model", "keras:MobileNetV2", **settings)
    other = ic.get("model", "keras:MobileNetV2", seed=1, **settings)
    [one, two, three] = [m.features(images(), ["out_relu"])["out_relu"] for m in (net, again, other)]
    assert np.array_equal(one, two) and not np.array_equal(one, three)
    path = tmp_path / "mobile.weights.h5"
    tf.keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(32, 32, 3)).save_weights(
        path
    )
    loaded = ic.get("model", "keras:MobileNetV2", weights=path, **settings)
    assert not np.array_equal(loaded.features(images(), ["out_relu"])["out_relu"], one)
    with pytest.raises(DamagedFile, match="not weights of keras:VGG16"):
        ic.get("model", "keras:VGG16", weights=path, **settings)


def test_mistakes(file: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        KerasModel(tmp_path / "no.keras", preprocessing="none")
    (tmp_path / "broken.keras").write_bytes(b"PK nothing")
    with pytest.raises(DamagedFile, match=r"not a \.keras file"):
        KerasModel(tmp_path / "broken.keras", preprocessing="none")
    cut = tmp_path / "cut.keras"
    cut.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(DamagedFile):
        KerasModel(cut, preprocessing="none")
    with pytest.raises(DataError, match="takes images of 12 x 10, not 8 x 8"):
        KerasModel(file, preprocessing="none", image_size=(8, 8))
    with pytest.raises(PluginError, match="needs the setting preprocessing"):
        ic.get("model", "keras", file=file)


def test_shared_layers_and_networks_within(tmp_path: Path) -> None:
    layers = tf.keras.layers
    within = tf.keras.Input((8, 8, 3))
    inner = tf.keras.Model(within, layers.Conv2D(3, 3, padding="same", name="c")(within), name="inner")
    shared = layers.Conv2D(3, 1, activation="relu", name="shared")
    image = tf.keras.Input((8, 8, 3))
    first = shared(layers.Rescaling(0.5, name="half")(image))
    out = layers.Flatten(name="flat")(shared(inner(first)))
    tf.keras.Model(image, out).save(tmp_path / "a.keras")
    net = KerasModel(tmp_path / "a.keras", preprocessing="none")
    twice = {f"shared@{n}{side}" for n in (1, 2) for side in ("", ":pre")}
    assert set(net.layers) == {"half", "inner", "flat", *twice}
    found = net.features(images(2, 8), net.layers)
    once = inner(shared(images(2, 8) / 2)).numpy()
    np.testing.assert_allclose(found["inner"], once, rtol=1e-4, atol=1e-3)
    again = shared(once).numpy()
    np.testing.assert_allclose(found["shared@2"], again, rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(found["shared@2"], np.maximum(found["shared@2:pre"], 0))
    np.testing.assert_array_equal(found["flat"], found["shared@2"].reshape(2, -1))


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    source = f"lambda x: (x, open({str(marker)!r}, 'w'))[0]"
    image = tf.keras.Input((8, 8, 3))
    out = tf.keras.layers.Lambda(eval(source), output_shape=(8, 8, 3))(image)
    tf.keras.Model(image, out).save(tmp_path / "evil.keras")
    marker.unlink(missing_ok=True)
    with pytest.raises(DamagedFile, match="does not load it safely"):
        KerasModel(tmp_path / "evil.keras", preprocessing="none")
    assert not marker.exists()
