"""The simulated study: its design, its noise, and that what was planted is there and only there."""

from dataclasses import replace

import numpy as np
import pytest

from isocortex.contracts import DataSource
from isocortex.data import Patterns, RDMs
from isocortex.errors import DataError
from isocortex.handles import MetricHandle, SimilarityHandle
from isocortex_rsa import Pearson, Spearman, category_codes, correlation, euclidean
from isocortex_studies import CODES, CONDITIONS, Simulated
from isocortex_studies.concepts import geometry
from isocortex_studies.noise import smooth_noise
from isocortex_studies.simulated_brain import MOST_VOXELS, brain

METRIC = MetricHandle("correlation", correlation)
SPEARMAN = SimilarityHandle("spearman", Spearman())
PEARSON = SimilarityHandle("pearson", Pearson())
EQUAL = dict.fromkeys(CODES, 0.15)


def drawn(seed: int = 0, subject: str = "S1", **settings: object) -> Patterns:
    return Simulated(**{"n_voxels": 300, **settings}).load_patterns(subject, np.random.default_rng(seed))


def voxels_of(patterns: Patterns, where: np.ndarray) -> Patterns:
    return replace(patterns, values=patterns.values[:, where], space=None)


def test_design_is_that_of_the_study() -> None:
    patterns = drawn()
    assert patterns.values.shape == (192, 300) and patterns.values.dtype == np.float32
    assert set(patterns.conditions) == set(CONDITIONS) and len(set(patterns.stimuli or ())) == 192
    for run in ("run1", "run2", "run3"):
        inside = [c for c, r in zip(patterns.conditions, patterns.runs or (), strict=True) if r == run]
        assert sorted(inside) == sorted(CONDITIONS * 4) and inside != sorted(inside)
    for condition, stimulus in zip(patterns.conditions, patterns.stimuli or (), strict=True):
        assert stimulus.startswith(f"{condition}-")


def test_space_is_a_brain_on_the_grid_of_the_study() -> None:
    space = drawn(n_voxels=2000).space
    assert space is not None and space.n_voxels == 2000 and space.shape == (64, 76, 64)
    np.testing.assert_array_equal(space.voxel_sizes, [3, 3, 3])
    np.testing.assert_array_equal(space.affine[:3, 3], [-94.5, -130.5, -76.5])
    millimetres = space.voxels @ space.affine[:3, :3].T + space.affine[:3, 3]
    np.testing.assert_allclose(millimetres.mean(axis=0), [0, -18, 12], atol=1.5)
    whole = brain(MOST_VOXELS)
    edges = np.stack([whole.voxels.min(axis=0), np.array(whole.shape) - 1 - whole.voxels.max(axis=0)])
    assert edges.min() >= 4


def test_same_generator_same_bytes_other_generator_other_data() -> None:
    np.testing.assert_array_equal(drawn(1).values, drawn(1).values)
    assert drawn(1).conditions == drawn(1).conditions
    assert not np.array_equal(drawn(1).values, drawn(2).values)


def test_global_random_state_is_not_used() -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    drawn()
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize("name", sorted(CODES))
def test_geometry_is_the_nearest_to_the_code(name: str) -> None:
    """A code that some geometry can have is met exactly; in the others the code's pairs lie farthest."""
    places = geometry(name)
    np.testing.assert_allclose(places.mean(axis=0), 0, atol=1e-12)
    like = RDMs(np.zeros((1, 120)), CONDITIONS, ("x",), "m")
    code = category_codes(like, **{name: CODES[name]}).values[0] > 0
    squares = euclidean(places) ** 2
    if name == "digit_object":
        np.testing.assert_allclose(squares, code, atol=1e-12)
    assert squares[code].min() > 1.5 * squares[~code].max()


def test_each_code_fits_best_where_it_was_planted_and_nowhere_else_as_well() -> None:
    source = Simulated(n_voxels=2000, shares=EQUAL)
    patterns = source.load_patterns("S1", np.random.default_rng(3)).condition_means()
    codes = category_codes(patterns, **CODES)
    regions = source.regions()
    fits = np.stack([PEARSON.compare(METRIC(voxels_of(patterns, regions[name])), codes)[0] for name in CODES])
    assert fits.argmax(axis=0).tolist() == fits.argmax(axis=1).tolist() == list(range(5))
    assert np.diagonal(fits).min() > 0.6


def test_voxels_without_a_code_have_none() -> None:
    source = Simulated(n_voxels=600, shares={"digit": 0.5})
    nothing = ~source.regions()["digit"]
    found = []
    for seed in range(8):
        patterns = source.load_patterns("S1", np.random.default_rng(seed)).condition_means()
        codes = category_codes(patterns, **CODES)
        found.append(SPEARMAN.compare(METRIC(voxels_of(patterns, nothing)), codes)[0])
    means, errors = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / np.sqrt(8)
    assert (np.abs(means) < 4 * errors + 0.01).all() and (np.abs(means) < 0.15).all()


def test_regions_have_their_shares_and_do_not_overlap() -> None:
    source = Simulated(n_voxels=1000)
    regions = source.regions()
    assert {name: int(where.sum()) for name, where in regions.items()} == {
        "digit": 300, "object": 100, "digit_object": 30, "magnitude": 100, "animacy": 200
    }  # fmt: skip
    assert np.sum(list(regions.values()), axis=0).max() == 1
    y = source.space().voxels[:, 1]
    assert y[regions["digit"]].max() <= y[regions["animacy"]].min()
    full = Simulated(n_voxels=11, shares=dict.fromkeys(CODES, 0.2))
    assert np.sum(list(full.regions().values())) <= 11


def test_noise_has_its_size_everywhere_and_is_smooth() -> None:
    space = brain(400)
    noise = smooth_noise(space, 3000, 5.0, np.random.default_rng(0))
    np.testing.assert_allclose(noise.std(axis=0), 1, atol=0.08)
    first, second = space.voxels[:, None], space.voxels[None]
    distance = np.linalg.norm((first - second) * 3.0, axis=2)
    r = np.corrcoef(noise.T)
    sigma = 5.0 / np.sqrt(8 * np.log(2))
    for step in (3.0, 6.0, 9.0):
        assert r[distance == step].mean() == pytest.approx(np.exp(-(step**2) / (4 * sigma**2)), abs=0.03)
    assert abs(r[distance > 18].mean()) < 0.01
    assert abs(np.mean(noise[1:] * noise[:-1])) < 0.01


def test_white_noise_and_no_noise() -> None:
    r = np.corrcoef(smooth_noise(brain(50), 4000, 0.0, np.random.default_rng(0)).T)
    assert np.abs(r[~np.eye(50, dtype=bool)]).max() < 0.08
    assert np.isfinite(drawn(noise=0.0, smoothness=0.0).values).all()


def test_runs_share_an_offset() -> None:
    patterns = drawn(noise=0.0)
    runs = np.array(patterns.runs)
    means = np.stack([patterns.values[runs == run].mean(axis=0) for run in ("run1", "run2")])
    assert (means[0] - means[1]).std() == pytest.approx(0.5 * np.sqrt(2), rel=0.15)


def test_axes_files_and_contract() -> None:
    source = Simulated(n_subjects=3)
    assert source.axes() == {"subject": ["S1", "S2", "S3"]}
    assert source.files("patterns", subject="S1") == [] and source.check() == []
    assert isinstance(source, DataSource) and dict(source.loads) == {"patterns": ("subject",)}


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"n_subjects": 0}, "n_subjects is 0; it must be 1 or more"),
        ({"n_voxels": 3}, "10 or more"),
        ({"n_voxels": 10**6}, "57000 at most"),
        ({"n_runs": 0}, "n_runs"),
        ({"exemplars": 0}, "exemplars"),
        ({"noise": -1.0}, "noise is -1"),
        ({"noise": float("nan")}, "noise is nan"),
        ({"smoothness": -1.0}, "smoothness"),
        ({"shares": {"digits": 0.1}}, "did you mean 'digit'"),
        ({"shares": {"digit": 0.7, "object": 0.4}}, "together 1 at most"),
        ({"shares": {"digit": -0.1}}, "from 0 to 1"),
    ],
)
def test_settings_that_make_no_sense(settings: dict, problem: str) -> None:
    source = Simulated(**settings)
    assert any(problem in text for text in source.check()), source.check()
    with pytest.raises(DataError, match="simulated: "):
        source.load_patterns("S1", np.random.default_rng(0))


def test_unknown_subject() -> None:
    with pytest.raises(DataError, match="no simulated subject 'S9'"):
        drawn(subject="S9")


def test_quick_enough_for_a_laptop() -> None:
    patterns = drawn(n_voxels=2000)
    assert patterns.summary() == "192 samples of 16 conditions x 2000 channels, 3 runs"
