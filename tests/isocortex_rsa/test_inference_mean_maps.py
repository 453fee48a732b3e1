"""Maps averaged over subjects, and model RDMs of several steps as one set: aligned by name and condition."""

from __future__ import annotations

import numpy as np
import pytest

from isocortex.data import Collected, RDMs, Space, StatMaps
from isocortex.errors import DataError, GridMismatch
from isocortex_rsa.inference.mean_maps import mean_maps
from isocortex_rsa.steps.joining import join_rdms

SPACE = Space(np.ones((2, 2, 1), dtype=bool), np.eye(4))


def subjects(*parts: StatMaps) -> Collected[StatMaps]:
    return Collected({(f"S{number}",): part for number, part in enumerate(parts)}, ("subject",))


def maps(values: object, names: tuple[str, ...] = ("a", "b"), statistic: str = "spearman") -> StatMaps:
    return StatMaps(np.array(values, dtype=np.float64), names, SPACE, statistic)


ONE = maps([[0.5, 0.1, 0.9, np.nan], [0.2, -0.4, 0.0, 0.3]])
TWO = maps([[0.4, 0.4, 0.4, 0.4], [0.1, 0.3, -0.9, 0.8]], ("b", "a"))


def test_models_are_averaged_by_name_on_fishers_scale() -> None:
    found = mean_maps(subjects(ONE, TWO))
    wanted = np.tanh((np.arctanh(ONE.values) + np.arctanh(TWO.values[::-1])) / 2)
    np.testing.assert_allclose(found.values, wanted, rtol=1e-12)
    assert found.names == ("a", "b")
    assert np.isnan(found.values[0, 3])
    assert np.isfinite(np.delete(found.values.ravel(), 3)).all()


def test_measures_that_are_no_correlations_are_averaged_as_they_are() -> None:
    large = maps(np.full((2, 4), 7.0), statistic="crossnobis")
    np.testing.assert_array_equal(mean_maps(subjects(large, large), fisher_z=False).values, 7.0)
    with pytest.raises(DataError, match="fisher_z: false"):
        mean_maps(subjects(large, large))


def test_a_correlation_of_one_is_not_infinite() -> None:
    found = mean_maps(subjects(maps(np.ones((2, 4))), maps(np.zeros((2, 4)))))
    assert (found.values < 1).all()
    assert (found.values > 0.99).all()


def test_maps_that_do_not_belong_together() -> None:
    other = Space(np.ones((2, 2, 1), dtype=bool), np.diag([2.0, 2, 2, 1]))
    with pytest.raises(GridMismatch, match="different grids"):
        mean_maps(subjects(ONE, StatMaps(ONE.values, ONE.names, other, "spearman")))
    with pytest.raises(DataError, match="some maps hold spearman, others pearson"):
        mean_maps(subjects(ONE, maps(ONE.values, statistic="pearson")))
    with pytest.raises(DataError, match="names of subjects' maps"):
        mean_maps(subjects(ONE, maps(ONE.values, ("a", "c"))))
    with pytest.raises(DataError, match="mean of p-values"):
        mean_maps(subjects(maps(ONE.values, statistic="p_fwe")))
    with pytest.raises(DataError, match="no maps"):
        mean_maps(subjects())


def test_joined_rdms_are_in_the_order_of_the_first() -> None:
    first = RDMs(np.array([[1.0, 2.0, 3.0]]), ("x", "y", "z"), ("layer",), "m")
    second = RDMs(np.array([[10.0, 20.0, 30.0]]), ("z", "y", "x"), ("code",), "m")
    found = join_rdms(first, second)
    assert found.names == ("layer", "code")
    assert found.conditions == ("x", "y", "z")
    np.testing.assert_array_equal(found.values[1], [30.0, 20.0, 10.0])  # xy, xz, yz of (zy, zx, yx)


def test_rdms_that_cannot_be_joined() -> None:
    first = RDMs(np.array([[1.0, 2.0, 3.0]]), ("x", "y", "z"), ("layer",), "m")
    with pytest.raises(DataError, match="layer"):
        join_rdms(first, first)
    with pytest.raises(DataError, match="w"):
        join_rdms(first, RDMs(np.array([[1.0, 2.0, 3.0]]), ("x", "y", "w"), ("code",), "m"))
