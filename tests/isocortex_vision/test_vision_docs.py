"""The examples of docs/networks.md run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import isocortex as ic

PAGE = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"<!-- run -->\n```(\w+)\n(.*?)```", PAGE, flags=re.DOTALL))


def test_every_block_is_run() -> None:
    assert len(re.findall(r"^```\w+$", PAGE, flags=re.MULTILINE)) == len(BLOCKS) == 2


def test_python(capsys: pytest.CaptureFixture[str]) -> None:
    exec(BLOCKS["python"], {})
    assert "(2, 64, 64, 3)" in capsys.readouterr().out


def test_the_pipeline(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for kind in ("birds", "cars", "trees"):
        (tmp_path / "photos" / kind).mkdir(parents=True)
        for k in range(3):
            pixels = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / kind / f"{kind}{k}.png")
    file = tmp_path / "layers.yaml"
    file.write_text(BLOCKS["yaml"])
    ic.run(file, out=tmp_path / "out")
    assert (tmp_path / "out" / "picture").is_dir()
