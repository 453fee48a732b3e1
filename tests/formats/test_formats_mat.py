"""MAT files: against scipy's and h5py's own writing, damaged, hostile, and written again."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from isocortex.errors import DamagedFile, DataError
from isocortex.formats import mat

FUZZ = settings(derandomize=True, deadline=None, database=None, max_examples=200)
CUBE = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
CONTENT = {
    "feat": CUBE,
    "text": "Größe",
    "nested": {"a": np.array([[1.5]]), "deep": {"b": np.array([[7]], dtype=np.int16)}},
    "cell": ["a", "bcd", np.zeros((0, 3))],
    "truth": np.array([[True, False]]),
    "nothing": np.zeros((0, 4), dtype=np.float32),
}
NUMBERS = ["f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"]


def same(first: Any, second: Any) -> bool:
    if isinstance(first, np.ndarray):
        return (
            isinstance(second, np.ndarray)
            and first.dtype == second.dtype
            and first.shape == second.shape
            and first.tobytes() == second.tobytes()
        )
    if isinstance(first, dict):
        return list(first) == list(second) and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)


def scipy_file(path: Path, content: dict[str, Any], **options: Any) -> Path:
    scipy.io.savemat(path, content, **options)
    return path


def plain_h5(path: Path, name: str = "feat", kind: str | None = "double", **options: Any) -> Path:
    with h5py.File(path, "w", userblock_size=512) as file:
        made = file.create_dataset(name, **options)
        if kind is not None:
            made.attrs["MATLAB_class"] = np.bytes_(kind)
    return path


# what is written is read back


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_what_is_written_is_read_back_and_is_the_same_bytes_each_time(tmp_path: Path, version: Any) -> None:
    for name in ("a.mat", "b.mat"):
        mat.write_mat(tmp_path / name, CONTENT, version)
    assert (tmp_path / "a.mat").read_bytes() == (tmp_path / "b.mat").read_bytes()
    found = mat.read_mat(tmp_path / "a.mat")
    assert {key: found[key] for key in CONTENT}.keys() == found.keys()
    for key, value in CONTENT.items():
        assert same(value, found[key]), key


@pytest.mark.parametrize("version", ["5", "7.3"])
@pytest.mark.parametrize("dtype", NUMBERS)
def test_every_type_of_number_keeps_its_type(tmp_path: Path, version: Any, dtype: str) -> None:
    values = np.array([[0, 1, 127], [3, 4, 5]], dtype=dtype)
    mat.write_mat(tmp_path / "a.mat", {"x": values}, version)
    assert same(mat.read_array(tmp_path / "a.mat", "x"), values)
    assert mat.describe(tmp_path / "a.mat") == {"x": (dtype, (2, 3))}


def test_vectors_become_columns_in_version_5_and_stay_vectors_in_7_3(tmp_path: Path) -> None:
    vector, nothing = np.arange(3.0), np.zeros(0, dtype=np.float32)
    mat.write_mat(tmp_path / "5.mat", {"x": vector, "e": nothing}, "5")
    mat.write_mat(tmp_path / "7.mat", {"x": vector, "e": nothing}, "7.3")
    assert mat.read_array(tmp_path / "5.mat", "x").tolist() == [[0], [1], [2]]
    assert same(mat.read_array(tmp_path / "7.mat", "x"), vector)
    assert same(mat.read_array(tmp_path / "7.mat", "e"), nothing)


def test_version_5_is_what_scipy_reads(tmp_path: Path) -> None:
    mat.write_mat(tmp_path / "a.mat", CONTENT, "5")
    found = scipy.io.loadmat(tmp_path / "a.mat", simplify_cells=True)
    assert np.array_equal(found["feat"], CUBE)
    assert found["feat"].dtype == np.float32
    assert found["text"] == "Größe"
    assert found["nested"]["deep"]["b"] == 7
    assert list(found["cell"][:2]) == ["a", "bcd"]


def test_version_7_3_has_matlabs_header_and_reversed_axes(tmp_path: Path) -> None:
    mat.write_mat(tmp_path / "a.mat", {"feat": CUBE}, "7.3")
    content = (tmp_path / "a.mat").read_bytes()
    assert content.startswith(b"MATLAB 7.3 MAT-file")
    assert content[124:128] == b"\x00\x02IM"
    with h5py.File(tmp_path / "a.mat") as file:
        assert file["feat"].shape == (4, 3, 2)
        assert file["feat"].attrs["MATLAB_class"] == b"single"
        assert np.array_equal(file["feat"][()].T, CUBE)


@pytest.mark.parametrize("value", [np.array([None]), np.array(["2020"], "M8[Y]"), object(), np.float16(1)])
@pytest.mark.parametrize("version", ["5", "7.3"])
def test_what_cannot_be_written_is_an_error(tmp_path: Path, value: Any, version: Any) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        mat.write_mat(tmp_path / "a.mat", {"x": value}, version)


@pytest.mark.parametrize("name", ["", "#refs#", "a/b", "_x", "ä"])
def test_names_that_no_file_could_hold_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="name of a variable"):
        mat.write_mat(tmp_path / "a.mat", {name: CUBE})


# what others write


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("dtype", [*NUMBERS, "c8", "c16"])
def test_scipys_files_are_read_as_scipy_reads_them(tmp_path: Path, compressed: bool, dtype: str) -> None:
    values = np.array([[0, 1, 100], [3, 4, 5]], dtype=dtype) * (1 - 2j if dtype[0] == "c" else 1)
    values = np.stack([values, values + 1]).astype(dtype)
    path = scipy_file(tmp_path / "a.mat", {"x": values, "y": CUBE}, do_compression=compressed)
    expected = scipy.io.loadmat(path)["x"]
    found = mat.read_mat(path, ["x"])
    assert list(found) == ["x"]
    assert same(found["x"], np.asarray(expected))


@pytest.mark.parametrize("compressed", [True, False])
def test_scipys_texts_cells_and_structures(tmp_path: Path, compressed: bool) -> None:
    cell = np.empty(2, dtype=object)
    cell[:] = [1.0, "x"]
    content = {
        "text": "Größe", "rows": np.array(["ab", "cd"]), "cell": cell, "truth": np.array([[True, False]]),
        "structure": {"a": 1.0, "b": "x"}, "empty": np.zeros((0, 3)),
    }  # fmt: skip
    found = mat.read_mat(scipy_file(tmp_path / "a.mat", content, do_compression=compressed))
    assert found["text"] == "Größe"
    assert found["rows"] == ["ab", "cd"]
    assert found["cell"][0].tolist() == [[1.0]]
    assert found["cell"][1] == "x"
    assert same(found["truth"], np.array([[True, False]]))
    assert found["structure"]["b"] == "x"
    assert found["empty"].shape == (0, 3)


def test_version_4(tmp_path: Path) -> None:
    content = {
        "x": np.arange(6.0).reshape(2, 3),
        "z": np.array([[1j, 2]]),
        "t": "hello",
        "u": np.uint8([[7]]),
    }
    found = mat.read_mat(scipy_file(tmp_path / "a.mat", content, format="4"))
    assert found["x"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["z"].tolist() == [[1j, 2]]
    assert found["t"] == "hello"
    assert found["u"].tolist() == [[7]]


def test_big_endian_version_5(tmp_path: Path) -> None:
    def element(kind: int, data: bytes) -> bytes:
        return struct.pack(">II", kind, len(data)) + data + bytes(-len(data) % 8)

    body = element(6, struct.pack(">II", 6, 0)) + element(5, struct.pack(">ii", 1, 2)) + element(1, b"x")
    body += element(9, struct.pack(">dd", 1.5, -2.0))
    text = element(6, struct.pack(">II", 4, 0)) + element(5, struct.pack(">ii", 1, 2)) + element(1, b"t")
    text += element(4, "hé".encode("utf-16-be"))
    path = tmp_path / "a.mat"
    path.write_bytes(b"x".ljust(124) + b"\x01\x00MI" + element(14, body) + element(14, text))
    assert mat.read_mat(path)["x"].tolist() == [[1.5, -2.0]]
    assert mat.read_mat(path)["t"] == "hé"


def test_chunked_and_packed_version_7_3(tmp_path: Path) -> None:
    path = plain_h5(tmp_path / "a.mat", data=CUBE.T, compression="gzip", chunks=(2, 3, 1), kind="single")
    assert same(mat.read_array(path, "feat"), CUBE)


def test_a_refused_kind_of_variable_does_not_hide_the_others(tmp_path: Path) -> None:
    from scipy.sparse import csc_array

    path = scipy_file(tmp_path / "a.mat", {"s": csc_array(np.eye(3)), "x": CUBE})
    assert same(mat.read_array(path, "x"), CUBE)
    with pytest.raises(DataError, match="'s' cannot be read: it is a sparse matrix"):
        mat.read_mat(path)


# what is asked for and is not there


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_missing_file_missing_variable_and_wrong_kind(tmp_path: Path, version: Any) -> None:
    with pytest.raises(DataError, match="no such file"):
        mat.read_mat(tmp_path / "a.mat")
    mat.write_mat(tmp_path / "a.mat", CONTENT, version)
    with pytest.raises(DataError, match="no variable 'feats'; did you mean 'feat'"):
        mat.read_array(tmp_path / "a.mat", "feats")
    with pytest.raises(DamagedFile, match="'text' holds a text, not numbers"):
        mat.read_array(tmp_path / "a.mat", "text")
    with pytest.raises(DamagedFile, match="'nested' holds a structure, not numbers"):
        mat.read_array(tmp_path / "a.mat", "nested")


# damage


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"PK\x03\x04" + bytes(600), b"\x89PNG\r\n\x1a\n" + bytes(200), bytes(20), bytes(4096)],
)
def test_foreign_files_are_damaged_files(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.mat"):
        mat.read_array(tmp_path / "a.mat", "feat")


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_a_truncated_file_is_one_damaged_file(tmp_path: Path, version: Any) -> None:
    mat.write_mat(tmp_path / "a.mat", {"feat": CUBE}, version)
    whole = (tmp_path / "a.mat").read_bytes()
    for size in range(1, len(whole), max(1, len(whole) // 60)):
        (tmp_path / "a.mat").write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"a\.mat"):
            mat.read_array(tmp_path / "a.mat", "feat")


def test_a_bomb_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    packed = zlib.compress(struct.pack("<II", 14, 2**32 - 8) + bytes(1000))
    path = tmp_path / "a.mat"
    head = b"x".ljust(116) + bytes(8) + b"\x00\x01IM"
    path.write_bytes(head + struct.pack("<II", 15, len(packed)) + packed)
    with pytest.raises(DamagedFile, match="cannot hold"):
        mat.read_mat(path)


def test_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    zeros = np.zeros((1000, 1000))
    path = scipy_file(tmp_path / "a.mat", {"x": zeros}, do_compression=True)
    assert mat.read_array(path, "x").shape == (1000, 1000)
    with pytest.raises(DataError, match="over the limit"):
        mat.read_mat(path, limit=2**20)
    mat.write_mat(tmp_path / "b.mat", {"x": zeros}, "7.3")
    with pytest.raises(DataError, match="over the limit"):
        mat.read_mat(tmp_path / "b.mat", limit=2**20)


def test_packed_data_longer_than_announced_or_with_a_wrong_checksum(tmp_path: Path) -> None:
    path = scipy_file(tmp_path / "a.mat", {"x": np.arange(2000.0)}, do_compression=True)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedFile, match="cannot be unpacked"):
        mat.read_mat(path)


def test_h5_that_is_not_matlabs_is_refused_since_its_axes_are_unknown(tmp_path: Path) -> None:
    path = plain_h5(tmp_path / "a.mat", data=CUBE, kind=None)
    with pytest.raises(DamagedFile, match="no MATLAB_class"):
        mat.read_array(path, "feat")


def test_h5_values_that_are_not_in_the_file_are_refused(tmp_path: Path) -> None:
    path = plain_h5(tmp_path / "a.mat", shape=(10**6, 10**6), dtype="f8", chunks=(1000, 1000))
    with pytest.raises(DataError, match="over the limit"):
        mat.read_array(path, "feat")
    path = plain_h5(tmp_path / "b.mat", shape=(10**4, 10**4), dtype="f8", chunks=(1000, 1000))
    with pytest.raises(DamagedFile, match="cannot hold"):
        mat.read_array(path, "feat")
    (tmp_path / "secret").write_bytes(bytes(800))
    external = [(os.fspath(tmp_path / "secret"), 0, 800)]
    path = plain_h5(tmp_path / "c.mat", shape=(100,), dtype="f8", external=external)
    with pytest.raises(DamagedFile, match="in other files"):
        mat.read_array(path, "feat")


def test_h5_links_out_of_the_file_are_not_followed(tmp_path: Path) -> None:
    plain_h5(tmp_path / "other.mat", data=CUBE)
    with h5py.File(tmp_path / "a.mat", "w") as file:
        file["feat"] = h5py.ExternalLink("other.mat", "/feat")
    with pytest.raises(DamagedFile, match="another file"):
        mat.read_array(tmp_path / "a.mat", "feat")


def test_h5_cells_that_point_to_one_another_end(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.mat", "w") as file:
        made = file.create_dataset("feat", shape=(1, 2), dtype=h5py.ref_dtype)
        made.attrs["MATLAB_class"] = np.bytes_("cell")
        made[0] = [made.ref, made.ref]
    with pytest.raises(DamagedFile, match="nested too deep"):
        mat.read_mat(tmp_path / "a.mat")


@pytest.mark.parametrize("kind", ["function_handle", "table", "string"])
def test_h5_classes_that_are_not_read_are_named(tmp_path: Path, kind: str) -> None:
    path = plain_h5(tmp_path / "a.mat", data=np.arange(3), kind=kind)
    with pytest.raises(DataError, match=f"of class '{kind}'"):
        mat.read_mat(path)


@pytest.mark.parametrize("shape", [(4, 3), (24,), (1, 2, 3)])
def test_h5_a_shape_that_disagrees_with_the_values_is_damage(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = plain_h5(tmp_path / "a.mat", data=np.zeros((4, 3, 2)))
    with h5py.File(path, "r+") as file:
        file["feat"].attrs["Python.Shape"] = np.array(shape, dtype=np.uint64)
    if shape == (24,):
        assert mat.read_array(path, "feat").shape == (24,)
    else:
        with pytest.raises(DamagedFile, match=r"Python\.Shape"):
            mat.read_array(path, "feat")


def fuzz_files() -> dict[str, bytes]:
    files = {}
    for name, options in {"packed": {"do_compression": True}, "plain": {}, "old": {"format": "4"}}.items():
        buffer = io.BytesIO()
        content = {"feat": CUBE[0], "t": "hello"}
        if name != "old":
            content |= {"s": {"a": 1.0, "b": "x"}, "c": np.array([[1, 2]], dtype=object), "z": np.array([1j])}
        scipy.io.savemat(buffer, content, **options)
        files[name] = buffer.getvalue()
    return files


FILES = fuzz_files()


@FUZZ
@given(
    name=st.sampled_from(sorted(FILES)),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=4),
    cut=st.floats(0, 1.3),
    put=st.binary(max_size=8),
)
def test_fuzz_versions_4_and_5(
    tmp_path_factory: pytest.TempPathFactory, name: str, changes: list[Any], cut: float, put: bytes
) -> None:
    content = bytearray(FILES[name])
    for place, value in changes:
        content[int(place * (len(content) - 1))] = value
    if cut < 1:
        end = int(cut * len(content))
        content = content[:end] + put + content[end:] if put else content[:end]
    path = tmp_path_factory.getbasetemp() / "fuzz.mat"
    path.write_bytes(content)
    try:
        found = mat.read_mat(path)
    except DataError as error:
        assert "fuzz.mat" in str(error)
    else:
        assert all(not isinstance(value, np.ndarray) or value.dtype != object for value in found.values())


@settings(FUZZ, max_examples=120)
@given(changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=3), cut=st.floats(0.2, 1.5))
def test_fuzz_version_7_3(tmp_path_factory: pytest.TempPathFactory, changes: list[Any], cut: float) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz73.mat"
    mat.write_mat(path, {"feat": CUBE, "c": ["a", np.eye(2)], "s": {"a": "b"}}, "7.3")
    content = bytearray(path.read_bytes())
    for place, value in changes:
        content[512 + int(place * (len(content) - 513))] = value
    path.write_bytes(content[: int(cut * len(content))])
    try:
        mat.read_mat(path)
    except DataError as error:
        assert "fuzz73.mat" in str(error)


def test_h5_texts_whose_heap_announces_more_than_the_file_has(tmp_path: Path) -> None:
    from isocortex.formats import hdf5

    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["key"] = [b"first", b"second"]
    with hdf5.opened(path) as file:
        assert hdf5.texts(file["key"], "a.h5") == ["first", "second"]
    whole = path.read_bytes()
    heap = whole.index(b"GCOL")
    free = heap + 16 + (16 + 8) * 2  # after two texts of 5 and 6 letters
    for place, size in ((heap + 8, 2**33), (heap + 24, 2**40), (heap + 24, 1), (free + 8, 0)):
        content = bytearray(whole)
        content[place : place + 8] = size.to_bytes(8, "little")
        path.write_bytes(content)
        with pytest.raises(DamagedFile, match=r"do not lie in the file|not sound"), hdf5.opened(path) as file:
            hdf5.texts(file["key"], "a.h5")
