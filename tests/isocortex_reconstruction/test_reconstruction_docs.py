"""The examples of docs/reconstruction.md run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import isocortex as ic
from isocortex.data import Decoded, Images, Table
from isocortex.formats.png import write_png
from isocortex_decoding.files.feature_dirs import write_decoded

PAGE = (Path(__file__).parents[2] / "docs" / "reconstruction.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"<!-- run -->\n```(\w+)\n(.*?)```", PAGE, flags=re.DOTALL))
LAYERS = ["conv1_2", "conv2_2", "conv3_3"]


def test_every_block_is_run() -> None:
    assert len(re.findall(r"^```\w+$", PAGE, flags=re.MULTILINE)) == len(BLOCKS) == 2


def test_every_step_is_in_the_table() -> None:
    from isocortex_reconstruction.plugin import STEPS

    table = PAGE[PAGE.index("## Steps") :]
    assert set(re.findall(r"`(\w+)`", table)) == set(STEPS)


def pictures(folder: Path, count: int, seed: int) -> tuple[str, ...]:
    """Blotchy pictures in a folder; gives their labels."""
    folder.mkdir()
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    for number, picture in enumerate(coarse.repeat(8, axis=1).repeat(8, axis=2)):
        write_png(folder / f"{folder.name}{number}.png", picture)
    return tuple(f"{folder.name}{number}" for number in range(count))


@pytest.mark.slow
def test_the_pipeline(tmp_path: Path) -> None:
    stimuli = pictures(tmp_path / "stimuli", 5, 0)
    pictures(tmp_path / "training", 6, 1)
    (tmp_path / "reconstruction.yaml").write_text(BLOCKS["yaml"])
    net = ic.get("model", "vgg16", weights="hed", head="none", image_size=64)
    values = np.stack([_read(tmp_path / "stimuli" / f"{name}.png") for name in stimuli])
    decoded = Decoded(net.features(values, LAYERS), stimuli, subject="S1", roi="VC")
    write_decoded(tmp_path / "decoded", decoded, axes="channels_last")
    run = ic.run(tmp_path / "reconstruction.yaml", out=tmp_path / "out")
    scores = run["scores.scores"]
    assert isinstance(scores, Table)
    named = dict(zip(scores["measure"], scores["value"], strict=True))
    assert [value for name, value in named.items() if name.startswith("identification")] == [1, 1]
    assert isinstance(run["finished"], Images) and run["finished"].stimuli == stimuli


def _read(path: Path) -> np.ndarray:
    from isocortex.formats.png import read_png

    return read_png(path)


@pytest.mark.slow
def test_python() -> None:
    names: dict[str, object] = {}
    exec(BLOCKS["python"], names)
    found = names["found"]
    assert found.losses[0, -1] < 0.1 * found.losses[0, 0]  # type: ignore[attr-defined]
