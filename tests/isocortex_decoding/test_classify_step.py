"""Categories decoded from patterns, as a step, its figure, and the reference values of real fMRI."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import false_discovery_control
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neural_network import MLPClassifier
from sklearn.svm import LinearSVC

from isocortex import testing
from isocortex.data import Collected, Figure, Patterns, Space, StatMaps, Table
from isocortex.errors import DataError
from isocortex_decoding.crossvalidation.classification import classify
from isocortex_decoding.crossvalidation.lda import ShrinkageLDA
from isocortex_decoding.figures.confusion import confusion_figure
from isocortex_decoding.steps.classify import classify_categories

LDA = ShrinkageLDA()


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def brain(seed: int = 0, strength: float = 1.0) -> Patterns:
    """Three conditions in four runs; only the first half of the voxels knows them."""
    noise = np.random.default_rng(seed)
    mask = np.zeros((4, 5, 3), bool)
    mask[1:] = True
    means = np.zeros((3, 45))
    means[:, :20] = np.random.default_rng(9).normal(size=(3, 20)) * strength
    kinds = np.tile([0, 1, 2, 2], 4)
    values = means[kinds] + noise.normal(size=(16, 45))
    names = np.array(["face", "house", "cat"])[kinds]
    runs = np.repeat(["r1", "r2", "r3", "r4"], 4)
    return Patterns(values, names.tolist(), runs.tolist(), space=Space(mask, np.eye(4)))


def test_steps_keep_the_contract() -> None:
    testing.check_step(classify_categories)
    testing.check_step(confusion_figure)


def test_regions_and_subjects() -> None:
    inside = brain().space
    labels = np.zeros((2, 45))
    labels[0, :20] = labels[1, 20:] = 1
    rois = StatMaps(labels, ("front", "back"), inside, "label")
    items = Collected({(f"S{k}",): brain(k + 3, 2.0) for k in range(2)}, ("subject",))
    found = classify_categories(items, rng(), rois, LDA, permutations=30)
    scores = {(row["subject"], row["roi"]): row for row in found.scores.rows()}
    assert set(scores) == {(s, r) for s in ("S0", "S1") for r in ("front", "back")}
    for subject in ("S0", "S1"):
        front, back = scores[subject, "front"], scores[subject, "back"]
        assert front["accuracy"] > 0.8 > back["accuracy"] and front["p"] <= 0.05 < back["p"]
        assert (front["voxels"], back["voxels"], front["n"], front["folds"]) == (20, 25, 16, 4)
        assert front["chance"] == 0.5 and front["conditions"] == 3 and front["p_fdr"] >= front["p"]
    rows = [r for r in found.confusion.rows() if (r["subject"], r["roi"]) == ("S0", "front")]
    assert sum(r["count"] for r in rows) == 16 and len(rows) == 9
    right = sum(r["count"] for r in rows if r["true"] == r["predicted"])
    assert right / 16 == scores["S0", "front"]["accuracy"]
    cats = [r for r in rows if r["true"] == "cat"]
    assert sum(r["share"] for r in cats) == pytest.approx(1) and sum(r["count"] for r in cats) == 8
    figure = confusion_figure(found.confusion)
    assert isinstance(figure, Figure) and "mean over 2 subjects" in figure.caption and "front" in figure.alt
    assert figure.png == confusion_figure(found.confusion).png
    with pytest.raises(DataError, match="wire the output confusion"):
        confusion_figure(Table({"true": ["a"]}))


def test_p_fdr_is_over_rois_and_subjects() -> None:
    labels = np.zeros((3, 45))
    labels[0, :12] = labels[1, 12:26] = labels[2, 26:] = 1
    rois = StatMaps(labels, ("one", "two", "three"), brain().space, "label")
    items = Collected({(f"S{k}",): brain(k + 3, 0.5) for k in range(2)}, ("subject",))
    scores = classify_categories(items, rng(), rois, LDA, permutations=39).scores
    np.testing.assert_allclose(scores["p_fdr"], false_discovery_control(scores["p"]))
    assert len(scores) == 6 and (scores["p_fdr"] > scores["p"]).any()


def test_an_axis_of_rois_is_the_roi_column() -> None:
    items = Collected({("S1", "V1"): brain(0), ("S1", "V2"): brain(1)}, ("subject", "roi"))
    found = classify_categories(items, rng(), classifier=LDA, permutations=0)
    assert found.scores["roi"].tolist() == ["V1", "V2"] and np.isnan(found.scores["p"]).all()
    with pytest.raises(DataError, match="of single ROIs already"):
        rois = StatMaps(np.ones((1, 45)), ("x",), brain().space, "label")
        classify_categories(items, rng(), rois, LDA, permutations=0)
    far = StatMaps(np.ones((1, 1)), ("far",), Space(np.arange(60).reshape(4, 5, 3) == 0, np.eye(4)), "label")
    with pytest.raises(DataError, match="no voxel of the patterns lies in the ROI 'far'"):
        classify_categories(brain(), rng(), far, LDA)


def test_folds_of_a_few_kinds() -> None:
    patterns = brain(strength=3.0)
    given = classify_categories(patterns, rng(), None, LDA, folds=[{"test": ["r1", "r2"]}], permutations=0)
    assert given.scores["n"][0] == 8 and given.scores["folds"][0] == 1
    even = classify_categories(patterns, rng(), None, LDA, by="stratified", n_folds=4, permutations=0)
    assert even.scores["folds"][0] == 4 and even.scores["n"][0] == 16
    stimuli = Patterns(patterns.values, patterns.conditions, patterns.runs, [f"s{k % 8}" for k in range(16)])
    with pytest.raises(DataError, match="repetitions of one stimulus"):
        classify_categories(stimuli, rng(), None, LDA)
    kept = classify_categories(stimuli, rng(), None, LDA, repetitions="remove", permutations=0)
    assert kept.scores["n"][0] == 16
    out = classify_categories(stimuli, rng(), None, LDA, by="stimulus", permutations=0)
    assert out.scores["folds"][0] == 8
    bare = Patterns(patterns.values, patterns.conditions)
    for options, message in [
        ({}, "no run labels"),
        ({"by": "stimulus"}, "no stimulus labels"),
        ({"by": "stratified", "repetitions": "remove"}, "no stimulus labels"),
        ({"by": "stratified", "n_folds": 17}, "17 folds of 16 samples"),
        ({"by": "stratified", "run_means": "subtract"}, "no run labels"),
        ({"by": "stratified", "folds": [{"test": ["1"]}]}, "draws folds itself; say by: run"),
        ({"by": "stratified", "folds": []}, "draws folds itself"),
        ({"n_folds": 10}, "by: run draws no random folds, so n_folds: 10 has no meaning"),
        ({"by": "stimulus", "n_folds": 5}, "or say by: stratified"),
    ]:
        with pytest.raises(DataError, match=message):
            classify_categories(bare, rng(), None, LDA, **options)
    split = Patterns(patterns.values, ["a"] * 8 + ["b"] * 8, ["1"] * 8 + ["2"] * 8)
    with pytest.raises(DataError, match="tests 'a' and has no training samples"):
        classify_categories(split, rng(), None, LDA)
    with pytest.raises(DataError, match="1 condition"):
        classify_categories(patterns.select(["cat"]), rng(), None, LDA)


@pytest.mark.parametrize(
    ("options", "whole"),
    [
        ({"by": "stimulus"}, True),
        ({"by": "stimulus", "folds": [{"test": ["s0", "s1", "s2"]}]}, True),
        ({"by": "run", "repetitions": "allow"}, False),
    ],
)
def test_what_is_permuted(monkeypatch: pytest.MonkeyPatch, options: dict, whole: bool) -> None:
    seen: list[np.ndarray] = []

    def spy(values, classes, folds, classifier, z_score, orders):
        seen.append(orders)
        return classify(values, classes, folds, classifier, z_score, orders)

    monkeypatch.setattr("isocortex_decoding.steps.classify.classify", spy)
    stimuli = np.tile([f"s{k}" for k in range(6)], 2)
    runs = np.repeat(["r1", "r2"], 6)
    values = np.random.default_rng(0).normal(size=(12, 8))
    patterns = Patterns(values, np.tile(["a", "b", "c"], 4).tolist(), runs.tolist(), stimuli.tolist())
    classify_categories(patterns, rng(), None, LDA, permutations=15, **options)
    [orders] = seen
    assert orders.shape == (15, 12) and (runs[orders] == runs).all()
    together = [len(set(zip(stimuli, stimuli[order], strict=True))) == 6 for order in orders]
    assert all(together) if whole else not any(together)
    if whole:
        return
    seen.clear()
    two = Patterns(values, ["a", "b", "c"] * 2 + ["c", "a", "b"] * 2, runs.tolist(), stimuli.tolist())
    classify_categories(two, rng(), None, LDA, by="stimulus", permutations=15)  # a stimulus of two classes
    assert not any(len(set(zip(stimuli, stimuli[order], strict=True))) == 6 for order in seen[0])


def test_what_a_classifier_warns_of_is_said_once_and_seeds_come_from_the_pipeline() -> None:
    patterns = brain()
    model = MLPClassifier(hidden_layer_sizes=(4,), max_iter=20)
    with pytest.warns(UserWarning, match="warned in 4 folds: ConvergenceWarning"):
        first = classify_categories(patterns, rng(), None, model, permutations=2)
    with pytest.warns(UserWarning, match="warned in 4 folds"):
        second = classify_categories(patterns, rng(), None, model, permutations=2)
    for name, column in first.scores.columns.items():
        np.testing.assert_array_equal(column, second.scores[name])
    assert model.random_state is None
    values = patterns.values.copy()
    values[0, 0] = np.nan
    with pytest.warns(UserWarning, match="up to 1 voxels"):
        classify_categories(
            Patterns(values, patterns.conditions, patterns.runs), rng(), None, LDA, permutations=0
        )


def haxby(real_data: Path) -> Patterns:
    with np.load(real_data / "haxby2001_subj1_vt" / "vt_block_means.npz") as archive:
        return Patterns(archive["patterns"], archive["category"].tolist(), archive["run"].tolist())


@pytest.mark.parametrize(("run_means", "accuracy"), [("keep", 0.885), ("subtract", 0.948)])
def test_haxby_ventral_temporal(real_data: Path, run_means: str, accuracy: float) -> None:
    found = classify_categories(
        haxby(real_data), rng(), None, LDA, z_score=False, run_means=run_means, permutations=15
    )
    scores = found.scores.rows()[0]
    assert round(scores["accuracy"], 3) == accuracy and scores["chance"] == 0.125
    assert scores["p"] == pytest.approx(1 / 16) and scores["null_high"] < 0.3


@pytest.mark.slow
def test_haxby_by_scikit_learns_classifiers(real_data: Path) -> None:
    reference = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    found = classify_categories(haxby(real_data), rng(), None, reference, z_score=False, permutations=0)
    assert round(found.scores["accuracy"][0], 3) == 0.885
    with pytest.warns(UserWarning, match="ConvergenceWarning"):
        found = classify_categories(
            haxby(real_data),
            rng(),
            None,
            LinearSVC(C=1e-3),
            z_score=False,
            run_means="subtract",
            permutations=0,
        )
    assert found.scores["accuracy"][0] == pytest.approx(0.917, abs=0.011)


def block_means(folder: Path, bold: np.ndarray) -> Patterns:
    """Blocks of volumes (time, voxels), after detrending and z-scoring to rest in each run."""
    from scipy.signal import detrend

    lines = [line.split() for line in (folder / "labels_runs.txt").read_text().splitlines()]
    labels = np.array([line[0] for line in lines if len(line) == 2 and line[1].isdigit()])
    runs = np.array([int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()])
    values, kinds, places = [], [], []
    for run in np.unique(runs):
        rows = detrend(bold[runs == run].astype(np.float64), axis=0)
        own = labels[runs == run]
        rest = rows[own == "rest"]
        rows = (rows - rest.mean(0)) / rest.std(0)
        starts = np.flatnonzero(np.r_[True, own[1:] != own[:-1]])
        for start, stop in zip(starts, np.r_[starts[1:], len(own)], strict=True):
            if own[start] != "rest":
                values.append(rows[start:stop].mean(0))
                kinds.append(str(own[start]))
                places.append(str(run))
    return Patterns(np.array(values), kinds, places)


def test_haxby_slice_and_coarse_brain(real_data: Path) -> None:
    import nibabel

    folder = real_data / "haxby2001_sub001"
    bold = np.asarray(nibabel.load(folder / "bold_1slice_posterior.nii.gz").dataobj)
    mask = np.asarray(nibabel.load(folder / "mask_1slice.nii.gz").dataobj) > 0
    patterns = block_means(folder, bold[mask].T)
    assert patterns.n_samples == 96 and patterns.n_channels == 530
    svc = LinearSVC(C=1e-3)
    found = classify_categories(patterns, rng(), None, svc, z_score=False, permutations=0)
    assert round(found.scores["accuracy"][0], 3) == 0.698
    null = classify_categories(patterns, rng(), None, LDA, permutations=20).scores.rows()[0]
    assert null["accuracy"] > 0.6 > null["null_high"] and null["p"] == pytest.approx(1 / 21)
    runs = sorted((folder / "bold_25mm").glob("*.nii.gz"))
    brain = np.asarray(nibabel.load(folder / "masks_25mm" / "brain.nii.gz").dataobj) > 0
    coarse = np.concatenate([np.asarray(nibabel.load(run).dataobj)[brain].T for run in runs])
    found = classify_categories(block_means(folder, coarse), rng(), None, svc, z_score=False, permutations=0)
    assert round(found.scores["accuracy"][0], 3) == 0.250


def test_digits_six_and_nine(real_data: Path) -> None:
    with np.load(real_data / "vangerven_digits69" / "digits69.npz") as archive:
        data = {name: archive[name] for name in archive.files}
    values = np.concatenate([data["fmri_train"], data["fmri_test"]])
    labels = np.concatenate([data["label_train"], data["label_test"]])
    side = ["train"] * 90 + ["test"] * 10
    patterns = Patterns(values, labels.tolist(), side)
    for model in (LDA, LinearSVC()):
        found = classify_categories(patterns, rng(), None, model, by="stratified", permutations=0)
        assert found.scores["accuracy"][0] == pytest.approx(0.97, abs=0.021)
    given = classify_categories(patterns, rng(), None, LDA, folds=[{"test": ["test"]}], permutations=50)
    assert given.scores["accuracy"][0] == 1.0 and given.scores["p"][0] < 0.05
