from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isocortex.errors import DamagedFile, DataError
from isocortex.formats import arrays

FUZZ = settings(derandomize=True, deadline=None, database=None, max_examples=200)
DTYPES = ["?", "i1", "u8", "f2", "f4", "f8", ">f8", ">i2", "c8", "U3", "S2"]


def npy(array: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def npy_header(text: str, payload: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    header = text.encode("latin1") + b"\n"
    size = len(header).to_bytes(2 if version[0] == 1 else 4, "little")
    return b"\x93NUMPY" + version + size + header + payload


def lying(shape: str, dtype: str = "'<f8'", payload: bytes = bytes(80)) -> bytes:
    return npy_header(f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}}}", payload)


def packed(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members.items():
            file.writestr(zipfile.ZipInfo(name), content, method)
    return path


def read_npy(folder: Path, content: bytes) -> Any:
    (folder / "a.npy").write_bytes(content)
    return arrays.read_array(folder / "a.npy")


def read_npz(folder: Path, content: bytes) -> Any:
    with arrays.Npz(packed(folder / "a.npz", {"a.npy": content})) as file:
        return file.read("a")


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Cut it, or change some of its bytes, or put something in between."""
    spoilt = bytearray(content)
    for _ in range(draw(st.integers(0, 3))):
        spoilt[draw(st.integers(0, len(spoilt) - 1))] = draw(st.integers(0, 255))
    place = draw(st.integers(0, len(spoilt)))
    cut = draw(st.sampled_from(["no", "cut", "insert"]))
    return bytes(spoilt if cut == "no" else spoilt[:place] + (b"\x00z" + spoilt[place:]) * (cut == "insert"))


# .npy


@given(
    hnp.arrays(st.sampled_from(DTYPES).map(np.dtype), hnp.array_shapes(min_dims=0, min_side=0, max_side=4))
)
@settings(derandomize=True, deadline=None, database=None, max_examples=60)
def test_arrays_are_written_exactly_and_mapped(tmp_path_factory: pytest.TempPathFactory, array: Any) -> None:
    path = tmp_path_factory.mktemp("npy") / "a.npy"
    arrays.write_array(path, array)
    first = path.read_bytes()
    loaded = arrays.read_array(path)
    assert (loaded.dtype, loaded.shape) == (array.dtype, array.shape)
    assert loaded.tobytes() == array.tobytes()
    assert not loaded.flags.writeable
    assert isinstance(loaded, np.memmap) or not array.size
    arrays.write_array(path, array)
    assert path.read_bytes() == first
    assert np.load(path).tobytes() == array.tobytes()


def test_fortran_files_of_others_are_mapped_as_they_are(tmp_path: Path) -> None:
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    loaded = read_npy(tmp_path, npy(array))
    assert loaded.flags.f_contiguous
    assert np.array_equal(loaded, array)
    arrays.write_array(tmp_path / "b.npy", array)
    assert (tmp_path / "b.npy").read_bytes() == npy(np.ascontiguousarray(array)), "ours are in C order"


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_both_versions_of_the_header_are_read(tmp_path: Path, version: Any) -> None:
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array(file, np.arange(4), version=version)
    assert arrays.read_array(tmp_path / "a.npy").tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("array", [np.array([None]), np.array(["2020"], "M8[Y]"), np.zeros(1, "i4,f4")])
def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, array: Any) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        arrays.write_array(tmp_path / "a.npy", array)
    assert not (tmp_path / "a.npy").exists()


@pytest.mark.parametrize("read", [read_npy, read_npz])
def test_a_pickled_payload_is_refused_and_not_run(
    tmp_path: Path, hostile: Any, read: Callable[..., Any]
) -> None:
    with pytest.raises(DamagedFile, match="holds Python objects"):
        read(tmp_path, npy(hostile, allow_pickle=True))
    structured = lying("(1,)", "[('a', '|O')]", npy(hostile, allow_pickle=True)[128:])
    with pytest.raises(DamagedFile, match="holds Python objects"):
        read(tmp_path, structured)


@pytest.mark.parametrize("read", [read_npy, read_npz])
@pytest.mark.parametrize(
    "content",
    [
        lying("(1000000000,)"),
        lying("(1000000000000000000000,)"),
        lying("(9,)"),
        lying("(11,)"),
        lying("(-10,)"),
        lying("(-5, -2)"),
        lying("(0, 1000000000000000000000000)", payload=b""),
        lying("(1,) * 100"),
        lying("(" + "1, " * 100 + ")", payload=bytes(8)),
        lying("(1000000000,)", "'<U0'", b""),
        lying("(10,)", "'|V8'"),
        lying("(10,)", "'<M8[s]'"),
        lying("(10,)", "('<f8', (2,))"),
        lying("(10,)", "'rubbish'"),
        lying("(10,)", "None"),
        lying("'ab'"),
        lying("(1.5,)"),
        npy_header("{'descr': '<f8', 'fortran_order': False}", bytes(80)),
        npy_header("{'descr': '<f8', 'fortran_order': 7, 'shape': (10,)}", bytes(80)),
        npy_header("__import__('os').abort()", bytes(80)),
        npy_header("[" * 5000, bytes(80)),
        npy_header("{" * 5000, bytes(80)),
        npy_header("-" * 5000 + "1", bytes(80)),
        npy_header("x" * 70000, bytes(80), b"\x02\x00"),
        npy_header("{}", bytes(80), b"\x09\x00"),
        npy(np.arange(10))[:-1],
        npy(np.arange(10)) + b"\x00",
        npy(np.arange(10))[:20],
        npy(np.arange(10))[:7],
        b"",
        b"PK\x03\x04",
        b"\x89HDF\r\n\x1a\n",
    ],
)
def test_lying_and_damaged_headers_are_one_clear_error(
    tmp_path: Path, content: bytes, read: Callable[..., Any]
) -> None:
    with pytest.raises(DamagedFile, match=r"a\.np[yz]"):
        read(tmp_path, content)


@given(damaged(npy(np.arange(12.0).reshape(3, 4))))
@FUZZ
def test_a_spoilt_npy_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    try:
        loaded = read_npy(tmp_path_factory.mktemp("npy"), content)
    except DamagedFile:
        return
    assert loaded.nbytes <= len(content)


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    for read in (arrays.read_array, arrays.read_json, arrays.read_bytes, arrays.Npz):
        with pytest.raises(DataError, match="gone: there is no such file"):
            read(tmp_path / "gone")


# .npz


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_of_a_npz_are_read_as_numpy_reads_them(tmp_path: Path, save: Callable[..., Any]) -> None:
    content = {
        "matrix": np.arange(6.0).reshape(2, 3),
        "fortran": np.asfortranarray(np.eye(3, dtype=np.float32)),
        "text": np.array(["a", "ü"]),
        "number": np.array(5),
        "nothing": np.zeros((0, 3)),
        "zeros": np.zeros(10**6),
        "folder/é": np.array([True]),
    }
    save(tmp_path / "a.npz", **content)
    with arrays.Npz(tmp_path / "a.npz") as file:
        assert file.keys == tuple(content)
        for key, array in content.items():
            found = file.read(key)
            assert (found.dtype, found.shape) == (array.dtype, array.shape)
            assert np.array_equal(found, array)
        with pytest.raises(DataError, match="no array 'matrx'; did you mean 'matrix'"):
            file.read("matrx")


def test_one_bad_array_does_not_spoil_the_others(tmp_path: Path, hostile: Any) -> None:
    members = {
        "good.npy": npy(np.arange(3)),
        "bad.npy": npy(hostile, allow_pickle=True),
        "readme.txt": b"not an array",
        "folder/": b"",
    }
    with arrays.Npz(packed(tmp_path / "a.npz", members)) as file:
        assert file.read("good").tolist() == [0, 1, 2]
        for key in ("bad", "readme.txt", "folder/"):
            with pytest.raises(DamagedFile, match=f"array '{key}'"):
                file.read(key)


def test_two_arrays_of_one_name_are_refused(tmp_path: Path) -> None:
    members = {"a.npy": npy(np.zeros(1)), "a": npy(np.ones(1))}
    with pytest.raises(DamagedFile, match="two of its arrays have one name"):
        arrays.Npz(packed(tmp_path / "a.npz", members))


def test_an_array_over_the_limit_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.npz", {"bomb.npy": npy(np.zeros(2**21)), "small.npy": npy(np.ones(3))})
    assert path.stat().st_size < 2**16
    with arrays.Npz(path, limit=2**20) as file:
        with pytest.raises(DataError, match=r"'bomb': its 0\.0 GiB are over the limit"):
            file.read("bomb")
        assert file.read("small").tolist() == [1, 1, 1]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("claims_packed", [False, True])
def test_a_directory_that_announces_what_the_file_cannot_hold_is_refused(
    tmp_path: Path, method: int, claims_packed: bool
) -> None:
    lie = lying("(500000000,)", payload=bytes(80))
    content = bytearray(packed(tmp_path / "a.npz", {"a.npy": lie}, method).read_bytes())
    announced = (len(lie) - 80 + 8 * 500_000_000).to_bytes(4, "little")
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = announced
    if claims_packed:
        content[entry + 20 : entry + 24] = announced
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DamagedFile, match="cannot hold the"), arrays.Npz(tmp_path / "a.npz") as file:
        file.read("a")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_changed_value_is_found_by_the_checksum(tmp_path: Path, method: int) -> None:
    array = np.random.default_rng(0).random(10**5)
    content = bytearray(packed(tmp_path / "a.npz", {"a.npy": npy(array)}, method).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DamagedFile, match="cannot be read"), arrays.Npz(tmp_path / "a.npz") as file:
        file.read("a")


def zipped(method: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        file.writestr(zipfile.ZipInfo("a.npy"), npy(np.arange(12.0)), method)
        file.writestr(zipfile.ZipInfo("b.npy"), npy(np.array(["x", "yz"])), method)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2]
)
@given(data=st.data())
@settings(FUZZ, max_examples=120)
def test_a_spoilt_npz_is_refused_or_right(
    tmp_path_factory: pytest.TempPathFactory, method: int, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    path.write_bytes(data.draw(damaged(zipped(method))))
    for key, expected in (("a", np.arange(12.0)), ("b", np.array(["x", "yz"]))):
        try:
            with arrays.Npz(path) as file:
                found = file.read(key)
        except DataError:
            continue
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected)


# JSON


def test_json_is_the_same_each_time_and_takes_numpys_scalars(tmp_path: Path) -> None:
    content = {"é": np.int64(5), "b": [np.float64(0.1), np.bool_(True), None], "a": "\x00\n日本"}
    arrays.write_json(tmp_path / "a.json", content)
    assert arrays.read_json(tmp_path / "a.json") == {"é": 5, "b": [0.1, True, None], "a": "\x00\n日本"}
    assert (tmp_path / "a.json").read_text(encoding="utf-8").endswith("}\n")
    with pytest.raises(TypeError, match="ndarray cannot be written"):
        arrays.write_json(tmp_path / "b.json", {"x": np.zeros(2)})


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"nonsense", b"[" * 100_000, b"1" * 5000])
def test_damaged_json_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DamagedFile, match=r"a\.json: not a JSON file"):
        arrays.read_json(tmp_path / "a.json")


@pytest.mark.parametrize("error", [KeyError("x"), TypeError("x"), ValueError("x"), AttributeError("x")])
def test_what_a_description_lacks_is_the_fault_of_the_file(tmp_path: Path, error: Exception) -> None:
    arrays.write_json(tmp_path / "a.json", {"x": 1})
    with (
        pytest.raises(DamagedFile, match=r"a\.json: does not describe"),
        arrays.described(tmp_path / "a.json"),
    ):
        raise error
    with pytest.raises(DataError, match=r"^other$"), arrays.described(tmp_path / "a.json"):
        raise DataError("other")
    with arrays.described(tmp_path / "a.json") as info:
        assert info == json.loads((tmp_path / "a.json").read_text())


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a/b", "a/..", "..", ".", ""])
def test_a_description_names_only_files_of_its_folder(tmp_path: Path, name: str) -> None:
    assert arrays.inside(tmp_path, "a b.npy") == tmp_path / "a b.npy"
    with pytest.raises(DamagedFile, match="not a file of this folder"):
        arrays.inside(tmp_path, name)


# names of files


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), unique=True))
@FUZZ
def test_every_label_gets_a_safe_file_name_of_its_own(labels: list[str]) -> None:
    names = arrays.file_names(labels)
    assert list(names) == labels
    assert len({name.lower() for name in names.values()}) == len(labels)
    for name in names.values():
        assert Path(name).name == name
        assert not set(name) & set('/\\:*?"<>|\x00')
        assert not name.startswith(".")
        assert name == name.strip()
        assert name.isascii()
        assert len(name) < 120


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("conv1_1", "conv1_1"),
        ("a b.c", "a b.c"),
        ("a/b", "a%2Fb"),
        ("..", "%2E%2E"),
        (" a b ", "%20a%20b%20"),
        ("é", "%C3%A9"),
        ("con", "%63on"),
        ("AUX.txt", "%41UX.txt"),
        ("com1", "%63om1"),
        ("concept", "concept"),
    ],
)
def test_file_names_can_be_read_by_people(label: str, name: str) -> None:
    assert arrays.safe_name(label) == name


def test_labels_that_differ_in_case_or_far_behind_get_names_that_differ() -> None:
    names = arrays.file_names(["a", "A", "a~2", "x" * 200 + "1", "x" * 200 + "2"])
    assert len({name.lower() for name in names.values()}) == 5
    assert names["a"] == "a"
    assert arrays.safe_name("x" * 200) == arrays.safe_name("x" * 200)
