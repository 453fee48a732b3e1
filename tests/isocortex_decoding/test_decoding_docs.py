"""The examples of docs/decoding.md run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import isocortex as ic
from isocortex.data import Features, Patterns, Table
from isocortex_decoding import write_features, write_patterns

PAGE = (Path(__file__).parents[2] / "docs" / "decoding.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"<!-- run -->\n```(\w+)\n(.*?)```", PAGE, flags=re.DOTALL))


def test_every_block_is_run() -> None:
    assert len(re.findall(r"^```\w+$", PAGE, flags=re.MULTILINE)) == len(BLOCKS) == 2


def make_files(folder: Path) -> None:
    """Two subjects, features of two layers, categories of training and test apart."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(12, 40))
    (folder / "fmri").mkdir()
    for side, n, first in (("training", 40, 1), ("test", 12, 50)):
        units = rng.normal(size=(n, 12)).astype(np.float32)
        names = tuple(f"n{first + k % 6:08d}_{k + 1}" for k in range(n))
        layers = {"conv1_1": units.reshape(n, 3, 2, 2), "fc6": units}
        write_features(folder / "features" / side, Features(layers, names))
        for subject in ("S1", "S2"):
            brain = np.repeat(units @ mixing, 2, axis=0) + rng.normal(size=(2 * n, 40))
            labels = np.repeat(names, 2).tolist()
            patterns = Patterns(brain, labels, stimuli=labels)
            path = folder / "fmri" / f"{subject}-{side}.h5"
            write_patterns(path, patterns, rois={"VC": np.arange(40) < 30})


def test_the_pipeline(tmp_path: Path) -> None:
    make_files(tmp_path)
    file = tmp_path / "decoding.yaml"
    file.write_text(BLOCKS["yaml"])
    ic.run(file, out=tmp_path / "out")
    scores = Table.load(tmp_path / "out" / "scores" / "scores")
    assert scores["subject"].tolist() == ["S1", "S1", "S2", "S2"]
    assert (scores["identification"] > 0.8).all() and (scores["p"] < 0.05).all()


def test_python(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    exec(BLOCKS["python"], names)
    assert names["found"].scores["identification"][0] > 0.8  # type: ignore[attr-defined]
