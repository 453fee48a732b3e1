"""The tutorials run as they stand (slow: about 20 s each); their files are checked in every suite."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import isocortex as ic
from isocortex.pipeline.document import Document
from isocortex.pipeline.yaml_text import parse_yaml

DOCS = Path(__file__).parents[2] / "docs"
TUTORIALS = sorted(DOCS.glob("tutorial-*.md"))
FILE = re.compile(r"<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)

follow = pytest.mark.slow
keras_warns = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
"""Keras warns of its own use of numpy when it trains."""


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_files_have_the_form_that_they_should(page: Path) -> None:
    files = FILE.findall(page.read_text(encoding="utf-8"))
    own = {name for _, body in files for name in re.findall(r'register\("([\w-]+)"', body)}
    steps = own | set(ic.plugin_manager().names("step"))
    for name, body in files:
        if name.endswith(".py"):
            ast.parse(body, name)
        elif name.endswith(".yaml"):
            document = Document.model_validate(parse_yaml(body).value)
            assert {step.use for step in document.steps.values()} <= steps, name


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_the_page_shows_what_comes_out(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "](pictures/" in text and "<!-- output -->" in text


@follow
def test_own_metric(reader: Callable[[str], Any]) -> None:
    folder = reader("tutorial-own-metric.md").folder
    assert (folder / "runs/compare/bars/figure.png").is_file()
    assert (folder / "runs/compare/report.html").is_file()


@follow
@keras_warns
def test_own_model(reader: Callable[[str], Any]) -> None:
    read = reader("tutorial-own-model.md")
    tests = ic.Table.load(read.folder / "runs/layers/tests/tests")
    assert set(tests["n"].tolist()) == {6}
    assert read.skipped in ([], ["torch", "torch", "torch"])


@follow
@keras_warns
def test_own_model_in_pytorch(reader: Callable[[str], Any]) -> None:
    pytest.importorskip(
        "torch", reason="PyTorch is not among the packages of the tests; the page's part is run with it"
    )
    read = reader("tutorial-own-model.md")
    assert (read.folder / "runs/layers-torch/bars/figure.png").is_file()


@follow
def test_own_fmri(reader: Callable[[str], Any]) -> None:
    folder = reader("tutorial-own-fmri.md").folder
    assert (folder / "runs/mystudy/picture/figure.png").is_file()
    tests = ic.Table.load(folder / "runs/mystudy/tests/tests")
    assert tests["significant"].tolist() == [True]


@follow
def test_own_study(reader: Callable[[str], Any]) -> None:
    folder = reader("tutorial-own-study.md").folder
    assert (folder / "results/picture/figure.png").is_file()
    assert "ratings-study" in {info.name for info in ic.plugin_manager().infos}
