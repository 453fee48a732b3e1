"""``digits69.yaml`` on fMRI of handwritten 6 and 9: the README's values, and pictures of the digits."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isocortex as ic
from isocortex.plugins.inline import load_file

HERE = Path(__file__).parent
FIGURES = ("confusion", "accuracy", "sheet", "losses")
BASELINE = 7 / 9
"""The right category and nothing else, 5 and 5 pictures: of the 9 others 5 are told apart, 4 by chance."""

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning")]
"""Constant pixels, and what the guards find; both stand in the report, and are asserted below."""


def folder(real_data: Path, name: str) -> Path:
    path = real_data / name
    if not path.is_dir():
        pytest.skip(f"no real data: {path} is not there (set ISOCORTEX_TEST_DATA)")
    return path.resolve()


def run(real_data: Path, out: Path, preset: str | None = None, **more: Any) -> Any:
    files = {
        "data": str(folder(real_data, "vangerven_digits69") / "digits69.npz"),
        "weights": str(folder(real_data, "net_digit_cnn") / "digit_cnn.npz"),
    }
    return ic.run(HERE / "digits69.yaml", out=out, set=files | more, preset=preset)


@pytest.fixture(scope="module")
def study(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    out = tmp_path_factory.mktemp("digits69")
    return run(real_data, out, "quick"), out


def measures(table: Any) -> dict[str, dict[str, Any]]:
    return {row["measure"]: row for row in table.rows()}


def test_which_digit(study: tuple[Any, Path]) -> None:
    score = study[0]["digits.scores"].rows()[0]
    assert score["accuracy"] == pytest.approx(0.97, abs=0.011) and score["chance"] == 0.5
    assert (score["n"], score["folds"], score["voxels"]) == (100, 10, 3092)
    assert study[0]["digits_given.scores"].rows()[0]["accuracy"] == 1.0


def test_features_of_held_out_stimuli(study: tuple[Any, Path]) -> None:
    folds = study[0]["features.folds"]
    assert folds["test"].tolist() == [10] * 10 and not folds["shared_stimuli"].any()
    row = study[0]["feature_scores.summary"].rows()[0]
    assert row["layer"] == "fc1" and row["stimuli"] == 100
    assert row["identification"] == pytest.approx(0.893, abs=0.02)
    assert row["profile_correlation"] == pytest.approx(0.672, abs=0.03)
    assert row["pattern_correlation"] == pytest.approx(0.688, abs=0.03)
    assert row["null_high"] < 0.6 and row["p"] < 0.01
    # 50 and 50 pictures: 50 of the 99 others are told apart by the category, 49 by chance
    assert row["category_only"] == pytest.approx((50 + 49 / 2) / 99) and row["low"] > row["category_only"]


def test_pixels_beside_the_mean_picture(study: tuple[Any, Path]) -> None:
    found, mean = (measures(study[0][step]) for step in ("picture_scores.summary", "mean_scores.summary"))
    assert round(found["pattern_correlation"]["value"], 3) == 0.782
    assert round(found["identification_correlation"]["value"], 3) == 0.944
    assert round(mean["pattern_correlation"]["value"], 3) == 0.655
    assert mean["identification_correlation"]["value"] == 0.5 and mean["pattern_correlation"]["p"] == 1
    assert found["identification_correlation"]["p"] < 0.01
    assert found["identification_correlation"]["category_only"] == pytest.approx(BASELINE)
    assert found["identification_correlation"]["low"] > BASELINE


def test_pictures_by_inversion_of_the_network(study: tuple[Any, Path]) -> None:
    row = measures(study[0]["inverted_scores.summary"])["identification_correlation"]
    assert row["value"] > 0.85 and row["p"] < 0.01 and row["category_only"] == pytest.approx(BASELINE)
    controls = {(row["control"], row["space"]): row for row in study[0]["checks.scores"].rows()}
    assert controls["other", "pixels"]["identification"] < 0.7 < controls["brain", "pixels"]["identification"]
    assert controls["other", "pixels"]["correlation"] < controls["brain", "pixels"]["correlation"] - 0.1
    found = [row for row in study[0]["checks.findings"].rows() if row["severity"] == "warning"]
    assert not found, found


def test_guards_find_no_leak_but_say_what_the_data_cannot_do(study: tuple[Any, Path]) -> None:
    severities: dict[str, set[str]] = {}
    for row in study[0]["guards"].rows():
        severities.setdefault(row["guard"], set()).add(row["severity"])
    leaks = ("repeated stimuli", "repeated brain samples", "same images", "near-duplicate images")
    assert all(severities[guard] == {"ok"} for guard in leaks)
    assert severities["shared categories"] == {"note"}  # both digits are known: no claim of new categories
    assert severities["predictions in the span"] == {"warning"}  # all units share all voxels


def test_report_holds_the_figures(study: tuple[Any, Path]) -> None:
    page = (study[1] / "report.html").read_text()
    for figure in FIGURES:
        assert base64.b64encode((study[1] / figure / "figure.png").read_bytes()).decode() in page, figure
    for step in (
        "digits.scores",
        "feature_scores.summary",
        "mean_scores.summary",
        "checks.findings",
        "guards",
    ):
        assert f"<strong>{step}</strong>" in page, step
    assert "Orange: what a decoder of the category alone would reach." in page


def test_the_network_reads_all_stimuli(real_data: Path) -> None:
    """All 100 as the digit that they are: the plugin's network is the trained one, and its input is right."""
    plugin = load_file(HERE / "digits69.py")
    images = plugin.Digits69(folder(real_data, "vangerven_digits69") / "digits69.npz").load_images()
    net = plugin.digit_cnn(folder(real_data, "net_digit_cnn") / "digit_cnn.npz")
    found = net.features(np.asarray(images.values), ["pixels", "fc2"])
    assert found["fc2"].argmax(axis=1).tolist() == [
        {"six": 6, "nine": 9}[digit] for digit in images.categories
    ]
    np.testing.assert_allclose(found["pixels"][..., 0], images.values[..., 0], atol=1e-3)


@pytest.mark.slow  # 60 s
def test_the_whole_study(real_data: Path, tmp_path: Path) -> None:
    result = run(real_data, tmp_path, refits=40)
    given = result["digits_given.scores"].rows()[0]
    assert given["accuracy"] == 1.0 and given["p"] < 0.03
    assert result["digits.scores"].rows()[0]["p"] < 0.03
    by_layer = {row["layer"]: row for row in result["feature_scores.summary"].rows()}
    wanted = {"conv3": 0.944, "fc1": 0.893, "fc2": 0.792}
    for layer, value in wanted.items():
        row = by_layer[layer]
        assert row["identification"] == pytest.approx(value, abs=0.02) and row["p_categories"] < 0.01
    assert by_layer["conv3"]["low"] > by_layer["conv3"]["category_only"] + 0.15
    found = measures(result["inverted_scores.summary"])
    assert found["identification_correlation"]["value"] > 0.93
    assert found["identification_correlation"]["low"] > BASELINE
    assert found["pattern_correlation"]["value"] == pytest.approx(0.76, abs=0.03)
    controls = {(row["control"], row["space"]): row for row in result["checks.scores"].rows()}
    assert controls["recovery", "pixels"]["correlation"] > 0.99
    for control in ("other", "mean", "noise"):
        assert controls[control, "pixels"]["identification"] < 0.65, control
        assert controls[control, "pixels"]["correlation"] < 0.66, control
    page = (tmp_path / "report.html").read_text()
    for figure in FIGURES:
        assert base64.b64encode((tmp_path / figure / "figure.png").read_bytes()).decode() in page, figure
