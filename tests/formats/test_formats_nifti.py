from __future__ import annotations

import gzip
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isocortex.errors import DamagedFile, DataError
from isocortex.formats import nifti

AFFINE = np.array([[-3.0, 0, 0, 90], [0, 3, 0.5, -126], [0, 0.5, 3.5, -72], [0, 0, 0, 1]])
SUFFIXES = ["nii", "nii.gz"]
VOLUME = np.random.default_rng(0).random((3, 4, 5, 2)).astype(np.float32)


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """nibabel logs what it corrects in damaged headers."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def written(path: Path, volume: Any = VOLUME) -> Path:
    nifti.write_volume(path, volume, AFFINE)
    return path


@given(
    hnp.arrays(
        st.sampled_from(["u1", "i2", "i4", "i8", "f4", "f8"]).map(np.dtype),
        hnp.array_shapes(min_dims=3, max_dims=5, max_side=3),
    ),
    st.sampled_from(SUFFIXES),
)
@settings(derandomize=True, deadline=None, database=None, max_examples=60)
def test_volumes_are_written_exactly(
    tmp_path_factory: pytest.TempPathFactory, volume: Any, suffix: str
) -> None:
    path = written(tmp_path_factory.mktemp("nifti") / f"a.{suffix}", volume)
    loaded, affine = nifti.read_volume(path)
    assert (loaded.dtype, loaded.shape) == (volume.dtype, volume.shape)
    assert loaded.tobytes() == volume.tobytes()
    assert affine.dtype == np.float64
    assert np.array_equal(affine, AFFINE)


def test_the_bytes_depend_on_the_volume_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for suffix in SUFFIXES:
        first = written(tmp_path / f"a.{suffix}")
        with monkeypatch.context() as later:
            later.setattr(time, "time", lambda: 2e9)
            second = written(tmp_path / f"other-name.{suffix}")
        assert first.read_bytes() == second.read_bytes()
        assert written(tmp_path / f"b.{suffix}", VOLUME + 1).read_bytes() != first.read_bytes()


def test_an_axis_too_long_for_nifti_1_makes_nifti_2(tmp_path: Path) -> None:
    long = np.arange(40_000, dtype=np.int32).reshape(-1, 1, 1)
    assert np.array_equal(nifti.read_volume(written(tmp_path / "a.nii.gz", long))[0], long)
    assert isinstance(nibabel.load(tmp_path / "a.nii.gz"), nibabel.Nifti2Image)
    assert not isinstance(nibabel.load(written(tmp_path / "b.nii")), nibabel.Nifti2Image)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_scaled_and_swapped_files_of_others_are_read(tmp_path: Path, suffix: str, kind: Any) -> None:
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    header = kind.header_class(endianness=">")
    header.set_data_dtype(np.int16)
    image = kind(values, AFFINE, header)
    image.header.set_slope_inter(0.5, -3)
    nibabel.save(image, tmp_path / f"a.{suffix}")
    loaded, _ = nifti.read_volume(tmp_path / f"a.{suffix}")
    assert np.array_equal(loaded, nibabel.load(tmp_path / f"a.{suffix}").get_fdata())
    assert loaded.dtype == np.float64


@pytest.mark.parametrize("name", ["a.img", "a.mgz", "a.npy", "a.NII", "nii"])
def test_another_suffix_is_refused_for_reading_and_writing(tmp_path: Path, name: str) -> None:
    for call in (lambda path: nifti.read_volume(path), lambda path: written(path)):
        with pytest.raises(DataError, match="a NIfTI file ends in"):
            call(tmp_path / name)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_not_there_is_said_so(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        nifti.read_volume(tmp_path / f"a.{suffix}")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "content", [b"", b"text", b"\x1f\x8b", b"\x89HDF\r\n\x1a\n" * 100, bytes(1000), b"<xml/>"]
)
def test_what_is_no_nifti_file_is_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"a.{suffix}"
    for spoilt in (content, gzip.compress(content)):
        path.write_bytes(spoilt)
        with pytest.raises(DamagedFile, match="not a readable NIfTI file"):
            nifti.read_volume(path)


def test_other_kinds_of_image_under_this_name_are_refused(tmp_path: Path) -> None:
    nibabel.MGHImage(VOLUME, AFFINE).to_filename(tmp_path / "a.mgh")
    (tmp_path / "a.mgh").rename(tmp_path / "a.nii")
    with pytest.raises(DamagedFile, match=r"a\.nii"):
        nifti.read_volume(tmp_path / "a.nii")
    axes = (
        nibabel.cifti2.ScalarAxis(["x"]),
        nibabel.cifti2.BrainModelAxis.from_mask(np.ones((2, 2, 2)), affine=AFFINE),
    )
    nibabel.Cifti2Image(np.zeros((1, 8), np.float32), axes).to_filename(tmp_path / "b.dscalar.nii")
    with pytest.raises(DamagedFile, match="holds a Cifti2Image"):
        nifti.read_volume(tmp_path / "b.dscalar.nii")


@pytest.mark.parametrize(
    "volume",
    [
        np.zeros((2, 2, 2), "c8"),
        np.zeros((2, 2, 2), [("R", "u1"), ("G", "u1"), ("B", "u1")]),
        np.zeros((2, 2), "f4"),
    ],
)
def test_what_is_no_volume_of_numbers_is_refused(tmp_path: Path, volume: Any) -> None:
    nibabel.Nifti1Image(volume, AFFINE).to_filename(tmp_path / "a.nii")
    with pytest.raises(DamagedFile, match="expected a volume of numbers"):
        nifti.read_volume(tmp_path / "a.nii")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path: Path, suffix: str) -> None:
    whole = written(tmp_path / f"a.{suffix}").read_bytes()
    for end in [*range(0, len(whole), 97), len(whole) - 8, len(whole) - 1]:
        (tmp_path / f"b.{suffix}").write_bytes(whole[:end])
        with pytest.raises(DamagedFile, match=rf"b\.{suffix}"):
            nifti.read_volume(tmp_path / f"b.{suffix}")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("shape", [(30_000, 30_000, 30_000), (32_767,) * 7, (0, 3, 3), (-2, -2, 3)])
def test_a_lying_header_is_refused_before_memory_is_taken(tmp_path: Path, suffix: str, shape: Any) -> None:
    content = bytearray(written(tmp_path / "a.nii").read_bytes())
    dim = np.ones(8, dtype="<i2")
    dim[0], dim[1 : len(shape) + 1] = len(shape), shape
    content[40:56] = dim.tobytes()
    path = tmp_path / f"b.{suffix}"
    path.write_bytes(gzip.compress(bytes(content)) if suffix.endswith("gz") else content)
    with pytest.raises(DamagedFile, match=r"b\.nii"):
        nifti.read_volume(path)


def test_a_bomb_is_read_to_its_end_without_being_kept(tmp_path: Path) -> None:
    import tracemalloc

    content = written(tmp_path / "a.nii").read_bytes()
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(content + bytes(2**26)))
    tracemalloc.start()
    try:
        loaded, _ = nifti.read_volume(tmp_path / "b.nii.gz")
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()
    assert np.array_equal(loaded, VOLUME)


def test_a_changed_value_is_found_by_the_checksum(tmp_path: Path) -> None:
    """The file is longer than what a reader buffers: nibabel alone never sees its end."""
    noise = np.random.default_rng(0).integers(0, 2**62, (60, 60, 60))
    whole = written(tmp_path / "a.nii.gz", noise).read_bytes()
    for place in np.linspace(len(whole) // 10, len(whole) - 9, 7).astype(int):
        content = bytearray(whole)
        content[place] ^= 1
        (tmp_path / "b.nii.gz").write_bytes(content)
        with pytest.raises(DamagedFile, match=r"b\.nii"):
            nifti.read_volume(tmp_path / "b.nii.gz")


GZ_BYTES = st.integers(0, 10**6), st.integers(0, 255)


@given(st.lists(st.tuples(*GZ_BYTES), min_size=1, max_size=3))
@settings(derandomize=True, deadline=None, database=None, max_examples=150)
def test_a_spoilt_gzip_file_is_refused_or_right(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    path = written(tmp_path_factory.mktemp("nifti") / "a.nii.gz")
    content = bytearray(path.read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    path.write_bytes(content)
    try:
        loaded, affine = nifti.read_volume(path)
    except DamagedFile:
        return
    assert np.array_equal(loaded, VOLUME)
    assert np.array_equal(affine, AFFINE)


@given(st.lists(st.tuples(st.integers(0, 359), st.integers(0, 255)), min_size=1, max_size=4))
@settings(derandomize=True, deadline=None, database=None, max_examples=200)
def test_a_spoilt_header_is_refused_or_within_the_file(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    path = written(tmp_path_factory.mktemp("nifti") / "a.nii")
    content = bytearray(path.read_bytes())
    for place, value in changes:
        content[place] = value
    path.write_bytes(content)
    try:
        loaded, affine = nifti.read_volume(path)
    except DamagedFile:
        return
    assert loaded.size <= len(content)
    assert affine.shape == (4, 4)
