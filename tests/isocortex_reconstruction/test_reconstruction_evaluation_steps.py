"""The steps that evaluate reconstructions: labels, tables, summaries, features layer by layer."""

from dataclasses import replace

import numpy as np
import pytest
from reconstruction_images import Pooled, noisy, stimuli, study
from scipy import stats
from scipy.spatial.distance import cdist

from isocortex import testing
from isocortex.data import Collected, Features, Images, Table
from isocortex.errors import DataError, LabelMismatch
from isocortex_decoding.evaluation.baselines import within_share
from isocortex_decoding.evaluation.matching import Matched
from isocortex_reconstruction.evaluation import features as kernels
from isocortex_reconstruction.evaluation.distances import grey
from isocortex_reconstruction.evaluation.resizing import resized
from isocortex_reconstruction.evaluation.similarity import ssim
from isocortex_reconstruction.evaluation.steps import (
    evaluate_reconstruction_features,
    evaluate_reconstructions,
)

MEASURES = [
    "identification_correlation", "identification_euclidean", "pattern_correlation", "grey_correlation",
    "profile_correlation", "rmse", "relative_rmse", "ssim",
]  # fmt: skip


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def row(table: Table, **values: str) -> dict:
    found = [r for r in table.rows() if all(r[name] == value for name, value in values.items())]
    assert len(found) == 1
    return found[0]


def test_the_steps_keep_the_contract() -> None:
    for step in (evaluate_reconstructions, evaluate_reconstruction_features):
        schema = testing.check_step(step)
        assert {"reconstructed", "originals"} <= set(schema.inputs)


def test_scores_are_of_images_matched_by_label_in_the_size_of_the_reconstructions() -> None:
    large = stimuli(size=(24, 20))
    small = replace(large, values=resized(large.values, (16, 14), "bicubic"))
    found = evaluate_reconstructions(study(small, {"V1": 50.0, "VC": 90.0}), large, rng(), permutations=60)
    assert len(found.scores) == 6 * 8 and len(found.summary) == 2 * 8 and len(found.images) == 6 * 8
    made = study(small, {"V1": 50.0, "VC": 90.0})["S2,VC"].select(small.stimuli).values
    x, y = made.reshape(8, -1).astype(float), small.values.reshape(8, -1).astype(float)
    r, d = 1 - cdist(x, y, "correlation"), cdist(x, y)
    want = {
        "identification_correlation": [(r[i] < r[i, i]).sum() / 7 for i in range(8)],
        "identification_euclidean": [(d[i] > d[i, i]).sum() / 7 for i in range(8)],
        "pattern_correlation": np.diag(r),
        "grey_correlation": [
            stats.pearsonr(a.ravel(), b.ravel()).statistic
            for a, b in zip(grey(made), grey(small.values), strict=True)
        ],
        "rmse": np.sqrt(((x - y) ** 2).mean(axis=1)),
        "relative_rmse": np.sqrt(((x - y) ** 2).mean(axis=1)) / y.std(axis=1),
        "ssim": ssim(made, small.values),
    }
    for name, values in want.items():
        scores = row(found.scores, subject="S2", roi="VC", measure=name)
        assert scores["value"] == pytest.approx(np.mean(values), rel=1e-6), name
        assert scores["low"] <= scores["value"] <= scores["high"]
        for number, stimulus in enumerate(small.stimuli):
            image = row(found.images, subject="S2", roi="VC", stimulus=stimulus)
            assert image[name] == pytest.approx(values[number], rel=1e-5)
    profile = [stats.pearsonr(a, b).statistic for a, b in zip(x.T, y.T, strict=True)]
    scores = row(found.scores, subject="S2", roi="VC", measure="profile_correlation")
    assert scores["value"] == pytest.approx(np.mean(profile)) and np.isnan(scores["low"])
    assert {(r["size"], r["resampling"], r["levels"]) for r in found.scores.rows()} == {
        ("16 x 14", "bicubic from 24 x 20", "as they are")
    }
    assert scores["outside"] == pytest.approx(((x < 0) | (x > 255)).mean())
    assert list(found.scores["measure"][:8]) == MEASURES


def test_identification_stands_beside_chance_the_null_and_the_category_alone() -> None:
    originals = stimuli()
    found = evaluate_reconstructions(study(originals, {"V1": 40.0}), originals, rng(), permutations=99)
    within = within_share(originals.categories)
    for scores in (*found.scores.rows(), *found.summary.rows()):
        if scores["measure"].startswith("identification"):
            assert scores["chance"] == 0.5 and scores["tie_rule"] == "half"
            assert scores["category_only"] == pytest.approx(within * 0.5 + 1 - within)
            assert scores["category_only_q"] == pytest.approx(within * 0.5 + (1 - within) * scores["q"])
            assert scores["null_low"] < 0.5 < scores["null_high"] and scores["p"] == 1 / 100
        else:
            assert np.isnan(scores["chance"]) and np.isnan(scores["category_only"])
        if scores["measure"] == "ssim":
            assert np.isnan(scores["p"]) and scores["permutations"] == 0
        else:
            assert scores["p"] == 1 / 100 and scores["permutations"] == 99  # small errors count as well
        if scores["measure"].endswith("rmse"):
            assert scores["value"] < scores["null_low"]
    nameless = evaluate_reconstructions(
        study(originals, {"V1": 40.0}), replace(originals, categories=None), rng(), permutations=0
    )
    assert np.isnan(nameless.scores["category_only"]).all() and np.isnan(nameless.scores["p"]).all()


def test_unrelated_pictures_are_at_the_null_and_rarely_significant() -> None:
    originals = stimuli(10, categories=1)
    items = {(f"S{k}",): replace(stimuli(10, categories=1, seed=k + 1), categories=None) for k in range(25)}
    found = evaluate_reconstructions(
        Collected(items, ("subject",)), originals, rng(), permutations=199, bootstraps=0
    )
    for name in MEASURES[:-1]:
        here = found.scores["measure"] == name
        assert np.mean(found.scores["p"][here] <= 0.05) < 0.2, name
        summary = row(found.summary, measure=name)
        assert summary["null_low"] <= summary["value"] <= summary["null_high"], name
    assert np.isnan(found.scores["low"]).all()


def test_summary_is_over_subjects() -> None:
    originals = stimuli()
    found = evaluate_reconstructions(study(originals, {"V1": 60.0, "V2": 400.0}), originals, rng())
    for name in MEASURES:
        own = [r for r in found.scores.rows() if r["measure"] == name and r["roi"] == "V2"]
        summary = row(found.summary, measure=name, roi="V2")
        assert "subject" not in summary and summary["subjects"] == 3 and summary["stimuli"] == 8
        assert summary["value"] == pytest.approx(np.mean([r["value"] for r in own]))
        if name != "profile_correlation":
            assert summary["interval_over"] == "images and subjects"
            assert summary["low"] <= summary["value"] <= summary["high"]
            assert summary["low"] < summary["high"] or name.startswith("identification")
    alone = evaluate_reconstructions(noisy(originals, 60), originals, rng(), bootstraps=50)
    assert set(alone.summary["interval_over"]) == {"images", ""} and "subject" not in alone.scores.columns
    again = evaluate_reconstructions(noisy(originals, 60), originals, rng(), bootstraps=50)
    for name, column in alone.summary.columns.items():
        np.testing.assert_array_equal(column, again.summary[name])


def test_labels_on_one_side_only_are_named() -> None:
    originals = stimuli()
    made = noisy(originals, 10)
    with pytest.raises(LabelMismatch, match="only the second has 'image3'"):
        evaluate_reconstructions(made.select([s for s in made.stimuli if s != "image3"]), originals, rng())
    with pytest.raises(LabelMismatch, match="only the first has 'image7'"):
        evaluate_reconstructions(made, originals.select(originals.stimuli[:7]), rng())
    with pytest.raises(LabelMismatch, match="no 'image9'"):
        evaluate_reconstructions(made, originals, rng(), stimuli=["image1", "image9"])
    with pytest.raises(LabelMismatch, match=r"S2, V1: reconstructed stimuli: no 'image7'"):
        items = {("S1", "V1"): made, ("S2", "V1"): noisy(originals, 1).select(originals.stimuli[:7])}
        evaluate_reconstructions(
            Collected(items, ("subject", "roi")), originals, rng(), stimuli=["image1", "image7"]
        )
    with pytest.raises(DataError, match="no reconstructions in one of the parts"):
        evaluate_reconstructions(Collected({("S1",): made.select([])}, ("subject",)), originals, rng())


def test_a_named_subset_is_evaluated_alone() -> None:
    originals, chosen = stimuli(), ["image6", "image1", "image4"]
    made = noisy(originals, 50)
    one = evaluate_reconstructions(made, originals, rng(), stimuli=chosen, permutations=5)
    two = evaluate_reconstructions(
        made.select(["image1", "image4", "image6"]),
        originals.select(["image1", "image4", "image6"]),
        rng(),
        permutations=5,
    )
    for name, column in one.scores.columns.items():
        same = np.testing.assert_allclose if column.dtype.kind == "f" else np.testing.assert_array_equal
        same(column, two.scores[name], err_msg=name)
    assert one.images["stimulus"].tolist() == ["image1", "image4", "image6"]
    assert set(one.scores["stimuli"]) == {3}


def test_pixels_that_are_not_finite_are_an_error() -> None:
    originals = stimuli()
    made = noisy(originals, 10)
    values = made.values.copy()
    values[2, 3, 4, 1], values[5] = np.nan, np.inf
    message = rf"reconstruction of '{made.stimuli[2]}' \(and 1 more\) holds pixels that are NaN"
    with pytest.raises(DataError, match=message):
        evaluate_reconstructions(replace(made, values=values), originals, rng())
    bad = originals.values.astype(np.float32)
    bad[6, 0, 0, 0] = np.nan
    with pytest.raises(DataError, match="the original 'image6' holds"):
        evaluate_reconstructions(made, replace(originals, values=bad), rng())
    evaluate_reconstructions(
        made, replace(originals, values=bad), rng(), stimuli=["image1", "image2"], permutations=0
    )


def test_black_images_and_small_ones_are_said() -> None:
    originals = stimuli(size=(8, 8))
    values = originals.values.copy()
    values[3] = 0
    with (
        pytest.warns(UserWarning, match="1 of 8 reconstructions have no correlation"),
        pytest.warns(UserWarning, match="smaller than the window of SSIM"),
    ):
        found = evaluate_reconstructions(replace(originals, values=values), originals, rng(), bootstraps=10)
    assert row(found.scores, measure="identification_correlation")["undefined"] == 1
    assert row(found.images, stimulus="image3")["identification_correlation"] == 0.5
    assert np.isnan(row(found.images, stimulus="image3")["pattern_correlation"])
    assert np.isnan(row(found.scores, measure="ssim")["value"])


def test_levels_are_clipped_when_asked() -> None:
    originals = stimuli()
    made = noisy(originals, 120)
    clipped = replace(made, values=np.clip(made.values, 0, 255))
    one = evaluate_reconstructions(made, originals, rng(), clip=True, permutations=5)
    two = evaluate_reconstructions(clipped, originals, rng(), permutations=5)
    np.testing.assert_array_equal(one.scores["value"], two.scores["value"])
    assert set(one.scores["levels"]) == {"clipped to 0 to 255"}
    assert (one.scores["outside"] > 0.05).all() and (two.scores["outside"] == 0).all()
    raw = evaluate_reconstructions(made, originals, rng(), permutations=5)
    assert row(raw.scores, measure="rmse")["value"] > row(one.scores, measure="rmse")["value"]


def test_options_of_ssim_are_said() -> None:
    originals = stimuli()
    made = noisy(originals, 50)
    x, y = made.select(originals.stimuli).values, originals.values
    found = evaluate_reconstructions(made, originals, rng(), ssim="grey", ssim_border="reflected")
    scores = row(found.scores, measure="ssim")
    assert scores["value"] == pytest.approx(ssim(grey(x), grey(y), border="reflected").mean())
    assert "grey level (BT.601)" in scores["how"] and "mirrored border" in scores["how"]
    for name, value in {"ssim": "gray", "ssim_border": "x", "resampling": "cubic", "trials": "one"}.items():
        with pytest.raises(DataError, match=f"{name}='{value}'"):
            evaluate_reconstructions(made, originals, rng(), **{name: value})
    with pytest.raises(DataError, match="no tie rule 'mean'"):
        evaluate_reconstructions(made, originals, rng(), tie_rule="mean")  # type: ignore[arg-type]


def test_single_trials_belong_to_their_stimuli() -> None:
    originals = stimuli(5)
    trials = np.repeat(np.arange(5), 3)
    values = originals.values[trials] + np.random.default_rng(1).normal(0, 90, (15, 16, 14, 3))
    labels = tuple(f"sample{k:06d}-{originals.stimuli[s]}" for k, s in enumerate(trials))
    made = Images(values.astype(np.float32), labels)
    found = evaluate_reconstructions(made, originals, rng(), trials="single", permutations=20)
    r = 1 - cdist(values.reshape(15, -1), originals.values.reshape(5, -1), "correlation")
    want = np.array([(line < line[s]).sum() / 4 for line, s in zip(r, trials, strict=True)])
    scores = row(found.scores, measure="identification_correlation")
    assert scores["value"] == pytest.approx(want.mean()) and (scores["n"], scores["stimuli"]) == (15, 5)
    assert row(found.images, stimulus="image2")["identification_correlation"] == want[6:9].mean()


def test_features_are_compared_layer_by_layer() -> None:
    originals = stimuli(size=(20, 20))
    made = study(originals, {"V1": 50.0, "VC": 150.0})
    model = Pooled()
    found = evaluate_reconstruction_features(
        made, originals, model, rng(), layers=["fc2", "conv1"], permutations=30, batch=3
    )
    assert max(model.calls) == 3 and len(found.scores) == 12 and len(found.summary) == 4
    assert found.scores["layer"][:2].tolist() == ["conv1", "fc2"] and len(found.images) == 6 * 2 * 8
    own = made["S1,VC"].select(originals.stimuli)
    for layer in model.layers:
        x, y = (
            model.features(images.values, [layer])[layer].reshape(8, -1).astype(float)
            for images in (own, originals)
        )
        r = 1 - cdist(x, y, "correlation")
        scores = row(found.scores, subject="S1", roi="VC", layer=layer)
        assert scores["identification"] == pytest.approx(
            np.mean([(r[i] < r[i, i]).sum() / 7 for i in range(8)])
        )
        assert scores["pattern_correlation"] == pytest.approx(np.diag(r).mean(), rel=1e-5)
        profile = [stats.pearsonr(a, b).statistic for a, b in zip(x.T, y.T, strict=True)]
        assert scores["profile_correlation"] == pytest.approx(np.mean(profile), rel=1e-5)
        assert (scores["patterns"], scores["chance"], scores["units"]) == ("raw", 0.5, x.shape[1])
        within = within_share(originals.categories)
        assert scores["category_only"] == pytest.approx(within * 0.5 + 1 - within)
        image = row(found.images, subject="S1", roi="VC", layer=layer, stimulus="image5")
        assert image["pattern_correlation"] == pytest.approx(r[5, 5], rel=1e-5)
    assert "averaged" not in found.scores.columns


def test_features_may_be_normalised_by_training_ones() -> None:
    originals, model = stimuli(), Pooled()
    train = stimuli(40, seed=9)
    layers = model.features(train.values, list(model.layers))
    training = Features(layers, train.stimuli)
    made = noisy(originals, 80)
    found = evaluate_reconstruction_features(
        made, originals, model, rng(), "*", training, "normalised", permutations=5
    )
    x, y = (
        model.features(images.values, ["fc2"])["fc2"].astype(float)
        for images in (made.select(originals.stimuli), originals)
    )
    mean, norm = layers["fc2"].mean(axis=0, dtype=float), layers["fc2"].std(axis=0, ddof=1, dtype=float)
    r = 1 - cdist((x - mean) / norm, (y - mean) / norm, "correlation")
    scores = row(found.scores, layer="fc2")
    assert scores["pattern_correlation"] == pytest.approx(np.diag(r).mean(), rel=1e-5)
    assert scores["identification"] == pytest.approx(np.mean([(r[i] < r[i, i]).sum() / 7 for i in range(8)]))
    assert scores["patterns"] == "normalised by training"
    with pytest.raises(DataError, match="needs training features"):
        evaluate_reconstruction_features(made, originals, model, rng(), "*", None, "normalised")
    other = Features({"conv1": layers["conv1"], "fc2": layers["fc2"][:, :2]}, train.stimuli)
    with pytest.raises(DataError, match=r"layer 'fc2' has units \(2,\) in the training features"):
        evaluate_reconstruction_features(made, originals, model, rng(), "*", other)
    with pytest.raises(DataError, match="no layer 'fc2'"):
        evaluate_reconstruction_features(
            made, originals, model, rng(), "*", Features({"conv1": layers["conv1"]}, train.stimuli)
        )


def test_constant_features_are_said_and_tied() -> None:
    originals = stimuli()
    values = originals.values.astype(np.float32)
    values[4] = 90
    with pytest.warns(UserWarning, match="1 of 8 reconstructions have no correlation .* layer 'fc2'"):
        found = evaluate_reconstruction_features(
            replace(originals, values=values), originals, Pooled(), rng(), "fc2", permutations=3
        )
    assert row(found.images, stimulus="image4", layer="fc2")["identification"] == 0.5


def test_scores_by_unit_are_not_kept() -> None:
    """VGG19's units of many subjects would fill the memory."""
    originals = stimuli()
    matched = Matched(originals.stimuli, np.arange(8), np.arange(8))
    part = kernels.Aligned({}, originals.values, matched)
    setting = kernels.Setting(np.empty((0, 8), np.intp), bootstraps=0)
    found, _ = kernels.compare([part], originals, kernels.Extraction(Pooled(), "*"), None, setting, rng())
    assert [len(one.scores.profile) for one in found] == [0, 0]
