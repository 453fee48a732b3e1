"""Bars with noise ceilings, and everything about ceilings and model tests through a pipeline."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import isocortex as ic
from isocortex.data import Table
from isocortex.errors import DataError
from isocortex_rsa import comparison_bars

SUBJECTS = [f"S{k}" for k in range(4)]
GREY = (221, 221, 221)


def comparisons(scale: float = 1.0) -> Table:
    rng = np.random.default_rng(0)
    return Table.from_rows(
        [
            {"subject": s, "roi": roi, "rdm": s, "model": m, "similarity": scale * v, "measure": "spearman"}
            for roi in ("V1", "IT")
            for m in ("digit", "object")
            for s, v in zip(SUBJECTS, rng.uniform(0, 0.4, 4), strict=True)
        ]
    )


def ceilings(lower: float = 0.3, upper: float = 0.5, roi: bool = True) -> Table:
    place = [{"roi": name} for name in ("V1", "IT")] if roi else [{}]
    ends = {"lower": lower, "upper": upper, "measure": "spearman", "unit": "r"}
    return Table.from_rows([{**own, "subject": s, **ends} for own in place for s in SUBJECTS])


def has_grey(png: bytes) -> bool:
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3)
    return bool((pixels == GREY).all(axis=1).mean() > 0.02)


@pytest.mark.parametrize("roi", [True, False])
def test_the_band_is_drawn_and_in_the_table(roi: bool) -> None:
    with_band = comparison_bars(comparisons(), ceilings(roi=roi), panels="roi")
    plain = comparison_bars(comparisons(), panels="roi")
    assert has_grey(with_band.png) and not has_grey(plain.png)
    assert with_band.table is not None and plain.table is not None
    assert set(with_band.table["lower"]) == {0.3} and "lower" not in plain.table.columns
    assert "grey band" in with_band.caption and "reliable" not in with_band.caption


def test_what_the_caption_says_of_odd_ceilings() -> None:
    found = comparison_bars(comparisons(), ceilings(-0.1, 0.05), panels="roi", caption="Mine.")
    assert found.caption.startswith("Mine. The grey band")
    assert "No reliable variance in V1, IT" in found.caption
    assert "Above the noise ceiling: V1 digit, V1 object, IT digit, IT object." in found.caption
    with pytest.raises(DataError, match=r"0 noise ceilings for these comparisons.*by roi"):
        rows = comparisons()
        comparison_bars(Table({n: v[rows["roi"] == "V1"] for n, v in rows.columns.items()}), ceilings())


PIPELINE = """
name: ceilings
parameters: {{similarity: rho_a}}
axes: {{subject: {{from: simulated, n_subjects: 3, n_voxels: 60}}}}
steps:
  betas: {{use: load_patterns, with: {{source: simulated, n_subjects: 3, n_voxels: 60}}, over: subject}}
  rdms: {{use: compute_rdms, from: {{patterns: betas}}, over: subject}}
  codes:
    use: category_codes
    from: {{like: rdms}}
    with: {{digit: {{within: [zero, one, two, three, four, five, six, seven, eight, nine]}},
            object: {{within: [bed, bird, cat, dog, house, tree]}}}}
  fit: {{use: compare_rdms, from: {{rdms: rdms, models: codes}}, with: {{similarity: $similarity}}}}
  beyond: {{use: compare_beyond, from: {{rdms: rdms, models: codes, controls: control}}}}
  control: {{use: category_codes, from: {{like: rdms}}, with: {{pets: {{within: [cat, dog, bird]}}}}}}
  weights: {{use: regress_rdms, from: {{rdms: rdms, models: codes}}, with: {{nonnegative: true}}}}
  ceilings: {{use: noise_ceilings, from: {{rdms: rdms}}, with: {{similarity: $similarity}}}}
  tests: {{use: model_tests, from: {{comparisons: fit, ceilings: ceilings.each}}}}
  bars: {{use: comparison_bars, from: {{table: fit, ceilings: ceilings.each}}}}
report: [ceilings.bounds, tests.summary, bars]
"""


@pytest.mark.filterwarnings("ignore:noise_ceilings")
def test_through_a_pipeline(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text(PIPELINE.format())
    ic.run(file, out=tmp_path / "out")
    summary = Table.load(next((tmp_path / "out" / "tests").rglob("summary")))
    bars = Table.load(tmp_path / "out" / "bars")
    np.testing.assert_allclose(summary["mean"], bars["mean"])
    np.testing.assert_allclose(summary["lower"], bars["lower"])
    assert summary["model"].tolist() == ["digit", "object"]
