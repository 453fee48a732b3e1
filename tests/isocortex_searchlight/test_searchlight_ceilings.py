"""Noise ceilings by centre equal those of the RDMs taken one by one."""

from __future__ import annotations

import numpy as np
import pytest

import isocortex as ic
from isocortex.errors import DataError, GridMismatch, LabelMismatch
from isocortex_rsa import noise_ceiling
from isocortex_searchlight import searchlight_rdms
from isocortex_searchlight.ceilings import searchlight_ceilings

NAMES = list("abcde")


def subjects(count: int = 4, affine: np.ndarray | None = None) -> dict[str, ic.Patterns]:
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(6, 6, 6, 5))
    out = {}
    for number in range(count):
        mask = rng.random((6, 6, 6)) < 0.9
        data = shared + rng.normal(size=shared.shape)
        out[f"S{number}"] = ic.Patterns.from_volume(
            data, mask, np.eye(4) if affine is None else affine, NAMES
        )
    return out


def collected(patterns: dict[str, ic.Patterns]) -> ic.Collected:  # type: ignore[type-arg]
    found = {(name,): searchlight_rdms(item, radius=2) for name, item in patterns.items()}
    return ic.Collected(found, ("subject",))


@pytest.mark.parametrize("unit", ["r", "r squared"])
def test_equal_to_single_rdms(unit: str) -> None:
    rdms = collected(subjects())
    maps = searchlight_ceilings(rdms, "spearman", unit)  # type: ignore[arg-type]
    assert unit in maps.lower.statistic
    tables = [
        {tuple(c): v for c, v in zip(item.centres.tolist(), item.values, strict=True)}
        for item in rdms.values()
    ]
    shared = set(tables[0]).intersection(*tables[1:])
    volume = maps.lower.volume("ceiling"), maps.upper.volume("ceiling")
    assert np.isfinite(volume[0]).sum() == len(shared) > 100
    for centre in sorted(shared)[::17]:
        expected = noise_ceiling(
            np.array([table[centre] for table in tables]), "spearman", squared=unit != "r"
        )
        assert volume[0][centre] == pytest.approx(expected.lower) and volume[1][centre] == pytest.approx(
            expected.upper
        )
        assert volume[0][centre] < volume[1][centre] or unit != "r"


def test_conditions_are_aligned_and_grids_checked() -> None:
    patterns = subjects()
    plain = searchlight_ceilings(collected(patterns))
    patterns["S2"] = patterns["S2"].select(["c", "a", "e", "b", "d"])
    assert np.allclose(
        searchlight_ceilings(collected(patterns)).lower.values, plain.lower.values, equal_nan=True
    )
    other = ic.Patterns(patterns["S1"].values, list("abcdx"), space=patterns["S1"].space)
    with pytest.raises(LabelMismatch, match="'e'"):
        searchlight_ceilings(collected({**patterns, "S1": other}))
    shifted = subjects(2, np.diag([2.0, 2, 2, 1]))
    with pytest.raises(GridMismatch):
        searchlight_ceilings(collected({**patterns, "S1": shifted["S1"]}))
    with pytest.raises(DataError, match="at least 2 subjects"):
        searchlight_ceilings(collected(subjects(1)))


def test_saved_with_its_space(tmp_path) -> None:  # type: ignore[no-untyped-def]
    item = next(iter(collected(subjects(2)).values()))
    item.save(tmp_path)
    back = type(item).load(tmp_path)
    assert back.space is not None and np.array_equal(back.space.mask, item.space.mask)
