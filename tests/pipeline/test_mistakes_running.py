"""What can only show while a pipeline runs: exit code 1, a sentence, and nothing half-written is left."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mistake_kit import run, study

from isocortex.formats import arrays
from isocortex.formats.nifti import write_volume

Make = Callable[[Path], None]


def npz(**content: np.ndarray) -> Make:
    return lambda path: np.savez(path, **content)


def raw(content: bytes) -> Make:
    return lambda path: path.write_bytes(content) and None


def cut(make: Make, share: float) -> Make:
    def write(path: Path) -> None:
        make(path)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return write


def flipped(make: Make) -> Make:
    """One bit of the values is another."""

    def write(path: Path) -> None:
        make(path)
        content = bytearray(path.read_bytes())
        content[content.index(b"NUMPY") + 300] ^= 1
        path.write_bytes(bytes(content))

    return write


SQUARE = np.ones((100, 3, 3)) - np.eye(3)
UNEVEN = np.arange(9.0).reshape(3, 3)
FILES: dict[str, tuple[str, Make, str]] = {
    "no archive": ("rdms.npz", raw(b"this is text"), "not a .npz file"),
    "empty file": ("rdms.npz", raw(b""), "not a .npz file"),
    "cut in half": ("rdms.npz", cut(npz(rdms=SQUARE), 0.5), "not a .npz file"),
    "changed by a bit": ("rdms.npz", flipped(npz(rdms=SQUARE)), "array 'rdms': cannot be read"),
    "Python objects": ("rdms.npz", npz(rdms=np.array([{}, 3])), "such files can run code when they are read"),
    "text": ("rdms.npz", npz(rdms=np.array(["a", "b"])), "not dissimilarities"),
    "two arrays": ("rdms.npz", npz(one=SQUARE, two=SQUARE), "say which array holds the RDMs: one, two"),
    "other shape": ("rdms.npz", npz(rdms=np.ones((4, 5))), "which 3 condition labels ask for"),
    "not symmetric": ("rdms.npz", npz(rdms=UNEVEN), "symmetric"),
    "npy cut in half": ("rdms.npy", cut(lambda path: np.save(path, SQUARE), 0.5), "rdms.npy"),
    "another format": ("rdms.mat", raw(b"MATLAB 5.0"), "RDMs are read from .npz and .npy files"),
}


@pytest.mark.parametrize("mistake", FILES)
def test_a_damaged_array_file_is_explained(mistake: str, tmp_path: Path) -> None:
    name, make, words = FILES[mistake]
    make(tmp_path / name)
    path = study(
        tmp_path,
        f"""
        steps:
          rdms: {{use: load_rdms, with: {{file: {name}, conditions: [a, b, c], form: square}}}}
          mean: {{use: mean_rdm, from: {{rdms: rdms}}}}
          other: {{use: numbers}}
        """,
    )
    said = run(path)
    assert said.code == 1, said.text
    assert said.text.startswith("rdms: "), said.text
    assert f"{tmp_path / name}: " in said.text or mistake == "not symmetric"
    assert words in said.text
    assert "The same command tries the failed steps again" in said.text
    assert said.finished() == ["other"]
    assert not [item for item in (said.out / ".isocortex").iterdir() if item.name.startswith("new-")]
    states = {
        key: step["status"] for key, step in json.loads((said.out / "run.json").read_text())["steps"].items()
    }
    assert states == {"rdms": "failed", "mean": "skipped", "other": "done"}


TABLES = {
    "ragged": ("name\tkind\na\tx\nb\nc\tx\n", "row 3 has not as many cells as the header"),
    "no such column": ("label\tkind\na\tx\nb\tx\nc\tx\n", "no column is called 'name'"),
    "empty": ("", "empty, not even a header line"),
    "label twice": ("name\na\nb\na\n", "'a' occurs more than once"),
    "not text": (b"name\n\xff\xfe\n", "not a tab-separated text file"),
}


@pytest.mark.parametrize("mistake", TABLES)
def test_a_damaged_table_of_conditions_is_explained(mistake: str, tmp_path: Path) -> None:
    content, words = TABLES[mistake]
    np.savez(tmp_path / "rdms.npz", rdms=SQUARE)
    path = study(
        tmp_path,
        """
        steps:
          rdms: {use: load_rdms, with: {file: rdms.npz, conditions: names.tsv, column: name}}
        """,
        {"names.tsv": content},
    )
    said = run(path)
    assert (said.code, said.finished()) == (1, [])
    assert said.text.startswith(f"rdms: {tmp_path / 'names.tsv'}: "), said.text
    assert words in said.text


def test_labels_that_do_not_match_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "rdms.npz", rdms=SQUARE[0])
    path = study(
        tmp_path,
        """
        steps:
          brain: {use: load_rdms, with: {file: rdms.npz, conditions: [cat, dog, house], form: square}}
          model: {use: load_rdms, with: {file: rdms.npz, conditions: [cat, dog, horse], form: square}}
          fit: {use: compare_rdms, from: {rdms: brain, models: model}}
        """,
    )
    said = run(path)
    assert (said.code, said.finished()) == (1, ["brain", "model"])
    assert said.text.startswith("fit: ")
    assert "house" in said.text
    assert "horse" in said.text


MAPS = """
steps:
  left: {use: read_map, with: {file: left.nii}}
  right: {use: read_map, with: {file: right.nii}}
  sum: {use: add_maps, from: {left: left, right: right}}
"""


@pytest.mark.parametrize("mistake", ["shape", "affine"])
def test_grids_that_do_not_match_are_named(mistake: str, tmp_path: Path) -> None:
    other = np.ones((3, 4, 6 if mistake == "shape" else 5), np.float32)
    write_volume(tmp_path / "left.nii", np.ones((3, 4, 5), np.float32), np.diag([3.0, 3, 3, 1]))
    write_volume(tmp_path / "right.nii", other, np.diag([3.0, 3, 3 if mistake == "shape" else 2, 1]))
    said = run(study(tmp_path, MAPS))
    assert (said.code, said.finished()) == (1, ["left", "right"])
    assert said.text.startswith(
        "sum: the maps to add lie on different grids: 3 x 4 x 5 voxels of 3 x 3 x 3 mm"
    )
    assert ("3 x 4 x 6 voxels" if mistake == "shape" else "of 3 x 3 x 2 mm") in said.text
    assert "resample one of them first" in said.text


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_damaged_volume_is_explained(share: float, tmp_path: Path) -> None:
    for name in ("left.nii", "right.nii"):
        write_volume(tmp_path / name, np.ones((3, 4, 5), np.float32), np.eye(4))
    content = (tmp_path / "left.nii").read_bytes()
    (tmp_path / "left.nii").write_bytes(content[: int(len(content) * share)])
    said = run(study(tmp_path, MAPS))
    assert (said.code, said.finished()) == (1, ["right"])
    assert said.text.startswith(f"left: {tmp_path / 'left.nii'}: ")


FAILURES = {
    "bug": "ZeroDivisionError: division by zero (bench.py:",
    "type": "the step 'fail' announces Table as 'result' but returned int",
    "exit": "SystemExit: 0 (bench.py:",
    "memory": "not enough memory (cannot allocate 12 TiB)",
    "sentence": "no voxel is left; use a larger mask",
}


@pytest.mark.parametrize("how", FAILURES)
def test_a_step_that_fails_is_explained_and_the_others_run(how: str, tmp_path: Path) -> None:
    path = study(
        tmp_path,
        f"""
        axes: {{subject: [S1, S2]}}
        steps:
          a: {{use: numbers, over: subject}}
          bad: {{use: fail, from: a, over: subject, with: {{how: {how}}}}}
          after: {{use: join, from: {{tables: bad}}}}
          beside: {{use: join, from: {{tables: a}}}}
        """,
    )
    said = run(path)
    assert said.code == 1, said.text
    assert f"bad[subject=S1]: {FAILURES[how]}" in said.text
    assert f"bad[subject=S2]: {FAILURES[how]}" in said.text
    assert said.finished() == ["a/subject=S1", "a/subject=S2", "beside"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_explained_and_nothing_is_left_as_done(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = study(tmp_path, "steps:\n  a: {use: numbers}\n  b: {use: double, from: a}\n")
    write = arrays.write_json

    def full(file: Path, content: object) -> None:
        if file.name == "step.json":
            raise OSError(number, "No space left on device", str(file))
        write(file, content)

    with monkeypatch.context() as patch:
        patch.setattr("isocortex.pipeline.store.write_json", full)
        said = run(path)
    assert (said.code, said.finished()) == (1, [])
    assert (
        "a: the disk is full (No space left on device); make room and run the same command again" in said.text
    )
    said = run(path)
    assert (said.code, said.finished()) == (0, ["a", "b"]), said.text


@pytest.mark.parametrize("out", ["file", "file/below", "file/far/below"])
def test_an_output_folder_that_cannot_be_made_is_explained(out: str, tmp_path: Path) -> None:
    path = study(tmp_path, "steps:\n  a: {use: numbers}\n", {"file": "mine"})
    said = run(path, "--out", str(tmp_path / out))
    assert said.code == 2
    assert str(tmp_path / out) in said.text
    assert "cannot be written" in said.text
    assert "choose another folder with --out" in said.text
    assert (tmp_path / "file").read_text() == "mine"


def test_an_input_file_that_goes_away_before_the_run_is_explained(tmp_path: Path) -> None:
    import isocortex as ic
    from isocortex.api import execute

    path = study(tmp_path, "steps:\n  a: {use: read_text, with: {file: x.txt}}\n", {"x.txt": "x"})
    plan = ic.check(path)
    (tmp_path / "x.txt").unlink()
    event = execute(plan, tmp_path / "out", 1)
    assert list(event.failed) == ["a"]
    assert "x.txt" in event.failed["a"]
    assert not list((tmp_path / "out").rglob("step.json"))
