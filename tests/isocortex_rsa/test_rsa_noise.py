"""Noise covariances, precisions and whitening, against rsatoolbox, scikit-learn and definitions."""

import numpy as np
import pytest

from isocortex.errors import DataError
from isocortex_rsa import (
    mahalanobis,
    noise_covariance,
    noise_precision,
    residuals_from_repeats,
    sqeuclidean,
    whiten,
)

METHODS = {
    "diagonal": "diag",
    "full": "full",
    "ledoit_wolf": "shrinkage_eye",
    "schaefer_strimmer": "shrinkage_diag",
}


def noise(samples: int, channels: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixing = np.eye(channels) + 0.4 * rng.standard_normal((channels, channels)) / np.sqrt(channels)
    return rng.standard_normal((samples, channels)) @ mixing * rng.uniform(0.5, 3, channels) + 7


@pytest.mark.parametrize("shape", [(60, 8), (12, 30), (40, 40)])
@pytest.mark.parametrize("dof", [None, 5])
@pytest.mark.parametrize("method", sorted(METHODS))
def test_equals_rsatoolbox(method: str, dof: int | None, shape: tuple[int, int]) -> None:
    from rsatoolbox.data.noise import cov_from_residuals

    x = noise(*shape)
    want = cov_from_residuals(x.copy(), dof, METHODS[method])
    np.testing.assert_allclose(noise_covariance(x, method, dof), want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_one_channel_has_its_variance(method: str) -> None:
    x = noise(9, 1)
    np.testing.assert_allclose(noise_covariance(x, method), [[x.var(ddof=1)]])


def test_equals_scikit_learn() -> None:
    from sklearn.covariance import ledoit_wolf

    x = noise(25, 40)
    want, _ = ledoit_wolf(x - x.mean(0), assume_centered=True)
    np.testing.assert_allclose(noise_covariance(x, "ledoit_wolf", 20), want * 25 / 20, rtol=1e-9)


@pytest.mark.parametrize(
    ("method", "shape"), [(m, (60, 8)) for m in METHODS] + [(m, (12, 30)) for m in METHODS if m != "full"]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_whitening_is_the_inverse_symmetric_root(method: str, shape: tuple[int, int], dtype: type) -> None:
    residuals, x = noise(*shape), noise(5, shape[1], 1).astype(dtype)
    values, vectors = np.linalg.eigh(noise_covariance(residuals, method))
    root = vectors / np.sqrt(values) @ vectors.T
    found = whiten(x, residuals, method)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, x @ root, rtol=1e-8 if dtype is np.float64 else 1e-4)
    np.testing.assert_allclose(noise_precision(residuals, method), root @ root, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_distances_of_whitened_patterns_are_mahalanobis(method: str) -> None:
    residuals, x = noise(50, 10), noise(6, 10, 2)
    want = mahalanobis(x, noise_precision=noise_precision(residuals, method, 45))
    np.testing.assert_allclose(sqeuclidean(whiten(x, residuals, method, 45)), want, rtol=1e-9)


def test_whitened_noise_is_white() -> None:
    x = noise(4000, 6)
    np.testing.assert_allclose(np.cov(whiten(x, x, "full").T), np.eye(6), atol=1e-9)


def test_whole_brain_without_a_matrix_over_channels() -> None:
    x = np.random.default_rng(0).standard_normal((20, 60_000)).astype(np.float32)
    assert whiten(x, x, "ledoit_wolf").shape == x.shape
    assert whiten(x, x, "diagonal").shape == x.shape
    with pytest.raises(DataError, match="does not fit in memory"):
        whiten(x, x)


@pytest.mark.parametrize("runs", [False, True])
def test_repeats_as_rsatoolbox(runs: bool) -> None:
    from rsatoolbox.data import Dataset
    from rsatoolbox.data.noise import cov_from_unbalanced

    rng = np.random.default_rng(3)
    names, sessions = np.repeat(list("abcde"), 6), np.tile([1, 1, 1, 2, 2, 2], 5)
    x = noise(30, 7) + 5 * rng.standard_normal((5, 7))[np.repeat(np.arange(5), 6)]
    values, dof = residuals_from_repeats(x, names, sessions if runs else None)
    labels = [f"{a}{b}" for a, b in zip(names, sessions, strict=True)] if runs else names.tolist()
    want = cov_from_unbalanced(Dataset(x, obs_descriptors={"c": labels}), "c", method="shrinkage_diag")
    assert dof == 30 - (10 if runs else 5)
    np.testing.assert_allclose(noise_covariance(values, dof=dof), want, rtol=1e-9)


def test_samples_without_a_twin_say_nothing_about_noise() -> None:
    x = noise(7, 4)
    values, dof = residuals_from_repeats(x, list("aabbbcd"))
    assert values.shape == (5, 4) and dof == 3
    np.testing.assert_allclose(values[0], (x[0] - x[1]) / 2)
    with pytest.raises(DataError, match=r"no condition has two samples, .* give"):
        residuals_from_repeats(x, list("abcdefg"))
    with pytest.raises(DataError, match="within a run"):
        residuals_from_repeats(x[:4], list("abab"), list("1122"))


@pytest.mark.parametrize(
    ("method", "change", "dof", "message"),
    [
        ("full", None, 5, "cannot be inverted with 5 degrees"),
        ("diagonal", "constant", None, "1 of 10 channels .* no noise"),
        ("schaefer_strimmer", "constant", None, "1 of 10 channels .* no noise"),
        ("diagonal", "nan", None, "1 of 10 channels of the residuals hold NaN"),
        ("diagonal", None, 0, "0 degrees of freedom"),
        ("diagonal", None, 31, "no more than samples"),
        ("shrunk", None, None, "no method 'shrunk'"),
    ],
)
def test_what_cannot_be_whitened(method: str, change: str | None, dof: int | None, message: str) -> None:
    x = noise(30, 10)
    if change:
        x[:, 3] = 5.0 if change == "constant" else np.nan
    with pytest.raises(DataError, match=message):
        whiten(np.zeros((2, 10)), x, method, dof)
    with pytest.raises(DataError, match="same channels"):
        whiten(np.zeros((2, 9)), x)


def test_ledoit_wolf_bears_a_channel_without_noise() -> None:
    x = noise(30, 10)
    x[:, 3] = 5.0
    assert np.isfinite(whiten(x, x, "ledoit_wolf")).all()


def test_schaefer_strimmer_shrinks_independent_noise_to_its_diagonal() -> None:
    x = np.random.default_rng(0).standard_normal((30, 200))
    covariance = noise_covariance(x)
    off = covariance[~np.eye(200, dtype=bool)]
    assert np.abs(off).max() < 0.02 < np.abs(np.cov(x.T)[~np.eye(200, dtype=bool)]).max()
