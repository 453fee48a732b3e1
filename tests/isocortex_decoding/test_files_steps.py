"""The lab's files as steps."""

from __future__ import annotations

import inspect
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import lab_files as lab
import numpy as np
import pytest

from isocortex.data import Decoded, Features
from isocortex.errors import DataError
from isocortex.pipeline.costs import Unknown, costs_of
from isocortex.testing import check_step
from isocortex_decoding.files import feature_dirs as dirs
from isocortex_decoding.steps import file_costs
from isocortex_decoding.steps import lab_files as steps


@pytest.mark.parametrize(
    "step", [steps.load_bdata, steps.preprocess_bdata, steps.load_feature_folders, steps.load_decoded_folders]
)
def test_they_are_sound_steps(step: Any) -> None:
    check_step(step)


def test_load_bdata(tmp_path: Path) -> None:
    path = lab.make_bdata(tmp_path / "a.h5")
    content = lab.bdata_content()
    found = steps.load_bdata(path, "ROI_V1 = 1", category_key="category_index", order="file")
    assert np.array_equal(found.values, content["data"][:, :5])
    assert found.stimuli == lab.NAMES * 2
    assert found.space is None
    part = steps.load_bdata(
        path, "ROI_V1", "stimulus_id", where={"category_index": [1, 2], "Run": [2]}, order="file"
    )
    assert np.array_equal(part.values, content["data"][4:6, :5])
    assert part.stimuli == lab.NAMES[:2]
    assert steps.load_bdata(path, "ROI_V1").space is not None
    with pytest.raises(DataError, match=r"no sample has 9 under 'Run'; there are 1, 2"):
        steps.load_bdata(path, "ROI_V1", where={"Run": [9]})


def test_samples_without_a_label_outside_of_what_is_wanted_do_not_matter(tmp_path: Path) -> None:
    content = lab.bdata_content()
    content["data"][2, 16] = np.nan
    path = lab.write_bdata(tmp_path / "a.h5", content)
    assert steps.load_bdata(path, "ROI_V1", where={"Run": [2]}).n_samples == 4
    with pytest.raises(DataError, match="1 of the samples have no label"):
        steps.load_bdata(path, "ROI_V1", where={"Run": [1]})
    assert steps.load_bdata(path, "ROI_V1", where={"Run": [1]}, missing="drop").n_samples == 3
    assert steps.load_bdata(path, "ROI_V1", where={"Run": [1]}, missing="keep").n_samples == 4


def raw_runs(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """Two runs of 14 volumes: rest 4, blocks A A' B of 2 (A' repeats A), rest 4; block numbers throughout."""
    content = lab.bdata_content(n_runs=7)
    data = content["data"]
    data[:, 12], data[:, 13] = 1, np.repeat([1, 2], 14)
    label = [np.nan] * 4 + [1, 1, 1, 1, 2, 2] + [np.nan] * 4
    block = [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 5, 5]
    data[:, 14] = np.concatenate([block, np.array(block) + 5])
    data[:, 16] = label * 2
    data[:, :12] += np.arange(28)[:, None]
    return lab.write_bdata(tmp_path / "raw.h5", content), content


def test_preprocess_bdata(tmp_path: Path) -> None:
    path, content = raw_runs(tmp_path)
    found = steps.preprocess_bdata(
        path, "ROI_V1", shift=1, outliers=0, normalise="subtract_mean", order="file"
    )
    assert found.patterns.stimuli == (lab.NAMES[0], lab.NAMES[1]) * 2
    assert found.patterns.runs == ("1-1", "1-1", "1-2", "1-2")
    expected = []
    for run in range(2):
        rows = content["data"][run * 14 : (run + 1) * 14]
        values = rows[1:, :5]
        design = np.column_stack([np.ones(13), np.arange(13), rows[1:, -2:]])
        left = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
        expected += [left[4:6].mean(axis=0), left[8:10].mean(axis=0)]
    assert np.allclose(found.patterns.values, expected, atol=1e-9)
    grid = steps.preprocess_bdata(path, "ROI_V1", shift=1, outliers=0, normalise="subtract_mean")
    assert grid.patterns.space is not None
    assert np.allclose(np.sort(grid.patterns.values, axis=1), np.sort(expected, axis=1), atol=1e-9)


def test_preprocess_bdata_without_motion_or_blocks_and_where(tmp_path: Path) -> None:
    path, _ = raw_runs(tmp_path)
    plain = steps.preprocess_bdata(
        path, "ROI_V1", regressors="none", block_key="none", shift=0, block_length=2
    )
    assert plain.patterns.stimuli == (lab.NAMES[0], lab.NAMES[1]) * 2
    assert "regressors" not in plain.record["settings"][0]
    some = steps.preprocess_bdata(path, "ROI_V1", shift=0, where={"Run": [2]})
    assert some.patterns.runs == ("1-2", "1-2")
    whole = steps.preprocess_bdata(path, "ROI_V1", shift=0)
    assert np.array_equal(some.patterns.values, whole.patterns.values[2:])


def test_preprocess_bdata_errors(tmp_path: Path) -> None:
    path, content = raw_runs(tmp_path)
    with pytest.raises(DataError, match="no key 'Motion'"):
        steps.preprocess_bdata(path, "ROI_V1", regressors="Motion")
    with h5py.File(path, "r+") as file:
        file["dataset"][3, 14] = 0.5
    with pytest.raises(DataError, match="block numbers under 'Block' are not whole"):
        steps.preprocess_bdata(path, "ROI_V1")
    content["data"][5, -1] = np.nan
    path = lab.write_bdata(tmp_path / "b.h5", content)
    with pytest.raises(DataError, match="regressor 2 is not a number"):
        steps.preprocess_bdata(path, "ROI_V1")
    del content["metadata"]["Run"], content["metadata"]["Session"]
    path = lab.write_bdata(tmp_path / "c.h5", content)
    with pytest.raises(DataError, match="there are no runs"):
        steps.preprocess_bdata(path, "ROI_V1")


def features() -> Features:
    rng = np.random.default_rng(0)
    layers = {"conv1": rng.standard_normal((3, 2, 3, 4)), "fc6": rng.standard_normal((3, 5))}
    return Features(layers, ("n1_1", "n1_2", "n2_1"))


@pytest.mark.parametrize("limit", [2**29, 0])
def test_feature_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    import tempfile

    monkeypatch.setattr(file_costs, "IN_MEMORY", limit)
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(room))
    given = features()
    dirs.write_features(tmp_path / "true", given, "channels_last")
    found = steps.load_feature_folders(tmp_path / "true", categories="synset", model="vgg19")
    assert found.categories == ("n1", "n1", "n2")
    assert not list(room.iterdir()), "nothing is left behind"
    for layer, values in given.layers.items():
        assert np.array_equal(found.layers[layer], values)
    out = tmp_path / "saved"
    out.mkdir()
    found.save(out)
    assert np.array_equal(Features.load(out).layers["conv1"], given.layers["conv1"])


def test_feature_folders_with_more_of_them(tmp_path: Path) -> None:
    given = features()
    dirs.write_features(tmp_path / "one", given.select(["n1_1"]), "channels_last")
    dirs.write_features(tmp_path / "two", given.select(["n2_1", "n1_2"]), "channels_last")
    found = steps.load_feature_folders(tmp_path / "one", [tmp_path / "two"], labels=["n1_2", "n1_1"])
    assert np.array_equal(found.layers["conv1"], given.layers["conv1"][[1, 0]])


def test_decoded_folders(tmp_path: Path) -> None:
    plain = features()
    given = Decoded(plain.layers, plain.stimuli, None, "", "S1", "VC")
    dirs.write_decoded(tmp_path, given, axes="channels_last")
    found = steps.load_decoded_folders(tmp_path, "S1", "VC", averaged=24, model="VGG19")
    assert (found.averaged, found.model, found.subject, found.roi) == ((24, 24, 24), "VGG19", "S1", "VC")
    assert np.array_equal(found.layers["conv1"], given.layers["conv1"])
    assert steps.load_decoded_folders(tmp_path, "S1", "VC").averaged is None


def test_float32_voxels_leave_the_ids_of_images_alone(tmp_path: Path) -> None:
    path = lab.make_bdata(tmp_path / "a.h5")
    found = steps.load_bdata(path, "ROI_V1", "stimulus_id", precision="float32", order="file")
    assert found.values.dtype == np.float32
    assert np.array_equal(found.values, lab.bdata_content()["data"][:, :5].astype(np.float32))
    assert found.stimuli == lab.NAMES * 2


def outline_of(step: Any, **given: Any) -> Any:
    """What a step says of its result before it runs."""
    found = costs_of(step)
    assert found is not None
    defaults = {name: part.default for name, part in inspect.signature(step).parameters.items()}
    return found.of(
        {name: partial(lambda x: x, value) for name, value in {**defaults, **given}.items()}
    ).outputs["result"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"where": {"Run": [2]}},
        {"category_key": "category_index", "order": "file"},
        {"precision": "float32"},
    ],
)
def test_voxels_are_known_before_they_are_read(tmp_path: Path, changes: dict[str, Any]) -> None:
    given = {"file": lab.make_bdata(tmp_path / "a.h5"), "select": "ROI_V1", **changes}
    told, made = outline_of(steps.load_bdata, **given), steps.load_bdata(**given)
    assert (told["samples"], told["channels"]) == made.values.shape
    assert told["itemsize"] == made.values.itemsize and told["conditions"] == len(made.condition_names)
    assert told["stimuli"] == len(set(made.stimuli or ()))
    assert told.get("grid") == (None if made.space is None else made.space.shape)


@pytest.mark.parametrize("axes", ["as_stored", "channels_last"])
def test_features_are_known_before_they_are_read(tmp_path: Path, axes: Any) -> None:
    plain = features()
    dirs.write_features(tmp_path / "true", plain)
    dirs.write_decoded(tmp_path / "decoded", Decoded(plain.layers, plain.stimuli, None, "", "S1", "VC"))
    for step, given in (
        (steps.load_feature_folders, {"folder": tmp_path / "true", "labels": ["n1_1", "n2_1"]}),
        (steps.load_decoded_folders, {"folder": tmp_path / "decoded", "subject": "S1", "roi": "VC"}),
    ):
        told, made = outline_of(step, axes=axes, **given), step(axes=axes, **given)
        assert told["samples"] == made.n_samples
        assert told["layers"] == {name: values.shape[1:] for name, values in made.layers.items()}
        assert told["itemsize"] == max(values.itemsize for values in made.layers.values())
    with pytest.raises(Unknown, match="index_file"):
        outline_of(steps.load_feature_folders, folder=tmp_path / "true", index_file=tmp_path / "index.mat")


PIPELINE = """
name: lab-files
steps:
  raw: {use: tested_preprocess_bdata, with: {file: raw.h5, select: ROI_V1, shift: 1, precision: float32}}
  whole: {use: tested_load_bdata, with: {file: raw.h5, select: "ROI_*", missing: drop}}
  means: {use: tested_average_samples, from: raw.patterns}
  truth: {use: tested_load_feature_folders, with: {folder: features, categories: synset}}
  decoded: {use: tested_load_decoded_folders, with: {folder: decoded, subject: S1, roi: VC, averaged: 2}}
"""


def test_in_a_pipeline(tmp_path: Path) -> None:
    import isocortex as ic
    from isocortex_decoding.steps.preprocess import average_samples

    class Steps:
        @ic.hookimpl
        def register_steps(self, register: Any) -> None:
            for step in (
                steps.preprocess_bdata, steps.load_bdata, average_samples, steps.load_feature_folders,
                steps.load_decoded_folders,
            ):  # fmt: skip
                register(f"tested_{step.__name__}", step)

    raw_runs(tmp_path)
    given = features()
    dirs.write_features(tmp_path / "features", given, "channels_last")
    dirs.write_decoded(tmp_path / "decoded", Decoded(given.layers, given.stimuli, None, "", "S1", "VC"))
    (tmp_path / "p.yaml").write_text(PIPELINE)
    run = ic.run(tmp_path / "p.yaml", out=tmp_path / "out", plugins=[Steps()])
    assert run["means.patterns"].stimuli == lab.NAMES[:2]
    assert run["means.counts"]["samples"].tolist() == [2, 2]
    assert run["raw.patterns"].values.dtype == np.float32
    assert run["whole"].n_samples == 12
    assert run["truth"].categories == ("n1", "n1", "n2")
    assert run["decoded"].averaged == (2, 2, 2)
