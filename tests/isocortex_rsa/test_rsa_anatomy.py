"""Anatomical images on the grid of maps: where they come to lie, what they refuse, and figures over them."""

from __future__ import annotations

import io
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import map_coordinates

from isocortex.data import Collected, Patterns, Space, StatMaps
from isocortex.errors import DataError, GridMismatch
from isocortex_rsa.figures.anatomy import anatomy, resampled
from isocortex_rsa.figures.maps import _planes, map_figure

AFFINE = np.array([[-8.0, 0, 0, 60], [0, 8, 0, -92], [0, 0, 8, -40], [0, 0, 0, 1]])
MASK = np.zeros((16, 20, 14), dtype=bool)
MASK[4:11, 4:14, 4:11] = True
SPACE = Space(MASK, AFFINE)


def maps(space: Space = SPACE) -> StatMaps:
    values = np.full(space.n_voxels, np.nan)
    values[100:104] = [1.0, 2, 3, 4]
    return StatMaps(values[None], ("conv1",), space, "t")


def test_an_image_is_interpolated_in_millimetres() -> None:
    rng = np.random.default_rng(0)
    volume = rng.random((24, 28, 20)) + 0.5
    own = np.array([[5.0, 0.4, 0, -58], [-0.4, 5, 0, -80], [0, 0, 5, -40], [0, 0, 0, 1]])
    found = resampled(volume, own, SPACE)
    places = SPACE.voxels @ AFFINE[:3, :3].T + AFFINE[:3, 3]
    inner = np.linalg.inv(own) @ np.c_[places, np.ones(len(places))].T
    inside = ((inner[:3] > 1) & (inner[:3] < np.array(volume.shape)[:, None] - 2)).all(axis=0)
    assert inside.sum() > 200
    expected = map_coordinates(volume, inner[:3, inside], order=1)
    ratio = found[MASK][inside][expected < 1.2] / expected[expected < 1.2]
    assert np.ptp(ratio) < 1e-3 * ratio.mean(), "one factor for all"


def test_the_template_has_its_places() -> None:
    found = anatomy(maps(), template="mni152")
    assert found.statistic == "anatomy" and found.names == ("mni152",) and found.space.same_grid(SPACE)
    volume = found.space.volume(found.values[0])
    value = {mm: volume[tuple(np.rint(np.linalg.inv(AFFINE) @ [*mm, 1]).astype(int)[:3])] for mm in
             ((-28, -20, 32), (4, 4, 16), (-60, 60, 64))}  # fmt: skip
    assert value[-28, -20, 32] > 0.75, "white matter is bright"
    assert value[4, 4, 16] < 0.6, "a ventricle is dark"
    assert value[-60, 60, 64] == 0, "outside of the head"
    patterns = Patterns(np.ones((2, SPACE.n_voxels)), ("a", "b"), None, None, SPACE)
    several = Collected({("S1",): patterns, ("S2",): patterns}, ("subject",))
    np.testing.assert_array_equal(anatomy(several, template="mni152").values, found.values)


def test_a_file_of_the_user(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.where(MASK, 50.0, 10).astype(np.float32)[..., None], AFFINE)  # type: ignore[no-untyped-call]
    nibabel.save(image, tmp_path / "t1.nii.gz")  # type: ignore[attr-defined]
    found = anatomy(maps(), file=tmp_path / "t1.nii.gz")
    assert found.names == ("t1.nii.gz",)
    np.testing.assert_allclose(found.space.volume(found.values[0])[MASK], 1, atol=1e-6)


def test_what_is_refused() -> None:
    with pytest.raises(DataError, match="a template or a file"):
        anatomy(maps())
    far = AFFINE.copy()
    far[0, 3] += 150
    with pytest.raises(DataError, match=r"only \d+% of the mask's voxels lie within mni152"):
        anatomy(maps(Space(MASK, far)), template="mni152")
    with pytest.raises(DataError, match="no space"):
        anatomy(Patterns(np.ones((2, 3)), ("a", "b")), template="mni152")


def test_a_figure_is_drawn_over_it() -> None:
    behind = anatomy(maps(), template="mni152")
    png = map_figure(maps(), view="axial", anatomy=behind).png
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3)
    assert len(np.unique(pixels[np.ptp(pixels, axis=1) == 0])) > 100, "shades of grey"
    assert (np.ptp(pixels, axis=1) > 90).sum() > 100, "and the map"
    with pytest.raises(GridMismatch):
        map_figure(maps(Space(MASK, np.eye(4))), anatomy=behind)
    with pytest.raises(DataError, match="wire anatomy to the step anatomy"):
        map_figure(maps(), anatomy=maps())


@pytest.mark.parametrize(
    ("shown", "planes"),
    [
        ([13.0], [4, 7, 10, 13, 16, 19, 22]),
        ([1.0, 25.0], [1, 4, 10, 13, 16, 22, 25]),
        ([28.0], [10, 13, 16, 19, 22, 25, 28]),
        ([1.0], [1, 4, 7, 10, 13, 16, 19]),
    ],
)
def test_slices_are_cut_at_planes_of_voxels(shown: list[float], planes: list[float]) -> None:
    there = np.repeat(np.arange(1.0, 29, 3), 5)
    assert _planes(np.array(shown), there) == planes
    assert _planes(np.array([4.0]), np.array([1.0, 4.0])) == [1, 4], "there are no more"
