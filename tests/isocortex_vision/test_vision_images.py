"""Stimuli from folders and data sources: labels, sizes, categories, mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import isocortex as ic
from isocortex.errors import DamagedFile, DataError, StepFailed
from isocortex_vision.images.folder import read_images


def picture(path: Path, height: int, width: int, level: int = 0) -> Any:
    values = np.full((height, width, 3), level, np.uint8)
    values[:, : width // 2] = 200
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return values


def test_labels_are_paths_and_categories_folders(tmp_path: Path) -> None:
    for name, level in (("cat/b.png", 10), ("cat/a.PNG", 20), ("bed/a.png", 30)):
        picture(tmp_path / name, 8, 8, level)
    (tmp_path / "cat" / "notes.txt").write_text("x")
    (tmp_path / ".hidden").mkdir()
    picture(tmp_path / ".hidden" / "c.png", 8, 8)
    found = read_images(tmp_path, (8, 8), categories="folder")
    assert found.stimuli == ("bed/a", "cat/a", "cat/b") and found.categories == ("bed", "cat", "cat")
    assert found.values[:, 0, -1, 0].tolist() == [30, 20, 10]
    assert read_images(tmp_path, (8, 8)).categories is None


def test_crop_stretch_exact(tmp_path: Path) -> None:
    values = np.zeros((10, 30, 3), np.uint8)
    values[:, 10:20] = 255
    Image.fromarray(values).save(tmp_path / "wide.png")
    crop = read_images(tmp_path, (10, 10)).values[0]
    assert (crop == 255).all()
    stretched = read_images(tmp_path, (10, 10), fit="stretch").values[0]
    assert stretched[:, 5].min() == 255 and stretched[:, 0].max() == 0 == stretched[:, -1].max()
    wanted = np.asarray(Image.fromarray(values).resize((12, 6), Image.Resampling.LANCZOS))
    found = read_images(tmp_path, (6, 12), fit="stretch", resampling="lanczos").values[0]
    assert np.array_equal(found, wanted)
    with pytest.raises(DataError, match=r"wide\.png: is 10 x 30 pixels, not 8 x 8"):
        read_images(tmp_path, (8, 8), fit="exact")


def test_mistakes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no pictures"):
        read_images(tmp_path, (8, 8))
    picture(tmp_path / "a.png", 8, 8)
    with pytest.raises(DataError, match="'a' lies in no category's folder"):
        read_images(tmp_path, (8, 8), categories="folder")
    picture(tmp_path / "a.bmp", 8, 8)
    with pytest.raises(DataError, match=r"a\.bmp and a\.png would both be called 'a'"):
        read_images(tmp_path, (8, 8))
    (tmp_path / "a.bmp").unlink()
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    with pytest.raises(DamagedFile, match=r"b\.jpg"):
        read_images(tmp_path, (8, 8))


class Pictures:
    """A data source of images."""

    loads = {"images": ("subject",)}  # noqa: RUF012

    def axes(self) -> Any:
        return {"subject": ["S1", "S2"]}

    def check(self) -> list[str]:
        return []

    def files(self, kind: str, **axes: str) -> list[Path]:
        return []

    def load_images(self, subject: str) -> ic.Images:
        return ic.Images(np.full((1, 4, 4, 3), int(subject[1:]), np.uint8), ["x"])


class Plugin:
    @ic.hookimpl
    def register_data_sources(self, register: Any) -> None:
        register("pictures", Pictures)


def test_from_a_data_source_in_a_pipeline(tmp_path: Path) -> None:
    text = """
name: pictures
axes: {subject: {from: pictures}}
steps:
  images: {use: load_images, with: {source: pictures}, over: subject}
"""
    (tmp_path / "p.yaml").write_text(text)
    run = ic.run(tmp_path / "p.yaml", out=tmp_path / "out", plugins=[Plugin()])
    assert [int(item.values[0, 0, 0, 0]) for item in run["images"].values()] == [1, 2]


def test_a_folder_in_a_pipeline_and_a_changed_picture(tmp_path: Path) -> None:
    picture(tmp_path / "stimuli" / "a.png", 8, 8)
    text = "name: p\nsteps:\n  images: {use: images_from_folder, with: {folder: stimuli, size: [8, 8]}}\n"
    (tmp_path / "p.yaml").write_text(text)
    first = ic.run(tmp_path / "p.yaml", out=tmp_path / "out")["images"].values[0]
    picture(tmp_path / "stimuli" / "a.png", 8, 8, 77)
    second = ic.run(tmp_path / "p.yaml", out=tmp_path / "out")["images"].values[0]
    assert first[0, -1, 0] == 0 and second[0, -1, 0] == 77
    (tmp_path / "stimuli" / "a.png").write_bytes(b"x")
    with pytest.raises(StepFailed, match=r"a\.png"):
        ic.run(tmp_path / "p.yaml", out=tmp_path / "out")
