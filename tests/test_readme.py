"""The examples in the README and the docs run as they stand."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from click.testing import CliRunner

import isocortex as ic
from isocortex.cli import main

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"<!-- run: (\S+) -->\n```\w+\n(.*?)```", README, flags=re.DOTALL))


def test_every_block_of_code_is_run() -> None:
    blocks = re.findall(r"^```(yaml|python)$", README, flags=re.MULTILINE)
    assert len(blocks) == len(BLOCKS) == 4


def test_yaml_and_the_plugin_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("digits.yaml").write_text(BLOCKS["readme.yaml"])
    done = CliRunner().invoke(main, ["run", "digits.yaml"])
    assert done.exit_code == 0, done.output
    assert Path("runs/digits/report.html").is_file()
    Path("taxi.py").write_text(BLOCKS["taxi.py"])
    Path("digits.yaml").write_text(BLOCKS["readme.yaml"] + "plugins: [taxi.py]\n")
    done = CliRunner().invoke(main, ["run", "digits.yaml", "--set", "metric=taxi"])
    assert done.exit_code == 0, done.output
    assert ic.run("digits.yaml", set={"metric": "taxi"})["rdms"]["S1"].metric == "taxi"


def test_searchlight(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "example.py").write_text(BLOCKS["searchlight.py"])
    runpy.run_path(str(tmp_path / "example.py"))
    assert capsys.readouterr().out.startswith("123 (2, 8000)")


def test_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("example.py").write_text(BLOCKS["readme.py"])
    runpy.run_path("example.py")
    assert "similarity" in capsys.readouterr().out


def test_the_commands_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


def test_links_and_pictures_are_there() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert target.startswith("http") or (page.parent / target).is_file(), f"{page.name}: {target}"


def test_the_example_in_the_docs_has_the_form_of_a_pipeline() -> None:
    from isocortex.pipeline.document import Document
    from isocortex.pipeline.yaml_text import parse_yaml

    text = (ROOT / "docs" / "pipelines.md").read_text(encoding="utf-8")
    example = parse_yaml(re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)[0]).value
    assert set(example) == {info.alias or name for name, info in Document.model_fields.items()}
    Document.model_validate(example)
