"""A misspelt choice never means a default, and p-values are no similarities."""

from __future__ import annotations

import numpy as np
import pytest

import isocortex as ic
from isocortex.errors import DataError
from isocortex_rsa.inference import group_test


def maps(statistic: str = "spearman") -> ic.Collected[ic.StatMaps]:
    space = ic.Space(np.ones((3, 3, 3), dtype=bool), np.eye(4))
    rng = np.random.default_rng(0)
    made = {(f"S{k}",): ic.StatMaps(rng.random((1, 27)) / 2, ("a",), space, statistic) for k in range(6)}
    return ic.Collected(made, ("subject",))


@pytest.mark.parametrize(
    "wrong",
    [
        {"tail": "two_sided"},
        {"correction": "maxt"},
        {"family": "each"},
        {"test": "ttest"},
        {"connectivity": 8},
    ],
)
def test_a_misspelt_choice_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(DataError, match=next(iter(wrong))):
        group_test(maps(), np.random.default_rng(0), **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("statistic", ["p", "p_fwe"])
def test_maps_of_p_values_are_refused(statistic: str) -> None:
    with pytest.raises(DataError, match="give similarities"):
        group_test(maps(statistic), np.random.default_rng(0))


def test_pearson_maps_are_no_p_values() -> None:
    group_test(maps("pearson"), np.random.default_rng(0))
