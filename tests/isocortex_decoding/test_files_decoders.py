"""Decoder directories and the small files beside the networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isocortex.errors import DamagedFile, DataError
from isocortex.formats import mat
from isocortex_decoding.files.decoder_dirs import read_decoder, write_decoder
from isocortex_decoding.files.side_files import (
    channel_means,
    read_feature_sd,
    read_mean_image,
)

RNG = np.random.default_rng(1)


def parts(units: tuple[int, ...]) -> dict[str, Any]:
    weights = RNG.standard_normal((5, *units)) * (RNG.random((5, *units)) < 0.4)
    return {
        "weights": weights, "bias": RNG.standard_normal(units),
        "x_mean": RNG.standard_normal(5), "x_norm": RNG.random(5) + 0.5,
        "y_mean": RNG.standard_normal(units), "y_norm": RNG.random(units) + 0.5,
    }  # fmt: skip


def by_hand(given: dict[str, Any], voxels: Any) -> Any:
    scaled = (voxels - given["x_mean"]) / given["x_norm"]
    return (np.tensordot(scaled, given["weights"], 1) + given["bias"]) * given["y_norm"] + given["y_mean"]


@pytest.mark.parametrize("units", [(4,), (3, 2, 2), (1, 2, 2), (12, 1, 1)])
def test_a_written_decoder_predicts_as_by_hand(tmp_path: Path, units: tuple[int, ...]) -> None:
    given, voxels = parts(units), RNG.standard_normal((7, 5))
    write_decoder(tmp_path / "model", **given, dtype=np.float64)
    found = read_decoder(tmp_path / "model")
    assert (found.n_voxels, found.unit_shape) == (5, units)
    assert np.allclose(found.predict(voxels), by_hand(given, voxels), rtol=1e-12)
    assert (tmp_path / "model" / "W").is_dir() == (len(units) > 1)
    with pytest.raises(DataError, match="there is a decoder already"):
        write_decoder(tmp_path / "model", **given)
    with pytest.raises(DataError, match="voxels for a decoder of 5"):
        found.predict(voxels[:, :4])


def test_constant_voxels_count_for_nothing_and_constant_units_stay_at_their_mean(tmp_path: Path) -> None:
    given, voxels = parts((4,)), RNG.standard_normal((7, 5))
    given["x_norm"][2], given["y_norm"][1] = 0, 0
    write_decoder(tmp_path / "model", **given, dtype=np.float64)
    found = read_decoder(tmp_path / "model").predict(voxels)
    given["weights"][2], given["x_norm"][2] = 0, 1
    expected = by_hand(given, voxels)
    assert np.allclose(found, expected)
    assert np.array_equal(found[:, 1], np.full(7, given["y_mean"][1]))


def test_an_unfinished_decoder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    write_decoder(folder, **parts((4,)))
    (folder / "info.yaml").write_text("_status: {computation_id: x, computation_status: running}\n")
    with pytest.raises(DataError, match=r"was not finished .*'running'"):
        read_decoder(folder)
    (folder / "info.yaml").write_text("alpha: 100\n")
    with pytest.raises(DataError, match="was not finished"):
        read_decoder(folder)
    for text in ("", "[1, 2]", "_status: done"):
        (folder / "info.yaml").write_text(text)
        with pytest.raises(DataError, match="was not finished"):
            read_decoder(folder)
    for content in (b"a: [", b"\xff\xfe\x00", b"!!python/object/apply:os.system ['true']"):
        (folder / "info.yaml").write_bytes(content)
        with pytest.raises(DamagedFile, match="not a YAML file"):
            read_decoder(folder)
    (folder / "info.yaml").unlink()
    with pytest.raises(DataError, match=r"no info\.yaml"):
        read_decoder(folder)


def spoil(folder: Path, name: str, key: str, value: Any) -> None:
    mat.write_mat(folder / name, {key: value}, "7.3")


@pytest.mark.parametrize(
    ("name", "key", "value", "message"),
    [
        ("x_mean.mat", "x_mean", np.zeros((1, 6)), "x_mean of shape"),
        ("x_mean.mat", "x_mean", np.zeros((2, 5)), "first axis has length 1"),
        ("x_mean.mat", "mean", np.zeros((1, 5)), "no variable 'x_mean'"),
        ("y_norm.mat", "y_norm", np.zeros((1, 3, 2, 1)), "y_mean of shape"),
        ("W/00000001.mat", "W", np.zeros((4, 1, 2, 2)), "W of shape"),
        ("b/00000001.mat", "b", np.zeros((1, 2, 2, 2)), "b of shape"),
        ("W/00000003.mat", "W", np.zeros((5, 1, 2, 2)), "do not have the same chunks"),
    ],
)
def test_files_that_do_not_belong_together(
    tmp_path: Path, name: str, key: str, value: Any, message: str
) -> None:
    write_decoder(tmp_path, **parts((3, 2, 2)))
    spoil(tmp_path, name, key, value)
    with pytest.raises(DataError, match=message):
        read_decoder(tmp_path).predict(np.zeros((1, 5)))


def test_missing_chunks_and_files(tmp_path: Path) -> None:
    write_decoder(tmp_path / "a", **parts((3, 2, 2)))
    for sub in ("W", "b"):
        (tmp_path / "a" / sub / "00000002.mat").unlink()
    with pytest.raises(DamagedFile, match="2 chunks of weights for 3 channels"):
        read_decoder(tmp_path / "a")
    write_decoder(tmp_path / "b", **parts((3,)))
    (tmp_path / "b" / "b.mat").unlink()
    with pytest.raises(DataError, match="no such file"):
        read_decoder(tmp_path / "b")
    (tmp_path / "b" / "y_mean.mat").write_bytes(b"x")
    with pytest.raises(DamagedFile, match=r"y_mean\.mat"):
        read_decoder(tmp_path / "b")


def test_a_decoder_of_wrong_shapes_is_not_written(tmp_path: Path) -> None:
    given = parts((4,))
    for name, value in {"weights": np.zeros((4, 4)), "bias": np.zeros(3), "x_norm": np.zeros(4)}.items():
        with pytest.raises(DataError, match=name):
            write_decoder(tmp_path / "model", **{**given, name: value})
    assert not (tmp_path / "model").exists()


# side files


def test_feature_sds_of_layers_and_channels(tmp_path: Path) -> None:
    content = {"fc8": np.array([[2.6282]], dtype=np.float32), "conv1_1": np.array([[1.0, 2, 3]])}
    mat.write_mat(tmp_path / "sd.mat", content)
    found = read_feature_sd(tmp_path / "sd.mat")
    assert found["fc8"].shape == ()
    assert round(float(found["fc8"]), 4) == 2.6282
    assert found["conv1_1"].tolist() == [1, 2, 3]
    wrongs = ({"a": np.array([[-1.0]])}, {"a": np.array([[np.nan]])}, {"a": "x"}, {"a": np.zeros((0, 0))}, {})
    for wrong in wrongs:
        mat.write_mat(tmp_path / "sd.mat", wrong)
        with pytest.raises(DamagedFile, match=r"sd\.mat"):
            read_feature_sd(tmp_path / "sd.mat")


def test_the_mean_image(real_data: Path, tmp_path: Path) -> None:
    path = real_data / "kamitani" / "ilsvrc_2012_mean.npz"
    if not path.is_file():
        pytest.skip("no mean image")
    mean = read_mean_image(path)
    assert np.allclose(channel_means(mean), [104.007, 116.669, 122.679], atol=1e-3)
    np.save(tmp_path / "mean.npy", mean.astype(np.float64))
    assert np.array_equal(read_mean_image(tmp_path / "mean.npy"), mean)
    for wrong in (mean[:2], mean[0], mean * 3, mean - 200, mean.astype(np.uint8)):
        np.save(tmp_path / "mean.npy", wrong)
        with pytest.raises(DamagedFile, match=r"mean\.npy"):
            read_mean_image(tmp_path / "mean.npy")
    np.savez(tmp_path / "two.npz", a=mean, b=mean)
    with pytest.raises(DataError, match="holds 2 arrays"):
        read_mean_image(tmp_path / "two.npz")
