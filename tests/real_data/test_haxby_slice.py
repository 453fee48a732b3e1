"""``haxby-slice.yaml``: time series of a slice and a coarse brain, to decoding, RDMs, searchlights."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

import isocortex as ic

HERE = Path(__file__).parent
CATEGORIES = {"face", "house", "cat", "bottle", "scissors", "shoe", "chair", "scrambledpix"}


@pytest.fixture(scope="module")
def study(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = real_data / "haxby2001_sub001"
    if not root.is_dir():
        pytest.skip(f"no real data: {root} is not there (set ISOCORTEX_TEST_DATA)")
    out = tmp_path_factory.mktemp("haxby-slice")
    return ic.run(HERE / "haxby-slice.yaml", out=out, set={"root": str(root.resolve()), "permutations": 20})


def test_blocks(study: Any) -> None:
    volumes, blocks = study["volumes"], study["blocks.patterns"]
    assert (volumes.n_samples, volumes.n_channels) == (1452, 530)
    assert blocks.n_samples == 96 and set(blocks.conditions) == CATEGORIES
    assert len(set(zip(blocks.conditions, blocks.runs, strict=True))) == 96
    assert study["coarse_volumes"]["sub-01"].conditions == tuple(
        "n/a" if label == "rest" else label for label in volumes.conditions
    )  # the tables of events and the labels of the volumes say the same of all 1452


def test_decoding(study: Any) -> None:
    [scores] = study["decoding.scores"].rows()
    assert round(scores["accuracy"], 3) == 0.698 and (scores["n"], scores["folds"]) == (96, 12)
    [coarse] = study["coarse_decoding.scores"].rows()
    assert coarse["accuracy"] == 0.25 and coarse["voxels"] == 129
    [lda] = study["lda.scores"].rows()
    assert lda["p"] == pytest.approx(1 / 21) and lda["accuracy"] > 0.6
    assert lda["null_low"] < 0.125 < lda["null_high"] < 0.3


def test_responses_by_a_glm_as_nilearns_first_level_model(study: Any, real_data: Path) -> None:
    import nibabel
    import pandas
    from nilearn.glm.first_level import FirstLevelModel

    root = real_data / "haxby2001_sub001"
    betas = study["coarse_betas.patterns"]["sub-01"]
    assert (betas.n_samples, betas.n_channels) == (96, 129)
    mask = nibabel.load(root / "masks_25mm" / "brain.nii.gz")
    model = FirstLevelModel(2.5, hrf_model="spm", high_pass=1 / 128, mask_img=mask, signal_scaling=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # "a mask was given", which is what is meant
        events = pandas.read_csv(root / "events" / "run05_events.tsv", sep="\t")
        model.fit(nibabel.load(root / "bold_25mm" / "run05.nii.gz"), events)
    labels = list(zip(betas.conditions, betas.runs, strict=True))
    for category in ("house", "scrambledpix"):
        row = labels.index((category, "05"))
        effect = model.compute_contrast(category, output_type="effect_size").get_fdata()
        np.testing.assert_allclose(betas.values[row], effect[betas.space.mask], rtol=1e-3, atol=1e-3)
    assert study["coarse_betas.design"]["sub-01"]["inflation"].max() < 3


def test_rdms_of_runs_and_models(study: Any) -> None:
    rdms, models = study["rdms"], study["models"]
    assert len(rdms) == 12
    blocks = study["blocks.patterns"]
    own = blocks.take(np.array(blocks.runs) == "7").select(rdms["7"].conditions)
    np.testing.assert_allclose(rdms["7"].values[0], pdist(own.values, "correlation"), rtol=1e-5)
    face = models.subset(list(rdms["7"].conditions)).pick(["face"]).values[0]
    expected = spearmanr(rdms["7"].values[0], face).statistic
    [row] = [r for r in study["fit"].rows() if (r["run"], r["model"]) == ("7", "face")]
    assert row["similarity"] == pytest.approx(expected, abs=1e-6)
    [bounds] = study["ceilings.bounds"].rows()
    assert 0.3 < bounds["lower"] < bounds["upper"] < 0.7 and bounds["n"] == 12
    assert all(0 < r["p"] <= 1 and r["p_fwe"] >= r["p"] - 0.01 for r in study["test"].rows())


def test_searchlights_by_brute_force(study: Any) -> None:
    blocks, lights, maps = study["blocks.patterns"], study["lights"], study["maps"]
    means = blocks.condition_means()
    voxels = blocks.space.voxels
    assert lights.conditions == means.conditions
    models = study["models"].subset(list(means.conditions))
    rng = np.random.default_rng(0)
    for centre in rng.choice(len(lights.centres), 6, replace=False):
        place = lights.centres[centre]
        inside = ((voxels - place) ** 2).sum(axis=1) <= 4  # a disc of radius 2 voxels
        rdm = pdist(means.values[:, inside], "correlation")
        np.testing.assert_allclose(lights.values[centre], rdm, rtol=1e-4, atol=1e-5)
        column = np.flatnonzero((maps.space.voxels == place).all(axis=1))[0]
        for name, model in zip(models.names, models.values, strict=True):
            expected = spearmanr(rdm, model).statistic
            assert maps.values[maps.names.index(name), column] == pytest.approx(expected, abs=1e-4), (
                place,
                name,
            )


def test_houses_lie_nearer_to_the_middle_than_faces(study: Any) -> None:
    """Parahippocampal and fusiform cortex: where models of one category fit best, in mm from the middle."""
    maps = study["maps"]
    x = np.abs(maps.space.voxels @ maps.space.affine[:3, :3].T + maps.space.affine[:3, 3])[:, 0]
    best = {
        name: x[np.argsort(maps.values[maps.names.index(name)])[-40:]].mean() for name in ("face", "house")
    }
    assert best["house"] < best["face"]


def test_report(study: Any) -> None:
    page = (study.folder / "report.html").read_text(encoding="utf-8")
    for text in ("haxby-slice", "0.697", "scrambledpix", "Similarity (Spearman) of searchlight RDMs"):
        assert text in page, text
