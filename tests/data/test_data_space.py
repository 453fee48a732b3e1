from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isocortex.data import Space
from isocortex.errors import DamagedFile, DataError, GridMismatch

AFFINE = np.array([[-3.0, 0, 0, 90], [0, 3, 0.1, -126.3], [0, 0.1, 3.5, -72], [0, 0, 0, 1]])


def box(*shape: int, affine: object = AFFINE) -> Space:
    return Space(np.ones(shape, dtype=bool), np.asarray(affine))


def test_channels_are_the_voxels_of_the_mask_in_c_order() -> None:
    mask = np.zeros((2, 3, 2), dtype=bool)
    mask[0, 2, 1] = mask[1, 0, 0] = mask[0, 0, 1] = True
    space = Space(mask, AFFINE)
    assert space.n_voxels == 3
    assert space.voxels.tolist() == [[0, 0, 1], [0, 2, 1], [1, 0, 0]]
    volume = np.arange(12.0).reshape(2, 3, 2)
    assert space.channels(volume).tolist() == [1, 5, 6]


def test_the_order_of_a_fortran_mask_is_c_order_too() -> None:
    mask = np.random.default_rng(0).random((3, 4, 5)) > 0.5
    volume = np.random.default_rng(1).random((3, 4, 5))
    assert np.array_equal(
        Space(np.asfortranarray(mask), AFFINE).channels(volume), Space(mask, AFFINE).channels(volume)
    )


@given(
    hnp.arrays(bool, hnp.array_shapes(min_dims=3, max_dims=3, max_side=4)), st.sampled_from([(), (3,), (0,)])
)
@settings(derandomize=True, deadline=None, database=None, max_examples=50)
def test_volume_and_channels_undo_each_other(mask: Any, rest: tuple[int, ...]) -> None:
    space = Space(mask, AFFINE)
    values = np.random.default_rng(0).random((space.n_voxels, *rest)).astype(np.float32)
    volume = space.volume(values, fill=-1)
    assert volume.shape == mask.shape + rest
    assert volume.dtype == np.float32
    assert (volume[~mask] == -1).all()
    assert np.array_equal(space.channels(volume), values)
    for voxel, value in zip(space.voxels, values, strict=True):
        assert np.array_equal(volume[tuple(voxel)], value)


def test_values_and_volumes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match="5 values for a mask of 8 voxels"):
        box(2, 2, 2).volume(np.zeros(5))
    with pytest.raises(GridMismatch, match=r"\(2, 2, 3\) does not fit a mask of shape \(2, 2, 2\)"):
        box(2, 2, 2).channels(np.zeros((2, 2, 3)))


def test_a_space_is_read_only() -> None:
    space = box(2, 2, 2)
    for array in (space.mask, space.affine, space.voxels):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


@pytest.mark.parametrize("mask", [np.ones((2, 2)), np.ones((2, 2, 2, 1)), np.ones((0, 2, 2))])
def test_a_mask_has_three_dimensions(mask: Any) -> None:
    with pytest.raises(DataError, match="a mask has three dimensions"):
        Space(mask, AFFINE)


def test_a_mask_of_ones_and_zeros_counts_but_one_of_probabilities_or_nan_does_not() -> None:
    assert Space(np.array([[[0.0, 1.0]]]), AFFINE).n_voxels == 1  # type: ignore[arg-type]
    for value in (0.5, np.nan, 2):
        with pytest.raises(DataError, match="threshold it first"):
            Space(np.array([[[0.0, value]]]), AFFINE)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="masked array"):
        Space(np.ma.masked_array(np.ones((1, 1, 2)), [[[0, 1]]]), AFFINE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("affine", "message"),
    [
        (np.eye(3), "finite 4 x 4"),
        (np.diag([1, 1, np.nan, 1]), "finite 4 x 4"),
        (np.diag([1, 1, 0, 1]), "singular"),
        (np.diag([1, 1, 1, 2]), "last row"),
        (np.eye(4) + np.eye(4)[::-1] * 0.1, "last row"),
    ],
)
def test_an_affine_that_is_none_is_refused(affine: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        box(2, 2, 2, affine=affine)


def test_voxel_sizes_are_edge_lengths_whatever_the_direction() -> None:
    turned = np.array([[0, -2.0, 0, 1], [1.5, 0, 0, 1], [0, 0, 4, 1], [0, 0, 0, 1]])
    assert np.allclose(box(1, 1, 1, affine=turned).voxel_sizes, [1.5, 2, 4])


def test_equal_grids_agree_up_to_rounding_of_their_affines() -> None:
    rounded = AFFINE.astype(np.float32)
    assert box(2, 3, 4).same_grid(box(2, 3, 4, affine=rounded))
    box(2, 3, 4).require_same_grid(box(2, 3, 4))


def test_grids_of_another_shape_or_place_are_refused_with_both_named() -> None:
    shifted = AFFINE.copy()
    shifted[0, 3] += 0.01
    with pytest.raises(GridMismatch, match=r"betas lie on .*\(90, -126\.3, -72\).*\(90\.01, -126\.3, -72\)"):
        box(2, 3, 4).require_same_grid(box(2, 3, 4, affine=shifted), "betas")
    with pytest.raises(GridMismatch, match=r"2 x 3 x 4 voxels .* and 2 x 3 x 5 voxels"):
        box(2, 3, 4).require_same_grid(box(2, 3, 5))
    flipped = AFFINE * np.array([-1.0, 1, 1, 1])
    with pytest.raises(GridMismatch, match=r"\[affine -3 .*\[affine 3 "):
        box(2, 3, 4).require_same_grid(box(2, 3, 4, affine=flipped))


@pytest.mark.parametrize("shift", [0.004, -0.0301, 2.0])
def test_the_message_shows_a_difference_wherever_there_is_one(shift: float) -> None:
    for row in range(3):
        for column in range(4):
            other = AFFINE.copy()
            other[row, column] += shift
            grids = box(2, 2, 2), box(2, 2, 2, affine=other)
            assert not grids[0].same_grid(grids[1])
            assert grids[0].describe() != grids[1].describe()


def test_masks_that_differ_on_one_grid_are_counted() -> None:
    first, second = np.zeros((2, 2, 2), bool), np.zeros((2, 2, 2), bool)
    first[0] = second[:, 0] = True
    second[0, 1, 1] = True
    Space(first, AFFINE).require_same_voxels(Space(first.copy(), AFFINE))
    with pytest.raises(GridMismatch, match="1 voxels are only in the first and 2 only in the second"):
        Space(first, AFFINE).require_same_voxels(Space(second, AFFINE))
    with pytest.raises(GridMismatch, match="different grids"):
        Space(first, AFFINE).require_same_voxels(box(2, 2, 3))


@pytest.mark.parametrize("mask", [np.ones((2, 3, 4)), np.zeros((1, 1, 1)), np.eye(3)[None]])
def test_a_space_is_saved_exactly(mask: Any, round_trip: Callable[[Any], Any]) -> None:
    affine = AFFINE + 1 / 3 * (np.arange(16).reshape(4, 4) < 12)  # float32 could not hold it
    round_trip(Space(mask, affine))


def test_a_saved_mask_that_is_damaged_is_refused(tmp_path: Path) -> None:
    from isocortex.formats import nifti

    box(2, 2, 2).save(tmp_path)
    nifti.write_volume(tmp_path / "mask.nii.gz", np.full((2, 2, 2), 7, np.uint8), AFFINE)
    with pytest.raises(DataError, match="only True and False"):
        Space.load(tmp_path)
    box(2, 2, 2).save(tmp_path)
    (tmp_path / "mask.json").write_text('{"affine": [[1, 2], "x"]}')
    with pytest.raises(DamagedFile, match=r"mask\.json: does not describe"):
        Space.load(tmp_path)
