"""Clusters, cluster statistics and TFCE, against scipy.ndimage, nilearn and the integral itself."""

import itertools

import numpy as np
import pytest
from nilearn.mass_univariate import _utils as nilearn_utils
from scipy import ndimage

from isocortex.data import Space, StatMaps
from isocortex.errors import DataError
from isocortex_rsa.inference.clusters import find_clusters, signed_clusters
from isocortex_rsa.inference.enhancement import cluster_extent, cluster_mass, tfce
from isocortex_rsa.inference.neighbours import clusters_of, neighbours_of

STRUCTURES = {6: 1, 18: 2, 26: 3}
CONNECTIVITIES = list(STRUCTURES)


def brain(seed: int, shape: tuple[int, int, int] = (9, 8, 7)) -> tuple[np.ndarray, np.ndarray]:
    """A mask with holes and a smooth map over it."""
    rng = np.random.default_rng(seed)
    mask = rng.uniform(size=shape) < 0.85
    volume = ndimage.gaussian_filter(rng.normal(size=shape), 1.0)
    return mask, np.where(mask, volume / (volume.std() or 1.0), 0.0)


def structure(connectivity: int) -> np.ndarray:
    return ndimage.generate_binary_structure(3, STRUCTURES[connectivity])


@pytest.mark.parametrize("connectivity", CONNECTIVITIES)
@pytest.mark.parametrize("shape", [(9, 8, 7), (1, 1, 1), (1, 6, 2), (3, 1, 1)])
def test_clusters_are_those_of_ndimage(connectivity: int, shape: tuple[int, int, int]) -> None:
    mask, volume = brain(1, shape)
    mask[0, 0, 0] = True
    inside = (volume > 0.3) & mask
    want, count = ndimage.label(inside, structure(connectivity))
    labels, found = clusters_of(inside[mask], neighbours_of(mask, connectivity))
    assert found == count
    np.testing.assert_array_equal(labels, want[mask])


def test_neighbours_by_definition() -> None:
    mask, _ = brain(2, (4, 5, 3))
    places = np.argwhere(mask)
    for connectivity, most in ((6, 1), (18, 2), (26, 3)):
        found = neighbours_of(mask, connectivity)
        assert found.shape == (len(places), connectivity) and found.dtype == np.int32
        for row, place in zip(found, places, strict=True):
            gap = np.abs(places - place)
            near = (gap.max(axis=1) == 1) & (gap.sum(axis=1) <= most)
            assert set(row[row >= 0].tolist()) == set(np.flatnonzero(near).tolist())
    with pytest.raises(DataError, match=r"6 .*18 .*26"):
        neighbours_of(mask, 8)


@pytest.mark.parametrize("connectivity", CONNECTIVITIES)
def test_extent_and_mass_are_those_of_nilearn(connectivity: int) -> None:
    for seed in range(5):
        mask, volume = brain(seed)
        neighbours = neighbours_of(mask, connectivity)
        size, mass = nilearn_utils.calculate_cluster_measures(
            volume[..., None], 0.8, structure(connectivity), two_sided_test=False
        )
        assert cluster_extent(volume[mask], neighbours, 0.8).max() == size[0]
        assert cluster_mass(volume[mask], neighbours, 0.8).max() == pytest.approx(mass[0], rel=1e-12)
        labels, count = ndimage.label(volume > 0.8, structure(connectivity))
        want = [0.0, *(np.sum(volume[labels == k] - 0.8) for k in range(1, count + 1))]
        np.testing.assert_allclose(cluster_mass(volume[mask], neighbours, 0.8), np.array(want)[labels[mask]])


def integral(volume: np.ndarray, mask: np.ndarray, connectivity: int, extent: float, height: float):
    """TFCE from its definition: between two neighbouring values of the map nothing changes."""
    heights = np.unique(np.concatenate([[0.0], volume[mask & (volume > 0)]]))
    out = np.zeros(volume.shape)
    for low, high in itertools.pairwise(heights):
        labels, _ = ndimage.label(volume >= high, structure(connectivity))
        sizes = np.bincount(labels.ravel()).astype(float)
        sizes[0] = 0
        out += sizes[labels] ** extent * (high ** (height + 1) - low ** (height + 1)) / (height + 1)
    return out[mask]


@pytest.mark.parametrize("connectivity", CONNECTIVITIES)
@pytest.mark.parametrize(("extent", "height"), [(0.5, 2.0), (1.0, 1.0), (0.7, 0.0)])
def test_tfce_is_the_integral(connectivity: int, extent: float, height: float) -> None:
    for seed in range(4):
        mask, volume = brain(seed)
        if seed == 3:
            volume = np.round(volume * 3) / 3  # plateaus
        found = tfce(volume[mask], neighbours_of(mask, connectivity), extent, height)
        np.testing.assert_allclose(found, integral(volume, mask, connectivity, extent, height), rtol=1e-10)


@pytest.mark.parametrize("connectivity", CONNECTIVITIES)
def test_tfce_in_steps_is_that_of_nilearn(connectivity: int) -> None:
    for seed in range(4):
        mask, volume = brain(seed)
        step = float(volume.max()) / 100
        want = nilearn_utils.calculate_tfce(volume[..., None], structure(connectivity), two_sided_test=False)[
            ..., 0
        ][mask]
        found = tfce(volume[mask], neighbours_of(mask, connectivity), step=step)
        np.testing.assert_allclose(found, want * step, rtol=1e-9)  # nilearn leaves out the step
        exact = tfce(volume[mask], neighbours_of(mask, connectivity))
        assert np.abs(exact - found).max() < 0.05 * exact.max()


def test_tfce_of_odd_maps() -> None:
    mask, volume = brain(0)
    neighbours = neighbours_of(mask, 26)
    none = np.full(mask.sum(), -1.0)
    np.testing.assert_array_equal(tfce(none, neighbours), np.zeros(mask.sum()))
    holed = volume[mask].copy()
    holed[::7] = np.nan
    without = np.where(np.isnan(holed), -1.0, holed)
    np.testing.assert_array_equal(tfce(holed, neighbours), tfce(without, neighbours))
    single = neighbours_of(np.ones((1, 1, 1), bool), 6)
    np.testing.assert_allclose(tfce(np.array([3.0]), single), [9.0])
    with pytest.raises(DataError, match="above 0"):
        tfce(none, neighbours, step=0.0)


def test_signs_never_share_a_cluster_and_small_ones_go() -> None:
    line = np.array([0.0, 2, 2, -2, -2, -2, 0, 1, np.nan, 3, 3, 3, 3])
    neighbours = neighbours_of(np.ones((1, 1, 13), bool), 6)
    found = signed_clusters(np.nan_to_num(line), neighbours)
    np.testing.assert_array_equal(found, [0, 3, 3, 2, 2, 2, 0, 4, 0, 1, 1, 1, 1])
    np.testing.assert_array_equal(
        signed_clusters(np.nan_to_num(line), neighbours, 3) > 0, found * (found < 3) > 0
    )
    np.testing.assert_array_equal(
        signed_clusters(np.nan_to_num(line), neighbours, 1, 2.0) > 0, np.nan_to_num(line) > 2
    )


def maps(values: np.ndarray, space: Space, names: tuple[str, ...] = ("m",)) -> StatMaps:
    return StatMaps(values, names, space, "t")


def test_table_of_clusters() -> None:
    mask = np.ones((4, 5, 6), dtype=bool)
    affine = np.array([[3.0, 0, 0, -10], [0, 3, 0, 5], [0, 0, 2, 1], [0, 0, 0, 1]])
    space = Space(mask, affine)
    volume = np.full(mask.shape, np.nan)
    volume[0, 0, :3] = [1.0, 5.0, 3.0]
    volume[3, 4, 5] = -4.0
    found = find_clusters(maps(volume[mask][None], space))
    first, second = found.table.rows()
    assert (first["voxels"], first["sign"], first["peak"]) == (3, "positive", 5.0)
    assert first["volume_mm3"] == pytest.approx(54.0)
    assert (first["peak_x_mm"], first["peak_y_mm"], first["peak_z_mm"]) == (-10.0, 5.0, 3.0)
    assert first["centre_z_mm"] == pytest.approx(3.0)
    assert (second["sign"], second["peak"], second["cluster"]) == ("negative", -4.0, 2)
    assert second["centre_x_mm"] == pytest.approx(-1.0)
    assert found.labels.volume("m")[3, 4, 5] == 2
    assert len(find_clusters(maps(volume[mask][None], space), min_voxels=2).table) == 1
    none = find_clusters(maps(np.full((2, 120), np.nan), space, ("a", "b")))
    assert len(none.table) == 0 and "peak" in none.table.columns and not none.labels.values.any()
    with pytest.raises(DataError, match="both sides"):
        find_clusters(maps(volume[mask][None], space), threshold=-1.0)
