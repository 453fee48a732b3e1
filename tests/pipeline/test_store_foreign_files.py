"""Files of the user's own in the output folder are never lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from small_study import write_study
from tiny import write_tiny

import isocortex as ic
from isocortex.cli import main


def test_a_folder_of_the_users_own_is_refused(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study")
    own = tmp_path / "out" / "raw" / "notes" / "data.txt"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    done = CliRunner().invoke(main, ["run", str(study), "--out", str(tmp_path / "out")])
    assert done.exit_code == 2 and "--out" in done.output
    assert "no result of isocortex (raw/notes/data.txt)" in done.output
    assert own.read_text() == "mine"
    own.rename(tmp_path / "data.txt")
    ic.run(study, tmp_path / "out")


@pytest.mark.parametrize("name", ["notes.txt", "mine/step.txt", ".DS_Store", "mine/.ipynb_checkpoints/x"])
def test_files_beside_a_result_are_refused_unless_a_program_left_them(tmp_path: Path, name: str) -> None:
    path, out = write_tiny(tmp_path / "s", TABLES, AXES), tmp_path / "out"
    ic.run(path, out)
    assert len(ic.run(path, out).reused) == 5, "nested results and several outputs are in their records"
    own = out / "pair" / "subject=S2" / name
    own.parent.mkdir(exist_ok=True, parents=True)
    own.write_text("mine")
    if name.rpartition("/")[2] in (".DS_Store", "x"):
        ic.run(path, out, set={"n": 2})
        return
    with pytest.raises(ic.IsocortexError, match=rf"no result of isocortex \(pair/subject=S2/{name}\)"):
        ic.run(path, out, set={"n": 2})
    assert own.read_text() == "mine"


TABLES = '''
from typing import NamedTuple

class _Pair(NamedTuple):
    a: ic.Table
    b: ic.Table

def pair(axes: ic.AxisValues, n: int = 1) -> _Pair:
    """Twice the same."""
    return _Pair(ic.Table({"x": [n]}), ic.Table({"x": [n]}))

def inner(table: ic.Table, axes: ic.AxisValues) -> ic.Table:
    """Follows."""
    return table
'''
AXES = """
parameters: {n: 1}
axes: {subject: [S1, S2], roi: [V1]}
steps:
  pair: {use: pair, over: subject, with: {n: $n}}
  inner: {use: inner, over: [subject, roi], from: pair.a}
  whole: {use: pair}
"""


@pytest.mark.parametrize("damage", ["step.json", "timing.json", "both"])
def test_a_damaged_record_does_not_make_a_result_somebody_elses(tmp_path: Path, damage: str) -> None:
    path, out = write_tiny(tmp_path / "s", TABLES, AXES), tmp_path / "out"
    ic.run(path, out)
    for name in ("step.json", "timing.json") if damage == "both" else (damage,):
        (out / "pair" / "subject=S2" / name).write_text("{")
    run = ic.run(path, out)
    assert set(run.event.instances) - set(run.reused) <= {"pair[subject=S2]"}


def test_a_result_whose_record_was_removed_is_computed_again(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study")
    ic.run(study, tmp_path / "out")
    (tmp_path / "out" / "weights" / "step.json").unlink()
    run = ic.run(study, tmp_path / "out")
    assert set(run.event.instances) - set(run.reused) == {"weights"}


def test_other_folders_do_not_matter(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "readme.txt").write_text("mine")
    ic.run(study, tmp_path / "out")
    assert (tmp_path / "out" / "readme.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["raw", "table"])
def test_a_file_in_the_place_of_a_step_is_refused(tmp_path: Path, name: str) -> None:
    study = write_study(tmp_path / "study")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    with pytest.raises(ic.IsocortexError, match="no result of isocortex"):
        ic.run(study, tmp_path / "out")
