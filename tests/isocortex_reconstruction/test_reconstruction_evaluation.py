"""Kernels that compare images, against definitions written out and against scikit-image."""

import itertools

import numpy as np
import pytest
from PIL import Image
from reconstruction_images import noisy, stimuli
from scipy import stats
from scipy.spatial.distance import cdist

from isocortex.errors import DataError
from isocortex_decoding.evaluation.resampling import label_permutations
from isocortex_reconstruction.evaluation import distances
from isocortex_reconstruction.evaluation.measures import Design, measure
from isocortex_reconstruction.evaluation.resizing import resampling_of, resized
from isocortex_reconstruction.evaluation.similarity import gaussian, ssim

RNG = np.random.default_rng


def pairs(size: tuple[int, int] = (17, 13), n: int = 3, channels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = RNG(0)
    first = rng.integers(0, 256, (n, *size, channels)).astype(np.uint8)
    return first, (0.7 * first + rng.normal(40, 25, first.shape)).astype(np.float32)


def ssim_by_definition(x: np.ndarray, y: np.ndarray, data_range: float) -> float:
    """Window by window, as the paper writes it: one image (height, width) each."""
    places = np.arange(11) - 5
    weights = np.exp(-(places[:, None] ** 2 + places[None] ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    found = []
    for row, column in itertools.product(range(x.shape[0] - 10), range(x.shape[1] - 10)):
        a, b = (image[row : row + 11, column : column + 11].astype(np.float64) for image in (x, y))
        ma, mb = (weights * a).sum(), (weights * b).sum()
        va, vb = (weights * (a - ma) ** 2).sum(), (weights * (b - mb) ** 2).sum()
        cab = (weights * (a - ma) * (b - mb)).sum()
        found.append((2 * ma * mb + c1) * (2 * cab + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    return float(np.mean(found))


@pytest.mark.parametrize("size", [(17, 13), (11, 11), (11, 30)])
@pytest.mark.parametrize("data_range", [255.0, 1.0])
def test_ssim_is_the_definition(size: tuple[int, int], data_range: float) -> None:
    first, second = pairs(size)
    first, second = (first, second) if data_range == 255 else (first / 255, second / np.float32(255))
    found = ssim(first, second, data_range)
    for k in range(len(first)):
        want = np.mean(
            [ssim_by_definition(first[k, ..., c], second[k, ..., c], data_range) for c in range(3)]
        )
        assert found[k] == pytest.approx(want, abs=1e-10)
    np.testing.assert_allclose(ssim(second, first, data_range), found, rtol=1e-13)


def test_ssim_is_that_of_scikit_image_with_the_papers_options() -> None:
    metrics = pytest.importorskip("skimage.metrics")
    first, second = pairs((40, 33))
    options = {
        "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255.0,
    }  # fmt: skip
    want = [
        metrics.structural_similarity(x.astype(float), y.astype(float), channel_axis=2, **options)
        for x, y in zip(first, second, strict=True)
    ]
    np.testing.assert_allclose(ssim(first, second), want, atol=1e-12)


def test_ssim_over_the_mirrored_border() -> None:
    first, second = pairs((9, 12), n=2, channels=1)
    mirrored = [np.pad(x, ((0, 0), (5, 5), (5, 5), (0, 0)), mode="reflect") for x in (first, second)]
    np.testing.assert_allclose(ssim(first, second, border="reflected"), ssim(*mirrored), rtol=1e-12)
    with pytest.raises(DataError, match="9 x 12 pixels are too small"):
        ssim(first, second)
    with pytest.raises(DataError, match="border='x'"):
        ssim(first, second, border="x")  # type: ignore[arg-type]


def test_ssim_of_equal_and_constant_images() -> None:
    first, _ = pairs()
    np.testing.assert_allclose(ssim(first, first), 1.0, rtol=1e-14)
    light, dark = np.full((1, 12, 12, 3), 200, np.uint8), np.full((1, 12, 12, 3), 50, np.uint8)
    c1 = (0.01 * 255) ** 2
    assert ssim(light, dark)[0] == pytest.approx((2 * 200 * 50 + c1) / (200**2 + 50**2 + c1), abs=1e-12)
    assert ssim(first, 255 - first).max() < 0.2 and gaussian().sum() == pytest.approx(1)
    with pytest.raises(DataError, match="one shape"):
        ssim(first, first[:1])
    with pytest.raises(DataError, match="range of levels"):
        ssim(first, first, 0.0)
    assert ssim(first[:0], first[:0]).shape == (0,)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_distances_and_errors_are_the_definitions(dtype: type) -> None:
    originals = stimuli()
    made = noisy(originals, 30, 1, dtype).select(originals.stimuli).values
    x, y = made.reshape(8, -1).astype(float), originals.values.reshape(8, -1).astype(float)
    squares, scale = distances.squared_distances(made, originals.values, block=500)
    np.testing.assert_allclose(squares, cdist(x, y) ** 2, rtol=1e-9)
    if dtype is np.uint8:
        np.testing.assert_array_equal(squares, ((x[:, None] - y[None]) ** 2).sum(axis=2))
    assert (scale >= squares.max(axis=1) / 2).all()
    np.testing.assert_allclose(distances.rmse(made, originals.values), np.sqrt(((x - y) ** 2).mean(axis=1)))
    np.testing.assert_allclose(distances.spread(made), x.std(axis=1), rtol=1e-6)
    np.testing.assert_allclose(distances.outside(made), ((x < 0) | (x > 255)).mean(axis=1))
    want = 0.299 * made[..., 0] + 0.587 * made[..., 1] + 0.114 * made[..., 2]
    np.testing.assert_allclose(distances.grey(made)[..., 0], want, rtol=1e-6)
    with pytest.raises(DataError, match="no pairs"):
        distances.rmse(made, originals.values[:2])


def test_grey_levels_are_pillows() -> None:
    values = stimuli(3).values
    want = [np.asarray(Image.fromarray(image).convert("L"), float) for image in values]
    assert np.abs(distances.grey(values)[..., 0] - want).max() <= 1


@pytest.mark.parametrize("resampling", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("size", [(7, 9), (40, 21)])
def test_originals_are_resized_as_pillow_does(resampling: str, size: tuple[int, int]) -> None:
    values = stimuli(2, (20, 14)).values
    found = resized(values, size, resampling)  # type: ignore[arg-type]
    method = Image.Resampling[resampling.upper()]
    want = [np.asarray(Image.fromarray(image).resize(size[::-1], method)) for image in values]
    np.testing.assert_array_equal(found, want)
    exact = resized(values.astype(np.float64), size, resampling)  # type: ignore[arg-type]
    assert exact.dtype == np.float32
    assert np.abs(np.clip(exact, 0, 255) - found).max() < 2  # it rounds between rows and columns
    assert resampling_of((20, 14), size, resampling) == f"{resampling} from 20 x 14"


def test_the_same_size_is_left_alone() -> None:
    values = stimuli(2).values
    assert resized(values, (16, 14)) is values and resampling_of((16, 14), (16, 14), "bicubic") == "none"
    with pytest.raises(DataError, match="resampling='cubic'"):
        resized(values, (4, 4), "cubic")  # type: ignore[arg-type]
    matrices = pytest.importorskip("isocortex_vision.networks.resizing")
    for filtered in ("bilinear", "lanczos"):
        rows, columns = (matrices.resizing(have, want, filtered) for have, want in ((16, 9), (14, 20)))
        want = np.einsum("ah,nhwc,bw->nabc", rows, values.astype(float), columns)
        np.testing.assert_allclose(resized(values.astype(np.float32), (9, 20), filtered), want, atol=1e-3)


def design(own: np.ndarray, candidates: int, **options: object) -> Design:
    return Design(own, label_permutations(candidates, 40, RNG(0)), **options)  # type: ignore[arg-type]


def by_name(images: np.ndarray, originals: np.ndarray, plan: Design) -> dict:
    return {found.name: found for found in measure(images, originals, plan)}


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("trials", [1, 2])
def test_measures_and_their_nulls_are_the_definitions(dtype: type, trials: int) -> None:
    """A permuted label takes another original for the own one, in all that is computed."""
    originals = stimuli()
    own = np.tile(np.arange(8), trials)
    made = np.concatenate(
        [noisy(originals, 60, k, dtype).select(originals.stimuli).values for k in range(trials)]
    )
    plan = design(own, 8)
    found = by_name(made, originals.values, plan)
    x, y = made.reshape(len(own), -1).astype(float), originals.values.reshape(8, -1).astype(float)
    grey_x, grey_y = (distances.grey(values).reshape(len(values), -1) for values in (made, originals.values))

    def means(order: np.ndarray) -> dict[str, float]:
        mine = order[own]
        error = np.sqrt(((x - y[mine]) ** 2).mean(axis=1))
        return {
            "pattern_correlation": np.mean(
                [stats.pearsonr(a, b).statistic for a, b in zip(x, y[mine], strict=True)]
            ),
            "grey_correlation": np.mean(
                [stats.pearsonr(a, b).statistic for a, b in zip(grey_x, grey_y[mine], strict=True)]
            ),
            "profile_correlation": np.mean(
                [stats.pearsonr(a, b).statistic for a, b in zip(x.T, y[mine].T, strict=True)]
            ),
            "rmse": error.mean(),
            "relative_rmse": (error / y[mine].std(axis=1)).mean(),
        }

    want = means(np.arange(8))
    nulls = [means(order) for order in plan.permutations[:2]]
    for name, value in want.items():
        assert found[name].mean == pytest.approx(value, rel=1e-6), name
        np.testing.assert_allclose(found[name].null[:2], [null[name] for null in nulls], rtol=1e-6)
        assert found[name].undefined == 0 and found[name].larger == ("rmse" not in name)
    r, d = 1 - cdist(x, y, "correlation"), cdist(x, y)
    for row, mine in enumerate(own):
        assert found["identification_correlation"].values[row] == (r[row] < r[row, mine]).sum() / 7
        assert found["identification_euclidean"].values[row] == (d[row] > d[row, mine]).sum() / 7
    np.testing.assert_allclose(found["ssim"].values, ssim(made, originals.values[own]))
    assert np.isnan(found["ssim"].null).all()


def test_unequal_numbers_of_trials_have_no_null_of_profiles() -> None:
    originals = stimuli()
    own = np.array([0, 1, 2, 3, 4, 5, 6, 7, 7])
    found = by_name(originals.values[own], originals.values, design(own, 8))
    assert found["profile_correlation"].mean == pytest.approx(1)
    assert np.isnan(found["profile_correlation"].null).all()
    assert not np.isnan(found["pattern_correlation"].null).any()


@pytest.mark.parametrize(("rule", "credit"), [("half", 0.5), ("wrong", 0.0), ("correct", 1.0)])
def test_ties_of_identification_follow_the_rule(rule: str, credit: float) -> None:
    """Two originals are the same picture: no reconstruction can tell them apart."""
    values = stimuli(4).values.copy()
    values[3] = values[1]
    made = values.astype(np.float32) + 1  # float, so that distances are not whole numbers
    made += RNG(0).normal(size=made.shape).astype(np.float32)
    for images in (values, made):
        found = by_name(images, values, design(np.arange(4), 4, tie_rule=rule))
        for name in ("identification_correlation", "identification_euclidean"):
            want = [1, (2 + credit) / 3, 1, (2 + credit) / 3]
            np.testing.assert_allclose(found[name].values, want, err_msg=name)
            assert found[name].identified.ties.tolist() == [0, 1, 0, 1]


def test_a_black_reconstruction_is_at_chance_by_correlation_and_counted() -> None:
    originals = stimuli()
    made = originals.values.copy()
    made[2] = 0
    found = by_name(made, originals.values, design(np.arange(8), 8))
    assert found["identification_correlation"].values[2] == 0.5
    assert found["identification_correlation"].undefined == found["pattern_correlation"].undefined == 1
    assert found["pattern_correlation"].mean == pytest.approx(1)  # of the seven others
    assert found["identification_euclidean"].undefined == 0 and found["rmse"].values[2] > 50
    flat = originals.values.copy()
    flat[5] = 77
    found = by_name(originals.values, flat, design(np.arange(8), 8))
    assert np.isnan(found["relative_rmse"].values[5]) and found["relative_rmse"].undefined == 1


def test_one_image_has_no_identification_and_no_profile() -> None:
    originals = stimuli(1)
    plan = Design(np.zeros(1, np.intp), label_permutations(1, 10, RNG(0)))
    found = by_name(originals.values, originals.values, plan)
    assert np.isnan(found["identification_correlation"].mean) and np.isnan(found["profile_correlation"].mean)
    assert found["pattern_correlation"].mean == pytest.approx(1) and found["rmse"].mean == 0
    assert found["ssim"].mean == pytest.approx(1) and len(found["rmse"].null) == 0
