"""The step that evaluates decoded features, and its figure."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from decoding_study import LAYERS, decoded_of, features, study
from scipy import stats
from scipy.spatial.distance import cdist

from isocortex import testing
from isocortex.data import Collected, Decoded, Features, Figure, Table
from isocortex.errors import DataError, LabelMismatch
from isocortex_decoding.evaluation.baselines import within_share
from isocortex_decoding.figures.accuracy import decoding_figure
from isocortex_decoding.steps.evaluate import evaluate_decoding


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def row(table: Table, **values: str) -> dict:
    found = [r for r in table.rows() if all(r[name] == value for name, value in values.items())]
    assert len(found) == 1
    return found[0]


def test_the_steps_keep_the_contract() -> None:
    testing.check_step(evaluate_decoding)
    testing.check_step(decoding_figure)


def test_scores_are_the_plain_formulae_on_samples_matched_by_label() -> None:
    true, training = features(), features(30, seed=1, first="train")
    found = evaluate_decoding(study(true, {"V1": 1.0, "VC": 2.0}), true, rng(), training, permutations=50)
    assert len(found.scores) == 3 * 2 * 3 and len(found.summary) == 6 and len(found.images) == 18 * 12
    decoded = study(true, {"V1": 1.0, "VC": 2.0})["S1,VC"].select(true.stimuli)
    for layer in LAYERS:
        x, y = (np.asarray(data.matrix(layer), float) for data in (decoded, true))
        base = np.asarray(training.matrix(layer), float)
        mean, norm = base.mean(axis=0), base.std(axis=0, ddof=1)
        scores = row(found.scores, subject="S1", roi="VC", layer=layer)
        profile = [stats.pearsonr(x[:, k], y[:, k]).statistic for k in range(x.shape[1])]
        pattern = [
            stats.pearsonr((a - mean) / norm, (b - mean) / norm).statistic for a, b in zip(x, y, strict=True)
        ]
        r = 1 - cdist(x, y, "correlation")
        identified = [(r[i] < r[i, i]).sum() / 11 for i in range(12)]
        assert scores["profile_correlation"] == pytest.approx(np.mean(profile))
        assert scores["pattern_correlation"] == pytest.approx(np.mean(pattern))
        assert scores["identification"] == pytest.approx(np.mean(identified))
        assert (scores["n"], scores["units"], scores["averaged"], scores["ties"]) == (12, x.shape[1], "24", 0)
        assert scores["low"] <= scores["identification"] <= scores["high"]
        assert scores["p"] == pytest.approx(1 / 51) and scores["null_low"] < 0.5 < scores["null_high"]
        within = within_share(true.categories)
        assert scores["category_only"] == pytest.approx(within * 0.5 + 1 - within)
        assert scores["category_only_q"] == pytest.approx(within * 0.5 + (1 - within) * scores["q"])
        images = [
            r for r in found.images.rows() if (r["subject"], r["roi"], r["layer"]) == ("S1", "VC", layer)
        ]
        by_name = {r["stimulus"]: r for r in images}
        for k, name in enumerate(true.stimuli):
            assert by_name[name]["identification"] == pytest.approx(identified[k])
            assert by_name[name]["correlation"] == pytest.approx(r[k, k])
            assert by_name[name]["pattern_correlation"] == pytest.approx(pattern[k])


def test_summary_is_over_subjects() -> None:
    true = features()
    found = evaluate_decoding(study(true, {"V1": 2.0}), true, rng(), permutations=99)
    for layer in LAYERS:
        own = [r for r in found.scores.rows() if r["layer"] == layer]
        summary = row(found.summary, layer=layer, roi="V1")
        assert summary["subjects"] == 3 and summary["interval_over"] == "images and subjects"
        for name in ("identification", "profile_correlation", "q", "category_only"):
            assert summary[name] == pytest.approx(np.mean([r[name] for r in own]))
        assert np.isnan(summary["pattern_correlation"])  # without training features
        width = summary["null_high"] - summary["null_low"]
        assert width < own[0]["null_high"] - own[0]["null_low"]
    alone = evaluate_decoding(decoded_of(true, 1.0, 0), true, rng(), permutations=9, bootstraps=50)
    assert alone.summary["interval_over"].tolist() == ["images"] * 3
    assert alone.scores["subject"].tolist() == [""] * 3


def test_p_fdr_is_over_the_whole_table() -> None:
    true = features()
    items = study(true, {"V1": 12.0, "V4": 25.0, "VC": 60.0})
    found = evaluate_decoding(items, true, rng(), permutations=199, bootstraps=0)
    for table in (found.scores, found.summary):
        np.testing.assert_allclose(table["p_fdr"], stats.false_discovery_control(table["p"]))
        assert (table["p_fdr"] > table["p"]).any()


def test_p_of_whole_categories_is_larger_where_only_categories_are_known() -> None:
    rng_ = np.random.default_rng(3)
    names = [f"t{k:02d}" for k in range(20)]
    kinds = [f"c{k % 4}" for k in range(20)]
    centres = 4 * rng_.normal(size=(4, 30))
    true = centres[np.arange(20) % 4] + rng_.normal(size=(20, 30))
    decoded = centres[np.arange(20) % 4] + rng_.normal(size=(20, 30))
    items = {(f"S{k}",): Decoded({"x": decoded + k}, names, subject=f"S{k}") for k in range(2)}
    data = Features({"x": true}, names, kinds)
    found = evaluate_decoding(Collected(items, ("subject",)), data, rng(), permutations=200, bootstraps=0)
    for table in (found.scores, found.summary):
        np.testing.assert_allclose(table["p"], 1 / 201)
        assert (table["permutations"] == 200).all()
        kept = table["p_categories"]  # 1 of 24 orders keeps the categories in their places
        assert kept.min() > 1 / 96 and kept.max() < 0.15
    bare = evaluate_decoding(Collected(items, ("subject",)), replace(data, categories=None), rng())
    single = evaluate_decoding(Collected(items, ("subject",)), replace(data, categories=tuple(names)), rng())
    for each in (bare, single):
        assert np.isnan(each.scores["p_categories"]).all() and np.isnan(each.summary["p_categories"]).all()


def test_noise_alone_is_at_chance_and_rarely_significant() -> None:
    true = features(10)
    items = {(f"S{k}",): decoded_of(true, 1e6, k) for k in range(40)}
    found = evaluate_decoding(Collected(items, ("subject",)), true, rng(), permutations=199, bootstraps=0)
    assert np.mean(found.scores["identification"]) == pytest.approx(0.5, abs=0.03)
    assert np.mean(found.scores["p"] <= 0.05) < 0.1 and np.isnan(found.scores["low"]).all()
    assert (found.summary["p"] > 0.01).all()


def test_labels_on_one_side_only_are_named() -> None:
    true = features()
    decoded = decoded_of(true, 1.0, 0)
    with pytest.raises(LabelMismatch, match="only the second has 'test3'"):
        evaluate_decoding(decoded.select([s for s in decoded.stimuli if s != "test3"]), true, rng())
    fewer = true.select([s for s in true.stimuli if s not in ("test2", "test5")])
    for stimuli in ("same", "decoded"):
        with pytest.raises(LabelMismatch, match=r"test2.*test5|test5.*test2"):
            evaluate_decoding(decoded, fewer, rng(), stimuli=stimuli)


def test_true_features_of_more_stimuli_are_no_candidates() -> None:
    true, more = features(), features(20)
    more = replace(more, layers={n: np.concatenate([true.layers[n], v[12:]]) for n, v in more.layers.items()})
    decoded = decoded_of(true, 1.5, 3)
    one = evaluate_decoding(decoded, true, rng(), features(20, seed=4), permutations=20)
    two = evaluate_decoding(decoded, more, rng(), features(20, seed=4), permutations=20, stimuli="decoded")
    for name, column in one.scores.columns.items():
        np.testing.assert_array_equal(column, two.scores[name], err_msg=name)


def test_single_trials_belong_to_their_stimuli() -> None:
    true = features(6)
    trials = np.repeat(np.arange(6), 3)
    noise = np.random.default_rng(5)
    layers = {n: v[trials] + noise.normal(size=(18, *v.shape[1:])) for n, v in true.layers.items()}
    labels = tuple(f"sample{k:06d}-{true.stimuli[s]}" for k, s in enumerate(trials))
    decoded = Decoded(layers, labels, averaged=(1,) * 18)
    found = evaluate_decoding(decoded, true, rng(), trials="single", permutations=30)
    r = 1 - cdist(decoded.matrix("fc6"), true.matrix("fc6"), "correlation")
    want = [(line < line[s]).sum() / 5 for line, s in zip(r, trials, strict=True)]
    scores = row(found.scores, layer="fc6")
    assert scores["identification"] == pytest.approx(np.mean(want))
    assert (scores["n"], scores["stimuli"], scores["averaged"]) == (18, 6, "1")
    image = row(found.images, layer="fc6", stimulus=true.stimuli[2])
    assert image["identification"] == pytest.approx(np.mean(want[6:9]))
    with pytest.raises(DataError, match="sample000001-STIMULUS"):
        evaluate_decoding(decoded_of(true, 1.0, 0), true, rng(), trials="single")


def test_bad_units_are_left_out_counted_and_said() -> None:
    true, training = features(), features(30, seed=1, first="train")
    decoded = decoded_of(true, 1.0, 0)
    fc = decoded.layers["fc6"].copy()
    fc[3, 0] = np.nan
    fc[:, 1] = 2.0
    base = training.layers["fc6"].copy()
    base[:, 2] = 1.0
    decoded = replace(decoded, layers={"fc6": fc})
    training = replace(training, layers={**training.layers, "fc6": base})
    with pytest.warns(UserWarning, match=r"left out in 1 of 1 .* 'fc6': 2 of 25"):
        found = evaluate_decoding(decoded, true, rng(), training, permutations=5)
    scores = found.scores.rows()[0]
    assert (scores["left_out"], scores["without_profile"], scores["units"]) == (2, 2, 25)
    assert np.isfinite([scores[name] for name in ("profile_correlation", "pattern_correlation")]).all()
    order = [true.stimuli.index(name) for name in decoded.stimuli]
    r = 1 - cdist(np.delete(fc, 0, 1), np.delete(true.matrix("fc6")[order], 0, 1), "correlation")
    assert scores["identification"] == pytest.approx(
        np.mean([(r[i] < r[i, i]).sum() / 11 for i in range(12)])
    )


def test_a_failed_decoder_is_at_chance_and_said() -> None:
    true = features()
    zero = replace(decoded_of(true, 1.0, 0), layers={"fc6": np.zeros((12, 25), np.float32)})
    with pytest.warns(UserWarning, match=r"12 of 12 .* 'fc6' have no correlation"):
        found = evaluate_decoding(zero, true, rng(), permutations=20)
    scores = found.scores.rows()[0]
    assert scores["identification"] == 0.5 and scores["p"] == 1.0 and scores["undefined"] == 12
    with pytest.warns(UserWarning):
        wrong = evaluate_decoding(zero, true, rng(), tie_rule="wrong", permutations=20).scores.rows()[0]
    assert wrong["identification"] == 0.0 and wrong["tie_rule"] == "wrong"


def test_normalised_identification_uses_training_statistics() -> None:
    true, training = features(), features(30, seed=1, first="train")
    decoded = decoded_of(true, 1.0, 0)
    found = evaluate_decoding(decoded, true, rng(), training, identify="normalised", layers=["fc6"])
    base = np.asarray(training.matrix("fc6"), float)
    x, y = (
        (np.asarray(d.matrix("fc6"), float) - base.mean(0)) / base.std(0, ddof=1)
        for d in (decoded.select(true.stimuli), true)
    )
    r = 1 - cdist(x, y, "correlation")
    assert found.scores["identification"][0] == pytest.approx(
        np.mean([(r[i] < r[i, i]).sum() / 11 for i in range(12)])
    )
    with pytest.raises(DataError, match="needs training features"):
        evaluate_decoding(decoded, true, rng(), identify="normalised")


def test_one_and_two_stimuli() -> None:
    for n in (1, 2):
        true = features(n)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = evaluate_decoding(decoded_of(true, 0.1, 0), true, rng(), permutations=10)
        scores = row(found.scores, layer="fc6")
        assert np.isnan(scores["identification"]) == (n == 1)
        assert scores["permutations"] == n - 1 and scores["stimuli"] == n


def test_what_does_not_belong_together() -> None:
    true = features()
    decoded = decoded_of(true, 1.0, 0, "S1", "V1")
    with pytest.raises(DataError, match="no layer 'fc7'"):
        evaluate_decoding(decoded, true, rng(), layers=["fc7"])
    other = Features({"fc6": np.zeros((12, 5, 5))}, true.stimuli)
    with pytest.raises(DataError, match=r"units \(25,\) decoded, and \(5, 5\) in the features"):
        evaluate_decoding(decoded, other, rng(), layers=["fc6"])
    with pytest.raises(DataError, match="'S2' say that they are of 'S1'"):
        evaluate_decoding(Collected({("S2",): decoded}, ("subject",)), true, rng())
    with pytest.raises(DataError, match="no decoded features"):
        evaluate_decoding(Collected({}, ("subject",)), true, rng())


def test_the_same_seed_gives_the_same_tables() -> None:
    true = features()
    first, second = (
        evaluate_decoding(study(true, {"V1": 1.0}), true, rng(), permutations=20) for _ in range(2)
    )
    for one, other in zip(first, second, strict=True):
        for name, column in one.columns.items():
            np.testing.assert_array_equal(column, other[name], err_msg=name)


def test_figure_of_each_value() -> None:
    true, training = features(), features(30, seed=1, first="train")
    found = evaluate_decoding(study(true, {"V1": 1.0, "VC": 3.0}), true, rng(), training, permutations=50)
    for value in ("identification", "profile_correlation", "pattern_correlation"):
        figure = decoding_figure(found.summary, found.scores, value)
        assert isinstance(figure, Figure) and figure.table is found.summary
        assert "3 subjects" in figure.caption and "V1 fc6" in figure.alt
    assert "category alone" in decoding_figure(found.summary).caption
    assert decoding_figure(found.summary).png == decoding_figure(found.summary).png
    with pytest.raises(DataError, match="wire the outputs"):
        decoding_figure(Table({"a": [1.0]}))
    alone = evaluate_decoding(decoded_of(true, 1.0, 0), true, rng(), permutations=0, bootstraps=0)
    assert "1 subject." in decoding_figure(alone.summary, alone.scores).caption


@pytest.mark.parametrize(("layers", "rois"), [(1, 1), (3, 1), (10, 1), (1, 2), (2, 3)])
def test_the_legend_fits_into_a_narrow_figure(
    monkeypatch: pytest.MonkeyPatch, layers: int, rois: int
) -> None:
    rows = [
        {"roi": f"roi{k}", "layer": f"fc{n}", "subjects": 1, "stimuli": 9, "identification": 0.8, "low": 0.7}
        | {"high": 0.9, "null_low": 0.4, "null_high": 0.6, "category_only_q": 0.7, "interval_over": "images"}
        | {"tie_rule": "half"}
        for k in range(rois)
        for n in range(layers)
    ]
    drawn = []
    original = Figure.from_matplotlib
    monkeypatch.setattr(
        Figure, "from_matplotlib", lambda f, *a, **k: (drawn.append(f), original(f, *a, **k))[1]
    )
    decoding_figure(Table.from_rows(rows))
    drawn[0].canvas.draw()
    legend, page = drawn[0].legends[0].get_window_extent(), drawn[0].bbox
    assert page.x0 <= legend.x0 and legend.x1 <= page.x1 and page.y0 <= legend.y0
    assert legend.y1 <= drawn[0].axes[0].get_tightbbox().y0 + 1


def test_permutations_are_shared_by_subjects_whatever_the_order_of_their_samples() -> None:
    """Subjects whose decoders make the same errors are one piece of evidence, not several."""
    true = features(10)
    one = decoded_of(true, 1e6, 0)
    turned = one.select(one.stimuli[::-1])
    items = Collected({("S1",): one, ("S2",): turned, ("S3",): one}, ("subject",))
    found = evaluate_decoding(items, true, rng(), permutations=199, bootstraps=0, layers=["fc6"])
    single, group = found.scores.rows()[0], found.summary.rows()[0]
    for name in ("identification", "p", "null_low", "null_high"):
        assert group[name] == pytest.approx(single[name])


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_stimuli_and_no_units(n: int) -> None:
    training = features(4, seed=1, first="train")
    true = Features({"fc6": np.ones((n, 25))}, tuple(f"test{k}" for k in range(n)))
    empty = Features({"x": np.zeros((n, 0))}, true.stimuli)
    for data, base in ((true, training), (empty, None)):
        layers = dict(data.layers)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = evaluate_decoding(Decoded(layers, data.stimuli), data, rng(), base, permutations=5)
        scores = found.scores.rows()[0]
        assert scores["n"] == n and scores["undefined"] == n and np.isnan(scores["profile_correlation"])
        assert scores["identification"] == 0.5 if n == 2 else np.isnan(scores["identification"])
