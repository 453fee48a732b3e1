"""``isocortex new plugin``: what it makes works at once, and it takes no name that would clash."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from isocortex.cli import main
from isocortex.errors import IsocortexError
from isocortex.plugins import template
from isocortex.plugins.template import make_plugin


@pytest.mark.slow
def test_what_it_makes_passes_its_tests(new_environment: Callable[[str], Any], tmp_path: Path) -> None:
    made = CliRunner().invoke(main, ["new", "plugin", "gaze-tools", "--into", str(tmp_path / "new")])
    assert made.exit_code == 0, made.output
    folder = tmp_path / "new" / "gaze-tools"
    assert str(folder) in made.output
    environment = new_environment("template")
    environment.install(folder)
    done = environment.run("-m", "pytest", "-q", "-p", "no:cacheprovider", folder)
    assert done.returncode == 0, done.stdout
    assert "gaze-tools: loaded (gaze-tools 0.1.0)" in environment.isocortex("plugins").stdout


def test_what_it_makes_is_clean(tmp_path: Path) -> None:
    folder = make_plugin("gaze", tmp_path)
    for arguments in (["check"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *arguments, "--no-cache", "."]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    for file in (file for file in folder.rglob("*") if file.is_file()):
        assert "my-plugin" not in file.read_text() and "my_plugin" not in file.read_text(), file
        assert "my_plugin" not in file.name
    assert (folder / "src" / "gaze" / "plugin.py").is_file()


@pytest.mark.parametrize(
    "name", ["", "Gaze", "2d", "a b", "../up", "a/b", "-a", "a-", "a--b", "über", "class"]
)
def test_names_that_are_none(name: str, tmp_path: Path) -> None:
    with pytest.raises(IsocortexError, match="cannot name a plugin"):
        make_plugin(name, tmp_path / "inside")
    assert not list(tmp_path.iterdir())


def test_a_name_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(IsocortexError, match="such as 'gaze-tools'"):
        make_plugin("Gaze_Tools", tmp_path)


@pytest.mark.parametrize("name", ["json", "numpy", "isocortex", "isocortex-rsa"])
def test_names_of_modules_are_taken(name: str, tmp_path: Path) -> None:
    with pytest.raises(IsocortexError, match="there already is a Python module"):
        make_plugin(name, tmp_path)


def test_names_of_plugins_are_taken(tmp_path: Path) -> None:
    with pytest.raises(IsocortexError, match="isocortex already has a plugin 'rsa'"):
        make_plugin("rsa", tmp_path)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "gaze").mkdir()
    with pytest.raises(IsocortexError, match="exists already"):
        make_plugin("gaze", tmp_path)
    assert not list((tmp_path / "gaze").iterdir())


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IsocortexError, match="cannot be made"):
        make_plugin("gaze", tmp_path / "file")


def test_what_is_lying_about_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clean = {path.relative_to(tmp_path) for path in make_plugin("gaze", tmp_path).rglob("*")}
    model = tmp_path / "model"
    shutil.copytree(template._MODEL, model)
    for file in (
        ".ruff_cache/x.bin",
        "src/my_plugin/__pycache__/metric.pyc",
        "build/lib/my_plugin/metric.py",
    ):
        (model / file).parent.mkdir(parents=True, exist_ok=True)
        (model / file).write_bytes(b"\x89")
    monkeypatch.setattr(template, "_MODEL", model)
    again = make_plugin("gaze", tmp_path / "again")
    assert {path.relative_to(tmp_path / "again") for path in again.rglob("*")} == clean
