"""The lab's files of how active units are at most, and files that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isocortex.errors import DamagedFile, DataError
from isocortex_vision.generators.act_range import read_act_range


def test_ranges_of_codes_as_the_lab_has_them(real_data: Path) -> None:
    folder = real_data / "kamitani" / "act_range"
    if not folder.is_dir():
        pytest.skip("no act_range")
    sizes = {"conv1": 96, "conv2": 256, "conv3": 64896, "conv4": 384, "conv5": 9216, "fc6": 4096, "fc8": 1000}
    for layer, size in sizes.items():
        values = read_act_range(folder / "3x" / f"{layer}.txt")
        assert values.shape == (size,)
        assert (values == np.rint(values)).all()
    assert read_act_range(folder / "3x" / "conv3.txt", (384, 13, 13)).shape == (384, 13, 13)
    fc6 = read_act_range(folder / "3x" / "fc6.txt")
    assert (fc6.min(), fc6.max(), round(fc6.mean(), 2)) == (3, 17, 11.85)
    with pytest.raises(DataError, match="4096 numbers do not make a layer of shape"):
        read_act_range(folder / "3x" / "fc6.txt", (256, 6, 6))


@pytest.mark.parametrize("content", [b"", b"  \n", b"1 2 x", b"1 nan", b"1 inf", b"\x89PNG\r\n", b"1,2,3"])
def test_ranges_that_are_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "fc7.txt").write_bytes(content)
    with pytest.raises(DamagedFile, match=r"fc7\.txt"):
        read_act_range(tmp_path / "fc7.txt")
    with pytest.raises(DataError, match="no such file"):
        read_act_range(tmp_path / "fc8.txt")
