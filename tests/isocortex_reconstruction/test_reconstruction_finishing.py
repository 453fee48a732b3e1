"""Finishing of images against its definitions, over types, constants, damage and no images at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from isocortex.data import Images
from isocortex.errors import DataError
from isocortex.testing import check_step
from isocortex_reconstruction.finishing.methods import METHODS, shen2019
from isocortex_reconstruction.finishing.steps import finish_images

TYPES = [np.float32, np.float64, np.uint8]


def images(n: int = 3, dtype: Any = np.float32, seed: int = 0) -> Images:
    values = np.random.default_rng(seed).normal(120, 80, (n, 20, 30, 3))
    if dtype == np.uint8:
        values = values.clip(0, 255)
    names = tuple(f"img{k}" for k in range(n))
    return Images(values.astype(dtype), names, tuple("abc"[k % 3] for k in range(n)))


def percentile(values: Any, share: float) -> float:
    """By its definition: the sorted levels, and linear interpolation between the two nearest."""
    ordered = sorted(float(value) for value in values.ravel())
    place = share / 100 * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("clipped", [4.0, 0.04, 0.0, 50.0])
def test_shen2019_is_its_definition(dtype: Any, clipped: float) -> None:
    given = images(dtype=dtype)
    found = finish_images(given, "shen2019", clipped)
    assert found.values.dtype == np.uint8
    for image, done in zip(given.values, found.values, strict=True):
        low, high = percentile(image, clipped / 2), percentile(image, 100 - clipped / 2)
        wanted = (np.clip(image.astype(np.float64), low, high) - low) * 255 / (high - low)
        # rounded down; where rounding decides (the lightest levels), one level less is right too
        near = np.abs(wanted - np.rint(wanted)) < 1e-3
        assert np.array_equal(done[~near], np.floor(wanted[~near]).astype(np.uint8))
        assert (np.abs(done.astype(int) - np.rint(wanted))[near] <= 1).all()


def test_two_percent_of_levels_are_cut_on_each_side() -> None:
    """Not 0.02 %, as the comment in the lab's scripts says, and not 4 %; over all channels together."""
    levels = np.arange(1200, dtype=np.float64)
    given = Images(np.random.default_rng(0).permutation(levels).reshape(1, 20, 20, 3), ("a",))
    done = finish_images(given, "shen2019").values[0]
    order = done.ravel()[np.argsort(given.values.ravel())].astype(int)
    assert (np.diff(order) >= 0).all()
    step = 255 / (0.96 * 1199)
    assert (order == 0).sum() == np.ceil(0.02 * 1199 + 1 / step)
    wide = finish_images(given, "shen2019", clipped=0.04).values[0]
    assert (wide == 0).sum() < 8


def test_one_scale_for_all_channels_and_one_for_each_image() -> None:
    given = np.zeros((2, 2, 2, 3))
    given[0, ..., 0], given[0, 0, 0, 2] = 10, 40
    given[1, 0, 0, 0] = 1000
    done = finish_images(Images(given, ("a", "b")), "min-max").values
    assert done[0, 1, 1].tolist() == [63.75, 0, 0]
    assert done[1, 0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("dtype", TYPES)
def test_min_max(dtype: Any) -> None:
    given = images(dtype=dtype)
    found = finish_images(given, "min-max")
    assert found.values.dtype == (np.float32 if dtype == np.uint8 else dtype)
    for image, done in zip(given.values.astype(np.float64), found.values, strict=True):
        wanted = (image - image.min()) / (image.max() - image.min()) * 255
        assert np.allclose(done, wanted, atol=1e-4)
        assert (done.min(), done.max()) == (0, 255)


@pytest.mark.parametrize("dtype", TYPES)
def test_clip_and_none_leave_levels_alone(dtype: Any) -> None:
    given = images(dtype=dtype)
    clipped, same = finish_images(given, "clip"), finish_images(given, "none")
    assert clipped.values.dtype == same.values.dtype == dtype
    assert np.array_equal(clipped.values, np.clip(given.values, 0, 255))
    assert np.array_equal(same.values, given.values)


@pytest.mark.parametrize("method", METHODS)
def test_labels_and_order_stay(method: Any) -> None:
    given = images()
    found = finish_images(given, method)
    assert (found.stimuli, found.categories) == (given.stimuli, given.categories)
    turned = finish_images(given.select(["img2", "img0"]), method)
    assert np.array_equal(turned.values, found.values[[2, 0]])


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(("method", "grey"), [("shen2019", 128), ("min-max", 127.5)])
@pytest.mark.parametrize("level", [0, 77])
def test_a_constant_image_is_mid_grey_with_a_word(dtype: Any, method: Any, grey: float, level: int) -> None:
    values = np.array(images(dtype=dtype).values)
    values[1] = level
    with pytest.warns(UserWarning, match=r"1 of 3 images have a single level.* 'img1'\); they"):
        found = finish_images(Images(values, ("img0", "img1", "img2")), method)
    assert (found.values[1] == grey).all()
    assert found.values[0].std() > 20


def test_an_image_of_which_only_the_clipped_levels_vary_is_constant() -> None:
    values = np.full((1, 20, 20, 3), 9.0)
    values[0, 0, 0, 0] = 200
    with pytest.warns(UserWarning, match="a single level but for what is clipped"):
        assert (finish_images(Images(values, ("a",)), "shen2019").values == 128).all()
    assert finish_images(Images(values, ("a",)), "shen2019", clipped=0).values.max() in (254, 255)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_are_errors(method: Any, value: float) -> None:
    values = np.array(images().values)
    values[2, 0, 0] = value
    with pytest.raises(DataError, match="3 levels of the image 'img2' are NaN or infinite"):
        finish_images(Images(values, ("img0", "img1", "img2")), method)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("method", METHODS)
def test_no_images(dtype: Any, method: Any) -> None:
    found = finish_images(images(0, dtype), method)
    assert found.values.shape == (0, 20, 30, 3)
    assert found.values.dtype == finish_images(images(1, dtype), method).values.dtype


@pytest.mark.parametrize("dtype", TYPES)
def test_a_single_pixel_and_huge_levels(dtype: Any) -> None:
    one = np.array([0, 100, 200], dtype).reshape(1, 1, 1, 3)
    assert finish_images(Images(one, ("a",)), "min-max").values.ravel().tolist() == [0, 127.5, 255]
    if dtype != np.uint8:
        huge = one * dtype(1e30)
        assert np.allclose(finish_images(Images(huge, ("a",)), "min-max").values.ravel(), [0, 127.5, 255])
        assert shen2019(huge[0], 0).ravel().tolist()[::2] in ([0, 255], [0, 254])


def test_settings_are_checked() -> None:
    with pytest.raises(DataError, match="method='min_max': did you mean 'min-max'"):
        finish_images(images(), "min_max")  # type: ignore[arg-type]
    for clipped in (-1, 100, np.nan):
        with pytest.raises(DataError, match="give a percentage"):
            finish_images(images(), "shen2019", clipped)
    check_step(finish_images)
