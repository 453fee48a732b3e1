"""Arrays that are made on disk: moved into results, gone when nothing uses them, never mixed up."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isocortex.formats.arrays import read_array, write_array
from isocortex.formats.scratch import ScratchArray, link, scratch_in


def made(values: Any) -> Any:
    with ScratchArray(values.shape, values.dtype) as scratch:
        scratch.values[:] = values
        return scratch.done()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
def test_it_is_linked_and_the_same_bytes_as_a_copy(tmp_path: Path, dtype: Any) -> None:
    values = np.arange(24).reshape(2, 3, 4).astype(dtype)
    with scratch_in(tmp_path / "scratch"):
        array = made(values)
        write_array(tmp_path / "linked.npy", array)
        assert (tmp_path / "linked.npy").stat().st_nlink == 2
    write_array(tmp_path / "copied.npy", values)
    assert (tmp_path / "linked.npy").read_bytes() == (tmp_path / "copied.npy").read_bytes()
    assert not (tmp_path / "scratch").exists()
    assert np.array_equal(read_array(tmp_path / "linked.npy"), values)
    assert np.array_equal(array, values) and not array.flags.writeable


def test_parts_and_other_shapes_are_copied(tmp_path: Path) -> None:
    values = np.arange(24.0).reshape(4, 6)
    with scratch_in(tmp_path / "scratch"):
        array = made(values)
        for index, part in enumerate((array[:3], array[1:], array.T, array[:, ::2], array.reshape(6, 4))):
            path = tmp_path / f"{index}.npy"
            write_array(path, part)
            assert path.stat().st_nlink == 1 and np.array_equal(read_array(path), part)
        view = array.view()
        assert link(view, tmp_path / "view.npy")


def test_the_file_goes_with_the_last_user(tmp_path: Path) -> None:
    with scratch_in(tmp_path / "scratch"):
        view = made(np.ones((3, 3)))[1:]
        gc.collect()
        [file] = (tmp_path / "scratch").rglob("*.npy")
        del view
        gc.collect()
        assert not file.exists() and not file.parent.exists()


def test_what_is_not_done_is_removed(tmp_path: Path) -> None:
    with scratch_in(tmp_path / "scratch"):
        with pytest.raises(ZeroDivisionError), ScratchArray((2, 2), "f4") as scratch:
            scratch.values[:] = 1 / 0
        assert not list((tmp_path / "scratch").rglob("*"))


def test_nothing_to_hold(tmp_path: Path) -> None:
    with scratch_in(tmp_path / "scratch"):
        array = made(np.empty((0, 5), np.float32))
    assert array.shape == (0, 5) and not array.flags.writeable
