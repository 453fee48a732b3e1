"""Study A's published procedure (notebooks 03 to 06-2), written out, on a made ``Sample_Data``."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import isocortex_pipelines
import numpy as np
import pytest
import yaml
from against_notebooks import at, compare, layer_rdms
from notebooks import CODES, LAYERS, LOWER, UPPER, activities, code_matrices, layer_rdm, maps_of
from scipy.stats import spearmanr

import isocortex as ic
from isocortex.data import Figure, StatMaps, Table

pytestmark = pytest.mark.slow


def settings(folder: Path) -> dict[str, Any]:
    return {
        "root": folder,
        "pictures_root": folder,
        "trained": folder / "net-55.ckpt.index",
        "network": {"image_size": 224, "width": 1 / 32},
    }


PICTURES = (
    "training", "confusions", "preferred", "preferred_images", "embedded", "embedding", "layer_figure",
    "code_figure", "cosine_bars", "layer_picture", "code_picture",
)  # fmt: skip
"""Steps that no number of the study comes from."""


@pytest.fixture(scope="module")
def results(sample_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline's results under its preset, without pictures."""
    folder = tmp_path_factory.mktemp("runs")
    document = yaml.safe_load((Path(isocortex_pipelines.__file__).parent / "digits-objects.yaml").read_text())
    for step in PICTURES:
        del document["steps"][step]
    document["report"] = ["layer_test.summary", "code_test.summary", "region_bars"]
    for unused in ("schedule", "maximisation_quirks"):
        del document["parameters"][unused]
        for preset in document["presets"].values():
            preset.pop(unused, None)
    (folder / "numbers.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the quirks warn, as they should: see the test of the warnings
        ic.run(folder / "numbers.yaml", folder / "out", settings(sample_data), preset="lee2023")
    return folder / "out"


@pytest.fixture(scope="module")
def published(sample_data: Path, results: Path) -> dict[str, Any]:
    """What the notebooks give; the maps from the pipeline's layer RDMs (which have a test of their own)."""
    return maps_of(np.load(sample_data / "Sample_fMRI_data.npz")["beta"], layer_rdms(results))


@pytest.fixture(scope="module")
def compared(results: Path, published: dict[str, Any]) -> Any:
    return compare(results, published)


@pytest.mark.parametrize(
    ("quantity", "least", "close"),
    [
        ("searchlights", 2000, 1e-11),
        ("rho of layers", 30_000, 1e-9),
        ("rho of codes", 10_000, 1e-9),
        ("layers where p <= .05", 500, 1e-9),
        ("codes where p <= .05", 500, 1e-9),
        ("map of layers", 100, 0),
        ("cosine of layers and codes", 75, 1e-12),
        ("bars of the codes' regions", 60, 1e-10),
        ("their whiskers (SD / N)", 60, 1e-10),
    ],
)
def test_published_quantity(compared: Any, quantity: str, least: int, close: float) -> None:
    found = compared[quantity]
    assert found.count >= least and found.largest <= close and found.disagree == 0


def test_the_quirks_are_in_the_data(sample_data: Path, results: Path, published: dict[str, Any]) -> None:
    """Members that are no centres, centres that are no members; every layer and code has voxels to show."""
    beta = published["beta"]
    total = beta.sum(axis=3)
    assert ((total != 0) & (beta == 0).any(axis=3)).sum() > 20
    assert ((beta != 0).all(axis=3) & (total == 0)).any()
    maps = StatMaps.load(results / "layer_maps" / "subject=Sample" / "maps")
    np.testing.assert_array_equal(maps.space.mask, (beta != 0).all(axis=3))
    affine = [[3, 0, 0, -94.5], [0, 3, 0, -130.5], [0, 0, 3, -76.5]]
    np.testing.assert_array_equal(maps.space.affine[:3], affine)
    number = StatMaps.load(results / "layer_map" / "number").values
    assert len(np.unique(number[number > 0])) > 5
    for step in ("layer", "code"):
        shown = StatMaps.load(results / f"{step}_test" / "thresholded")
        assert np.isfinite(shown.values).sum(axis=1).min() > 5


def test_layer_rdms(sample_data: Path, sample_layers: dict[str, Any], published: dict[str, Any]) -> None:
    with np.load(sample_data / "Val_data.npz") as file:
        pictures, codes = file["val_X"], file["val_y"].argmax(axis=1)
    for number, activity in enumerate(activities(sample_layers, pictures)):
        expected = layer_rdm(activity, codes)
        assert np.abs(published["layers"][number] - expected).max() < 1e-5, LAYERS[number]


def test_rho_and_p_are_those_of_scipy(results: Path, published: dict[str, Any]) -> None:
    for step, models, triangle, neural in (
        ("layer", published["layers"], UPPER, published["neural"]),
        ("code", np.stack(list(code_matrices().values())), LOWER, published["turned"]),
    ):
        maps, p = (
            at(StatMaps.load(results / place), published["centres"])
            for place in (f"{step}_maps/subject=Sample/maps", f"{step}_test/p")
        )
        for row, place in np.random.default_rng(0).integers(0, [len(models), maps.shape[1]], (40, 2)):
            scipy = spearmanr(models[row][triangle], neural[place][triangle])
            assert maps[row, place] == pytest.approx(scipy.statistic, abs=1e-10)
            assert p[row, place] == pytest.approx(scipy.pvalue, rel=1e-6)


def test_what_the_network_says(results: Path) -> None:
    history = Table.load(results / "trained" / "history")
    assert len(history) == 1 and 0 <= history["validation_accuracy"][0] <= 1
    assert sum(sum(v for v in row.values() if isinstance(v, int)) for row in
               Table.load(results / "trained" / "confusion").rows()) == 32  # fmt: skip
    assert set(CODES) == {row["region"] for row in Table.load(results / "region_bars" / "table").rows()}
    assert "no standard error" in Figure.load(results / "region_bars" / "figure").caption


@pytest.mark.slow
def test_the_whole_pipeline_gives_the_same_and_its_pictures(
    sample_data: Path, published: dict[str, Any], tmp_path: Path
) -> None:
    short = [{"iterations": 2, "sigma": [1.0, 0.5], "step": [3.0, 1.0]}]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ic.run("digits-objects", tmp_path, {**settings(sample_data), "schedule": short}, preset="lee2023")
    assert all(found.disagree == 0 for found in compare(tmp_path, published).values())
    for step in PICTURES:
        if step not in ("preferred", "embedded"):
            assert Figure.load(tmp_path / step).alt, step
