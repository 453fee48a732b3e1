"""BData: both layouts, labels, runs, spaces, damage, and written again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import lab_files as lab
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isocortex.data import Patterns, Space
from isocortex.errors import DamagedFile, DataError
from isocortex_decoding.files.bdata import BData, file_order
from isocortex_decoding.files.bdata_writing import Columns, write_patterns
from isocortex_decoding.files.stimulus_labels import imagenet_label


@pytest.fixture(params=["current", "legacy"])
def path(tmp_path: Path, request: Any) -> Path:
    return lab.make_bdata(tmp_path / "a.h5", legacy=request.param == "legacy")


def test_columns_are_those_of_the_file(path: Path) -> None:
    content = lab.bdata_content()
    with BData(path) as file:
        assert (file.n_samples, file.n_columns) == (8, 20)
        assert file.keys == list(content["metadata"])
        assert np.array_equal(file.select("ROI_V1 = 1"), content["data"][:, :5])
        assert np.array_equal(file.select("ROI_V1 + ROI_LOC"), content["data"][:, [0, 1, 2, 3, 4, 8, 9, 10]])
        assert np.array_equal(file.select("MotionParameter"), content["data"][:, -2:])
        assert np.array_equal(file.metadata("Stat"), content["metadata"]["Stat"], equal_nan=True)


def test_many_gaps_are_read_by_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from isocortex_decoding.files import bdata

    monkeypatch.setattr(bdata, "_SLICES", 2)
    monkeypatch.setattr(bdata, "_BLOCK", 3 * 20 * 8)
    content = lab.bdata_content()
    with BData(lab.make_bdata(tmp_path / "a.h5")) as file:
        mask = np.arange(20) % 2 == 0
        assert np.array_equal(file.read(mask), content["data"][:, ::2])


def test_labels_through_the_table_of_names_as_numbers_and_as_ids(path: Path) -> None:
    with BData(path) as file:
        assert file.labels("stimulus_name") == lab.NAMES * 2
        assert file.labels("stimulus_id") == lab.NAMES * 2, "ids of images stay float64"
        assert file.labels("category_index") == ("1", "2", "3", "3") * 2
        assert file.names("category_index") is None


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (1518878.005958, "n01518878_5958"),
        (1518878.00010, "n01518878_100"),
        (1518878.0001, "n01518878_100"),
        (1518878.12, "n01518878_120000"),
        (2690373.000001, "n02690373_1"),
        (12345678.999999, "n12345678_999999"),
    ],
)
def test_ids_are_read_to_six_decimals(number: float, name: str) -> None:
    assert imagenet_label(number) == name


@pytest.mark.parametrize("number", [1518878.0, 0.5, -3.2, 1e9 + 0.5, np.nan, np.inf, 3.14159265])
def test_what_is_no_id_is_refused(number: float) -> None:
    if number == 0.5:
        assert imagenet_label(number) == "n00000000_500000"
        return
    with pytest.raises(DataError, match="not the id"):
        imagenet_label(number)


def test_ids_in_float32_are_refused_since_they_would_name_another_image(tmp_path: Path) -> None:
    content = lab.bdata_content()
    with BData(lab.make_bdata(tmp_path / "a.h5", dtype="f4")) as file:
        assert file.labels("stimulus_name") == lab.NAMES * 2
        with pytest.raises(DataError, match="stored as float32"):
            file.labels("stimulus_id")
        assert file.select("ROI_V1").dtype == np.float32
    content["data"][:, 15] = 2.0**25 + 2
    with (
        BData(lab.write_bdata(tmp_path / "b.h5", content, dtype="f4")) as file,
        pytest.raises(DataError, match="may have rounded"),
    ):
        file.labels("stimulus_id")


def test_runs_are_those_of_their_session(path: Path) -> None:
    with BData(path) as file:
        assert file.runs() == ("1-1",) * 4 + ("1-2",) * 4
        assert file.runs("Run") == ("1",) * 4 + ("2",) * 4
        assert file.runs(["Run", "Block"])[0] == "1-1"
        with pytest.raises(DataError, match="no key 'Runs'"):
            file.runs("Runs")


def test_runs_that_start_anew_with_each_session_stay_apart(tmp_path: Path) -> None:
    with BData(lab.make_bdata(tmp_path / "a.h5", n_runs=4)) as file:
        assert len(set(file.runs() or ())) == 4
        assert len(set(file.runs("Run") or ())) == 2


def test_patterns_in_the_order_of_the_grid(path: Path) -> None:
    content = lab.bdata_content()
    index = lab.voxel_index().astype(int)
    with BData(path) as file:
        patterns = file.patterns("ROI_V1 + ROI_LOC", "stimulus_name", "category_index")
    assert patterns.stimuli == lab.NAMES * 2
    assert patterns.conditions == ("1", "2", "3", "3") * 2
    assert patterns.runs == ("1-1",) * 4 + ("1-2",) * 4
    assert patterns.space is not None
    assert patterns.space.shape == (2, 3, 2), "the grid of all voxels, not of the ROI"
    assert np.allclose(patterns.space.affine, [[2, 0, 0, -10], [0, 2, 0, 5], [0, 0, 3, 1], [0, 0, 0, 1]])
    for column, (voxel, name) in enumerate(zip(patterns.space.voxels, patterns.channels or (), strict=True)):
        place = int(np.flatnonzero((index == voxel).all(axis=1))[0])
        assert name == f"v{place}"
        assert np.array_equal(patterns.values[:, column], content["data"][:, place])


def test_file_order_undoes_the_order_of_the_grid(path: Path) -> None:
    content = lab.bdata_content()
    with BData(path) as file:
        patterns = file.patterns("VoxelData", "stimulus_name")
        assert not np.array_equal(patterns.values, content["data"][:, :12]), "the grid's order is another"
        plain = file.patterns("VoxelData", "stimulus_name", in_space=False)
    restored = file_order(patterns)
    assert np.array_equal(restored.values, content["data"][:, :12])
    assert np.array_equal(plain.values, restored.values)
    assert plain.channels == restored.channels
    assert restored.space is None
    with pytest.raises(DataError, match="not named as those of BData"):
        file_order(Patterns(np.zeros((1, 2)), ("a",), channels=("x", "y")))


def coordinates(content: dict[str, Any], keep: str) -> dict[str, Any]:
    for axis in "ijkxyz":
        if axis not in keep:
            del content["metadata"][f"voxel_{axis}"]
    return content


def test_millimetres_alone_make_a_grid(tmp_path: Path) -> None:
    with BData(lab.write_bdata(tmp_path / "a.h5", coordinates(lab.bdata_content(), "xyz"))) as file:
        space = file.patterns("ROI_V1", "stimulus_name").space
    assert space is not None
    assert space.shape == (2, 3, 2)
    assert np.allclose(space.affine, [[2, 0, 0, -10], [0, 2, 0, 5], [0, 0, 3, 1], [0, 0, 0, 1]])


def test_no_space_where_none_can_be_derived(tmp_path: Path) -> None:
    def space_of(content: dict[str, Any], select: str = "ROI_V1") -> Space | None:
        with BData(lab.write_bdata(tmp_path / "a.h5", content)) as file:
            return file.patterns(select, "stimulus_name").space

    assert space_of(coordinates(lab.bdata_content(), "ijk")) is None
    assert space_of(coordinates(lab.bdata_content(), "")) is None
    moved = lab.bdata_content()
    moved["metadata"]["voxel_x"][3] += 0.5
    assert space_of(moved) is None, "coordinates that fit no affine"
    assert space_of(coordinates(moved, "xyz")) is None
    twice = lab.bdata_content()
    for key in ("voxel_i", "voxel_j", "voxel_k", "voxel_x", "voxel_y", "voxel_z"):
        twice["metadata"][key][1] = twice["metadata"][key][0]
    assert space_of(twice) is None, "two columns in one voxel"
    lost = lab.bdata_content()
    lost["metadata"]["voxel_x"][0] = np.nan
    assert space_of(lost) is None
    assert space_of(lost, "ROI_LOC") is not None


def test_a_turned_grid_is_found_by_its_numbers(tmp_path: Path) -> None:
    content = lab.bdata_content()
    affine = np.array([[0, -2, 0.5], [2, 0, 0], [0, 0.3, 3]])
    place = lab.voxel_index() @ affine.T + [4, 5, 6]
    for axis in range(3):
        content["metadata"][f"voxel_{'xyz'[axis]}"][:12] = place[:, axis]
    with BData(lab.write_bdata(tmp_path / "a.h5", content)) as file:
        space = file.patterns("ROI_V1", "stimulus_name").space
    assert space is not None
    assert np.allclose(space.affine[:3, :3], affine)
    assert np.allclose(space.affine[:3, 3], [4, 5, 6])


def test_samples_without_a_label(tmp_path: Path) -> None:
    content = lab.bdata_content()
    content["data"][2, 16] = np.nan
    with BData(lab.write_bdata(tmp_path / "a.h5", content)) as file:
        with pytest.raises(DataError, match="1 of 8 samples have no label under 'stimulus_name'; drop them"):
            file.patterns("ROI_V1", "stimulus_name")
        dropped = file.patterns("ROI_V1", "stimulus_name", missing="drop", in_space=False)
        assert np.array_equal(dropped.values, np.delete(content["data"][:, :5], 2, axis=0))
        assert dropped.stimuli == (lab.NAMES * 2)[:2] + (lab.NAMES * 2)[3:]
        assert file.patterns("ROI_V1", "stimulus_name", missing="keep").conditions[2] == "n/a"
        with pytest.raises(DataError, match="error, drop or keep"):
            file.patterns("ROI_V1", "stimulus_name", missing="ignore")


def test_a_run_that_is_missing_is_an_error(tmp_path: Path) -> None:
    content = lab.bdata_content()
    content["data"][2, 13] = np.nan
    with (
        BData(lab.write_bdata(tmp_path / "a.h5", content)) as file,
        pytest.raises(DataError, match="some samples have no run"),
    ):
        file.patterns("ROI_V1", "stimulus_name")


def test_errors_of_a_request_name_file_and_remedy(path: Path) -> None:
    with BData(path) as file:
        with pytest.raises(DataError, match=r"a\.h5: select: .*did you mean 'ROI_V"):
            file.select("ROI_V7 = 1")
        with pytest.raises(DataError, match="selects no column"):
            file.select("ROI_V1 & ROI_LOC")
        with pytest.raises(DataError, match="selects no column"):
            file.patterns("ROI_V1 & ROI_LOC", "stimulus_name")
        with pytest.raises(DataError, match="no key 'stimulus_nam'; did you mean 'stimulus_name'"):
            file.labels("stimulus_nam")
        with pytest.raises(DataError, match="'MotionParameter' has 2 columns; a label has one"):
            file.labels("MotionParameter")


def test_an_error_of_the_user_inside_stays_what_it_is(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), BData(path):
        _ = 1 / 0


def test_a_number_without_a_name_is_damage(tmp_path: Path) -> None:
    content = lab.bdata_content()
    del content["vmap"]["stimulus_name"][2.0]
    with (
        BData(lab.write_bdata(tmp_path / "a.h5", content)) as file,
        pytest.raises(DamagedFile, match=r"\(vmap\) has none for 2\.0"),
    ):
        file.labels("stimulus_name")


@pytest.mark.parametrize("part", ["dataset", "metadata", "metadata/key", "metadata/value"])
def test_a_missing_part_is_damage(tmp_path: Path, part: str) -> None:
    with h5py.File(lab.make_bdata(tmp_path / "a.h5"), "r+") as file:
        del file[part]
    with pytest.raises(DamagedFile, match="not a BData file"):
        BData(tmp_path / "a.h5")


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("dataset", np.zeros(3), "not a table"),
        ("dataset", np.array([[b"a"]]), "not numbers"),
        ("dataset", np.zeros((8, 19)), "do not describe"),
        ("metadata/value", np.zeros((3, 20)), "do not describe"),
        ("metadata/value", np.array([b"a"]), "not numbers"),
        ("metadata/key", np.zeros(17), "holds no texts"),
        ("metadata/key", np.array([b"\xff\xfe"] * 17), "not UTF-8"),
        ("metadata/key", np.array([b"a"] * 18), "twice"),
        ("metadata", np.zeros(3), "not what their names say"),
        ("vmap/stimulus_name", np.zeros(3), "no table of names"),
        ("vmap/stimulus_name/one", b"x", "'one' is not a number"),
        ("vmap/stimulus_name/1", b"x", "not one name for 1"),
        ("vmap/stimulus_name/5.0", np.array([b"x", b"y"]), "not one name"),
        ("vmap/stimulus_name/5.0", 3.0, "holds no texts"),
    ],
)
def test_a_wrong_part_is_damage(tmp_path: Path, part: str, value: Any, message: str) -> None:
    with h5py.File(lab.make_bdata(tmp_path / "a.h5"), "r+") as file:
        if part in file:
            del file[part]
        file[part] = value
    with pytest.raises(DamagedFile, match=message), BData(tmp_path / "a.h5") as opened:
        opened.labels("stimulus_name")


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\x89HDF\r\n\x1a\n", bytes(4096)])
def test_a_foreign_file_is_damage_and_a_missing_one_is_said_to_be(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match="no such file"):
        BData(tmp_path / "a.h5")
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(DamagedFile, match=r"a\.h5: not a BData file"):
        BData(tmp_path / "a.h5")


def test_another_hdf5_file_is_damage(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["weights"] = np.zeros(3)
    with pytest.raises(DamagedFile, match="no dataset or dataSet in it"):
        BData(tmp_path / "a.h5")


@settings(derandomize=True, deadline=None, database=None, max_examples=60)
@given(changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=3), cut=st.floats(0, 1.5))
def test_fuzz(tmp_path_factory: pytest.TempPathFactory, changes: list[Any], cut: float) -> None:
    path = lab.make_bdata(tmp_path_factory.getbasetemp() / "fuzz.h5")
    content = bytearray(path.read_bytes())
    for place, value in changes:
        content[int(place * (len(content) - 1))] = value
    path.write_bytes(content[: int(cut * len(content))])
    try:
        with BData(path) as file:
            file.patterns("ROI_V1", "stimulus_name")
    except DataError as error:
        assert "fuzz.h5" in str(error)


# writing


@pytest.mark.parametrize("layout", ["current", "legacy"])
@pytest.mark.parametrize("runs", [("1", "1", "2"), ("day 1", "day 1", "x")])
def test_what_is_written_is_read_back(tmp_path: Path, layout: Any, runs: tuple[str, ...]) -> None:
    rng = np.random.default_rng(0)
    mask = rng.random((3, 4, 2)) < 0.5
    space = Space(mask, np.array([[0, -2, 0, 9], [2, 0, 0, 8], [0, 0, 3, 7], [0, 0, 0, 1.0]]))
    values = rng.standard_normal((3, space.n_voxels))
    patterns = Patterns(values, ("bird", "cat", "bird"), runs, ("b1", "c1", "é2"), space)
    roi = np.arange(space.n_voxels) < 5
    write_patterns(tmp_path / "a.h5", patterns, rois={"V1": roi}, layout=layout)
    first = (tmp_path / "a.h5").read_bytes()
    write_patterns(tmp_path / "a.h5", patterns, rois={"V1": roi}, layout=layout)
    assert (tmp_path / "a.h5").read_bytes() == first, "no time stamp"
    with BData(tmp_path / "a.h5") as file:
        whole = file.patterns("VoxelData", "stimulus_name", "category_name")
        assert np.array_equal(file.select("ROI_V1"), values[:, :5])
    assert np.array_equal(whole.values, values)
    assert (whole.conditions, whole.runs, whole.stimuli) == (patterns.conditions, runs, patterns.stimuli)
    assert whole.space is not None
    assert np.allclose(whole.space.affine, space.affine)


def test_no_source_code_and_no_path_is_written(tmp_path: Path) -> None:
    write_patterns(tmp_path / "a.h5", Patterns(np.zeros((2, 3)), ("a", "b")))
    with h5py.File(tmp_path / "a.h5") as file:
        assert list(file["header"]) == ["software"]
    assert b"import" not in (tmp_path / "a.h5").read_bytes()


def test_ids_of_images_survive_writing(tmp_path: Path) -> None:
    out = Columns(4)
    out.add("VoxelData", np.zeros((4, 2), dtype=np.float32))
    out.add("stimulus_id", np.array(lab.IDS))
    out.write(tmp_path / "a.h5")
    with BData(tmp_path / "a.h5") as file:
        assert file.labels("stimulus_id") == lab.NAMES
        assert file.patterns("VoxelData", "stimulus_id").runs is None


def test_what_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    out = Columns(3)
    with pytest.raises(DataError, match="no columns to write"):
        out.write(tmp_path / "a.h5")
    out.add("VoxelData", np.zeros((3, 2)))
    for key, values in {
        "VoxelData": np.zeros(3),
        "": np.zeros(3),
        "x": np.zeros(4),
        "y": np.array(["a"] * 3),
    }.items():
        with pytest.raises(DataError, match="BData"):
            out.add(key, values)
    with pytest.raises(DataError, match=r"\(3,\) values"):
        out.mark("ROI_V1", np.ones(3), "VoxelData")
    with pytest.raises(DataError, match="no columns 'Voxels'"):
        out.mark("ROI_V1", np.ones(2), "Voxels")


def test_labels_are_never_taken_for_voxels(tmp_path: Path) -> None:
    path = lab.make_bdata(tmp_path / "labels.h5")
    with BData(path) as file, pytest.raises(DataError, match=r"1 columns that are no voxels \(stimulus_id\)"):
        file.patterns("ROI_V1 | stimulus_id", "stimulus_name")
