"""Noise normalisation as a step, and the metrics that need it, with labels, runs and bad channels."""

import numpy as np
import pytest

import isocortex as ic
from isocortex.data import Patterns, Space
from isocortex.errors import DataError, GridMismatch
from isocortex_rsa import (
    compute_rdms,
    mahalanobis,
    noise_precision,
    residuals_from_repeats,
    whiten,
    whiten_patterns,
)

NAMES = [f"c{k}" for k in range(4)]


def same(found: np.ndarray, want: np.ndarray) -> None:
    np.testing.assert_allclose(found, want, rtol=1e-12)


def patterns(seed: int = 0, runs: int = 3, repeats: int = 2, channels: int = 6) -> Patterns:
    rng = np.random.default_rng(seed)
    conditions = NAMES * (runs * repeats)
    labels = np.repeat([f"r{k}" for k in range(runs)], 4 * repeats).tolist()
    values = rng.standard_normal((len(conditions), channels)) * rng.uniform(1, 4, channels) + 10
    return Patterns(values, conditions, labels)


def test_from_repeats_over_all_runs() -> None:
    given = patterns()
    noise, dof = residuals_from_repeats(given.values, given.conditions)
    found = whiten_patterns(given)
    same(found.values, whiten(given.values, noise, dof=dof))
    assert found.conditions == given.conditions and found.runs == given.runs


def test_from_residuals() -> None:
    given = patterns()
    scans = Patterns(np.random.default_rng(1).standard_normal((80, 6)), ["scan"] * 80)
    found = whiten_patterns(given, scans, "full", dof=60)
    same(found.values, whiten(given.values, scans.values, "full", 60))


@pytest.mark.parametrize("residuals", [False, True])
def test_by_run(residuals: bool) -> None:
    given = patterns()
    scans = patterns(5, repeats=20) if residuals else None
    found = whiten_patterns(given, scans, "ledoit_wolf", by_run=True, dof=70 if residuals else None)
    for run in ("r0", "r2"):
        rows = np.array(given.runs) == run
        if scans is not None:
            noise, dof = scans.values[np.array(scans.runs) == run], 70
        else:
            noise, dof = residuals_from_repeats(given.values[rows], np.array(given.conditions)[rows])
        same(found.values[rows], whiten(given.values[rows], noise, "ledoit_wolf", dof))


@pytest.mark.parametrize("where", ["patterns", "residuals"])
def test_channels_that_cannot_be_used_leave_with_their_voxels(where: str) -> None:
    mask = np.zeros((2, 2, 2), bool)
    mask.flat[:6] = True
    given = patterns()
    scans = np.random.default_rng(1).standard_normal((80, 6))
    values = given.values.copy()
    target = values if where == "patterns" else scans
    target[2, 1] = np.nan
    (scans if where == "residuals" else values)[:, 4] = 3.0
    labelled = Patterns(values, given.conditions, given.runs, space=Space(mask, np.eye(4)))
    with pytest.warns(UserWarning, match="dropped 1 of") as warned:
        found = whiten_patterns(
            labelled, Patterns(scans, ["scan"] * 80) if where == "residuals" else None, "diagonal"
        )
    assert len(warned) == 2 and found.n_channels == 4 and found.space is not None
    assert np.flatnonzero(found.space.mask).tolist() == [0, 2, 3, 5]
    assert np.isfinite(found.values).all()


def test_what_is_refused() -> None:
    given = patterns()
    with pytest.raises(DataError, match="dof belongs to residuals"):
        whiten_patterns(given, dof=5)
    with pytest.raises(DataError, match="same channels"):
        whiten_patterns(given, patterns(channels=5))
    with pytest.raises(DataError, match="asks for run labels"):
        whiten_patterns(Patterns(given.values, given.conditions), by_run=True)
    with pytest.raises(DataError, match="no residuals of run 'r2'"):
        whiten_patterns(given, patterns(runs=2), by_run=True, method="diagonal")
    spaces = [Space(np.eye(6, dtype=bool)[None], np.diag([size, 1.0, 1, 1])) for size in (1.0, 2.0)]
    one, other = (Patterns(given.values, given.conditions, space=space) for space in spaces)
    with pytest.raises(GridMismatch):
        whiten_patterns(one, other)
    with pytest.raises(DataError, match="4 degrees of freedom"):
        whiten_patterns(patterns(runs=2, repeats=1), method="full")


def test_compute_rdms_estimates_the_noise_that_mahalanobis_needs() -> None:
    given = patterns()
    residuals, dof = residuals_from_repeats(given.values, given.conditions)
    want = mahalanobis(
        given.condition_means().values, noise_precision=noise_precision(residuals, "full", dof)
    )
    found = compute_rdms(given, "mahalanobis", noise="full")
    np.testing.assert_allclose(found.values[0], want)
    whitened = compute_rdms(whiten_patterns(given, method="full"), "sqeuclidean")
    np.testing.assert_allclose(whitened.values, found.values, rtol=1e-9)
    assert found.metric == "mahalanobis"


def test_data_are_no_settings() -> None:
    from isocortex.components import settings_of
    from isocortex.plugins.manager import PluginManager

    manager = PluginManager()
    assert not settings_of(manager.find("rdm_metric", "crossnobis")).settings
    assert set(settings_of(manager.find("rdm_metric", "poisson_kl")).settings) == {"prior", "weight"}
    given = np.random.default_rng(0).uniform(0, 5, (4, 7))
    handle = ic.get("rdm_metric", "poisson_kl", prior=2.0)
    left, right = handle.channel_factors(given)
    np.testing.assert_allclose(left[0], (given + 0.2) / 1.1)
    np.testing.assert_allclose(right[0], np.log(left[0]))
