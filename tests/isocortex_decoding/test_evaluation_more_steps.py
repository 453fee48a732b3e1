"""Zero-shot identification and noise ceilings as steps, and identification of real fMRI."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from decoding_study import decoded_of, features, study
from scipy.spatial.distance import cdist

from isocortex import testing
from isocortex.data import Decoded, Features, Patterns
from isocortex.errors import DataError, LabelMismatch
from isocortex_decoding.evaluation.identification import pairwise_identification
from isocortex_decoding.steps.evaluate import evaluate_decoding
from isocortex_decoding.steps.evaluate_ceilings import repetition_ceilings
from isocortex_decoding.steps.evaluate_zero_shot import evaluate_zero_shot


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_steps_keep_the_contract() -> None:
    testing.check_step(evaluate_zero_shot)
    testing.check_step(repetition_ceilings)


def test_a_decoder_that_copies_training_items_fails_only_zero_shot() -> None:
    true, training = features(), features(40, seed=1, first="train")
    nearest = cdist(true.matrix("fc6"), training.matrix("fc6"), "correlation").argmin(axis=1)
    copied = Decoded({"fc6": training.layers["fc6"][nearest]}, true.stimuli)
    assert evaluate_decoding(copied, true, rng(), permutations=0).scores["identification"][0] > 0.8
    table = evaluate_zero_shot(copied, true, training, rng(), bootstraps=50)
    assert table["top_k"][0] == 0.0 and table["chance"][0] == pytest.approx(1 / 41)
    sound = evaluate_zero_shot(decoded_of(true, 0.3, 0), true, training, rng(), layers=["fc6"])
    assert sound["top_k"][0] > 0.9 and sound["pairwise"][0] > 0.99


def test_zero_shot_by_hand_and_by_label() -> None:
    true, training = features(), features(20, seed=1, first="train")
    table = evaluate_zero_shot(study(true, {"V1": 3.0}), true, training, rng(), k=2)
    decoded = study(true, {"V1": 3.0})["S2,V1"].select(true.stimuli)
    own = np.diag(1 - cdist(decoded.matrix("fc6"), true.matrix("fc6"), "correlation"))
    r = 1 - cdist(decoded.matrix("fc6"), training.matrix("fc6"), "correlation")
    row = next(row for row in table.rows() if (row["subject"], row["layer"]) == ("S2", "fc6"))
    assert row["top_k"] == pytest.approx(np.mean((r > own[:, None]).sum(axis=1) < 2))
    assert row["pairwise"] == pytest.approx(np.mean(r < own[:, None]))
    assert (row["n"], row["distractors"], row["k"]) == (12, 20, 2)
    normalised = evaluate_zero_shot(decoded, true, training, rng(), identify="normalised", layers=["fc6"])
    base = np.asarray(training.matrix("fc6"), float)
    x, y, t = (
        (np.asarray(data.matrix("fc6"), float) - base.mean(0)) / base.std(0, ddof=1)
        for data in (decoded, true, training)
    )
    own = np.diag(1 - cdist(x, y, "correlation"))
    assert normalised["pairwise"][0] == pytest.approx(np.mean(1 - cdist(x, t, "correlation") < own[:, None]))


def test_zero_shot_refuses_test_items_among_the_training_items() -> None:
    true = features()
    with pytest.raises(
        DataError, match=r"^zero_shot_identification: 12 stimuli are in the training features"
    ):
        evaluate_zero_shot(decoded_of(true, 1.0, 0), true, features(20), rng())
    with pytest.raises(LabelMismatch, match="only the second has"):
        evaluate_zero_shot(decoded_of(features(5), 1.0, 0), true, features(20, first="train"), rng())


def test_ceilings_of_channels() -> None:
    noise = np.random.default_rng(1)
    signal = noise.normal(size=(10, 30)) * np.r_[np.zeros(15), np.full(15, 3.0)]
    order = np.concatenate([noise.permutation(10) for _ in range(5)])
    values = signal[order] + noise.normal(size=(50, 30))
    stimuli = tuple(f"image{k}" for k in order)
    table = repetition_ceilings(Patterns(values, stimuli, stimuli=stimuli), rng(), 300)
    assert table["reliable"][15:].all() and table["reliable"][:15].sum() <= 1
    profiles = np.stack([values[[k for k in range(50) if order[k] == s]] for s in range(10)], axis=1)
    r = np.corrcoef(profiles[:, :, 20])
    assert table["ceiling"][20] == pytest.approx(r[~np.eye(5, dtype=bool)].mean())
    assert table["repetitions"][0] == 5 and table["stimuli"][0] == 10
    fewer = Patterns(values[:-3], stimuli[:-3])
    with pytest.warns(UserWarning, match="the last 7 of 47 samples are not used"):
        assert repetition_ceilings(fewer, rng(), 5)["repetitions"][0] == 4
    with pytest.raises(DataError, match="1 times"):
        repetition_ceilings(Patterns(values[:10], stimuli[:10]), rng(), 5)
    for permutations, percentile in ((5, 101), (5, -1), (5, float("nan")), (-1, 99)):
        with pytest.raises(DataError, match="a percentile from 0 to 100"):
            repetition_ceilings(fewer, rng(), permutations, percentile)


def digits(real_data: Path) -> dict[str, np.ndarray]:
    with np.load(real_data / "vangerven_digits69" / "digits69.npz") as archive:
        return {name: archive[name] for name in archive.files}


def test_digits_are_identified_from_fmri_far_above_the_null(real_data: Path) -> None:
    from sklearn.linear_model import Ridge

    data = digits(real_data)
    x, test = (data[name].astype(np.float64) for name in ("fmri_train", "fmri_test"))
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    y = data["stim_train"].reshape(90, -1).astype(np.float64)
    truth = data["stim_test"].reshape(10, -1).astype(np.float64)
    model = Ridge(alpha=100).fit((x - mean) / deviation, y)
    predicted = model.predict((test - mean) / deviation)
    names = tuple(f"test{k}" for k in range(10))
    kinds = tuple(str(label) for label in data["label_test"])
    order = np.random.default_rng(2).permutation(10)
    decoded = Decoded({"pixels": predicted[order]}, tuple(names[k] for k in order), averaged=(1,) * 10)
    true = Features({"pixels": truth}, names, kinds)
    training = Features({"pixels": y}, tuple(f"train{k}" for k in range(90)))
    with pytest.warns(UserWarning, match="no spread in training"):
        found = evaluate_decoding(decoded, true, rng(), training)
    scores = found.scores.rows()[0]
    assert round(scores["identification"], 3) == 0.944
    assert round(float(np.mean(found.images["correlation"])), 3) == 0.782
    assert scores["p"] < 0.002 and scores["null_high"] < 0.75
    assert scores["identification"] > scores["category_only"]  # more than 6 or 9 was decoded
    mean_image = replace(decoded, layers={"pixels": np.tile(y.mean(axis=0), (10, 1))})
    flat = evaluate_decoding(mean_image, true, rng(), permutations=0, bootstraps=0)
    assert round(float(np.mean(flat.images["correlation"])), 3) == 0.655


def test_haxby_odd_against_even_runs(real_data: Path) -> None:
    with np.load(real_data / "haxby2001_subj1_vt" / "vt_block_means.npz") as archive:
        patterns, category, run = (archive[name] for name in ("patterns", "category", "run"))
    names = sorted(set(category.tolist()))
    odd, even = (
        np.stack([patterns[(category == name) & (run % 2 == k)].mean(axis=0) for name in names])
        for k in (1, 0)
    )
    # as in Haxby et al. 2001: the mean over categories of each half is taken away
    r = 1 - cdist(even - even.mean(axis=0), odd - odd.mean(axis=0), "correlation")
    found = dict(zip(names, pairwise_identification(r).round(3).tolist(), strict=True))
    best = dict.fromkeys(("house", "chair", "cat", "scrambledpix"), 1.0)
    assert found == {**best, "face": 0.857, "shoe": 0.857, "scissors": 0.714, "bottle": 0.429}
