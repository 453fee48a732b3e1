"""Files of the user's own in the output folder are never lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from small_study import write_study

import isocortex as ic
from isocortex.cli import main


def test_a_folder_of_the_users_own_is_refused(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study")
    own = tmp_path / "out" / "raw" / "notes" / "data.txt"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    done = CliRunner().invoke(main, ["run", str(study), "--out", str(tmp_path / "out")])
    assert (
        done.exit_code == 2 and "no result of isocortex (data.txt)" in done.output and "--out" in done.output
    )
    assert own.read_text() == "mine"
    own.rename(tmp_path / "data.txt")
    ic.run(study, tmp_path / "out")


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
