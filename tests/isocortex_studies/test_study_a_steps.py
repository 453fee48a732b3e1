"""The steps of study A one by one: what they refuse, and what they do with several subjects."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import isocortex_pipelines
import numpy as np
import pytest
from scipy.stats import spearmanr
from weight_files import write_checkpoint

import isocortex as ic
from isocortex.data import Collected, Patterns, RDMs, Space, StatMaps, Table
from isocortex.errors import DataError, IsocortexError, LabelMismatch
from isocortex.formats import nifti
from isocortex.testing import check_step
from isocortex_rsa.inference import best_model_map
from isocortex_searchlight import SearchlightRDMs, searchlight_rdms, searchlight_rsa
from isocortex_studies.code_bars import code_region_bars
from isocortex_studies.code_regions import code_region_rsa
from isocortex_studies.concepts import CODES, CONDITIONS, DIGITS
from isocortex_studies.layer_bars import layer_region_bars
from isocortex_studies.layer_picture import layer_map_figure
from isocortex_studies.network_layers import known_layers
from isocortex_studies.sample_data import SampleData
from isocortex_studies.study_maps import nonzero_maps, parametric_p, study_inference
from isocortex_studies.study_network import load_trained, network_features, study_network
from isocortex_studies.study_searchlight import study_searchlight

SPACE = Space(np.ones((6, 6, 6), dtype=bool), np.diag([3.0, 3, 3, 1]))
PAIRS = 120


def models(seed: int = 0, names: tuple[str, ...] = ("early", "late")) -> RDMs:
    return RDMs(np.random.default_rng(seed).random((len(names), PAIRS)), CONDITIONS, names, "correlation")


def maps(seed: int, shift: float = 0.0) -> StatMaps:
    values = np.random.default_rng(seed).uniform(-0.4, 0.4, (2, SPACE.n_voxels)) + shift
    return StatMaps(values, ("early", "late"), SPACE, "spearman")


def subjects(*items: Any) -> Collected[Any]:
    return Collected({(f"S{number}",): item for number, item in enumerate(items)}, ("subject",))


def test_all_are_steps() -> None:
    for step in (
        study_network,
        network_features,
        nonzero_maps,
        study_searchlight,
        study_inference,
        code_region_rsa,
        code_region_bars,
        layer_region_bars,
        layer_map_figure,
    ):
        check_step(step, step.__name__)


# maps


@pytest.mark.parametrize("n_pairs", [9, 15, 120])
def test_parametric_p_is_that_of_scipy(n_pairs: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.integers(0, 12, (2, n_pairs))
        found = spearmanr(a, b)
        assert parametric_p(found.statistic, n_pairs) == pytest.approx(found.pvalue, rel=1e-9)
    assert parametric_p([1.0, -1.0], n_pairs).tolist() == [0, 0]
    assert np.isnan(parametric_p(np.nan, n_pairs))
    with pytest.raises(DataError, match="three pairs"):
        parametric_p(0.5, 2)


def test_nonzero_maps_keep_voxels_with_data() -> None:
    values = np.random.default_rng(0).normal(size=(16, SPACE.n_voxels))
    values[3, 7] = 0
    values[:, 9] = np.nan
    patterns = Patterns(values, CONDITIONS, space=SPACE)
    found = nonzero_maps(maps(0), patterns)
    kept = np.delete(np.arange(SPACE.n_voxels), [7, 9])
    np.testing.assert_array_equal(found.values, maps(0).values[:, kept])
    np.testing.assert_array_equal(found.space.voxels, SPACE.voxels[kept])
    with pytest.raises(DataError, match="lie in no space"):
        nonzero_maps(maps(0), Patterns(values, CONDITIONS))
    with pytest.raises(DataError, match="no voxel"):
        nonzero_maps(maps(0), Patterns(np.zeros_like(values), CONDITIONS, space=SPACE))


def test_a_single_subject_as_in_the_notebooks_and_a_warning() -> None:
    one = subjects(maps(1))
    with pytest.warns(UserWarning, match="take pairs of conditions for independent"):
        found = study_inference(one, models(), np.random.default_rng(0), method="lee2023_sample")
    rho = maps(1).values
    np.testing.assert_array_equal(np.isfinite(found.thresholded.values), (rho > 0) & (found.p.values <= 0.05))
    assert found.summary["significant"].tolist() == np.isfinite(found.thresholded.values).sum(axis=1).tolist()
    assert found.p.statistic == "p" and found.maps.statistic == "spearman"
    with pytest.raises(DataError, match="is for one subject, there are 2"):
        study_inference(
            subjects(maps(1), maps(2)), models(), np.random.default_rng(0), method="lee2023_sample"
        )
    with pytest.raises(DataError, match="two subjects or more, there is 1; test a single one with method"):
        study_inference(one, models(), np.random.default_rng(0))
    other = StatMaps(rho, ("early", "late"), SPACE, "cosine")
    with pytest.raises(DataError, match="Spearman's rho only; these maps hold cosine"):
        study_inference(subjects(other), models(), np.random.default_rng(0), method="lee2023_sample")


def test_a_group_is_tested_by_flips_or_as_published() -> None:
    several = subjects(*(maps(seed, 0.15) for seed in range(8)))
    from isocortex_rsa.inference.group import group_test

    found = study_inference(several, models(), np.random.default_rng(0), permutations=300)
    whole = group_test(several, np.random.default_rng(0), permutations=300)
    np.testing.assert_array_equal(found.thresholded.values, whole.thresholded.values)
    np.testing.assert_array_equal(found.p.values, whole.p_fwe.values)
    fdr = study_inference(several, models(), np.random.default_rng(0), correction="fdr", permutations=300)
    assert np.array_equal(np.isfinite(fdr.thresholded.values), fdr.p.values <= 0.05)


def test_the_studys_group_threshold_keeps_both_tails() -> None:
    """Against the procedure written out: pooled t of random voxels, percentiles, clusters of one sign."""
    from scipy.ndimage import generate_binary_structure, label
    from scipy.stats import ttest_1samp

    signs = np.where(SPACE.voxels[:, 0] < 3, 0.25, -0.25)
    several = subjects(
        *(replace(maps(k), values=np.clip(maps(k).values + signs, -0.9, 0.9)) for k in range(8))
    )
    with pytest.warns(UserWarning, match="controls neither"):
        found = study_inference(
            several, models(), np.random.default_rng(0), method="lee2023_group", draws=50, permutations=100,
            min_voxels=20,
        )  # fmt: skip
    z = np.arctanh(np.stack([item.values for item in several.values()]))
    t = ttest_1samp(z, 0).statistic
    rng = np.random.default_rng(1)
    for row, (name, own) in enumerate(zip(found.maps.names, t, strict=True)):
        drawn = np.argsort(rng.random((4000, SPACE.n_voxels)), axis=1)[:, :8]  # different voxels
        null = ttest_1samp(z[np.arange(8), row, drawn], 0, axis=1).statistic.astype(np.float16)
        limits = np.percentile(null.astype(float), [2.5, 97.5])
        summary = found.summary.rows()[row]
        assert (summary["low"], summary["high"]) == pytest.approx(limits, abs=0.25)
        volume = SPACE.volume(np.where((own < summary["low"]) | (own > summary["high"]), own, 0), 0)
        kept = np.zeros(volume.shape, bool)
        for sign in (1, -1):
            clusters, count = label(sign * volume > 0, generate_binary_structure(3, 2))
            for number in range(1, count + 1):
                kept |= (clusters == number) & ((clusters == number).sum() >= 20)
        shown = found.thresholded.volume(name)
        np.testing.assert_array_equal(np.isfinite(shown), kept)
        np.testing.assert_allclose(shown[kept], volume[kept])
        assert (shown[kept] > 0).sum() == summary["positive"] > 20 and (shown[kept] < 0).sum() == summary[
            "negative"
        ] > 20
    best = best_model_map(found.thresholded)
    above = (np.nan_to_num(found.thresholded.values) > 0).any(axis=0)
    np.testing.assert_array_equal(np.isfinite(best.number.values[0]), above)


def test_bars_of_the_regions_of_the_layers_map() -> None:
    several = subjects(*(maps(seed, 0.15) for seed in range(4)))
    group = StatMaps(
        np.stack([item.values for item in several.values()]).mean(axis=0), ("early", "late"), SPACE, "t"
    )
    numbers = np.zeros(SPACE.n_voxels)
    numbers[:30], numbers[40:60], numbers[70] = 1, 2, 3
    regions = StatMaps(numbers[None], ("best_value",), SPACE, "cluster number")
    with pytest.warns(UserWarning, match="circular analysis"):
        found = layer_region_bars(group, several, regions, "lee2023_sd_by_root_n", most=2)
    assert found.table["region"].tolist() == ["region 1"] * 2 + ["region 2"] * 2
    for row in found.table.rows():
        own = group.values[group.names.index(row["model"]), numbers == float(row["region"][-1])]
        assert row["mean"] == pytest.approx(own.mean()) and row["voxels"] == own.size
        assert row["error"] == pytest.approx(own.std() / np.sqrt(own.size)) and row["measure"] == "t"
    assert (
        "the 2 largest of 3 regions" in found.figure.caption
        and "root of their number" in found.figure.caption
    )
    sound = layer_region_bars(group, several, regions, independent=True).table.rows()[0]
    means = [item.values[0, :30].mean() for item in several.values()]
    assert sound["error"] == pytest.approx(np.std(means, ddof=1) / 2) and sound["subjects"] == 4
    empty = layer_region_bars(group, several, replace(regions, values=0 * regions.values))
    assert not len(empty.table) and "no region" in empty.figure.caption
    with pytest.raises(DataError, match="one label image"):
        layer_region_bars(group, several, labels(a=numbers, b=numbers))


def test_a_map_without_any_layer_says_so() -> None:
    none = best_model_map(replace(maps(0), values=np.full((2, SPACE.n_voxels), np.nan)))
    told = layer_map_figure(none.number, none.models, "simulated")
    assert "No layer is significantly similar" in told.caption and "plants concept codes" in told.caption
    assert "plants" not in layer_map_figure(none.number, none.models, "nifti-betas").caption
    some = best_model_map(maps(0))
    assert "at each voxel" in layer_map_figure(some.number, some.models, "simulated").caption


@pytest.mark.parametrize("layers", ["lee2023", ["relu1_1", "conv3_*"], "layers-1to5", "relu5_4"])
def test_layers_that_a_network_can_have(layers: Any) -> None:
    assert known_layers(layers) == layers


def test_layers_that_no_network_has_are_found_before_anything_runs(tmp_path: Path) -> None:
    for wrong in ("relu5_9", ["relu1_1", "fc9"], "relu8*"):
        with pytest.raises(ValueError, match="did you mean"):
            known_layers(wrong)  # type: ignore[arg-type]
    text = (Path(isocortex_pipelines.__file__).parent / "digits-objects.yaml").read_text()
    (tmp_path / "own.yaml").write_text(text.replace("{layers: lee2023}", "{layers: [relu1_1, relu5_33]}"))
    with pytest.raises(IsocortexError, match=r"steps\.activity\.with\.layers.*relu5_33.*relu5_3"):
        ic.check(tmp_path / "own.yaml")


def test_a_single_subject_is_tested_by_permuted_labels() -> None:
    values = np.random.default_rng(0).normal(size=(16, SPACE.n_voxels))
    values[:10] *= 3  # digits are far from one another everywhere
    values[4, 11] = 0
    patterns = Patterns(values, CONDITIONS, space=SPACE)
    codes = ic.get("step", "category_codes")(patterns, digit=CODES["digit"], animacy=CODES["animacy"])
    with pytest.raises(DataError, match="permutations is -1"):
        study_searchlight(patterns, codes, np.random.default_rng(0), permutations=-1)
    plain = study_searchlight(patterns, codes, np.random.default_rng(0), metric="euclidean", radius=2)  # type: ignore[arg-type]
    assert np.isnan(plain.p.values).all() and plain.maps.space.n_voxels == SPACE.n_voxels - 1
    assert not plain.maps.space.mask.ravel()[11]
    found = study_searchlight(
        patterns, codes, np.random.default_rng(0), metric="euclidean", radius=2, permutations=199
    )  # type: ignore[arg-type]
    np.testing.assert_array_equal(found.maps.values, plain.maps.values)
    whole = searchlight_rsa(
        patterns, None, codes, 2, "euclidean", permutations=199, seed=np.random.default_rng(0)
    )
    assert whole.p_fwe is not None
    np.testing.assert_array_equal(found.p.values, np.delete(whole.p_fwe, 11, axis=1))
    tested = study_inference(
        subjects(found.maps), codes, np.random.default_rng(0), subjects(found.p), method="permutation"
    )
    np.testing.assert_array_equal(np.isfinite(tested.thresholded.values), found.p.values <= 0.05)
    assert tested.summary["significant"].tolist()[0] > 100 and tested.summary["significant"].tolist()[1] < 20
    assert tested.p.statistic == "p_fwe"
    for p in (None, subjects(plain.p)):
        with pytest.raises(DataError, match="needs p-values: wire p of study_searchlight"):
            study_inference(subjects(found.maps), codes, np.random.default_rng(0), p, method="permutation")


# regions of codes


@pytest.fixture(scope="module")
def neural() -> SearchlightRDMs:
    values = np.random.default_rng(5).normal(size=(16, SPACE.n_voxels))
    return searchlight_rdms(Patterns(values, CONDITIONS, space=SPACE), radius=1)


def labels(**numbers: Any) -> StatMaps:
    return StatMaps(np.stack(list(numbers.values())), tuple(numbers), SPACE, "cluster number")


def test_region_rsa_is_spearman_over_the_codes_pairs(neural: SearchlightRDMs) -> None:
    where = np.zeros(SPACE.n_voxels)
    where[[3, 4, 5]], where[[40, 41]] = 1, 2
    codes = {name: CODES[name] for name in ("magnitude", "digit")}
    regions = labels(digit=where, magnitude=where)
    for clusters, named in (("together", ["magnitude"]), ("each", ["magnitude 1", "magnitude 2"])):
        table = code_region_rsa(neural, models(), regions, codes, clusters=clusters, independent=True)  # type: ignore[arg-type]
        rows = [row for row in table.rows() if row["code"] == "magnitude"]
        assert list(dict.fromkeys(row["region"] for row in rows)) == named
    wide = neural.rdms([3, 4, 5, 40, 41]).square()[:, 7:10, 1:4].reshape(5, 9)
    found = code_region_rsa(neural, models(), regions, codes, independent=True)
    for row in found.rows()[:2]:
        model = models().pick([row["model"]]).square()[0, 7:10, 1:4].ravel()
        rho = np.array([spearmanr(model, one).statistic for one in wide])
        assert row["similarity"] == pytest.approx(rho.mean(), abs=1e-12) and row["pairs"] == 9
        assert row["sd"] == pytest.approx(rho.std(), abs=1e-12) and (row["voxels"], row["left_out"]) == (5, 0)
        positive = code_region_rsa(
            neural, models(), regions, codes, voxels="lee2023_positive", independent=True
        )
        own = next(r for r in positive.rows() if (r["code"], r["model"]) == ("magnitude", row["model"]))
        assert own["voxels"] == (rho > 1e-12).sum() and own["left_out"] == 5 - own["voxels"]


def test_models_are_aligned_by_label(neural: SearchlightRDMs) -> None:
    where = np.zeros(SPACE.n_voxels)
    where[:20] = 1
    code = {"digit": CODES["digit"]}
    plain = code_region_rsa(neural, models(), labels(digit=where), code, independent=True)
    turned = models().subset(CONDITIONS[::-1])
    np.testing.assert_allclose(
        plain["similarity"],
        code_region_rsa(neural, turned, labels(digit=where), code, independent=True)["similarity"],
    )
    with pytest.raises(LabelMismatch, match="models and searchlight RDMs"):
        code_region_rsa(neural, models().subset(CONDITIONS[:15]), labels(digit=where), code, independent=True)


def test_circular_regions_and_codes_without_a_region_are_said(neural: SearchlightRDMs) -> None:
    empty = np.zeros(SPACE.n_voxels)
    with (
        pytest.warns(UserWarning, match="circular analysis"),
        pytest.warns(UserWarning, match="regions of digit"),
    ):
        table = code_region_rsa(neural, models(), labels(digit=empty), {"digit": CODES["digit"]})
    assert not len(table)
    bars = code_region_bars(subjects(table, table))
    assert not len(bars.table) and "No code has a region" in bars.figure.caption
    with pytest.raises(DataError, match="no region 'digits'"):
        code_region_rsa(neural, models(), labels(digit=empty), {"digits": CODES["digit"]}, independent=True)
    with pytest.raises(DataError, match="is no label image"):
        code_region_rsa(
            neural, models(), labels(digit=empty + 0.5), {"digit": CODES["digit"]}, independent=True
        )
    with pytest.raises(DataError, match="take spearman"):
        code_region_rsa(
            neural,
            models(),
            labels(digit=empty),
            {"digit": CODES["digit"]},
            "whitened_cosine",
            independent=True,
        )  # type: ignore[arg-type]


def test_bars_over_subjects_or_over_voxels() -> None:
    def table(*similarities: float) -> Table:
        rows = [
            {
                "code": "digit", "region": "digit", "model": model, "similarity": value, "sd": 0.3,
                "voxels": 6, "left_out": 0, "pairs": 45, "measure": "spearman",
            }
            for model, value in zip(("early", "late"), similarities, strict=True)
        ]  # fmt: skip
        return Table.from_rows(rows)

    found = code_region_bars(subjects(table(0.1, 0.4), table(0.3, np.nan), table(0.2, 0.2))).table
    assert found["mean"].tolist() == pytest.approx([0.2, 0.3]) and found["subjects"].tolist() == [3, 2]
    assert found["error"].tolist() == pytest.approx([0.1 / np.sqrt(3), np.sqrt(0.02) / np.sqrt(2)])
    single = code_region_bars(subjects(table(0.1, 0.4)), error="lee2023_sd_by_n")
    assert single.table["error"].tolist() == pytest.approx([0.05, 0.05])
    assert np.isnan(code_region_bars(subjects(table(0.1, 0.4))).table["error"]).all()
    with pytest.raises(DataError, match="of one subject, there are 2"):
        code_region_bars(subjects(table(0.1, 0.4), table(0.1, 0.4)), error="lee2023_sd_by_n")


# the network


def test_a_file_that_lacks_layers_is_no_trained_network(
    sample_data: Path, sample_layers: Any, tmp_path: Path
) -> None:
    form = {"image_size": 224, "width": 1 / 32}
    with pytest.raises(DataError, match=r"holds no layer fc6, fc8; a trained network has all of them"):
        load_trained(sample_data / "vgg16_weights.txt", list(CONDITIONS), form)  # type: ignore[arg-type]
    found = load_trained(sample_data / "net-55.ckpt.index", list(CONDITIONS), form)  # type: ignore[arg-type]
    assert found.classes == CONDITIONS and found.preprocessing.channels == "BGR"
    for name, (kernel, bias) in sample_layers.items():
        np.testing.assert_array_equal(found.layers[name][0], kernel)
        np.testing.assert_array_equal(found.layers[name][1], bias)
    without = {name: pair for name, pair in sample_layers.items() if name != "conv5_2"}
    write_checkpoint(tmp_path / "net", without)
    with pytest.raises(DataError, match="conv5_2"):
        load_trained(tmp_path / "net.index", list(CONDITIONS), form)  # type: ignore[arg-type]


@pytest.mark.slow
def test_training_starts_from_the_studys_weights(
    sample_data_writer: Callable[..., Path], tmp_path: Path
) -> None:
    folder = sample_data_writer(tmp_path / "Sample_Data", 1 / 32, each=4, checkpoint=False)
    digits, objects, validation = (
        SampleData(folder, kind).load_images() for kind in ("digits", "objects", "validation")
    )  # type: ignore[arg-type]
    done = study_network(
        digits, objects, validation, np.random.default_rng(0), list(CONDITIONS), list(DIGITS),
        weights=folder / "vgg16_weights.txt",
        network={"image_size": 32, "width": 1 / 32, "initialisation": "xavier"},
        learning={"epochs": 1}, quirks="lee2023",
    )  # fmt: skip
    origins = done.network.origins
    assert origins["fc6"] == origins["fc8"] == "xavier" and "vgg16_weights.txt" in origins["conv1_1"]
    assert done.history["epoch"].tolist() == [1] and np.isfinite(done.history["validation_loss"]).all()
    features = network_features(validation, done.network)
    assert len(features.layers) == 15 and features.categories == validation.categories


# the pipeline


@pytest.mark.parametrize("preset", [None, "quick", "sample", "lee2023"])
def test_the_pipeline_is_checked(preset: str | None, sample_data: Path) -> None:
    folder = {"root": sample_data, "pictures_root": sample_data, "trained": sample_data / "net-55.ckpt.index"}
    ic.check("digits-objects", folder if preset in ("sample", "lee2023") else {}, preset)


def test_the_pipeline_takes_nifti_betas(sample_data: Path, tmp_path: Path) -> None:
    for subject in ("S1", "S2"):
        (tmp_path / subject).mkdir()
        for name in CONDITIONS:
            nifti.write_volume(tmp_path / subject / f"{name}.nii.gz", np.ones((4, 4, 4)), np.eye(4))
    plan = ic.check("digits-objects", {"root": tmp_path}, preset="betas")
    assert plan.axes["subject"].labels == ("S1", "S2")
    nifti.write_volume(tmp_path / "S2" / "tree.nii.gz", np.ones((4, 4, 5)), np.eye(4))
    with pytest.raises(IsocortexError, match=r"bed\.nii\.gz and .*S2/tree\.nii\.gz lie on different grids"):
        ic.check("digits-objects", {"root": tmp_path}, preset="betas")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_pipeline_runs_on_simulated_subjects(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ic.run("digits-objects", tmp_path, preset="quick")
    summary = Table.load(tmp_path / "code_test" / "summary")
    assert summary["model"].tolist() == list(CODES) and (summary["voxels"] == summary["voxels"][0]).all()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_sample_is_tested_soundly(sample_data: Path, tmp_path: Path) -> None:
    given = {
        "root": sample_data, "pictures_root": sample_data, "trained": sample_data / "net-55.ckpt.index",
        "network": {"image_size": 224, "width": 1 / 32}, "within": 100, "radius": 2,
        "schedule": [{"iterations": 2, "sigma": [1.0, 0.5], "step": [3.0, 1.0]}],
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ic.run("digits-objects", tmp_path, given, preset="sample")
    found = Table.load(tmp_path / "code_test" / "summary")
    counts = dict(zip(found["model"].tolist(), found["significant"].tolist(), strict=True))
    assert counts.pop("digit") > 0 and not any(counts.values()), (
        "the notebooks' p finds hundreds of each code"
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nifti_betas_with_the_studys_group_threshold(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "betas").mkdir()
    (tmp_path / "betas" / "conditions.tsv").write_text("\n".join(["condition", *CONDITIONS]) + "\n")
    for subject in range(6):
        values = rng.normal(size=(14, 14, 10, 16)) + 3 * rng.normal(size=(14, 14, 10, 1))
        values[:6, :7, :, :10] += 2 * rng.normal(size=(6, 7, 10, 10))
        nifti.write_volume(tmp_path / "betas" / f"S{subject}.nii.gz", values, np.diag([3.0, 3, 3, 1]))
    given = {
        "root": tmp_path / "betas", "pictures": "drawn-pictures", "size": 32, "per_category": 4,
        "network": {"image_size": 32, "width": 0.0625}, "learning": {"epochs": 2, "learning_rate": 1e-3},
        "schedule": [{"iterations": 5, "sigma": [1.0, 0.5], "step": [3.0, 1.0]}], "permutations": 500,
        "layer_draws": 20, "code_draws": 20, "layer_voxels": 5, "code_voxels": 5,
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ic.run("digits-objects", tmp_path / "out", given, preset="lee2023-group")
    summary = Table.load(tmp_path / "out" / "code_test" / "summary")
    assert summary["model"].tolist() == list(CODES) and "sound_fwe" in summary.columns
    thresholded = StatMaps.load(tmp_path / "out" / "code_test" / "thresholded")
    assert (np.nan_to_num(thresholded.values) < 0).any(), "both tails, as published"
    bars = Table.load(tmp_path / "out" / "region_bars" / "table")
    assert set(bars["subjects"].tolist()) <= {5, 6} and "digit" in bars["region"]
    layers = Table.load(tmp_path / "out" / "layer_bars" / "table")
    assert set(layers["error_is"].tolist()) <= {"lee2023_sd_by_root_n"}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_authors_network_in_its_full_size(
    sample_data_writer: Callable[..., Path], tmp_path: Path
) -> None:
    """Checkpoint and weights of the authors' own shapes: 13 convolutions, fc6 (7, 7, 512, 1024), fc8."""
    folder = sample_data_writer(tmp_path / "Sample_Data", 1.0, each=1)
    network = load_trained(folder / "net-55.ckpt.index", list(CONDITIONS))
    assert network.layers["fc6"][0].shape == (7, 7, 512, 1024) and network.layers["fc8"][0].shape[-1] == 16
    images = SampleData(folder).load_images()
    features = network_features(images, network, ["relu5_3", "relu6", "fc8"])
    assert features.layers["fc8"].shape[0] == 16 and np.isfinite(features.matrix("fc8")).all()
