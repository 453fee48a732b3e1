from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isocortex.data import Data
from isocortex.data.base import frozen, plain, read_only
from isocortex.errors import DataError


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("float64", "float64"),
        ("float32", "float32"),
        ("float16", "float32"),
        ("longdouble", "float64"),
        (">f4", "float32"),
        (">f8", "float64"),
        ("int8", "float64"),
        ("uint64", "float64"),
        ("bool", "float64"),
    ],
)
def test_frozen_keeps_single_and_double_precision_and_makes_the_rest_floats(given: str, kept: str) -> None:
    values = frozen(np.array([[0, 1, 1]], dtype=given), 2, "values")
    assert values.dtype == np.dtype(kept)
    assert values.dtype.isnative
    assert values.tolist() == [[0.0, 1.0, 1.0]]


def test_frozen_does_not_copy_and_cannot_be_written_to() -> None:
    source = np.zeros((2, 3), dtype=np.float32)
    values = frozen(source, 2, "values")
    assert np.shares_memory(values, source)
    assert source.flags.writeable, "the array that was handed over stays as it is"
    with pytest.raises(ValueError, match="read-only"):
        values[0, 0] = 1


@pytest.mark.parametrize(
    "values", [[["a", "b"]], [[1j, 2]], [[None, 1.0]], np.array([["2020-01-01"]], "M8[D]")]
)
def test_frozen_refuses_what_is_no_number(values: object) -> None:
    with pytest.raises(DataError, match=r"betas: .* are not numbers"):
        frozen(values, 2, "betas")


def test_frozen_names_the_shape_that_does_not_fit() -> None:
    with pytest.raises(DataError, match=r"betas: expected an array of 2 dimensions, got shape \(2, 3, 4\)"):
        frozen(np.zeros((2, 3, 4)), 2, "betas")


def test_rows_of_different_lengths_are_one_clear_error() -> None:
    with pytest.raises(DataError, match="betas: this makes no array"):
        frozen([[1.0, 2.0], [3.0]], 2, "betas")


def test_a_masked_array_is_refused_since_its_mask_would_be_lost() -> None:
    hidden = np.ma.masked_array(np.array([[1.0, 1e20]]), mask=[[False, True]])
    with pytest.raises(DataError, match="masked array"):
        frozen(hidden, 2, "betas")


def test_plain_takes_subclasses_off_but_leaves_memory_maps(tmp_path: Path) -> None:
    path = tmp_path / "values.npy"
    np.save(path, np.eye(2))
    mapped = np.load(path, mmap_mode="r")
    assert plain(mapped, "values") is mapped
    recorded = np.eye(2).view(np.recarray)
    assert type(plain(recorded, "values")) is np.ndarray


def test_read_only_leaves_the_original_writable() -> None:
    source = np.zeros(3)
    view = read_only(source)
    source[0] = 5
    assert view[0] == 5
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1


def test_a_data_type_that_does_not_say_how_it_is_saved_says_so(tmp_path: Path) -> None:
    class Bare(Data):
        kind = "bare"

    with pytest.raises(NotImplementedError, match="Bare does not say how it is saved"):
        Bare().save(tmp_path)
    with pytest.raises(NotImplementedError, match="Bare does not say how it is loaded"):
        Bare.load(tmp_path)
    assert Bare().summary() == "bare"
