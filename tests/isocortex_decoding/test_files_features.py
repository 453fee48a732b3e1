"""Feature directories of both conventions: by name, both axes orders, damage, and written again."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from isocortex.data import Decoded, Features
from isocortex.errors import DamagedFile, DataError, LabelMismatch
from isocortex.formats import mat
from isocortex_decoding.files import feature_dirs as dirs
from isocortex_decoding.files.feature_folders import folds, trial_label
from isocortex_decoding.files.stored_arrays import SPARSE, read_stored, write_stored

LABELS = ["n02_2", "n01_10", "n01_9"]
RNG = np.random.default_rng(0)
CONV = {label: RNG.standard_normal((1, 3, 2, 4)).astype(np.float32) for label in LABELS}
FC = {label: RNG.standard_normal((1, 6)).astype(np.float32) for label in LABELS}


def place(path: Path, array: Any, version: str = "7.3") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if version == "7.3":
        write_stored(path, "feat", array)
    else:
        scipy.io.savemat(path, {"feat": array}, do_compression=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two layers, the second in MAT 5."""
    for label in LABELS:
        place(tmp_path / "vgg" / "conv1_1" / f"{label}.mat", CONV[label])
        place(tmp_path / "vgg" / "fc6" / f"{label}.mat", FC[label], "5")
    (tmp_path / "vgg" / ".DS_Store").write_bytes(b"x")
    (tmp_path / "vgg" / "fc6" / "._n01_9.mat").write_bytes(b"x")
    return tmp_path / "vgg"


def test_features_are_found_by_name_in_every_layer(root: Path) -> None:
    found = dirs.read_features(root)
    assert list(found.layers) == ["conv1_1", "fc6"]
    assert found.stimuli == ("n01_10", "n01_9", "n02_2"), "in the order of their names"
    for row, label in enumerate(found.stimuli):
        assert np.array_equal(found.layers["conv1_1"][row], CONV[label][0])
        assert np.array_equal(found.layers["fc6"][row], FC[label][0])
    assert found.layers["fc6"].dtype == np.float32


def test_asked_labels_and_layers_keep_their_order(root: Path) -> None:
    found = dirs.read_features(root, layers=["fc6"], labels=["n02_2", "n01_9"], synsets=True, model="vgg19")
    assert found.stimuli == ("n02_2", "n01_9")
    assert found.categories == ("n02", "n01")
    assert found.model == "vgg19"
    assert np.array_equal(found.layers["fc6"][1], FC["n01_9"][0])
    with pytest.raises(LabelMismatch, match="no 'n09_9'"):
        dirs.read_features(root, labels=["n09_9"])
    with pytest.raises(DataError, match="no folder 'fc7'; did you mean 'fc6'"):
        dirs.read_features(root, layers=["fc7"])
    with pytest.raises(DataError, match="no labels were asked for"):
        dirs.read_features(root, labels=[])


def test_channels_are_brought_last(root: Path) -> None:
    found = dirs.read_features(root, axes="channels_last")
    assert found.layers["conv1_1"].shape == (3, 2, 4, 3)
    assert np.array_equal(found.layers["conv1_1"][0], CONV["n01_10"][0].transpose(1, 2, 0))
    assert np.array_equal(found.layers["fc6"][0], FC["n01_10"][0])
    with pytest.raises(DataError, match="as_stored or channels_last"):
        dirs.read_features(root, axes="channels_first")  # type: ignore[arg-type]
    place(root / "odd" / "a.mat", np.zeros((1, 2, 3)))
    with pytest.raises(DataError, match="no channels to bring last"):
        dirs.read_features(root, layers=["odd"], axes="channels_last")


def test_memory_maps_hold_the_same(root: Path, tmp_path: Path) -> None:
    inside = dirs.read_features(root)
    mapped = dirs.read_features(root, into=tmp_path / "maps")
    for layer, values in inside.layers.items():
        base = mapped.layers[layer]
        assert isinstance(base.base, np.memmap) or isinstance(base, np.memmap)
        assert np.array_equal(base, values)
    with pytest.raises(DataError, match="is there already"):
        dirs.read_features(root, into=tmp_path / "maps")


def test_several_roots(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "more"
    for layer, array in {"conv1_1": CONV["n01_9"] + 1, "fc6": FC["n01_9"] + 1}.items():
        place(other / layer / "a_1.mat", array)
    found = dirs.read_features([root, other])
    assert found.stimuli == ("n01_10", "n01_9", "n02_2", "a_1")
    assert np.array_equal(found.layers["fc6"][3], FC["n01_9"][0] + 1)
    place(other / "conv1_1" / "n01_9.mat", CONV["n01_9"])
    place(other / "fc6" / "n01_9.mat", FC["n01_9"])
    with pytest.raises(LabelMismatch, match="'n01_9' in an earlier folder too"):
        dirs.read_features([root, other])
    place(other / "fc7" / "n01_9.mat", FC["n01_9"])
    with pytest.raises(LabelMismatch, match=r"layers differ from those of .*: fc7"):
        dirs.read_features([root, other])


def test_layers_with_different_labels_are_an_error_that_names_them(root: Path) -> None:
    (root / "fc6" / "n01_9.mat").rename(root / "fc6" / "n01_09.mat")
    with pytest.raises(LabelMismatch, match="'n01_9' only in 'conv1_1' and 'n01_09' only in 'fc6'"):
        dirs.read_features(root)


def test_feature_index_picks_units_in_c_order(root: Path, tmp_path: Path) -> None:
    index = {"conv1_1": np.array([5, 0, 23]), "fc6": np.array([[1], [2]])}
    mat.write_mat(tmp_path / "feature_index.mat", {"index": index}, "7.3")
    found = dirs.read_features(root, index_file=tmp_path / "feature_index.mat")
    assert np.array_equal(found.layers["conv1_1"][0], CONV["n01_10"].ravel()[[5, 0, 23]])
    assert np.array_equal(found.layers["fc6"][1], FC["n01_9"].ravel()[[1, 2]])
    mat.write_mat(tmp_path / "feature_index.mat", {"index": {"conv1_1": np.array([24])}}, "5")
    with pytest.raises(DataError, match="no unit 24 among 24"):
        dirs.read_features(root, layers=["conv1_1"], index_file=tmp_path / "feature_index.mat")
    with pytest.raises(DataError, match="feature index: no layer 'fc6'"):
        dirs.read_features(root, layers=["fc6"], index_file=tmp_path / "feature_index.mat")
    for wrong in ({"index": np.arange(3)}, {"index": {"fc6": np.array([0.5])}}, {"index": {"fc6": "text"}}):
        mat.write_mat(tmp_path / "feature_index.mat", wrong, "7.3")
        with pytest.raises(DamagedFile, match=r"feature_index\.mat"):
            dirs.read_index(tmp_path / "feature_index.mat")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 6), dtype=np.float32), "the first axis is the sample"),
        (np.zeros((1, 7), dtype=np.float32), "holds float32 of shape"),
        (np.zeros((1, 6)), "float64 of shape"),
        (np.zeros(6, dtype=np.float32), "the first axis is the sample"),
        ("text", "no array of numbers"),
    ],
)
def test_a_file_that_is_not_like_the_others(root: Path, array: Any, message: str) -> None:
    mat.write_mat(root / "fc6" / "n02_2.mat", {"feat": array}, "7.3")
    with pytest.raises(DataError, match=message):
        dirs.read_features(root, layers=["fc6"])


def test_missing_key_truncated_and_empty(root: Path) -> None:
    path = root / "fc6" / "n02_2.mat"
    mat.write_mat(path, {"features": FC["n02_2"]})
    with pytest.raises(DataError, match="no variable 'feat'"):
        dirs.read_features(root)
    place(path, FC["n02_2"])
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(DamagedFile, match=r"n02_2\.mat"):
        dirs.read_features(root)
    for file in (root / "fc6").glob("n*.mat"):
        file.unlink()
    with pytest.raises(DataError, match=r"no \.mat files"):
        dirs.read_features(root, layers=["fc6"])
    with pytest.raises(DataError, match="no such folder"):
        dirs.read_features(root / "nothing")


@pytest.mark.parametrize("axes", ["as_stored", "channels_last"])
@pytest.mark.parametrize("sparse", [False, True])
def test_features_are_written_as_they_are_read(root: Path, tmp_path: Path, axes: Any, sparse: bool) -> None:
    first = dirs.read_features(root, axes=axes)
    dirs.write_features(tmp_path / "new", first, axes, sparse)
    assert np.array_equal(read_stored(tmp_path / "new" / "conv1_1" / "n01_9.mat", "feat"), CONV["n01_9"])
    again = dirs.read_features(tmp_path / "new", axes=axes)
    assert again.stimuli == first.stimuli
    for layer, values in first.layers.items():
        assert np.array_equal(again.layers[layer], values)


@pytest.mark.parametrize("label", ["a/b", "..", ".hidden", "a\\b", "x" * 300])
def test_a_label_that_is_no_file_name_is_not_changed(tmp_path: Path, label: str) -> None:
    features = Features({"fc6": np.zeros((2, 3), dtype=np.float32)}, ("a", label))
    with pytest.raises(DataError, match="cannot be the name of a file"):
        dirs.write_features(tmp_path, features)
    assert not (tmp_path / "fc6").exists(), "nothing is written"


# the sparse form


def test_sparse_form_of_other_shapes(tmp_path: Path) -> None:
    for array in (np.array([0, 2.0, 0, -1]), np.zeros((2, 3), np.float32), np.eye(3) * 7):
        write_stored(tmp_path / "a.mat", "W", array, sparse=True)
        found = read_stored(tmp_path / "a.mat", "W")
        assert found.dtype == array.dtype
        assert np.array_equal(found, array)


def sparse(**changes: Any) -> dict[str, Any]:
    content = {
        SPARSE: np.bool_(True), "index": [np.array([0, 1]), np.array([2, 0])],
        "value": np.array([[3.0, -1.0]]), "shape": np.array([[2, 3]]), "background": np.array([[0.5]]),
    }  # fmt: skip
    content |= changes
    return {"feat": {key: value for key, value in content.items() if value is not None}}


def test_sparse_form_as_matlab_and_others_write_it(tmp_path: Path) -> None:
    mat.write_mat(tmp_path / "a.mat", sparse(), "7.3")
    assert read_stored(tmp_path / "a.mat", "feat").tolist() == [[0.5, 0.5, 3], [-1, 0.5, 0.5]]
    mat.write_mat(tmp_path / "a.mat", sparse(index=np.array([[0, 1], [2, 0]])), "7.3")
    assert read_stored(tmp_path / "a.mat", "feat").tolist() == [[0.5, 0.5, 3], [-1, 0.5, 0.5]]


@pytest.mark.parametrize(
    "changes",
    [
        {"index": None},
        {"value": None},
        {"value": "text"},
        {"shape": "text"},
        {"shape": np.array([2.5, 3])},
        {"shape": np.array([-2, 3])},
        {"shape": np.array([2])},
        {"shape": np.array([2, 2])},
        {"index": [np.array([0, -1]), np.array([2, 0])]},
        {"index": [np.array([0]), np.array([2, 0])]},
        {"index": [np.array([0, 0.5]), np.array([2, 0])]},
        {"background": np.array([1, 2.0])},
        {"shape": np.array([10**9, 10**9])},
        {"value": np.array([1.0])},
    ],
)
def test_a_sparse_form_that_does_not_fit_together(tmp_path: Path, changes: dict[str, Any]) -> None:
    mat.write_mat(tmp_path / "a.mat", sparse(**changes), "7.3")
    with pytest.raises(DataError, match=r"a\.mat"):
        read_stored(tmp_path / "a.mat", "feat")


# statistics


def test_statistics_through_the_safe_unpickler(tmp_path: Path) -> None:
    content = {("mean", "fc6"): FC["n01_9"], ("std, ddof=1", "fc6", "S1", "VC", None): FC["n02_2"]}
    (tmp_path / "statistics.pkl").write_bytes(pickle.dumps(content))
    found = dirs.read_statistics(tmp_path / "statistics.pkl")
    assert list(found) == [("mean", "fc6"), ("std, ddof=1", "fc6", "S1", "VC", "")]
    assert np.array_equal(found["mean", "fc6"], FC["n01_9"])


class Payload:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.trace), "w"))


def test_hostile_and_wrong_statistics(tmp_path: Path) -> None:
    path = tmp_path / "statistics.pkl"
    path.write_bytes(pickle.dumps({("mean", "fc6"): Payload(tmp_path / "ran")}))
    with pytest.raises(DamagedFile):
        dirs.read_statistics(path)
    assert not (tmp_path / "ran").exists()
    for wrong in ([1, 2], {"mean": FC["n01_9"]}, {("mean", 3): FC["n01_9"]}, {("mean", "fc6"): "text"}):
        path.write_bytes(pickle.dumps(wrong))
        with pytest.raises(DamagedFile, match=r"statistics\.pkl"):
            dirs.read_statistics(path)


# decoded features


def decoded(labels: list[str], averaged: Any = None) -> Decoded:
    layers = {
        "conv1_1": RNG.standard_normal((len(labels), 3, 2, 4)),
        "fc6": RNG.standard_normal((len(labels), 6)),
    }
    return Decoded(layers, tuple(labels), None, "VGG19", "S1", "VC", averaged)


def same(first: Features, second: Features) -> bool:
    return first.stimuli == second.stimuli and all(
        np.array_equal(values, second.layers[layer]) for layer, values in first.layers.items()
    )


def test_modern_decoded_features(tmp_path: Path) -> None:
    given = decoded(["Img0001", "Img0002"], averaged=(24, 24))
    paths = dirs.write_decoded(tmp_path, given)
    assert paths[0] == tmp_path / "conv1_1" / "S1" / "VC" / "Img0001.mat"
    assert mat.describe(paths[0])["feat"] == ("f8", (1, 3, 2, 4))
    found = dirs.read_decoded(tmp_path, "S1", "VC", averaged=(24, 24))
    assert same(given, found)
    assert (found.subject, found.roi, found.averaged) == ("S1", "VC", (24, 24))
    with pytest.raises(DataError, match="no folder 'S2'"):
        dirs.read_decoded(tmp_path, "S2", "VC")
    with pytest.raises(DataError, match="no folder 'V1'"):
        dirs.read_decoded(tmp_path, "S1", "V1")
    inner = tmp_path / "fc6" / "S1" / "VC"
    (inner / "decoded_features").mkdir()
    for path in inner.glob("*.mat"):
        path.rename(inner / "decoded_features" / path.name)
    assert same(given, dirs.read_decoded(tmp_path, "S1", "VC")), "the folder decoded_features is found"


def test_original_decoded_features(tmp_path: Path) -> None:
    given = decoded(["Img0001", "Img-0002"])
    paths = dirs.write_decoded(tmp_path, given, "original", prefix="natural-VGG19_leaky")
    name = "natural-VGG19_leaky-conv1_1-S1-VC-Img0001.mat"
    assert paths[0] == tmp_path / "conv1_1" / "S1" / "VC" / name
    assert same(given.select(["Img-0002", "Img0001"]), dirs.read_decoded(tmp_path, "S1", "VC"))
    assert dirs.read_decoded(tmp_path, "S1", "VC", convention="modern", layers=["fc6"]).stimuli[0] == (
        "natural-VGG19_leaky-fc6-S1-VC-Img-0002"
    )
    scipy.io.savemat(paths[0], {"feat": given.layers["conv1_1"][0]})  # without the axis of the sample
    assert same(given.select(["Img-0002", "Img0001"]), dirs.read_decoded(tmp_path, "S1", "VC"))
    paths[1].rename(paths[1].with_name("color_shape-VGG19_leaky-conv1_1-S1-VC-Img-0002.mat"))
    with pytest.raises(LabelMismatch, match="lie together"):
        dirs.read_decoded(tmp_path, "S1", "VC")
    paths[0].rename(paths[0].with_name("Img0001.mat"))
    with pytest.raises(LabelMismatch, match="'Img0001' is not named <type>-<net>-conv1_1-S1-VC-<label>"):
        dirs.read_decoded(tmp_path, "S1", "VC")


def test_folds_of_a_cross_validation(tmp_path: Path) -> None:
    one, two = decoded(["a", "c"]), decoded(["b"])
    dirs.write_decoded(tmp_path, one, fold="1")
    dirs.write_decoded(tmp_path, two, fold="2")
    assert (tmp_path / "fc6" / "S1" / "VC" / "2" / "decoded_features" / "b.mat").is_file()
    assert folds(tmp_path, "fc6", "S1", "VC") == {"1": ["a", "c"], "2": ["b"]}
    together = dirs.read_decoded(tmp_path, "S1", "VC")
    assert together.stimuli == ("a", "b", "c")
    assert same(one, together.select(["a", "c"]))
    assert same(two, dirs.read_decoded(tmp_path, "S1", "VC", fold="2"))
    with pytest.raises(DataError, match="no fold '3'"):
        dirs.read_decoded(tmp_path, "S1", "VC", fold="3")
    dirs.write_decoded(tmp_path, one, fold="2")
    with pytest.raises(LabelMismatch, match="'a' was decoded in two folds"):
        dirs.read_decoded(tmp_path, "S1", "VC")


def test_single_trials_keep_their_names(tmp_path: Path) -> None:
    dirs.write_decoded(tmp_path, decoded(["sample000001-Img0002", "sample000002-Img0001"]))
    found = dirs.read_decoded(tmp_path, "S1", "VC", axes="channels_last")
    assert found.categories == ("Img0002", "Img0001")
    assert found.averaged == (1, 1)
    assert found.layers["conv1_1"].shape == (2, 2, 4, 3)
    assert trial_label("sample-1") is None


def test_what_has_no_place_is_not_written(tmp_path: Path) -> None:
    nameless = Decoded({"fc6": np.zeros((1, 2))}, ("a",))
    with pytest.raises(DataError, match="without subject and ROI"):
        dirs.write_decoded(tmp_path, nameless)
    with pytest.raises(DataError, match="has a prefix"):
        dirs.write_decoded(tmp_path, decoded(["a"]), "original")
    assert not list(tmp_path.iterdir())
