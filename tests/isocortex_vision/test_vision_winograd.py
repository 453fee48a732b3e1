"""Convolutions with fewer multiplications against plain ones, and where they are used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from reference import conv

from isocortex_vision.models.base import MANY
from isocortex_vision.models.vgg import VGG16
from isocortex_vision.networks import winograd
from isocortex_vision.networks.vgg import vgg


@pytest.mark.parametrize(("height", "width"), [(1, 2), (4, 6), (14, 14), (7, 30)])
@pytest.mark.parametrize(("count", "channels", "units"), [(1, 3, 5), (4, 7, 2)])
def test_equals_a_convolution(height: int, width: int, count: int, channels: int, units: int) -> None:
    rng = np.random.default_rng(height)
    x = rng.normal(size=(count, height, width, channels)).astype(np.float32)
    kernel = rng.normal(size=(3, 3, channels, units)).astype(np.float32)
    bias = rng.normal(size=units).astype(np.float32)
    wanted = conv(x.transpose(0, 3, 1, 2).astype(float), kernel.transpose(3, 2, 0, 1), bias)
    from isocortex_vision._tensorflow import tf

    found = winograd.convolved(tf.constant(x), winograd.transformed(kernel), bias).numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted.transpose(0, 2, 3, 1), atol=1e-5 * np.abs(wanted).max())


def test_where_it_is_used() -> None:
    chosen = [stage.layer.name for stage in vgg(16).stages() if winograd.pays(stage)]
    assert chosen == [f"conv{block}_{number}" for block in (3, 4) for number in (1, 2, 3)] + [
        "conv5_1",
        "conv5_2",
        "conv5_3",
    ]
    net = vgg(16, image_size=200, head="none")
    odd = [stage.layer.name for stage in net.stages() if winograd.pays(stage)]
    assert odd == chosen  # 25 and 12 pixels: the last tiles are not full
    small = [stage.layer.name for stage in vgg(16, image_size=64).stages() if winograd.pays(stage)]
    assert "conv5_1" in small  # 4 pixels
    tiny = [stage.layer.name for stage in vgg(16, image_size=32).stages() if winograd.pays(stage)]
    assert "conv5_1" not in tiny  # 2 pixels: three quarters of a tile would be for nothing
    assert not any(winograd.pays(stage) for stage in vgg(16, width=0.125, head="lee2023").stages())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("piece", [1, 3000, 1 << 20])
@pytest.mark.parametrize(("count", "height", "width"), [(1, 8, 8), (3, 14, 9), (2, 5, 17)])
def test_pieces_and_the_way_back(
    dtype: Any, piece: int, count: int, height: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from isocortex_vision._tensorflow import tf

    monkeypatch.setattr(winograd, "_PIECE", piece)
    rng = np.random.default_rng(height)
    x = rng.normal(size=(count, height, width, 3)).astype(dtype)
    kernel, bias = rng.normal(size=(3, 3, 3, 2)).astype(dtype), rng.normal(size=2).astype(dtype)
    over = rng.normal(size=(count, height, width, 2)).astype(dtype)
    made, size = tf.constant(winograd.transformed(kernel)), (height, width)
    found = winograd.convolved_in_pieces(winograd.padded(tf.constant(x)), size, made, bias).numpy()
    slope = winograd.convolved_in_pieces(winograd.padded(tf.constant(over)), size, made, None, flipped=True)
    wide, wide_kernel = tf.constant(x, tf.float64), tf.constant(kernel, tf.float64)
    wanted = tf.nn.conv2d(wide, wide_kernel, 1, "SAME").numpy() + bias
    back = tf.nn.conv2d_transpose(tf.constant(over, tf.float64), wide_kernel, x.shape, 1, "SAME").numpy()
    assert found.dtype == dtype
    near = 3e-6 if dtype == "float32" else 1e-14
    assert np.abs(found - wanted).max() < near * np.abs(wanted).max()
    assert np.abs(slope.numpy() - back).max() < near * np.abs(back).max()


@pytest.mark.slow
@pytest.mark.parametrize("slope", [0.0, 0.2])
def test_features_of_many_images_equal_those_of_few(slope: float) -> None:
    settings: Any = {"image_size": 64, "width": 0.5, "slope": slope}
    images = np.random.default_rng(0).integers(0, 256, (MANY, 64, 64, 3)).astype(np.uint8)
    layers = ["conv2_2", "conv3_1", "relu4_2", "conv5_1", "pool5", "fc8"]
    many = VGG16(**settings)
    found, wanted = (net.features(images, layers) for net in (many, VGG16(batch_size=4, **settings)))
    assert set(many._forward.network._transformed) >= {"conv3_2", "conv4_2"}
    for name, values in wanted.items():
        assert np.abs(found[name] - values).max() < 1e-5 * np.abs(values).max(), name
    narrow = VGG16(precision="bfloat16", **settings)
    narrow.features(images, ["conv4_1"])
    assert not narrow._forward.network._transformed
