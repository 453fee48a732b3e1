"""Cross-validation as steps: folds from patterns, and features decoded fold by fold."""

import numpy as np
import pytest
from decoding_study import features
from sklearn.linear_model import Ridge
from sklearn.svm import SVR, LinearSVC

from isocortex import testing
from isocortex.data import Features, Patterns
from isocortex.errors import DataError, LabelMismatch
from isocortex.pipeline.settings import AxisValues
from isocortex_decoding.crossvalidation import decoding
from isocortex_decoding.steps.cross_validate import cross_validated_decoding, cross_validation_folds

AXES = AxisValues({"subject": "S1", "roi": "VC"})


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def brain(true: Features, repetitions: int = 2, voxels: int = 60, noise: float = 1.0) -> Patterns:
    """Samples of all stimuli, repetitions in the same run; voxels mix the units of fc6."""
    noise_rng = np.random.default_rng(5)
    order = np.repeat(noise_rng.permutation(true.n_samples), repetitions)
    mixing = noise_rng.normal(size=(25, voxels))
    values = true.matrix("fc6")[order] @ mixing + noise * noise_rng.normal(size=(len(order), voxels))
    runs = [k // (4 * repetitions) for k in range(len(order))]
    stimuli = tuple(true.stimuli[k] for k in order)
    kinds = tuple(true.categories[k] for k in order)
    return Patterns(values.astype(np.float32), kinds, tuple(map(str, runs)), stimuli)


def test_steps_keep_the_contract() -> None:
    testing.check_step(cross_validation_folds)
    testing.check_step(cross_validated_decoding)


def test_so_many_folds_of_whole_stimuli() -> None:
    patterns = brain(features(24))
    split = cross_validation_folds(patterns, rng(), by="stimulus", n_folds=4)
    assert split.table["test"].tolist() == [12] * 4 and split.table["train"].tolist() == [36] * 4
    assert sorted(row for fold in split.folds.folds for row in fold.test) == list(range(48))
    with pytest.raises(DataError, match="leave out n_folds"):
        cross_validation_folds(patterns, rng(), folds=[{"test": ["0"]}], n_folds=4)


def test_decoding_is_the_plain_loop_over_folds() -> None:
    true = features(24)
    patterns = brain(true)
    split = cross_validation_folds(patterns, rng(), by="run")
    found = cross_validated_decoding(patterns, true, split.folds, Ridge(alpha=3.0), axes=AXES)
    assert set(found.decoded.stimuli) == set(true.stimuli) and found.decoded.averaged == (2,) * 24
    assert (found.decoded.subject, found.decoded.roi) == ("S1", "VC")
    assert found.folds["test_stimuli"].tolist() == [4] * 6 and found.folds["train"].tolist() == [40] * 6
    labels, runs = np.array(patterns.stimuli), np.array(patterns.runs)
    values = patterns.values.astype(float)
    for layer in true.layers:
        decoded = found.decoded.select(true.stimuli).matrix(layer)
        for run in set(patterns.runs):
            x = values[runs != run]
            mean, sd = x.mean(0), x.std(0, ddof=1)
            trained = list(dict.fromkeys(labels[runs != run]))
            y = true.select(trained).matrix(layer).astype(float)
            z = (y - y.mean(0)) / y.std(0, ddof=1)
            rows = [trained.index(name) for name in labels[runs != run]]
            model = Ridge(alpha=3.0).fit((x - mean) / sd, z[rows])
            for name in set(labels[runs == run]):
                test = values[labels == name].mean(0)
                want = model.predict(((test - mean) / sd)[None])[0] * y.std(0, ddof=1) + y.mean(0)
                np.testing.assert_allclose(decoded[true.stimuli.index(name)], want, atol=2e-4)


@pytest.mark.filterwarnings("ignore:cross_validated_decoding. in . of . folds test stimuli")
def test_stimuli_tested_in_several_folds_are_averaged() -> None:
    true = features(12)
    patterns = brain(true, repetitions=1)
    patterns = Patterns(
        np.concatenate([patterns.values, patterns.values[::-1] + 0.3]),
        patterns.conditions + patterns.conditions[::-1],
        ("a",) * 12 + ("b",) * 12,
        patterns.stimuli + patterns.stimuli[::-1],
    )
    with pytest.raises(DataError, match="repetitions of one stimulus in training and in test"):
        cross_validation_folds(patterns, rng())
    with pytest.raises(DataError, match="all share repeated stimulus"):
        cross_validation_folds(patterns, rng(), repetitions="remove")
    split = cross_validation_folds(patterns, rng(), repetitions="allow")
    found = cross_validated_decoding(patterns, true, split.folds, Ridge(), layers=["fc6"])
    assert found.decoded.averaged == (2,) * 12 and found.folds["shared_stimuli"].tolist() == [12, 12]
    single = [
        cross_validated_decoding(
            patterns,
            true,
            cross_validation_folds(patterns, rng(), folds=[{"test": [run]}], repetitions="allow").folds,
            Ridge(),
            layers=["fc6"],
        ).decoded.select(true.stimuli)
        for run in "ab"
    ]
    want = (single[0].matrix("fc6") + single[1].matrix("fc6")) / 2
    np.testing.assert_allclose(found.decoded.select(true.stimuli).matrix("fc6"), want, atol=1e-5)


def test_categories_and_clusters_are_held_out_whole() -> None:
    true = features(24)
    patterns = brain(true)
    kinds = dict(zip(true.stimuli, true.categories, strict=True))
    split = cross_validation_folds(patterns, rng(), true, by="category")
    assert len(split.folds) == 4
    exclusive = cross_validation_folds(
        patterns, rng(), true, by="run", exclusive=["category"], folds=[{"test": ["0"]}]
    )
    clusters = cross_validation_folds(patterns, rng(), true, by="cluster", clusters=3, layer="fc6")
    assert len(clusters.folds) == 3 and clusters.table["fold"].tolist()[0].startswith("cluster ")
    for made in (split, exclusive):
        for train, test in made.folds:
            side = [{kinds[patterns.stimuli[row]] for row in rows} for rows in (train, test)]
            assert not side[0] & side[1]
    fold = exclusive.folds.folds[0]
    assert fold.removed == exclusive.table["removed"][0] == 48 - len(fold.train) - len(fold.test) > 0
    for train, test in clusters.folds:
        assert not {patterns.stimuli[row] for row in train} & {patterns.stimuli[row] for row in test}


def test_unusable_voxels_and_units() -> None:
    true = features(24)
    patterns = brain(true)
    values = patterns.values.copy()
    values[:, 0], values[5, 1] = 7.0, np.nan
    bad = Patterns(values, patterns.conditions, patterns.runs, patterns.stimuli)
    fc = true.layers["fc6"].copy()
    fc[:, 3] = 4.0
    fc[true.stimuli.index(patterns.stimuli[0]), 4] = np.inf
    true = Features({"fc6": fc}, true.stimuli)
    folds = cross_validation_folds(bad, rng()).folds
    with (
        pytest.warns(UserWarning, match="up to 2 of 60 voxels"),
        pytest.warns(UserWarning, match="up to 1 units of layer 'fc6' are constant"),
        pytest.warns(UserWarning, match="up to 1 units of layer 'fc6' are not finite"),
    ):
        found = cross_validated_decoding(bad, true, folds, Ridge())
    assert found.folds["dropped_voxels"].tolist() == [2] * 6 and found.folds["voxels"].tolist() == [58] * 6
    decoded = found.decoded.matrix("fc6")
    assert (decoded[:, 3] == 4.0).all() and np.isfinite(np.delete(decoded, 4, 1)).all()
    tested_in_first = [found.decoded.stimuli.index(patterns.stimuli[row]) for row in folds.folds[0].test]
    assert np.isnan(np.delete(decoded[:, 4], tested_in_first)).all()
    without = Patterns(np.ones((48, 3)), patterns.conditions, patterns.runs, patterns.stimuli)
    with pytest.raises(DataError, match="none of the 3 voxels can be used"):
        cross_validated_decoding(without, true, folds, Ridge())


def test_any_regressor_and_block_size(monkeypatch: pytest.MonkeyPatch) -> None:
    from isocortex_decoding.decoders.voxel_ridge import VoxelSelectedRidge

    true = features(24)
    patterns = brain(true)
    folds = cross_validation_folds(patterns, rng(), folds=[{"test": ["0", "1"]}]).folds
    one = cross_validated_decoding(patterns, true, folds, SVR(kernel="linear"), layers=["fc6"])
    assert one.decoded.layers["fc6"].shape == (8, 25)
    shared = VoxelSelectedRidge(alpha=10, n_voxels=20)
    fast = cross_validated_decoding(patterns, true, folds, shared).decoded
    monkeypatch.setattr(decoding, "_IN_MEMORY", 10)
    monkeypatch.setattr(decoding, "BLOCK", 100)
    again = cross_validated_decoding(patterns, true, folds, shared).decoded
    for layer in true.layers:
        assert (
            isinstance(again.layers[layer], np.memmap)
            and again.layers[layer].shape[1:] == true.layers[layer].shape[1:]
        )
        np.testing.assert_allclose(again.layers[layer], fast.layers[layer], atol=1e-5)

    class Plain:
        def fit(self, X: np.ndarray, y: np.ndarray) -> "Plain":
            return VoxelSelectedRidge(alpha=10, n_voxels=20).fit(X, y)

        def predict(self, X: np.ndarray) -> np.ndarray:
            raise NotImplementedError

    slow = cross_validated_decoding(patterns, true, folds, Plain()).decoded
    np.testing.assert_allclose(slow.layers["fc6"], fast.layers["fc6"], atol=1e-4)
    with pytest.raises(DataError, match="LinearSVC tells classes apart"):
        cross_validated_decoding(patterns, true, folds, LinearSVC())


def test_what_does_not_belong_together() -> None:
    true = features(24)
    patterns = brain(true)
    folds = cross_validation_folds(patterns, rng()).folds
    with pytest.raises(LabelMismatch, match="sample 1 was"):
        cross_validated_decoding(patterns.take(np.arange(48)[::-1]), true, folds, Ridge())
    with pytest.raises(LabelMismatch, match="fold '0': features of the stimuli"):
        cross_validated_decoding(patterns, features(20), folds, Ridge())
    with pytest.raises(DataError, match="no layer 'fc7'"):
        cross_validated_decoding(patterns, true, folds, Ridge(), layers=["fc7"])
    bare = Patterns(patterns.values, patterns.conditions)
    with pytest.raises(DataError, match="no run labels"):
        cross_validation_folds(bare, rng())
    with pytest.raises(DataError, match="wire the features"):
        cross_validation_folds(patterns, rng(), by="category")
    with pytest.raises(DataError, match="no category labels"):
        cross_validation_folds(patterns, rng(), Features(dict(true.layers), true.stimuli), by="category")


def test_known_stimuli_are_said_also_where_conditions_stand_for_them() -> None:
    values = rng().normal(size=(16, 9))
    names = [f"test{k}" for k in range(8)] * 2
    patterns = Patterns(values, names, ["1"] * 8 + ["2"] * 8)
    true = Features({"fc6": rng().normal(size=(8, 3))}, names[:8])
    folds = cross_validation_folds(patterns, rng()).folds
    with pytest.warns(UserWarning, match="in 2 of 2 folds test stimuli are training stimuli too"):
        cross_validated_decoding(patterns, true, folds, "ridge")
