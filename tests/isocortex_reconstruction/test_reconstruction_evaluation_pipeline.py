"""Evaluation and figures wired in a pipeline, over subjects, and reused."""

import json
import shutil
from pathlib import Path

import isocortex as ic
from isocortex.data import Figure, Table

PIPELINE = """
name: evaluation-under-test
plugins: [reconstruction_evaluation_plugin.py]
axes: {subject: [S1, S2], roi: [V1, VC]}
steps:
  stimuli: {use: te_originals}
  made: {use: te_reconstructions, from: {originals: stimuli}, over: [subject, roi]}
  losses: {use: te_losses, from: {originals: stimuli}, over: subject}
  pixels:
    use: te_evaluate
    from: {reconstructed: made, originals: stimuli}
    with: {permutations: 50, bootstraps: 50}
  features:
    use: te_evaluate_features
    from: {reconstructed: made, originals: stimuli}
    with: {model: te_pooled, layers: "*", permutations: 50, bootstraps: 50}
  sheet: {use: te_sheet, from: {originals: stimuli, reconstructed: made}, with: {columns: 5, side: 40}}
  curves: {use: te_losses_figure, from: {losses: losses}}
  layers: {use: te_feature_figure, from: {summary: features.summary, scores: features.scores}}
  rois: {use: te_pixel_figure, from: {summary: pixels.summary, scores: pixels.scores}}
report: [sheet, rois, curves, layers, pixels.summary, features.summary]
"""


def test_everything_in_one_pipeline(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parent / "reconstruction_evaluation_plugin.py", tmp_path)
    file = tmp_path / "study.yaml"
    file.write_text(PIPELINE)
    out = tmp_path / "out"
    ic.run(file, out=out)
    pixels = {name: Table.load(out / "pixels" / name) for name in ("scores", "summary", "images")}
    assert [len(table) for table in pixels.values()] == [4 * 8, 2 * 8, 4 * 8]
    assert list(pixels["scores"].columns)[:4] == ["subject", "roi", "measure", "n"]
    summary = Table.load(out / "features" / "summary")
    assert summary["layer"].tolist() == ["conv1", "fc2"] * 2 and (summary["identification"] > 0.6).all()
    assert "16 of 16" not in Figure.load(out / "sheet").caption
    assert "32 of 32 reconstructions are shown." in Figure.load(out / "sheet").caption
    assert Figure.load(out / "curves").png and Figure.load(out / "layers").png
    assert "Pairwise identification of stimuli" in (out / "report.html").read_text()
    kept = json.loads((out / "pixels" / "step.json").read_text())
    ic.run(file, out=out)
    assert json.loads((out / "pixels" / "step.json").read_text()) == kept
