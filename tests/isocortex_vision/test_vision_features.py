"""Features of many images: labels, order, batches, memory, pipelines."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isocortex as ic
from isocortex.data import Features, Images
from isocortex.errors import DataError, LabelMismatch, PluginError
from isocortex.pipeline.splitting import in_parts
from isocortex_vision.features.extraction import features_of
from isocortex_vision.features.steps import extract_features, precision_error
from isocortex_vision.models.vgg import VGG16

SMALL: dict[str, Any] = {"image_size": 32, "width": 1 / 16}


def images(count: int = 5) -> Images:
    values = np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3)).astype(np.uint8)
    names = [f"img{number}" for number in range(count)]
    return Images(values, names, ["a" if number % 2 else "b" for number in range(count)])


@pytest.mark.parametrize("batch", [None, 1, 2, 5, 9])
def test_features_carry_the_labels_of_the_images(batch: int | None) -> None:
    net, given = VGG16(**SMALL), images()
    found = extract_features(given, net, ["fc8", "conv1_1"], batch)
    assert list(found.layers) == ["conv1_1", "fc8"]  # forward order
    assert found.stimuli == given.stimuli and found.categories == given.categories and found.model == "vgg16"
    for name, values in net.features(given.values, ["conv1_1", "fc8"]).items():
        np.testing.assert_allclose(found.layers[name], values, rtol=1e-5, atol=1e-4)
        assert isinstance(found.layers[name], np.memmap) and found.layers[name].dtype == np.float32


def test_a_stimulus_has_its_own_features_whatever_the_order() -> None:
    given = images()
    shuffled = given.select(["img3", "img0", "img4", "img1", "img2"])
    net = VGG16(**SMALL)
    one, other = (extract_features(part, net, "conv3_*") for part in (given, shuffled))
    for name in one.layers:
        np.testing.assert_allclose(
            other.select(one.stimuli).layers[name], one.layers[name], rtol=1e-5, atol=1e-4
        )


def test_they_are_saved_and_read_back_the_same(tmp_path: Path) -> None:
    found = extract_features(images(), VGG16(**SMALL), ["conv1_1", "relu1_1"])
    found.save(tmp_path)
    again = Features.load(tmp_path)
    for name in found.layers:
        assert np.array_equal(found.layers[name], again.layers[name])


class Broken:
    """A model that does not keep its word."""

    layers = ("one", "two")
    image_size = (32, 32)

    def __init__(self, shape: tuple[int, ...] = (), lacks: str = "") -> None:
        self.shape, self.lacks = shape, lacks

    def features(self, images: Any, layers: Sequence[str]) -> dict[str, Any]:
        return {name: np.zeros(self.shape or (len(images), 3)) for name in layers if name != self.lacks}

    def loss_gradient(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


def test_a_model_of_a_stranger() -> None:
    assert features_of(images(), Broken(), "*").layers["one"].shape == (5, 3)
    with pytest.raises(PluginError, match=r"gave layer 'one' of 5 images in the shape \(4, 2\)"):
        features_of(images(), Broken((4, 2)), "*")
    with pytest.raises(PluginError, match="asked for the layer 'two'"):
        features_of(images(), Broken(lacks="two"), "*")
    with pytest.raises(DataError, match="no layer 'three'"):
        features_of(images(), Broken(), "three")
    with pytest.raises(DataError, match="no images"):
        features_of(images(0), Broken(), "*")


def test_how_far_bfloat16_is_off() -> None:
    given = images()
    exact, narrow = (
        extract_features(given, VGG16(precision=precision, **SMALL), ["conv1_1", "fc8"])
        for precision in ("float32", "bfloat16")
    )
    table = precision_error(narrow.select(given.stimuli[::-1]), exact)
    rows = {row["layer"]: row for row in table.rows()}
    assert rows["conv1_1"]["relative_error"] < 1e-6
    assert 1e-5 < rows["fc8"]["relative_error"] < 0.05 and rows["fc8"]["correlation"] > 0.99
    with pytest.raises(DataError, match="only one of the two has conv1_1"):
        precision_error(extract_features(given, VGG16(**SMALL), "fc8"), exact)


PIPELINE = """
name: layers
plugins: [pictures.py]
steps:
  pictures: {use: pictures}
  features: {use: extract_features, from: pictures, with: {model: {use: vgg16, with: {image_size: 32, width: 0.0625}}, layers: [conv*, fc8]}}
  rdms: {use: feature_rdms, from: features, with: {standardise: true, pca_variance: 0.9, average: category}}
  map: {use: embed_layers, from: features, with: {method: pca}}
"""  # noqa: E501
PICTURES = """
import numpy as np
import isocortex as ic


def pictures(rng: np.random.Generator) -> ic.Images:
    "Random pictures."
    values = rng.integers(0, 256, (6, 32, 32, 3)).astype(np.uint8)
    return ic.Images(values, list("uvwxyz"), list("aabbcc"))


@ic.hookimpl
def register_steps(register):
    register("pictures", pictures)
"""


def test_in_a_pipeline_and_reused(tmp_path: Path) -> None:
    (tmp_path / "pictures.py").write_text(PICTURES)
    (tmp_path / "layers.yaml").write_text(PIPELINE)
    run = ic.run(tmp_path / "layers.yaml", out=tmp_path / "out")
    assert run["rdms"].values.shape == (14, 3) and list(run["rdms"].conditions) == ["a", "b", "c"]
    assert not list((tmp_path / "out").rglob("*scratch*"))
    command = [sys.executable, "-m", "isocortex", "run", "layers.yaml", "--out", "out", "--dry-run"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert told.count("reuse") >= 3


def test_some_units_are_those_of_the_whole_and_the_same_for_all_images(tmp_path: Path) -> None:
    net, given, layers = VGG16(**SMALL), images(), ["conv1_1", "conv3_1", "fc8"]
    whole = extract_features(given, net, layers)
    some = extract_features(given, net, layers, units=50, batch=2)
    assert {name: values.shape[1:] for name, values in some.layers.items()} == dict.fromkeys(layers, (50,))
    for name, kept in some.units.items():
        np.testing.assert_allclose(
            some.layers[name], whole.matrix(name)[:, kept.places], rtol=1e-5, atol=1e-4
        )
    again = extract_features(given.select(["img3"]), net, ["fc8", "conv3_1"], units=50)
    assert all(again.units[name].same_as(some.units[name]) for name in again.layers)
    other = extract_features(given, net, layers, units=50, units_seed=1)
    assert not other.units["fc8"].same_as(some.units["fc8"])
    some.save(tmp_path)
    read = Features.load(tmp_path)
    assert all(read.units[name].same_as(some.units[name]) for name in layers) and "not all units" in str(
        read.summary()
    )
    cut = in_parts(extract_features, images=images(70), model=net, layers=layers, units=50)
    assert all(cut.units[name].same_as(some.units[name]) for name in layers)


def test_means_over_squares_of_maps() -> None:
    net, given = VGG16(**SMALL), images()
    whole = extract_features(given, net, ["conv1_1", "fc8"])
    for grid, square in ((1, np.s_[:, :, :]), (4, np.s_[:, 24:32, 8:16])):
        found = extract_features(given, net, ["conv1_1", "fc8"], grid=grid)
        assert found.layers["conv1_1"].shape == (5, grid, grid, 4) and found.units["conv1_1"].grid == grid
        means = whole.layers["conv1_1"][square].mean(axis=(1, 2))
        np.testing.assert_allclose(found.layers["conv1_1"][:, -1, 1 % grid], means, rtol=1e-4, atol=1e-3)
        assert "fc8" not in found.units, "a row of units is kept whole"
    with pytest.raises(DataError, match="units is 0; give 1 or more"):
        extract_features(given, net, "fc8", units=0)


def test_other_units_of_a_layer_are_never_compared_or_inverted() -> None:
    from isocortex_decoding.evaluation.matching import layers_of
    from isocortex_reconstruction.steps.reconstructing import reconstruct_images

    net, given = VGG16(**SMALL), images()
    one, other = (extract_features(given, net, "fc8", units=50, units_seed=seed) for seed in (0, 1))
    decoded = ic.Decoded(one.layers, one.stimuli, units=one.units)
    assert layers_of(decoded, [one], None, "here") == ["fc8"]
    with pytest.raises(LabelMismatch, match=r"other|another units_seed"):
        layers_of(decoded, [other], None, "here")
    with pytest.raises(LabelMismatch, match="another units_seed"):
        precision_error(one, other)
    with pytest.raises(DataError, match="holds 50 of 1000 units, and images come from whole layers alone"):
        reconstruct_images(
            decoded, net, np.random.default_rng(0), ic.get("reconstructor", "feature-inversion")
        )


@pytest.mark.slow
def test_memory_does_not_grow_with_the_images(tmp_path: Path) -> None:
    code = """
import resource, sys
import numpy as np
from isocortex.data import Images
from isocortex_vision.features.extraction import features_of
from isocortex_vision.models.vgg import VGG16
count = int(sys.argv[1])
net = VGG16(image_size=64, width=0.25)
pictures = np.broadcast_to(np.zeros((1, 64, 64, 3), np.uint8), (count, 64, 64, 3))
found = features_of(Images(pictures, [str(n) for n in range(count)]), net, "conv*", batch=16)
held = open("/proc/self/status").read()
print([int(line.split()[1]) for line in held.splitlines() if line.startswith("RssAnon")][0])
"""

    def anonymous(count: int) -> int:
        command = [sys.executable, "-c", code, str(count)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    few, many = anonymous(64), anonymous(640)
    assert many - few < 100_000  # kB; the features of 576 more images take 2.3 GB
