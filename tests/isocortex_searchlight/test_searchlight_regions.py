"""RDMs of regions of interest."""

from __future__ import annotations

import brute
import numpy as np
import pytest

import isocortex as ic
from isocortex.errors import DataError, GridMismatch
from isocortex.testing import check_step
from isocortex_searchlight.regions import roi_rdms


def made() -> tuple[ic.Patterns, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    mask = rng.random((6, 6, 6)) < 0.8
    data = rng.normal(size=(6, 6, 6, 4))
    labels = np.zeros((6, 6, 6))
    labels[:2], labels[4:] = 1, 2
    return ic.Patterns.from_volume(data, mask, np.eye(4), list("abcd")), data, labels


def rois(labels: np.ndarray, affine: np.ndarray | None = None) -> ic.StatMaps:
    space = ic.Space(labels != 0, np.eye(4) if affine is None else affine)
    return ic.StatMaps(space.channels(labels)[None], ("atlas",), space, "label")


def test_equal_to_the_voxels_of_each_region() -> None:
    patterns, data, labels = made()
    found = roi_rdms(patterns, rois(labels))
    assert found.names == ("atlas 1", "atlas 2") and found.conditions == tuple("abcd")
    for row, number in enumerate((1, 2)):
        inside = (labels == number) & patterns.space.mask
        assert np.allclose(found.values[row], brute.one_minus_r(data[inside].T), atol=1e-12)
    check_step(roi_rdms)


def test_other_grids_and_empty_regions_are_refused() -> None:
    patterns, _, labels = made()
    with pytest.raises(GridMismatch, match="patterns and ROIs"):
        roi_rdms(patterns, rois(labels, np.diag([2.0, 2, 2, 1])))
    alone = np.zeros_like(labels)
    alone[tuple(np.argwhere(~patterns.space.mask)[0])] = 3
    with pytest.raises(DataError, match=r"'atlas' \(0 voxels\)"):
        roi_rdms(patterns, rois(alone))
