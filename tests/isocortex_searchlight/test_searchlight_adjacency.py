"""Given neighbourhoods: they equal spheres where they are spheres, parcels, and odd ones are refused."""

from __future__ import annotations

import brute
import numpy as np
import pytest
from scipy import sparse

import isocortex as ic
from isocortex.errors import DataError
from isocortex_searchlight import searchlight_rdms, searchlight_rsa
from isocortex_searchlight.adjacency import members_of, parcels


@pytest.fixture
def patterns() -> ic.Patterns:
    rng = np.random.default_rng(0)
    mask = rng.random((6, 5, 7)) < 0.8
    data = rng.normal(size=(6, 5, 7, 5))
    data[tuple(np.argwhere(mask)[3])] = np.nan
    return ic.Patterns.from_volume(data, mask, np.eye(4), list("abcde"))


def spheres(patterns: ic.Patterns) -> np.ndarray:
    voxels = patterns.space.voxels
    return np.linalg.norm(voxels[:, None] - voxels[None], axis=2) <= 2


@pytest.mark.parametrize(
    "form", [np.asarray, sparse.csr_array, lambda m: [np.flatnonzero(row).tolist() for row in m]]
)
def test_spheres_as_adjacency_equal_the_searchlight(patterns: ic.Patterns, form) -> None:  # type: ignore[no-untyped-def]
    moving = searchlight_rdms(patterns, radius=2)
    given = searchlight_rdms(patterns, adjacency=form(spheres(patterns)))
    assert np.array_equal(given.counts, moving.counts) and np.array_equal(given.status, moving.status)
    assert np.allclose(given.values, moving.values, rtol=0, atol=1e-12, equal_nan=True)
    assert given.dropped == moving.dropped == {"not_finite": 1, "constant": 0}
    models = np.random.default_rng(1).random((2, 10))
    a = searchlight_rsa(patterns, models=models, radius=2, permutations=50)
    b = searchlight_rsa(patterns, models=models, adjacency=form(spheres(patterns)), permutations=50)
    assert np.allclose(a.similarity, b.similarity, atol=1e-12, equal_nan=True)
    assert np.array_equal(a.p_fwe, b.p_fwe, equal_nan=True)


def test_parcels(patterns: ic.Patterns) -> None:
    atlas = np.zeros(patterns.space.shape, dtype=int)
    atlas[:3], atlas[4:] = 7, 2
    members, names = parcels(patterns, atlas)
    assert names == [2, 7]
    found = searchlight_rdms(patterns, adjacency=members)
    for row, name in enumerate(names):
        inside = (patterns.space.channels(atlas) == name) & np.isfinite(patterns.values).all(axis=0)
        assert np.allclose(found.values[row], brute.one_minus_r(patterns.values[:, inside]), atol=1e-12)
    with pytest.raises(DataError, match="no voxel of the patterns"):
        parcels(patterns, np.zeros_like(atlas))
    with pytest.raises(DataError, match="the label image has shape"):
        parcels(patterns, atlas[1:])
    with pytest.raises(DataError, match="nearest neighbour"):
        parcels(patterns, atlas + 0.5)


def test_an_empty_neighbourhood_has_no_result(patterns: ic.Patterns) -> None:
    found = searchlight_rdms(patterns, adjacency=[[0, 1, 2], []])
    assert (
        found.counts.tolist() == [3, 0]
        and np.isnan(found.values[1]).all()
        and found.status.tolist() == [0, 1]
    )


@pytest.mark.parametrize(
    ("adjacency", "message"),
    [
        (np.ones((2, 3)), "over 3 channels does not fit"),
        ([[0, 99999]], "channel outside"),
        ([[-1, 2]], "channel outside"),
        ([[0.5]], "channel outside"),
        ([], "no neighbourhoods"),
        (3, "an adjacency is a matrix"),
        ([[1, 0, 1]], "names a channel twice"),
    ],
)
def test_odd_adjacencies_are_refused(patterns: ic.Patterns, adjacency: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        searchlight_rdms(patterns, adjacency=adjacency)


def test_arrays_have_no_channels_to_name() -> None:
    with pytest.raises(DataError, match="channels of Patterns"):
        searchlight_rdms(np.ones((2, 2, 2, 3)), np.ones((2, 2, 2), bool), adjacency=[[0]])
    assert [member.tolist() for member in members_of([[3, 1], []], 5)] == [[1, 3], []]
