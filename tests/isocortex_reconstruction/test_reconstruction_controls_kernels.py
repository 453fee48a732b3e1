"""The kernels of the controls against their definitions: ties, NaN, constants, edge shapes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isocortex.data import Features, Images
from isocortex.errors import DataError
from isocortex_reconstruction.controls import diversity, judging, nearest, pixels, targets
from isocortex_reconstruction.controls.groups import layer_groups


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def features(n: int = 6, seed: int = 0) -> Features:
    drawn = rng(seed)
    layers = {
        "conv1_1": drawn.normal(size=(n, 3, 4, 2)).astype(np.float32),
        "conv1_2": drawn.normal(2, 3, size=(n, 3, 2, 2)).astype(np.float32),
        "fc6": drawn.normal(size=(n, 9)),
    }
    return Features(layers, tuple(f"s{k}" for k in range(n)))


def noise(n: int, size: int = 6, seed: int = 0) -> np.ndarray:
    return rng(seed).uniform(0, 255, (n, size, size, 3)).astype(np.float32)


# pixels


def test_resizing_is_pillows() -> None:
    image = pytest.importorskip("PIL.Image")
    values = rng().integers(0, 256, (1, 13, 9, 3), dtype=np.uint8)
    for size in ((5, 7), (20, 4), (13, 9)):
        expected = np.asarray(image.fromarray(values[0]).resize(size[::-1], image.Resampling.BICUBIC))
        assert np.abs(pixels.fitted(values, size)[0] - expected).max() <= 1.01


def test_pixels_are_as_a_screen_shows_them() -> None:
    values = noise(3)
    values[0, 0, 0] = [-50, 300, 20]
    values[1, 2, 2, 1] = np.nan
    rows = pixels.pixels(values, (6, 6))
    assert rows.shape == (3, 108) and rows.dtype == np.float32
    assert rows[0, :3].tolist() == [0, 255, 20] and not rows[1].any()
    assert np.array_equal(rows[2], values[2].ravel())


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_blank_pictures(dtype: type) -> None:
    values = noise(4).astype(dtype)
    values[1] = [10, 20, 30]
    expected = [False, True, False, False]
    if dtype is not np.uint8:
        values[2, 0, 0, 0], values[3] = np.inf, rng().uniform(256, 400, (6, 6, 3))
        expected[2:] = [True, True]
    assert pixels.blank(values).tolist() == expected


def test_likeness_is_brute_force_identification() -> None:
    stimuli, own = noise(5).reshape(5, -1), np.array([3, 0, 4])
    made = 0.3 * stimuli[own] + noise(3, seed=1).reshape(3, -1)
    made[1] = 7.0
    found = pixels.likeness(made, stimuli, own, np.empty((0, 5), dtype=np.intp))
    for k in (0, 2):
        r = np.array([np.corrcoef(made[k], one)[0, 1] for one in stimuli])
        wins = [1.0 if r[own[k]] > other else 0.0 for j, other in enumerate(r) if j != own[k]]
        assert found.correlation[k] == pytest.approx(r[own[k]]) and found.identification[k] == np.mean(wins)
    assert np.isnan(found.correlation[1]) and found.identification[1] == 0.5
    assert np.isnan(found.p) and found.least == 1


def test_large_sets_are_compared_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    many = Images(noise(7, 8), tuple("abcdefg"))
    rows = noise(2, 5, 3).reshape(2, -1)
    whole = pixels.correlations_with(rows, many, (5, 5))
    monkeypatch.setattr(pixels, "AT_ONCE", 3)
    assert np.allclose(pixels.correlations_with(rows, many, (5, 5)), whole)
    small = pixels.fitted(many.values, (5, 5)).reshape(7, -1)
    assert whole[1, 6] == pytest.approx(np.corrcoef(rows[1], small[6])[0, 1], abs=1e-6)


# diversity


def test_distinct_outputs() -> None:
    base = noise(3).reshape(3, -1)
    rows = np.concatenate([base, base + 0.1, base[:1] * 0.5, np.full((2, base.shape[1]), 9.0)])
    found = diversity.diversity(rows)
    assert found.distinct == 4  # three pictures, and the blank ones
    r = np.corrcoef(rows[:7])
    assert found.pairwise == pytest.approx(np.mean(r[np.triu_indices(7, 1)]))


def test_chains_of_pictures_are_one_output() -> None:
    r = np.array([[1, 0.96, 0.9], [0.96, 1, 0.96], [0.9, 0.96, 1]])
    assert diversity.distinct(r) == 1 and diversity.distinct(r, 0.97) == 3


def test_one_picture_has_no_diversity() -> None:
    found = diversity.diversity(noise(1).reshape(1, -1))
    assert found.distinct == 1 and np.isnan(found.pairwise) and np.isnan(found.effective)
    assert diversity.distinct(np.empty((0, 0))) == 0


# targets


@given(st.integers(2, 12), st.integers(1, 15), st.integers(0, 10**6))
def test_others_are_never_the_stimulus_itself(n: int, layers: int, seed: int) -> None:
    rows = rng(seed).permutation(n)[: max(1, n // 2)]
    found = targets.others(n, rows, layers, rng(seed))
    assert found.shape == (len(rows), layers) and found.min() >= 0 and found.max() < n
    assert not (found == rows[:, None]).any()
    for column in found.T:
        assert len(set(column)) == len(rows)
    for row in found:
        assert len(set(row)) == min(layers, n - 1)


def test_targets_of_another_stimulus() -> None:
    decoded, rows = features(), np.array([4, 1])
    found = targets.without_stimulus("other", decoded, rows, rng())
    assert found.sources is not None and list(found.layers) == list(decoded.layers)
    for name, values in decoded.layers.items():
        assert np.array_equal(found.layers[name], values[found.sources])
        assert found.layers[name].dtype == values.dtype


def test_mixed_layers_come_from_different_stimuli() -> None:
    decoded, rows = features(), np.array([0, 5])
    found = targets.without_stimulus("mixed", decoded, rows, rng())
    assert found.sources is None
    origin = []
    for name, values in found.layers.items():
        origin.append(
            [int(np.flatnonzero((decoded.layers[name] == one).reshape(6, -1).all(1))[0]) for one in values]
        )
    for k, row in enumerate(rows):
        assert len({line[k] for line in origin}) == 3 and row not in {line[k] for line in origin}


def test_shuffled_units_keep_their_values_and_the_places_of_nan() -> None:
    values = rng().normal(size=(3, 4, 5, 2)).astype(np.float32)
    values[1, 0, 0, 0] = np.nan
    found = targets.shuffled(values, rng(1))
    assert found.shape == values.shape and found.dtype == np.float32
    assert np.isnan(found[1, 0, 0, 0]) and np.isnan(found).sum() == 1
    for one, other in zip(found, values, strict=True):
        assert np.array_equal(np.sort(one.ravel()), np.sort(other.ravel()), equal_nan=True)
        assert not np.array_equal(one, other, equal_nan=True)
    again = np.array([np.arange(20.0), np.arange(20.0)])
    first, second = targets.shuffled(again, rng(1))
    assert not np.array_equal(first, second)  # each stimulus has an order of its own


def test_mean_features() -> None:
    decoded, known = features(), features(9, seed=3)
    for given_, source in ((None, decoded), (known, known)):
        found = targets.without_stimulus("mean", decoded, np.array([2, 3]), rng(), given_)
        for name, values in found.layers.items():
            assert np.allclose(
                values, np.asarray(source.layers[name], dtype=np.float64).mean(0)[None], atol=1e-6
            )


def test_noise_has_the_mean_and_spread_of_each_unit() -> None:
    decoded = features()
    many = np.zeros(4000, dtype=np.intp)
    found = targets.without_stimulus("noise", decoded, many, rng())
    for name, values in found.layers.items():
        true = decoded.layers[name]
        assert values.shape == (4000, *true.shape[1:]) and values.dtype == true.dtype
        assert np.allclose(values.mean(0), true.mean(0), atol=0.3)
        assert np.allclose(values.std(0), true.std(0), rtol=0.15)


def test_noise_of_a_single_stimulus_has_the_spread_of_its_layer() -> None:
    layer = np.arange(400.0).reshape(1, 400)
    layer[0, 7] = np.nan
    found = targets.without_stimulus("noise", Features({"fc6": layer}, ("a",)), np.array([0]), rng())
    drawn = found.layers["fc6"][0]
    assert np.isnan(drawn[7]) and np.isnan(drawn).sum() == 1
    assert np.nanmean(drawn) == pytest.approx(200, abs=25) and np.nanstd(drawn) == pytest.approx(
        115, rel=0.15
    )


def test_moments_leave_out_nan() -> None:
    values = rng().normal(size=(5, 6))
    values[2, 1], values[:, 4] = np.nan, np.inf
    mean, deviation = targets.unit_moments(values)
    assert mean[1] == pytest.approx(np.nanmean(values[:, 1])) and deviation[1] == pytest.approx(
        np.nanstd(values[:, 1])
    )
    assert np.isnan(mean[4]) and np.isnan(deviation[4])
    assert np.allclose(mean[[0, 2, 3, 5]], values[:, [0, 2, 3, 5]].mean(0))


# nearest training picture


def test_nearest_by_definition() -> None:
    r = np.array([[0.1, 0.9, 0.5], [0.2, 0.2, np.nan], [np.nan] * 3])
    own = np.array([0.5, 0.1, np.nan])
    found = nearest.nearest_of(r, own, r)
    assert found.item[:2].tolist() == [1, 0] and found.r[:2].tolist() == [0.9, 0.2] and np.isnan(found.r[2])
    assert found.beaten.tolist() == [(1 + 0.5) / 3, 0.5 / 3, 0.5]
    with pytest.raises(DataError, match="no training images"):
        nearest.nearest_of(np.empty((2, 0)), own[:2], np.empty((2, 0)))


def test_nearest_pixels_of_planted_copies() -> None:
    names = ("a", "b", "c")
    stimuli, known = Images(noise(3), names), Images(noise(20, 12, 5), tuple(f"t{k}" for k in range(20)))
    made = stimuli.values.copy()
    made[1] = pixels.fitted(known.values[[7]], (6, 6))[0]
    found = nearest.nearest_pixels(Images(made, names), stimuli, known, np.arange(20))
    assert found.item[1] == 7 and found.r[1] == pytest.approx(1) and found.own[1] < 0.5
    assert np.allclose(found.own[[0, 2]], 1) and np.allclose(found.beaten[[0, 2]], 1)
    assert found.stimulus[0] == pytest.approx(found.r[0])
    finding = judging.copies_finding(found, names, known.stimuli, "pixels")
    assert finding.severity == "warning" and finding.count == 1 and "b (training: t7)" in finding.finding


def test_many_training_pictures_alone_are_no_copying() -> None:
    """The largest of many correlations is above that with the stimulus, which still beats most of them."""
    n = 8
    r = rng().uniform(-0.2, 0.5, (n, 1000))
    near = nearest.nearest_of(r, np.full(n, 0.45), r)
    finding = judging.copies_finding(near, tuple("abcdefgh"), tuple(map(str, range(1000))), "pixels")
    assert finding.severity == "note" and finding.value == 1
    lost = nearest.nearest_of(r, np.full(n, 0.15), r)
    assert (
        judging.copies_finding(lost, tuple("abcdefgh"), tuple(map(str, range(1000))), "").severity
        == "warning"
    )


def test_test_stimuli_among_the_training_are_left_out() -> None:
    assert nearest.unlike(("a", "b", "c"), ("b", "x")).tolist() == [0, 2]
    stimuli = Images(noise(2), ("b", "x"))
    known = Images(noise(3, seed=4), ("a", "b", "c"))
    whole = nearest.nearest_pixels(stimuli, stimuli, known, np.arange(3))
    part = nearest.nearest_pixels(stimuli, stimuli, known.select(["c", "a"]), np.arange(2))
    found = nearest.nearest_pixels(stimuli, stimuli, known, np.array([2, 0]))
    assert np.array_equal(found.r, part.r) and np.array_equal(found.item, part.item)
    assert (whole.r >= found.r).all()


# groups


def test_groups_of_layers() -> None:
    layers = ["conv1_1", "conv1_2", "conv2_1", "fc6", "fc8"]
    assert layer_groups(layers, None) == {
        "all": tuple(layers),
        "conv1": ("conv1_1", "conv1_2"),
        "conv2": ("conv2_1",),
        "fc": ("fc6", "fc8"),
    }
    assert layer_groups(layers, {"low": ["conv2_1", "conv1_*"]}) == {"low": ("conv1_1", "conv1_2", "conv2_1")}
    with pytest.raises(DataError, match="conv9"):
        layer_groups(layers, {"x": ["conv9_1"]})
    with pytest.raises(DataError, match="at least one"):
        layer_groups(layers, {})


# findings


def compared(alike: float, n: int = 4) -> judging.Compared:
    like = pixels.Likeness(np.full(n, 0.5), np.ones(n), 0.01, 0.001)
    return judging.Compared(like, like, np.full(n, alike))


@pytest.mark.parametrize(
    ("alike", "stimuli", "severity"),
    [
        (0.89, 0.1, "ok"),
        (0.91, 0.1, "warning"),
        (0.91, 0.81, "ok"),  # stimuli so alike correlate .9 with their mean
        (0.96, 0.81, "warning"),
        (0.91, float("nan"), "warning"),
        (0.91, -0.2, "warning"),
    ],
)
def test_same_pictures_are_judged_by_what_stimuli_have_in_common(
    alike: float, stimuli: float, severity: str
) -> None:
    assert judging.same_picture_finding(compared(alike), stimuli, "").severity == severity


@pytest.mark.parametrize(
    ("p", "share", "least", "severity"),
    [
        (0.2, 0.7, 0.001, "ok"),
        (0.009, 0.9, 0.001, "note"),
        (0.001, 0.9, 0.001, "warning"),
        (0.001, 0.4, 0.001, "ok"),
        (0.04, 1.0, 0.04, "note"),
        (float("nan"), float("nan"), 1.0, "note"),
    ],
)
def test_identification_without_features(p: float, share: float, least: float, severity: str) -> None:
    like = pixels.Likeness(np.zeros(4), np.full(4, share), p, least)
    assert judging.identified_finding(like, 5, "").severity == severity


def test_pictures_that_follow_their_features() -> None:
    high, low = np.array([0.9, 0.8, 0.9]), np.array([0.1, 0.2, 0.95])
    assert judging.follows_finding(high, low, "").severity == "ok"
    assert judging.follows_finding(low, high, "").severity == "warning"
    tied = judging.follows_finding(high, high + 1e-9, "")
    assert tied.severity == "warning" and tied.value == 0.5
    assert judging.follows_finding(np.full(2, np.nan), low[:2], "").value == 0.5


def test_a_low_ceiling_says_where_it_lies() -> None:
    low = pixels.Likeness(np.full(4, 0.2), np.full(4, 0.6), 0.1, 0.001)
    met = judging.recovery_finding(low, {"fc6": 0.99}, low, "recovery")
    assert met.severity == "warning" and "leave the picture open" in met.remedy
    missed = judging.recovery_finding(low, {"fc6": 0.99, "fc7": 0.3}, low, "recovery")
    assert "fc7: correlation 0.30" in missed.remedy
    blank = pixels.Likeness(np.full(4, np.nan), np.full(4, 0.5), 1.0, 0.001)
    assert judging.recovery_finding(blank, {"fc6": float("nan")}, low, "").severity == "warning"
    assert (
        judging.recovery_finding(pixels.Likeness(np.ones(1), np.full(1, np.nan), 1, 1), {}, low, "").severity
        == "ok"
    )


def test_a_blank_control_is_worse_than_any_picture() -> None:
    found = compared(0.2)
    blank = found.control._replace(correlation=np.full(4, np.nan))
    assert judging.no_better_finding(found._replace(control=blank), "").severity == "ok"
    assert judging.no_better_finding(found._replace(decoded=blank), "").severity == "warning"
    assert judging.no_better_finding(found, "").severity == "warning"  # equal is no better
