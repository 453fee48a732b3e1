from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import EpsImagePlugin, Image

from isocortex.errors import DamagedFile, DataError
from isocortex.formats import png

PICTURE = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)

MODES = {
    "png": ["RGB", "L", "1", "P", "RGBA", "LA"],
    "jpg": ["RGB", "L", "CMYK"],
    "bmp": ["RGB", "L", "1", "P"],
    "gif": ["RGB", "L", "P"],
    "tif": ["RGB", "L", "1", "P", "RGBA", "LA", "CMYK"],
    "webp": ["RGB", "RGBA"],
    "ppm": ["RGB", "L", "1"],
}


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 4), st.just(3))))
@settings(derandomize=True, deadline=None, database=None, max_examples=40)
def test_pictures_are_written_exactly(tmp_path_factory: pytest.TempPathFactory, image: Any) -> None:
    path = tmp_path_factory.mktemp("png") / "a.png"
    png.write_png(path, image)
    first = path.read_bytes()
    loaded = png.read_png(path)
    assert loaded.dtype == np.uint8
    assert np.array_equal(loaded, image)
    png.write_png(path, image)
    assert path.read_bytes() == first


@given(hnp.arrays(st.sampled_from([np.float32, np.float64]), 20))
@settings(derandomize=True, deadline=None, database=None)
def test_to_bytes_rounds_and_clips(image: Any) -> None:
    for value, level in zip(image.tolist(), png.to_bytes(image).tolist(), strict=True):
        assert level == (0 if np.isnan(value) else round(min(max(value, 0), 255)))


def test_to_bytes_leaves_bytes_alone() -> None:
    assert png.to_bytes(PICTURE) is PICTURE


@pytest.mark.parametrize(("suffix", "mode"), [(suffix, mode) for suffix in MODES for mode in MODES[suffix]])
def test_pictures_of_every_kind_are_read_as_rgb(tmp_path: Path, mode: str, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    picture = Image.fromarray(PICTURE).convert(mode)
    picture.save(path, **({"lossless": True} if suffix == "webp" else {}))
    loaded = png.read_png(path)
    with Image.open(path) as expected:
        assert np.array_equal(loaded, np.asarray(expected.convert("RGB")))
    assert loaded.shape == PICTURE.shape


@pytest.mark.parametrize(("suffix", "dtype"), [("png", "u2"), ("tif", "u2"), ("tif", "i4"), ("tif", "f4")])
def test_more_than_eight_bits_are_refused_not_clipped(tmp_path: Path, suffix: str, dtype: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.full((2, 3), 40_000, dtype)).save(path)
    with pytest.raises(DataError, match="more than 8 bits"):
        png.read_png(path)


def test_a_picture_with_a_transparent_part_is_refused(tmp_path: Path) -> None:
    rgba = np.dstack([PICTURE, np.full(PICTURE.shape[:2], 255, np.uint8)])
    Image.fromarray(rgba).save(tmp_path / "opaque.png")
    assert np.array_equal(png.read_png(tmp_path / "opaque.png"), PICTURE)
    rgba[0, 0, 3] = 254
    Image.fromarray(rgba).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="transparent"):
        png.read_png(tmp_path / "a.png")
    palette = Image.fromarray(PICTURE).convert("P")
    palette.save(tmp_path / "b.png", transparency=palette.getpixel((0, 0)))
    with pytest.raises(DataError, match="transparent"):
        png.read_png(tmp_path / "b.png")


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        png.read_png(tmp_path / "a.png")


@pytest.mark.parametrize(
    "content", [b"", b"text", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff", b"P6\n9 9\n255\n"]
)
def test_what_is_no_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DamagedFile, match=r"a\.png: not a readable picture"):
        png.read_png(tmp_path / "a.png")


def test_postscript_is_not_handed_to_another_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *given: calls.append(given))
    Image.fromarray(PICTURE).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.png")
    with pytest.raises(DamagedFile, match="not a readable picture"):
        png.read_png(tmp_path / "a.png")
    assert not calls


def test_a_header_of_a_billion_pixels_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    import zlib

    png.write_png(tmp_path / "a.png", PICTURE)
    content = bytearray((tmp_path / "a.png").read_bytes())
    for side in (9_600, 30_000):  # Pillow warns of the first and raises at the second
        content[16:24] = side.to_bytes(4, "big") * 2
        content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
        (tmp_path / "a.png").write_bytes(content)
        with pytest.raises(DamagedFile, match="decompression bomb"):
            png.read_png(tmp_path / "a.png")


def test_a_truncated_picture_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    png.write_png(tmp_path / "a.png", PICTURE)
    whole = (tmp_path / "a.png").read_bytes()
    for end in range(
        len(whole) - 4
    ):  # the last four bytes are the checksum of nothing, and Pillow leaves it be
        (tmp_path / "b.png").write_bytes(whole[:end])
        with pytest.raises(DamagedFile, match=r"b\.png"):
            png.read_png(tmp_path / "b.png")


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=3))
@settings(derandomize=True, deadline=None, database=None, max_examples=150)
def test_a_spoilt_picture_is_refused_or_right(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    path = tmp_path_factory.mktemp("png") / "a.png"
    png.write_png(path, PICTURE)
    content = bytearray(path.read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    path.write_bytes(content)
    try:
        loaded = png.read_png(path)
    except DataError:
        return
    assert np.array_equal(loaded, PICTURE)
