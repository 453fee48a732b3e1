from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isocortex.data import Decoded, Features
from isocortex.errors import DataError, LabelMismatch

LABEL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=4)


@st.composite
def features(draw: st.DrawFn) -> Features:
    n = draw(st.integers(0, 3))
    dtypes = st.sampled_from([np.float16, np.float32, np.float64])
    shapes = hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3)
    names = draw(st.lists(LABEL, max_size=3, unique=True))
    layers = {name: draw(hnp.arrays(draw(dtypes), (n, *draw(shapes)))) for name in names}
    stimuli = tuple(draw(st.lists(LABEL, min_size=n, max_size=n, unique=True)))
    categories = draw(st.none() | st.lists(LABEL, min_size=n, max_size=n).map(tuple))
    if draw(st.booleans()):
        return Features(layers, stimuli, categories, draw(LABEL))
    averaged = draw(st.none() | st.lists(st.integers(1, 24), min_size=n, max_size=n).map(tuple))
    return Decoded(layers, stimuli, categories, "", draw(LABEL), draw(LABEL), averaged)


def small(kind: type[Features] = Features, **other: Any) -> Features:
    layers = {"conv1": np.arange(24, dtype=np.float32).reshape(3, 2, 2, 2), "fc8": np.eye(3)}
    return kind(layers, tuple("xyz"), ("p", "q", "p"), "net", **other)


@given(features())
@settings(derandomize=True, deadline=None, database=None, max_examples=40)
def test_features_are_saved_exactly(round_trip: Callable[[Any], Any], data: Features) -> None:
    assert round_trip(data).summary() == data.summary()


def test_awkward_layer_names_are_saved_exactly(round_trip: Callable[[Any], Any], awkward_labels: Any) -> None:
    layers = {name: np.full((1, 2), float(place)) for place, name in enumerate(awkward_labels)}
    loaded = round_trip(Features(layers, ("s",)))
    assert all(isinstance(values, np.memmap) for values in loaded.layers.values())
    round_trip(loaded)


def test_memory_maps_are_not_copied(tmp_path: Path) -> None:
    mapped = np.lib.format.open_memmap(tmp_path / "a.npy", "w+", np.float32, (2, 3))
    data = Features({"fc": mapped}, ("a", "b"))
    assert np.shares_memory(data.layers["fc"], mapped)
    assert isinstance(data.matrix("fc"), np.memmap)


def test_layers_and_their_values_cannot_be_changed() -> None:
    data = small()
    with pytest.raises(ValueError, match="read-only"):
        data.layers["fc8"][0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        data.matrix("conv1")[0, 0] = 1
    with pytest.raises(TypeError):
        data.layers["new"] = np.eye(3)  # type: ignore[index]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(3), r"layer 'fc' is float64 of shape \(3,\)"),
        (np.zeros((3, 2), dtype=int), "layer 'fc' is int64"),
        (np.zeros((2, 2)), "stimuli of layer 'fc': 3 labels for 2 rows"),
        (np.ma.masked_array(np.zeros((3, 1)), [[1], [0], [0]]), "layer 'fc': this is a masked array"),
    ],
)
def test_a_layer_that_does_not_fit_is_named(values: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Features({"good": np.eye(3), "fc": values}, tuple("xyz"))


def test_stimuli_categories_and_layers_are_checked() -> None:
    with pytest.raises(LabelMismatch, match="features: stimuli: 'x' occurs more than once"):
        Features({"fc": np.eye(2)}, ("x", "x"))
    with pytest.raises(LabelMismatch, match="decoded: categories: 1 labels for 2 rows"):
        Decoded({"fc": np.eye(2)}, ("x", "y"), ("p",))
    with pytest.raises(LabelMismatch, match="features: layers: '1' occurs more than once"):
        Features({1: np.eye(2), "1": np.ones((2, 2))}, ("x", "y"))  # type: ignore[dict-item]


def test_matrix_has_the_units_in_c_order_and_names_unknown_layers() -> None:
    data = small()
    assert data.matrix("conv1")[1].tolist() == list(range(8, 16))
    with pytest.raises(DataError, match="no layer 'conv2'; did you mean 'conv1'"):
        data.matrix("conv2")


@pytest.mark.parametrize(("shape", "expected"), [((0, 2, 3), (0, 6)), ((2, 0, 3), (2, 0)), ((0, 4), (0, 4))])
def test_matrix_of_nothing_keeps_its_shape(shape: tuple[int, ...], expected: tuple[int, int]) -> None:
    data = Features({"fc": np.zeros(shape)}, tuple("xy"[: shape[0]]))
    assert data.matrix("fc").shape == expected


def test_select_goes_by_stimulus_in_every_layer() -> None:
    chosen = small().select(["z", "x"])
    assert chosen.matrix("fc8").tolist() == [[0, 0, 1], [1, 0, 0]]
    assert chosen.matrix("conv1")[:, 0].tolist() == [16, 0]
    assert (chosen.stimuli, chosen.categories, chosen.model) == (("z", "x"), ("p", "p"), "net")
    assert list(chosen.layers) == ["conv1", "fc8"]


def test_select_names_what_is_missing_or_twice() -> None:
    with pytest.raises(LabelMismatch, match="no 'w'; there are 'x', 'y', 'z'"):
        small().select(["x", "w"])
    with pytest.raises(LabelMismatch, match="'x' occurs more than once"):
        small().select(["x", "x"])


def test_decoded_keeps_its_counts_with_the_stimuli() -> None:
    data = small(Decoded, subject="S1", roi="V1", averaged=(1, 24, np.int64(3)))
    chosen = data.select(["y", "z"])
    assert isinstance(chosen, Decoded)
    assert (chosen.averaged, chosen.subject, chosen.roi, chosen.model) == ((24, 3), "S1", "V1", "net")
    assert chosen.matrix("fc8").tolist() == [[0, 1, 0], [0, 0, 1]]
    assert small(Decoded).select(["y"]).averaged is None  # type: ignore[attr-defined]


@pytest.mark.parametrize("averaged", [(1, 2), (1, 2, 0), (1, 2, -3), (1, 2, 2.5)])
def test_decoded_refuses_counts_that_are_none(averaged: Any) -> None:
    with pytest.raises(DataError, match="number of averaged repetitions"):
        small(Decoded, averaged=averaged)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"files": {"conv1": "../conv1"}}, "not a file of this folder"),
        ({"files": {"conv1": "gone"}}, "there is no such file"),
        ({"files": {"conv1": None}}, "there is no such file"),
        ({"files": ["conv1"]}, "does not describe"),
        ({"files": {"conv1": "a\x00"}}, "does not describe"),
        ({"surplus": 1}, "does not describe"),
        ({"stimuli": ["x", "y"]}, "3 labels for 2 rows"),
        ({"stimuli": None}, "expected a list of labels"),
        ({"categories": [["x"], "y", "z"]}, "cannot be a label"),
    ],
)
def test_a_damaged_description_is_one_clear_error(tmp_path: Path, change: Any, message: str) -> None:
    from isocortex.formats import arrays

    folder = tmp_path / "features"
    folder.mkdir()
    small().save(folder)
    np.save(tmp_path / "conv1.npy", np.zeros((3, 1)))
    info = arrays.read_json(folder / "features.json")
    arrays.write_json(folder / "features.json", {**info, **change})
    with pytest.raises(DataError, match=message):
        Features.load(folder)
