"""The page of a run: what stands in labels, names, captions, cells and settings is shown, and no more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import write_tiny

import isocortex as ic

STEPS = '''
from isocortex.data import Images, RDMs, Space, StatMaps, Table

SPACE = Space(np.ones((2, 2, 2), dtype=bool), np.eye(4))
PIXEL = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c"
                      "63f8ffff3f0005fe02fe0def46b80000000049454e44ae426082")

def table(text: str, where: str) -> Table:
    """A table of texts."""
    warnings.warn(text)
    return Table({text: [text, "b"], "severity": ["warning", "ok"], "finding": [text, "fine"]})

def rdms(text: str) -> RDMs:
    """RDMs with a name and a condition of that text."""
    return RDMs(np.arange(6.0).reshape(2, 3), [text, "b_", "c_"], [text, "b_"], text)

def maps(text: str) -> StatMaps:
    """Maps with a name of that text."""
    return StatMaps(np.arange(16.0).reshape(2, 8), [text, "b_"], SPACE, text)

def images(text: str) -> Images:
    """Pictures with a label of that text."""
    return Images(np.zeros((2, 2, 2, 3), dtype=np.uint8), [text, "b_"], [text, "b_"])

def figure(text: str) -> ic.Figure:
    """A figure with a caption of that text."""
    return ic.Figure(PIXEL, text, Table({text: [1.0]}), text)
'''
PIPELINE = """
parameters: {text: plain}
axes: {where: [here, there]}
steps:
  table: {use: table, with: {text: $text, where: x}, over: where}
  rdms: {use: rdms, with: {text: $text}}
  maps: {use: maps, with: {text: $text}}
  images: {use: images, with: {text: $text}}
  figure: {use: figure, with: {text: $text}}
report: [table, rdms, maps, images, figure]
"""
HOSTILE = (
    "</script><script>alert(1)</script>", "<!--", "--><img src=x onerror=alert(1)>", "' autofocus '",
    "\" onmouseover=alert(1) x=\"", "javascript:alert(1)", "{{ 7 * 7 }}{% raw %}", "${alert(1)}`",
    "</style><style>*{display:none}</style>", "&lt;b&gt;&amp;#x3c;", "]]><![CDATA[", "<svg/onload=alert(1)>",
    "\u202egnp.exe\u2066", "</textarea></title></svg></td></select>", "\u2028\u2029", "a\tb\r\nc",
    "=HYPERLINK(\"http://x\")", "<base href=//x>", "\ufeff\u200b", "<math><mtext></form><form>",
    "%3Cscript%3E",
)  # fmt: skip


LENGTH = 600
"""Of each text, since the page treats long ones in another way than short ones."""
HARMLESS = "harmless".ljust(LENGTH, ".")


class Page(HTMLParser):
    """Tags with the names of their attributes, the values, the text, and the contents of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.values: list[str] = []
        self.targets: list[str] = []
        self.text, self.scripts = "", list[str]()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.values += [value or "" for _, value in attrs]
        self.targets += [value or "" for name, value in attrs if name in ("href", "src", "action", "style")]
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.scripts[-1] += data
        else:
            self.text += data

    @property
    def data(self) -> Iterator[Any]:
        """What the scripts that hold JSON hold."""
        for (_, names), script in zip(
            [tag for tag in self.tags if tag[0] == "script"], self.scripts, strict=True
        ):
            if "type" in names:
                yield json.loads(script)


def strings(value: Any) -> Iterator[str]:
    """All texts in JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def page_of(path: Path, out: Path, text: str) -> Page:
    """Run the pipeline with a text everywhere and read its page."""
    ic.run(path, out, set={"text": text})
    return Page((out / "report.html").read_bytes().decode("utf-8"))


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline that shows one text in every place there is."""
    return write_tiny(tmp_path_factory.mktemp("hostile"), STEPS, PIPELINE)


@pytest.fixture(scope="module")
def plain(pipeline: Path) -> Page:
    """Its page with a harmless text."""
    return page_of(pipeline, pipeline.parent / "plain", HARMLESS)


def check(page: Page, plain: Page, text: str) -> None:
    """The page has the elements, attributes and scripts of the harmless one, and the text in their places."""
    assert page.tags == plain.tags, "an element or attribute has come out of the data"
    assert [one for one in page.scripts if "iso." in one] == [one for one in plain.scripts if "iso." in one]
    told = [sum(one in value for value in found.values) for one, found in ((text, page), (HARMLESS, plain))]
    assert told[0] == told[1] >= 2, "alternative texts and titles"
    kept, mine = list(plain.data), list(page.data)
    assert sum(text in one for one in strings(mine)) == sum(HARMLESS in one for one in strings(kept)) > 5
    shown, expected = (" ".join(found.text.split()) for found in (page, plain))
    times = expected.count(HARMLESS)
    assert shown.count(" ".join(text.split())) >= times - 1 > 20, "all but the command, where it is quoted"
    assert all(
        re.match(r"(#|data:image/png;base64,|data:text/|[\w%.=/-]+$|max-width: )", one)
        for one in page.targets
    )


def test_hostile_texts_are_shown_and_are_nothing_else(pipeline: Path, plain: Page) -> None:
    text = ("harm" + "".join(HOSTILE)).ljust(LENGTH, ".")
    assert len(text) == LENGTH
    check(page_of(pipeline, pipeline.parent / "out", text), plain, text)


@settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=4,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(st.sampled_from(HOSTILE) | st.text("<>&\"'/=!-x \u202e{}%`", max_size=9), min_size=1, max_size=5)
)
def test_any_mixture_of_them_too(pipeline: Path, plain: Page, parts: list[str]) -> None:
    text = f"q-{''.join(parts)}".ljust(LENGTH, ".")
    check(page_of(pipeline, pipeline.parent / "out", text), plain, text)
