"""Kernels of the guards: hashes, collapse, dimensions, nearest items, against plain definitions."""

from pathlib import Path

import numpy as np
import pytest
from decoding_study import pictures
from scipy.spatial.distance import cdist

from isocortex.errors import DataError
from isocortex_decoding.evaluation.blocks import Rows, thinned, unit_statistics
from isocortex_decoding.guards.collapse import Span, collapse, training_subsets
from isocortex_decoding.guards.hashes import exact_hashes, near_duplicates, perceptual_hashes, thumbnails
from isocortex_decoding.guards.variance import dimensions, mean_spread, nearest_items


def test_exact_hashes_know_size_and_pixels() -> None:
    images = pictures(3)
    hashes = exact_hashes(images)
    assert len(set(hashes)) == 3 and exact_hashes(images.astype(np.float32)) == hashes
    changed = images.copy()
    changed[1, 0, 0, 0] ^= 1
    assert [a == b for a, b in zip(exact_hashes(changed), hashes, strict=True)] == [True, False, True]
    flat = np.zeros((1, 4, 6, 3), np.uint8)
    assert exact_hashes(flat) != exact_hashes(flat.reshape(1, 6, 4, 3))


@pytest.mark.parametrize("size", [(64, 96), (32, 32), (33, 50), (20, 7), (1, 1)])
def test_thumbnails_average_over_areas(size: tuple[int, int]) -> None:
    image = np.random.default_rng(1).uniform(0, 255, (1, *size))
    fine = np.repeat(np.repeat(image[0], 32, axis=0), 32, axis=1)  # every area is a whole number of pixels
    want = fine.reshape(32, size[0], 32, size[1]).mean(axis=(1, 3))
    np.testing.assert_allclose(thumbnails(image)[0], want, rtol=1e-12)
    colour = np.repeat(image[..., None], 3, axis=3)
    np.testing.assert_allclose(thumbnails(colour)[0], want, rtol=1e-12)


def test_near_duplicates_survive_what_copies_go_through() -> None:
    images = pictures(12, 128)
    rng = np.random.default_rng(2)
    copies = [
        np.clip(images[0].astype(float) + rng.normal(0, 6, images[0].shape), 0, 255),  # noise, as of JPEG
        np.clip(images[1] * 0.8 + 20.0, 0, 255),  # contrast and brightness
        images[2][:, ::-1],  # mirror
        np.pad(images[3][2:, 2:], ((2, 0), (2, 0), (0, 0)), mode="edge"),  # a small shift
    ]
    test = np.concatenate([np.stack(copies).astype(np.uint8), pictures(8, 128, seed=9)])
    found = near_duplicates(test, images)
    assert {(pair.first, pair.second, pair.mirrored) for pair in found} == {
        (0, 0, False),
        (1, 1, False),
        (2, 2, True),
        (3, 3, False),
    }
    assert [pair.correlation for pair in found] == sorted((pair.correlation for pair in found), reverse=True)
    small = near_duplicates(test[:, ::2, ::2], images, block=30)
    assert {(pair.first, pair.second) for pair in small} == {(k, k) for k in range(4)}


def test_pictures_that_are_not_alike_are_no_duplicates(real_data: Path) -> None:
    assert near_duplicates(pictures(30, seed=3), pictures(30, seed=4)) == []
    blank = np.full((2, 10, 10, 3), 128, np.uint8)
    assert near_duplicates(blank, blank) == [] and near_duplicates(blank[:0], blank) == []
    with np.load(real_data / "vangerven_digits69" / "digits69.npz") as archive:
        train, test = archive["stim_train"], archive["stim_test"]
    assert near_duplicates(test, train) == []  # different handwritten digits of the same class


def test_hashes_do_not_see_brightness_and_contrast() -> None:
    small = thumbnails(pictures(5))
    bits = perceptual_hashes(small)
    assert bits.shape == (5, 63) and np.array_equal(bits, perceptual_hashes(small * 0.5 + 7))
    assert (bits.mean(axis=1) < 0.51).all() and (bits.mean(axis=1) > 0.45).all()


def best_prediction(training: np.ndarray, test: np.ndarray) -> np.ndarray:
    """b = Z' (Z Z')^+ Z h, in z-scored units."""
    mean, sd = training.mean(0), training.std(0, ddof=1)
    z, h = (training - mean) / sd, (test - mean) / sd
    return h, h @ z.T @ np.linalg.pinv(z @ z.T) @ z


@pytest.mark.parametrize("block", [1, 60, 10**6])
@pytest.mark.parametrize(("n", "units"), [(6, 50), (30, 12)])
def test_collapse_is_the_formula(n: int, units: int, block: int) -> None:
    rng = np.random.default_rng(5)
    training, test = rng.normal(2, 3, (n, units)), rng.normal(2, 3, (4, units))
    predicted = test + rng.normal(size=test.shape)
    h, b = best_prediction(training, test)
    found = collapse(training, test, predicted, block=block)
    np.testing.assert_allclose(found.best, np.square(h - b).mean(axis=1), atol=1e-10)
    np.testing.assert_allclose(found.baseline, np.square(h).mean(axis=1))
    assert found.outside == pytest.approx(np.square(h - b).sum() / np.square(h).sum(), abs=1e-10)
    p, inside = best_prediction(training, predicted)
    np.testing.assert_allclose(found.error, np.square(h - p).mean(axis=1))
    assert found.inside == pytest.approx(np.square(inside).sum() / np.square(p).sum())
    assert (found.n, found.units) == (n, units) and found.scale == pytest.approx(n / units)
    if n > units:
        assert found.outside == pytest.approx(0, abs=1e-9) and found.inside == pytest.approx(1)


def test_collapse_of_a_shared_regression_and_not_of_selected_voxels() -> None:
    from isocortex_decoding.decoders.voxel_ridge import VoxelSelectedRidge

    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(20, 60)), rng.normal(size=(20, 300))
    test_x, test_y = rng.normal(size=(8, 60)), rng.normal(size=(8, 300))
    inside = {}
    for n_voxels in (None, 3):
        z = (y - y.mean(0)) / y.std(0, ddof=1)
        model = VoxelSelectedRidge(alpha=1.0, n_voxels=n_voxels).fit(x, z)
        predicted = model.predict(test_x) * y.std(0, ddof=1) + y.mean(0)
        found = collapse(y, test_y, predicted)
        inside[n_voxels] = found.inside
        assert found.outside > 0.8 and found.error.mean() > found.best.mean()
    assert inside[None] == pytest.approx(1.0) and inside[3] < 0.6


def test_collapse_of_subsets_and_units_without_spread() -> None:
    rng = np.random.default_rng(7)
    training, test = rng.normal(size=(12, 40)), rng.normal(size=(3, 40))
    training[:, 2], training[4, 3], test[1, 5] = 1.0, np.nan, np.inf
    good = [k for k in range(40) if k not in (2, 3, 5)]
    h, b = best_prediction(training[:5][:, good], test[:, good])
    found = collapse(training, test, subset=np.arange(5), block=70)
    # unit 3 is finite in the subset's other rows only if row 4 is not in it
    assert found.units == 37 and found.n == 5
    np.testing.assert_allclose(found.best, np.square(h - b).mean(axis=1), atol=1e-10)
    assert np.isnan(found.inside) and np.isnan(found.error).all()
    nested = training_subsets(16, None, rng)
    assert [len(part) for part in nested] == [16, 8, 4, 2]
    assert set(nested[2].tolist()) <= set(nested[1].tolist())
    assert [len(part) for part in training_subsets(16, [5, 16, 3], rng)] == [16, 5, 3]
    with pytest.raises(DataError, match="2 to 16 items, not 17"):
        training_subsets(16, [17], rng)
    with pytest.raises(DataError, match="predictions"):
        collapse(training, test, test[:2])
    nothing = collapse(np.ones((3, 4)), test[:, :4])
    assert nothing.units == 0 and np.isnan(nothing.outside) and np.isnan(nothing.scale)


def test_dimensions_are_those_of_the_covariance() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=(30, 3)) * [1.0, 2.0, 4.0] @ rng.normal(size=(3, 80)) + 5.0
    roots = np.linalg.eigvalsh(np.cov(x.T))[-3:]
    found = dimensions(x, block=100)
    assert found.rank == 3 and found.effective == pytest.approx(roots.sum() ** 2 / (roots**2).sum())
    equal = np.vstack([np.eye(6), -np.eye(6)])
    assert dimensions(equal) == (6, pytest.approx(6.0))
    assert dimensions(np.ones((5, 4))).rank == 0 and dimensions(np.ones((0, 4))).rank == 0
    assert dimensions(np.ones((1, 4))).rank == 0


def test_nearest_items_and_spread() -> None:
    rng = np.random.default_rng(9)
    training, true = rng.normal(size=(10, 40)), rng.normal(size=(4, 40))
    predicted = training[[3, 3, 7, 0]] + 0.1 * rng.normal(size=(4, 40))
    mean, norm = unit_statistics(training)
    keep = np.ones(40, bool)
    keep[0] = False
    found = nearest_items(predicted, true, training, mean, norm, keep)
    r = 1 - cdist(((predicted - mean) / norm)[:, 1:], ((training - mean) / norm)[:, 1:], "correlation")
    assert found.item.tolist() == [3, 3, 7, 0]
    np.testing.assert_allclose(found.r, r.max(axis=1))
    assert (found.own < 0.6).all()
    assert mean_spread(true, keep, 50) == pytest.approx(true[:, 1:].std(axis=1, ddof=1).mean())
    assert np.isnan(mean_spread(true[:, :1], keep[:1] | True)) and np.isnan(mean_spread(true[:0], keep))


@pytest.mark.parametrize(("channels", "most"), [(64, 1000), (256, 64), (4, 3)])
def test_thinned_maps_keep_all_of_their_channels(channels: int, most: int) -> None:
    maps = np.broadcast_to(np.arange(channels), (1, 64, channels)).reshape(1, -1)
    found = np.asarray(thinned(maps, most)[:, :])
    assert found.shape[1] <= most
    assert len(np.unique(found)) == min(channels, found.shape[1])


def test_thinned_matrices_and_rows_are_views_of_the_same() -> None:
    x = np.arange(60).reshape(4, 15)
    view = thinned(x, 4)
    assert view.shape == (4, 4) and len(view) == 4
    np.testing.assert_array_equal(view[:, 0:4], x[:, ::4])
    np.testing.assert_array_equal(view[:, 1:3], x[:, 4:12:4])
    np.testing.assert_array_equal(view[1:3][:, slice(0, 4)], x[1:3, ::4])
    both = thinned(Rows(x, np.array([3, 0])), 4)
    np.testing.assert_array_equal(both[:, 2:4], x[[3, 0]][:, 8:15:4])
    np.testing.assert_array_equal(both[np.array([1]), slice(0, 1)], x[[0], :1])
    assert thinned(x, 15) is x


def test_a_near_duplicate_between_the_halves_of_cifar_is_found(real_data: Path) -> None:
    """One house is in the training and in the test set of CIFAR-100, once in colour and once in grey."""
    with np.load(real_data / "objects32_cifar" / "objects32.npz") as archive:
        train, test = archive["train_images"], archive["test_images"]
        files = archive["train_files"], archive["test_files"]
    found = near_duplicates(test, train)
    names = [(files[1][pair.first].split("/")[-1], files[0][pair.second].split("/")[-1]) for pair in found]
    assert names == [("boarding_house_s_001908.png", "boarding_house_s_001761.png")]
    assert not set(exact_hashes(train)) & set(exact_hashes(test))


def test_a_span_serves_several_predictions() -> None:
    rng = np.random.default_rng(10)
    training, test = rng.normal(size=(8, 30)), rng.normal(size=(4, 30))
    training[:, 1] = 2.0
    span = Span(training, block=50)
    for bad in (None, 7):
        predicted = test + rng.normal(size=test.shape)
        if bad is not None:
            predicted[2, bad] = np.nan  # the span has to be made without this unit
        one, other = collapse(training, test, predicted, span=span), collapse(training, test, predicted)
        assert (one.units, one.n) == (other.units, other.n) == (29 - (bad is not None), 8)
        for first, second in zip(one, other, strict=True):
            np.testing.assert_allclose(first, second)
