"""Study A's own procedure (notebooks 03 to 06, written out) on made data of the study's shape, all equal."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.stats import rankdata

import isocortex as ic
from isocortex_searchlight import searchlight_rdms, searchlight_rsa

SHAPE = (64, 76, 64)
AFFINE = np.array([[3.0, 0, 0, -94.5], [0, 3, 0, -130.5], [0, 0, 3, -76.5], [0, 0, 0, 1]])
DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
NAMES = [*DIGITS, "bed", "bird", "cat", "dog", "house", "tree"]
CODES = {
    "digit": {"within": DIGITS},
    "object": {"within": NAMES[10:]},
    "versus": {"between": [DIGITS, NAMES[10:]]},
    "magnitude": {"between": [["seven", "eight", "nine"], ["one", "two", "three"]]},
    "animacy": {"between": [["house", "tree", "bed"], ["bird", "cat", "dog"]]},
}


@pytest.fixture(scope="module")
def study() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Betas (x, y, z, 16), the notebook's centres, RDMs as it computes them, and layer RDMs."""
    rng = np.random.default_rng(0)
    grid = np.indices(SHAPE) - np.array(SHAPE)[:, None, None, None] / 2
    brain = ((grid / np.array([26.0, 33, 27])[:, None, None, None]) ** 2).sum(axis=0) < 1
    beta = np.zeros((*SHAPE, 16))
    beta[brain] = rng.normal(size=(int(brain.sum()), 16)) + rng.normal(size=(int(brain.sum()), 1))
    mask = (beta != 0).all(axis=3)
    d = np.arange(-3, 4)
    sphere = (d[:, None, None] ** 2 + d[:, None] ** 2 + d**2) <= 9
    centres = np.argwhere(mask)
    centres = centres[np.all((centres >= 3) & (centres + 4 <= SHAPE), axis=1)]
    rows, columns = np.triu_indices(16, 1)
    rdms = np.empty((len(centres), 120))
    for number, (x, y, z) in enumerate(centres):
        cube = beta[x - 3 : x + 4, y - 3 : y + 4, z - 3 : z + 4][sphere]
        cube = cube[cube.sum(axis=1) != 0]
        rdms[number] = (1 - np.corrcoef(cube, rowvar=False))[rows, columns]
    layers = rng.random((15, 120)) + rdms[::5000][:15]
    return beta, centres, rdms, layers


def spearman(rdms: np.ndarray, models: np.ndarray) -> np.ndarray:
    """Spearman's rho as scipy defines it: Pearson of average ranks, (models, rdms)."""
    out = []
    for values in (rdms, models):
        ranks = rankdata(values, axis=1)
        ranks -= ranks.mean(axis=1, keepdims=True)
        out.append(ranks / np.linalg.norm(ranks, axis=1, keepdims=True))
    return out[1] @ out[0].T


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_rdms_rho_and_maps_are_those_of_the_study(study) -> None:  # type: ignore[no-untyped-def]
    beta, centres, rdms, layers = study
    mask = (beta != 0).all(axis=3)
    assert 75_000 < len(centres) < 105_000
    double = searchlight_rdms(beta, mask, preset="lee2023")
    assert np.array_equal(double.centres, centres)
    assert np.abs(double.values - rdms).max() < 1e-12
    single = searchlight_rdms(beta.astype(np.float32), mask, preset="lee2023")
    assert np.abs(single.values - rdms).max() < 1e-5

    rho = spearman(rdms, layers)
    ours = searchlight_rsa(beta, mask, layers, preset="lee2023")
    assert np.abs(ours.similarity - rho).max() < 1e-10
    # where two layers have one rho (equal sums of ranks), rounding alone decides in the study's loop too
    best = np.sort(rho, axis=0)
    tied = best[-1] - best[-2] < 1e-12
    assert np.array_equal(ours.similarity.argmax(axis=0)[~tied], rho.argmax(axis=0)[~tied]), "the layer map"
    assert tied.mean() < 1e-3
    lower = searchlight_rsa(beta.astype(np.float32), mask, layers, preset="lee2023")
    assert np.abs(lower.similarity - rho).max() < 1e-3

    from isocortex_rsa import category_codes

    like = ic.RDMs(np.zeros((1, 120)), NAMES, ["like"], "code")
    codes = category_codes(like, **CODES)
    assert codes.values.sum(axis=1).tolist() == [45, 15, 60, 9, 9]
    ones = np.zeros((5, 16, 16))
    ones[0, :10, :10] = ones[1, 10:, 10:] = ones[2, :10, 10:] = ones[3, 1:4, 7:10] = 1
    ones[4, 11:14, 14:16] = ones[4, 10, 11:14] = 1  # house, tree, bed against bird, cat, dog; bed comes first
    rows, columns = np.triu_indices(16, 1)
    expected = spearman(rdms, ones[:, rows, columns])
    patterns = ic.Patterns.from_volume(beta, mask, AFFINE, NAMES)
    found = searchlight_rsa(patterns, models=codes, preset="lee2023")
    assert found.names == tuple(CODES)
    assert np.abs(found.similarity - expected).max() < 1e-10

    # 06-2: block Spearman inside a code's region (here: voxels where the code fits best), layer by layer
    region = expected[3] > np.quantile(expected[3], 0.999)
    block = (rows >= 1) & (rows < 4) & (columns >= 7) & (columns < 10)
    bars = spearman(rdms[region][:, block], layers[:, block]).mean(axis=1)
    from isocortex_rsa.inference import rdm_block_similarity

    names = [f"v{number}" for number in np.flatnonzero(region)]
    region_rdms = ic.RDMs(double.values[region], NAMES, names, "correlation")
    layer_rdms = ic.RDMs(layers, NAMES, [f"layer{k}" for k in range(15)], "correlation")
    blocks = {"magnitude": {"between": [["one", "two", "three"], ["seven", "eight", "nine"]]}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = rdm_block_similarity(region_rdms, layer_rdms, blocks)
    means = [table["similarity"][table["model"] == name].mean() for name in layer_rdms.names]
    assert np.allclose(means, bars, rtol=0, atol=1e-10)
