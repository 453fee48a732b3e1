from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isocortex.data import Patterns, Space
from isocortex.errors import DamagedFile, DataError, GridMismatch, LabelMismatch

AFFINE = np.diag([3.0, 3, 3, 1])
LABEL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=4)
QUICK = settings(derandomize=True, deadline=None, database=None, max_examples=40)


def small(**other: Any) -> Patterns:
    """Row k holds k in every channel; conditions b, a, b, c, a."""
    values = np.arange(5.0)[:, None] * np.ones(3)
    return Patterns(values, tuple("babca"), **{"runs": tuple("11222"), "stimuli": tuple("vwxyz"), **other})


@st.composite
def patterns(draw: st.DrawFn) -> Patterns:
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    n, channels = draw(st.tuples(st.integers(0, 4), st.integers(0, 4)))
    labels = st.lists(LABEL, min_size=n, max_size=n).map(tuple)
    space = None
    if channels and draw(st.booleans()):
        space = Space(np.arange(6).reshape(1, 2, 3) < channels, AFFINE)
    return Patterns(
        draw(hnp.arrays(dtype, (n, channels))),
        draw(labels),
        runs=draw(st.none() | labels),
        stimuli=draw(st.none() | labels),
        space=space,
        channels=draw(
            st.none() | st.lists(LABEL, min_size=channels, max_size=channels, unique=True).map(tuple)
        ),
    )


@given(patterns())
@QUICK
def test_patterns_are_saved_exactly(round_trip: Callable[[Any], Any], data: Patterns) -> None:
    loaded = round_trip(data)
    assert loaded.summary() == data.summary()


def test_awkward_labels_are_saved_exactly(round_trip: Callable[[Any], Any], awkward_labels: Any) -> None:
    n = len(awkward_labels)
    round_trip(Patterns(np.eye(n), awkward_labels, runs=awkward_labels[::-1], channels=awkward_labels))


def test_loaded_values_are_a_memory_map_and_read_only(round_trip: Callable[[Any], Any]) -> None:
    loaded = round_trip(small())
    assert isinstance(loaded.values, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        loaded.values[0, 0] = 1
    round_trip(loaded)


def test_whole_numbers_become_float64_and_stay_so(round_trip: Callable[[Any], Any]) -> None:
    given_values = np.array([[1, -2], [3, 4]], dtype=np.int16)
    assert round_trip(Patterns(given_values, ("a", "b"))).values.dtype == np.float64


def test_fortran_order_makes_no_difference(round_trip: Callable[[Any], Any]) -> None:
    values = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert round_trip(Patterns(values, ("a", "b"))).values.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_values_and_fields_cannot_be_changed() -> None:
    data = small()
    with pytest.raises(ValueError, match="read-only"):
        data.values[0, 0] = 1
    with pytest.raises(AttributeError):
        data.conditions = ()  # type: ignore[misc]


@pytest.mark.parametrize("name", ["conditions", "runs", "stimuli", "channels"])
def test_the_number_of_labels_must_fit(name: str) -> None:
    labels: dict[str, Any] = {"conditions": "abcde", "runs": "11222", "stimuli": "vwxyz", "channels": "pqr"}
    labels = {key: tuple(value) for key, value in labels.items()}
    Patterns(np.zeros((5, 3)), **labels)
    labels[name] += ("more",)
    with pytest.raises(LabelMismatch, match=f"patterns: {name}: "):
        Patterns(np.zeros((5, 3)), **labels)


def test_channels_have_names_of_their_own() -> None:
    with pytest.raises(LabelMismatch, match="channels: 'p' occurs more than once"):
        small(channels=("p", "q", "p"))


def test_channels_must_fit_the_mask() -> None:
    with pytest.raises(GridMismatch, match="3 channels do not fit a mask of 4 voxels"):
        small(space=Space(np.ones((1, 2, 2), bool), AFFINE))


def test_from_volume_takes_the_voxels_of_the_mask_in_channel_order() -> None:
    mask = np.zeros((2, 2, 2), bool)
    mask[1, 0, 1] = mask[0, 1, 0] = True
    volume = np.random.default_rng(0).random((2, 2, 2, 3)).astype(np.float32)
    data = Patterns.from_volume(volume, mask, AFFINE, ["a", "b", "a"], runs=[1, 1, 2], stimuli=[5, 6, 7])
    assert np.array_equal(data.values, np.stack([volume[0, 1, 0], volume[1, 0, 1]], axis=1))
    assert data.values.dtype == np.float32
    assert (data.conditions, data.runs, data.stimuli) == (("a", "b", "a"), ("1", "1", "2"), ("5", "6", "7"))
    assert data.space is not None
    assert np.array_equal(data.space.volume(data.values.T, 0)[mask], volume[mask])


def test_from_volume_refuses_what_does_not_fit() -> None:
    mask = np.ones((2, 2, 2), bool)
    with pytest.raises(DataError, match=r"\(x, y, z, samples\), got \(2, 2, 2\)"):
        Patterns.from_volume(np.zeros((2, 2, 2)), mask, AFFINE, [])
    with pytest.raises(GridMismatch):
        Patterns.from_volume(np.zeros((2, 2, 3, 1)), mask, AFFINE, ["a"])
    with pytest.raises(LabelMismatch, match="1 labels for 2 rows"):
        Patterns.from_volume(np.zeros((2, 2, 2, 2)), mask, AFFINE, ["a"])


@given(patterns())
@QUICK
def test_condition_means_against_their_definition(data: Patterns) -> None:
    if not np.isfinite(data.values).all() or np.abs(data.values).max(initial=0) > 1e30:
        return
    means = data.condition_means()
    assert means.conditions == data.condition_names
    assert means.values.dtype == data.values.dtype
    assert (means.runs, means.stimuli, means.space) == (None, None, data.space)
    for name, row in zip(means.conditions, means.values, strict=True):
        rows = [place for place, have in enumerate(data.conditions) if have == name]
        expected = data.values[rows].astype(np.float64).mean(axis=0)
        assert np.allclose(row, expected, rtol=1e-6, atol=1e-30)


def test_a_nan_spoils_the_mean_of_its_condition_and_channel_only() -> None:
    values = np.ones((4, 2))
    values[1, 0] = np.nan
    means = Patterns(values, tuple("abab")).condition_means()
    assert np.isnan(means.values).tolist() == [[False, False], [True, False]]


def test_select_orders_by_condition_and_keeps_labels_with_their_rows() -> None:
    data = small().select(["a", "b"])
    assert data.values[:, 0].tolist() == [1, 4, 0, 2]
    assert (data.conditions, data.runs, data.stimuli) == (tuple("aabb"), tuple("1212"), tuple("wzvx"))
    assert small().select([]).n_samples == 0


def test_select_names_what_is_not_there() -> None:
    with pytest.raises(LabelMismatch, match=r"no 'x', 'y'; there are 'b', 'a', 'c'"):
        small().select(["x", "a", "y"])
    with pytest.raises(LabelMismatch, match="'a' occurs more than once"):
        small().select(["a", "a"])


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        (np.array([3, 0]), [3, 0]),
        (np.array([-1, 0, 0]), [4, 0, 0]),
        (np.array([True, False, True, False, False]), [0, 2]),
        (np.ones(5, dtype=bool), [0, 1, 2, 3, 4]),
        (np.array([], dtype=int), []),
    ],
)
def test_take_keeps_labels_with_their_rows(rows: Any, kept: list[int]) -> None:
    data = small().take(rows)
    assert data.values[:, 0].tolist() == kept
    assert data.stimuli == tuple("vwxyz"[row] for row in kept)
    assert data.runs == tuple("11222"[row] for row in kept)
    assert data.conditions == tuple("babca"[row] for row in kept)


@pytest.mark.parametrize("rows", [np.array([5]), np.ones(4, dtype=bool), np.array([0.0])])
def test_take_refuses_rows_that_are_not_there(rows: Any) -> None:
    with pytest.raises(IndexError):
        small().take(rows)


@pytest.mark.parametrize(
    "damage",
    [
        "[1, 2]",
        "{}",
        '{"space": false}',
        '{"conditions": 5, "runs": null, "stimuli": null, "channels": null, "space": false}',
        '{"conditions": ["a"], "runs": null, "stimuli": null, "channels": null, "space": false}',
        '{"conditions": null, "runs": null, "stimuli": null, "channels": null, "space": false, "more": 1}',
        "not json",
        '{"conditions": [' + "[" * 100_000,
    ],
)
def test_a_damaged_description_is_one_clear_error(tmp_path: Path, damage: str) -> None:
    small().save(tmp_path)
    (tmp_path / "patterns.json").write_text(damage)
    with pytest.raises(DataError, match=r"patterns\.json|patterns: conditions"):
        Patterns.load(tmp_path)


def test_damaged_or_missing_values_are_one_clear_error(tmp_path: Path) -> None:
    small().save(tmp_path)
    path = tmp_path / "values.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedFile, match=r"values\.npy"):
        Patterns.load(tmp_path)
    path.unlink()
    with pytest.raises(DataError, match=r"values\.npy: there is no such file"):
        Patterns.load(tmp_path)
    (tmp_path / "patterns.json").unlink()
    with pytest.raises(DataError, match=r"patterns\.json: there is no such file"):
        Patterns.load(tmp_path)
