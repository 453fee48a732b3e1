"""A few mistakes through a real process: what the shell sees, and limits that only a process has."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mistake_kit import study


def command(*arguments: str, limit: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``isocortex`` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "isocortex.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (
            "steps:\n  a: {use: numbrs}\n",
            4,
            "steps.a.use: there is no step 'numbrs'; did you mean 'numbers'?",
        ),
        ("steps:\n\ta: {use: numbers}\n", 4, "not valid YAML: a tab; YAML is indented by spaces"),
        ("steps:\n  a: {use: double, from: a}\n", 4, "steps.a.from: the steps wait for each other"),
    ],
)
def test_the_shell_sees_the_sentence_and_exit_code_2(
    text: str, line: int, words: str, tmp_path: Path
) -> None:
    path = study(tmp_path, text)
    done = command("run", str(path), "--out", str(tmp_path / "out"))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{path}:{line}: {words}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    path = study(tmp_path, "steps:\n  a: {use: numbrs}\n")
    done = command("--debug", "run", str(path))
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "PipelineError" in done.stderr


def test_a_file_that_grows_too_large_is_explained_and_not_left_as_done(tmp_path: Path) -> None:
    path = study(tmp_path, "steps:\n  a: {use: numbers, with: {count: 300000}}\n  b: {use: numbers}\n")
    size = 2**20
    done = command(
        "run",
        str(path),
        "--out",
        str(tmp_path / "out"),
        "--quiet",
        limit=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )
    assert done.returncode == 1, done.stderr
    assert "a: " in done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert [item.parent.name for item in (tmp_path / "out").rglob("step.json")] == ["b"]
