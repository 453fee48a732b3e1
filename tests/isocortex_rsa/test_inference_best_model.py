"""The map of the best model, ROI means, and RSA in blocks of an RDM."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage, stats
from scipy.spatial.distance import squareform

from isocortex.data import Collected, RDMs, Space, StatMaps
from isocortex.errors import DataError, GridMismatch, LabelMismatch
from isocortex.formats import nifti
from isocortex_rsa.inference.best_model import best_model_map
from isocortex_rsa.inference.blocks import block_pairs, rdm_block_similarity
from isocortex_rsa.inference.clusters import find_clusters
from isocortex_rsa.inference.rois import label_image, regions, roi_means

RNG = np.random.default_rng
SHAPE = (5, 6, 4)
AFFINE = np.diag([3.0, 3, 3, 1])
SPACE = Space(np.ones(SHAPE, dtype=bool), AFFINE)
LAYERS = tuple(f"conv{k}" for k in range(1, 8))


def maps(values: np.ndarray, names: tuple[str, ...] | None = None, statistic: str = "t") -> StatMaps:
    return StatMaps(values, names or LAYERS[: len(values)], SPACE, statistic)


def notebook(rho: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The layer assignment of Lee et al. 2023, written out; 0 where there is none."""
    kept = np.where(p > 0.05, 0.0, rho)
    chosen = (np.sum(kept > 0, axis=0) > 0) & (np.sum(kept < 0, axis=0) != len(rho))
    return np.where(chosen, np.argmax(kept, axis=0) + 1, 0)


def test_best_model_is_that_of_the_notebook() -> None:
    rho, p = RNG(0).normal(size=(7, 120)), RNG(1).uniform(size=(7, 120)) ** 4
    rho[:, 5] = -np.abs(rho[:, 5])
    p[:, 5] = 0.0  # all significantly negative
    rho[2, 6] = rho[4, 6] = 9.0
    p[[2, 4], 6] = 0.01  # tied
    found = best_model_map(maps(rho), maps(p[::-1], LAYERS[::-1], "p_fwe"))
    number = np.nan_to_num(found.number.values[0])
    np.testing.assert_array_equal(number, notebook(rho, p))
    assert number[5] == 0 and number[6] == 3
    inside = number > 0
    np.testing.assert_array_equal(
        found.value.values[0][inside], rho[number[inside].astype(int) - 1, np.flatnonzero(inside)]
    )
    assert found.models["model"].tolist() == list(LAYERS) and found.models["number"].tolist() == list(
        range(1, 8)
    )
    assert found.models["voxels"].sum() == inside.sum() and found.models["share"].sum() == pytest.approx(1.0)
    assert found.models["ties"].tolist() == [0, 0, 1, 0, 0, 0, 0]


def test_a_thresholded_map_needs_no_p() -> None:
    t, p = RNG(2).normal(size=(3, 120)), RNG(3).uniform(size=(3, 120))
    one = best_model_map(maps(np.where(p <= 0.3, t, np.nan)))
    other = best_model_map(maps(t), maps(p, statistic="p"), alpha=0.3)
    np.testing.assert_array_equal(one.number.values, other.number.values)
    none = best_model_map(maps(np.full((2, 120), np.nan)))
    assert np.isnan(none.number.values).all() and none.models["voxels"].tolist() == [0, 0]


def test_missing_p_means_not_significant() -> None:
    p = np.zeros((2, 120))
    p[0, 4] = np.nan
    found = best_model_map(maps(np.stack([np.full(120, 2.0), np.ones(120)])), maps(p, statistic="p"))
    assert found.number.values[0, 4] == 2 and np.sum(found.number.values == 1) == 119


def test_small_clusters_of_one_model_go() -> None:
    t = np.abs(ndimage.gaussian_filter(RNG(4).normal(size=(3, *SHAPE)), (0, 1, 1, 1))).reshape(3, -1)
    whole = best_model_map(maps(t)).number.values[0].reshape(SHAPE)
    want = np.full(SHAPE, np.nan)
    for model in (1, 2, 3):
        labels, count = ndimage.label(whole == model, ndimage.generate_binary_structure(3, 2))
        for k in range(1, count + 1):
            if np.sum(labels == k) >= 8:
                want[labels == k] = model
    found = best_model_map(maps(t), min_voxels=8)
    np.testing.assert_array_equal(found.number.values[0], want.ravel())
    assert np.isnan(want).any() and not np.isnan(want).all()


def test_best_model_refuses_p_values_other_names_and_other_voxels() -> None:
    t = maps(np.ones((2, 120)))
    with pytest.raises(DataError, match="give t or similarities"):
        best_model_map(maps(np.ones((2, 120)), statistic="p_fwe"))
    with pytest.raises(LabelMismatch, match=r"'conv2'.*'other'"):
        best_model_map(t, maps(np.ones((2, 120)), ("conv1", "other"), "p"))
    other = StatMaps(np.ones((2, 120)), LAYERS[:2], Space(np.ones(SHAPE, bool), np.eye(4)), "p")
    with pytest.raises(GridMismatch):
        best_model_map(t, other)


def rois(*numbers: np.ndarray, names: tuple[str, ...] = ("areas", "V1")) -> StatMaps:
    return StatMaps(np.stack(numbers).astype(float), names[: len(numbers)], SPACE, "label")


def areas() -> np.ndarray:
    values = np.zeros(120)
    values[:10], values[20:25] = 1, 3
    return values


def collected(n: int = 4) -> tuple[Collected[StatMaps], np.ndarray]:
    values = RNG(5).normal(size=(n, 2, 120))
    return Collected(
        {(f"S{k}",): maps(own, None, "rho") for k, own in enumerate(values)}, ("subject",)
    ), values


def test_roi_means_and_their_error_over_subjects() -> None:
    data, values = collected()
    values[1, 0, 3] = np.nan
    found = roi_means(data, rois(areas(), np.arange(120) > 110))
    assert list(dict.fromkeys(found.group["roi"].tolist())) == ["areas 1", "areas 3", "V1"]
    first = found.group.rows()[0]
    per_subject = np.nanmean(values[:, 0, :10], axis=1)
    assert first["mean"] == pytest.approx(per_subject.mean())
    assert first["error"] == pytest.approx(stats.sem(per_subject)) and first["error_is"] == "subjects"
    assert first["subjects"] == 4 and first["voxels"] == 9.75
    assert found.subjects["left_out"].sum() == 1
    row = found.subjects.rows()[0]
    assert row["similarity"] == pytest.approx(per_subject[0]) and row["measure"] == "rho"
    assert len(found.subjects) == 4 * 3 * 2
    one = roi_means(Collected({("S0",): data["S0"]}, ("subject",)), rois(areas()))
    assert np.isnan(one.group["error"]).all()


def test_errors_of_the_study_go_by_their_own_names() -> None:
    t = maps(RNG(6).normal(size=(2, 120)))
    for error, power in (("lee2023_sd_by_n", 1.0), ("lee2023_sd_by_root_n", 0.5)):
        found = roi_means(t, rois(areas()), error=error, voxels="lee2023_positive")  # type: ignore[arg-type]
        inside = t.values[0, :10]
        positive = inside[inside > 0]
        row = found.group.rows()[0]
        assert row["mean"] == pytest.approx(positive.mean())
        assert (
            row["error"] == pytest.approx(positive.std() / positive.size**power) and row["error_is"] == error
        )
    negative = roi_means(maps(-np.ones((1, 120))), rois(areas()), voxels="lee2023_positive")
    assert negative.group["mean"].tolist() == [-1.0, -1.0]
    with pytest.raises(DataError, match="one group map"):
        roi_means(collected()[0], rois(areas()), error="lee2023_sd_by_n")
    assert "subject" not in roi_means(t, rois(areas())).subjects.columns


def test_clusters_as_rois_warn_of_circularity() -> None:
    t = maps(np.where(np.arange(120) < 12, 5.0, np.nan)[None])
    clusters = find_clusters(t).labels
    with pytest.warns(UserWarning, match="circular"):
        found = roi_means(collected()[0], clusters)
    assert found.group["roi"][0] == "conv1"
    roi_means(collected()[0], clusters, independent=True)
    none = find_clusters(maps(np.full((1, 120), np.nan))).labels
    assert len(roi_means(collected()[0], none, independent=True).group) == 0


def test_a_roi_without_values_or_without_voxels() -> None:
    data = maps(np.where(np.arange(120) < 10, np.nan, 1.0)[None])
    row = roi_means(data, rois(areas())).group.rows()[0]
    assert np.isnan(row["mean"]) and row["subjects"] == 0
    half = np.ones(SHAPE, dtype=bool)
    half[:1] = False
    small = StatMaps(np.ones((1, half.sum())), ("m",), Space(half, AFFINE), "rho")
    with pytest.raises(DataError, match="no voxel of the ROI 'areas 1'"):
        roi_means(small, rois(areas()))
    partly = roi_means(small, rois(np.ones(120))).subjects
    assert partly["voxels"].tolist() == [96] and partly["left_out"].tolist() == [24]
    with pytest.raises(GridMismatch, match="maps and ROIs"):
        roi_means(
            StatMaps(np.ones((1, 120)), ("m",), Space(np.ones(SHAPE, bool), np.eye(4)), "r"), rois(areas())
        )


def test_what_is_no_label_image() -> None:
    for bad in (0.5, -1.0):
        with pytest.raises(DataError, match="no label image"):
            regions(rois(np.full(120, bad)))
    with pytest.raises(DataError, match="'a 1' occurs twice"):
        regions(rois(areas(), np.ones(120), names=("a", "a 1")))


def test_label_images_from_files(tmp_path: Path) -> None:
    file = tmp_path / "areas.nii.gz"
    nifti.write_volume(file, areas().reshape(SHAPE).astype(np.int16), AFFINE)
    found = label_image(file)
    assert found.names == ("areas",) and set(regions(found)) == {"areas 1", "areas 3"}
    named = label_image(file, {"IT": 3})
    assert named.names == ("IT",) and regions(named)["IT"].sum() == 5
    with pytest.raises(DataError, match="V1"):
        label_image(file, {"V1": 2})
    nifti.write_volume(file, np.zeros(SHAPE, np.uint8), AFFINE)
    with pytest.raises(DataError, match="no voxel belongs"):
        label_image(file)
    nifti.write_volume(file, np.ones((*SHAPE, 2), np.uint8), AFFINE)
    with pytest.raises(DataError, match="three dimensions"):
        label_image(file)
    nifti.write_volume(file, np.ones((*SHAPE, 1), np.uint8), AFFINE)
    assert len(label_image(file)) == 1


DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
OBJECTS = ("bed", "bird", "cat", "dog", "house", "tree")
BLOCKS = {
    "digit": {"within": list(DIGITS)},
    "object": {"within": list(OBJECTS)},
    "versus": {"between": [list(DIGITS), list(OBJECTS)]},
    "magnitude": {"between": [["one", "two", "three"], ["seven", "eight", "nine"]]},
    "animacy": {"between": [["bird", "cat", "dog"], ["house", "tree", "bed"]]},
}


def rdms(names: tuple[str, ...], seed: int) -> RDMs:
    return RDMs(RNG(seed).uniform(size=(len(names), 120)), DIGITS + OBJECTS, names, "correlation")


def test_blocks_are_those_of_the_study() -> None:
    brain, layers = rdms(("roi",), 1), rdms(("conv1", "conv2"), 2)
    shuffled = layers.subset(tuple(RNG(3).permutation(layers.conditions).tolist()))
    table = rdm_block_similarity(brain, shuffled, BLOCKS, "spearman")  # type: ignore[arg-type]
    a, b = brain.square()[0], layers.square()[1]
    objects = np.array([11, 12, 13, 14, 15, 10])  # the study's order: bed goes to the end
    ranges = {
        "digit": (a[:10, :10][np.triu_indices(10, 1)], b[:10, :10][np.triu_indices(10, 1)]),
        "object": (a[10:, 10:][np.triu_indices(6, 1)], b[10:, 10:][np.triu_indices(6, 1)]),
        "versus": (a[:10, 10:].ravel(), b[:10, 10:].ravel()),
        "magnitude": (a[7:10, 1:4].ravel(), b[7:10, 1:4].ravel()),
        "animacy": tuple(m[np.ix_(objects, objects)][3:, :3].ravel() for m in (a, b)),
    }
    rows = [row for row in table.rows() if row["model"] == "conv2"]
    assert [row["block"] for row in rows] == list(ranges)
    for row, (x, y) in zip(rows, ranges.values(), strict=True):
        assert row["pairs"] == x.size
        assert row["similarity"] == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


def test_blocks_over_subjects_and_missing_values() -> None:
    brain = Collected({("S1",): rdms(("roi",), 1), ("S2",): rdms(("roi",), 2)}, ("subject",))
    table = rdm_block_similarity(
        brain, rdms(("m",), 3), {"d": {"within": ["one", "two", "three"]}}, "pearson"
    )
    assert table["subject"].tolist() == ["S1", "S2"] and table["pairs"].tolist() == [3, 3]
    square = rdms(("roi",), 1).square()[0]
    square[0, 1] = square[1, 0] = np.nan
    holed = RDMs(squareform(square, checks=False)[None], DIGITS + OBJECTS, ("roi",), "m")
    model = rdms(("m",), 3)
    for one, other in ((holed, model), (model, holed)):
        with pytest.raises(DataError, match="1 of the RDMs hold NaN in the block 'digit'"):
            rdm_block_similarity(one, other, BLOCKS)  # type: ignore[arg-type]
        found = rdm_block_similarity(one, other, BLOCKS, nan="omit")  # type: ignore[arg-type]
        assert not np.isnan(found["similarity"]).any()
        rdm_block_similarity(one, other, {"object": BLOCKS["object"]})  # type: ignore[dict-item]


def test_blocks_that_make_no_sense() -> None:
    conditions = ("a", "b", "c", "d", "e")
    assert block_pairs(conditions, within=["a", "b", "c"], between=[["a"], ["d"]]).sum() == 4
    for block, text in (
        ({"within": ["a", "x", "b"]}, "'x'"),
        ({"within": ["a", "b"]}, "1 pairs"),
        ({"between": [["a", "b", "c"]]}, "two or more"),
        ({"between": [["a", "b"], ["b", "c"]]}, "two of the lists"),
        ({"within": ["a", "b", "b"]}, "more than once"),
    ):
        with pytest.raises(DataError, match=text):
            block_pairs(conditions, **block)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="at least one block"):
        rdm_block_similarity(rdms(("r",), 0), rdms(("m",), 1), {})
