"""Running a pipeline that has mistakes, and comparing what is said with what its comments expect.

In the pipelines of these tests a comment ``#! path | words | more words`` ends each line that is wrong: the
message has to name this line and path, and to hold these words.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from click.testing import CliRunner

from isocortex.cli import main

BENCH = Path(__file__).with_name("mistake_bench.py")
HEADER = "name: study\nplugins: [bench.py]\n"
_EXPECTATION = re.compile(r"#! *(.*?) *$")

Expected = tuple[int | None, str, tuple[str, ...]]
"""Line, path and words of one problem."""


@dataclass(frozen=True)
class Said:
    """What a command said, and what it left behind."""

    code: int
    text: str
    out: Path

    def finished(self) -> list[str]:
        """Results that count as done."""
        return sorted(path.parent.relative_to(self.out).as_posix() for path in self.out.rglob("step.json"))


def study(folder: Path, text: str, files: Mapping[str, str | bytes] | None = None) -> Path:
    """Write a pipeline, the plugin of these tests, and further files; give the pipeline."""
    shutil.copyfile(BENCH, folder / "bench.py")
    for name, content in (files or {}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    text = dedent(text).lstrip("\n")
    path = folder / "study.yaml"
    path.write_text(text if re.search(r"^name:", text, re.MULTILINE) else HEADER + text, encoding="utf-8")
    return path


def run(path: Path, *arguments: str) -> Said:
    """Run a pipeline from the command line, in this process."""
    out = path.parent / "out"
    result = CliRunner().invoke(main, ["run", str(path), "--out", str(out), "--quiet", *arguments])
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert "Traceback" not in result.output
    assert "not foreseen" not in result.output, result.output
    return Said(result.exit_code, result.output, out)


def expected_in(path: Path) -> list[Expected]:
    """Read from its comments what is wrong in a pipeline."""
    found: list[Expected] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        match = _EXPECTATION.search(line)
        if match:
            place, *words = (part.strip() for part in match[1].split("|"))
            found.append((number, place, tuple(words)))
    assert found, "this test expects nothing"
    return found


def require_problems(said: Said, path: Path, expected: Sequence[Expected]) -> None:
    """Check that a request was refused with these problems, in this order and no others, and nothing ran."""
    assert said.code == 2, said.text
    first, *lines = said.text.rstrip("\n").split("\n  ")
    number = len(expected)
    assert first == f"The pipeline cannot run: {number} problem{'s' * (number > 1)}.", said.text
    for line, (row, place, words) in zip(lines, expected, strict=True):
        where = str(path) + (f":{row}" if row is not None else "")
        assert line.startswith(f"{where}: {place}: " if place else f"{where}: "), (line, row, place)
        for word in words:
            assert word in line, (word, line)
    assert not said.out.exists(), "something was written before the pipeline was checked"


def explained(
    folder: Path, text: str, *arguments: str, files: Mapping[str, str | bytes] | None = None
) -> None:
    """Run a pipeline with mistakes and check what its comments expect."""
    path = study(folder, text, files)
    require_problems(run(path, *arguments), path, expected_in(path))
