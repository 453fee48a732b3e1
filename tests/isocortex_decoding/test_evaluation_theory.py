"""Decoding of simulated data with known noise reaches the accuracy that theory gives."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import Ridge

from isocortex.data import Collected, Decoded, Features, Patterns
from isocortex_decoding.decoders.voxel_ridge import VoxelSelectedRidge
from isocortex_decoding.steps.cross_validate import cross_validated_decoding, cross_validation_folds
from isocortex_decoding.steps.evaluate import evaluate_decoding


@pytest.mark.parametrize(("units", "noise"), [(30, 4.0), (200, 8.0), (1000, 30.0)])
def test_identification_of_features_with_known_noise(units: int, noise: float) -> None:
    """True and decoded correlate with rho = 1 / sqrt(1 + noise^2), decoded and others with 0.

    r has a variance of (1 - rho^2)^2 / units and 1 / units, so the own one is the larger with probability
    Phi(rho / sqrt of their sum).
    """
    rng = np.random.default_rng(0)
    names = tuple(f"s{k}" for k in range(300))
    true = rng.normal(size=(300, units))
    items = {
        (f"S{k}",): Decoded({"x": true + noise * rng.normal(size=true.shape)}, names, averaged=(1,) * 300)
        for k in range(6)
    }
    found = evaluate_decoding(
        Collected(items, ("subject",)), Features({"x": true}, names), rng, permutations=50
    ).summary.rows()[0]
    rho = 1 / np.sqrt(1 + noise**2)
    want = norm.cdf(rho * np.sqrt(units) / np.sqrt(1 + (1 - rho**2) ** 2))
    assert found["identification"] == pytest.approx(want, abs=0.02)
    assert found["low"] < want < found["high"] + 0.01
    assert found["profile_correlation"] == pytest.approx(rho, abs=0.02)
    assert found["p"] == pytest.approx(1 / 51)


@pytest.mark.parametrize("decoder", [Ridge(alpha=1.0), VoxelSelectedRidge(alpha=1.0, n_voxels=None)])
def test_decoders_reach_the_best_linear_prediction(decoder: object) -> None:
    """Voxels are mixtures of units with noise; the best linear prediction and its correlation are known."""
    rng = np.random.default_rng(1)
    samples, units, voxels, noise = 1500, 12, 40, 3.0
    mixing = rng.normal(size=(units, voxels))
    true = rng.normal(size=(samples, units))
    values = true @ mixing + noise * rng.normal(size=(samples, voxels))
    names = tuple(f"s{k}" for k in range(samples))
    patterns = Patterns(values, ["x"] * samples, [str(k % 5) for k in range(samples)], names)
    features = Features({"x": true}, names)
    folds = cross_validation_folds(patterns, rng).folds
    decoded = cross_validated_decoding(patterns, features, folds, decoder).decoded
    covariance = mixing.T @ mixing + noise**2 * np.eye(voxels)
    explained = np.diag(mixing @ np.linalg.solve(covariance, mixing.T))  # R^2 of each unit
    found = evaluate_decoding(decoded, features, rng, permutations=0, bootstraps=0).scores.rows()[0]
    assert found["profile_correlation"] == pytest.approx(np.sqrt(explained).mean(), abs=0.015)
    best = Decoded({"x": values @ np.linalg.solve(covariance, mixing.T)}, names, averaged=(1,) * samples)
    top = evaluate_decoding(best, features, rng, permutations=0, bootstraps=0).scores.rows()[0]
    assert found["identification"] == pytest.approx(top["identification"], abs=0.01)
    assert 0.8 < top["identification"] < 0.999
