"""The pipeline ``concept-codes``: its codes are those of the study, and it runs."""

from pathlib import Path

import numpy as np
import pytest
import yaml

import isocortex as ic
from isocortex.data import Collected
from isocortex.handles import MetricHandle, SimilarityHandle
from isocortex.pipeline.settings import AxisValues
from isocortex_rsa import (
    Spearman,
    category_codes,
    compare_rdms,
    comparison_bars,
    compute_rdms,
    correlation,
    load_patterns,
    mean_rdm,
    rdm_heatmap,
)
from isocortex_studies import CODES, CONDITIONS, Simulated

FILE = Path(__file__).parents[2] / "pipelines" / "concept-codes.yaml"


@pytest.fixture
def document() -> dict:
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def test_codes_are_those_of_the_study(document: dict) -> None:
    assert document["steps"]["codes"]["with"] == dict(CODES)
    assert sorted(document["steps"]["mean_figure"]["with"]["order"]) == sorted(CONDITIONS)


def test_steps_called_by_hand_give_what_was_planted(document: dict) -> None:
    source = Simulated(n_subjects=3, n_voxels=600)
    assert not source.check()
    rdms = {}
    for number, subject in enumerate(source.axes()["subject"]):
        axes = AxisValues({"subject": subject})
        patterns = load_patterns(source, axes, np.random.default_rng([7, number]))
        rdms[(subject,)] = compute_rdms(patterns, MetricHandle("correlation", correlation), axes=axes)
    subjects = Collected(rdms, ("subject",))
    codes = category_codes(subjects, **document["steps"]["codes"]["with"])
    table = compare_rdms(subjects, codes, SimilarityHandle("spearman", Spearman()))
    assert len(table) == 15
    digit = table["similarity"][table["model"] == "digit"]
    assert (digit > 0.1).all()
    assert comparison_bars(table).table is not None
    settings = document["steps"]["mean_figure"]["with"]
    assert rdm_heatmap(mean_rdm(subjects), **settings).caption == settings["caption"]
    assert rdm_heatmap(codes, **document["steps"]["code_figure"]["with"]).png


def test_every_parameter_is_used_and_every_preset_known(document: dict) -> None:
    text = yaml.safe_dump({key: document[key] for key in ("axes", "steps")})
    assert all(f"${name}" in text for name in document["parameters"])
    for preset in document["presets"].values():
        assert set(preset) <= set(document["parameters"])
    assert set(document["report"]) <= set(document["steps"])


@pytest.mark.slow
def test_it_runs_twice_to_the_same_pictures(tmp_path: Path) -> None:
    for folder in ("first", "second"):
        ic.run(FILE, out=tmp_path / folder, preset="quick")
    for name in (
        "mean_figure/figure.png",
        "code_figure/figure.png",
        "bars/figure.png",
        "comparison/table.tsv",
    ):
        first, second = ((tmp_path / folder / name).read_bytes() for folder in ("first", "second"))
        assert first == second, name
