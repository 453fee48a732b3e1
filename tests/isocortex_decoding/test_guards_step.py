"""Planted leaks are found and named, and sound studies raise no alarm."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from decoding_study import decoded_of, features, pictures

from isocortex import testing
from isocortex.data import Collected, Decoded, Features, Images, Patterns, Table
from isocortex.errors import DataError, LabelMismatch
from isocortex_decoding.steps.guard_decoding import decoding_guards


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def sides(n: int = 12) -> tuple[Features, Features]:
    """Training features of four categories and test features of four others."""
    training, test = features(60, seed=1, first="train"), features(n, seed=2)
    layers = {name: values - 2 * values.mean(axis=0) for name, values in test.layers.items()}
    return training, replace(test, layers=layers, categories=tuple(f"new{kind}" for kind in test.categories))


def guards(*args: Any, **options: Any) -> tuple[Table, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = decoding_guards(*args, rng(), **options)
    return table, [str(warning.message) for warning in caught]


def one(table: Table, guard: str, where: str | None = None) -> dict[str, Any]:
    rows = [r for r in table.rows() if r["guard"] == guard and where in (None, r["where"])]
    assert len(rows) == 1
    return rows[0]


def brain(true: Features, seed: int, repetitions: int = 2) -> Patterns:
    names = np.repeat(true.stimuli, repetitions)
    values = np.random.default_rng(seed).normal(size=(len(names), 20))
    return Patterns(values, ["x"] * len(names), stimuli=names.tolist())


def shown(true: Features, seed: int) -> Images:
    return Images(pictures(true.n_samples, 48, seed), true.stimuli)


def everything(training: Features, test: Features) -> dict[str, Any]:
    return {
        "decoded": decoded_of(test, 1.0, 3, "S1", "V1"),
        "training_patterns": brain(training, 4),
        "test_patterns": brain(test, 5),
        "training_images": shown(training, 6),
        "test_images": shown(test, 7),
    }


def test_the_step_keeps_the_contract() -> None:
    testing.check_step(decoding_guards)


@pytest.mark.parametrize("seed", range(8))
def test_a_sound_study_raises_no_alarm(seed: int) -> None:
    training, test = sides()
    noise = np.random.default_rng(seed)
    training, test = (
        replace(
            side,
            layers={
                name: values + noise.normal(size=values.shape).astype(np.float32)
                for name, values in side.layers.items()
            },
        )
        for side in (training, test)
    )
    table, said = guards(training, test, **everything(training, test), clusters=3)
    assert said == [] and set(table["severity"]) <= {"ok", "note"}
    wanted = {
        "repeated stimuli",
        "shared categories",
        "same images",
        "near-duplicate images",
        "repeated brain samples",
        "near-duplicate features",
        "output dimension collapse",
        "declared averaging",
        "predictions in the span",
        "prediction variance",
        "copies of training items",
        "scale",
        "clusters",
    }
    assert set(table["guard"]) == wanted


def test_a_test_stimulus_in_training_is_named() -> None:
    training, test = sides()
    leaked = replace(training, stimuli=("test7", *training.stimuli[1:]))
    table, said = guards(leaked, test)
    row = one(table, "repeated stimuli")
    assert row["severity"] == "warning" and "test7" in row["finding"] and row["count"] == 1
    assert len(said) == 1 and "repeated stimuli: 1 test stimuli" in said[0] and "leave them out" in said[0]
    table, said = guards(leaked, test, allow=["stimuli"])
    assert one(table, "repeated stimuli")["severity"] == "note" and said == []


def test_a_repetition_of_a_test_stimulus_among_training_samples_is_named() -> None:
    training, test = sides()
    samples, tested = brain(training, 4), brain(test, 5)
    stimuli = list(samples.stimuli or ())
    stimuli[10] = "test3"
    values = samples.values.copy()
    values[20] = tested.values[6]
    leaked = replace(samples, stimuli=tuple(stimuli), values=values)
    items = Collected({("S1",): samples, ("S2",): leaked}, ("subject",))
    others = Collected({("S1",): tested, ("S2",): tested}, ("subject",))
    table, said = guards(training, test, training_patterns=items, test_patterns=others)
    assert "test3" in one(table, "repeated stimuli", "S2")["finding"]
    assert one(table, "repeated stimuli", "S1")["severity"] == "ok"
    row = one(table, "repeated brain samples", "S2")
    assert row["severity"] == "warning" and ": 7" in row["finding"]
    assert len(said) == 2 and all("(S2)" in text for text in said)
    with pytest.raises(DataError, match="only one of training and test patterns has S2"):
        guards(
            training, test, training_patterns=items, test_patterns=Collected({("S1",): tested}, ("subject",))
        )
    bare = replace(tested, stimuli=None)
    table, said = guards(training, test, training_patterns=samples, test_patterns=bare)
    assert said == [] and "no stimulus labels" in next(
        r["finding"] for r in table.rows() if r["guard"] == "repeated stimuli" and r["severity"] == "note"
    )


def test_images_that_are_the_same_or_look_the_same_are_named() -> None:
    training, test = sides()
    images, tested = shown(training, 6), shown(test, 7)
    values = images.values.copy()
    values[5] = tested.values[2]
    values[9] = np.clip(tested.values[4] * 0.9 + 9, 0, 255).astype(np.uint8)[:, ::-1]
    table, said = guards(training, test, training_images=replace(images, values=values), test_images=tested)
    same, near = one(table, "same images"), one(table, "near-duplicate images")
    assert "test2 (training: train5)" in same["finding"] and same["count"] == 1
    assert "test4 (training: train9 in a mirror)" in near["finding"] and near["count"] == 1
    assert len(said) == 2


def test_a_shared_category_is_named_unless_it_is_meant() -> None:
    training, test = sides()
    kinds = list(test.categories or ())
    kinds[3] = "kind2"
    leaked = replace(test, categories=tuple(kinds))
    table, said = guards(training, leaked)
    assert one(table, "shared categories")["severity"] == "warning" and "kind2" in said[0] and len(said) == 1
    table, said = guards(training, leaked, allow=["categories"])
    note = one(table, "shared categories")
    assert note["severity"] == "note" and said == [] and "allow" not in note["remedy"]
    table, said = guards(training, replace(test, categories=None))
    assert "unknown" in one(table, "shared categories")["finding"] and said == []


def test_nearly_the_same_features_under_another_name_are_named() -> None:
    training, test = sides()
    layers = {name: values.copy() for name, values in training.layers.items()}
    for name, values in layers.items():
        values[8] = test.layers[name][1] + 0.02
    table, said = guards(replace(training, layers=layers), test, layers=["conv5_1"])
    row = one(table, "near-duplicate features")
    assert row["severity"] == "warning" and "test1 (training: train8)" in row["finding"]
    assert row["value"] > row["limit"] == 0.95 and len(said) == 1 and "(conv5_1)" in said[0]
    tiny = Features({"out": np.random.default_rng(0).normal(size=(12, 3))}, test.stimuli)
    small = Features({"out": np.random.default_rng(1).normal(size=(60, 3))}, training.stimuli)
    assert "only 3 usable units" in one(guards(small, tiny)[0], "near-duplicate features")["finding"]


def test_collapse_copies_and_constant_predictions_are_found() -> None:
    generator = np.random.default_rng(3)
    training = Features({"fc": generator.normal(size=(16, 200))}, tuple(f"train{k}" for k in range(16)))
    test = Features({"fc": generator.normal(size=(12, 200))}, tuple(f"test{k}" for k in range(12)))
    known = training.layers["fc"]

    def severity(predicted: np.ndarray) -> dict[str, str]:
        decoded = Decoded({"fc": predicted}, test.stimuli, averaged=(1,) * 12)
        table, _ = guards(training, test, decoded=decoded)
        return {row["guard"]: row["severity"] for row in table.rows() if row["severity"] == "warning"}

    weights = generator.normal(size=(12, 16))
    assert severity(test.layers["fc"] + generator.normal(size=(12, 200))) == {}
    assert set(severity(known.mean(0) + weights @ (known - known.mean(0)))) == {"predictions in the span"}
    copies = known[generator.permutation(16)[:12]]
    assert set(severity(copies + 0.2 * generator.normal(size=copies.shape))) == {"copies of training items"}
    flat = known.mean(0) + np.outer(generator.normal(size=12), generator.normal(size=200))
    assert "prediction variance" in severity(flat)
    with pytest.warns(UserWarning, match="collapse|span|variance|copies") as caught:
        decoding_guards(training, test, rng(), Decoded({"fc": copies}, test.stimuli, averaged=(1,) * 12))
    assert any("training: train" in str(warning.message) for warning in caught)


def test_collapse_is_told_for_several_numbers_of_items_and_many_units() -> None:
    training, test = sides()
    table, _ = guards(training, test, layers=["conv1_1"], sizes=[30, 15], max_units=20)
    row = one(table, "output dimension collapse")
    assert "N = 60" in row["finding"] and "N = 30" in row["finding"] and "N = 15" in row["finding"]
    assert "48 units (10 of them used)" in row["finding"] and row["severity"] == "note"


def test_undeclared_averaging_is_a_warning() -> None:
    training, test = sides()
    decoded = replace(decoded_of(test, 1.0, 0), averaged=None)
    table, said = guards(training, test, decoded=decoded)
    assert len(said) == 1 and "not declared" in said[0]
    uneven = replace(decoded, averaged=(24,) * 11 + (23,))
    assert one(guards(training, test, decoded=uneven)[0], "declared averaging")["severity"] == "note"
    scale = one(table, "scale", "fc6")
    assert scale["value"] > 1


def test_decoded_samples_are_matched_by_label() -> None:
    training, test = sides()
    clean = decoded_of(test, 0.2, 4)
    table, _ = guards(training, test, decoded=clean)
    span = one(table, "predictions in the span", "fc6")
    error = float(span["finding"].split("squared error ")[1].split(" ")[0])
    assert error < 0.1  # against another stimulus's features it would be 2
    with pytest.raises(LabelMismatch, match="test0"):
        guards(training, test.select(test.stimuli[1:]), decoded=clean)


def test_settings_that_make_no_sense() -> None:
    training, test = sides()
    with pytest.raises(DataError, match="no layer 'fc7'"):
        guards(training, test, layers=["fc7"])
    with pytest.raises(DataError, match="max_units of 1"):
        guards(training, test, max_units=0)
    with pytest.raises(DataError, match="no layer in common"):
        guards(training, replace(test, layers={"x": np.zeros((12, 3))}))
    with pytest.raises(DataError, match=r"units \(25,\) in training and \(24,\)"):
        guards(training, replace(test, layers={"fc6": test.layers["fc6"][:, 1:]}))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_items_and_predictions_without_a_number(n: int) -> None:
    training, test = sides()
    few, tested = (side.select(side.stimuli[:n]) for side in (training, test))
    for known, new in ((few, test), (training, tested), (few, tested)):
        decoded = decoded_of(new, 1.0, 0)
        table, _ = guards(known, new, decoded=decoded, layers=["fc6"])
        assert len(table) > 5
    nothing = replace(decoded_of(test, 1.0, 0), layers={"fc6": np.full((12, 25), np.nan)})
    table, _ = guards(training, test, decoded=nothing, layers=["fc6"])
    assert "no usable unit" in one(table, "prediction variance")["finding"]
    none = Features({"fc6": np.zeros((0, 25))}, ())
    assert set(guards(training, none, layers=["fc6"])[0]["severity"]) <= {"ok", "note"}
    assert set(guards(none, test, layers=["fc6"])[0]["severity"]) <= {"ok", "note"}
