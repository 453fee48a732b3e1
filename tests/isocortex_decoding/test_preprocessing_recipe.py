"""From volumes to one sample a block: against the kernels by hand, on simulated runs, on real EPI volumes."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.signal

from isocortex.data import Patterns
from isocortex.errors import DataError, LabelMismatch
from isocortex.formats.nifti import read_volume
from isocortex.testing import check_step
from isocortex_decoding.preprocessing.recipe import Recipe, Series, prepare
from isocortex_decoding.steps.preprocess import average_samples, preprocess_runs

DELAY, LENGTH = 2, 4
ORDER = {"1": ["cat", "dog", "dog", "bird"], "2": ["bird", "cat", "dog"]}
ANIMALS = ("cat", "dog", "bird")
WEIGHTS = {
    name: np.array(row) for name, row in zip(ANIMALS, [[5, 0, -2.0], [0, 5, 1], [-5, -5, 3]], strict=True)
}


def volumes(noise: float = 0.0, seed: int = 0) -> tuple[Patterns, Patterns]:
    """Two runs of unequal length: rest, blocks, rest; delayed responses, a trend, and motion on top."""
    rng = np.random.default_rng(seed)
    values, stimuli, runs, motion = [], [], [], []
    for run, order in ORDER.items():
        labels = ["n/a"] * 6 + [name for name in order for _ in range(LENGTH)] + ["n/a"] * 5
        n = len(labels)
        signal = np.array([WEIGHTS.get(name, np.zeros(3)) for name in ["n/a"] * DELAY + labels[: n - DELAY]])
        moved = rng.standard_normal((n, 2)) * [1, 4]
        trend = np.linspace(0, 30, n)[:, None]
        values.append(
            1000 + signal + trend + moved @ [[2.0, 0, 1], [0, -3, 1]] + noise * rng.standard_normal((n, 3))
        )
        stimuli += labels
        runs += [run] * n
        motion.append(moved)
    kinds = [{"bird": "wings", "n/a": "n/a"}.get(name, "legs") for name in stimuli]
    patterns = Patterns(np.vstack(values), tuple(kinds), tuple(runs), tuple(stimuli))
    return patterns, Patterns(np.vstack(motion), tuple(kinds), tuple(runs), tuple(stimuli))


def run_step(*args: Any, **settings: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return preprocess_runs(*args, **settings)


def test_blocks_of_simulated_runs_come_out_with_their_labels() -> None:
    patterns, motion = volumes()
    found = preprocess_runs(patterns, motion, block_length=LENGTH, outliers=0)
    assert found.patterns.stimuli == ("cat", "dog", "bird", "bird", "cat", "dog"), "the repeat is dropped"
    assert found.patterns.conditions == ("legs", "legs", "wings", "wings", "legs", "legs")
    assert found.patterns.runs == ("1", "1", "1", "2", "2", "2")
    record = found.record
    assert list(record["name"]) == [
        "shift", "regress_out", "normalise", "drop rest", "drop one-back repeats", "average",
    ]  # fmt: skip
    assert list(record["scope"]) == ["none", "run", "run", "none", "none", "none"]
    assert record["affected"].tolist() == [4, 0, 0, 18, 4, 0]
    assert record["samples"].tolist()[-1] == 6


def test_the_signal_is_recovered_but_for_what_trend_and_motion_can_explain() -> None:
    patterns, motion = volumes()
    found = preprocess_runs(
        patterns, motion, block_length=LENGTH, outliers=0, normalise="subtract_mean"
    ).patterns
    wrong = preprocess_runs(
        patterns, motion, shift=0, block_length=LENGTH, outliers=0, normalise="subtract_mean"
    ).patterns

    def contrast(result: Patterns) -> Any:
        means = {
            name: result.values[[s == name for s in result.stimuli or ()]].mean(axis=0) for name in ANIMALS
        }
        return np.array([means["cat"] - means["dog"], means["cat"] - means["bird"]])

    truth = np.array([WEIGHTS["cat"] - WEIGHTS["dog"], WEIGHTS["cat"] - WEIGHTS["bird"]])
    assert np.corrcoef(contrast(found).ravel(), truth.ravel())[0, 1] > 0.98
    assert np.corrcoef(contrast(wrong).ravel(), truth.ravel())[0, 1] < 0.95


def test_the_same_steps_by_hand() -> None:
    patterns, motion = volumes(noise=0.5)
    found = preprocess_runs(
        patterns, motion, normalise="zscore", repeats="keep", outliers=1.0, block_length=LENGTH
    )
    expected = []
    for run in "12":
        rows = np.array(patterns.runs) == run
        data, moved = patterns.values[rows][DELAY:], motion.values[rows][DELAY:]
        labels = np.array(patterns.stimuli)[rows][:-DELAY]
        n = len(data)
        design = np.column_stack([np.ones(n), np.arange(n), moved])
        data = data - design @ np.linalg.lstsq(design, data, rcond=None)[0]
        for _ in range(10):
            reach = data.std(axis=0)
            data = np.clip(data, data.mean(axis=0) - reach, data.mean(axis=0) + reach)
        data = (data - data.mean(axis=0)) / data.std(axis=0)
        data = data[labels != "n/a"]
        expected.append(data.reshape(-1, LENGTH, 3).mean(axis=1))
    assert np.allclose(found.patterns.values, np.vstack(expected), atol=1e-9)
    assert found.patterns.n_samples == 7, "with the repeat"


def test_single_samples_and_successive_samples_as_one_block() -> None:
    patterns, _ = volumes()
    single = preprocess_runs(patterns, average="none", block_length=LENGTH)
    assert single.patterns.n_samples == 24
    assert single.patterns.stimuli == tuple(
        name for name in ("cat", "dog", "bird", "bird", "cat", "dog") for _ in range(LENGTH)
    )
    merged = run_step(patterns)
    assert merged.patterns.stimuli == ("cat", "dog", "bird", "bird", "cat", "dog"), (
        "two blocks of dog became one"
    )


def test_nothing_of_a_run_depends_on_another_run() -> None:
    patterns, motion = volumes(noise=1)
    whole = preprocess_runs(patterns, motion, block_length=LENGTH).patterns
    changed = patterns.values.copy()
    second = np.array(patterns.runs) == "2"
    changed[second] = changed[second] * 7 + 100
    other = preprocess_runs(
        Patterns(changed, patterns.conditions, patterns.runs, patterns.stimuli), motion, block_length=LENGTH
    ).patterns
    first = np.array(whole.runs) == "1"
    assert np.array_equal(whole.values[first], other.values[first])
    assert not np.allclose(whole.values[~first], other.values[~first])


def test_a_run_that_ends_with_a_block_loses_its_last_labels_and_says_so() -> None:
    labels = ("n/a",) * 4 + ("a",) * 4 + ("b",) * 4
    values = np.random.default_rng(0).standard_normal((12, 2)) + 100
    patterns = Patterns(values, labels, ("1",) * 12)
    with pytest.warns(UserWarning, match="1 blocks shorter than the longest"):
        found = preprocess_runs(patterns, shift=2, linear_trend=False, outliers=0, block_length=4)
    assert found.patterns.conditions == ("a", "b")
    assert list(found.record["settings"])[-1] == "blocks of 2 to 4 samples"
    scaled = 100 * (values[2:] / values[2:].mean(axis=0) - 1)
    assert np.allclose(found.patterns.values[1], scaled[8:].mean(axis=0)), "samples 10 and 11 belong to b"


def test_nan_and_constant_voxels_are_counted_and_said() -> None:
    patterns, motion = volumes()
    values = patterns.values.copy()
    values[3, 0], values[:, 1] = np.nan, 5
    spoilt = Patterns(values, patterns.conditions, patterns.runs, patterns.stimuli)
    with pytest.warns(UserWarning) as caught:
        found = preprocess_runs(spoilt, motion, block_length=LENGTH, normalise="zscore")
    texts = [str(warning.message) for warning in caught]
    assert any("1 voxels with NaN" in text for text in texts)
    assert any("2 voxels x runs without a scale" in text for text in texts)
    assert np.isnan(found.patterns.values[:3, 0]).all()
    assert np.isfinite(found.patterns.values[3:, 0]).all()
    assert (found.patterns.values[:, 1] == 0).all()


def test_baseline_of_rest() -> None:
    patterns, _ = volumes()
    found = preprocess_runs(
        patterns, linear_trend=False, outliers=0, baseline=["n/a"], block_length=LENGTH, shift=0
    )
    rows = np.array(patterns.runs) == "1"
    data, rest = patterns.values[rows], np.array(patterns.stimuli)[rows] == "n/a"
    base = data[rest].mean(axis=0)
    assert np.allclose(found.patterns.values[0], (100 * (data / base - 1))[6:10].mean(axis=0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_type_space_and_channels_stay(dtype: Any) -> None:
    patterns, _ = volumes()
    named = Patterns(
        patterns.values.astype(dtype),
        patterns.conditions,
        patterns.runs,
        patterns.stimuli,
        None,
        ("x", "y", "z"),
    )
    found = preprocess_runs(named, block_length=LENGTH).patterns
    assert found.values.dtype == dtype
    assert found.channels == ("x", "y", "z")


def test_errors() -> None:
    patterns, motion = volumes()
    with pytest.raises(DataError, match="have no run labels"):
        preprocess_runs(Patterns(patterns.values, patterns.conditions))
    order = np.arange(patterns.n_samples)
    order[[6, 10]] = [10, 6]
    with pytest.raises(LabelMismatch, match="stimuli of the regressors are not those of the patterns"):
        preprocess_runs(patterns, motion.take(order))
    with pytest.raises(LabelMismatch, match="runs of the regressors"):
        preprocess_runs(patterns, motion.take(np.arange(30)))
    with pytest.raises(DataError, match="no sample is left"):
        preprocess_runs(patterns, rest=["n/a", *ANIMALS])
    with pytest.raises(DataError, match="do not make blocks of 3"):
        preprocess_runs(patterns, block_length=3)
    with pytest.raises(DataError, match="do not stand together"):
        preprocess_runs(Patterns(patterns.values, patterns.conditions, ("1", "2") * 20 + ("1",) * 10))
    with pytest.raises(DataError, match="condition 'n/a' of rest"):
        kinds = ("n/a",) * patterns.n_samples
        preprocess_runs(
            Patterns(patterns.values, kinds, patterns.runs, patterns.stimuli), block_length=LENGTH
        )


def test_series_that_do_not_fit_together() -> None:
    patterns, _ = volumes()
    labels = patterns.stimuli or ()
    with pytest.raises(DataError, match="49 blocks for 50 samples"):
        prepare(Series(patterns.values, labels, labels, blocks=np.arange(49)), Recipe())
    with pytest.raises(DataError, match="there are no samples"):
        prepare(Series(patterns.values[:0], (), ()), Recipe())
    blocks = np.zeros(50, dtype=np.intp)
    with pytest.raises(DataError, match="block 0 holds more than one stimulus or run: bird, cat, dog"):
        prepare(Series(patterns.values, labels, labels, patterns.runs, blocks), Recipe(repeats="keep"))


@pytest.mark.parametrize("step", [preprocess_runs, average_samples])
def test_they_are_sound_steps(step: Any) -> None:
    check_step(step)


def test_real_epi_volumes_are_detrended_as_scipy_does(real_data: Path) -> None:
    folder = real_data / "kamitani" / "epi_sample"
    if not folder.is_dir():
        pytest.skip("no EPI volumes")
    read = [read_volume(path) for path in sorted(folder.glob("*.nii.gz"))]
    volume = np.stack([values for values, _ in read], axis=3)
    mask = (volume > 300).all(axis=3)
    patterns = Patterns.from_volume(volume, mask, read[0][1], ["a", "a", "b", "b", "c"], ["1"] * 5)
    assert patterns.n_channels > 1000
    found = preprocess_runs(patterns, shift=0, outliers=0, average="none").patterns
    data = patterns.values
    mean = data.mean(axis=0)
    expected = 100 * scipy.signal.detrend(data, axis=0) / mean
    assert np.allclose(found.values, expected, atol=1e-6)
    assert found.space is patterns.space
    assert found.conditions == patterns.conditions


# averages by label


def samples() -> Patterns:
    values = np.arange(16.0).reshape(8, 2)
    stimuli = ("a1", "b1", "a1", "a2", "b1", "a2", "a1", "b1")
    return Patterns(values, tuple(name[0] for name in stimuli), ("1",) * 4 + ("2",) * 4, stimuli)


@pytest.mark.parametrize(
    ("by", "labels", "rows"),
    [
        ("stimulus", ["a1", "b1", "a2"], [[0, 2, 6], [1, 4, 7], [3, 5]]),
        ("condition", ["a", "b"], [[0, 2, 3, 5, 6], [1, 4, 7]]),
        ("run", ["a", "b", "b", "a"], [[0, 2, 3], [1], [4, 7], [5, 6]]),
        ("stimulus_run", ["a1", "b1", "a2", "b1", "a2", "a1"], [[0, 2], [1], [3], [4, 7], [5], [6]]),
    ],
)
def test_averages_by_label(by: Any, labels: list[str], rows: list[list[int]]) -> None:
    given = samples()
    found = average_samples(given, by)
    assert np.allclose(found.patterns.values, [given.values[part].mean(axis=0) for part in rows])
    assert list(found.counts["label"]) == labels
    assert found.counts["samples"].tolist() == [len(part) for part in rows]
    own = found.patterns.stimuli if "stimulus" in by else found.patterns.conditions
    assert list(own or ()) == labels
    assert (found.patterns.runs is not None) == ("run" in by)
    assert found.patterns.conditions == tuple(label[0] for label in labels)


def test_averages_that_would_lose_a_label_are_errors() -> None:
    given = samples()
    with pytest.raises(DataError, match="no run labels"):
        average_samples(Patterns(given.values, given.conditions), "run")
    odd = Patterns(given.values, ("x", *given.conditions[1:]), given.runs, given.stimuli)
    with pytest.raises(LabelMismatch, match="a stimulus has the conditions 'x' and 'a'"):
        average_samples(odd)


def test_samples_without_a_label_are_rest_whatever_else_is() -> None:
    from isocortex.data import Patterns
    from isocortex_decoding.steps.preprocess import preprocess_runs

    labels = ["fixation"] * 3 + ["a"] * 3 + ["n/a"] * 3 + ["b"] * 3
    volumes = Patterns(np.random.default_rng(0).normal(size=(12, 4)), labels, ["1"] * 12)
    found = preprocess_runs(volumes, shift=0, normalise="zscore", rest=["fixation"]).patterns
    assert found.conditions == ("a", "b")


def test_numbers_of_blocks_may_begin_anew_in_each_run() -> None:
    values = np.arange(8.0)[:, None]
    labels, runs = tuple("aabbccdd"), ("1",) * 4 + ("2",) * 4
    blocks = np.array([1, 1, 2, 2] * 2)
    recipe = Recipe(linear_trend=False, outliers=0, normalise=None)
    found = prepare(Series(values, labels, labels, runs, blocks), recipe).series
    assert found.stimuli == tuple("abcd") and found.values[:, 0].tolist() == [0.5, 2.5, 4.5, 6.5]
