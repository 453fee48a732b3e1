"""Folds, decoding, evaluation, guards and category decoders wired in a pipeline, and reused."""

import json
import shutil
from pathlib import Path

import numpy as np

import isocortex as ic
from isocortex.data import Figure, Table
from isocortex_decoding.crossvalidation.folds import Folds

PIPELINE = """
name: decoding-under-test
plugins: [decoding_plugin.py]
axes: {subject: [S1, S2]}
steps:
  truth: {use: t_features, with: {n: 32, first: s, seed: 0}}
  others: {use: t_features, with: {n: 40, first: t, seed: 3}}
  pictures: {use: t_images, from: {features: truth}, with: {seed: 1}}
  more_pictures: {use: t_images, from: {features: others}, with: {seed: 2}}
  betas: {use: t_brain, from: {features: truth}, over: subject}
  folds:
    use: t_folds
    from: {patterns: betas, features: truth}
    with: {by: cluster, clusters: 4, layer: fc6}
    over: subject
  given:
    use: t_folds
    from: {patterns: betas, features: truth}
    with: {folds: [{test: ["0"], name: first}, {test: ["1"], train: ["2", "3"]}], exclusive: [stimulus]}
    over: subject
  decoded:
    use: t_decode
    from: {patterns: betas, features: truth, folds: folds.folds}
    with: {decoder: {use: t-ridge, with: {alpha: 30.0}}}
    over: subject
  scores:
    use: t_evaluate
    from: {decoded: decoded.decoded, features: truth, training: others}
    with: {permutations: 100, bootstraps: 100}
  zero: {use: t_zero_shot, from: {decoded: decoded.decoded, features: truth, training: others}}
  picture: {use: t_figure, from: {summary: scores.summary, scores: scores.scores}}
  ceilings: {use: t_ceilings, from: {patterns: betas}, with: {permutations: 20}, over: subject}
  guards:
    use: t_guards
    from:
      training: others
      test: truth
      decoded: decoded.decoded
      training_images: more_pictures
      test_images: pictures
      training_patterns: betas
      test_patterns: betas
    with: {clusters: 3}
  categories: {use: t_classify, from: {patterns: betas}, with: {classifier: t-lda, permutations: 10}}
  confusion: {use: t_confusion, from: {confusion: categories.confusion}}
report: [picture, scores.summary, guards, confusion, categories.scores]
"""


def test_everything_in_one_pipeline(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parent / "decoding_plugin.py", tmp_path)
    file = tmp_path / "study.yaml"
    file.write_text(PIPELINE)
    ic.run(file, out=tmp_path / "out")
    out = tmp_path / "out"
    scores = Table.load(out / "scores" / "scores")
    assert set(scores["subject"]) == {"S1", "S2"} and scores["layer"].tolist() == ["fc6", "fc7"] * 2
    assert (scores["identification"] > 0.6).all() and set(scores["averaged"]) == {"2"}
    assert (
        "layer" in Table.load(out / "zero").columns and len(Table.load(out / "ceilings" / "subject=S1")) == 60
    )
    folds = Folds.load(out / "folds" / "subject=S1" / "folds")
    assert len(folds) == 4 and folds.by == "cluster"
    assert Figure.load(out / "picture").png and Figure.load(out / "confusion").png
    assert (Table.load(out / "categories" / "scores")["p"] <= 0.1).all()
    findings = Table.load(out / "guards").rows()
    planted = {(row["guard"], row["where"]) for row in findings if row["severity"] == "warning"}
    subjects = ("S1", "S2")
    assert planted == {("shared categories", "")} | {
        (guard, subject) for guard in ("repeated stimuli", "repeated brain samples") for subject in subjects
    }
    said = " ".join(json.loads((out / "guards" / "step.json").read_text())["warnings"])
    assert "test stimuli are also in training" in said and "shared categories" in said
    again = ic.run(file, out=out)
    assert len(again.reused) > 15
    np.testing.assert_array_equal(Table.load(out / "scores" / "scores")["p"], scores["p"])
