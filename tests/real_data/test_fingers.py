"""``finger-movements.yaml``: seven subjects from patterns to the report, at independently computed values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import isocortex as ic
from isocortex.cli import main

HERE = Path(__file__).parent
MODELS = {"Naturalstats": 0.848, "Muscle": 0.771, "somatotopy": 0.638}


def folder(real_data: Path) -> Path:
    path = real_data / "finger7t_pcm"
    if not path.is_dir():
        pytest.skip(f"no real data: {path} is not there (set ISOCORTEX_TEST_DATA)")
    return path.resolve()


@pytest.fixture(scope="module")
def study(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("fingers")
    return ic.run(HERE / "finger-movements.yaml", out=out, set={"root": str(folder(real_data))})


def test_crossvalidated_rdms(study: Any, real_data: Path) -> None:
    rdms = study["rdms"]
    assert list(rdms) == [f"sub{k}" for k in range(1, 8)]
    assert rdms["sub1"].conditions == ("thumb", "index", "middle", "ring", "little")
    np.testing.assert_allclose(rdms["sub1"].values[0, :4], [0.2271, 0.3668, 0.3484, 0.3709], atol=5e-5)
    with np.load(folder(real_data) / "finger7t.npz") as data:
        for name, rdm in rdms.items():
            expected = left_out_runs(data[f"{name}_patterns"], data[f"{name}_finger"], data[f"{name}_run"])
            np.testing.assert_allclose(rdm.values[0], expected, rtol=1e-4, atol=1e-6, err_msg=name)


def left_out_runs(patterns: Any, fingers: Any, runs: Any) -> list[float]:
    """The README's definition: differences in a run times those in the mean of the others, over voxels."""
    values = patterns.astype(np.float64)
    means = np.array(
        [[values[(runs == r) & (fingers == f)].mean(0) for f in range(1, 6)] for r in np.unique(runs)]
    )
    out = []
    for a in range(5):
        for b in range(a + 1, 5):
            difference = means[:, a] - means[:, b]
            others = [np.delete(difference, r, axis=0).mean(0) for r in range(len(difference))]
            out.append(np.mean([d @ o for d, o in zip(difference, others, strict=True)]) / values.shape[1])
    return out


def test_ceiling_and_models(study: Any) -> None:
    [bounds] = study["ceilings.bounds"].rows()
    assert (round(bounds["lower"], 4), round(bounds["upper"], 4)) == (0.8589, 0.9010)
    assert bounds["n"] == 7 and bounds["reliable"]
    summary = {row["model"]: row for row in study["group.summary"].rows()}
    assert {name: round(row["mean"], 3) for name, row in summary.items()} == MODELS
    tests = {(row["test"], row["model"], row["other"]): row for row in study["group.tests"].rows()}
    assert all(tests["above zero", name, ""]["significant"] for name in MODELS)
    pairs = [row for (kind, *_), row in tests.items() if kind not in ("above zero", "lower ceiling")]
    assert {frozenset((row["model"], row["other"])) for row in pairs} == {
        frozenset(pair) for pair in (("Muscle", "Naturalstats"), ("Muscle", "somatotopy"),
                                     ("Naturalstats", "somatotopy"))
    }  # fmt: skip


def test_fingers_can_be_told_apart(study: Any) -> None:
    scores = study["decoding.scores"].rows()
    assert len(scores) == 7 and min(row["accuracy"] for row in scores) > 0.7  # chance .2


def test_figures_and_report(study: Any) -> None:
    bars = study["bars"]
    drawn = list(dict.fromkeys(bars.table["model"].tolist()))
    assert drawn == list(MODELS)  # from best to worst
    page = (study.folder / "report.html").read_text(encoding="utf-8")
    for text in ("finger-movements", "Naturalstats", "somatotopy", "sub7", "0.8588"):
        assert text in page, text


def test_by_the_command_line(study: Any, real_data: Path) -> None:
    """What Python has computed is reused, and a change of one setting recomputes what hangs on it alone."""
    given = [
        "run",
        str(HERE / "finger-movements.yaml"),
        "--out",
        str(study.folder),
        "--set",
        f"root={folder(real_data)}",
    ]
    done = CliRunner().invoke(main, [*given, "--dry-run"])
    assert done.exit_code == 0 and "0 of 23 step instances to do" in done.output, done.output
    done = CliRunner().invoke(main, [*given, "--dry-run", "--set", "similarity=cosine"])
    assert done.exit_code == 0 and "4 of 23 step instances to do" in done.output, done.output
    done = CliRunner().invoke(main, ["verify", str(study.folder)])
    assert done.exit_code == 0, done.output
