"""What fuzzing and reading for it have found, each by itself."""

from __future__ import annotations

import json
import re
import struct
import zipfile
from pathlib import Path

import h5py
import lab_files
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from isocortex.assets.records import Record
from isocortex.data import Patterns
from isocortex.errors import DamagedFile, DataError, LabelMismatch, PipelineError, Problem
from isocortex.formats import arrays, mat, png
from isocortex.pipeline import store as storing
from isocortex.pipeline.store import Store
from isocortex.pipeline.verify import verify
from isocortex.report.again import report_again
from isocortex_decoding.files.bdata import BData
from isocortex_decoding.files.decoder_dirs import read_decoder
from isocortex_decoding.files.feature_dirs import read_index
from isocortex_decoding.files.selection import _is_like
from isocortex_vision.models.keras_model import load_keras

QUICK = settings(derandomize=True, deadline=None, database=None, max_examples=200)


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A folder beside another one, of which nothing may be read."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "mine").mkdir()
    lab_files.make_bdata(tmp_path / "secret" / "other.h5")
    mat.write_mat(tmp_path / "secret" / "other.mat", {"a": np.arange(5.0)}, "7.3")
    return tmp_path / "mine"


def test_a_soft_link_is_no_detour_to_another_file(beside: Path) -> None:
    path = lab_files.make_bdata(beside / "some.h5")
    with h5py.File(path, "r+") as file:
        del file["dataset"], file["vmap"]
        file["way"] = h5py.ExternalLink("../secret/other.h5", "/")
        file["dataset"] = h5py.SoftLink("/way/dataset")
    with pytest.raises(DamagedFile, match="'dataset' is a link"), BData(path):
        pass
    with h5py.File(path, "r+") as file:
        del file["dataset"]
        file["dataset"] = lab_files.bdata_content()["data"]
        file["vmap"] = h5py.SoftLink("/way/vmap")
    with BData(path) as data, pytest.raises(DamagedFile, match="'vmap' is a link"):
        data.names("stimulus_name")
    with h5py.File(path, "r+") as file:
        del file["vmap"]
        file.create_group("vmap")["way"] = h5py.ExternalLink("../secret/other.h5", "/vmap")
    with BData(path) as data, pytest.raises(DamagedFile, match="'way/stimulus_name' is a link"):
        data.names("way/stimulus_name")
    with BData(path) as data:
        assert data.names("dataset/x") is None and data.names("stimulus_name") is None
    found = beside / "some.mat"
    mat.write_mat(found, {"b": np.arange(3.0)}, "7.3")
    with h5py.File(found, "r+") as file:
        file["way"] = h5py.ExternalLink("../secret/other.mat", "/")
        file["c"] = h5py.SoftLink("/way/a")
    assert mat.read_mat(found, ["b"])["b"].tolist() == [0, 1, 2]
    with pytest.raises(DamagedFile, match="'c' is a link"):
        mat.read_mat(found, ["c"])


def test_bdata_without_a_name_for_a_number(tmp_path: Path) -> None:
    path = lab_files.make_bdata(tmp_path / "some.h5")
    with h5py.File(path, "r+") as file:
        del file["vmap/stimulus_name/2.0"]
        file["vmap/stimulus_name/2.0"] = b""
    with BData(path) as data, pytest.raises(DamagedFile, match=r"some.h5.*the name for 2.0"):
        data.patterns("ROI_V1", "stimulus_name")


def _result(out: Path) -> Path:
    """A result of one step, written as a run does."""
    data = Patterns(np.ones((3, 4)), ("a", "b", "a"))
    store = Store(out)
    store.prepare()
    place = store.place(store.folder("step", {}))
    with storing.writing(place) as new:
        (new / "result").mkdir()
        data.save(new / "result")
        about = storing.describe(new, new / "result", data)
        record = {"format": storing.FORMAT, "key": None, "warnings": [], "outputs": {"result": about}}
        storing.commit(new, place, record, {"seconds": 1.0})
    return place.final


@pytest.mark.parametrize("way", ["../../other/step/result", "{other}"])
def test_a_record_leads_out_of_its_folder(tmp_path: Path, way: str) -> None:
    other, mine = _result(tmp_path / "other"), _result(tmp_path / "mine")
    assert Store(tmp_path / "mine").find(mine) is not None and verify(tmp_path / "mine") == (1, [])
    path = mine / "step.json"
    record = json.loads(path.read_text())
    record["outputs"]["result"]["folder"] = way.format(other=other / "result")
    path.write_text(json.dumps(record))
    assert Patterns.load(mine / record["outputs"]["result"]["folder"]).n_samples == 3, "it would be found"
    assert Store(tmp_path / "mine").find(mine) is None
    assert "leads out of its folder" in verify(tmp_path / "mine")[1][0]


@pytest.mark.parametrize("size", [float("inf"), 10**400, "x", None])
def test_a_record_with_a_size_that_is_none(tmp_path: Path, size: object) -> None:
    mine = _result(tmp_path / "mine")
    path = mine / "step.json"
    record = json.loads(path.read_text())
    next(iter(record["outputs"]["result"]["files"].values()))["size"] = size
    path.write_text(json.dumps(record))
    assert Store(tmp_path / "mine").find(mine) is None


def test_a_leftover_is_not_put_outside_of_the_run(tmp_path: Path) -> None:
    out = tmp_path / "inner" / "out"
    leftover = out / storing.PRIVATE / "new-0123"
    leftover.mkdir(parents=True)
    (leftover / "step.json").write_text("{}")
    (leftover / "timing.json").write_text(json.dumps({"seconds": 1, "place": "../../stolen"}))
    Store(out).prepare()
    assert not (tmp_path / "stolen").exists() and not leftover.exists()


def test_a_time_without_end_is_not_known(tmp_path: Path) -> None:
    mine = _result(tmp_path / "mine")
    (mine / "timing.json").write_text('{"seconds": 1' + "0" * 400 + "}")
    found = Store(tmp_path / "mine").find(mine)
    assert found is not None and found.seconds() is None


@pytest.mark.parametrize("name", ["../../etc/passwd", "/dev/zero", "a/../../b"])
def test_a_record_of_downloads_that_names_other_files(tmp_path: Path, name: str) -> None:
    content = {"size": 1, "sha256": "0" * 64, "time": 1}
    fetched = {
        "url": "u",
        "checksum": None,
        "sha256": "0" * 64,
        "size": 1,
        "date": "d",
        "contents": {name: content},
    }
    path = tmp_path / "a.fetched.json"
    path.write_text(json.dumps({"asset": "a", "files": {"f": fetched}}))
    with pytest.raises(DamagedFile, match="leads out of its folder"):
        Record(path)


def test_a_run_of_a_stranger_does_not_name_a_pipeline_beside_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "evil.py").write_text("from pathlib import Path\nPath('ran').touch()\n")
    (tmp_path / "evil.yaml").write_text("name: x\nplugins: [evil.py]\nsteps: {a: {use: b}}\n")
    run = {
        "status": "done",
        "steps": {},
        "pipeline": "evil.yaml",
        "parameters": {},
        "given_in": {},
        "disabled": [],
    }
    (tmp_path / "run.json").write_text(json.dumps(run))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DamagedFile, match="not an absolute path"):
        report_again(tmp_path)
    assert not (tmp_path / "ran").exists()


STARS = st.lists(st.text("ab", max_size=3), min_size=2, max_size=6).map("*".join)


@QUICK
@given(st.text("ab", max_size=12), STARS)
def test_stars_are_those_of_a_regular_expression(name: str, form: str) -> None:
    pattern = ".*".join(map(re.escape, form.split("*")))
    assert _is_like(name, form) == bool(re.fullmatch(pattern, name))


@QUICK
@given(st.text())
def test_errors_are_one_line_that_no_terminal_obeys(text: str) -> None:
    error = str(DataError(f"some.file: {text!s}"))
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", error)
    assert str(LabelMismatch(error)) == error, "what is written out stays as it is"


def test_long_and_controlling_texts_in_errors() -> None:
    assert str(DamagedFile("a\x1b[2Jb\n\u202ec")) == "a\\x1b[2Jb\\n\\u202ec"
    long = str(DamagedFile("a.npz: " + "x" * 10_000 + " the end"))
    assert len(long) == 2000 - 5 and long.startswith("a.npz: xxx") and long.endswith("xx the end")
    problem = str(PipelineError([Problem("bad\nreally", "steps.\x1b[31m", "x.yaml", 3)]))
    assert problem == "x.yaml:3: steps.\\x1b[31m: bad\nreally"


def test_infinite_complex_numbers_keep_their_parts(tmp_path: Path) -> None:
    expected = np.array([[complex(1, np.inf), complex(np.nan, -2.0)]])
    head = struct.pack("<5i", 0, 1, 2, 1, 2) + b"z\0"
    (tmp_path / "four.mat").write_bytes(head + expected.real.tobytes() + expected.imag.tobytes())
    with h5py.File(tmp_path / "seven.mat", "w", userblock_size=512) as file:
        file["z"] = np.array([[(1.0, np.inf)], [(np.nan, -2.0)]], [("real", "f8"), ("imag", "f8")])
        file["z"].attrs["MATLAB_class"] = np.bytes_("double")
    for name in ("four.mat", "seven.mat"):
        found = mat.read_mat(tmp_path / name)["z"]
        np.testing.assert_array_equal(found.real, expected.real)
        np.testing.assert_array_equal(found.imag, expected.imag)


@pytest.mark.parametrize("value", [300.0, -1.0, 0.5, np.nan])
def test_numbers_that_do_not_fit_their_class(tmp_path: Path, value: float) -> None:
    def element(kind: int, content: bytes) -> bytes:
        return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)

    parts = element(6, struct.pack("<II", 9, 0)) + element(5, struct.pack("<ii", 1, 1)) + element(1, b"x")
    path = tmp_path / "five.mat"
    for number, sound in ((7.0, True), (value, False)):  # stored as double, of class uint8
        whole = element(14, parts + element(9, struct.pack("<d", number)))
        path.write_bytes(b"MATLAB 5.0".ljust(124) + b"\x00\x01IM" + whole)
        if sound:
            np.testing.assert_array_equal(mat.read_mat(path)["x"], np.array([[7]], np.uint8))
            continue
        with pytest.raises(DamagedFile, match="do not fit into the class uint8"):
            mat.read_mat(path)


def test_unit_numbers_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "feature_index.mat"
    for value in (np.inf, np.nan, 1e30, -1.0, 0.5):
        mat.write_mat(path, {"index": {"conv1": np.array([[1.0, value]])}})
        with pytest.raises(DamagedFile, match="unit numbers"):
            read_index(path)


@pytest.mark.parametrize(
    "text",
    ["!!int ''", "!!bool x", "!!timestamp x", "? [a]\n: b", "x: &a [*a]", "[" * 400, "x" * 2**21, "\xff"],
)
def test_what_a_decoder_says_of_itself_is_yaml(tmp_path: Path, text: str) -> None:
    (tmp_path / "info.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=r"info\.yaml|not finished"):
        read_decoder(tmp_path)


def test_a_network_that_unpacks_without_end(tmp_path: Path) -> None:
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name in ("config.json", "metadata.json", "model.weights.h5"):
            file.writestr(name, b" " * 2**25)
    assert path.stat().st_size < 2**20
    with pytest.raises(DamagedFile, match="out of all proportion"):
        load_keras(path)


def test_a_picture_that_a_small_file_cannot_hold(tmp_path: Path) -> None:
    sound, bad = tmp_path / "sound.png", tmp_path / "bad.tiff"
    Image.new("1", (2000, 1000)).save(sound)  # of one bit, all alike: as small as a picture can be packed
    assert png.read_png(sound).shape == (1000, 2000, 3)
    Image.new("RGB", (5, 5)).save(bad)
    content = bytearray(bad.read_bytes())
    place = content.index(struct.pack("<HHI", 257, 4, 1))
    content[place + 8 : place + 12] = struct.pack("<I", 16_000_000)
    bad.write_bytes(content)
    with pytest.raises(DamagedFile, match="5 x 16000000 pixels, too many"):
        png.read_png(bad)
    bad.write_bytes(bytes(content) + bytes(20_000))  # a larger file, but these pixels are not packed
    with pytest.raises(DamagedFile, match="5 x 16000000 pixels, too many"):
        png.read_png(bad)


def test_a_file_name_that_no_disk_takes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        arrays.read_array(tmp_path / ("x" * 300))
    with pytest.raises(DataError, match="cannot be read"):
        arrays.read_json(tmp_path)
