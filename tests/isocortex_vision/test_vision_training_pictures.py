"""What an epoch shows: balanced classes, every picture in turn, changed as drawn and no otherwise."""

from collections import Counter

import numpy as np
import pytest
from scipy.ndimage import affine_transform
from training_pictures import DIGITS, OBJECTS, digit_pictures, joined, made_objects, some

from isocortex.data import Images
from isocortex.errors import DataError, LabelMismatch
from isocortex_vision.training import augmentation
from isocortex_vision.training.batches import Batches
from isocortex_vision.training.classes import LEE2023_CLASSES, class_order, digit_classes
from isocortex_vision.training.colours import colour_components
from isocortex_vision.training.pools import Pool, check_labels, make_pool
from isocortex_vision.training.sampling import Shares, draw_epoch


def codes(*counts: int, start: int = 0) -> np.ndarray:
    return np.repeat(np.arange(start, start + len(counts)), counts)


def test_epoch_has_the_numbers_of_the_study() -> None:
    """1,611 of each of six objects and of ten digits: 9,666 + 16,110, as Lee et al. 2023."""
    objects = codes(2690, 3000, 6180, 4000, 1611, 2663, start=10)
    digits = codes(*[5900] * 10)
    epoch = draw_epoch(digits, objects, Shares(), seed=1, epoch=0)
    assert (len(epoch.digits), len(epoch.objects), epoch.n_batches) == (16110, 9666, 806)
    assert set(Counter(digits[epoch.digits].tolist()).values()) == {1611}
    assert set(Counter(objects[epoch.objects].tolist()).values()) == {1611}
    assert len(set(epoch.digits.tolist())) == 16110
    old = draw_epoch(digits, objects, Shares(), seed=1, epoch=0, lee2023=True)
    assert (len(old.digits), len(old.objects), old.n_batches) == (16109, 9665, 805)
    assert len(set(Counter(digits[old.digits].tolist()).values())) > 1


def test_batches_show_each_drawn_picture_once() -> None:
    epoch = draw_epoch(codes(40, 50), codes(31, 30, 33, start=2), Shares(10, 8), seed=0, epoch=3)
    shown = [epoch.batch(k) for k in range(epoch.n_batches)]
    for kind, positions in ((0, epoch.digits), (1, epoch.objects)):
        together = np.concatenate([positions[part[kind]] for part in shown])
        np.testing.assert_array_equal(together, positions)
    sizes = [(len(epoch.digits[a]), len(epoch.objects[b])) for a, b in shown]
    assert set(sizes[:-1]) == {(10, 8)}


def test_every_picture_is_eligible_and_epochs_differ() -> None:
    digits, objects = codes(12, 30), codes(6, 9, start=2)
    seen_digits: set[int] = set()
    seen_objects: set[int] = set()
    for number in range(60):
        epoch = draw_epoch(digits, objects, Shares(5, 3), seed=0, epoch=number)
        seen_digits |= set(epoch.digits.tolist())
        seen_objects |= set(epoch.objects.tolist())
        again = draw_epoch(digits, objects, Shares(5, 3), seed=0, epoch=number)
        np.testing.assert_array_equal(epoch.digits, again.digits)
    assert seen_digits == set(range(42)) and seen_objects == set(range(15))


@pytest.mark.parametrize("counts", [((3, 3), (50, 50)), ((50, 50), (3, 3)), ((7, 7), ()), ((), (7, 9))])
def test_epoch_keeps_shares_whichever_kind_is_rare(counts: tuple[tuple[int, ...], ...]) -> None:
    digits, objects = codes(*counts[0]), codes(*counts[1], start=5)
    epoch = draw_epoch(digits, objects, Shares(5, 3), seed=0, epoch=0)
    for group, drawn in ((digits, epoch.digits), (objects, epoch.objects)):
        assert len(set(Counter(group[drawn].tolist()).values())) <= 1
    if len(digits) and len(objects):
        assert abs(len(epoch.digits) / len(epoch.objects) - 5 / 3) < 0.8


def test_too_few_pictures_are_an_error() -> None:
    with pytest.raises(DataError, match="too few"):
        draw_epoch(codes(9, 9, 9), codes(1, start=3), Shares(1, 12), seed=0, epoch=0)
    with pytest.raises(DataError, match="no full batch"):
        draw_epoch(codes(2, 2), codes(2, 2, start=2), Shares(), seed=0, epoch=0, lee2023=True)


def test_moving_agrees_with_scipy() -> None:
    """An affine map about the middle, against scipy's with the matrix written down anew."""
    rng = np.random.default_rng(0)
    side, count = 17, 5
    pictures = rng.uniform(0, 255, (count, side, side, 3)).astype(np.float32)
    scale, angle = rng.uniform(1, 1.08, count), rng.uniform(-0.26, 0.26, count)
    shift = rng.uniform(-1.4, 1.4, (count, 2))
    made = augmentation.move(pictures, augmentation.inverse_transforms(scale, shift, angle, side), 7.0)
    for k in range(count):
        cos, sin = np.cos(angle[k]), np.sin(angle[k])
        forward = scale[k] * np.array([[cos, sin], [-sin, cos]])  # rows (y), columns (x)
        middle = np.full(2, (side - 1) / 2)
        back = np.linalg.inv(forward)
        offset = middle - back @ (middle + shift[k, ::-1])
        for channel in range(3):
            expected = affine_transform(
                pictures[k, ..., channel], back, offset, order=1, cval=7.0, mode="grid-constant"
            )
            np.testing.assert_allclose(made[k, ..., channel], expected, atol=2e-2)


def test_draws_stay_in_their_ranges() -> None:
    drawn = augmentation.draw(4000, 4000, 100, seed=3, epoch=2)
    scale = 1 / np.hypot(drawn.transforms[:, 0], drawn.transforms[:, 3])
    angle = np.degrees(np.arctan2(-drawn.transforms[:, 3], drawn.transforms[:, 0]))
    assert 1 <= scale.min() < 1.001 and 1.079 < scale.max() <= 1.0801
    assert -15.01 < angle.min() < -14.9 and 14.9 < angle.max() < 15.01
    assert set(drawn.choices.tolist()) == set(range(10)) and abs(drawn.flips.mean() - 0.5) < 0.05
    assert abs(drawn.tints.std() - 0.1) < 0.005
    again = augmentation.draw(4000, 4000, 100, seed=3, epoch=2)
    for one, other in zip(drawn, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(drawn.tints, augmentation.draw(4000, 4000, 100, seed=3, epoch=1).tints)


@pytest.mark.parametrize(("side", "size"), [(9, 6), (8, 8), (7, 4)])
def test_crops_are_the_nine_squares(side: int, size: int) -> None:
    pictures = np.random.default_rng(0).uniform(0, 255, (10, side, side, 3)).astype(np.float32)
    flips = np.arange(10) % 2 == 1
    made = augmentation.crop(pictures, np.arange(10, dtype=np.int32), flips, size).numpy()
    assert made.shape == (10, size, size, 3)
    starts = [0, (side - size) // 2, side - size]
    for k in range(9):
        top, left = starts[k // 3], starts[k % 3]
        expected = pictures[k, top : top + size, left : left + size]
        np.testing.assert_array_equal(made[k], expected[:, ::-1] if flips[k] else expected)
    np.testing.assert_allclose(made[9].mean(), pictures[9].mean(), rtol=0.05)


def test_colours_vary_along_their_components() -> None:
    rng = np.random.default_rng(0)
    spread = np.array([[40.0, 3, 0], [20, -2, 5], [10, 6, -4]])
    values = (128 + rng.standard_normal((30, 8, 8, 3)) @ spread.T).astype(np.float32)
    pool = Pool(
        (values,), np.stack([np.zeros(30), np.arange(30)], axis=1).astype(np.intp), np.zeros(30, np.intp), 8
    )
    found = colour_components(pool)
    np.testing.assert_allclose(
        found @ found.T, np.cov(values.reshape(-1, 3), rowvar=False), rtol=1e-4, atol=1e-2
    )
    lengths = np.linalg.norm(found, axis=0)
    assert (np.diff(lengths) > 0).all() and (np.abs(found.T @ found - np.diag(lengths**2)) < 1e-3).all()


def test_tint_of_the_study_follows_its_code() -> None:
    """The steps of the published function, written down once more in numpy; it changes next to nothing."""
    pictures = np.random.default_rng(0).uniform(0, 255, (3, 6, 6, 3)).astype(np.float32)
    alphas = np.random.default_rng(1).normal(0, 0.1, (3, 3)).astype(np.float32)
    made = augmentation.lee2023_tint(pictures, alphas).numpy()
    assert 0 < np.abs(made - pictures).max() < 0.2
    for k in range(3):
        values, vectors = np.linalg.eigh(
            np.cov(pictures[k].reshape(-1, 3).astype(np.float64) / 255, rowvar=False)
        )
        shift = np.abs(vectors[:, ::-1].T @ np.diag(alphas[k, 0] * values[::-1]))
        assert (np.abs(made[k] - pictures[k]) < shift.sum(axis=1) + 1e-4).all()


def batches(**settings: object) -> Batches:
    images = joined(some(digit_pictures(False), 12), made_objects(7, 0, size=32))
    own = make_pool([images], DIGITS, (*DIGITS, *OBJECTS), 32)
    objects = make_pool([images], OBJECTS, (*DIGITS, *OBJECTS), 37)
    return Batches(own, objects, colour_components(objects), Shares(10, 6), 32, seed=5, **settings)


@pytest.mark.parametrize("lee2023", [False, True])
def test_batches_are_the_same_each_time(lee2023: bool) -> None:
    one, other = (list(batches(lee2023=lee2023)(2)) for _ in range(2))
    assert len(one) == len(other) > 3
    for (pictures, classes), (again, labels) in zip(one, other, strict=True):
        np.testing.assert_array_equal(pictures, again)
        np.testing.assert_array_equal(classes, labels)
        assert (
            pictures.shape[1:] == (32, 32, 3) and 0 <= pictures.numpy().min() <= pictures.numpy().max() <= 255
        )
    first = next(batches(lee2023=lee2023)(3))
    assert not np.array_equal(first[0], one[0][0])


def test_batches_carry_the_labels_of_their_pictures() -> None:
    """Pictures of one colour a class can be told apart after every change."""
    names = ("a", "b", "c", "d")
    levels = np.array([[250, 10, 10], [10, 250, 10], [10, 10, 250], [200, 200, 10]], dtype=np.uint8)
    rows = np.arange(40) % 4
    values = np.broadcast_to(levels[rows][:, None, None], (40, 16, 16, 3))
    images = Images(values, [str(k) for k in range(40)], [names[k] for k in rows])
    pools = [make_pool([images], part, names, 16) for part in (("a", "b"), ("c", "d"))]
    made = Batches(*pools, np.zeros((3, 3)), Shares(3, 2), 16, seed=0)
    for pictures, classes in made(0):
        centre = pictures.numpy()[:, 8, 8]
        nearest = np.abs(centre[:, None] - levels.astype(np.float32)).sum(axis=2).argmin(axis=1)
        np.testing.assert_array_equal(nearest, classes)


def test_pools_of_several_sizes() -> None:
    small, large = made_objects(2, 0, size=16), made_objects(3, 1, size=32)
    pool = make_pool([small, large], ("Bird", "Tree"), OBJECTS, 32)
    assert Counter(pool.codes.tolist()) == {1: 5, 5: 5} and pool.parts[1] is large.values
    rows = [k for k, name in enumerate(large.categories) if name == "Tree"]
    np.testing.assert_array_equal(pool.take(np.arange(7, 10)), large.values[rows])
    assert pool.take(np.array([0])).shape == (1, 32, 32, 3)
    with pytest.raises(LabelMismatch, match="more than once"):
        check_labels([small, small])


def test_classes_are_explicit() -> None:
    assert class_order(["b", "a", "b"], None, "here") == ("b", "a")
    assert class_order(["Zero", "Tree"], "lee2023", "here") == LEE2023_CLASSES
    assert digit_classes(LEE2023_CLASSES, "lee2023", "here") == DIGITS
    assert digit_classes(("x", "y"), [], "here") == ()
    with pytest.raises(DataError, match="'Bet' is not among the classes; did you mean 'Bed'"):
        class_order(["Bet"], "lee2023", "here")
    with pytest.raises(DataError, match="digits: 'Ten'"):
        digit_classes(LEE2023_CLASSES, ["Ten"], "here")
    with pytest.raises(DataError, match="one class"):
        class_order(["a"], None, "here")
