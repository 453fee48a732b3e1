"""Follows a page of docs as a reader would: writes its files, runs its commands, compares the output."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner

from isocortex.cli import main

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(
    r"(?:<!-- (file|run|output|shown)(?:: (\S+))? -->\n)?^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE
)
TOLERANCE = 0.02
"""Printed numbers may differ by this much: by the processor and the version of a library."""


@dataclass
class Reader:
    """Reads one page in a folder of its own; ``printed`` holds what the last block of commands printed.

    ``run: torch`` marks commands for which torch has to be installed; where it is not they are ``skipped``.
    """

    folder: Path
    printed: str = ""
    files: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    path: list[str] = field(default_factory=list)

    def follow(self, page: str) -> None:
        """Do what every marked block of the page says, in order; a block without a mark is an error."""
        text = (DOCS / page).read_text(encoding="utf-8")
        blocks = BLOCK.findall(text)
        assert len(blocks) == len(re.findall(r"^```\w*$", text, flags=re.MULTILINE)) / 2
        for what, name, _, body in blocks:
            if what == "file":
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / name).write_text(body, encoding="utf-8")
                self.files.append(name)
            elif what in ("run", "output") and name and importlib.util.find_spec(name) is None:
                self.skipped.append(name)
            elif what == "run":
                self.printed = "".join(self.command(line) for line in body.splitlines() if line.strip())
            elif what == "output":
                same(self.printed, body)
            elif what != "shown":  # which differs each time, such as seconds
                raise AssertionError(f"{page}: nothing says what this block is:\n{body}")

    def command(self, line: str) -> str:
        """Carry out one command line and give what it prints."""
        program, *arguments = shlex.split(line, comments=True)
        if program == "isocortex":
            done = CliRunner().invoke(main, arguments)
            assert done.exit_code == 0, f"{line}\n{done.output}"
            return done.stdout
        if program in ("rm", "pip", "pytest"):
            return getattr(self, program)(*arguments)
        assert program == "python" and len(arguments) == 1, f"no such command here: {line}"
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            runpy.run_path(str(self.folder / arguments[0]), run_name="__main__")
        return printed.getvalue()

    def rm(self, *files: str) -> str:
        """Remove files."""
        for file in files:
            (self.folder / file).unlink()
        return ""

    def pip(self, *arguments: str) -> str:
        """Install a plugin package as ``pip install -e`` does: its folder and entry points on the path."""
        *how, name = arguments
        assert how == ["install", "-e"]
        project = tomllib.loads((self.folder / name / "pyproject.toml").read_text())["project"]
        info = self.folder / "site" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        )
        points = project["entry-points"]["isocortex"].items()
        (info / "entry_points.txt").write_text("[isocortex]\n" + "".join(f"{k} = {v}\n" for k, v in points))
        self.path += [str(self.folder / name / "src"), str(self.folder / "site")]
        sys.path[:0] = self.path
        return ""

    def pytest(self, *arguments: str) -> str:
        """Run tests in a process of their own."""
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        variables = {**os.environ, "PYTHONPATH": os.pathsep.join(self.path)}
        done = subprocess.run(
            command, env=variables, cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def same(printed: str, expected: str) -> None:
    """Compare what was printed with what the page shows, word by word; numbers to two digits or so."""
    found, wanted = printed.split(), expected.split()
    assert len(found) == len(wanted), f"printed:\n{printed}\nthe page shows:\n{expected}"
    for one, other in zip(found, wanted, strict=True):
        try:
            close = abs(float(one) - float(other)) <= TOLERANCE
        except ValueError:
            close = one == other
        assert close, f"{one!r} instead of {other!r}; printed:\n{printed}"


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Reader]]:
    """Follow a page; modules that it made are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def follow(page: str) -> Reader:
        reading = Reader(tmp_path)
        reading.follow(page)
        return reading

    yield follow
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]
