from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isocortex.data import Space, StatMaps
from isocortex.errors import DataError, GridMismatch, LabelMismatch
from isocortex.formats import nifti

AFFINE = np.array([[-3.0, 0, 0, 90], [0, 3, 0.1, -126.3], [0, 0.1, 3.5, -72], [0, 0, 0, 1]])
LABEL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=4)


@st.composite
def maps(draw: st.DrawFn) -> StatMaps:
    mask = draw(hnp.arrays(bool, hnp.array_shapes(min_dims=3, max_dims=3, max_side=3)))
    space = Space(mask, AFFINE)
    names = draw(st.lists(LABEL, min_size=1, max_size=3, unique=True))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    return StatMaps(draw(hnp.arrays(dtype, (len(names), space.n_voxels))), tuple(names), space, draw(LABEL))


def small() -> StatMaps:
    mask = np.ones((2, 2, 1), bool)
    mask[0, 1, 0] = False
    return StatMaps(np.arange(6.0).reshape(2, 3), ("a", "b"), Space(mask, AFFINE), "t")


@given(maps())
@settings(derandomize=True, deadline=None, database=None, max_examples=40)
def test_maps_are_saved_exactly(round_trip: Callable[[Any], Any], data: StatMaps) -> None:
    assert round_trip(data).summary() == data.summary()


def test_infinity_and_nan_and_tiny_values_are_saved_exactly(round_trip: Callable[[Any], Any]) -> None:
    values = np.array([[np.nan, np.inf, -np.inf, -0.0, 5e-324, 1.7e308]])
    round_trip(StatMaps(values, ("a",), Space(np.ones((1, 2, 3)), AFFINE), "t"))  # type: ignore[arg-type]


def test_awkward_names_are_saved_exactly(round_trip: Callable[[Any], Any], awkward_labels: Any) -> None:
    values = np.arange(len(awkward_labels), dtype=np.float32)[:, None]
    space = Space(np.ones((1, 1, 1), bool), AFFINE)
    round_trip(StatMaps(values, awkward_labels, space, "t"))


def test_the_file_is_what_other_programs_read(tmp_path: Path) -> None:
    import nibabel

    small().save(tmp_path)
    image = nibabel.load(tmp_path / "maps.nii.gz")
    volume = image.get_fdata()
    assert np.array_equal(volume[..., 1], [[[3.0], [np.nan]], [[4], [5]]], equal_nan=True)
    assert np.allclose(image.affine, AFFINE)
    assert image.header.get_xyzt_units()[0] == "mm"


def test_volume_and_pick_go_by_name() -> None:
    assert np.array_equal(small().volume("b"), [[[3.0], [np.nan]], [[4], [5]]], equal_nan=True)
    assert small().volume("a", fill=-1)[0, 1, 0] == -1
    picked = small().pick(["b", "a"])
    assert (picked.names, picked.values.tolist(), len(picked)) == (("b", "a"), [[3, 4, 5], [0, 1, 2]], 2)
    with pytest.raises(LabelMismatch, match="no 'c'; there are 'a', 'b'"):
        small().volume("c")
    with pytest.raises(LabelMismatch, match="no 'c'"):
        small().pick(["c"])


def test_values_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        small().values[0, 0] = 1


def test_what_does_not_fit_is_refused() -> None:
    space = small().space
    with pytest.raises(GridMismatch, match="2 voxels do not fit a mask of 3 voxels"):
        StatMaps(np.zeros((1, 2)), ("a",), space, "t")
    with pytest.raises(LabelMismatch, match="names: 1 labels for 2 rows"):
        StatMaps(np.zeros((2, 3)), ("a",), space, "t")
    with pytest.raises(LabelMismatch, match="'a' occurs more than once"):
        StatMaps(np.zeros((2, 3)), ("a", "a"), space, "t")
    with pytest.raises(DataError, match="there is none"):
        small().pick([])


def test_damaged_files_are_one_clear_error(tmp_path: Path) -> None:
    small().save(tmp_path)
    nifti.write_volume(tmp_path / "maps.nii.gz", np.zeros((2, 2, 1)), AFFINE)
    with pytest.raises(DataError, match=r"expected \(x, y, z, maps\), got shape \(2, 2, 1\)"):
        StatMaps.load(tmp_path)
    nifti.write_volume(tmp_path / "maps.nii.gz", np.zeros((2, 2, 2, 2)), AFFINE)
    with pytest.raises(GridMismatch, match="does not fit a mask"):
        StatMaps.load(tmp_path)
    small().save(tmp_path)
    (tmp_path / "maps.json").write_text('{"names": ["a", "b"], "statistics": "t"}')
    with pytest.raises(DataError, match=r"maps\.json: does not describe"):
        StatMaps.load(tmp_path)
