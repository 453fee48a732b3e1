"""The page of a run: what comes from data stays text, and it can be written again from anywhere."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from tiny import run_record, write_tiny

import isocortex as ic
from isocortex.cli import main
from isocortex.errors import DataError, IsocortexError, StepFailed
from isocortex.formats.arrays import write_json
from isocortex.pipeline.digests import digest_file, digest_json
from isocortex.pipeline.seal import sealed
from isocortex.report.again import report_again
from isocortex.report.page import SCRIPTS, read_asset

EVIL = "<script>alert(1)</script><img src=x onerror=y>\"'&"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
STEPS = f'''
EVIL = {EVIL!r}
import base64

def evil() -> ic.Figure:
    """A hostile one."""
    warnings.warn(EVIL)
    table = ic.Table({{EVIL: [EVIL]}})
    return ic.Figure(base64.b64decode("{PIXEL}"), EVIL, table, EVIL)

def fails() -> ic.Table:
    """Says hostile things."""
    raise ValueError(EVIL)

def long(rows: int, file: ic.InputFile) -> ic.Table:
    """Many rows."""
    return ic.Table({{"number": np.arange(rows), "text": [file.read_text()] * rows}})
'''


class Tags(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.scripts[-1] += data
        else:
            self.text += data


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    path = write_tiny(
        tmp_path,
        STEPS,
        f"""
description: {json.dumps(EVIL)}
axes: {{subject: [{json.dumps(EVIL)}]}}
steps:
  evil: {{use: evil, over: subject}}
  fails: {{use: fails}}
""",
    )
    with pytest.raises(StepFailed):
        ic.run(path, tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    tags = Tags(page)
    own = [read_asset(name) for name in SCRIPTS]
    assert tags.scripts == own, "a script that is none of the page's own"
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in own]
    (policy,) = [
        value or "" for name, value in tags.attributes if name == "content" and "default" in str(value)
    ]
    admitted = " ".join(f"'sha256-{text}'" for text in hashes)
    assert f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {admitted};" in policy
    assert tags.tags.count("img") == 1
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert ("alt", EVIL) in tags.attributes
    assert tags.text.count(EVIL) >= 6, "description, title, caption, warning, error, column and cell"
    (source,) = [value for name, value in tags.attributes if name == "src"]
    assert source == f"data:image/png;base64,{PIXEL}"
    assert html.escape(EVIL, quote=False).partition("&quot;")[0][:20] in page


def test_odd_characters_do_not_cost_the_page(tmp_path: Path) -> None:
    path = write_tiny(
        tmp_path,
        '''
def odd() -> ic.Table:
    """Fails with the name of a file in another encoding."""
    raise OSError(f"cannot read {os.fsdecode(bytes([0x63, 0xe9]))}")
''',
        "steps: {odd: {use: odd}}\n",
    )
    with pytest.raises(StepFailed):
        ic.run(path, tmp_path / "out")
    assert "cannot read c\\udce9" in (tmp_path / "out" / "report.html").read_text()
    assert "cannot read c" in run_record(tmp_path / "out")["steps"]["odd"]["error"]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A pipeline with a path relative to the YAML, and another parameter."""
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "file.txt").write_text("beside the pipeline")
    (tmp_path / "cwd").mkdir()
    (tmp_path / "cwd" / "given.txt").write_text("given on the command line")
    return write_tiny(
        tmp_path / "study",
        STEPS,
        """
parameters: {rows: 3, file: file.txt, other: file.txt}
presets: {large: {rows: 250}}
steps:
  long: {use: long, with: {rows: $rows, file: $file}}
  short: {use: long, with: {rows: 1, file: $other}}
""",
    )


def test_the_page_again_from_another_folder(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path / "cwd")
    runner = CliRunner()
    result = runner.invoke(
        main, ["run", "../study/tiny.yaml", "--out", "out", "--set", "file=given.txt", "--preset", "large"]
    )
    assert result.exit_code == 0, result.stderr
    out = tmp_path / "cwd" / "out"
    page = (out / "report.html").read_text()
    assert "given on the command line" in page and "beside the pipeline" in page
    assert "and 50 more rows in the file" in page
    monkeypatch.chdir("/")
    (out / "report.html").unlink()
    result = runner.invoke(main, ["report", str(out)])
    assert result.exit_code == 0, result.stderr
    assert (out / "report.html").read_text() == page
    shutil.move(out, tmp_path / "moved")
    assert report_again(tmp_path / "moved").read_text() == page
    monkeypatch.chdir(tmp_path / "moved")
    assert report_again(Path()).read_text() == page


def test_a_page_again_shows_no_more_than_the_run_did(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ic.run(study, out)
    source = study.with_name("steps.py")
    source.write_text(source.read_text().replace('Many rows."""', 'Now it fails."""\n    raise ValueError'))
    with pytest.raises(StepFailed):
        ic.run(study, out)
    page = (out / "report.html").read_text()
    assert "beside the pipeline" not in page
    assert report_again(out).read_text() == page


def test_the_page_of_a_killed_run_shows_what_is_there(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ic.run(study, out)
    record = run_record(out)
    (out / "run.json").write_text(json.dumps({**record, "status": "running", "steps": {}}))
    shutil.rmtree(out / "short")
    page = report_again(out).read_text()
    assert "1 of 1" in page and "0 of 1" in page


class Plugin:
    """A plugin object."""

    @ic.hookimpl
    def register_steps(self, register: object) -> None:
        register("made", made)  # type: ignore[operator]


def made() -> ic.Table:
    """Makes one."""
    return ic.Table({"x": [1]})


def test_a_page_that_cannot_be_written_again_says_why(tmp_path: Path, study: Path) -> None:
    with pytest.raises(IsocortexError, match=r"there is no run record; is .* the output folder of a run"):
        report_again(tmp_path)
    path = tmp_path / "p.yaml"
    path.write_text("name: p\nsteps:\n  one: {use: made}\n")
    ic.run(path, tmp_path / "out", plugins=[Plugin()])
    with pytest.raises(IsocortexError, match=r"the plugin object Plugin, .* call isocortex.run as then"):
        report_again(tmp_path / "out")
    for content in ("{", "[]", "{}"):
        (tmp_path / "out" / "run.json").write_text(content)
        with pytest.raises(DataError, match=r"run.json"):
            report_again(tmp_path / "out")
    ic.run(study, tmp_path / "out2")
    study.unlink()
    with pytest.raises(IsocortexError, match=r"tiny.yaml: there is no such file"):
        report_again(tmp_path / "out2")


def test_one_result_that_cannot_be_read_does_not_cost_the_page(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    class Damage:
        @ic.hookimpl
        def step_finished(self, step: object) -> None:
            file = out / "short" / "table.json"
            if file.exists():
                file.write_text("x")
                record = json.loads((out / "short" / "step.json").read_text())
                part = record["outputs"]["result"]  # as if it had been written so
                part["files"]["table.json"] = {"size": 1, "sha256": digest_file(file)}
                part["digest"] = digest_json({name: about["sha256"] for name, about in part["files"].items()})
                del record["digest"]
                write_json(out / "short" / "step.json", sealed(record))

    ic.run(study, out, plugins=[Damage()])
    page = (out / "report.html").read_text()
    assert "cannot be shown: DamagedFile" in page
    assert "3 rows: number, text" in page


def test_the_picture_is_in_the_page() -> None:
    assert base64.b64decode(PIXEL).startswith(b"\x89PNG")
