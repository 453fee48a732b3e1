"""VGG16, VGG19 and the generator against an independent implementation, from a file in Caffe's format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from caffe_files import caffemodel, flat_of, tensorflow_order
from reference import VGG16 as BLOCKS16
from reference import VGG19 as BLOCKS19
from reference import Dgn, Vgg, Weights, dgn_weights, vgg_weights
from weight_files import FORMATS, write_weights

from isocortex.testing import check_generator, check_model
from isocortex_vision.generators.dgn import DGN
from isocortex_vision.models.vgg import VGG16, VGG19

SIZE, WIDTH, CLASSES = 64, 1 / 16, 20
MEAN = np.array([103.939, 116.779, 123.68])
MODELS = {16: (VGG16, BLOCKS16), 19: (VGG19, BLOCKS19)}


def photos(count: int = 2, size: int = SIZE, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3)).astype(np.float64)


def caffe_input(images: Any, dtype: Any = np.float64) -> Any:
    """RGB (n, h, w, 3) -> BGR minus the mean (n, 3, h, w)."""
    return (images[..., ::-1] - MEAN).transpose(0, 3, 1, 2).astype(dtype)


def rgb(gradient: Any) -> Any:
    """Gradient by Caffe's input -> gradient by the RGB image."""
    return gradient.transpose(0, 2, 3, 1)[..., ::-1]


def channels_last(values: Any) -> Any:
    return np.moveaxis(values, 1, -1) if values.ndim == 4 else values


def relative(found: Any, wanted: Any) -> float:
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


@pytest.fixture(scope="module", params=[16, pytest.param(19, marks=pytest.mark.slow)])
def depth(request: pytest.FixtureRequest) -> int:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def weights(depth: int) -> Weights:
    return vgg_weights(MODELS[depth][1], SIZE, WIDTH, CLASSES)


@pytest.fixture(scope="module")
def file(weights: Weights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return caffemodel(tmp_path_factory.mktemp("weights") / "net.caffemodel", weights, SIZE)


def model(depth: int, file: Path, **settings: Any) -> Any:
    return MODELS[depth][0](weights=file, image_size=SIZE, width=WIDTH, classes=CLASSES, **settings)


@pytest.mark.parametrize(("slope", "pooling"), [(0.0, "max"), (0.2, "average")])
def test_every_layer_equals_the_reference(
    depth: int, weights: Weights, file: Path, slope: float, pooling: Any
) -> None:
    net = model(depth, file, slope=slope, pooling=pooling)
    images = photos()
    wanted = Vgg(MODELS[depth][1], weights, slope, pooling == "average").forward(
        caffe_input(images, np.float32)
    )
    found = net.features(images, net.layers)
    assert list(net.layers) == list(wanted)
    for name, values in wanted.items():
        assert found[name].dtype == np.float32 and found[name].shape[1:] == net.layer_shapes[name]
        assert relative(found[name], channels_last(values)) < 1e-5, name


@pytest.mark.parametrize(("slope", "pooling"), [(0.0, "max"), (0.2, "average")])
def test_the_gradient_equals_the_reference(
    depth: int, weights: Weights, file: Path, slope: float, pooling: Any
) -> None:
    net = model(depth, file, slope=slope, pooling=pooling, precision="float64")
    double = {name: (k.astype(np.float64), b.astype(np.float64)) for name, (k, b) in weights.items()}
    reference = Vgg(MODELS[depth][1], double, slope, pooling == "average")
    images = photos(seed=1)
    goal = reference.forward(caffe_input(photos(seed=2)))
    scale = {
        name: 1 / float((values**2).sum())
        for name, values in goal.items()
        if name in {"conv1_1", "relu2_1", "pool3", "conv4_1", "conv5_2", "relu6", "fc8"}
    }
    targets = {name: goal[name] for name in scale}
    losses, gradient = reference.loss_gradient(caffe_input(images), targets, scale)
    found = net.loss_gradient(images, {n: channels_last(v) for n, v in targets.items()}, scale)
    np.testing.assert_allclose(found.losses, losses, rtol=1e-10)
    np.testing.assert_allclose(sum(found.by_layer.values()), losses, rtol=1e-10)
    assert found.gradient.dtype == np.float64
    assert relative(found.gradient, rgb(gradient)) < 1e-8


def test_the_generator_equals_the_reference(tmp_path: Path) -> None:
    width, latent = 1 / 16, 40
    weights = dgn_weights(width, latent)
    double = {name: (k.astype(np.float64), b.astype(np.float64)) for name, (k, b) in weights.items()}
    file = caffemodel(tmp_path / "generator.caffemodel", weights, version="V2")
    codes = np.random.default_rng(3).uniform(0, 3, (2, latent))
    small: Any = {"weights": file, "latent": latent, "width": width}
    mean = np.array([122.679, 116.669, 104.007])

    whole = Dgn(double).forward(codes)[0].transpose(0, 2, 3, 1)[..., ::-1] + mean
    single = DGN(**small, crop=None).generate(codes)
    assert single.shape == (2, 256, 256, 3) and relative(single - mean, whole - mean) < 1e-5

    exact = DGN(**small, precision="float64")
    assert relative(exact.generate(codes), whole[:, 16:240, 16:240]) < 1e-12
    over = np.random.default_rng(4).normal(size=(2, 224, 224, 3))
    padded = np.zeros((2, 256, 256, 3))
    padded[:, 16:240, 16:240] = over
    wanted = Dgn(double).pullback(codes, padded[..., ::-1].transpose(0, 3, 1, 2))
    assert relative(exact.pullback(codes, over), wanted) < 1e-8


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_the_same_activities(form: str, tmp_path: Path) -> None:
    weights = vgg_weights(BLOCKS16, SIZE, WIDTH, CLASSES)
    flat = flat_of(weights, SIZE)
    path = write_weights(form, tmp_path, tensorflow_order(weights, flat), flat)
    told = form.startswith(("torch", "safetensors", "npz")) and form != "npz ours"
    net = model(16, path, preprocessing="caffe" if told else "as_stored")
    plain = model(16, caffemodel(tmp_path / "plain.caffemodel", weights, SIZE))
    images = photos()
    assert set(net.layers) <= set(plain.layers) and "relu5_3" in net.layers
    for name, values in net.features(images, net.layers).items():
        assert np.array_equal(values, plain.features(images, net.layers)[name]), name


def test_sides_of_the_rectifier(depth: int, file: Path) -> None:
    net = model(depth, file)
    for name, values in net.features(photos(), net.layers).items():
        if name.startswith(("conv", "fc")):
            assert (values < 0).any(), name
        else:
            assert (values >= 0).all(), name


def test_names_decide_and_order_does_not(file: Path, depth: int) -> None:
    net = model(depth, file)
    images = photos()
    shuffled = list(np.random.default_rng(0).permutation(net.layers))
    found, again = net.features(images, shuffled), net.features(images, net.layers)
    assert list(found) == shuffled
    for name in shuffled:
        assert np.array_equal(found[name], again[name])
        alone = net.features(images, [name])[name]
        np.testing.assert_allclose(alone, again[name], rtol=1e-5, atol=1e-5 * np.abs(alone).max())


def test_batches_do_not_matter(depth: int, file: Path) -> None:
    images = photos(7)
    wanted = model(depth, file).features(images, ["conv1_1", "conv5_1", "fc8"])
    for size in (1, 3, 7):
        found = model(depth, file, batch_size=size).features(images, list(wanted))
        for name, values in wanted.items():
            assert relative(found[name], values) < 1e-5


@pytest.mark.slow
def test_they_keep_their_contract(depth: int, file: Path) -> None:
    check_model(model(depth, file))
    check_model(MODELS[depth][0](image_size=32, width=WIDTH, head="lee2023"))
    check_generator(DGN(latent=12, width=1 / 32, precision="float64"))


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["vgg16", "vgg19", "leaky", "dgn"])
def test_the_published_sizes_equal_the_reference(variant: str, tmp_path: Path) -> None:
    if variant == "dgn":
        weights = dgn_weights()
        codes = np.random.default_rng(3).uniform(0, 3, (1, 4096)).astype(np.float32)
        made = DGN(weights=caffemodel(tmp_path / "g", weights, version="V2"), crop=None, mean=(0, 0, 0))
        wanted = Dgn(weights).forward(codes)[0].transpose(0, 2, 3, 1)[..., ::-1]
        assert relative(made.generate(codes), wanted) < 1e-5
        return
    depth, leaky = (16 if variant == "vgg16" else 19), variant == "leaky"
    blocks = MODELS[depth][1]
    weights = vgg_weights(blocks, 224)
    settings: Any = {"slope": 0.2, "pooling": "average"} if leaky else {}
    net = MODELS[depth][0](weights=caffemodel(tmp_path / "net", weights, 224), **settings)
    images = photos(1, 224)
    wanted = Vgg(blocks, weights, settings.get("slope", 0.0), leaky).forward(caffe_input(images, np.float32))
    found = net.features(images, net.layers)
    for name, values in wanted.items():
        assert relative(found[name], channels_last(values)) < 1e-5, name
