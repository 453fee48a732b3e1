"""RDMs from a user's files."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import squareform

from isocortex.errors import DamagedFile, DataError, LabelMismatch
from isocortex_rsa import load_rdms
from isocortex_rsa.steps.rdm_files import read_column

LABELS = ["a", "b", "c", "d"]


def squares(*leading: int, dtype: type = np.float64) -> np.ndarray:
    vectors = np.random.default_rng(0).uniform(0, 2, (*leading, 6))
    return np.apply_along_axis(squareform, -1, vectors).astype(dtype)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rdms.npz"
    people = np.array([["A1", "A2", "A3"], ["B1", "B2", "B3"]])
    np.savez(path, rdms=squares(2, 3), one=squares(), names=people, people=np.array(["A", "B"]))
    return path


def test_leading_dimensions_are_named_and_averaged(file: Path) -> None:
    found = load_rdms(
        file, LABELS, array="rdms", dims=["subject", "session"], average=["session"], metric="m"
    )
    assert found.names == ("subject1", "subject2") and found.metric == "m"
    np.testing.assert_allclose(found.square(), squares(2, 3).mean(axis=1))
    assert load_rdms(file, LABELS, array="rdms", dims=["who", "when"]).names[4] == "who2,when2"
    assert load_rdms(file, LABELS, array="rdms").names[4] == "2,2"
    named = load_rdms(file, LABELS, array="rdms", dims=["s", "t"], average=["t"], names="people")
    assert named.names == ("A", "B")
    everything = load_rdms(file, LABELS, array="rdms", dims=["s", "t"], average=["s", "t"])
    assert everything.names == ("rdms",)
    np.testing.assert_allclose(everything.square()[0], squares(2, 3).mean(axis=(0, 1)))


def test_means_of_float32_keep_the_digits_of_float64(tmp_path: Path) -> None:
    values = squares(2, dtype=np.float32)
    np.save(tmp_path / "x.npy", values)
    found = load_rdms(tmp_path / "x.npy", LABELS, dims=["session"], average=["session"])
    np.testing.assert_array_equal(found.square()[0], values.astype(np.float64).mean(axis=0))
    assert load_rdms(tmp_path / "x.npy", LABELS).values.dtype == np.float32


def test_names_from_the_file_or_a_list(file: Path) -> None:
    assert load_rdms(file, LABELS, array="rdms", names="names").names == ("A1", "A2", "A3", "B1", "B2", "B3")
    assert load_rdms(file, LABELS, array="one").names == ("one",)
    assert load_rdms(file, LABELS, array="one", names=["me"]).names == ("me",)
    with pytest.raises(LabelMismatch, match="1 labels for 6"):
        load_rdms(file, LABELS, array="rdms", names=["me"])
    with pytest.raises(DataError, match="does not name RDMs of shape"):
        load_rdms(file, LABELS, array="rdms", names="people")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_condensed_npy(tmp_path: Path, dtype: type) -> None:
    values = np.random.default_rng(1).uniform(0, 2, (5, 6)).astype(dtype)
    np.save(tmp_path / "x.npy", values)
    found = load_rdms(tmp_path / "x.npy", LABELS)
    np.testing.assert_array_equal(found.values, values)
    assert found.values.dtype == dtype and found.names == ("1", "2", "3", "4", "5")
    np.save(tmp_path / "y.npy", values[0])
    assert load_rdms(tmp_path / "y.npy", LABELS).names == ("y",)


def test_three_conditions_can_be_read_both_ways(tmp_path: Path) -> None:
    square = squareform([1.0, 2.0, 3.0])
    np.save(tmp_path / "x.npy", square)
    with pytest.raises(DataError, match="form: square or condensed"):
        load_rdms(tmp_path / "x.npy", LABELS[:3])
    np.testing.assert_array_equal(
        load_rdms(tmp_path / "x.npy", LABELS[:3], form="square").values, [[1, 2, 3]]
    )
    np.testing.assert_array_equal(load_rdms(tmp_path / "x.npy", LABELS[:3], form="condensed").values, square)


def test_labels_from_a_table(file: Path, tmp_path: Path) -> None:
    table = tmp_path / "stimuli.tsv"
    table.write_text("name\tx\tx\nc\t1\t2\na\t1\t2\nd\t1\t2\nb\t1\t2\n")
    assert load_rdms(file, table, array="one", column="name").conditions == ("c", "a", "d", "b")
    with pytest.raises(DataError, match=r"say which column .*: name, x, x"):
        load_rdms(file, table, array="one")
    with pytest.raises(DataError, match="two columns are called 'x'"):
        load_rdms(file, table, array="one", column="x")
    with pytest.raises(DataError, match="no column is called 'nam'; did you mean 'name'"):
        load_rdms(file, table, array="one", column="nam")
    with pytest.raises(DataError, match="belongs to a table"):
        load_rdms(file, LABELS, array="one", column="name")


def test_tables_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    with pytest.raises(DataError, match="no such file"):
        read_column(path, None)
    path.write_text("")
    with pytest.raises(DamagedFile, match="empty"):
        read_column(path, None)
    path.write_text("a\tb\n1\n")
    with pytest.raises(DamagedFile, match="row 2"):
        read_column(path, "a")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DamagedFile, match="text file"):
        read_column(path, "a")
    path.write_text("only\nx\ny\n")
    assert read_column(path, None) == ("x", "y")


def test_repeated_labels_are_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(LabelMismatch, match="'a' occurs more than once"):
        load_rdms(file, ["a", "a", "b", "c"], array="one")
    table = tmp_path / "t.tsv"
    table.write_text("kind\nface\nface\nbody\nbody\n")
    with pytest.raises(LabelMismatch, match=r"t\.tsv.*'face', 'body' occur"):
        load_rdms(file, table, array="one")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"array": "rdm"}, "did you mean 'rdms'"),
        ({}, "say which array"),
        ({"array": "people"}, "not dissimilarities"),
        ({"array": "rdms", "conditions": LABELS[:3]}, r"does not end in \(3, 3\) or \(3,\)"),
        ({"array": "rdms", "form": "condensed"}, "does not end in"),
        ({"array": "rdms", "average": ["session"]}, "leading dimensions by dims"),
        ({"array": "rdms", "dims": ["subject"]}, "dims names 1 dimensions; before the RDMs there are 2"),
        ({"array": "rdms", "dims": ["s", "session"], "average": ["sesion"]}, "did you mean 'session'"),
        ({"array": "rdms", "dims": ["s", "s"]}, "more than once"),
    ],
)
def test_settings_that_do_not_fit(file: Path, settings: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_rdms(file, **{"conditions": LABELS, **settings})


def test_files_that_hold_no_rdms(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        load_rdms(tmp_path / "x.npz", LABELS)
    (tmp_path / "x.npz").write_bytes(b"PK")
    with pytest.raises(DamagedFile):
        load_rdms(tmp_path / "x.npz", LABELS)
    (tmp_path / "x.mat").write_bytes(b"")
    with pytest.raises(DataError, match=r"\.npz and \.npy"):
        load_rdms(tmp_path / "x.mat", LABELS)
    np.save(tmp_path / "x.npy", squares(2))
    with pytest.raises(DataError, match="leave out array: rdms"):
        load_rdms(tmp_path / "x.npy", LABELS, array="rdms")
    with pytest.raises(DataError, match="give the names as a list"):
        load_rdms(tmp_path / "x.npy", LABELS, names="names")
    np.save(tmp_path / "y.npy", 1 - squares(2) + np.eye(4))
    with pytest.raises(DataError, match="diagonal is not zero"):
        load_rdms(tmp_path / "y.npy", LABELS)
