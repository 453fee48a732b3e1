"""The simulated study: what is planted is what is said to be planted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from isocortex.data import Features, StatMaps, Table
from isocortex.data.units import Units
from isocortex.errors import DataError, LabelMismatch
from isocortex_studies.coloured_pictures import ColouredPictures
from isocortex_studies.concepts import CODES, CONDITIONS
from isocortex_studies.simulation.answers import planted_beside_found
from isocortex_studies.simulation.design import regressors, trial_estimates
from isocortex_studies.simulation.regions import planted_regions
from isocortex_studies.simulation.responses import simulate_responses
from isocortex_studies.simulation.signals import code_places, planted_signals
from isocortex_studies.simulation.volume import millimetres

PLACES = {"low": [12.0, -92.0, 0.0], "animacy": [36.0, 24.0, -4.0]}


@pytest.fixture(scope="module")
def features() -> Features:
    rng = np.random.default_rng(0)
    names = tuple(f"{condition}-{number}" for condition in CONDITIONS for number in range(4))
    kinds = tuple(condition for condition in CONDITIONS for _ in range(4))
    means = np.repeat(rng.standard_normal((16, 5, 30)), 4, axis=0)
    layers = {"low": means + 0.5 * rng.standard_normal((64, 5, 30)), "high": rng.random((64, 40)) * 100}
    layers["high"][:, 3] = 7.0
    return Features(layers, names, kinds, "net")


@pytest.fixture(scope="module")
def regions() -> StatMaps:
    return planted_regions(PLACES, resolution=8, radius=20, gap=12)


@pytest.fixture(scope="module")
def signals(features: Features) -> Features:
    return planted_signals(features, layers=["low"], codes={"animacy": CODES["animacy"]})


def test_coordinates_of_a_layer_keep_the_distances_of_its_standardised_units(features: Features) -> None:
    found = planted_signals(features)
    for name, values in features.layers.items():
        rows = values.reshape(64, -1)
        spread = rows.std(axis=0)
        scaled = (rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1)
        wanted = pdist(scaled)
        np.testing.assert_allclose(
            pdist(found.layers[name]) / pdist(found.layers[name]).mean(), wanted / wanted.mean(), rtol=1e-4
        )
        assert (found.layers[name] ** 2).sum(axis=1).mean() == pytest.approx(1, rel=1e-5)


def test_stimuli_of_a_second_session_come_after_the_first(features: Features) -> None:
    first = features.select(features.stimuli[:40])
    second = features.select(features.stimuli[40:])
    both, whole = planted_signals(first, second, layers=["low"]), planted_signals(features, layers=["low"])
    assert both.stimuli == whole.stimuli
    assert both.categories == whole.categories
    np.testing.assert_allclose(pdist(both.layers["low"]), pdist(whole.layers["low"]), rtol=1e-4)


def test_other_units_of_further_stimuli_are_an_error(features: Features) -> None:
    def some(part: Features, places: list[int]) -> Features:
        units = {"high": Units((40,), places=np.array(places))}
        return Features({"high": part.layers["high"][:, places]}, part.stimuli, part.categories, units=units)

    first, second = features.select(features.stimuli[:40]), features.select(features.stimuli[40:])
    alike = planted_signals(some(first, [0, 5, 9]), some(second, [0, 5, 9]))
    assert alike.n_samples == 64
    with pytest.raises(LabelMismatch, match="units_seed"):
        planted_signals(some(first, [0, 5, 9]), some(second, [0, 5, 8]))
    smaller = Features({"high": second.layers["high"][:, :20]}, second.stimuli, second.categories)
    with pytest.raises(DataError, match="one size"):
        planted_signals(first, smaller, layers=["high"])


@pytest.mark.parametrize("name", CODES)
def test_a_code_sets_its_pairs_apart_and_leaves_all_others_alike(name: str) -> None:
    from isocortex_rsa import code_rdm

    squares = pdist(code_places(CONDITIONS, name, CODES[name])) ** 2
    code = code_rdm(CONDITIONS, name=name, **CODES[name]) > 0
    assert np.ptp(squares[code]) < 1e-9
    assert np.ptp(squares[~code]) < 1e-9
    assert squares[code][0] - squares[~code][0] == pytest.approx(1)


def test_a_signal_that_is_not_there_is_named(features: Features) -> None:
    with pytest.raises(DataError, match="no layer 'lowe'"):
        planted_signals(features, layers=["lowe"])
    with pytest.raises(DataError, match="both a layer and a code"):
        planted_signals(features, layers=["low"], codes={"low": CODES["digit"]})


def test_regressors_are_stimuli_convolved_with_spms_response() -> None:
    from scipy.stats import gamma

    fine = np.arange(0, 120, 0.05)
    shape = gamma.pdf(fine, 6) - gamma.pdf(fine, 16) / 6
    one = np.convolve(fine < 4.0, shape)[: len(fine)]
    times, onsets, delay = 2.0 * np.arange(60), np.array([6.0, 31.0, 62.5]), 0.7
    found = regressors(times, onsets, 4.0, delay)
    wanted = [np.interp(times - onset - delay, fine, one / one.max(), left=0) for onset in onsets]
    np.testing.assert_allclose(found, np.transpose(wanted), atol=0.02)
    assert np.abs(found - regressors(times, onsets, 4.0, 0.0)).max() > 0.1


def test_estimates_have_the_mixing_and_covariance_of_volumes_that_are_fitted() -> None:
    trials, tr, ar = 6, 2.0, 0.4
    found = trial_estimates(trials, 4.0, 6.0, tr, 0.7, ar)
    onsets = 6.0 * (1 + np.arange(trials))
    times = tr * np.arange(int(np.ceil((onsets[-1] + 26) / tr)))
    drift = np.cos(np.pi * np.outer(np.arange(len(times)) + 0.5, np.arange(1)) / len(times))
    model = np.column_stack([regressors(times, onsets, 4.0, 0.0), drift])
    rng = np.random.default_rng(0)
    noise = np.empty((len(times), 40_000))
    noise[0] = rng.standard_normal(40_000)
    for row in range(1, len(times)):
        noise[row] = ar * noise[row - 1] + np.sqrt(1 - ar**2) * rng.standard_normal(40_000)
    responses = rng.standard_normal(trials)
    volumes = regressors(times, onsets, 4.0, 0.7) @ responses
    fitted = np.linalg.lstsq(model, volumes[:, None] + noise, rcond=None)[0][:trials]
    np.testing.assert_allclose(fitted.mean(axis=1), found.mixing @ responses, atol=0.03)
    np.testing.assert_allclose(np.cov(fitted), found.spread @ found.spread.T, atol=0.03)
    np.testing.assert_allclose(
        trial_estimates(trials, 4.0, 6.0, tr, 0.0, ar).mixing, np.eye(trials), atol=1e-9
    )


def test_regions_lie_on_both_sides_and_apart(regions: StatMaps) -> None:
    where = millimetres(regions.space)
    for place, own in zip(PLACES.values(), np.asarray(regions.values) > 0, strict=True):
        mirrored = np.array([-place[0], *place[1:]])
        near = np.minimum(np.linalg.norm(where - place, axis=1), np.linalg.norm(where - mirrored, axis=1))
        np.testing.assert_array_equal(own, near <= 20)
    with pytest.raises(DataError, match="low and animacy come within"):
        planted_regions(PLACES, resolution=8, radius=60)
    with pytest.raises(DataError, match="no voxel of the brain"):
        planted_regions({"far": [200.0, 0.0, 0.0]}, resolution=8)


def test_sessions_are_of_one_brain_and_labels_fit_the_responses(signals: Features, regions: StatMaps) -> None:
    quiet = {"signal": 2.0, "noise": 0.0, "trials": 32, "soa": 60.0}
    one = simulate_responses(signals, regions, "S1", repeats=1, **quiet)
    two = simulate_responses(signals, regions, "S1", repeats=1, session="test", within=["low"], **quiet)
    other = simulate_responses(signals, regions, "S2", repeats=1, **quiet)
    again = simulate_responses(signals, regions, "S1", repeats=1, **quiet)
    np.testing.assert_array_equal(one.values, again.values)
    assert one.stimuli != two.stimuli
    assert sorted(one.stimuli or ()) == sorted(two.stimuli or ())
    assert all(
        stimulus.startswith(f"{condition}-")
        for stimulus, condition in zip(one.stimuli or (), one.conditions, strict=True)
    )
    assert {run: one.runs.count(run) for run in set(one.runs or ())} == {"training-01": 32, "training-02": 32}
    low = np.asarray(regions.values)[regions.names.index("low")] > 0
    assert two.n_channels == low.sum()
    order = [two.stimuli.index(name) for name in one.stimuli or ()]

    def likeness(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])

    same = np.asarray(two.values)[order]
    assert likeness(np.asarray(one.values)[:, low], same) > 0.9
    assert abs(likeness(np.asarray(other.values)[:, low], same)) < 0.3


def test_planted_voxels_have_the_geometry_of_what_is_planted(signals: Features, regions: StatMaps) -> None:
    found = simulate_responses(signals, regions, "S1", signal=3.0, noise=0.0, trials=64, soa=60.0)
    order = [found.stimuli.index(name) for name in signals.stimuli]
    values = np.asarray(found.values)[order]
    for name, own in zip(regions.names, np.asarray(regions.values) > 0, strict=True):
        planted = np.corrcoef(pdist(values[:, own]), pdist(signals.layers[name]))[0, 1]
        nothing = np.corrcoef(
            pdist(values[:, ~own & ~np.any(regions.values, axis=0)]), pdist(signals.layers[name])
        )
        assert planted > 0.6
        assert abs(nothing[0, 1]) < 0.25


def test_trials_that_do_not_fill_runs_are_an_error(signals: Features, regions: StatMaps) -> None:
    with pytest.raises(DataError, match="do not fill runs of 60"):
        simulate_responses(signals, regions, "S1", trials=60)
    with pytest.raises(DataError, match="no region 'lov'"):
        simulate_responses(signals, regions, "S1", within=["lov"])


@pytest.mark.parametrize(
    "setting",
    [{"trials": 0}, {"trials": -32}, {"repeats": 0}, {"autocorrelation": 1.0}, {"autocorrelation": -1.5}],
)
def test_designs_that_cannot_be_are_an_error(
    signals: Features, regions: StatMaps, setting: dict[str, float]
) -> None:
    with pytest.raises(DataError, match="give 1 trial and 1 repeat or more"):
        simulate_responses(signals, regions, "S1", **setting)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"noise": -1.0}, "noise is -1; give 0 or more"),
        ({"smoothness": float("nan")}, "smoothness is nan; give 0 or more"),
        ({"signal": -2.0}, "signal is -2; give 0 or more"),
        ({"tr": 0.0}, "tr is 0 s; give a time above 0"),
        ({"soa": -6.0}, "soa is -6 s"),
        ({"duration": float("inf")}, "duration is inf s"),
        ({"soa": 1.0, "tr": 2.0}, "cannot tell 32 trials apart"),
    ],
)
def test_numbers_that_no_scanner_has_are_an_error(
    signals: Features, regions: StatMaps, setting: dict[str, float], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        simulate_responses(signals, regions, "S1", trials=32, **setting)


def test_an_impulse_is_a_stimulus(signals: Features, regions: StatMaps) -> None:
    values = simulate_responses(signals, regions, "S1", trials=32, duration=0.0, noise=0.0).values
    longer = simulate_responses(signals, regions, "S1", trials=32, duration=4.0, noise=0.0).values
    for one, other in zip(values.T, longer.T, strict=True):  # the same brain, through another shape
        assert np.corrcoef(one, other)[0, 1] > 0.9


def test_answers_count_what_was_recovered_and_what_was_found_elsewhere(regions: StatMaps) -> None:
    low, code = np.asarray(regions.values) > 0
    free = np.flatnonzero(~low & ~code)
    where = millimetres(regions.space)
    far = free[np.linalg.norm(where[free][:, None] - where[low | code][None], axis=2).min(axis=1).argmax()]
    best, p = np.full((1, regions.space.n_voxels), np.nan), np.ones((3, regions.space.n_voxels))
    half = np.flatnonzero(low)[: low.sum() // 2]
    best[0, half], p[1, half] = 2, 0.01
    p[1, np.flatnonzero(low)[-1]] = 0.01
    best[0, far], p[2, far] = 3, 0.01
    names = ("other", "low", "animacy")
    maps = StatMaps(p, names, regions.space, "p_fwe")
    number = StatMaps(best, ("best_model",), regions.space, "model number")
    models = Table({"number": np.arange(1, 4), "model": np.array(names)})
    found = planted_beside_found(regions, number, models, maps, maps, radius=3)
    rows = {row["model"]: row for row in found.models.rows()}
    assert rows["low"]["planted"] == low.sum()
    assert (rows["other"]["planted"], rows["other"]["elsewhere"]) == (0, 0)
    assert np.isnan(rows["other"]["recovered"])
    assert rows["low"]["recovered"] == pytest.approx(len(half) / low.sum())
    assert rows["low"]["significant"] == pytest.approx((len(half) + 1) / low.sum())
    assert rows["animacy"]["recovered"] == 0
    assert (rows["animacy"]["nowhere"], rows["low"]["nowhere"], rows["low"]["elsewhere"]) == (1, 0, 0)
    assert found.empty.rows()[0]["significant"] == 1
    assert [row["voxels"] for row in found.planted_models.rows()] == [0, low.sum(), code.sum()]
    planted = np.asarray(found.planted.values)[0]
    assert set(planted[low]) == {2.0}
    assert set(planted[code]) == {3.0}
    assert np.isnan(planted[~low & ~code]).all()


def test_pictures_differ_and_sets_share_none() -> None:
    first = ColouredPictures(per_category=2, size=32).load_images()
    more = ColouredPictures(per_category=2, first=2, size=32, categories=["zero", "cat"]).load_images()
    assert first.values.shape == (32, 32, 32, 3)
    assert first.stimuli[:2] == ("zero-01", "zero-02")
    assert more.stimuli == ("zero-03", "zero-04", "cat-03", "cat-04")
    assert len({picture.tobytes() for picture in (*first.values, *more.values)}) == 36
    assert "no 'cow'" in ColouredPictures(categories=["cow"]).check()[0]
    with pytest.raises(DataError, match="174 pictures"):
        ColouredPictures(per_category=10, first=170).load_images()


def test_the_pipeline_is_sound() -> None:
    from click.testing import CliRunner

    from isocortex.cli import main

    path = Path(__file__).parents[2] / "pipelines" / "full-study.yaml"
    assert CliRunner().invoke(main, ["check", str(path)]).exit_code == 0
