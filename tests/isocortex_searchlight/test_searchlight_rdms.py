"""Searchlight RDMs against a loop that follows the definition."""

from __future__ import annotations

import brute
import numpy as np
import pytest
from scipy.spatial.distance import pdist

import isocortex as ic
from isocortex.errors import DataError
from isocortex_searchlight import searchlight_rdms, sphere
from isocortex_searchlight.results import FEW, OK, UNDEFINED

METRICS = {"correlation": brute.one_minus_r, "cosine": brute.one_minus_cosine, "euclidean": brute.euclidean}


def made(
    shape: tuple[int, int, int] = (9, 8, 10), n: int = 5, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Data and an irregular mask with holes that touches the borders."""
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < 0.7
    mask[3:5, 2:4, :] = False
    return rng.normal(size=(*shape, n)) + rng.normal(size=n), mask


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("radius", [1, 1.8, 2, 3])
def test_equal_to_brute_force(metric: str, radius: float, dtype: str) -> None:
    data, mask = made()
    found = searchlight_rdms(data.astype(dtype), mask, radius, metric)
    assert found.values.dtype == dtype
    assert np.array_equal(found.centres, np.argwhere(mask))
    expected, counts = brute.rdms(
        data.astype(dtype), mask, found.centres, brute.ball(radius), METRICS[metric]
    )
    assert np.array_equal(found.counts, counts)
    tolerance = 3e-6 if dtype == "float32" else 1e-12
    assert np.allclose(found.values, expected, rtol=tolerance, atol=tolerance, equal_nan=True)
    assert np.array_equal(found.status == FEW, counts < 2)


@pytest.mark.parametrize("preset", ["lee2023", "rsatoolbox"])
def test_presets(preset: str) -> None:
    data, mask = made((12, 11, 13), seed=3)
    data[5, 5, 5] = [1, -1, 2, -2, 0]  # sums to zero: study A loses it
    mask[5, 5, 5] = True
    if preset == "lee2023":
        offsets = brute.ball(3)
        assert len(offsets) == 123
        members = data.sum(axis=3) != 0
        assert not members[5, 5, 5]
        fits = [all(3 <= a < b - 3 for a, b in zip(c, mask.shape, strict=True)) for c in np.argwhere(mask)]
        centres = np.argwhere(mask)[fits]
    else:
        mask[2:10, 2:9, 2:11] = True
        offsets = brute.ball(3, inclusive=False)
        assert len(offsets) == 93
        members = np.ones_like(mask)
        keep = []
        for centre in np.argwhere(mask):
            around = [tuple(centre + offset) for offset in offsets]
            around = [v for v in around if all(0 <= a < b for a, b in zip(v, mask.shape, strict=True))]
            keep.append(all(mask[v] for v in around))
        centres = np.argwhere(mask)[keep]
    found = searchlight_rdms(data, mask, 3, preset=preset)
    assert len(centres) and np.array_equal(found.centres, centres)
    expected, counts = brute.rdms(data, members, centres, offsets, brute.one_minus_r, min_voxels=1)
    assert np.array_equal(found.counts, counts)
    assert np.allclose(found.values, expected, rtol=0, atol=1e-12, equal_nan=True)


def test_study_a_notebook() -> None:
    """Notebook 03 word for word: full 7-cube, sphere <= 3, members by sum != 0, np.corrcoef."""
    data, mask = made((14, 12, 13), 16, seed=5)
    data[~mask] = 0
    brain = (data != 0).all(axis=3)
    d = np.arange(-3, 4)
    keep = (d[:, None, None] ** 2 + d[:, None] ** 2 + d**2) <= 9
    centres, values = [], []
    for x, y, z in np.argwhere(brain):
        if min(x, y, z) < 3 or x + 4 > 14 or y + 4 > 12 or z + 4 > 13:
            continue
        cube = data[x - 3 : x + 4, y - 3 : y + 4, z - 3 : z + 4][keep]
        cube = cube[cube.sum(axis=1) != 0]
        values.append(1 - np.corrcoef(cube, rowvar=False))
        centres.append((x, y, z))
    found = searchlight_rdms(data, brain, preset="lee2023")
    assert np.array_equal(found.centres, centres)
    rows, columns = np.triu_indices(16, 1)
    assert np.abs(found.values - np.array(values)[:, rows, columns]).max() < 1e-12


@pytest.mark.parametrize("inclusive", [True, False])
def test_millimetres_on_an_anisotropic_oblique_grid(inclusive: bool) -> None:
    data, mask = made((10, 9, 8), seed=2)
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    edges = turn @ np.diag([2.0, 3.0, 4.5]) @ np.array([[1, 0.2, 0], [0, 1, 0.1], [0, 0, 1.0]])
    affine = np.eye(4)
    affine[:3, :3] = edges
    offsets = brute.ball(7.0, inclusive, edges)
    assert {tuple(o) for o in sphere(7.0, "mm", affine, inclusive).tolist()} == set(offsets)
    found = searchlight_rdms(data, mask, 7.0, unit="mm", affine=affine, inclusive=inclusive)
    expected, counts = brute.rdms(data, mask, found.centres, offsets, brute.one_minus_r)
    assert np.array_equal(found.counts, counts)
    assert np.allclose(found.values, expected, rtol=0, atol=1e-12, equal_nan=True)


def test_sphere_sizes() -> None:
    assert [len(sphere(r)) for r in (1, 2, 3, 4)] == [7, 33, 123, 257]
    assert len(sphere(3, inclusive=False)) == 93
    iso = np.diag([3.0, 3, 3, 1])
    assert np.array_equal(sphere(9, "mm", iso), sphere(3))


@pytest.mark.parametrize("metric", [*METRICS, "cityblock"])
def test_nan_and_constant_voxels_are_left_out_and_counted(metric: str) -> None:
    data, mask = made(seed=7)
    spots = np.argwhere(mask)
    data[tuple(spots[10])] = np.nan
    data[tuple(spots[40])][2] = np.inf
    data[tuple(spots[70])] = 3.0
    data[tuple(np.argwhere(~mask)[0])] = np.nan
    function = METRICS.get(metric, lambda p: pdist(p, "cityblock"))
    found = searchlight_rdms(data, mask, 2, metric if metric in METRICS else function)
    assert found.dropped == {"not_finite": 2, "constant": 1}
    members = mask.copy()
    for spot in (10, 40, 70):
        members[tuple(spots[spot])] = False
    expected, counts = brute.rdms(data, members, found.centres, brute.ball(2), function)
    assert np.array_equal(found.counts, counts)
    assert np.allclose(found.values, expected, rtol=0, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_centre_depends_on_what_lies_outside(dtype: str) -> None:
    data, mask = made((12, 12, 12), seed=1)
    data = data.astype(dtype)
    before = searchlight_rdms(data, mask, 2)
    wild = data.copy()
    wild[6, 6, 6] = np.array([1e30, -1e30, 1e25, 0, 1e30])
    wild[5, 7, 6] = np.nan
    after = searchlight_rdms(wild, mask, 2)
    far = np.linalg.norm(before.centres - [6, 6, 6], axis=1) > 4
    assert np.allclose(
        before.values[far], after.values[far], rtol=0, atol=2e-6 if dtype == "float32" else 1e-13
    )
    expected, _ = brute.rdms(
        wild, mask & np.isfinite(wild).all(axis=3), after.centres, brute.ball(2), brute.one_minus_r
    )
    assert np.allclose(
        after.values, expected, rtol=0, atol=3e-6 if dtype == "float32" else 1e-12, equal_nan=True
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6])
def test_large_offsets_cost_no_digits(offset: float, dtype: str) -> None:
    data, mask = made(seed=4)
    data = (data + offset * (1 + np.indices(mask.shape)[0][..., None])).astype(dtype)
    found = searchlight_rdms(data, mask, 2)
    expected, _ = brute.rdms(data, mask, found.centres, brute.ball(2), brute.one_minus_r)
    assert np.allclose(
        found.values, expected, rtol=0, atol=1e-5 if dtype == "float32" else 1e-11, equal_nan=True
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_constant_pattern_is_undefined_and_said_to_be(dtype: str) -> None:
    data, mask = made(seed=6)
    data = data.astype(dtype)
    data[:5, :, :, 1] = 0.1
    found = searchlight_rdms(data, mask, 2)
    expected, counts = brute.rdms(data, mask, found.centres, brute.ball(2), brute.one_minus_r)
    assert np.array_equal(np.isnan(found.values), np.isnan(expected))
    constant = np.isnan(expected).any(axis=1) & (counts >= 2)
    assert constant.any() and np.array_equal(found.status == UNDEFINED, constant)
    assert np.array_equal(found.status == OK, ~np.isnan(expected).any(axis=1))


@pytest.mark.parametrize("metric", ["correlation", "cosine"])
@pytest.mark.parametrize("spread", [1.0, 0.1, 0.01])
def test_patterns_that_are_alike_keep_their_digits_in_float32(metric: str, spread: float) -> None:
    rng = np.random.default_rng(0)
    mask = np.ones((8, 8, 8), dtype=bool)
    data = rng.normal(scale=100, size=(8, 8, 8, 1)) + rng.normal(scale=spread, size=(8, 8, 8, 6))
    data = (data + (1000 if metric == "cosine" else 0)).astype(np.float32)
    single = searchlight_rdms(data, mask, 2, metric)
    double = searchlight_rdms(data.astype(np.float64), mask, 2, metric)
    assert single.values.dtype == np.float32
    assert np.allclose(single.values, double.values, rtol=1e-5, atol=0)


def test_outside_of_the_patterns_mask_nothing_is_known() -> None:
    rng = np.random.default_rng(0)
    mask = np.zeros((8, 8, 8), dtype=bool)
    mask[2:6, 2:6, 2:6] = True
    data = rng.normal(5, 1, size=(8, 8, 8, 5))
    patterns = ic.Patterns.from_volume(data, mask, np.eye(4), list("abcde"))
    inside = searchlight_rdms(patterns, radius=2)
    for members in ("volume", "lee2023"):
        anywhere = searchlight_rdms(patterns, radius=2, members=members)  # type: ignore[arg-type]
        assert np.array_equal(anywhere.counts, inside.counts)
        assert np.allclose(anywhere.values, inside.values, atol=1e-12)
    with pytest.raises(DataError, match="threshold it first"):
        searchlight_rdms(patterns, np.full((8, 8, 8), 0.01))
    with pytest.raises(DataError, match="bring their own"):
        searchlight_rdms(patterns, conditions=list("abcde"))


def test_a_constant_voxel_stays_constant_under_averaging() -> None:
    data = np.random.default_rng(0).normal(size=(5, 5, 5, 9))
    data[2, 2, 2] = 0.1
    patterns = ic.Patterns.from_volume(data, np.ones((5, 5, 5), bool), np.eye(4), list("aaabbbbcd"))
    assert searchlight_rdms(patterns, radius=1).dropped["constant"] == 1


def test_single_voxel_searchlights() -> None:
    data, _ = made()
    mask = np.zeros(data.shape[:3], dtype=bool)
    mask[0, 0, 0] = mask[8, 7, 9] = True
    found = searchlight_rdms(data, mask, 2)
    assert found.counts.tolist() == [1, 1] and np.isnan(found.values).all() and (found.status == FEW).all()
    euclidean = searchlight_rdms(data, mask, 2, "euclidean", min_voxels=1)
    assert np.allclose(euclidean.values[0], pdist(data[0, 0, 0][:, None]))


def test_any_callable_and_any_formula() -> None:
    data, mask = made(seed=8)

    def scaled(patterns: np.ndarray) -> np.ndarray:
        return pdist(patterns, "sqeuclidean") / patterns.shape[1]

    slow = searchlight_rdms(data, mask, 2, scaled)

    def with_sums(patterns: np.ndarray) -> np.ndarray:
        return scaled(patterns)

    def from_moments(count, sum_a, sum_b, sum_aa, sum_bb, sum_ab):  # type: ignore[no-untyped-def]
        return (sum_aa + sum_bb - 2 * sum_ab) / count

    with_sums.from_moments = from_moments  # type: ignore[attr-defined]
    fast = searchlight_rdms(data.astype(np.float32), mask, 2, with_sums)
    assert fast.values.dtype == np.float64, "a stranger's formula is computed in float64"
    assert np.allclose(fast.values, slow.values, rtol=1e-5, atol=1e-5, equal_nan=True)
    assert np.allclose(
        searchlight_rdms(data, mask, 2, with_sums).values, slow.values, rtol=1e-11, atol=1e-11, equal_nan=True
    )


def test_patterns_bring_mask_affine_and_labels() -> None:
    data, mask = made(seed=9)
    affine = np.diag([2.0, 2, 2, 1])
    patterns = ic.Patterns.from_volume(data, mask, affine, list("abcde"))
    found = searchlight_rdms(patterns, radius=4, unit="mm")
    assert np.array_equal(
        found.values, searchlight_rdms(data * mask[..., None], mask, 2).values, equal_nan=True
    )
    rdm = found.rdms([3, 5])
    assert rdm.conditions == tuple("abcde") and rdm.names[0] == ",".join(map(str, found.centres[3]))
    assert np.array_equal(rdm.values[1], found.values[5])
    twice = ic.Patterns.from_volume(
        np.concatenate([data, data + 1], axis=3), mask, affine, list("abcde") * 2, runs=[1] * 5 + [2] * 5
    )
    again = searchlight_rdms(twice, radius=2)
    assert np.allclose(again.values, found.values, atol=1e-12, equal_nan=True), (
        "samples of a condition are averaged"
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("metric", ["sqeuclidean", "poisson_kl"])
def test_metrics_that_add_over_channels(metric: str, dtype: str) -> None:
    if metric not in ic.plugin_manager().names("rdm_metric"):
        metric = next(name for name in ic.plugin_manager().names("rdm_metric") if name.startswith("poisson"))
    data, mask = made(seed=12)
    data = np.abs(data).astype(dtype)
    found = searchlight_rdms(data, mask, 2, metric)
    handle = ic.get("rdm_metric", metric)
    expected, _ = brute.rdms(data, mask, found.centres, brute.ball(2), handle)
    assert found.values.dtype == dtype
    assert np.allclose(
        found.values, expected, rtol=0, atol=2e-6 if dtype == "float32" else 1e-12, equal_nan=True
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_crossnobis(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    mask = rng.random((6, 7, 5)) < 0.8
    conditions, runs = list("abcd") * 3 + ["a"], [1] * 4 + [2] * 4 + [3] * 5
    data = rng.normal(size=(6, 7, 5, 13)).astype(dtype) + 100
    patterns = ic.Patterns.from_volume(data, mask, np.eye(4), conditions, runs=runs)
    found = searchlight_rdms(patterns, radius=2, metric="crossnobis")
    handle = ic.get("rdm_metric", "crossnobis")
    codes = np.array(["abcd".index(c) for c in conditions])
    for row in range(0, len(found.centres), 11):
        around = found.centres[row] + np.array(brute.ball(2))
        around = around[np.all((around >= 0) & (around < mask.shape), axis=1)]
        around = around[mask[tuple(around.T)]]
        columns = data[tuple(around.T)].T.astype(np.float64)
        expected = handle(columns, conditions=codes, runs=np.array(runs))
        assert np.allclose(found.values[row], expected, rtol=0, atol=1e-5 if dtype == "float32" else 1e-11)
    assert (found.values < 0).any(), "never clipped"
    monkeypatch.setattr("isocortex_searchlight.forms.FACTORS", 13 * 9)
    few = searchlight_rdms(patterns, radius=2, metric="crossnobis")
    assert few.values.tobytes() == found.values.tobytes(), "factors of 9 channels at a time, the same bits"


def test_a_metric_over_runs() -> None:
    rng = np.random.default_rng(0)
    mask = np.ones((4, 4, 4), dtype=bool)
    data = rng.normal(size=(4, 4, 4, 6))

    def between_runs(patterns: np.ndarray, conditions: np.ndarray, runs: np.ndarray) -> np.ndarray:
        means = np.array(
            [[patterns[(conditions == c) & (runs == r)].mean(axis=0) for c in range(3)] for r in range(2)]
        )
        first, second = np.triu_indices(3, 1)
        d = means[:, first] - means[:, second]
        return np.asarray((d[0] * d[1]).mean(axis=1))

    between_runs.needs = {"runs"}  # type: ignore[attr-defined]
    patterns = ic.Patterns.from_volume(data, mask, np.eye(4), list("abcabc"), runs=[1, 1, 1, 2, 2, 2])
    found = searchlight_rdms(patterns, radius=1, metric=between_runs)
    assert found.values.shape == (64, 3)
    centre = [tuple(c) for c in found.centres].index((1, 1, 1))
    columns = np.array([data[1 + dx, 1 + dy, 1 + dz] for dx, dy, dz in brute.ball(1)]).T
    expected = between_runs(columns, np.array([0, 1, 2, 0, 1, 2]), np.array([0, 0, 0, 1, 1, 1]))
    assert np.allclose(found.values[centre], expected)
    with pytest.raises(DataError, match="needs runs"):
        searchlight_rdms(data, mask, 1, between_runs)


def test_written_to_disk_and_in_blocks(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    from isocortex_searchlight import engine

    data, mask = made((12, 9, 8), seed=11)
    whole = searchlight_rdms(data, mask, 2)
    real = engine.Searchlight.ranges
    monkeypatch.setattr(engine.Searchlight, "ranges", lambda self: real(self, 3000))
    on_disk = searchlight_rdms(data, mask, 2, out=tmp_path / "rdms.npy")
    assert len(engine.prepare(data, mask).ranges()) > 5
    assert isinstance(on_disk.values.base, np.memmap) or isinstance(on_disk.values, np.memmap)
    assert np.array_equal(on_disk.values, whole.values, equal_nan=True)
    assert np.array_equal(np.load(tmp_path / "rdms.npy"), whole.values, equal_nan=True)


def test_saved_and_loaded(tmp_path) -> None:  # type: ignore[no-untyped-def]
    data, mask = made()
    found = searchlight_rdms(data, mask, 2, conditions=list("abcde"))
    found.save(tmp_path)
    back = type(found).load(tmp_path)
    assert np.array_equal(back.values, found.values, equal_nan=True) and back.conditions == found.conditions
    assert back.dropped == found.dropped and np.array_equal(back.status, found.status)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mask": np.ones((3, 3, 3), dtype=bool)}, "the mask has shape"),
        ({"mask": np.zeros((9, 8, 10), dtype=bool)}, "the mask is empty"),
        ({"mask": np.full((9, 8, 10), 0.5)}, "threshold it first"),
        ({"data": np.zeros((9, 8, 10))}, "conditions"),
        ({"data": np.zeros((9, 8, 10, 1))}, "at least 2 conditions"),
        ({"radius": 0}, "must be positive"),
        ({"radius": 200}, "is the unit right"),
        ({"radius": 5, "unit": "mm"}, "needs the affine"),
        ({"preset": "afni"}, "default, lee2023, rsatoolbox"),
        ({"conditions": ["a", "a", "b", "c", "d"]}, "more than once"),
        ({"conditions": ["a", "b"]}, "2 labels for 5 rows"),
        ({"radius": 8, "edges": "drop"}, "no centre is left"),
        ({"min_voxels": 0}, "min_voxels"),
        ({"members": "Mask"}, "did you mean 'mask'"),
        ({"edges": "dropp"}, "did you mean 'drop'"),
        ({"unit": "cm"}, "voxels"),
        ({"dtype": "float16"}, "float32"),
        ({"radius": 1e-4, "inclusive": False}, "no voxel lies within"),
        ({"radius": 2, "unit": "mm", "affine": np.zeros((4, 4))}, "singular"),
        ({"data": np.ma.masked_array(np.ones((9, 8, 10, 5)), mask=False)}, "masked array"),
    ],
)
def test_odd_input_is_explained(change: dict[str, object], message: str) -> None:
    data, mask = made()
    with pytest.raises(DataError, match=message):
        searchlight_rdms(**{"data": data, "mask": mask, **change})  # type: ignore[arg-type]


@pytest.mark.parametrize("metric", ["correlation", pdist])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fewer_centres_have_the_rdms_that_they_have_among_all(metric: object, dtype: str) -> None:
    data, mask = made()
    every = searchlight_rdms(data.astype(dtype), mask, 2, metric)
    some = searchlight_rdms(data.astype(dtype), mask, 2, metric, centres=60)
    assert len(some.centres) == 60 and some.space is None
    rows = [np.flatnonzero((every.centres == centre).all(axis=1))[0] for centre in some.centres]
    assert rows == sorted(rows) and len(set(rows)) == 60
    assert np.array_equal(some.counts, every.counts[rows])
    assert np.array_equal(some.status, every.status[rows])
    tolerance = 3e-6 if dtype == "float32" else 1e-12
    assert np.allclose(some.values, every.values[rows], rtol=0, atol=tolerance, equal_nan=True)
    assert np.array_equal(searchlight_rdms(data, mask, 2, centres=10**6).centres, every.centres)


def test_centres_must_be_some() -> None:
    data, mask = made()
    with pytest.raises(DataError, match="centres is 0"):
        searchlight_rdms(data, mask, centres=0)
