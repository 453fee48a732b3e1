from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isocortex.data import Images
from isocortex.errors import DataError, LabelMismatch
from isocortex.formats import arrays, png

LABEL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=4)


@st.composite
def images(draw: st.DrawFn) -> Images:
    n = draw(st.integers(0, 3))
    shape = (n, draw(st.integers(1, 4)), draw(st.integers(1, 4)), 3)
    values = draw(hnp.arrays(draw(st.sampled_from([np.uint8, np.float32, np.float64])), shape))
    labels = st.lists(LABEL, min_size=n, max_size=n)
    return Images(values, tuple(draw(labels.filter(lambda some: len(set(some)) == n))),
                  draw(st.none() | labels.map(tuple)))  # fmt: skip


def small(dtype: Any = np.uint8) -> Images:
    values = np.arange(3 * 2 * 4 * 3, dtype=dtype).reshape(3, 2, 4, 3)
    return Images(values, tuple("xyz"), ("p", "q", "p"))


@given(images())
@settings(derandomize=True, deadline=None, database=None, max_examples=30)
def test_images_are_saved_exactly(round_trip: Callable[[Any], Any], data: Images) -> None:
    assert round_trip(data).summary() == data.summary()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_awkward_labels_are_saved_exactly(
    round_trip: Callable[[Any], Any], awkward_labels: Any, dtype: Any
) -> None:
    n = len(awkward_labels)
    values = np.arange(n * 3).reshape(n, 1, 1, 3).astype(dtype)
    round_trip(Images(values, awkward_labels, awkward_labels))


def test_float_images_can_be_looked_at_too(tmp_path: Path) -> None:
    values = np.array([-5, 0.5, 254.6, 1e9, np.nan, np.inf], dtype=np.float32).reshape(1, 1, 2, 3)
    Images(values, ("a b",)).save(tmp_path)
    assert png.read_png(tmp_path / "a b.png").ravel().tolist() == [0, 0, 255, 255, 0, 255]


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_values_cannot_be_written_to(dtype: Any) -> None:
    with pytest.raises(ValueError, match="read-only"):
        small(dtype).values[0, 0, 0, 0] = 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((1, 2, 2), np.uint8), r"got shape \(1, 2, 2\)"),
        (np.zeros((1, 2, 2, 4), np.uint8), r"got shape \(1, 2, 2, 4\)"),
        (np.zeros((1, 2, 2, 3), np.int64), "values are int64"),
        (np.zeros((1, 2, 2, 3), np.float16), "values are float16"),
        (np.zeros((1, 0, 2, 3), np.uint8), "0 x 2 pixels"),
        (np.zeros((2, 2, 2, 3), np.uint8), "1 labels for 2 rows"),
        (np.ma.masked_array(np.zeros((1, 1, 1, 3), np.uint8), True), "masked array"),
    ],
)
def test_what_is_no_picture_is_refused(values: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Images(values, ("x",))


def test_labels_are_unique_and_categories_fit() -> None:
    with pytest.raises(LabelMismatch, match="'x' occurs more than once"):
        Images(small().values, ("x", "y", "x"))
    with pytest.raises(LabelMismatch, match="categories: 2 labels for 3 rows"):
        Images(small().values, tuple("xyz"), ("p", "q"))


def test_select_goes_by_label() -> None:
    chosen = small().select(["z", "y"])
    assert np.array_equal(chosen.values, small().values[[2, 1]])
    assert (chosen.stimuli, chosen.categories, len(chosen)) == (("z", "y"), ("p", "q"), 2)
    with pytest.raises(LabelMismatch, match="no 'w'"):
        small().select(["w"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": [10**6, 10**6, 10**6, 3]}, "expected"),
        ({"shape": [3, 4, 2, 3]}, r"have the shape \(3, 2, 4, 3\), expected"),
        ({"files": ["x", "y"]}, "expected"),
        ({"files": ["x", "y", "../x"]}, "not a file of this folder"),
        ({"files": ["x", "y", "gone"]}, "there is no such file"),
        ({"files": [], "shape": [0, 10**30, 10**30, 3], "stimuli": []}, "does not describe"),
        ({"files": 5}, "does not describe"),
        ({"exact": False}, "there is no such file"),
        ({"stimuli": ["x", "y"]}, "2 labels for 3 rows"),
    ],
)
def test_a_damaged_description_is_one_clear_error(tmp_path: Path, change: Any, message: str) -> None:
    small().save(tmp_path)
    info = arrays.read_json(tmp_path / "images.json")
    arrays.write_json(tmp_path / "images.json", {**info, **change})
    with pytest.raises(DataError, match=message):
        Images.load(tmp_path)


def test_a_picture_of_another_size_is_refused_not_spread_over_the_others(tmp_path: Path) -> None:
    small().save(tmp_path)
    png.write_png(tmp_path / "y.png", np.zeros((1, 1, 3), np.uint8))
    with pytest.raises(DataError, match=r"images\.json: does not describe"):
        Images.load(tmp_path)


def test_a_damaged_picture_is_one_clear_error(tmp_path: Path) -> None:
    small().save(tmp_path)
    (tmp_path / "y.png").write_bytes((tmp_path / "y.png").read_bytes()[:50])
    with pytest.raises(DataError, match=r"y\.png: not a readable picture"):
        Images.load(tmp_path)
